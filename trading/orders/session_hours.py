"""Whether a product trades at a moment, and when it opens next: Tradovate's ProductSession, less CME Group's holidays.

ProductSession is "the weekly open/close schedule for this product not considering holidays" (guide): from `openTime`,
on the evening before when that is the later one, to `closeTime`, and on Sunday from `sundayOpenTime`. A pause between
is not in it, so a product may be closed that counts as open here; never the other way round. Pure.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from trading.orders.exchange_days import late_opening, special_day
from trading.orders.trading_days import CHICAGO

# All of CME Group's schedules are in Chicago's time, those of its New York exchanges too.
_ZONES: Final = dict.fromkeys(("CME", "CBOT", "NYMEX", "COMEX"), CHICAGO)
_DAY: Final = dt.timedelta(days=1)
_SATURDAY: Final = 5
_LONGEST_BREAK: Final = 8


class Standing(Enum):
    """How a product stands. HALTED: a holiday's early end, as far as the calendar's rules go."""

    OPEN = auto()
    CLOSED = auto()
    HALTED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True)
class Hours:
    """A product's week in its exchange's time; None where Tradovate does not say."""

    open_time: dt.time | None = None
    close_time: dt.time | None = None
    sunday_open_time: dt.time | None = None
    all_day: bool = False


@dataclass(frozen=True)
class Session:
    """How a product stands, why in words when a holiday is the reason, and when it opens next (aware)."""

    standing: Standing
    holiday: str = ""
    opens_at: dt.datetime | None = None


@dataclass(frozen=True)
class _Window:
    day: dt.date
    opens: dt.datetime
    closes: dt.datetime


def session(hours: Hours | None, product: str, exchange: str, now: dt.datetime) -> Session:
    """How a product (ES) of an exchange (CME) stands at a moment."""
    zone = _ZONES.get(exchange.upper())
    if hours is None:
        return Session(Standing.UNKNOWN)
    if hours.all_day:
        return Session(Standing.OPEN)
    if zone is None or hours.open_time is None or hours.close_time is None:
        return Session(Standing.UNKNOWN)
    local = now.astimezone(zone)
    holiday = ""
    windows = list(_windows(hours, product, local))
    later = [window for window in windows if window.opens > local and not _is_shut(product, window.day)]
    opens_at = later[0].opens if later else None
    for window in windows:
        if not window.opens <= local < window.closes:
            continue
        special = special_day(product, window.day)
        if special is None:
            return Session(Standing.OPEN)
        holiday = special.name
        if special.halts is not None:
            halted = local >= dt.datetime.combine(window.day, special.halts, zone)
            return Session(Standing.HALTED, holiday, opens_at) if halted else Session(Standing.OPEN, holiday)
    return Session(Standing.CLOSED, holiday, opens_at)


def _is_shut(product: str, day: dt.date) -> bool:
    special = special_day(product, day)
    return special is not None and special.halts is None


def _windows(hours: Hours, product: str, local: dt.datetime) -> Iterator[_Window]:
    """The sessions around a moment and those that follow, each with the day that it belongs to."""
    opens, closes = hours.open_time, hours.close_time
    if opens is None or closes is None:
        return
    for away in range(-1, _LONGEST_BREAK):
        day = local.date() + away * _DAY
        if day.weekday() >= _SATURDAY:
            continue
        is_overnight = opens >= closes
        begins = dt.datetime.combine(day - _DAY if is_overnight else day, opens, local.tzinfo)
        if day.weekday() == 0 and hours.sunday_open_time is not None:
            begins = dt.datetime.combine(day - _DAY, hours.sunday_open_time, local.tzinfo)
        if is_overnight and (late := late_opening(product, day)):
            begins = dt.datetime.combine(day, late, local.tzinfo)
        yield _Window(day, begins, dt.datetime.combine(day, closes, local.tzinfo))
