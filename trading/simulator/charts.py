"""Charts: what md/getchart asks for, and its history (official text, "Get Chart").

History is a function of time and sales and of the request. A bar never reaches from one trade date into the next
and the bars of a trade date are always made from its begin on, so that overlapping requests get the same bars.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Literal

import msgspec

from . import bars
from .bars import Bar, Builder, Print
from .catalog import Listing
from .clock import read_stamp
from .periods import Period
from .tape import HOUR, TimeAndSales, milliseconds, moment_of

LISTED_BEFORE = timedelta(days=456)  # a contract trades five quarters before it expires
PRINT_DAYS = 5  # trade dates that one request for bars made of prints goes back, or with volumes by price
MOST_DAYS = 250


class ChartDescription(msgspec.Struct, rename="camel", frozen=True):
    """What the elements of a chart are. `with_histogram` gives each bar its volume by price, in the form that
    md/subscribehistogram has: what the bar has then is nowhere documented."""

    underlying_type: Literal["MinuteBar", "DailyBar", "Tick", "Custom", "DOM"]
    element_size: Annotated[int, msgspec.Meta(gt=0, le=100_000)]
    element_size_unit: Literal[
        "UnderlyingUnits", "Volume", "Range", "Renko", "MomentumRange", "PointAndFigure", "OFARange"
    ]
    with_histogram: bool = False


class ChartRequest(msgspec.Struct, rename="camel", frozen=True):
    """The parameters of md/getchart, besides the symbol."""

    chart_description: ChartDescription
    time_range: TimeRange


class TimeRange(msgspec.Struct, rename="camel", frozen=True):
    """Which part of a chart. At least one field is there."""

    closest_timestamp: str | None = None
    closest_tick_id: int | None = None
    as_far_as_timestamp: str | None = None
    as_much_as_elements: Annotated[int, msgspec.Meta(gt=0)] | None = None


@dataclass(frozen=True)
class Shape:
    """How a description's bars are made: of minutes or of prints."""

    description: ChartDescription

    def __post_init__(self) -> None:
        most = PRINT_DAYS if self.description.with_histogram else MOST_DAYS
        if self.days > most:
            raise ValueError(f"elementSize is more than {most} days")

    @property
    def days(self) -> int:
        """Trade dates in a bar, at least one."""
        daily = self.description.underlying_type == "DailyBar" and self._of_minutes
        return self.description.element_size if daily else 1

    @property
    def ticks(self) -> bool:
        """Single ticks, which come in packets of their own?"""
        asked = self.description
        units = asked.element_size_unit == "UnderlyingUnits"
        return units and asked.underlying_type == "Tick" and asked.element_size == 1

    @property
    def of_prints(self) -> bool:
        """Does it need the single prints, which take their time?"""
        return self.description.with_histogram or not self._of_minutes

    @property
    def _of_minutes(self) -> bool:
        """Do its bars begin and end with minutes?"""
        asked = self.description
        return asked.element_size_unit == "UnderlyingUnits" and asked.underlying_type not in ("Tick", "DOM")

    def period(self, time: int) -> Period:
        """The period that a time belongs to."""
        return Period.of(time, self.days)

    def builder(self, period: Period) -> Builder:
        """A builder for the bars of a period. Custom bars are made as minute bars, and a change of the book counts as
        a tick: with each print the book is another one."""
        asked = self.description
        size = asked.element_size
        match asked.element_size_unit:
            case "Volume":
                return bars.by_volume(size)
            case "Range" | "OFARange":
                return bars.by_range(size)
            case "MomentumRange":
                return bars.by_momentum(size)
            case "Renko":
                return bars.Renko(size)
            case "PointAndFigure":
                return bars.PointAndFigure(size)
        if not self._of_minutes:
            return bars.by_count(size)
        if asked.underlying_type == "DailyBar":
            midnight = datetime.combine(period.begins, datetime.min.time())
            return bars.whole(milliseconds(midnight.replace(tzinfo=moment_of(0).tzinfo)))
        return bars.by_minutes(size, period.begin)

    def unit(self, one: Print) -> Bar:
        """What the builder takes of a print."""
        return Bar.of(one, with_volumes=self.description.with_histogram)

    def units(self, sales: TimeAndSales, begin: int, end: int) -> Iterator[Bar]:
        """What the builder takes, of [begin, end)."""
        if not self._of_minutes:
            return (self.unit(one) for one in sales.prints(begin, end))
        if self.description.with_histogram:
            return sales.profiled_minutes(begin, end)
        daily = self.description.underlying_type == "DailyBar"
        return (
            sales.hours(begin, end) if daily or self.description.element_size % 60 == 0 else sales.minutes(begin, end)
        )


@dataclass(frozen=True)
class Wanted:
    """Which elements: with times in [oldest, newest] and ids up to `newest_id`, the newest `most` of them."""

    oldest: int
    newest: int
    newest_id: int | None
    most: int

    @classmethod
    def of(cls, asked: TimeRange, listing: Listing, most: int) -> Wanted:
        """What a time range asks for, within the contract's life and the limit of a request. Raises ValueError for a
        range that says nothing and for a time that is none."""
        if all(getattr(asked, name) is None for name in asked.__struct_fields__):
            raise ValueError("timeRange is empty")
        oldest = milliseconds(listing.expires - LISTED_BEFORE)
        if asked.as_far_as_timestamp is not None:
            oldest = max(oldest, milliseconds(read_stamp(asked.as_far_as_timestamp)))
        newest = milliseconds(listing.expires)
        if asked.closest_timestamp is not None:
            newest = min(newest, milliseconds(read_stamp(asked.closest_timestamp)))
        if asked.closest_tick_id is not None:
            newest = min(newest, bars.time_of(asked.closest_tick_id) + bars.MINUTE)
        return cls(oldest, newest, asked.closest_tick_id, min(most, asked.as_much_as_elements or most))


@dataclass
class Found:
    """A chart's history: bars by period, oldest first, or ticks; and the builder that goes on in `period`."""

    period: Period
    builder: Builder
    bars: deque[tuple[Period, list[Bar]]] = field(default_factory=deque)
    ticks: list[Print] = field(default_factory=list)


def history(sales: TimeAndSales, shape: Shape, wanted: Wanted) -> Found:
    """Look up the past of a chart. Takes up to some seconds for bars that are made of prints."""
    period = shape.period(sales.end - 1)
    if shape.ticks:
        return Found(period, shape.builder(period), ticks=_ticks(sales, wanted))
    builder = shape.builder(period)
    latest = _collect(builder, shape.units(sales, period.begin, sales.end))
    found = Found(period, builder)
    count = 0
    newest = min(sales.end - 1, wanted.newest)
    if newest < wanted.oldest:
        return found
    place = shape.period(newest)
    first_day = place.begin
    while count < wanted.most and place.end > wanted.oldest:
        made = latest if place == period else _collect(shape.builder(place), shape.units(sales, place.begin, place.end))
        kept = [bar for bar in made if wanted.oldest <= bar.begin <= newest][count - wanted.most :]
        if kept:
            found.bars.appendleft((place, kept))
            count += len(kept)
        if shape.of_prints and first_day - place.begin > PRINT_DAYS * 24 * HOUR:
            break
        place = shape.period(place.begin - 1)
    return found


def _collect(builder: Builder, units: Iterable[Bar]) -> list[Bar]:
    """Every bar of a period in its last state."""
    made: dict[int, Bar] = {}
    for unit in units:
        for bar in builder.add(unit):
            made[bar.begin] = bar
    return list(made.values())


def _ticks(sales: TimeAndSales, wanted: Wanted) -> list[Print]:
    """The wanted prints, looked up hour by hour."""
    found: deque[Print] = deque()
    end = min(wanted.newest + 1, sales.end)
    while len(found) < wanted.most and end > wanted.oldest:
        begin = max(wanted.oldest, (end - 1) // HOUR * HOUR)
        prints = [one for one in sales.prints(begin, end) if wanted.newest_id is None or one.id <= wanted.newest_id]
        found.extendleft(reversed(prints[len(found) - wanted.most :]))
        end = begin
    return list(found)
