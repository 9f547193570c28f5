"""An order at Tradovate, wherever it was placed, as the spec that would place it again."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from trading.orders import in_force
from trading.orders.prices import Distance
from trading.orders.spec import Bracket, InvalidSpec, LinkedOrder, OrderSpec, Problem, prices_taken
from trading.tradovate import Tradovate
from trading.tradovate.entities import Command, CommandType, Order, OrderStrategy, OrderVersion
from trading.tradovate.entities.codec import decode_plain


class NoSuchOrder(LookupError):
    """Tradovate shows no such order today; the text says so to the trader."""


@dataclass(frozen=True)
class Recorded:
    """An order with its terms (in_force)."""

    order: Order
    version: OrderVersion


@dataclass(frozen=True)
class Plan:
    """Orders that were placed together: the one they began with, and what hangs on it."""

    first: Recorded
    symbol: str
    is_automated: bool
    other: Recorded | None = None
    children: tuple[Recorded, ...] = ()
    strategy: OrderStrategy | None = None


def spec_of(plan: Plan, account_id: int) -> OrderSpec:
    """The spec of a plan for `account_id`, the primary key of trading.models.Account.

    Raises InvalidSpec for an order that no spec can say, such as a type for Tradovate's own use.
    """
    return OrderSpec(
        account_id=account_id,
        symbol=plan.symbol,
        order_qty=plan.first.version.order_qty,
        is_automated=plan.is_automated,
        other=None if plan.other is None else LinkedOrder(**_terms(plan.other)),
        triggers=tuple(LinkedOrder(**_terms(child)) for child in plan.children),
        brackets=() if plan.strategy is None else tuple(_brackets(plan.strategy)),
        **_terms(plan.first),
    )


def _terms(recorded: Recorded) -> dict[str, Any]:
    version = recorded.version
    time_in_force = version.time_in_force or "Day"
    return {
        "action": recorded.order.action,
        "order_type": version.order_type,
        "time_in_force": time_in_force,
        "text": version.text or "",
        # Tradovate may keep terms beside those that an order of its kind has.
        "max_show": version.max_show or None,
        "expire_time": version.expire_time if time_in_force == "GTD" else None,
        **{name: getattr(version, name) for name in prices_taken(version.order_type)},
    }


class _BracketParams(msgspec.Struct, rename="camel"):
    qty: int
    profit_target: Decimal | None = None
    stop_loss: Decimal | None = None
    trailing_stop: bool = False
    auto_trail: dict[str, Any] | None = None


def _brackets(strategy: OrderStrategy) -> Iterable[Bracket]:
    """The brackets of a strategy's params; their offsets are signed (protocol notes, "Orders"). Raises InvalidSpec."""
    params = decode_plain(strategy.params or "{}")
    for kept in msgspec.convert(params.get("brackets", []), list[_BracketParams], strict=False):
        if kept.auto_trail:
            raise InvalidSpec(Problem("brackets", "Its stop begins to trail later, by autoTrail."))
        yield Bracket(
            order_qty=kept.qty,
            profit_target=None if kept.profit_target is None else Distance(abs(kept.profit_target)),
            stop_loss=None if kept.stop_loss is None else Distance(abs(kept.stop_loss)),
            trailing_stop=kept.trailing_stop,
        )


async def recall(client: Tradovate, order_id: int | None = None) -> tuple[int, Plan]:
    """The account (Tradovate's id) and plan of an order of today, or of the latest one that was placed.

    A child is recalled with its parent and its sibling, an OCO as a pair, a strategy's entry with its brackets. Exits
    whose entry Tradovate lists no longer are a pair by themselves. Raises NoSuchOrder, TradovateError.
    """
    orders = {order.id: order for order in await client.order.list()}
    if order_id is None and not orders:
        raise NoSuchOrder("You have placed no order today.")
    wanted = max(orders) if order_id is None else order_id
    if wanted not in orders:
        raise NoSuchOrder(f"Tradovate shows no order {wanted} today.")
    strategy, entry = await _strategy(client, orders, wanted)
    first = _beginning(orders, entry or orders[wanted])
    children = [] if strategy else [order for order in orders.values() if order.parent_id == first.id]
    other = orders.get(first.oco_id) if first.oco_id and not strategy else None
    family = [first, *children, *([other] if other else [])]
    versions = await client.order_version.ldeps([order.id for order in family])
    refused = await in_force.refused(client, versions)
    recorded = {order.id: Recorded(order, _newest(order, versions, refused)) for order in family}
    commands = await client.command.deps(first.id)
    contract = await client.contract.item(first.contract_id or 0)
    return first.account_id, Plan(
        first=recorded[first.id],
        symbol=contract.name,
        is_automated=_is_automated(commands),
        other=recorded[other.id] if other else None,
        children=tuple(recorded[child.id] for child in sorted(children, key=lambda child: child.id)),
        strategy=strategy,
    )


def _beginning(orders: dict[int, Order], order: Order) -> Order:
    """The order that the others of its group hang on: the parent, of a pair the one that came first."""
    if order.parent_id in orders:
        return orders[order.parent_id]
    return min((order, orders.get(order.oco_id or 0, order)), key=lambda one: one.id)


async def _strategy(
    client: Tradovate, orders: Mapping[int, Order], order_id: int
) -> tuple[OrderStrategy | None, Order | None]:
    """The strategy that an order belongs to, and its entry, the first order that it sent; nothing when that is not
    among `orders`."""
    links = await client.order_strategy_link.list()
    mine = next((link.order_strategy_id for link in links if link.order_id == order_id), None)
    if mine is None:
        return None, None
    strategy = await client.order_strategy.item(mine)
    entry = orders.get(min(link.order_id for link in links if link.order_strategy_id == mine))
    # Without the link of its entry an exit is the first.
    return (None, None) if entry is None or strategy.action not in ("", entry.action) else (strategy, entry)


def _newest(order: Order, versions: Sequence[OrderVersion], refused: Container[int]) -> OrderVersion:
    newest = in_force.in_force(order, versions, refused)
    if newest is None:
        raise NoSuchOrder(f"Tradovate shows no terms of order {order.id}.")
    return newest


def _is_automated(commands: Sequence[Command]) -> bool:
    """False only for an order that a human is recorded to have clicked."""
    return not any(command.command_type == CommandType.NEW and command.is_automated is False for command in commands)
