"""Time and sales of every product: what was traded since the simulator was started, and the seeded past before that.

The past is moved up or down as a whole so that it ends where the live market begins. Prices are those of the front
contract, in ticks; times are milliseconds since 1970.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from . import past
from .bars import IDS_PER_MINUTE, MINUTE, Bar, Print
from .clock import trading_day_start
from .feed import Day, Walk

HOUR = 60 * MINUTE
PRINTS_KEPT = 20_000
MINUTES_KEPT = 7 * 24 * 60
MOST_PRINTS_A_MINUTE = 240

IsOpen = Callable[[str, datetime], bool]
"""Does a product (by name) trade at a moment?"""


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def moment_of(time: int) -> datetime:
    """The aware UTC datetime of milliseconds since 1970."""
    return datetime.fromtimestamp(time / 1000, UTC)


class Rows:
    """Rows of integers, packed: a market makes many of them. One column is in ascending order."""

    def __init__(self, width: int, ordered_by: int, data: array[int] | None = None) -> None:
        self._width = width
        self._ordered_by = ordered_by
        self._data = array("q") if data is None else data

    def __len__(self) -> int:
        return len(self._data) // self._width

    def __getitem__(self, number: int) -> array[int]:
        return self._data[number * self._width : (number + 1) * self._width]

    def append(self, row: tuple[int, ...]) -> None:
        """Add a row at the end."""
        self._data.extend(row)

    def between(self, begin: int, end: int) -> Iterator[array[int]]:
        """Rows whose ordered column is in [begin, end)."""
        key = self._key
        first = bisect_left(range(len(self)), begin, key=key)
        last = bisect_left(range(len(self)), end, lo=first, key=key)
        return (self[number] for number in range(first, last))

    def drop_before(self, begin: int) -> None:
        """Forget the rows whose ordered column is less than `begin`."""
        del self._data[: bisect_left(range(len(self)), begin, key=self._key) * self._width]

    def copy(self) -> Rows:
        """These rows as they are now."""
        return Rows(self._width, self._ordered_by, self._data[:])

    def _key(self, number: int) -> int:
        return self._data[number * self._width + self._ordered_by]


@dataclass(frozen=True)
class TimeAndSales:
    """One product's prints and minute bars before `end`, as they are known at one moment: a value that another thread
    may read.

    `live` is the minute in which the recorded market begins, `shift` lifts the seeded past to it, and from the minute
    `exact` on the prints themselves were kept. `newest_id` is that of the last print, when it is of the present.
    """

    product: str
    seed: int
    prints_a_minute: int
    is_open: IsOpen
    live: int
    shift: int
    exact: int
    end: int
    recorded_minutes: Rows
    recorded_prints: Rows
    forming: Bar | None
    newest_id: int = -1

    def until(self, end: int) -> TimeAndSales:
        """The same, as it was known at an earlier time."""
        return self if end >= self.end else replace(self, end=end, newest_id=-1)

    def minutes(self, begin: int, end: int) -> Iterator[Bar]:
        """The minute bars that begin in [begin, end), oldest first. The last one may still form."""
        for bar in self._minutes(begin, end):
            if bar.begin + MINUTE <= self.end:
                yield bar
                continue
            cut = None
            for one in self._prints_in(bar):
                if one.time >= self.end:
                    break
                if cut is None:
                    cut = Bar.of(one).at(bar.begin)
                else:
                    cut.add(Bar.of(one))
            if cut is not None:
                yield cut

    def profiled_minutes(self, begin: int, end: int) -> Iterator[Bar]:
        """As `minutes`, with volumes by price: every print is looked at, a second for a trade date."""
        for bar in self.minutes(begin, end):
            profiled = bar.at(bar.begin)
            profiled.volumes = Counter()
            for one in self._prints_in(bar):
                if one.time < self.end:
                    profiled.volumes[one.price] += one.size
            yield profiled

    def hours(self, begin: int, end: int) -> Iterator[Bar]:
        """As `minutes`, but the hours of the seeded past in which it traded throughout are one bar each: for bars that
        hold whole hours. `begin` is a full hour."""
        seeded = min(end, self.end, self.live) // HOUR * HOUR
        for hour in range(begin, seeded, HOUR):
            opens, closes = (self.is_open(self.product, moment_of(time)) for time in (hour, hour + 59 * MINUTE))
            if opens and closes:
                yield past.hour_bar(self.seed, self.product, hour // HOUR, self.prints_a_minute).higher(self.shift)
            elif opens or closes:
                yield from self.minutes(hour, hour + HOUR)
        yield from self.minutes(max(begin, seeded), end)

    def prints(self, begin: int, end: int) -> Iterator[Print]:
        """The prints whose time is in [begin, end), oldest first."""
        for bar in self._minutes(begin // MINUTE * MINUTE, end):
            for one in self._prints_in(bar):
                if begin <= one.time < min(end, self.end):
                    yield one

    def last_price(self) -> int | None:
        """Where it traded last before `end`; None when it never traded in the week before."""
        return bar.close if (bar := self._last_minute()) else None

    def last(self) -> Print | None:
        """The last print before `end`; None when there was none in the week before."""
        bar = self._last_minute()
        return list(self.prints(bar.begin, self.end))[-1] if bar else None

    def _last_minute(self) -> Bar | None:
        for hours in (1, 24, 7 * 24):
            if bars := list(self.minutes(self.end - hours * HOUR, self.end)):
                return bars[-1]
        return None

    def _minutes(self, begin: int, end: int) -> Iterator[Bar]:
        end = min(end, self.end)
        yield from self._past(begin, min(end, self.live))
        for row in self.recorded_minutes.between(begin, end):
            yield Bar(*row)
        if self.forming is not None and begin <= self.forming.begin < end:
            yield self.forming

    def _prints_in(self, bar: Bar) -> Iterator[Print]:
        """The prints of a minute: those that were kept, or for one long ago others that make the same bar."""
        if bar.begin < self.exact:
            yield from past.prints(bar, f"{self.seed}:{self.product}:{bar.begin}")
            return
        for number, time, price, size, up, offered in self.recorded_prints.between(bar.begin, bar.begin + MINUTE):
            yield Print(number, time, price, size, bool(up), bool(offered))

    def _past(self, begin: int, end: int) -> Iterator[Bar]:
        for hour in range(begin // HOUR, -(-end // HOUR)):
            for bar in past.minutes(self.seed, self.product, hour, self.prints_a_minute):
                if begin <= bar.begin < end and self.is_open(self.product, moment_of(bar.begin)):
                    yield bar.higher(self.shift)


def day_so_far(sales: TimeAndSales, last: int) -> Day:
    """The figures of the trade date that holds the end of time and sales; `last` is where the product stands."""
    begin = milliseconds(trading_day_start(moment_of(sales.end - 1)))
    day = None
    for bar in sales.hours(begin, sales.end):
        if day is None:
            day = bar
        else:
            day.add(bar)
    settlement = sales.until(begin).last_price()
    if day is None:
        return Day(last, last, last, 0, settlement or last)
    return Day(day.open, max(day.high, last), min(day.low, last), day.volume, settlement or day.open)


class Recorder:
    """Writes one product's prints down as they happen."""

    def __init__(self, walk: Walk, begin: int, seed: int, prints_a_minute: int, is_open: IsOpen) -> None:
        self._walk = walk
        live = begin // MINUTE * MINUTE
        self._sales = TimeAndSales(
            product=walk.spec.name,
            seed=seed,
            prints_a_minute=prints_a_minute,
            is_open=is_open,
            live=live,
            shift=0,
            exact=live,
            end=begin,
            recorded_minutes=Rows(width=11, ordered_by=0),
            recorded_prints=Rows(width=6, ordered_by=1),
            forming=None,
        )
        self._sales = replace(self._sales, shift=self._shift(live, walk.last))
        self._forming: Bar | None = None
        self._begin = begin
        self._last = walk.last
        self._up = True
        self._next_id = 0

    def record(self, time: int) -> Print:
        """Write down that the walk traded where it is now."""
        return self._write(time, self._walk.last, self._walk.size)

    def record_trade(self, time: int, price: int, size: int) -> Print | None:
        """Write down that an order traded against the book. None for one that is said to have traded before the record
        began: it is part of the seeded past."""
        return self._write(time, price, size) if time >= self._begin else None

    def _write(self, time: int, price: int, size: int) -> Print:
        if self._forming is not None and self._forming.begin + MINUTE <= time:
            self._end_minute(self._forming, time // MINUTE * MINUTE)
        self._next_id = max(self._next_id, time // MINUTE * IDS_PER_MINUTE)
        if price != self._last:
            self._up, self._last = price > self._last, price
        one = Print(self._next_id, time, price, size, self._up, price > self._walk.bid)
        self._next_id += 1
        if self._forming is None:
            self._forming = Bar.of(one).at(time // MINUTE * MINUTE)
        else:
            self._forming.take(one)
        self._sales.recorded_prints.append(one)
        return one

    def _end_minute(self, ended: Bar, next_one: int) -> None:
        self._sales.recorded_minutes.append(ended.row())
        self._forming = None
        self._trim(next_one)

    def sales(self, end: int) -> TimeAndSales:
        """What happened before `end`, which is now or earlier."""
        sales = self._sales
        return replace(
            sales,
            end=end,
            newest_id=self._next_id - 1,
            recorded_minutes=sales.recorded_minutes.copy(),
            recorded_prints=sales.recorded_prints.copy(),
            forming=copy(self._forming),
        )

    def _trim(self, minute: int) -> None:
        sales = self._sales
        if len(sales.recorded_prints) > PRINTS_KEPT:
            oldest_kept = sales.recorded_prints[len(sales.recorded_prints) - PRINTS_KEPT // 2]
            exact = min(minute, oldest_kept[1] // MINUTE * MINUTE + MINUTE)
            sales.recorded_prints.drop_before(exact)
            self._sales = sales = replace(sales, exact=exact)
        if len(sales.recorded_minutes) > MINUTES_KEPT * 5 // 4:
            sales.recorded_minutes.drop_before(minute - MINUTES_KEPT * MINUTE)
            first = Bar(*sales.recorded_minutes[0])
            # the seeded past takes over where the record begins now
            self._sales = replace(sales, live=first.begin, shift=self._shift(first.begin, first.open))

    def _shift(self, minute: int, price: int) -> int:
        return price - past.level_at(self._sales.seed, self._sales.product, minute, self._sales.prints_a_minute)


class Tape:
    """All products' recorders."""

    def __init__(self, *, seed: int, tick_seconds: float, is_open: IsOpen) -> None:
        self._seed = seed
        self._prints_a_minute = max(past.LEAST_PRINTS, min(MOST_PRINTS_A_MINUTE, round(60 / tick_seconds)))
        self._is_open = is_open
        self._recorders: dict[str, Recorder] = {}

    def begin(self, walk: Walk, now: datetime) -> None:
        """From now on the walk is written down; the past ends where it stands."""
        self._recorders[walk.spec.name] = Recorder(
            walk, milliseconds(now), self._seed, self._prints_a_minute, self._is_open
        )

    def record(self, product: str, now: datetime) -> Print:
        """A product trades where its walk stands now."""
        return self._recorders[product].record(milliseconds(now))

    def record_trade(self, product: str, now: datetime, price: int, size: int) -> Print | None:
        """An order traded so many contracts of a product, at a price of the front contract. None where nothing is
        recorded."""
        recorder = self._recorders.get(product)
        return recorder.record_trade(milliseconds(now), price, size) if recorder else None

    def sales(self, product: str, now: datetime) -> TimeAndSales:
        """A product's time and sales up to now."""
        return self._recorders[product].sales(milliseconds(now) + 1)
