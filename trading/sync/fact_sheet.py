"""What checks before an order need of a connection, written to Redis as the book changes (trading.orders.facts).

Only the owner of the lease writes. Changes are gathered: a few times a second is often enough for a check, and when
nothing changes the sheet is written anew all the same, so that its age says whether Tradovate is heard.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from typing import Final

import redis.asyncio
from redis.exceptions import RedisError

from trading.orders import facts
from trading.orders.facts import AccountFacts, ContractFacts, Facts, MarkFacts, OrderFacts, PositionFacts
from trading.sync import watched
from trading.sync.book import Book
from trading.sync.days import date_of
from trading.sync.money import cash_of
from trading.sync.stream import lease_key
from trading.tradovate import MirroringSocket
from trading.tradovate.entities import ENTITY_TYPES, Order, OrderVersion, OrdStatus, Position

log = logging.getLogger(__name__)

# Seconds between two writes, at least and at most.
SHORTEST: Final = 0.25
LONGEST: Final = 3.0
# Seconds that the clock may gain between two writes; by more the machine was asleep, or somebody has set it.
JUMP: Final = 1.0
# An event's way to the pages comes first: it is over after this many seconds.
GATHER: Final = 0.03
# So many of the newest orders are named though they have ended: a check then knows that the figures count them.
NEWEST: Final = 50
# What says how much is held and may trade.
_HELD: Final = (Position, Order, OrderVersion)
# KEYS: facts, lease, watched contracts. ARGV: lease token, encoded facts, seconds that they last, seconds for which a
# contract is watched. Returns the contracts that are.
_WRITE: Final = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return {} end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return redis.call('ZRANGEBYSCORE', KEYS[3], redis.call('TIME')[1] - ARGV[4], '+inf')
"""


class FactSheet:
    """The facts of one connection, for as long as this process holds its lease."""

    def __init__(self, client: redis.asyncio.Redis, connection_id: int, lease_token: str) -> None:
        self._client = client
        self._connection_id = connection_id
        self._token = lease_token
        self._write = client.register_script(_WRITE)
        self._news = asyncio.Event()
        self._heard = HeardAt()
        # Contracts that open tickets and charts name.
        self.watched: frozenset[int] = frozenset()

    def news(self) -> None:
        """The book has changed."""
        self._news.set()

    async def run(self, book: Book, socket: MirroringSocket, look: Callable[[], None]) -> None:
        """Keep the sheet as the book is, until cancelled; `look` is called when other contracts are watched."""
        while True:
            self._news.clear()
            heard_at = self._heard.of(socket)
            if heard_at is not None:
                before = self.watched
                await self._put(facts_of(book, heard_at))
                if self.watched != before:
                    look()
            await asyncio.sleep(SHORTEST - GATHER)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LONGEST - SHORTEST):
                    await self._news.wait()
            await asyncio.sleep(GATHER)

    async def forget(self) -> None:
        """Nobody is signed in any more."""
        await self._client.delete(facts.key(self._connection_id))

    async def _put(self, found: Facts) -> None:
        keys = [facts.key(self._connection_id), lease_key(self._connection_id), watched.key(self._connection_id)]
        try:
            named = await self._write(keys=keys, args=[self._token, facts.encode(found), facts.LASTS, watched.LASTS])
            self.watched = frozenset(map(int, named))
        except (RedisError, OSError) as error:
            log.warning("Redis does not take connection %d's facts: %s", self._connection_id, type(error).__name__)


def facts_of(book: Book, heard_at: datetime) -> Facts:
    """The book as checks need it; Tradovate was heard last at `heard_at`. Pure."""
    mirror = book.mirror
    positions = [position for position in mirror.positions.values() if position.net_pos]
    orders = _orders(book)
    named = {
        *(position.contract_id for position in positions),
        *(order.contract_id for order in orders if order.contract_id is not None),
    }
    return Facts(
        heard_at=heard_at,
        accounts=[_account(book, account_id) for account_id in mirror.accounts],
        contracts=[contract for key in named if (contract := _contract(book, key))],
        positions=[
            PositionFacts(account_id=one.account_id, contract_id=one.contract_id, net_pos=one.net_pos)
            for one in positions
        ],
        orders=orders,
        marks=[MarkFacts(contract_id=key, price=price, at=at) for key, at, price in book.marks.live()],
        position_limits=list(mirror.position_limits.values()) if book.limits_known else None,
        risk_parameters=list(mirror.risk_parameters.values()),
        is_whole=not any(ENTITY_TYPES.get(kind) in _HELD for kind, _ in book.unread),
    )


def _account(book: Book, account_id: int) -> AccountFacts:
    mirror = book.mirror
    cash, worth = cash_of(mirror, account_id), book.worth.of_account(account_id)
    return AccountFacts(
        id=account_id,
        name=mirror.accounts[account_id].name,
        cash=cash.amount if cash else None,
        realized_pnl=cash.realized_pnl if cash else None,
        fees=worth.known_fees,
        trade_date=date_of(cash.trade_date) if cash else None,
        # What stands in for a live price is good enough to look at, not to judge an order by.
        open_pnl=None if worth.is_estimate else worth.open_pnl,
        premium=worth.premium,
        margin=mirror.margins.get(account_id),
        status=mirror.risk_statuses.get(account_id),
        auto_liq=mirror.auto_liqs.get(account_id),
    )


def _contract(book: Book, contract_id: int) -> ContractFacts | None:
    product = book.mirror.product(contract_id)
    if product is None:
        return None
    return ContractFacts(
        id=contract_id,
        product_id=product.id,
        product=product.name,
        exchange_id=product.exchange_id,
        product_type=product.product_type,
        contract_group_id=product.contract_group_id,
        status=product.status,
    )


def _orders(book: Book) -> list[OrderFacts]:
    """Those that work, and the newest of all. An order that waits for another one to fill is none that works yet: it
    closes what that opens. One on the same side comes on top."""
    orders = book.mirror.orders
    newest = set(islice(reversed(orders), NEWEST))
    return [
        OrderFacts(
            id=order.id,
            account_id=order.account_id,
            contract_id=order.contract_id,
            action=order.action,
            left=_left(book, order),
            filled=book.mirror.filled(order.id)[0],
            oco_id=order.oco_id,
            at=order.timestamp,
            is_finished=order.finished,
            is_elsewhere=order.parent_id is None and book.mirror.is_ours(order.id) is False,
        )
        for order in orders.values()
        if order.id in newest or not order.finished
    ]


def _left(book: Book, order: Order) -> int | None:
    if order.finished or (order.ord_status == OrdStatus.SUSPENDED and not _comes_on_top(book, order)):
        return 0
    version = book.mirror.version(order.id)
    if version is None:
        # An order of an earlier day may come without its terms, and a new one a moment before them.
        return None
    return max(0, version.order_qty - book.mirror.filled(order.id)[0])


def _comes_on_top(book: Book, order: Order) -> bool:
    entry = book.mirror.orders.get(order.parent_id or 0)
    return entry is not None and entry.action == order.action


class HeardAt:
    """When a socket was heard last, by the clock that checks go by.

    A socket counts by the monotonic clock, which stands still while the machine sleeps: what was heard before that
    would seem to be seconds old. A wall clock that has gained on it tells.
    """

    def __init__(self) -> None:
        self._ahead = self._ahead_then = time.time() - time.monotonic()
        self._slept_until = -math.inf

    def of(self, socket: MirroringSocket) -> datetime | None:
        """None while there is no socket."""
        ahead = time.time() - time.monotonic()
        if ahead - self._ahead > JUMP:
            self._ahead_then, self._slept_until = self._ahead, time.monotonic()
        self._ahead = ahead
        if socket.socket is None:
            return None
        frame_at = socket.socket.last_frame_at
        return datetime.fromtimestamp(frame_at + (ahead if frame_at > self._slept_until else self._ahead_then), UTC)
