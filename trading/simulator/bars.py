"""Prints and the bars that are made of them. Pure.

Prices are whole ticks, times milliseconds since 1970 (UTC), sizes contracts. A builder takes prints, or bars in their
place, in the order of time and returns the bars that they change: those that are finished first, the forming one last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

MINUTE = 60_000
IDS_PER_MINUTE = 10_000
REVERSAL_BOXES = 3


def time_of(print_id: int) -> int:
    """The minute in which a print of that id was made: ids go up with time."""
    return print_id // IDS_PER_MINUTE * MINUTE


class Print(NamedTuple):
    """A trade as time and sales shows it. `up` is its direction: that of the last change of price. `offered` says that
    it traded at the offer, which is one tick above the bid; otherwise it traded at the bid."""

    id: int
    time: int
    price: int
    size: int
    up: bool
    offered: bool

    @property
    def bid(self) -> int:
        """The best bid beside it."""
        return self.price - self.offered


@dataclass(slots=True)
class Bar:
    """A bar that begins at `begin`. Ticks are prints here: `up_ticks` counts those that went up. `volumes`, by price,
    are there where somebody wants them."""

    begin: int
    open: int
    high: int
    low: int
    close: int
    up_volume: int = 0
    down_volume: int = 0
    up_ticks: int = 0
    down_ticks: int = 0
    bid_volume: int = 0
    offer_volume: int = 0
    volumes: Counter[int] | None = field(default=None, kw_only=True)

    @classmethod
    def of(cls, one: Print, *, with_volumes: bool = False) -> Bar:
        """The bar of a single print."""
        bar = cls(one.time, one.price, one.price, one.price, one.price)
        if one.up:
            bar.up_volume, bar.up_ticks = one.size, 1
        else:
            bar.down_volume, bar.down_ticks = one.size, 1
        if one.offered:
            bar.offer_volume = one.size
        else:
            bar.bid_volume = one.size
        if with_volumes:
            bar.volumes = Counter({one.price: one.size})
        return bar

    @property
    def volume(self) -> int:
        """Contracts traded."""
        return self.up_volume + self.down_volume

    def add(self, later: Bar) -> None:
        """Take in what happened after it."""
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close
        self.up_volume += later.up_volume
        self.down_volume += later.down_volume
        self.up_ticks += later.up_ticks
        self.down_ticks += later.down_ticks
        self.bid_volume += later.bid_volume
        self.offer_volume += later.offer_volume
        if later.volumes is not None:
            self.volumes = self.volumes or Counter()
            self.volumes.update(later.volumes)

    def take(self, one: Print) -> None:
        """Take in a print that came after it: what `add` does with the bar of that print."""
        price, size = one.price, one.size
        if price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.close = price
        if one.up:
            self.up_volume += size
            self.up_ticks += 1
        else:
            self.down_volume += size
            self.down_ticks += 1
        if one.offered:
            self.offer_volume += size
        else:
            self.bid_volume += size
        if self.volumes is not None:
            self.volumes[price] += size

    def at(self, begin: int) -> Bar:
        """A copy that begins at another time."""
        volumes = None if self.volumes is None else Counter(self.volumes)
        return Bar(begin, self.open, self.high, self.low, self.close, *self._counts(), volumes=volumes)

    def row(self) -> tuple[int, ...]:
        """Its numbers, of which `Bar(*row)` makes it again, without volumes by price."""
        return self.begin, self.open, self.high, self.low, self.close, *self._counts()

    def higher(self, ticks: int) -> Bar:
        """A copy that trades so many ticks higher, but never below one. It does not keep the volumes by price."""
        low = self.low + ticks
        if low > 0:
            return Bar(self.begin, self.open + ticks, self.high + ticks, low, self.close + ticks, *self._counts())
        opened, high, _, close = (max(1, price + ticks) for price in (self.open, self.high, self.low, self.close))
        return Bar(self.begin, opened, high, 1, close, *self._counts())

    def _counts(self) -> tuple[int, int, int, int, int, int]:
        return (
            self.up_volume,
            self.down_volume,
            self.up_ticks,
            self.down_ticks,
            self.bid_volume,
            self.offer_volume,
        )


class Builder(Protocol):
    """Makes bars of one trade date, or of one period of days."""

    def add(self, unit: Bar) -> list[Bar]:
        """Take the next print or bar and return the bars that it changed."""


class Grouped:
    """Bars that end where a rule says so. `ends(forming, unit)` says that `unit` begins a new bar, `begins(unit)` at
    which time. No two bars begin at the same time."""

    def __init__(self, ends: Callable[[Bar, Bar], bool], begins: Callable[[Bar], int] | None = None) -> None:
        self._ends = ends
        self._begins = begins
        self._forming: Bar | None = None

    def add(self, unit: Bar) -> list[Bar]:
        """See Builder."""
        forming = self._forming
        if forming is not None and not self._ends(forming, unit):
            forming.add(unit)
            return [forming]
        begin = self._begins(unit) if self._begins else unit.begin
        if forming is not None:
            begin = max(begin, forming.begin + 1)
        self._forming = unit.at(begin)
        return [self._forming]


def whole(begin: int) -> Grouped:
    """One bar of everything, from `begin`."""
    return Grouped(lambda forming, unit: False, lambda unit: begin)


def by_minutes(minutes: int, day_begin: int) -> Grouped:
    """Bars of some minutes each, counted from the begin of the trade date."""
    length = minutes * MINUTE

    def slot(unit: Bar) -> int:
        return day_begin + (unit.begin - day_begin) // length * length

    return Grouped(lambda forming, unit: slot(unit) > forming.begin, slot)


def by_count(prints: int) -> Grouped:
    """Bars of so many prints."""
    return Grouped(lambda forming, unit: forming.up_ticks + forming.down_ticks >= prints)


def by_volume(contracts: int) -> Grouped:
    """Bars that end with the print that brings them to so many contracts."""
    return Grouped(lambda forming, unit: forming.volume >= contracts)


def by_range(ticks: int) -> Grouped:
    """Bars whose high and low are at most so many ticks apart."""
    return Grouped(
        lambda forming, unit: max(forming.high, unit.high) - min(forming.low, unit.low) > ticks,
    )


def by_momentum(ticks: int) -> Grouped:
    """Bars that end when the price is so many ticks away from their open."""
    return Grouped(lambda forming, unit: abs(forming.close - forming.open) >= ticks)


class Renko:
    """Bricks of so many ticks: the next one in the same direction, or back when the price is two bricks away from the
    last one's close. Volume belongs to the brick that forms."""

    def __init__(self, ticks: int) -> None:
        self._size = ticks
        self._forming: Bar | None = None
        self._up: bool | None = None

    def add(self, unit: Bar) -> list[Bar]:
        """See Builder."""
        if self._forming is None:
            self._forming = unit.at(unit.begin)
            return [self._forming]
        forming = self._forming
        forming.add(unit)
        changed = []
        while (close := self._closes(forming, unit.close)) is not None:
            self._up = close > forming.open
            if abs(close - forming.open) > self._size:  # turned round: the brick begins one brick back
                forming.open += self._size if self._up else -self._size
            forming.close = close
            forming.high, forming.low = max(forming.open, close), min(forming.open, close)
            changed.append(forming)
            forming = Bar(max(unit.begin, forming.begin + 1), close, close, close, unit.close)
            forming.high, forming.low = max(close, unit.close), min(close, unit.close)
        self._forming = forming
        return [*changed, forming]

    def _closes(self, forming: Bar, price: int) -> int | None:
        """Where the forming brick is finished, if the price has come so far."""
        for up in (True, False):
            bricks = 1 if self._up in (None, up) else 2
            edge = forming.open + self._size * bricks * (1 if up else -1)
            if price >= edge if up else price <= edge:
                return edge
        return None


class PointAndFigure:
    """Columns of boxes of so many ticks: a column goes on with each box in its direction, and another one begins when
    the price has come back by three boxes."""

    def __init__(self, ticks: int) -> None:
        self._size = ticks
        self._forming: Bar | None = None
        self._up: bool | None = None

    def add(self, unit: Bar) -> list[Bar]:
        """See Builder."""
        if self._forming is None:
            self._forming = unit.at(unit.begin)
            return [self._forming]
        column = self._forming
        price, box = unit.close, self._size
        if self._up is None and abs(price - column.open) >= box:
            self._up = price > column.open
        sign = 1 if self._up else -1
        if self._up is not None and (column.close - price) * sign >= REVERSAL_BOXES * box:
            begin = max(unit.begin, column.begin + 1)
            self._up = not self._up
            boxes = (price - (column.close - sign * box)) // box if self._up else (column.close - box - price) // box
            start = column.close - sign * box
            self._forming = unit.at(begin)
            self._forming.open, self._forming.close = start, start - sign * boxes * box
            self._settle(self._forming)
            return [column, self._forming]
        column_close = column.close
        column.add(unit)
        column.close = column_close
        if self._up is not None and (price - column_close) * sign >= box:
            column.close = column_close + sign * ((price - column_close) * sign // box) * box
        self._settle(column)
        return [column]

    @staticmethod
    def _settle(column: Bar) -> None:
        column.high, column.low = max(column.open, column.close), min(column.open, column.close)
