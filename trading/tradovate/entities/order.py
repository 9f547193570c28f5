"""Orders and what became of them (openapi.json, schemas of these names).

An Order has no price and no quantity: those are on its OrderVersions, the newest of which holds. A Fill is the only
place with the price that traded, and knows its account only through its order.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import force_setattr

from .base import Entity, Timestamp, TradeDate
from .vocabulary import OrdStatus

FINISHED = frozenset({OrdStatus.CANCELED, OrdStatus.COMPLETED, OrdStatus.EXPIRED, OrdStatus.FILLED, OrdStatus.REJECTED})


class Order(Entity, frozen=True, kw_only=True):
    """An order's identity and state."""

    account_id: int
    action: str
    ord_status: str
    contract_id: int | None = None
    spread_definition_id: int | None = None
    timestamp: Timestamp | None = None
    execution_provider_id: int | None = None
    oco_id: int | None = None
    parent_id: int | None = None
    linked_id: int | None = None
    admin: bool | None = None

    @property
    def finished(self) -> bool:
        """True when nothing can happen to the order any more; a state that we do not know counts as open."""
        return self.ord_status in FINISHED


class OrderVersion(Entity, frozen=True, kw_only=True):
    """Terms of an order, one row per place or modify; quantity in contracts, prices in points."""

    order_id: int
    order_qty: int
    order_type: str
    price: Decimal | None = None
    stop_price: Decimal | None = None
    limit_if_touched_price: Decimal | None = None
    peg_difference: Decimal | None = None
    max_show: int | None = None
    time_in_force: str | None = None
    expire_time: Timestamp | None = None
    text: str | None = None


class Fill(Entity, frozen=True, kw_only=True):
    """One trade of an order; `active` turns false when the exchange busts it."""

    order_id: int
    contract_id: int
    action: str
    qty: int
    price: Decimal
    timestamp: Timestamp
    trade_date: TradeDate | None = None
    active: bool = True
    finally_paired: int | None = None


class FillFee(Entity, frozen=True, kw_only=True):
    """What a fill cost, each part in the currency beside it; its id is the fill's.

    The guide calls the commission `commissionFee` (FillFee, Definition): it is read as `commission`, too.
    """

    clearing_fee: Decimal | None = None
    clearing_currency_id: int | None = None
    exchange_fee: Decimal | None = None
    exchange_currency_id: int | None = None
    nfa_fee: Decimal | None = None
    nfa_currency_id: int | None = None
    brokerage_fee: Decimal | None = None
    brokerage_currency_id: int | None = None
    ip_fee: Decimal | None = None
    ip_currency_id: int | None = None
    commission: Decimal | None = None
    commission_fee: Decimal | None = None
    commission_currency_id: int | None = None
    order_routing_fee: Decimal | None = None
    order_routing_currency_id: int | None = None

    def __post_init__(self) -> None:
        if self.commission is None and self.commission_fee is not None:
            force_setattr(self, "commission", self.commission_fee)

    @property
    def fill_id(self) -> int:
        """The fill these fees belong to."""
        return self.id


class Command(Entity, frozen=True, kw_only=True):
    """A wish to place, modify or cancel; the only entity that echoes our `clOrdId`."""

    order_id: int
    command_type: str
    command_status: str
    timestamp: Timestamp | None = None
    cl_ord_id: str | None = None
    sender_id: int | None = None
    user_session_id: int | None = None
    activation_time: Timestamp | None = None
    custom_tag50: str | None = None
    is_automated: bool | None = None


class CommandReport(Entity, frozen=True, kw_only=True):
    """A step on a command's way, or why it was refused."""

    command_id: int
    command_status: str
    timestamp: Timestamp | None = None
    reject_reason: str | None = None
    text: str | None = None
    ord_status: str | None = None


class ExecutionReport(Entity, frozen=True, kw_only=True):
    """What the exchange said about an order (FIX's message of the same name)."""

    command_id: int | None = None
    order_id: int
    account_id: int
    contract_id: int | None = None
    exec_type: str
    action: str = ""
    name: str = ""
    timestamp: Timestamp | None = None
    trade_date: TradeDate | None = None
    exec_ref_id: str | None = None
    ord_status: str | None = None
    cum_qty: int | None = None
    avg_px: Decimal | None = None
    last_qty: int | None = None
    last_px: Decimal | None = None
    reject_reason: str | None = None
    text: str | None = None
    exchange_order_id: str | None = None


class OrderStrategy(Entity, frozen=True, kw_only=True):
    """A bracket or other multi-order plan that Tradovate runs; `params` is a JSON text."""

    account_id: int
    status: str
    contract_id: int | None = None
    timestamp: Timestamp | None = None
    order_strategy_type_id: int | None = None
    initiator_id: int | None = None
    action: str = ""
    params: str | None = None
    uuid: str | None = None
    failure_message: str | None = None
    sender_id: int | None = None
    custom_tag50: str | None = None
    user_session_id: int | None = None


class OrderStrategyLink(Entity, frozen=True, kw_only=True):
    """An order that belongs to a strategy, and its part in it."""

    order_strategy_id: int
    order_id: int
    label: str = ""


class OrderStrategyType(Entity, frozen=True, kw_only=True):
    """A kind of strategy; id 2 is the bracket."""

    name: str = ""
    enabled: bool | None = None
