"""Tradovate's entities as the simulator sends them (openapi.json, components.schemas).

Field names are snake_case here and camelCase on the wire. Money and prices are Decimal and travel as JSON
numbers. A field that is None is left out, as the real service leaves it out.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(value: Any) -> bytes:
    """JSON of entities, lists and dicts, with Decimal as a number."""
    return _encoder.encode(value)


def raw(value: Any) -> msgspec.Raw:
    """The same, to be put into other JSON as it is."""
    return msgspec.Raw(_encoder.encode(value))


class Entity(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """Anything with an id."""

    id: int


class TradeDate(msgspec.Struct):
    """A trading day."""

    year: int
    month: int
    day: int

    @classmethod
    def of(cls, day: date) -> TradeDate:
        return cls(day.year, day.month, day.day)


class User(Entity, kw_only=True):
    name: str
    timestamp: str
    email: str
    status: str = msgspec.field(default_factory=lambda: "Active")
    professional: bool


class Account(Entity, kw_only=True):
    """`active` left the documented shape in 2026 and `restricted`, `closed` came: both are sent."""

    name: str
    user_id: int
    account_type: str
    active: bool
    clearing_house_id: int
    risk_category_id: int
    auto_liq_profile_id: int
    margin_account_type: str
    legal_status: str
    timestamp: str
    readonly: bool
    restricted: bool
    closed: bool


class CashBalance(Entity, kw_only=True):
    account_id: int
    timestamp: str
    trade_date: TradeDate
    currency_id: int
    amount: Decimal
    realized_pnl: Decimal = msgspec.field(name="realizedPnL")
    week_realized_pnl: Decimal = msgspec.field(name="weekRealizedPnL")
    amount_sod: Decimal = msgspec.field(name="amountSOD")


class CashBalanceLog(Entity, kw_only=True):
    account_id: int
    timestamp: str
    trade_date: TradeDate
    currency_id: int
    amount: Decimal
    realized_pnl: Decimal = msgspec.field(name="realizedPnL")
    week_realized_pnl: Decimal = msgspec.field(name="weekRealizedPnL")
    cash_change_type: str
    fill_pair_id: int | None = None
    fill_id: int | None = None
    comment: str | None = None
    delta: Decimal


class MarginSnapshot(Entity, kw_only=True):
    """Its id is the account's id."""

    timestamp: str
    risk_time_period_id: int
    initial_margin: Decimal
    maintenance_margin: Decimal
    auto_liq_level: Decimal
    liq_only_level: Decimal
    total_used_margin: Decimal
    full_initial_margin: Decimal
    position_margin: Decimal
    total_used_full_margin: Decimal


class Position(Entity, kw_only=True):
    account_id: int
    contract_id: int
    timestamp: str
    trade_date: TradeDate
    net_pos: int
    net_price: Decimal | None = None
    bought: int
    bought_value: Decimal
    sold: int
    sold_value: Decimal
    prev_pos: int
    prev_price: Decimal | None = None


class Order(Entity, kw_only=True):
    account_id: int
    contract_id: int
    timestamp: str
    action: str
    ord_status: str
    execution_provider_id: int
    oco_id: int | None = None
    parent_id: int | None = None
    linked_id: int | None = None
    admin: bool


class OrderVersion(Entity, kw_only=True):
    order_id: int
    order_qty: int
    order_type: str
    price: Decimal | None = None
    stop_price: Decimal | None = None
    limit_if_touched_price: Decimal | None = None
    peg_difference: Decimal | None = None
    max_show: int | None = None
    time_in_force: str
    expire_time: str | None = None
    text: str | None = None


class Command(Entity, kw_only=True):
    order_id: int
    timestamp: str
    cl_ord_id: str | None = None
    command_type: str
    command_status: str
    sender_id: int
    user_session_id: int | None = None
    activation_time: str | None = None
    custom_tag50: str | None = msgspec.field(default=None, name="customTag50")
    is_automated: bool


class CommandReport(Entity, kw_only=True):
    command_id: int
    timestamp: str
    command_status: str
    reject_reason: str | None = None
    text: str | None = None
    ord_status: str | None = None


class ExecutionReport(Entity, kw_only=True):
    command_id: int
    name: str
    account_id: int
    contract_id: int
    timestamp: str
    trade_date: TradeDate
    order_id: int
    exec_type: str
    exec_ref_id: str | None = None
    ord_status: str
    action: str
    cum_qty: int
    avg_px: Decimal | None = None
    last_qty: int | None = None
    last_px: Decimal | None = None
    reject_reason: str | None = None
    text: str | None = None
    exchange_order_id: str


class Fill(Entity, kw_only=True):
    order_id: int
    contract_id: int
    timestamp: str
    trade_date: TradeDate
    action: str
    qty: int
    price: Decimal
    active: bool
    finally_paired: int


class FillFee(Entity, kw_only=True):
    """Its id is the fill's id. Amounts are dollars for the whole fill."""

    clearing_fee: Decimal
    clearing_currency_id: int
    exchange_fee: Decimal
    exchange_currency_id: int
    nfa_fee: Decimal
    nfa_currency_id: int
    commission: Decimal
    commission_currency_id: int


class FillPair(Entity, kw_only=True):
    position_id: int
    buy_fill_id: int
    sell_fill_id: int
    qty: int
    buy_price: Decimal
    sell_price: Decimal
    active: bool


class OrderStrategy(Entity, kw_only=True):
    """`params` is the JSON text that started it."""

    account_id: int
    timestamp: str
    contract_id: int
    order_strategy_type_id: int
    initiator_id: int | None = None
    action: str
    params: str | None = None
    uuid: str | None = None
    status: str
    failure_message: str | None = None
    sender_id: int | None = None
    custom_tag50: str | None = msgspec.field(default=None, name="customTag50")
    user_session_id: int | None = None


class OrderStrategyLink(Entity, kw_only=True):
    order_strategy_id: int
    order_id: int
    label: str


class OrderStrategyType(Entity, kw_only=True):
    name: str
    enabled: bool


class Currency(Entity, kw_only=True):
    name: str
    symbol: str


class CurrencyRate(Entity, kw_only=True):
    timestamp: str
    rate: Decimal


class Exchange(Entity, kw_only=True):
    name: str
    mic_code: str


class ContractGroup(Entity, kw_only=True):
    name: str


class Product(Entity, kw_only=True):
    name: str
    currency_id: int
    product_type: str
    description: str
    exchange_id: int
    contract_group_id: int
    status: str
    months: str
    is_secured: bool
    value_per_point: Decimal
    price_format_type: str
    price_format: int
    tick_size: Decimal


class TradeTime(msgspec.Struct):
    """A time of day in Chicago."""

    hour: int
    minute: int = 0


class ProductSession(Entity, kw_only=True):
    """Its id is the product's id. From `start_time` to `stop_time` there is no break; holidays are not in it (guide,
    "ProductSession")."""

    open_time: TradeTime
    start_time: TradeTime
    stop_time: TradeTime
    close_time: TradeTime
    sunday_open_time: TradeTime | None = None
    all_day: bool


class ProductMargin(Entity, kw_only=True):
    """Its id is the product's id; dollars per contract."""

    initial_margin: Decimal
    maintenance_margin: Decimal
    timestamp: str


class ContractMargin(Entity, kw_only=True):
    """Its id is the contract's id; dollars per contract."""

    initial_margin: Decimal
    maintenance_margin: Decimal
    timestamp: str


class ContractMaturity(Entity, kw_only=True):
    product_id: int
    expiration_month: int
    expiration_date: str
    first_intent_date: str | None = None
    is_front: bool


class Contract(Entity, kw_only=True):
    name: str
    contract_maturity_id: int
    timestamp: str
