"""What is known of a connection's accounts right now: the hub writes it to Redis, checks before an order read it.

Ids are Tradovate's own; money is in dollars, prices in points. What is not known is None, never zero.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Final, cast

import msgspec
import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from trading.tradovate.entities import (
    AccountRiskStatus,
    MarginSnapshot,
    UserAccountAutoLiq,
    UserAccountPositionLimit,
    UserAccountRiskParameter,
)

# Seconds after which figures that nobody renews are worth nothing, and are gone.
LASTS: Final = 600
# Seconds that an order may wait for Redis.
PATIENCE: Final = 0.5


class AccountFacts(msgspec.Struct, frozen=True, kw_only=True):
    """An account's money and standing. `trade_date` is the day whose realised P&L, before `fees` as far as these are
    known, is in `realized_pnl`; `premium` is what the options held have taken out of `cash`."""

    id: int
    name: str = ""
    cash: Decimal | None = None
    realized_pnl: Decimal | None = None
    fees: Decimal = Decimal(0)
    trade_date: dt.date | None = None
    open_pnl: Decimal | None = None
    premium: Decimal = Decimal(0)
    margin: MarginSnapshot | None = None
    status: AccountRiskStatus | None = None
    auto_liq: UserAccountAutoLiq | None = None

    @property
    def net_liq(self) -> Decimal | None:
        """Cash and what the open positions would bring."""
        return None if self.cash is None or self.open_pnl is None else self.cash + self.open_pnl + self.premium

    @property
    def margin_used(self) -> Decimal | None:
        """Initial margin in use."""
        if self.margin is None:
            return None
        return (
            self.margin.total_used_margin if self.margin.total_used_margin is not None else self.margin.initial_margin
        )


class ContractFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a contract counts towards where contracts are added up (openapi.json, Product)."""

    id: int
    product_id: int
    product: str
    exchange_id: int | None = None
    product_type: str = ""
    contract_group_id: int | None = None
    status: str = ""


class PositionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Contracts held, negative when short."""

    account_id: int
    contract_id: int
    net_pos: int


class OrderFacts(msgspec.Struct, frozen=True, kw_only=True):
    """An order that works, or one of the newest. `left` is the contracts that may still trade, 0 when it has ended and
    None when its terms are not known; `filled` is those that have traded. `at` is Tradovate's time of it.
    `is_finished`: nothing can happen to it any more; of one that waits for another one to fill 0 may be left, too.
    `is_elsewhere`: somebody has placed it, and not with this portal; never so of an exit, which Tradovate places after
    the order on which it hangs has filled."""

    id: int
    account_id: int
    contract_id: int | None
    action: str
    left: int | None
    filled: int = 0
    oco_id: int | None = None
    at: dt.datetime | None = None
    is_finished: bool = False
    is_elsewhere: bool = False


class MarkFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The last price of a contract, at the exchange's time. Delayed ones are none: checks would take them for that."""

    contract_id: int
    price: Decimal
    at: dt.datetime


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """All of a connection's accounts. `heard_at` is when Tradovate was heard last: until then this is how it stood.

    `position_limits` is None while Tradovate has not said which there are. `is_whole`: nothing that Tradovate tells of
    positions and orders is unreadable.
    """

    heard_at: dt.datetime
    accounts: list[AccountFacts] = []
    contracts: list[ContractFacts] = []
    positions: list[PositionFacts] = []
    orders: list[OrderFacts] = []
    marks: list[MarkFacts] = []
    position_limits: list[UserAccountPositionLimit] | None = None
    risk_parameters: list[UserAccountRiskParameter] = []
    is_whole: bool = True

    def account(self, account_id: int) -> AccountFacts | None:
        return next((one for one in self.accounts if one.id == account_id), None)

    def filled(self, order_id: int) -> int:
        """Contracts of an order that have traded, as far as they are told."""
        return next((one.filled for one in self.orders if one.id == order_id), 0)

    def mark(self, contract_id: int) -> MarkFacts | None:
        return next((one for one in self.marks if one.contract_id == contract_id), None)


# Tells a connection's facts (its pk), None when there are none.
Hub = Callable[[int], Facts | None]

_decoder = msgspec.json.Decoder(Facts)


def key(connection_id: int) -> str:
    """The Redis key of a connection's facts."""
    return f"sync:{{{connection_id}}}:facts"


def encode(facts: Facts) -> bytes:
    return msgspec.json.encode(facts)


def read(connection_id: int) -> Facts | None:
    """A connection's facts; None when there are none, or Redis does not answer."""
    try:
        found = cast("bytes | None", _client().get(key(connection_id)))
        return None if found is None else _decoder.decode(found)
    except (redis.RedisError, OSError, msgspec.DecodeError):
        return None


@cache
def _client() -> redis.Redis:
    once_more = Retry(NoBackoff(), 1)
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=once_more
    )
