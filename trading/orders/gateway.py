"""The way out: an intent becomes one POST to Tradovate, never two, and the answer becomes the intent's state.

What each failure proves is sorted by trading.tradovate.errors:

    accepted    Tradovate gave an id: of an order, a command or a strategy
    rejected    Tradovate refused, and says why
    unknown     it was sent and no usable answer came: nobody sends it again
    created     it certainly had no effect (CannotSend is raised): a line of an order file waits
    cancelled   the same for everything else: a click must never go out later by itself
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import time
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, as_completed, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, NoReturn, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.utils import timezone

from accounts import renewal
from accounts.models import Connection
from trading.models import Account, Contract, OrderIntent
from trading.orders import contracts, intents, let_through, refused, reports, turns, warm
from trading.orders.checks import WATCHING_ONLY
from trading.orders.drafts import draft
from trading.orders.messages import AnyMessage, message_of
from trading.orders.prices import PriceTerms
from trading.orders.reasons import SIGN_IN, of_error
from trading.orders.spec import InvalidSpec
from trading.orders.states import UNANSWERED, Kind, State
from trading.orders.ways_out import may_close
from trading.orders.wire import Reply, entry_of, send
from trading.orders.wishes import Wish
from trading.tradovate import Priority
from trading.tradovate.errors import (
    ApiError,
    BudgetSpent,
    NotAuthorized,
    NotFound,
    NotSent,
    OrderRejected,
    PenaltyImposed,
    RateLimited,
    TradovateError,
)

T = TypeVar("T")

logger = logging.getLogger(__name__)

# An order that was held up for longer than this before it could be sent is not sent: somebody may have given it up.
LATEST: Final = dt.timedelta(seconds=20)
_REFUSED: Final = (OrderRejected, ApiError, NotFound)
_NO_EFFECT: Final = (NotSent, NotAuthorized, RateLimited, PenaltyImposed)
# Cancellations and closings always go, whatever is used of the hour.
_PRIORITIES: Final = dict.fromkeys((Kind.ORDER, Kind.OCO, Kind.OSO, Kind.BRACKET), Priority.ENTRY) | {
    Kind.MODIFY: Priority.MODIFY,
    Kind.CANCEL: Priority.CANCEL,
    Kind.LIQUIDATE: Priority.EXIT,
}
_UNKNOWN: Final = "No usable answer came. Tradovate may have the order: it will not be sent again."


class CannotSend(Exception):
    """Nothing was sent and the intent still waits; the text says why, to the trader."""


class SignInNeeded(CannotSend):
    """Tradovate does not accept the trader's access any more: only signing in again helps."""


@dataclass(frozen=True)
class _Claimed:
    """An intent that is to be sent now, and what goes out for it."""

    intent: OrderIntent
    message: AnyMessage
    permit: warm.Permit
    attempt: int

    @property
    def connection(self) -> Connection:
        return self.intent.connection

    @property
    def priority(self) -> Priority:
        return _PRIORITIES[Kind(self.intent.kind)]


def submit(intent_id: int, claim: Callable[[int], int] = intents.claim) -> State:
    """Send one intent if `claim` takes it (created -> submitting, committed) and names the attempt; return its state
    afterwards.

    An intent that was claimed before is left as it is: its present state is returned. For threads without a running
    event loop, outside a transaction. Raises CannotSend or SignInNeeded: nothing was sent, and the intent waits as
    before (a file's line) or is cancelled with the reason.
    """
    claimed = _prepare(intent_id, claim)
    if claimed is not None:
        _settle(claimed, _post(claimed, claimed.priority))
    return State(OrderIntent.objects.values_list("state", flat=True).get(pk=intent_id))


def submit_new(
    account: Account,
    wish: Wish,
    source_key: str,
    *,
    received_at: dt.datetime | None = None,
    checked_at: dt.datetime | None = None,
    gate: turns.Gate | None = None,
) -> OrderIntent:
    """Make an intent for an account (its connection loaded) and send it, claimed in the commit that makes it; the
    intent, as the database has it if it is accepted (others may have moved it).

    An intent that the key has already is sent if it still waits. What cannot be sent is put aside and says why.
    Raises intents.SourceKeyReused, turns.Refused.
    """
    _refuse_transactions()
    made = draft(account, wish, source_key)
    try:
        message = _message(made.intent)
        permit = warm.Permit(_fresh_token(account.connection), timezone.now() + LATEST)
        times = {"received_at": received_at, "checked_at": checked_at}
        intent, attempt = intents.insert(made, **times, claimed=True, gate=gate)
    except (CannotSend, InvalidSpec, intents.Forbidden) as trouble:
        intent, _ = intents.insert(draft(account, wish, source_key), received_at=received_at, checked_at=checked_at)
        intents.give_up(intent.pk, str(trouble))
        return intent
    with contextlib.suppress(CannotSend):
        if attempt:
            claimed = _Claimed(intent, message, permit, attempt)
            _settle(claimed, _post(claimed, claimed.priority))
        else:
            submit(intent.pk)
    return intent


def submit_all(intent_ids: Collection[int]) -> None:
    """Send intents at the same time, each as `submit` does; what cannot be sent says so itself and raises nothing.

    A fault with one keeps no other one from being sent or answered, and is raised at the end.
    """
    posts: dict[Future[Reply], _Claimed] = {}
    faults: list[Exception] = []

    def prepare(intent_id: int) -> None:
        if claimed := _prepare(intent_id, intents.claim):
            posts[_post(claimed, claimed.priority)] = claimed

    def settle(post: Future[Reply]) -> None:
        _settle(posts[post], post)

    for intent_id in intent_ids:
        _noting(faults, prepare, intent_id)
    if posts and not wait(posts, warm.HELD, FIRST_COMPLETED).done:
        warm.give_back()
    for post in as_completed(posts):
        _noting(faults, settle, post)
    if faults:
        raise faults[0]


def _noting(faults: list[Exception], do: Callable[[T], None], one: T) -> None:
    try:
        do(one)
    except CannotSend:
        pass
    except Exception as fault:  # noqa: BLE001 - raised when the others are through
        faults.append(fault)


def _prepare(intent_id: int, claim: Callable[[int], int]) -> _Claimed | None:
    """Claim an intent; None when it is not to be sent. Raises CannotSend."""
    _refuse_transactions()
    intent = OrderIntent.objects.select_related("account", "connection").get(pk=intent_id)
    try:
        message = _message(intent)
        # Whatever may fail without the broker comes before the claim: from there to the POST nothing can.
        token = _fresh_token(intent.connection)
        send_before = timezone.now() + LATEST
        attempt = claim(intent_id)
    except (CannotSend, InvalidSpec, intents.Forbidden) as trouble:
        if intent.source != intents.FILE:
            intents.give_up(intent_id, str(trouble))
        if isinstance(trouble, CannotSend):
            raise
        raise CannotSend(str(trouble)) from trouble
    if not attempt:
        return None
    intent.state, intent.version = State.SUBMITTING, intent.version + 1
    return _Claimed(intent, message, warm.Permit(token, send_before), attempt)


def _refuse_transactions() -> None:
    if transaction.get_connection().in_atomic_block:
        # A rollback would forget that it was sent.
        raise RuntimeError("An order cannot be sent inside a database transaction.")


def _fresh_token(connection: Connection) -> str:
    if connection.is_replay:
        raise CannotSend(WATCHING_ONLY)
    try:
        return renewal.token_of(connection)
    except renewal.NoToken as error:
        raise SignInNeeded(str(error)) from error


def _post(claimed: _Claimed, priority: Priority) -> Future[Reply]:
    """Begin to send; whatever keeps it from beginning is the answer."""
    try:
        permit = _look_last(claimed)
        return warm.start(claimed.connection, permit, lambda client: send(client, claimed.message, priority))
    except Exception as failure:  # noqa: BLE001 - sorted like every other answer
        unsent: Future[Reply] = Future()
        unsent.set_exception(failure)
        return unsent


def _look_last(claimed: _Claimed) -> warm.Permit:
    """What was stopped since the claim must not go out, however long its sender was held up. Raises NotSent.

    The permit has the same looked at once more where the request cannot go out at once.
    """
    if let_through.may_pass(claimed.intent.kind):
        return claimed.permit
    looked_at, words = _look(claimed.intent)
    if words:
        raise NotSent(words)
    return replace(claimed.permit, look=partial(_look_elsewhere, claimed.intent), looked_at=looked_at)


def _look(intent: OrderIntent) -> tuple[float, str]:
    return time.monotonic(), let_through.forbids(intent)


def _look_elsewhere(intent: OrderIntent) -> tuple[float, str]:
    """The same in a thread that has no connection to the database: what opening one takes makes the look no older."""
    try:
        connections[DEFAULT_DB_ALIAS].ensure_connection()
        return _look(intent)
    finally:
        # The thread may not be needed for long.
        connections.close_all()


def _answer(claimed: _Claimed, post: Future[Reply]) -> Reply:
    """Wait for the answer. What found no room as an entry goes all the same where it may close a position."""
    try:
        return warm.answer(post)
    except BudgetSpent:
        # Nothing was sent yet: what follows is no repetition.
        if claimed.priority != Priority.ENTRY or not may_close(claimed.intent):
            raise
    return warm.answer(_post(claimed, Priority.EXIT))


def _settle(claimed: _Claimed, post: Future[Reply]) -> None:
    """Wait for the answer and make it the intent's state. Raises CannotSend."""
    intent, attempt = claimed.intent, claimed.attempt
    try:
        reply = _answer(claimed, post)
    except _REFUSED as refusal:
        _refuse(claimed, refusal)
    except _NO_EFFECT as failure:
        _release(claimed, failure)
    except BaseException as failure:
        # From here on the order may be at the broker.
        _doubt(intent.pk, failure, attempt)
        if not isinstance(failure, TradovateError | TimeoutError):
            raise
    else:
        _accept(claimed, reply)


def _release(claimed: _Claimed, failure: TradovateError) -> NoReturn:
    intent, attempt = claimed.intent, claimed.attempt
    words, sign_in = _unsent(claimed, failure)
    if not _put_back(intent, words, attempt):
        # The wait was given up meanwhile and somebody may have been told "unknown": now it is certain.
        reason = f"Never sent: {words}"
        intents.transition(
            intent.pk, {State.UNKNOWN, State.ABSENT}, State.REJECTED, words, of_attempt=attempt, reason=reason
        )
    raise (SignInNeeded if sign_in else CannotSend)(words) from failure


def _unsent(claimed: _Claimed, failure: TradovateError) -> tuple[str, bool]:
    """Why something had no effect, and whether only signing in again helps."""
    words = of_error(failure, claimed.connection)
    if not isinstance(failure, NotAuthorized):
        return words, False
    if words != SIGN_IN:
        return words, True
    now = refused.meaning(claimed.connection.pk, claimed.permit.token, failure)
    return (now.words, True) if now.sign_in else (f"{now.words} Nothing was sent.", False)


def _message(intent: OrderIntent) -> AnyMessage:
    """What goes out for an intent. Raises InvalidSpec when it cannot be said."""
    wish = intents.wish_of(intent)
    return message_of(
        wish,
        account_id=intent.account.tradovate_id,
        account_name=intent.account.name,
        cl_ord_id=intent.cl_ord_id,
        terms=_price_terms(intent.connection.environment, intent.symbol) if intent.kind == Kind.BRACKET else None,
    )


def _price_terms(environment: str, symbol: str) -> PriceTerms | None:
    contract = Contract.objects.named(symbol).filter(environment=environment).select_related("product").last()
    return None if contract is None else contracts.price_terms(contract.product)


def _accept(claimed: _Claimed, reply: Reply) -> None:
    intent = claimed.intent
    if intent.kind == Kind.LIQUIDATE and reply.order_id is None:
        words = "There was no position to close."
        intents.transition(
            intent.pk, {*UNANSWERED, State.ABSENT}, State.DONE, words, step=intents.Step.ACKNOWLEDGED, reason=words
        )
        return
    reports.accept(
        intent,
        reply.order_id,
        legs=dict(enumerate(reply.leg_order_ids, start=1)),
        command_id=reply.command_id,
        strategy_id=reply.strategy_id,
    )
    if reply.strategy_id is not None:
        _find_entry(claimed, reply.strategy_id)


def _find_entry(claimed: _Claimed, strategy_id: int) -> None:
    """A strategy's reply does not name the order that it has sent: ask for it, once."""
    try:
        entry = warm.ask(
            claimed.connection,
            claimed.permit.token,
            lambda client: entry_of(client, strategy_id),
            priority=Priority.MODIFY,
        )
    except (TradovateError, TimeoutError) as trouble:
        logger.info("Intent %s: its entry is not known yet (%s)", claimed.intent.pk, type(trouble).__name__)
        return
    if entry is not None:
        reports.name_entry(claimed.intent.pk, entry)


def _put_back(intent: OrderIntent, words: str, attempt: int) -> bool:
    if intent.source == intents.FILE:
        return intents.transition(intent.pk, {State.SUBMITTING}, State.CREATED, words, of_attempt=attempt)
    return intents.transition(intent.pk, {State.SUBMITTING}, State.CANCELLED, words, of_attempt=attempt, reason=words)


def _refuse(claimed: _Claimed, refusal: TradovateError) -> None:
    words = of_error(refusal, claimed.connection)
    fields: dict[str, Any] = {"reason": words}
    if isinstance(refusal, OrderRejected) and refusal.order_id is not None:
        # Whatever the broker's records say of that order, fills above all, belongs to this intent.
        fields["order_id_at_broker"] = refusal.order_id
    # `accepted` too: the stream may have shown the command of an order that the reply then refuses.
    was = {*UNANSWERED, State.ABSENT, State.ACCEPTED}
    if claimed.intent.kind in (Kind.OCO, Kind.OSO):
        # Its end, too; the legs learn of it here.
        was.add(State.REJECTED)
    step = intents.Step.ACKNOWLEDGED
    intents.transition(claimed.intent.pk, was, State.REJECTED, words, step=step, of_attempt=claimed.attempt, **fields)


def _doubt(intent_id: int, failure: BaseException, attempt: int) -> None:
    logger.warning("Intent %s: outcome unknown (%s)", intent_id, type(failure.__cause__ or failure).__name__)
    words = f"{failure} {_UNKNOWN}" if isinstance(failure, TradovateError) else _UNKNOWN
    intents.transition(intent_id, {State.SUBMITTING}, State.UNKNOWN, words, of_attempt=attempt, reason=words)
