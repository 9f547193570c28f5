"""What the journal keeps of the book's entities: plain values that a thread can write while the book goes on."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


class Record:
    """What is kept of something. Of records with the same `key` that wait, the newest is written."""

    @property
    def key(self) -> Hashable:
        return getattr(self, "id", 0)


@dataclass(frozen=True)
class AccountRecord(Record):
    id: int
    name: str
    readonly: bool
    closed: bool


@dataclass(frozen=True)
class ProductRecord:
    id: int
    name: str
    description: str
    tick_size: Decimal
    value_per_point: Decimal
    currency: str = ""


@dataclass(frozen=True)
class ContractRecord(Record):
    id: int
    name: str
    expiration_date: datetime
    first_intent_date: datetime | None
    product: ProductRecord


@dataclass(frozen=True)
class OrderRecord(Record):
    """An order with its terms (`version_id`: Tradovate's id of them), its fills' sums and why it was refused."""

    id: int
    account_id: int
    symbol: str
    action: str
    status: str
    order_qty: int | None
    order_type: str
    price: Decimal | None
    stop_price: Decimal | None
    time_in_force: str
    reject_reason: str
    at: datetime | None
    filled_qty: int
    average_price: Decimal | None
    parent_id: int | None = None
    oco_id: int | None = None
    version_id: int | None = None


@dataclass(frozen=True)
class OrderVersionRecord(Record):
    id: int
    order_id: int
    order_qty: int
    order_type: str
    price: Decimal | None
    stop_price: Decimal | None
    limit_if_touched_price: Decimal | None
    peg_difference: Decimal | None
    max_show: int | None
    time_in_force: str
    expire_time: datetime | None
    text: str
    at: datetime | None
    refused: bool = False


@dataclass(frozen=True)
class FillRecord(Record):
    id: int
    order_id: int
    symbol: str
    action: str
    qty: int
    price: Decimal
    active: bool
    at: datetime
    trade_date: date | None = None
    rate: Decimal | None = None


@dataclass(frozen=True)
class FeeRecord(Record):
    """What a fill cost, in dollars, by the names of FillFee's parts."""

    id: int
    parts: dict[str, Decimal]


@dataclass(frozen=True)
class PositionRecord(Record):
    id: int
    account_id: int
    symbol: str
    trade_date: date
    net_pos: int
    net_price: Decimal | None
    bought: int
    sold: int
    at: datetime | None

    @property
    def key(self) -> Hashable:
        return self.id, self.trade_date


@dataclass(frozen=True)
class CashRecord(Record):
    """An account's cash at the end of a trade date, or so far, and what was gained on it, in dollars."""

    account_id: int
    trade_date: date
    amount: Decimal
    realized_pnl: Decimal
    at: datetime | None

    @property
    def key(self) -> Hashable:
        return self.account_id, self.trade_date


@dataclass(frozen=True)
class CashEntryRecord(Record):
    """One line of an account's cash book, in the currency of `currency_id`."""

    id: int
    account_id: int
    trade_date: date | None
    change_type: str
    delta: Decimal | None
    amount: Decimal | None
    realized_pnl: Decimal | None
    fill_id: int | None
    comment: str
    at: datetime | None
    currency_id: int | None = None


@dataclass(frozen=True)
class EquityRecord(Record):
    """What an account was worth in a minute, in dollars."""

    account_id: int
    at: datetime
    net_liq: Decimal
    cash: Decimal
    open_pnl: Decimal
    day_pnl: Decimal | None
    fees: Decimal | None
    is_estimate: bool

    @property
    def key(self) -> Hashable:
        return self.account_id, self.at


@dataclass(frozen=True)
class ComparisonRecord(Record):
    """How the book differed from Tradovate's snapshot after its socket came back."""

    at: datetime
    missed: int
    wrong: int
    detail: str

    @property
    def key(self) -> Hashable:
        return self.at


@dataclass(frozen=True)
class CommandRecord(Record):
    """That our clOrdId (of a closing: its customTag50) became an order, or a command about one; whether that took
    effect, and why it was refused, in words."""

    id: int
    cl_ord_id: str
    order_id: int
    command_type: str = "New"
    took: bool = False
    refusal: str = ""


@dataclass(frozen=True)
class StrategyRecord(Record):
    """That our uuid became a strategy: the order that it began with, or why it has none, in words."""

    id: int
    uuid: str
    entry: int | None
    refusal: str


@dataclass(frozen=True)
class UpstreamRecord(Record):
    """How the socket stands; `since` is when it came to that, `synced_at` when this process read all of the day."""

    state: str
    detail: str
    since: datetime
    synced_at: datetime | None = None
