"""What is about all of a position is made by one press at a time: two that saw the same one would trade it twice.

Each function here makes the `alone` of a gate (trading.orders.turns): it is asked while nobody else makes an order for
the account, so that of two presses at the same time the second one sees what the first one has made.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from typing import Final

from django.db.models import Q, QuerySet
from django.utils import timezone

from trading.models import IntentTransition, OrderIntent
from trading.orders.checks import Finding, error
from trading.orders.states import UNANSWERED, Kind, State
from trading.orders.turns import Refused

Alone = Callable[[OrderIntent], list[Finding]]

# What the key of a reversal's order ends with, and that of the exits of a position.
OF_REVERSAL: Final = ":reversal"
OF_EXITS: Final = ":exits"
# A closing that was last heard of longer ago keeps nobody from another one: its end may have been missed.
CLOSES_WITHIN: Final = dt.timedelta(seconds=10)
_COMMANDS = (Kind.MODIFY, Kind.CANCEL)
# An answer that was lost longer ago than this is nothing to wait for: a trading day has ended since.
_DOUBTED_FOR = dt.timedelta(days=1)
_CAME_TO_NOTHING: Final = (State.REJECTED, State.CANCELLED, State.ABSENT)
_ENDED_WELL: Final = (State.FILLED, State.DONE)
_CLOSING: Final = (State.CREATED, *UNANSWERED, State.ACCEPTED, State.WORKING)


class UnderWay(Refused):
    """Another press closes the position, or turns it around, already: `other` is its intent."""

    def __init__(self, other: OrderIntent) -> None:
        self.other = other
        does = "turned around" if other.source_key.endswith(OF_REVERSAL) else "closed"
        super().__init__([error("position", f"{other.symbol} is being {does} already, by another press.")])


def unchanged_since(looked_at: dt.datetime, action: str = "", but: Collection[int] = ()) -> Alone:
    """The position is as it was at `looked_at`, as far as this portal's orders go; with `action` only orders of that
    side count, and closings. Orders `but` (Tradovate's ids) whose fills were compared do not count once cancelled."""

    def alone(intent: OrderIntent) -> list[Finding]:
        ours = _others(intent).filter(symbol=intent.symbol).exclude(kind__in=_COMMANDS)
        if action:
            ours = ours.filter(Q(action=action) | Q(kind=Kind.LIQUIDATE))
        has_not_traded = Q(filled_qty=0) | Q(order_id_at_broker__in=but)
        others = ours.exclude(has_not_traded, state__in=_CAME_TO_NOTHING)
        now = timezone.now()
        doubted = Q(state__in=UNANSWERED, created_at__gte=now - _DOUBTED_FOR)
        closing = Q(kind=Kind.LIQUIDATE, state__in=_CLOSING, changed_at__gte=now - CLOSES_WITHIN)
        if others.filter(doubted | closing | Q(changed_at__gte=looked_at)).exists():
            words = f"Another order in {intent.symbol} is under way. Look at your position, then decide anew."
            return [error("position", words)]
        return []

    return alone


def only_change_since(looked_at: dt.datetime) -> Alone:
    """No other change of the same order went out, or was answered, since `looked_at`. For changes: what they do not
    touch they repeat as it was then, and would take back what another one has done to it."""

    def alone(intent: OrderIntent) -> list[Finding]:
        others = _others(intent).filter(kind=Kind.MODIFY, target_order_id=intent.target_order_id)
        going = Q(state=State.SUBMITTING, changed_at__gte=timezone.now() - CLOSES_WITHIN)
        answered = Q(transitions__step=IntentTransition.Step.ACKNOWLEDGED, transitions__at__gte=looked_at)
        since = others.exclude(state__in=_CAME_TO_NOTHING)
        if since.filter(going | answered | Q(created_at__gte=looked_at)).exists():
            words = f"Another change of order {intent.target_order_id} is under way. Look at it, then change it anew."
            return [error("order_id", words)]
        return []

    return alone


def was_changed_after(change: OrderIntent) -> bool:
    """Whether a later change of the same order may have taken effect: the terms of this one are of before that."""
    later = _others(change).filter(kind=Kind.MODIFY, target_order_id=change.target_order_id, pk__gt=change.pk)
    return later.exclude(state__in=(*_CAME_TO_NOTHING, State.INEFFECTIVE)).exists()


def closes(asked_at: dt.datetime, but: Collection[int] = ()) -> Alone:
    """Nothing else closes a position, or turns it around, or has done so since `asked_at`; `but` are intents that do
    not count. Raises UnderWay. For liquidations."""

    def alone(intent: OrderIntent) -> list[Finding]:
        same = Q(kind=Kind.LIQUIDATE, spec__contract_id=intent.spec["contract_id"])
        same |= Q(symbol=intent.symbol, source_key__endswith=OF_REVERSAL)
        going = Q(state__in=_CLOSING, changed_at__gte=timezone.now() - CLOSES_WITHIN)
        ended = Q(state__in=_ENDED_WELL, changed_at__gte=asked_at)
        if other := _others(intent).filter(same, going | ended).exclude(pk__in=but).order_by("-pk").first():
            raise UnderWay(other)
        return []

    return alone


def _others(intent: OrderIntent) -> QuerySet[OrderIntent]:
    return OrderIntent.objects.filter(account=intent.account_id).exclude(source_key=intent.source_key)
