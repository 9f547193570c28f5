"""What a trader decides about an order that Tradovate never got: it is sent again, or it is given up.

Only the owner decides, only about what was looked for and is not there, and the intent stays the same one: whoever
asks twice sends once. What is sent again meets the checks of a new order. The lines of an order file are resumed with
their file; one that it went on without can only be given up.
"""

from __future__ import annotations

import contextlib
import dataclasses

from django.utils import timezone

from accounts.models import User
from trading.models import OrderIntent
from trading.orders import desk, gateway, intents, looks, position_exits, pretrade, reconcile, sole, turns
from trading.orders.spec import OrderSpec
from trading.orders.states import Kind, State, decisions
from trading.orders.turns import Gate
from trading.orders.wishes import Liquidation, Modification

_GIVEN_UP = "Given up by the trader: it is not at Tradovate and will not be sent."
_GIVEN_UP_LATER = (
    "Given up by the trader, and will not be sent: Tradovate did not have it on the day on which it was sent."
)
_NOT_ALONE = "This order went with another one and is not sent alone: give it up, or place it anew."
_WENT_ON = "Its order file went on without this line, which is not sent alone: give it up, or place it anew."


class CannotDecide(Exception):
    """Nothing was sent or given up; the text says why, to the trader."""


def again(user: User, intent_id: int) -> OrderIntent:
    """Send an intent that Tradovate never got once more; returns it as it is afterwards.

    Tradovate's records are looked at first: what has arrived there late is taken over instead, with its legs. After its
    trading day they prove nothing, and an order is sent only once its trader has been told so. For threads without a
    running event loop, outside a transaction. Raises CannotDecide, OrderIntent.DoesNotExist.
    """
    intent = _own(user, intent_id, "again")
    found = _look(intent, "Nothing was sent")
    gate = None if found else _check(intent)
    # Of two presses one is first; the other one is told what came of it.
    if not found and _want_again(intent, gate):
        # What cannot be sent is put aside, and says why.
        with contextlib.suppress(gateway.CannotSend):
            gateway.submit(intent.pk)
    return OrderIntent.objects.select_related("account", "connection").get(pk=intent.pk)


def give_up(user: User, intent_id: int) -> OrderIntent:
    """Put an intent aside that Tradovate never got; returns it. Looks first, and raises, as `again`."""
    intent = _own(user, intent_id, "give-up")
    if not _look(intent, "It was not given up"):
        intents.give_up(intent.pk, _GIVEN_UP_LATER if reconcile.is_past(intent) else _GIVEN_UP)
    intent.refresh_from_db()
    return intent


def _look(intent: OrderIntent, nothing_done: str) -> bool:
    """Whether an intent, or a leg of it, has arrived at Tradovate after all: that is taken over. Raises CannotDecide
    that begins with `nothing_done`."""
    try:
        return bool(reconcile.find(intent.connection, [intent, *intent.legs.all()]))
    except reconcile.CannotLook as trouble:
        raise CannotDecide(f"{nothing_done}: Tradovate's records could not be looked at first. {trouble}") from trouble


def _want_again(intent: OrderIntent, gate: Gate | None) -> bool:
    try:
        return intents.want_again(intent.pk, gate)
    except turns.Refused as late:
        raise CannotDecide(f"Nothing was sent. {late}") from late


def _check(intent: OrderIntent) -> Gate | None:
    """Much may be different from when it was asked for. Raises CannotDecide for what a new order would be refused."""
    if desk.is_reversal(intent.source_key):
        raise CannotDecide("A position may have changed since: press reverse once more, or give this one up.")
    if position_exits.are_exits(intent.source_key):
        # Without the position, or beside other exits, they would open one.
        raise CannotDecide("A position may have changed since: add its exits anew, or give these up.")
    if reconcile.is_past(intent) and not intent.is_command:
        if intent.kind == Kind.LIQUIDATE:
            raise CannotDecide("A position may have changed since: close it anew, or give this one up.")
        if intent.reason != reconcile.DAY_IS_OVER:
            intents.remark(intent, reconcile.DAY_IS_OVER)
            raise CannotDecide(f"Nothing was sent. {reconcile.DAY_IS_OVER}")
    looked_at = timezone.now()
    match intents.wish_of(intent):
        case OrderSpec() as wish:
            vetted = pretrade.vet(wish)
            gate = vetted.gate
        case Modification() as wish:
            if sole.was_changed_after(intent):
                words = (
                    f"Order {wish.order_id} was changed since: look at it, then change it anew, or give this one up."
                )
                raise CannotDecide(f"Nothing was sent. {words}")
            try:
                standing = looks.standing(intent.connection, wish.order_id)
            except looks.CannotAsk as trouble:
                raise CannotDecide(f"Nothing was sent. {trouble}") from trouble
            vetted = pretrade.vet_change(standing, wish.becomes)
            gate = dataclasses.replace(vetted.gate, alone=sole.only_change_since(looked_at))
        case Liquidation():
            return Gate(alone=sole.closes(looked_at))
        case _:
            return None
    if errors := [finding.message for finding in vetted.findings if finding.is_error]:
        raise CannotDecide(f"Nothing was sent. {' '.join(errors)}")
    return gate


def _own(user: User, intent_id: int, decision: str) -> OrderIntent:
    own = OrderIntent.objects.filter(connection__user=user).select_related("account", "connection", "lead")
    intent = own.get(pk=intent_id)
    if intent.state != State.ABSENT:
        raise CannotDecide(f"Nothing is to be decided any more: {intent}. {intent.reason}".strip())
    may = decisions(intent)
    if decision in may:
        return intent
    if intent.lead is not None:
        raise CannotDecide(_NOT_ALONE if may else "This order travels with another one: decide about that one.")
    raise CannotDecide(
        _WENT_ON if may else "This is a line of an order file: resume the file, or give up there what it has not sent."
    )
