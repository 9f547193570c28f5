"""What became of a wish whose answer was lost: Tradovate's own records are looked through for it (`lookup`).

    found                the intent is accepted, and gets its order's status, fills and reason; or it was refused
    not there            and the settle time is over: the intent is absent, and its owner decides about sending it again
    Tradovate is away    nothing is known, and the next look comes later
    another trading day  Tradovate serves only the current one: the intent stays unknown, and says where to look; what
                         was found absent in time stays so, and its owner is told that no look proves it any more

The stream tells the same sooner when the hub is connected; whichever comes first counts.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Final, TypeVar

from django.utils import timezone

from accounts import renewal
from accounts.budgets import budgets
from accounts.models import Connection
from trading.models import OrderIntent
from trading.orders import intents, lookup, refused, reports, warm, when_to_look
from trading.orders.lookup import Found
from trading.orders.states import NAMEABLE, Kind, State
from trading.orders.trading_days import calendar_day
from trading.orders.ways_out import may_close
from trading.tradovate import Priority, Tradovate
from trading.tradovate.errors import (
    BudgetSpent,
    CaptchaRequired,
    NotAuthorized,
    NotSent,
    OutcomeUnknown,
    PenaltyImposed,
    RateLimited,
    TradovateError,
)

T = TypeVar("T")

logger = logging.getLogger(__name__)

# How long after a lost answer Tradovate may still write an order down: "not there" counts only after it.
SETTLE: Final = dt.timedelta(seconds=5)
# What is looked for here.
UNKNOWN: Final = "unknown"
# By how much the portal's clock may differ from that by which Tradovate changes the day.
DAY_MARGIN: Final = dt.timedelta(minutes=1)

# Soon it may answer.
_AWAY: Final = (NotSent, OutcomeUnknown, PenaltyImposed, RateLimited)
_NOT_THERE: Final = "Tradovate has no such order: it can be sent again."
_LINE_NOT_THERE: Final = "Tradovate has no such order."
_LEFT_BEHIND: Final = "Tradovate has no such order, which went with another one: give it up, or place it anew."
ANOTHER_DAY: Final = (
    "Tradovate shows only the current trading day, and this order was sent before it: look at your statement there."
)
# Of what was looked for in time, and was not there.
DAY_IS_OVER: Final = (
    "Tradovate did not have it on the trading day on which it was sent. It shows only the current one, so nothing can"
    " be looked up any more: compare your statement there before you decide."
)


def due(now: dt.datetime, *only: int) -> list[int]:
    """The connections (primary keys), all or of these, that have something unknown to be looked for now."""
    waiting = OrderIntent.objects.filter(state=State.UNKNOWN, changed_at__lte=now - SETTLE)
    return when_to_look.due(waiting.filter(connection__in=only) if only else waiting, UNKNOWN, now)


def look(connection_id: int) -> list[int]:
    """Look for all that is unknown of a connection; the ids of the intents of which there is news.

    For threads without a running event loop, outside a transaction. Costs a few requests, however much
    is looked for, and never sends an order. Raises nothing when Tradovate cannot be asked: the next look may.
    """
    started = timezone.now()
    unknown = list(OrderIntent.objects.filter(connection_id=connection_id, state=State.UNKNOWN).order_by("pk"))
    if not unknown:
        return []
    # A look at what has not settled yet proves little: it must not put off the one that does.
    settled = [intent.pk for intent in unknown if intent.changed_at <= started - SETTLE]
    found = look_for(connection_id, settled, UNKNOWN, lambda client: lookup.search(client, unknown))
    if found is None:
        return []
    return [intent.pk for intent in unknown if _resolve(intent, found.get(intent.pk), started)]


def is_past(intent: OrderIntent) -> bool:
    """Whether an intent was found absent on an earlier trading day: a look of now proves nothing."""
    return _is_other_day(intent.changed_at)


def remark_past() -> list[int]:
    """Have the orders that were found absent on an earlier day, and may be sent again, say so; the ids of those of
    which there is news. What became of a command is read off its order."""
    waiting = OrderIntent.objects.filter(state=State.ABSENT, lead=None).exclude(reason=DAY_IS_OVER)
    waiting = waiting.exclude(source_key__startswith=f"{intents.FILE}:").exclude(kind__in=[Kind.MODIFY, Kind.CANCEL])
    return [intent.pk for intent in waiting if is_past(intent) and intents.remark(intent, DAY_IS_OVER)]


class CannotLook(Exception):
    """Tradovate's records could not be read; the text says why, to the trader."""


def find(connection: Connection, waiting: Sequence[OrderIntent]) -> list[int]:
    """Look once for intents of the connection that wait to be sent, in their order: those that Tradovate has all the
    same are accepted and returned.

    A database that came back from a backup does not know what was sent since, and an order may come late. The look
    always goes where the first of them may close a position. For threads without a running event loop, outside a
    transaction. Raises CannotLook.
    """
    try:
        found = _find(connection, waiting)
    except (renewal.NoToken, TradovateError) as trouble:
        raise CannotLook(str(trouble)) from trouble
    return [intent.pk for intent in waiting if intent.pk in found and take(intent, found[intent.pk])]


def _find(connection: Connection, waiting: Sequence[OrderIntent]) -> dict[int, Found]:
    try:
        return ask(connection, lambda client: lookup.search(client, waiting))
    except BudgetSpent:
        if not may_close(waiting[0]):
            raise
    return ask(connection, lambda client: lookup.search(client, waiting), Priority.EXIT)


def look_for(
    connection_id: int, intent_ids: Collection[int], about: str, question: Callable[[Tradovate], Awaitable[T]]
) -> T | None:
    """Put a question about these intents in its turn (when_to_look); None when Tradovate does not answer it."""
    at, is_answered = timezone.now(), True
    try:
        with when_to_look.trying(connection_id, about, at):
            return ask(Connection.objects.get(pk=connection_id), question)
    except (renewal.NoToken, TradovateError) as trouble:
        logger.info("Connection %s: %s orders cannot be looked up (%s)", connection_id, about, type(trouble).__name__)
        # Who is not let in is told the same until there is a new session.
        is_answered = not isinstance(trouble, _AWAY) or isinstance(trouble, CaptchaRequired)
        return None
    finally:
        if is_answered:
            OrderIntent.objects.filter(pk__in=intent_ids).update(looked_at=at)


def ask(
    connection: Connection, question: Callable[[Tradovate], Awaitable[T]], priority: Priority = Priority.MODIFY
) -> T:
    """Put a question with the present token. When Tradovate does not take it any more it is renewed for the next look.

    Raises renewal.NoToken, TradovateError.
    """
    token = renewal.access_token(connection.pk)
    warm.give_back()
    try:
        return asyncio.run(_put(connection, token, question, priority))
    except NotAuthorized as error:
        now = refused.meaning(connection.pk, token, error)
        raise NotAuthorized(now.words) from error


async def _put(
    connection: Connection, token: str, question: Callable[[Tradovate], Awaitable[T]], priority: Priority
) -> T:
    async with (
        budgets(connection.environment, connection.tradovate_user_id, priority=priority) as own,
        Tradovate(connection.hosts, token, budgets=own) as client,
    ):
        return await question(client)


def take(intent: OrderIntent, found: Found) -> bool:
    """Take over what Tradovate's records have of an intent; False when it was not waiting for that any more."""
    if found.is_refused:
        words = f"found in Tradovate's records: {found.reason}"
        was = {*NAMEABLE, State.ACCEPTED} - {State.CREATED}
        fields: dict[str, Any] = {
            "reason": found.reason,
            "command_id_at_broker": found.command_id,
            "strategy_id_at_broker": found.strategy_id,
        }
        return intents.transition(intent.pk, was, State.REJECTED, words, **fields)
    accepted = reports.accept(
        intent.pk,
        found.order_id,
        "found in Tradovate's records",
        command_id=found.command_id,
        strategy_id=found.strategy_id,
    )
    if found.order_id is not None:
        reports.observe_order(
            intent.connection_id, found.order_id, found.status, found.filled_qty, found.average_price, found.reason
        )
    return accepted


def _resolve(intent: OrderIntent, found: Found | None, looked: dt.datetime) -> bool:
    if found is not None:
        return take(intent, found)
    sent_at = intent.transitions.filter(to_state=State.SUBMITTING).latest("id").at
    if _is_other_day(sent_at):
        return intents.remark(intent, ANOTHER_DAY)
    if looked < intent.changed_at + SETTLE:
        return False
    # Of a leg: its lead was found, or it would have gone along. Of a line its file says what can be done about it.
    words = _LEFT_BEHIND if intent.kind == Kind.LEG else _NOT_THERE
    words = _LINE_NOT_THERE if intent.source == intents.FILE else words
    return intents.transition(intent.pk, {State.UNKNOWN}, State.ABSENT, words, at_version=intent.version, reason=words)


def _is_other_day(moment: dt.datetime) -> bool:
    """Whether Tradovate may show another trading day by now."""
    return calendar_day(moment - DAY_MARGIN) != calendar_day(timezone.now() + DAY_MARGIN)
