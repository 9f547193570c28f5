"""What the dialect answers (TradingView REST text, Account, Order and Position Management, Market Data).

Ids are text here ("D17158695"), a contract is named by its symbol, money and prices are Decimal.
"""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum, StrEnum

from msgspec import field

from trading.tradovate.entities.base import Secret, Timestamp, Wire


class ErrorCode(IntEnum):
    """Why a request was refused (TradingView REST text, Common Error Codes)."""

    INVALID_TOKEN = 1001
    ACCOUNT_NOT_FOUND = 1002
    INSUFFICIENT_MARGIN = 1003
    INVALID_ORDER = 1004
    MARKET_CLOSED = 1005


class OrderStatus(StrEnum):
    """How far an order has come; "Cancelled" has two l here."""

    WORKING = "Working"
    PENDING = "Pending"
    QUEUED = "Queued"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    REJECTED = "Rejected"


class Authorization(Secret, frozen=True, kw_only=True):
    """A token for the dialect, valid until `expiration_time` where that is said."""

    access_token: str
    user_id: int | None = None
    user_name: str = ""
    expiration_time: Timestamp | None = None


class Account(Wire, frozen=True, kw_only=True):
    """A trading account. `id` is what the other calls want, `name` what the trader knows it by."""

    id: str
    name: str = ""
    user_id: int | None = None
    account_type: str | None = None
    active: bool | None = None
    clearing_house_id: int | None = None
    risk_category_id: int | None = None
    auto_liq_profile_id: int | None = None
    margin_account_type: str | None = None


class AccountState(Wire, frozen=True, kw_only=True):
    """An account's money now, in its currency. `open_realized_pl` is today's P&L of what was closed."""

    account_id: str = ""
    net_liquidating_value: Decimal | None = None
    cash_balance: Decimal | None = None
    open_realized_pl: Decimal | None = None
    realized_pl: Decimal | None = None
    unrealized_pl: Decimal | None = None
    total_margin: Decimal | None = None
    available_margin: Decimal | None = None
    risk_level: str | None = None
    timestamp: Timestamp | None = None


class _OrderTerms(Wire, frozen=True, kw_only=True):
    account_id: str = ""
    instrument: str = ""
    qty: int | None = None
    side: str = ""
    order_type: str = ""
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    duration_type: str | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    status: str = ""
    timestamp: Timestamp | None = None


class PlacedOrder(_OrderTerms, frozen=True, kw_only=True):
    """An order that was accepted, as it stood then."""

    order_id: str


class Order(_OrderTerms, frozen=True, kw_only=True):
    """An order. `avg_fill_price` is 0 as long as `filled_qty` is; `status` is an OrderStatus or newer word."""

    id: str
    filled_qty: int = 0
    avg_fill_price: Decimal | None = None
    update_time: Timestamp | None = None


class OrderUpdated(Wire, frozen=True, kw_only=True):
    """What became of a change; `updated` is false when the order stayed as it was."""

    order_id: str
    updated: bool = False


class Position(Wire, frozen=True, kw_only=True):
    """A position. `contract_id` is the contract's symbol; `net_pos` is contracts, negative when short."""

    id: str
    account_id: str = ""
    contract_id: str = ""
    timestamp: Timestamp | None = None
    net_pos: int = 0
    avg_price: Decimal | None = None
    net_price: Decimal | None = None
    bought: int = 0
    bought_value: Decimal | None = None
    sold: int = 0
    sold_value: Decimal | None = None
    prev_pos: int = 0
    prev_price: Decimal | None = None
    unrealized_pl: Decimal | None = None


class Quote(Wire, frozen=True, kw_only=True):
    """Prices of a contract; None for what the market does not have now. High, low and open are the day's."""

    last: Decimal | None = field(default=None, name="lp")
    ask: Decimal | None = None
    bid: Decimal | None = None
    volume: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    open: Decimal | None = None
    timestamp: Timestamp | None = None


class QuoteEntry(Wire, frozen=True, kw_only=True):
    """A quote and the symbol that it belongs to, as they travel."""

    symbol: str = field(name="k")
    quote: Quote | None = field(default=None, name="v")
