"""Trading days: one ends, and the next begins, at 17:00 in Chicago."""

from __future__ import annotations

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

from trading.tradovate.entities import TradeDate

_CHICAGO: Final = ZoneInfo("America/Chicago")
_ENDS: Final = dt.time(17)


def date_of(day: TradeDate | None) -> dt.date | None:
    """A day that Tradovate names; None for one that no calendar has, too."""
    try:
        return day.to_date() if day else None
    except ValueError:
        return None


def trading_day(moment: dt.datetime) -> dt.date:
    """The date of the trading day to which an aware moment belongs: that on which the day ends."""
    here = moment.astimezone(_CHICAGO)
    return here.date() + dt.timedelta(days=here.time() >= _ENDS)


def day_began(moment: dt.datetime) -> dt.datetime:
    """When the trading day of an aware moment began."""
    return dt.datetime.combine(trading_day(moment) - dt.timedelta(days=1), _ENDS, _CHICAGO)
