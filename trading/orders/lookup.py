"""What Tradovate's own records have of our intents. Only reads; what is made of it is in `reconcile` and `verify`.

    order, pair, order with exits, leg    the New command that carries its clOrdId names the order
    closing of a position                 the New command that carries its customTag50
    strategy                              OrderStrategy.uuid; its first OrderStrategyLink names the entry
    change, cancellation                  the command about the order that carries its clOrdId

Commands that are refused later say why in their reports (official guide, CommandReport).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from trading.models import OrderIntent
from trading.orders import reports
from trading.orders.reasons import REFUSED, UNEXPLAINED, of_commands, strategy_failure
from trading.orders.states import Kind
from trading.tradovate import Tradovate
from trading.tradovate.entities import Command, CommandReport, CommandType, Fill, Order, OrderStrategy, OrdStatus

# So many orders' commands are asked for at a time when the list of commands does not have the clOrdId.
ORDERS_AT_A_TIME: Final = 50


@dataclass(frozen=True)
class Found:
    """What an intent has become at Tradovate: an order, a strategy or a command about an order. `filled_qty` are
    contracts, `average_price` is in points; `reason` says why it was refused, in words."""

    order_id: int | None = None
    status: str = ""
    filled_qty: int = 0
    average_price: Decimal | None = None
    reason: str = ""
    command_id: int | None = None
    strategy_id: int | None = None
    is_refused: bool = False


@dataclass(frozen=True)
class Answers:
    """Commands as they are, and why they were refused, in words, by command id; those that were not are left out."""

    commands: Sequence[Command]
    refusals: dict[int, str]


async def search(client: Tradovate, wanted: Collection[OrderIntent]) -> dict[int, Found]:
    """What Tradovate has of these intents, by their primary keys; what it does not have is left out.

    One request, and a few more for what is found. Raises TradovateError.
    """
    about = [intent for intent in wanted if intent.is_command]
    strategies = [intent for intent in wanted if intent.kind == Kind.BRACKET]
    orders = [intent for intent in wanted if not intent.is_command and intent.kind != Kind.BRACKET]
    found = await _orders(client, orders) if orders else {}
    if strategies:
        found |= await _strategies(client, strategies)
    if about:
        found |= await _commands(client, about)
    return found


async def entries(client: Tradovate, strategy_ids: Collection[int]) -> dict[int, Found]:
    """What has become of strategies, by their ids: the entry as far as it has been sent, or why there is none."""
    strategies = await client.order_strategy.items(strategy_ids)
    return await _described(client, {strategy.id: strategy for strategy in strategies})


async def answers(client: Tradovate, command_ids: Collection[int]) -> Answers:
    """What became of commands: two requests."""
    commands, said = await asyncio.gather(client.command.items(command_ids), client.command_report.ldeps(command_ids))
    return Answers(commands, _refused(commands, said))


def _refused(commands: Iterable[Command], said: Iterable[CommandReport]) -> dict[int, str]:
    """As `Answers.refusals`: a command may say by its status alone that it came to nothing."""
    return {one.id: UNEXPLAINED for one in commands if one.command_status in REFUSED} | of_commands(said)


async def _orders(client: Tradovate, wanted: Collection[OrderIntent]) -> dict[int, Found]:
    ids = {intent.cl_ord_id for intent in wanted}
    commands = await client.command.list()
    placed = _placed(commands, ids)
    if len(placed) < len(ids):
        # A list that is cut short must not pass for "not there".
        known = {command.order_id for command in commands if command.command_type == CommandType.NEW}
        strangers = sorted(order.id for order in await client.order.list() if order.id not in known)
        for start in range(0, len(strangers), ORDERS_AT_A_TIME):
            some = strangers[start : start + ORDERS_AT_A_TIME]
            placed |= _placed(await client.command.ldeps(some), ids)
    if not placed:
        return {}
    described = await orders_now(client, {command.order_id for command in placed.values()})
    became = {tag: described.get(command.order_id) or _by_command(command) for tag, command in placed.items()}
    return {intent.pk: became[tag] for intent in wanted if (tag := intent.cl_ord_id) in became}


def _by_command(command: Command) -> Found:
    """What is known of an order that Tradovate does not serve: it took the command, or refused it."""
    if command.command_status in REFUSED:
        return Found(command_id=command.id, reason=UNEXPLAINED, is_refused=True)
    return Found(command.order_id)


def _placed(commands: Iterable[Command], wanted: Collection[str]) -> dict[str, Command]:
    """The commands that placed an order, by clOrdId: a modify or cancel may carry another one."""
    return {
        tag: command
        for command in commands
        for tag in (command.cl_ord_id, command.custom_tag50)
        if tag is not None and tag in wanted and command.command_type == CommandType.NEW
    }


async def orders_now(client: Tradovate, order_ids: Collection[int]) -> dict[int, Found]:
    """Orders as they are, by their ids, with their fills of the day and why they were refused; those that Tradovate
    does not serve are left out. Raises TradovateError."""
    orders = await client.order.items(order_ids)
    fills = [fill for fill in await client.fill.ldeps(order_ids) if fill.active]
    rejected = [order.id for order in orders if order.ord_status == OrdStatus.REJECTED]
    reasons = await _why(client, rejected) if rejected else {}
    return {order.id: _found(order, fills, reasons.get(order.id, "")) for order in orders}


async def _why(client: Tradovate, order_ids: Collection[int]) -> dict[int, str]:
    placed = [one for one in await client.command.ldeps(order_ids) if one.command_type == CommandType.NEW]
    said = of_commands(await client.command_report.ldeps([command.id for command in placed]))
    return {command.order_id: said[command.id] for command in placed if command.id in said}


def _found(order: Order, fills: Iterable[Fill], reason: str) -> Found:
    own = [fill for fill in fills if fill.order_id == order.id]
    filled = sum(fill.qty for fill in own)
    average = sum((fill.qty * fill.price for fill in own), Decimal()) / filled if filled else None
    return Found(
        order_id=order.id,
        status=order.ord_status,
        filled_qty=filled,
        average_price=None if average is None else average.quantize(reports.AVERAGE_PLACES),
        reason=reason,
    )


async def _strategies(client: Tradovate, wanted: Collection[OrderIntent]) -> dict[int, Found]:
    uuids = {intent.cl_ord_id: intent.pk for intent in wanted}
    strategies = await client.order_strategy.list()
    ours = [one for one in strategies if one.uuid in uuids]
    if len(ours) < len(uuids):
        # As for commands: what has orders and is not in the list is asked for by its id.
        known = {one.id for one in strategies}
        strangers = {link.order_strategy_id for link in await client.order_strategy_link.list()} - known
        ours += [one for one in await client.order_strategy.items(sorted(strangers)) if one.uuid in uuids]
    described = await _described(client, {one.id: one for one in ours}) if ours else {}
    return {uuids[one.uuid or ""]: described[one.id] for one in ours}


async def _described(client: Tradovate, strategies: Mapping[int, OrderStrategy]) -> dict[int, Found]:
    first: dict[int, int] = {}
    for link in await client.order_strategy_link.ldeps(strategies.keys()):
        first[link.order_strategy_id] = min(link.order_id, first.get(link.order_strategy_id, link.order_id))
    orders = await orders_now(client, first.values()) if first else {}
    return {key: _strategy(one, orders.get(first.get(key, 0))) for key, one in strategies.items()}


def _strategy(strategy: OrderStrategy, entry: Found | None) -> Found:
    words = strategy_failure(strategy.failure_message or "")
    if entry is None:
        return Found(strategy_id=strategy.id, reason=words, is_refused=bool(words))
    return Found(
        order_id=entry.order_id,
        status=entry.status,
        filled_qty=entry.filled_qty,
        average_price=entry.average_price,
        reason=entry.reason or words,
        strategy_id=strategy.id,
    )


async def _commands(client: Tradovate, wanted: Collection[OrderIntent]) -> dict[int, Found]:
    ids = {intent.cl_ord_id: intent.pk for intent in wanted}
    about = {intent.target_order_id for intent in wanted if intent.target_order_id is not None}
    ours = [
        command
        for command in await client.command.ldeps(sorted(about))
        if command.cl_ord_id in ids and command.command_type != CommandType.NEW
    ]
    said = _refused(ours, await client.command_report.ldeps([command.id for command in ours]) if ours else [])
    return {
        ids[command.cl_ord_id or ""]: Found(
            command_id=command.id, reason=said.get(command.id, ""), is_refused=command.id in said
        )
        for command in ours
    }
