"""One request for every kind of message, and of every reply the ids that it gives."""

from __future__ import annotations

from dataclasses import dataclass

from trading.orders.messages import AnyMessage
from trading.tradovate import Priority, Tradovate
from trading.tradovate.entities import (
    CancelOrder,
    LiquidatePosition,
    ModifyOrder,
    PlaceOCO,
    PlaceOrder,
    PlaceOSO,
    StartOrderStrategy,
)
from trading.tradovate.errors import BadReply


@dataclass(frozen=True)
class Reply:
    """The ids of what Tradovate has taken. `leg_order_ids` has one for each leg, None where the reply named none."""

    order_id: int | None = None
    leg_order_ids: tuple[int | None, ...] = ()
    command_id: int | None = None
    strategy_id: int | None = None


async def send(client: Tradovate, message: AnyMessage, priority: Priority | None = None) -> Reply:
    """Send a message with one request that is never repeated; `priority` is for what is no way out. Raises
    TradovateError."""
    match message:
        case PlaceOrder():
            return Reply((await client.order.place(message, priority=priority)).order_id)
        case PlaceOCO():
            pair = await client.order.place_oco(message, priority=priority)
            return Reply(pair.order_id, (pair.oco_id,))
        case PlaceOSO():
            group = await client.order.place_oso(message, priority=priority)
            exits = (group.oso1_id,) if message.bracket2 is None else (group.oso1_id, group.oso2_id)
            return Reply(group.order_id, exits)
        case StartOrderStrategy():
            started = await client.order_strategy.start(message, priority=priority)
            if started.order_strategy is None:
                raise BadReply("Tradovate's answer names no strategy.")
            return Reply(strategy_id=started.order_strategy.id)
        case ModifyOrder():
            return Reply(command_id=(await client.order.modify(message, priority=priority)).command_id)
        case CancelOrder():
            return Reply(command_id=(await client.order.cancel(message)).command_id)
        case LiquidatePosition():
            return Reply((await client.order.liquidate_position(message)).order_id)


async def entry_of(client: Tradovate, strategy_id: int) -> int | None:
    """The first order that a strategy has sent: its entry. None before there is one. Raises TradovateError."""
    links = await client.order_strategy_link.deps(strategy_id)
    return min((link.order_id for link in links), default=None)
