"""When products trade: the sessions of a week in Chicago, less the holidays. Pure.

Regular hours are CME Group's (cmegroup.com, the contract specifications of each product).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from .clock import chicago, from_chicago
from .holidays import NO_NIGHT_AFTER, SATURDAY, SHUT, closing, holiday

DAY = timedelta(days=1)
MOST_DAYS_CLOSED = 10


@dataclass(frozen=True)
class Part:
    """A stretch of a day's session, Chicago time. One that `overnight` opens on the evening before."""

    opens: time
    closes: time
    overnight: bool = False


@dataclass(frozen=True)
class Window:
    """A stretch of trading without a break, from `opens` until just before `closes`; aware, UTC."""

    opens: datetime
    closes: datetime


AROUND_THE_CLOCK = (Part(time(17), time(16), overnight=True),)
HOURS: dict[str, tuple[Part, ...]] = {
    "Index": AROUND_THE_CLOCK,
    "Energy": AROUND_THE_CLOCK,
    "Metals": AROUND_THE_CLOCK,
    "Rates": AROUND_THE_CLOCK,
    "Currencies": AROUND_THE_CLOCK,
    "Crypto": AROUND_THE_CLOCK,
    "Grains": (Part(time(19), time(7, 45), overnight=True), Part(time(8, 30), time(13, 20))),
    "Livestock": (Part(time(8, 30), time(13, 5)),),
}
"""The parts of a day's session by product group (a contractGroup's name), in order."""


@lru_cache(maxsize=4096)
def windows(group: str, day: date) -> tuple[Window, ...]:
    """The stretches of trading of a group's session on a day, in order; none at weekends and on some holidays."""
    ends = closing(group, day)
    if day.weekday() >= SATURDAY or ends == SHUT:
        return ()
    found = []
    for part in HOURS[group]:
        if part.overnight and len(HOURS[group]) > 1 and holiday(day - DAY) in NO_NIGHT_AFTER:
            continue
        closes = min(part.closes, ends) if ends else part.closes
        if part.overnight or part.opens < closes:
            opens = datetime.combine(day - DAY if part.overnight else day, part.opens)
            found.append(Window(from_chicago(opens), from_chicago(datetime.combine(day, closes))))
    return tuple(found)


def is_open(group: str, moment: datetime) -> bool:
    """Does a product group trade at a moment?"""
    return any(window.opens <= moment < window.closes for window in _around(group, moment))


def next_open(group: str, moment: datetime) -> datetime:
    """When a product group opens next, UTC; the moment itself while it trades."""
    day = chicago(moment).date()
    for away in range(MOST_DAYS_CLOSED):
        for window in windows(group, day + DAY * away):
            if moment < window.closes:
                return max(moment, window.opens)
    raise LookupError(f"{group} does not open within {MOST_DAYS_CLOSED} days of {moment}.")


def _around(group: str, moment: datetime) -> tuple[Window, ...]:
    day = chicago(moment).date()
    return windows(group, day) + windows(group, day + DAY)
