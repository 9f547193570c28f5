"""What a bar of a chart spans, and how Tradovate is asked for it (official Market Data text, Get Chart)."""

from __future__ import annotations

import datetime as dt
import re
from enum import StrEnum

from trading.tradovate.entities import Bar, ChartDescription, Tick, UnderlyingType

# What a page may name as a contract of a chart.
SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9.:/-]{0,31}")
# Sessions begin at 17:00 or 18:00 in New York: a day's bar that is stamped with its begin is of the next date.
_SESSION_BEGINS_UTC = 21


class Interval(StrEnum):
    """The bars that a page can choose."""

    TICKS = "ticks"
    ONE_MINUTE = "1m"
    FIVE_MINUTES = "5m"
    FIFTEEN_MINUTES = "15m"
    HOUR = "1h"
    DAY = "1D"

    @property
    def description(self) -> ChartDescription:
        """What md/getchart is asked for."""
        match self:
            case Interval.TICKS:
                return ChartDescription(underlying_type=UnderlyingType.TICK, element_size=1)
            case Interval.DAY:
                return ChartDescription(underlying_type=UnderlyingType.DAILY_BAR, element_size=1)
            case _:
                return ChartDescription(underlying_type=UnderlyingType.MINUTE_BAR, element_size=_MINUTES[self])

    def time_of(self, element: Bar | Tick) -> int:
        """Where the element belongs, in milliseconds since 1970; a day's bar at 0:00 UTC of its trade date."""
        at = element.timestamp
        if self is Interval.DAY:
            later = dt.timedelta(days=1) if at.hour >= _SESSION_BEGINS_UTC else dt.timedelta()
            at = dt.datetime.combine(at.date() + later, dt.time(), dt.UTC)
        return round(at.timestamp() * 1000)


_MINUTES = {
    Interval.ONE_MINUTE: 1,
    Interval.FIVE_MINUTES: 5,
    Interval.FIFTEEN_MINUTES: 15,
    Interval.HOUR: 60,
}
