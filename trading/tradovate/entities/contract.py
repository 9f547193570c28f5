"""What is traded: contracts, their months, products, venues and currencies (openapi.json, schemas of these names)."""

from __future__ import annotations

from decimal import Decimal

from .base import Entity, Timestamp, TradeTime


class Contract(Entity, frozen=True, kw_only=True):
    """A product in one month, by its symbol (ESZ6)."""

    name: str
    contract_maturity_id: int | None = None
    timestamp: Timestamp | None = None


class ContractMaturity(Entity, frozen=True, kw_only=True):
    """A month of a product; `expiration_month` is YYYYMM."""

    product_id: int
    expiration_month: int
    expiration_date: Timestamp | None = None
    first_intent_date: Timestamp | None = None
    underlying_id: int | None = None
    is_front: bool | None = None
    kalshi_event_id: int | None = None


class Product(Entity, frozen=True, kw_only=True):
    """The terms that all months share. Money of a move = points x value_per_point x contracts.

    `tick_size` is in points; `price_format` is digits after the point for `Decimal` prices and the denominator's
    code for `Fractional` ones.
    """

    name: str
    value_per_point: Decimal
    tick_size: Decimal
    currency_id: int | None = None
    product_type: str = ""
    description: str = ""
    exchange_id: int | None = None
    contract_group_id: int | None = None
    risk_discount_contract_group_id: int | None = None
    status: str = ""
    months: str | None = None
    is_secured: bool | None = None
    price_format_type: str = "Decimal"
    price_format: int | None = None
    post_trade_category_id: int | None = None


class ProductSession(Entity, frozen=True, kw_only=True):
    """When a product trades; its id is the product's."""

    open_time: TradeTime | None = None
    start_time: TradeTime | None = None
    stop_time: TradeTime | None = None
    close_time: TradeTime | None = None
    sunday_open_time: TradeTime | None = None
    all_day: bool | None = None


class ProductMargin(Entity, frozen=True, kw_only=True):
    """Margin for one contract of a product; its id is the product's."""

    initial_margin: Decimal
    maintenance_margin: Decimal
    timestamp: Timestamp | None = None


class ContractMargin(Entity, frozen=True, kw_only=True):
    """Margin for one contract of one month; its id is the contract's."""

    initial_margin: Decimal
    maintenance_margin: Decimal
    timestamp: Timestamp | None = None


class Exchange(Entity, frozen=True, kw_only=True):
    """A venue."""

    name: str
    mic_code: str | None = None


class Currency(Entity, frozen=True, kw_only=True):
    """A currency: name USD, symbol $."""

    name: str
    symbol: str | None = None


class CurrencyRate(Entity, frozen=True, kw_only=True):
    """What one unit of a currency is worth in US dollars."""

    rate: Decimal
    timestamp: Timestamp | None = None


class ContractGroup(Entity, frozen=True, kw_only=True):
    """A family of products (Index, Energy, ...)."""

    name: str = ""


class SpreadDefinition(Entity, frozen=True, kw_only=True):
    """A spread that trades as one contract."""

    spread_type: str = ""
    uds: bool | None = None
    timestamp: Timestamp | None = None
