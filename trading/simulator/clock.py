"""Time as the broker tells it: a clock that runs or stands still, UTC stamps, the exchange's trading day."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from .holidays import SUNDAY, is_business_day, nth_weekday

SESSION_END_HOUR = 17  # CME's trading day ends at 17:00 in Chicago


class Clock:
    """Now, as an aware UTC datetime. A manual clock moves only by `advance`."""

    def __init__(self, *, manual: bool = False, start: datetime | None = None) -> None:
        self.manual = manual
        self._offset = timedelta(0)
        self._fixed: datetime | None = None
        if manual:
            self._fixed = start or datetime.now(UTC)
        elif start is not None:
            self._offset = start - datetime.now(UTC)

    def now(self) -> datetime:
        """The simulated time, aware, UTC."""
        return self._fixed if self._fixed is not None else datetime.now(UTC) + self._offset

    def advance(self, seconds: float) -> datetime:
        """Move the time forward and return it. Raises ValueError when `seconds` is negative."""
        if seconds < 0:
            raise ValueError("The clock only moves forward.")
        if self._fixed is not None:
            self._fixed += timedelta(seconds=seconds)
        else:
            self._offset += timedelta(seconds=seconds)
        return self.now()

    @contextmanager
    def at(self, moment: datetime) -> Iterator[None]:
        """Hold the time at `moment` for a while: what is done inside happened then."""
        before, self._fixed = self._fixed, moment
        try:
            yield
        finally:
            self._fixed = before


def stamp(moment: datetime) -> str:
    """`2026-11-21T03:42:07.626Z`: milliseconds and Z, as Tradovate writes a date-time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def read_stamp(text: str) -> datetime:
    """The aware UTC datetime of an ISO text; a time without an offset is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text} is beyond the calendar in UTC.") from None


def chicago(moment: datetime) -> datetime:
    """Wall time in Chicago, naive. The rule is written out so that no time zone database is needed."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    begins, ends = _daylight_time(utc.year)
    return utc - timedelta(hours=5 if begins <= utc < ends else 6)


@lru_cache(maxsize=64)
def _daylight_time(year: int) -> tuple[datetime, datetime]:
    """Naive UTC: it runs from 02:00 standard (08:00 UTC) to 02:00 daylight (07:00 UTC)."""
    begins, ends = nth_weekday(year, 3, SUNDAY, 2), nth_weekday(year, 11, SUNDAY, 1)
    return datetime.combine(begins, time(8)), datetime.combine(ends, time(7))


def from_chicago(local: datetime) -> datetime:
    """The aware UTC datetime of a naive wall time in Chicago. Of the two in the hour that autumn repeats it is the
    first; the hour that spring skips counts as standard time."""
    first = local.replace(tzinfo=UTC) + timedelta(hours=5)
    return first if chicago(first) == local else first + timedelta(hours=1)


def trading_day(moment: datetime) -> date:
    """The trade date of a moment: from 17:00 Chicago on it is the next day. A weekend and a holiday belong to the
    business day after them."""
    return _trade_date(chicago(moment))


def trading_day_start(moment: datetime) -> datetime:
    """When the trading day that holds `moment` began, aware, UTC."""
    local = chicago(moment)
    start = local.replace(hour=SESSION_END_HOUR, minute=0, second=0, microsecond=0)
    if local.hour < SESSION_END_HOUR:
        start -= timedelta(days=1)
    while _trade_date(start - timedelta(hours=1)) == _trade_date(local):
        start -= timedelta(days=1)
    return from_chicago(start)


def trading_day_end(day: date) -> datetime:
    """When a trade date ends and the next one begins, aware, UTC."""
    return from_chicago(datetime.combine(day, time(SESSION_END_HOUR)))


def _trade_date(local: datetime) -> date:
    day = local.date() + timedelta(days=local.hour >= SESSION_END_HOUR)
    while not is_business_day(day):
        day += timedelta(days=1)
    return day
