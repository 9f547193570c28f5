"""A position is closed by one press at a time, whoever asks for it: a row's button, flatten all, the kill switch.

A press that comes while another one closes the same position sends nothing and is told of that one. Its key is used up
all the same: the same press that arrives once more, later, does not close what was opened since.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from trading.models import Account, OrderIntent
from trading.orders import gateway, intents, looks, reports, sole, turns
from trading.orders.sole import UnderWay
from trading.orders.states import TERMINAL, Kind, State
from trading.orders.turns import Gate
from trading.orders.wishes import Liquidation
from trading.tradovate.entities import Order


@dataclass(frozen=True)
class Closing:
    """The id of the intent that closes a position; `words` say so when it is another press's."""

    intent_id: int
    words: str = ""


def going(connection_id: int) -> QuerySet[OrderIntent]:
    """What is closing a position of a connection now, whoever asked for it."""
    closings = OrderIntent.objects.filter(connection=connection_id, kind=Kind.LIQUIDATE)
    return closings.exclude(state__in=TERMINAL | {State.ABSENT})


def but_for_closings(connection_id: int, orders: Iterable[Order]) -> list[Order]:
    """These orders without those by which Tradovate is closing positions: who clears the rest away leaves them."""
    closing = set(going(connection_id).values_list("order_id_at_broker", flat=True))
    return [order for order in orders if order.id not in closing]


def close(account: Account, wish: Liquidation, source_key: str, received_at: dt.datetime) -> Closing:
    """Send a closing, unless another one closes the position already. `account` has its connection loaded. Raises
    intents.SourceKeyReused."""

    def send(gate: Gate) -> int:
        times = {"received_at": received_at, "checked_at": timezone.now()}
        return gateway.submit_new(account, wish, source_key, **times, gate=gate).pk

    try:
        return Closing(send(Gate(alone=sole.closes(received_at))))
    except UnderWay as first:
        return _beside(first, account, wish, source_key, received_at, send)


def close_all(wishes: Iterable[tuple[Account, Liquidation, str]], received_at: dt.datetime) -> list[Closing]:
    """As `close`, at the same time, each with its source key; those that another press closes come last, and keep no
    other one waiting. A key that has become something else is left out."""
    made, waiting, late = [], [], []
    try:
        for account, wish, source_key in wishes:

            def make(gate: Gate, wish: Liquidation = wish, source_key: str = source_key) -> int:
                checked_at = timezone.now()
                intent = intents.create(wish, source_key, received_at=received_at, checked_at=checked_at, gate=gate)
                waiting.append(intent.pk)
                return intent.pk

            try:
                made.append(Closing(make(Gate(alone=sole.closes(received_at)))))
            except UnderWay as first:
                late.append((first, account, wish, source_key, received_at, make))
            except intents.SourceKeyReused:
                continue
    finally:
        # A fault with one position keeps no other one open.
        gateway.submit_all(waiting)
    waiting.clear()
    for one in late:
        with contextlib.suppress(intents.SourceKeyReused):
            made.append(_beside(*one))
    gateway.submit_all(waiting)
    return made


def _beside(
    first: UnderWay,
    account: Account,
    wish: Liquidation,
    source_key: str,
    received_at: dt.datetime,
    make: Callable[[Gate], int],
) -> Closing:
    """What becomes of a closing that another one is in the way of."""
    if _left_open(account, wish, first.other, received_at):
        with contextlib.suppress(UnderWay):
            return Closing(make(Gate(alone=sole.closes(received_at, but=[first.other.pk]))))
    # At once: another press must not take this one for a closing that is under way.
    with transaction.atomic():
        turns.begin(account.pk)
        # The same press, delivered twice, may have made its closing meanwhile: that is not put aside.
        if not OrderIntent.objects.filter(source_key=source_key).exists():
            aside = intents.create(wish, source_key, received_at=received_at)
            intents.give_up(aside.pk, str(first))
    return Closing(first.other.pk, str(first))


def _left_open(account: Account, wish: Liquidation, other: OrderIntent, received_at: dt.datetime) -> bool:
    """Whether another closing has ended at Tradovate, though nobody may have told us, and there is a position again or
    still; of a reversal, whether it was there to be seen when this press came."""
    if other.order_id_at_broker is None or (other.kind != Kind.LIQUIDATE and other.created_at > received_at):
        return False
    try:
        for order in looks.orders(account.connection, [other.order_id_at_broker]):
            if order.finished:
                reports.observe_order(account.connection_id, order.id, order.ord_status)
                return looks.net_position(account, wish.contract_id) != 0
    except looks.CannotAsk:
        pass
    return False
