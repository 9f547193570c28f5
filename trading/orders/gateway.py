"""The way out: an intent becomes one POST to Tradovate, never two, and the answer becomes the intent's state.

What each failure proves is sorted by trading.tradovate.errors:

    accepted    Tradovate gave an order id
    rejected    Tradovate refused, and says why
    unknown     it was sent and no usable answer came: nobody sends it again
    created     it certainly had no effect (CannotSend is raised): the owner of the intent may try later
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, NoReturn, Self

from django.db import transaction
from django.utils import timezone

from accounts import budgets, renewal
from accounts.models import Connection
from trading.models import OrderIntent
from trading.orders import intents
from trading.orders.messages import message
from trading.orders.states import UNANSWERED, State
from trading.tradovate.client import Tradovate
from trading.tradovate.entities import PlaceOrder
from trading.tradovate.errors import (
    ApiError,
    NotAuthorized,
    NotFound,
    NotSent,
    OrderRejected,
    PenaltyImposed,
    RateLimited,
    TradovateError,
)

logger = logging.getLogger(__name__)

# Seconds that an answer may take. Far below the time after which `submitting` is taken for abandoned.
TIMEOUT: Final = 10.0
# An order that was held up for longer than this before it could be sent is not sent: somebody may have given it up.
LATEST: Final = dt.timedelta(seconds=20)
_REFUSED: Final = (OrderRejected, ApiError, NotFound)
_NO_EFFECT: Final = (NotSent, NotAuthorized, RateLimited, PenaltyImposed)
_UNKNOWN: Final = "No usable answer came. Tradovate may have the order: it will not be sent again."


class CannotSend(Exception):
    """Nothing was sent and the intent still waits; the text says why, to the trader."""


class SignInNeeded(CannotSend):
    """Tradovate does not accept the trader's access any more: only signing in again helps."""


class Session:
    """Sends the intents of one connection over one warm connection to Tradovate.

    For threads without a running event loop (Celery tasks, sync views): the requests run in a loop of its own.
    Use as a context manager.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._token = ""
        self._send_before = timezone.now()
        self._runner = asyncio.Runner()
        self._counts = budgets.client()
        own = budgets.kept_in(self._counts, connection.environment, connection.tradovate_user_id)
        self._client = Tradovate(connection.hosts, self._current_token, timeout=TIMEOUT, budgets=own)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._runner.run(self._close())
        finally:
            self._runner.close()

    async def _close(self) -> None:
        await self._client.aclose()
        await self._counts.aclose()

    async def _current_token(self) -> str:
        # Asked for right before the request goes out: nothing that may take long is left.
        if timezone.now() > self._send_before:
            raise NotSent("The portal was held up before it could send; nothing was sent.")
        return self._token

    def submit(self, intent_id: int, claim: Callable[[int], int] = intents.claim) -> State:
        """Send one intent if `claim` takes it (created -> submitting, committed) and names the attempt; return its
        state afterwards.

        An intent that was claimed before is left as it is: its present state is returned.
        Raises CannotSend or SignInNeeded, with nothing sent and the intent waiting as before.
        """
        if transaction.get_connection().in_atomic_block:
            # A rollback would forget that it was sent.
            raise RuntimeError("An order cannot be sent inside a database transaction.")
        intent = OrderIntent.objects.select_related("account").get(pk=intent_id, connection=self._connection)
        order = _message(intent)
        # Whatever may fail without the broker comes before the claim: from there to the POST nothing can.
        self._token = self._fresh_token()
        self._send_before = timezone.now() + LATEST
        if not (attempt := claim(intent_id)):
            return _state(intent_id)
        self._post(intent_id, order, attempt)
        return _state(intent_id)

    def _fresh_token(self) -> str:
        try:
            return renewal.access_token(self._connection.pk)
        except renewal.NoToken as error:
            raise SignInNeeded(str(error)) from error

    def _post(self, intent_id: int, order: PlaceOrder, attempt: int) -> None:
        try:
            result = self._runner.run(self._client.order.place(order))
        except _REFUSED as refusal:
            _refuse(intent_id, refusal, attempt)
        except _NO_EFFECT as failure:
            self._release(intent_id, failure, attempt)
        except BaseException as failure:
            # Also a worker's time limit or Ctrl-C: from here on the order may be at the broker.
            _doubt(intent_id, failure, attempt)
            if not isinstance(failure, TradovateError):
                raise
        else:
            intents.accept(intent_id, result.order_id)

    def _release(self, intent_id: int, failure: Exception, attempt: int) -> NoReturn:
        words = str(failure)
        if not intents.transition(intent_id, {State.SUBMITTING}, State.CREATED, words, of_attempt=attempt):
            # The wait was given up meanwhile and somebody may have been told "unknown": now it is certain.
            reason = f"Never sent: {words}"[:255]
            intents.transition(
                intent_id, {State.UNKNOWN, State.ABSENT}, State.REJECTED, words, of_attempt=attempt, reason=reason
            )
        if isinstance(failure, NotAuthorized):
            raise SignInNeeded("Tradovate does not accept your sign-in any more. Sign in again.") from failure
        raise CannotSend(words) from failure


def submit(intent_id: int) -> State:
    """Send one intent over a connection of its own: see Session.submit."""
    intent = OrderIntent.objects.select_related("connection").get(pk=intent_id)
    with Session(intent.connection) as session:
        return session.submit(intent_id)


def _message(intent: OrderIntent) -> PlaceOrder:
    """order/placeorder for an intent (openapi.json, PlaceOrder)."""
    made = message(
        intents.spec_of(intent),
        account_id=intent.account.tradovate_id,
        account_name=intent.account.name,
        cl_ord_id=intent.cl_ord_id,
    )
    if not isinstance(made, PlaceOrder):
        raise TypeError(f"Intent {intent.pk} is not one order by itself.")
    return made


def _refuse(intent_id: int, refusal: TradovateError, attempt: int) -> None:
    words = str(refusal)
    fields: dict[str, Any] = {"reason": words[:255]}
    if isinstance(refusal, OrderRejected) and refusal.order_id is not None:
        # Whatever the broker's records say of that order, fills above all, belongs to this intent.
        fields["order_id_at_broker"] = refusal.order_id
    # `accepted` too: the stream may have shown the command of an order that the reply then refuses.
    was = {*UNANSWERED, State.ABSENT, State.ACCEPTED}
    intents.transition(intent_id, was, State.REJECTED, words, of_attempt=attempt, **fields)


def _doubt(intent_id: int, failure: BaseException, attempt: int) -> None:
    logger.warning("Intent %s: outcome unknown (%s)", intent_id, type(failure.__cause__ or failure).__name__)
    words = f"{failure} {_UNKNOWN}" if isinstance(failure, TradovateError) else _UNKNOWN
    intents.transition(intent_id, {State.SUBMITTING}, State.UNKNOWN, words, of_attempt=attempt, reason=words[:255])


def _state(intent_id: int) -> State:
    return State(OrderIntent.objects.values_list("state", flat=True).get(pk=intent_id))
