"""The exchange's holidays, by rule, and when its product groups stop early on them. Pure; any year.

The dates are those on which CME Group keeps United States holidays; the times are those of its holiday calendars since
2022 (cmegroup.com, "CME Group Holiday Calendar"), as the open pandas_market_calendars project has collected them. All
times are Chicago's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time, timedelta
from enum import Enum, auto
from functools import lru_cache

MONDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = 0, 2, 3, 4, 5, 6
SHUT = time.min
"""Instead of a closing time: the day has no session."""


class Holiday(Enum):
    """A day on which nothing is cleared, or on which most groups close early."""

    NEW_YEAR = auto()
    MARTIN_LUTHER_KING = auto()
    PRESIDENTS = auto()
    GOOD_FRIDAY = auto()
    EMPLOYMENT_REPORT = auto()
    """A Good Friday on which the employment report comes out: the first Friday of its month."""
    MEMORIAL = auto()
    JUNETEENTH = auto()
    INDEPENDENCE_EVE = auto()
    INDEPENDENCE = auto()
    LABOR = auto()
    THANKSGIVING = auto()
    THANKSGIVING_FRIDAY = auto()
    CHRISTMAS_EVE = auto()
    CHRISTMAS = auto()


_EARLY = frozenset({Holiday.INDEPENDENCE_EVE, Holiday.THANKSGIVING_FRIDAY, Holiday.CHRISTMAS_EVE})
NO_NIGHT_AFTER = frozenset({Holiday.NEW_YEAR, Holiday.INDEPENDENCE, Holiday.THANKSGIVING, Holiday.CHRISTMAS})
"""In the evening of these the grains stay closed until the next morning."""

_CLOSED = dict.fromkeys(
    ("Index", "Rates", "Currencies", "Crypto", "Energy", "Metals", "Grains", "Livestock"),
    SHUT,
)
_HALT = {
    "Index": time(12),
    "Rates": time(12),
    "Energy": time(13, 30),
    "Metals": time(13, 30),
    "Grains": SHUT,
    "Livestock": SHUT,
}
_CLOSINGS: dict[Holiday, dict[str, time]] = {
    Holiday.NEW_YEAR: _CLOSED,
    Holiday.GOOD_FRIDAY: _CLOSED,
    Holiday.CHRISTMAS: _CLOSED,
    Holiday.EMPLOYMENT_REPORT: _CLOSED
    | {"Index": time(8, 15), "Rates": time(10, 15), "Currencies": time(10, 15), "Crypto": time(10, 15)},
    Holiday.MARTIN_LUTHER_KING: _HALT,
    Holiday.PRESIDENTS: _HALT,
    Holiday.MEMORIAL: _HALT,
    Holiday.JUNETEENTH: _HALT,
    Holiday.INDEPENDENCE: _HALT,
    Holiday.LABOR: _HALT,
    Holiday.THANKSGIVING: _HALT,
    Holiday.INDEPENDENCE_EVE: {"Index": time(12, 15), "Grains": time(12, 5), "Livestock": time(12, 5)},
    Holiday.THANKSGIVING_FRIDAY: {
        "Index": time(12, 15),
        "Rates": time(12, 15),
        "Currencies": time(12, 15),
        "Crypto": time(12, 45),
        "Energy": time(12, 45),
        "Metals": time(12, 45),
        "Grains": time(12, 5),
        "Livestock": time(12, 5),
    },
    Holiday.CHRISTMAS_EVE: {
        "Index": time(12, 15),
        "Rates": time(12, 15),
        "Currencies": time(12, 15),
        "Crypto": time(12, 15),
        "Energy": time(12, 45),
        "Metals": time(12, 45),
        "Grains": time(12, 5),
        "Livestock": time(12, 5),
    },
}


def closing(group: str, day: date) -> time | None:
    """When a product group (a contractGroup's name) stops on a day that is special: a time, or SHUT. None on a day
    like any other."""
    found = holiday(day)
    return _CLOSINGS[found].get(group) if found else None


def is_business_day(day: date) -> bool:
    """Is it a trade date, on which the exchange clears and contracts may expire?"""
    found = holiday(day)
    return day.weekday() < SATURDAY and (found is None or found in _EARLY)


def holiday(day: date) -> Holiday | None:
    """The holiday, or the early day before or after one, that falls on a day."""
    return _of_year(day.year).get(day)


@lru_cache(maxsize=64)
def _of_year(year: int) -> dict[date, Holiday]:
    # a Saturday's New Year is not kept on the Friday before (CME, New Year's Day 2022)
    return {day: found for day, found in _dates(year) if day.weekday() < SATURDAY}


def _dates(year: int) -> Iterator[tuple[date, Holiday]]:
    if date(year, 7, 4).weekday() < SATURDAY:
        yield date(year, 7, 3), Holiday.INDEPENDENCE_EVE
    yield date(year, 12, 24), Holiday.CHRISTMAS_EVE
    new_year = date(year, 1, 1)
    yield new_year + timedelta(days=new_year.weekday() == SUNDAY), Holiday.NEW_YEAR
    yield nth_weekday(year, 1, MONDAY, 3), Holiday.MARTIN_LUTHER_KING
    yield nth_weekday(year, 2, MONDAY, 3), Holiday.PRESIDENTS
    good_friday = easter(year) - timedelta(days=2)
    first = good_friday == nth_weekday(year, good_friday.month, FRIDAY, 1)
    yield good_friday, Holiday.EMPLOYMENT_REPORT if first else Holiday.GOOD_FRIDAY
    yield nth_weekday(year, 6, MONDAY, 1) - timedelta(days=7), Holiday.MEMORIAL
    yield _observed(date(year, 6, 19)), Holiday.JUNETEENTH
    yield _observed(date(year, 7, 4)), Holiday.INDEPENDENCE
    yield nth_weekday(year, 9, MONDAY, 1), Holiday.LABOR
    thanksgiving = nth_weekday(year, 11, THURSDAY, 4)
    yield thanksgiving, Holiday.THANKSGIVING
    yield thanksgiving + timedelta(days=1), Holiday.THANKSGIVING_FRIDAY
    yield _observed(date(year, 12, 25)), Holiday.CHRISTMAS


def _observed(day: date) -> date:
    """A holiday on a Saturday is kept on the Friday before, one on a Sunday on the Monday after."""
    return day + timedelta(days={SATURDAY: -1, SUNDAY: 1}.get(day.weekday(), 0))


def nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    """The nth Monday (0) to Sunday (6) of a month, from 1."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Butcher's algorithm)."""
    golden, century, rest = year % 19, year // 100, year % 100
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - century // 4 - moon + 15) % 30
    to_sunday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * to_sunday) // 451
    month, day = divmod(epact + to_sunday - 7 * late + 114, 31)
    return date(year, month, day + 1)
