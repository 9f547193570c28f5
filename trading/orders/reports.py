"""What the broker says of an intent: that it has taken it, under which ids, and what then becomes of the order.

Reports may come late, twice or in any order, from the reply, the stream or a look at Tradovate's records: a state never
moves backwards, and a filled quantity never shrinks but by a recount.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from trading.models import Fill, IntentTransition, Order, OrderIntent
from trading.orders import compiled, intents
from trading.orders.commits import recoverable
from trading.orders.intents import locked
from trading.orders.states import (
    ENDS,
    NAMEABLE,
    STATE_OF_STATUS,
    Kind,
    State,
    after_report,
    allowed,
)

Step = IntentTransition.Step

AVERAGE_PLACES = Decimal("0.00000001")
_PENDING = frozenset({State.ACCEPTED, State.UNKNOWN, State.ABSENT})
_JOURNALLED = compiled.Read(
    lambda connection, order: Order.objects.filter(connection=connection, tradovate_id=order).values_list(
        "status", "reject_reason", "at"
    ),
    connection=int,
    order=int,
)
_UNNAMED = "Tradovate took the order without naming this one: it is being looked for."


def accept(
    written: OrderIntent | int,
    order_id: int | None = None,
    detail: str = "",
    *,
    legs: Mapping[int, int | None] | None = None,
    command_id: int | None = None,
    strategy_id: int | None = None,
) -> bool:
    """The broker has taken the intent (its pk, or as it was written last), as the order `order_id`, a command or a
    strategy; False when that was known. An intent that was given is afterwards what the database has.

    `legs` has the order ids of its legs by number (1, 2), None for one that the reply did not name. Each of them is
    accepted by itself, and by its own id.
    """
    ids = {
        "order_id_at_broker": order_id,
        "command_id_at_broker": command_id,
        "strategy_id_at_broker": strategy_id,
    }
    named = {name: value for name, value in ids.items() if value is not None}
    with recoverable():
        # Its version is compared where it is written: as long as nothing has become of it, there is nothing to read.
        intent = locked(written) if isinstance(written, int) else written
        taken = _take(intent, named, detail)
        if not taken and intent is written:
            intent = locked(intent.pk)
            taken = _take(intent, named, detail)
        if legs:
            _accept_legs(intent, legs, detail)
    numbers = [number for number in (order_id, *(legs or {}).values()) if number is not None]
    changed = [pk for number in numbers for pk in _catch_up(intent.connection_id, number)]
    if not isinstance(written, int) and (changed or intent is not written):
        written.refresh_from_db()
    return taken


def _take(intent: OrderIntent, named: dict[str, Any], detail: str) -> bool:
    if intent.state not in NAMEABLE:
        return False
    return intents.move(intent, State.ACCEPTED, detail, {**named, "reason": ""}, step=Step.ACKNOWLEDGED)


def _accept_legs(lead: OrderIntent, order_ids: Mapping[int, int | None], detail: str) -> None:
    for number, leg in enumerate(OrderIntent.objects.select_for_update().filter(lead=lead).order_by("pk"), start=1):
        order_id = order_ids.get(number)
        if order_id is not None and leg.state in NAMEABLE:
            fields = {"order_id_at_broker": order_id, "reason": ""}
            intents.move(leg, State.ACCEPTED, detail, fields, step=Step.ACKNOWLEDGED)
        elif order_id is None and leg.state == State.SUBMITTING:
            intents.move(leg, State.UNKNOWN, _UNNAMED, {"reason": _UNNAMED})


def name_entry(intent_id: int, order_id: int) -> bool:
    """The entry of an accepted strategy is this order: from now on the intent is followed as it. False when that was
    known."""
    with transaction.atomic():
        intent = locked(intent_id)
        if intent.state != State.ACCEPTED or intent.order_id_at_broker is not None:
            return False
        words = f"its entry is order {order_id}"
        named = intents.move(intent, State.ACCEPTED, words, {"order_id_at_broker": order_id})
    _catch_up(intent.connection_id, order_id)
    return named


def observe_order(
    connection_id: int,
    order_id: int,
    status: str,
    filled_qty: int = 0,
    average_price: Decimal | None = None,
    reason: str = "",
    at: dt.datetime | None = None,
) -> list[int]:
    """Take the broker's report of an order: its ordStatus, contracts filled so far, their average price in points, why
    it ended, and the broker's time of it.

    Cancellations of an order that has ended are settled by it, too. Returns the ids of the intents that changed.
    """
    # Most orders of a trader were not placed here: do not take the database's write lock for those.
    ours = OrderIntent.objects.filter(connection_id=connection_id, order_id_at_broker=order_id)
    ids = list(ours.values_list("pk", flat=True))
    changed = [pk for pk in ids if _report(pk, status, filled_qty, average_price, reason, at)]
    return changed + _settle_cancellations(connection_id, order_id, status)


def recount(connection_id: int, order_id: int) -> list[int]:
    """Count an order's fills anew from the journal: it keeps those of earlier days, and knows which were busted.

    The one way in which a filled quantity may shrink. Returns the ids of the intents that changed.
    """
    ours = OrderIntent.objects.filter(connection_id=connection_id, order_id_at_broker=order_id)
    return [pk for pk in list(ours.values_list("pk", flat=True)) if _recount(pk, order_id)]


def observe_missed() -> list[int]:
    """Take what the journal knows of orders that have ended and whose intents were not told: whoever was about to
    tell them was killed. Returns the ids of the intents that changed."""
    ended = [status for status, state in STATE_OF_STATUS.items() if state in ENDS]
    known = Order.objects.filter(connection=OuterRef("connection"), status__in=ended)
    working = OrderIntent.objects.filter(state__in=[State.ACCEPTED, State.WORKING])
    became = working.filter(Exists(known.filter(tradovate_id=OuterRef("order_id_at_broker"))))
    waiting = OrderIntent.objects.filter(kind=Kind.CANCEL, state__in=_PENDING)
    about = waiting.filter(Exists(known.filter(tradovate_id=OuterRef("target_order_id"))))
    pairs = {
        *became.values_list("connection_id", "order_id_at_broker"),
        *about.values_list("connection_id", "target_order_id"),
    }
    return [pk for connection_id, number in pairs if number is not None for pk in _catch_up(connection_id, number)]


def observe_command(connection_id: int, cl_ord_id: str, order_id: int) -> list[int]:
    """Take the broker's record of a command that placed an order: it names the order that our clOrdId became.

    Resolves what was not answered or not found, and catches up with what the journal already has of that order.
    Returns the ids of the intents that changed.
    """
    waiting = OrderIntent.objects.filter(connection_id=connection_id, cl_ord_id=cl_ord_id, state__in=NAMEABLE)
    return [
        pk for pk in list(waiting.values_list("pk", flat=True)) if accept(pk, order_id, "seen in Tradovate's records")
    ]


def _catch_up(connection_id: int, order_id: int) -> list[int]:
    """Apply what the journal wrote before the intent knew its order id; the journal looks here after it has written."""
    for status, reject_reason, at in _JOURNALLED.rows(connection=connection_id, order=order_id):
        qty, average = _journalled_fills(connection_id, order_id)
        return observe_order(connection_id, order_id, status, qty, average, reject_reason, at)
    return []


def _settle_cancellations(connection_id: int, order_id: int, status: str) -> list[int]:
    """An order's end shows what became of the cancellations of it, also of those whose answers were lost: nothing can
    come of them any more."""
    state = STATE_OF_STATUS.get(status)
    if state not in ENDS or status == "Completed":
        return []
    waiting = OrderIntent.objects.filter(
        connection_id=connection_id, target_order_id=order_id, kind=Kind.CANCEL, state__in=_PENDING
    )
    after = State.DONE if state == State.CANCELLED else State.INEFFECTIVE
    words = "" if after == State.DONE else f"The order was {State(state).label} before it could be cancelled."
    return [
        pk
        for pk in list(waiting.values_list("pk", flat=True))
        if intents.transition(pk, _PENDING, after, words or status, reason=words)
    ]


def _recount(intent_id: int, order_id: int) -> bool:
    with transaction.atomic():
        # Locked before the fills are read: of two that count, the later one has seen what the earlier one saw.
        intent = locked(intent_id)
        qty, average = _journalled_fills(intent.connection_id, order_id)
        if (qty, average) == (intent.filled_qty, intent.average_price):
            return False
        detail = _filled(qty, intent.order_qty)
        return intents.move(intent, State(intent.state), detail, {"filled_qty": qty, "average_price": average})


def _journalled_fills(connection_id: int, order_id: int) -> tuple[int, Decimal | None]:
    """(contracts filled, their average price in points), of the fills that stand."""
    fills = Fill.objects.filter(connection_id=connection_id, order_id_at_broker=order_id, active=True)
    # Summed here, not in SQL: SQLite would add prices as floats.
    pairs = list(fills.values_list("qty", "price"))
    qty = sum(qty for qty, _ in pairs)
    total = sum((qty * price for qty, price in pairs), Decimal())
    return qty, (total / qty).quantize(AVERAGE_PLACES) if qty else None


def _report(
    intent_id: int,
    status: str,
    filled_qty: int,
    average_price: Decimal | None,
    reason: str,
    at: dt.datetime | None,
) -> bool:
    with transaction.atomic():
        intent = locked(intent_id)
        current = State(intent.state)
        filled = max(filled_qty, intent.filled_qty)
        after = after_report(current, status, all_filled=status != "Completed" or are_all(filled, intent))
        fields: dict[str, Any] = {}
        if filled_qty > intent.filled_qty or (filled_qty == intent.filled_qty > 0 and intent.average_price is None):
            fields = {"filled_qty": filled_qty, "average_price": average_price}
        if reason and not intent.reason and after in {State.REJECTED, State.CANCELLED, State.EXPIRED}:
            fields["reason"] = reason
        if after not in allowed(intent.kind)[current]:
            return False
        detail = f"{status}, {_filled(filled, intent.order_qty)}"
        steps = [(after, Step.FILLED if after == State.FILLED != current else "", detail)]
        if _is_first(intent, status):
            when = "" if at is None else f", Tradovate's time {_clock(at)}"
            first = (current if after in ENDS else after, Step.EXCHANGE, detail + when)
            steps = [first, *steps] if after in ENDS else [first]
        elif after == current and not fields:
            return False
        return intents.write(intent, steps, fields)


def _clock(at: dt.datetime) -> str:
    """A time of day to the millisecond, which is the same wherever it is read: "14:03:22.125 UTC"."""
    return f"{at.astimezone(dt.UTC).time().isoformat(timespec='milliseconds')} UTC"


def are_all(filled: int, intent: OrderIntent) -> bool:
    """Whether so many contracts are all that an order had to fill, also after a change of their number."""
    known = Order.objects.filter(connection=intent.connection_id, tradovate_id=intent.order_id_at_broker or 0)
    # Of a position that was closed nobody said how many contracts it had.
    return filled >= (known.values_list("order_qty", flat=True).first() or intent.order_qty or 1)


def _is_first(intent: OrderIntent, status: str) -> bool:
    """Whether this is the first sign that the order went on to the exchange; what waits for its lead's fill did not."""
    young = {State.ACCEPTED, State.WORKING} if intent.kind == Kind.LEG else {State.ACCEPTED}
    if intent.state not in young or status == "Suspended":
        return False
    if STATE_OF_STATUS.get(status) not in {State.ACCEPTED, State.WORKING, State.FILLED}:
        return False
    return not intent.transitions.filter(step=Step.EXCHANGE).exists()


def _filled(qty: int, of: int | None) -> str:
    return f"{qty} filled" if of is None else f"{qty} of {of} filled"
