"""Prices: one seeded random walk per product, and the book that each contract shows around it.

Everything here is a function of the seed, the number of steps taken and the prices that were set by hand, so
that two runs with the same orders make the same trades. All prices are whole ticks.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from .bars import Print
from .catalog import Catalog, Listing
from .products import PRODUCTS, ProductSpec

LEVELS = 5
REVERSION = 0.002  # how strongly a walk is drawn back, per tick of distance and step


@dataclass
class Walk:
    """The price of a product's front contract. `bid` is the best bid; the best offer is one tick above.
    `last` is where it traded last: at the bid or at the offer."""

    spec: ProductSpec
    random: random.Random
    anchor: int
    bid: int
    last: int
    step: int = 0
    size: int = 1
    moved: bool = False

    def advance(self) -> None:
        """One step: the market trades at bid or offer and perhaps moves by a tick or two."""
        draw = self.random.random
        self.step += 1
        self.moved = draw() < self.spec.pace
        if self.moved:
            up = 0.5 - REVERSION * max(-100, min(100, self.bid - self.anchor))
            distance = 2 if draw() < 0.1 else 1
            self.bid = max(1, self.bid + (distance if draw() < up else -distance))
        self.last = self.bid + (1 if draw() < 0.5 else 0)
        self.size = 1 + int(draw() * self.spec.depth / 2)

    def show(self, one: Print) -> None:
        """Stand where a print of another market left it."""
        self.step += 1
        self.bid, self.last, self.size = one.bid, one.price, one.size


@dataclass(frozen=True)
class Day:
    """A product's trading day so far: prices of the front contract in ticks, the volume, the settlement before it."""

    open: int
    high: int
    low: int
    volume: int
    settlement: int


@dataclass
class Market:
    """What one contract shows: best bid and offer, last trade, the day's open, high, low and volume."""

    listing: Listing
    walk: Walk
    seed: int
    level_size: int | None = None
    day_open: int = 0
    high: int = 0
    low: int = 0
    volume: int = 0
    settlement: int = 0
    book_sent: tuple[int, int] | None = None
    _eaten: dict[int, int] = field(default_factory=dict)
    _step: int = -1
    _takes: int = 0

    @property
    def open_interest(self) -> int:
        """Contracts held open: most of them in the front contract, few in far ones."""
        return 40_000 * self.listing.spec.depth // (1 + abs(self.listing.offset)) ** 2

    @property
    def shift(self) -> int:
        """Ticks that this contract trades above the front one: a gentle upward curve."""
        return self.listing.offset * max(1, self.listing.spec.ticks_near(self.listing.spec.start) // 400)

    @property
    def bid(self) -> int:
        return self.walk.bid + self.shift

    @property
    def offer(self) -> int:
        return self.bid + 1

    @property
    def last(self) -> int:
        return self.walk.last + self.shift

    @property
    def book_version(self) -> tuple[int, int]:
        """Another one for each book that differs; `book_sent` is for whoever sends books out."""
        return self.walk.step, self._takes

    def size(self, price: int) -> int:
        """Contracts still displayed at a price of this step's book."""
        if self._step != self.walk.step:
            self._step = self.walk.step
            self._eaten.clear()
        return max(0, self._displayed(price) - self._eaten.get(price, 0))

    def levels(self, *, buy: bool, limit: int | None = None) -> Iterator[tuple[int, int]]:
        """(price, size) that a buyer or seller meets, best first, no worse than `limit`, at most LEVELS."""
        for away in range(LEVELS):
            price = self.offer + away if buy else self.bid - away
            if price < 1 or (limit is not None and (price > limit if buy else price < limit)):
                return
            if size := self.size(price):
                yield price, size

    def take(self, price: int, qty: int) -> None:
        """Remove traded contracts from the display."""
        self._takes += 1
        self._eaten[price] = self._eaten.get(price, 0) + qty
        self.volume += qty

    def note(self) -> None:
        """Record the step's trade in the day's figures."""
        self.volume += self.walk.size
        self.high = max(self.high, self.last)
        self.low = min(self.low, self.last)

    def resume_day(self, day: Day) -> None:
        """Take over what the day has been so far; the day's figures are those of the front contract."""
        shift = self.shift
        self.day_open, self.high, self.low = day.open + shift, day.high + shift, day.low + shift
        self.volume, self.settlement = day.volume, day.settlement + shift

    def open_day(self) -> None:
        """Begin a trading day at the last price."""
        self.settlement = self.settlement or self.last
        self.day_open = self.high = self.low = self.last
        self.volume = 0

    def _displayed(self, price: int) -> int:
        if self.level_size is not None:
            return self.level_size
        text = f"{self.seed}:{self.listing.contract_id}:{self.walk.step}:{price}"
        depth = self.listing.spec.depth
        return 1 + zlib.crc32(text.encode()) % (2 * depth - 1)


class Feed:
    """All markets of a catalog."""

    def __init__(self, catalog: Catalog, seed: int) -> None:
        self._catalog = catalog
        self._seed = seed
        self.walks: dict[str, Walk] = {}
        self._markets: dict[int, Market] = {}
        self._day_so_far: Callable[[str], Day] | None = None
        for spec in PRODUCTS.values():
            start = spec.ticks_near(spec.start)
            source = random.Random(f"{seed}:{spec.name}")
            self.walks[spec.name] = Walk(spec, source, anchor=start, bid=start, last=start)

    def market(self, contract_id: int) -> Market:
        """The market of a listed contract. Raises KeyError for another id."""
        if contract_id not in self._markets:
            listing = self._catalog.listings[contract_id]
            market = Market(listing, self.walks[listing.spec.name], self._seed)
            market.open_day()
            if self._day_so_far is not None:
                market.resume_day(self._day_so_far(listing.spec.name))
            self._markets[contract_id] = market
        return self._markets[contract_id]

    def advance(self, now: datetime | None = None) -> set[str]:
        """One step of every product that trades `now` (None: of all); return their names."""
        stepped = set()
        for name, walk in self.walks.items():
            if now is None or self._catalog.product_open(walk.spec, now):
                walk.advance()
                stepped.add(name)
            else:
                walk.moved = False
        for market in self._markets.values():
            if market.listing.spec.name in stepped:
                market.note()
        return stepped

    def shown(self) -> list[str]:
        """The products of which somebody has looked at a market."""
        return sorted({market.listing.spec.name for market in self._markets.values()})

    def of_product(self, product: str) -> list[Market]:
        """The markets of a product that somebody has looked at."""
        return [market for market in self._markets.values() if market.listing.spec.name == product]

    def note_trade(self, market: Market, one: Print) -> None:
        """An order has taken its contracts from a market's book: the product's markets share their prints."""
        for other in self.of_product(market.listing.spec.name):
            price = one.price + other.shift
            other.high, other.low = max(other.high, price), min(other.low, price)
            if other is not market:
                other.volume += one.size

    def set_price(self, contract_id: int, ticks: int) -> None:
        """Put a contract's offer and last trade at a price, its bid one tick below, with a fresh book. The
        walk goes on from there and is drawn to it."""
        market = self.market(contract_id)
        walk = market.walk
        walk.step += 1
        walk.last = ticks - market.shift
        walk.bid = walk.anchor = walk.last - 1
        walk.moved = True
        for other in self._markets.values():
            if other.walk is walk:
                other.note()

    def resume_day(self, day_so_far: Callable[[str], Day]) -> None:
        """Let every market, and those that are looked at later, take over the day's figures by product."""
        self._day_so_far = day_so_far
        for market in self._markets.values():
            market.resume_day(day_so_far(market.listing.spec.name))

    def open_day(self) -> None:
        """Begin a trading day in every market."""
        for market in self._markets.values():
            market.settlement = market.last
            market.open_day()
