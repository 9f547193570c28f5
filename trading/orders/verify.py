"""Whether what Tradovate accepted took effect: an accepted command says nothing yet about the order.

    change        done once it is reported as Replaced, or the order's terms are the new ones and nothing of it is under
                  way; rejected when a report refuses it, however late; ineffective when after the settle time the order
                  still has its old terms; still accepted while it is under way, and it says so when that takes long
    cancellation  done with the order's end (`reports`); rejected when a report refuses it
    strategy      followed as its entry, once that is known; rejected when its failureMessage says why there is none

The stream tells it first where the hub is connected (`observe_answer`, `observe_strategy`). What it has not told after
the settle time is looked up here: a few requests for all of a connection, ever more seldom.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.db.models import Q, QuerySet
from django.utils import timezone
from msgspec import structs

from trading.models import OrderIntent
from trading.orders import in_force, intents, lookup, reconcile, reports, when_to_look
from trading.orders.prices import plain
from trading.orders.spec import OrderSpec
from trading.orders.states import STATE_OF_STATUS, Kind, State
from trading.tradovate import Tradovate
from trading.tradovate.entities import CommandStatus, ExecType, Order, OrderVersion, OrdStatus

# What is looked for here.
ACCEPTED: Final = "accepted"
# What is not clear within a day is Tradovate's no more: it serves the current trading day only.
GIVEN_UP_AFTER: Final = dt.timedelta(days=1)
# A change that is not through the broker's risk check or the exchange by then says so.
LONG_UNDER_WAY: Final = dt.timedelta(minutes=1)
_UNDER_WAY: Final = frozenset(
    {CommandStatus.PENDING, CommandStatus.RISK_PASSED, CommandStatus.ON_HOLD, CommandStatus.PENDING_EXECUTION}
)
_TERMS: Final = (
    *("order_qty", "order_type", "price", "stop_price", "limit_if_touched_price"),
    *("peg_difference", "max_show", "time_in_force"),
)
_STILL_UNDER_WAY: Final = "Tradovate has not said what came of the change. Look at the order before you rely on it."


@dataclass(frozen=True)
class _Seen:
    """What Tradovate's records say of commands and the orders that they are about, and of strategies."""

    refusals: dict[int, str]
    under_way: frozenset[int]
    replaced: frozenset[int]
    orders: dict[int, Order]
    versions: Sequence[OrderVersion]
    strategies: dict[int, lookup.Found]


def due(now: dt.datetime, *only: int) -> list[int]:
    """The connections (primary keys), all or of these, that have something accepted whose effect is to be looked up
    now."""
    waiting = _waiting(now)
    return when_to_look.due(waiting.filter(connection__in=only) if only else waiting, ACCEPTED, now)


def look(connection_id: int) -> list[int]:
    """Look up the effect of all that is accepted of a connection; the ids of the intents that changed.

    For threads without a running event loop, outside a transaction. Raises nothing when Tradovate cannot be asked.
    """
    now = timezone.now()
    waiting = list(_waiting(now).filter(connection_id=connection_id).order_by("pk"))
    if not waiting:
        return []
    intent_ids = [intent.pk for intent in waiting]
    seen = reconcile.look_for(connection_id, intent_ids, ACCEPTED, lambda client: _see(client, waiting))
    if seen is None:
        return []
    return [pk for intent in waiting for pk in _judge(intent, seen)]


def observe_answer(
    connection_id: int, cl_ord_id: str, command_id: int, *, took: bool = False, refusal: str = ""
) -> list[int]:
    """Take the broker's record of a change or cancellation of ours: that it is there, that it took effect, or why it
    was refused, in words. Returns the ids of the intents that changed."""
    ours = OrderIntent.objects.filter(
        connection_id=connection_id, cl_ord_id=cl_ord_id, kind__in=[Kind.MODIFY, Kind.CANCEL]
    )
    changed = []
    for intent in ours:
        moved = reports.accept(intent.pk, detail="seen in Tradovate's records", command_id=command_id)
        if refusal:
            moved |= _refuse(intent, refusal)
        elif took and intent.kind == Kind.MODIFY:
            moved |= _done(intent.pk)
        changed += [intent.pk] if moved else []
    return changed


def observe_strategy(
    connection_id: int, uuid: str, strategy_id: int, entry: int | None, refusal: str = ""
) -> list[int]:
    """Take the broker's record of a strategy of ours: the order id of its entry as soon as it has one, or why it has
    none. Returns the ids of the intents that changed."""
    ours = OrderIntent.objects.filter(connection_id=connection_id, cl_ord_id=uuid, kind=Kind.BRACKET)
    changed = []
    for intent in ours:
        moved = reports.accept(intent.pk, detail="seen in Tradovate's records", strategy_id=strategy_id)
        if entry is not None:
            moved |= reports.name_entry(intent.pk, entry)
        elif refusal:
            moved |= _refuse(intent, refusal)
        changed += [intent.pk] if moved else []
    return changed


def _waiting(now: dt.datetime) -> QuerySet[OrderIntent]:
    ours = OrderIntent.objects.filter(
        Q(kind__in=[Kind.MODIFY, Kind.CANCEL], command_id_at_broker__isnull=False)
        | Q(kind=Kind.BRACKET, strategy_id_at_broker__isnull=False, order_id_at_broker=None),
        state=State.ACCEPTED,
        created_at__gt=now - GIVEN_UP_AFTER,
    )
    return ours.filter(changed_at__lte=now - reconcile.SETTLE)


async def _see(client: Tradovate, waiting: Sequence[OrderIntent]) -> _Seen:
    about = [intent for intent in waiting if intent.is_command]
    commands = [intent.command_id_at_broker for intent in about if intent.command_id_at_broker is not None]
    changed = {i.target_order_id for i in about if i.kind == Kind.MODIFY and i.target_order_id is not None}
    targets = {i.target_order_id for i in about if i.target_order_id is not None}
    strategies = [i.strategy_id_at_broker for i in waiting if not i.is_command and i.strategy_id_at_broker is not None]
    executed = await client.execution_report.ldeps(commands) if changed else []
    versions = await client.order_version.ldeps(changed) if changed else []
    asked = {*commands, *(version.id for version in versions)}
    answers = await lookup.answers(client, asked) if asked else lookup.Answers([], {})
    return _Seen(
        refusals=answers.refusals,
        under_way=frozenset(one.id for one in answers.commands if one.command_status in _UNDER_WAY),
        replaced=frozenset(r.command_id for r in executed if r.exec_type == ExecType.REPLACED and r.command_id),
        orders={order.id: order for order in await client.order.items(targets)} if targets else {},
        versions=versions,
        strategies=await lookup.entries(client, strategies) if strategies else {},
    )


def _judge(intent: OrderIntent, seen: _Seen) -> list[int]:
    if intent.kind == Kind.BRACKET:
        found = seen.strategies.get(intent.strategy_id_at_broker or 0)
        return [intent.pk] if found is not None and _judge_strategy(intent, found) else []
    if refusal := seen.refusals.get(intent.command_id_at_broker or 0):
        return [intent.pk] if _refuse(intent, refusal) else []
    order = seen.orders.get(intent.target_order_id or 0)
    if order is None:
        return []
    if intent.kind == Kind.MODIFY:
        return [intent.pk] if _judge_change(intent, order, seen) else []
    return reports.observe_order(intent.connection_id, order.id, order.ord_status) if order.finished else []


def _judge_strategy(intent: OrderIntent, found: lookup.Found) -> bool:
    if found.order_id is None:
        return found.is_refused and _refuse(intent, found.reason)
    named = reports.name_entry(intent.pk, found.order_id)
    reports.observe_order(
        intent.connection_id, found.order_id, found.status, found.filled_qty, found.average_price, found.reason
    )
    return named


def _judge_change(intent: OrderIntent, order: Order, seen: _Seen) -> bool:
    newest = in_force.in_force(order, seen.versions, seen.refusals)
    wanted = intents.wish_of(intent).becomes  # type: ignore[union-attr]  # of a change
    under_way = _is_under_way(intent, order, seen)
    has_it = newest is not None and _has(newest, wanted) and not under_way
    if intent.command_id_at_broker in seen.replaced or has_it:
        return _done(intent.pk)
    if order.finished:
        ended = STATE_OF_STATUS.get(order.ord_status)
        return _changed_nothing(intent, f"The order was {ended.label if ended else 'over'} before it could be changed.")
    if under_way:
        # It may still take effect: nobody may count on the old terms.
        is_late = timezone.now() - intent.changed_at >= LONG_UNDER_WAY
        return is_late and intents.remark(intent, _STILL_UNDER_WAY)
    stands = f"{newest.order_qty} at {_prices(newest)}" if newest is not None else "as it was"
    words = f"Tradovate accepted the change, but the order still stands: {stands}."
    return _changed_nothing(intent, words)


def _is_under_way(intent: OrderIntent, order: Order, seen: _Seen) -> bool:
    """Whether the broker has written down the order's version that the change brings, but not what came of it."""
    command = intent.command_id_at_broker
    if all(version.id != command for version in seen.versions):
        return False
    return order.ord_status == OrdStatus.PENDING_REPLACE or command in seen.under_way


def _has(version: OrderVersion, wanted: OrderSpec) -> bool:
    has = structs.replace(version, time_in_force=version.time_in_force or "Day")
    return all(getattr(has, name) == value for name in _TERMS if (value := getattr(wanted, name)) is not None)


def _prices(version: OrderVersion) -> str:
    prices: list[Decimal] = [price for price in (version.stop_price, version.price) if price is not None]
    return " / ".join(plain(price) for price in prices) or "the market"


def _done(intent_id: int) -> bool:
    """Also of what seemed to change nothing: it only took long."""
    was = {State.ACCEPTED, State.INEFFECTIVE}
    return intents.transition(intent_id, was, State.DONE, "took effect", step=intents.Step.EXCHANGE, reason="")


def _refuse(intent: OrderIntent, words: str) -> bool:
    """Also of a change that seemed to have taken effect, or to have changed nothing: this is the broker's own word."""
    was = {State.ACCEPTED, State.DONE, State.INEFFECTIVE} if intent.kind == Kind.MODIFY else {State.ACCEPTED}
    return intents.transition(intent.pk, was, State.REJECTED, words, reason=words)


def _changed_nothing(intent: OrderIntent, words: str) -> bool:
    return intents.transition(
        intent.pk, {State.ACCEPTED}, State.INEFFECTIVE, words, at_version=intent.version, reason=words
    )
