"""Intents: every order is a row before it is on the wire, and moves only along the table in `states`.

All changes are compare-and-swap: they name the states that they expect, write one IntentTransition in the same
transaction and raise `version` by one, so `version` counts the transitions.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection
from decimal import Decimal
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from trading.models import Account, Fill, IntentTransition, Order, OrderIntent
from trading.orders.spec import OrderSpec
from trading.orders.states import ALLOWED, NAMEABLE, STATE_OF_STATUS, TERMINAL, State, after_report

LONGEST_DETAIL = 255
AVERAGE_PLACES = Decimal("0.00000001")
_COLUMNS = (
    "symbol", "action", "order_qty", "order_type", "price", "stop_price", "time_in_force", "is_automated",
)  # fmt: skip


class SourceKeyReused(ValueError):
    """The same source key came with a different order."""


def create(spec: OrderSpec, source_key: str) -> OrderIntent:
    """The intent of `source_key`, made from `spec` when there is none yet: asking twice makes one order.

    clOrdId is derived from the source key, so that even a database restored from a backup recognises its orders at
    the broker. Raises SourceKeyReused when the key already belongs to another order, ValueError for linked orders,
    Account.DoesNotExist.
    """
    if spec.other or spec.triggers or spec.brackets:
        raise ValueError("Linked orders cannot be sent yet: what becomes of them is not followed.")
    account = Account.objects.get(pk=spec.account_id)
    intent, made = OrderIntent.objects.get_or_create(
        source_key=source_key,
        defaults={
            "connection_id": account.connection_id,
            "account": account,
            "cl_ord_id": "tp-" + hashlib.sha256(source_key.encode()).hexdigest()[:40],
            "spec": msgspec.to_builtins(spec),
            **{name: getattr(spec, name) for name in _COLUMNS},
        },
    )
    if not made and spec_of(intent) != spec:
        raise SourceKeyReused(f"{source_key} is already the key of another order: {intent}.")
    return intent


def spec_of(intent: OrderIntent) -> OrderSpec:
    """The order as it was asked for. Raises msgspec.ValidationError for a row that no code of ours wrote."""
    return msgspec.convert(intent.spec, OrderSpec)


def transition(
    intent_id: int,
    from_states: Collection[State],
    to_state: State,
    detail: str = "",
    *,
    at_version: int | None = None,
    of_attempt: int | None = None,
    **fields: Any,
) -> bool:
    """Move an intent to `to_state` if it is in one of `from_states`, setting `fields` on the way; False if it is not,
    if it has moved since `at_version`, or was claimed again since `of_attempt`. Raises ValueError for a step that the
    table does not know.
    """
    for state in from_states:
        if to_state not in ALLOWED[state]:
            raise ValueError(f"An intent cannot go from {state} to {to_state}.")
    with transaction.atomic():
        intent = OrderIntent.objects.select_for_update().filter(pk=intent_id, state__in=from_states).first()
        if intent is None or at_version not in (None, intent.version):
            return False
        if of_attempt not in (None, _attempts(intent)):
            return False
        return _step(intent, to_state, detail, fields)


def claim(intent_id: int) -> int:
    """Take an intent for sending: the number of this attempt, from 1 on, or 0 when it is not to be sent.

    Exactly one caller gets one until it is proven that nothing was sent, or its owner wants it to be sent again. What
    comes of an attempt must name it: its sender may wake up when the next one is on its way.
    """
    with transaction.atomic():
        if not transition(intent_id, {State.CREATED}, State.SUBMITTING):
            return 0
        return _attempts(OrderIntent.objects.get(pk=intent_id))


def want_again(intent_id: int) -> bool:
    """Its owner wants an order that Tradovate does not have to be sent once more: it waits as before it was sent."""
    return transition(intent_id, {State.ABSENT}, State.CREATED, "to be sent again", reason="")


def observe_order(
    connection_id: int,
    order_id: int,
    status: str,
    filled_qty: int = 0,
    average_price: Decimal | None = None,
    reason: str = "",
) -> list[int]:
    """Take the broker's report of an order: its ordStatus, contracts filled so far, their average price in points.

    Returns the ids of the intents that changed. Reports may come late, twice or in any order: the state never moves
    backwards and the filled quantity never shrinks.
    """
    # Most orders of a trader were not placed here: do not take the database's write lock for those.
    ours = list(
        OrderIntent.objects.filter(connection_id=connection_id, order_id_at_broker=order_id).values_list(
            "pk", flat=True
        )
    )
    return [pk for pk in ours if _report(pk, status, filled_qty, average_price, reason)]


def recount(connection_id: int, order_id: int) -> list[int]:
    """Count an order's fills anew from the journal: it keeps those of earlier days, and knows which were busted.

    The one way in which a filled quantity may shrink. Returns the ids of the intents that changed.
    """
    ours = OrderIntent.objects.filter(connection_id=connection_id, order_id_at_broker=order_id)
    return [pk for pk in list(ours.values_list("pk", flat=True)) if _recount(pk, order_id)]


def observe_missed() -> list[int]:
    """Take what the journal knows of orders that have ended and whose intents were not told: whoever was about to
    tell them was killed. Returns the ids of the intents that changed."""
    ended = [status for status, state in STATE_OF_STATUS.items() if state in TERMINAL and status != "Completed"]
    known = Order.objects.filter(
        connection=OuterRef("connection"), tradovate_id=OuterRef("order_id_at_broker"), status__in=ended
    )
    missed = OrderIntent.objects.filter(Exists(known), state__in=[State.ACCEPTED, State.WORKING])
    pairs = list(missed.values_list("pk", "order_id_at_broker"))
    return [pk for pk, order_id in pairs if order_id is not None and _catch_up(pk, order_id)]


def observe_command(connection_id: int, cl_ord_id: str, order_id: int) -> list[int]:
    """Take the broker's record of a command: it names the order that our clOrdId became.

    Resolves what was not answered or not found, and catches up with what the journal already has of that order.
    Returns the ids of the intents that changed.
    """
    waiting = OrderIntent.objects.filter(connection_id=connection_id, cl_ord_id=cl_ord_id, state__in=NAMEABLE)
    return [
        pk for pk in list(waiting.values_list("pk", flat=True)) if accept(pk, order_id, "seen in Tradovate's records")
    ]


def accept(intent_id: int, order_id: int, detail: str = "") -> bool:
    """The broker has taken the order under `order_id`; False when the intent had been answered before."""
    taken = transition(intent_id, NAMEABLE, State.ACCEPTED, detail, order_id_at_broker=order_id, reason="")
    if taken:
        _catch_up(intent_id, order_id)
    return taken


def give_up_waiting(sent_before: dt.datetime) -> list[int]:
    """Turn `submitting` intents that were claimed before that moment to `unknown`; whoever sent them is gone."""
    stale = OrderIntent.objects.filter(state=State.SUBMITTING, changed_at__lt=sent_before)
    words = "The portal was interrupted while sending. Tradovate may have the order: it will not be sent again."
    return [
        pk
        for pk, version in list(stale.values_list("pk", "version"))
        if transition(pk, {State.SUBMITTING}, State.UNKNOWN, words, at_version=version, reason=words)
    ]


def _attempts(intent: OrderIntent) -> int:
    return intent.transitions.filter(to_state=State.SUBMITTING).count()


def _catch_up(intent_id: int, order_id: int) -> bool:
    """Apply what the journal wrote before the intent knew its order id; the journal looks here after it has written."""
    intent = OrderIntent.objects.get(pk=intent_id)
    order = Order.objects.filter(connection_id=intent.connection_id, tradovate_id=order_id).first()
    if order is None:
        return False
    return _report(intent_id, order.status, *_journalled_fills(intent.connection_id, order_id), order.reject_reason)


def _recount(intent_id: int, order_id: int) -> bool:
    with transaction.atomic():
        # Locked before the fills are read: of two that count, the later one has seen what the earlier one saw.
        intent = OrderIntent.objects.select_for_update().get(pk=intent_id)
        qty, average = _journalled_fills(intent.connection_id, order_id)
        if (qty, average) == (intent.filled_qty, intent.average_price):
            return False
        detail = f"{qty} of {intent.order_qty} filled"
        return _step(intent, State(intent.state), detail, {"filled_qty": qty, "average_price": average})


def _journalled_fills(connection_id: int, order_id: int) -> tuple[int, Decimal | None]:
    """(contracts filled, their average price in points), of the fills that stand."""
    fills = Fill.objects.filter(connection_id=connection_id, order_id_at_broker=order_id, active=True)
    # Summed here, not in SQL: SQLite would add prices as floats.
    pairs = list(fills.values_list("qty", "price"))
    qty = sum(qty for qty, _ in pairs)
    total = sum((qty * price for qty, price in pairs), Decimal())
    return qty, (total / qty).quantize(AVERAGE_PLACES) if qty else None


def _report(intent_id: int, status: str, filled_qty: int, average_price: Decimal | None, reason: str) -> bool:
    with transaction.atomic():
        intent = OrderIntent.objects.select_for_update().get(pk=intent_id)
        current = State(intent.state)
        filled = max(filled_qty, intent.filled_qty)
        after = after_report(current, status, all_filled=filled >= intent.order_qty)
        fields: dict[str, Any] = {}
        if filled_qty > intent.filled_qty or (filled_qty == intent.filled_qty > 0 and intent.average_price is None):
            fields = {"filled_qty": filled_qty, "average_price": average_price}
        if reason and not intent.reason and after in {State.REJECTED, State.CANCELLED, State.EXPIRED}:
            fields["reason"] = reason[:LONGEST_DETAIL]
        if after == current and not fields:
            return False
        detail = f"{status}, {filled} of {intent.order_qty} filled"
        return after in ALLOWED[current] and _step(intent, after, detail, fields)


def _step(intent: OrderIntent, to_state: State, detail: str, fields: dict[str, Any]) -> bool:
    """Write one step of a row that the caller has locked; the version is compared once more, lock or no lock."""
    swapped = OrderIntent.objects.filter(pk=intent.pk, version=intent.version).update(
        state=to_state, version=intent.version + 1, changed_at=timezone.now(), **fields
    )
    if swapped:
        IntentTransition.objects.create(
            intent=intent, from_state=intent.state, to_state=to_state, detail=detail[:LONGEST_DETAIL]
        )
    return bool(swapped)
