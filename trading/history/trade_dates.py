"""Which trade date a moment belongs to: CME's day begins at 17:00 in Chicago on the evening before. Pure."""

from __future__ import annotations

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

_CHICAGO: Final = ZoneInfo("America/Chicago")
_BEGINS: Final = dt.time(17)


def begin_of(trade_date: dt.date) -> dt.datetime:
    """When a trade date begins; it ends where the next one begins."""
    return dt.datetime.combine(trade_date - dt.timedelta(days=1), _BEGINS, _CHICAGO)


def trade_date_of(moment: dt.datetime) -> dt.date:
    """The trade date of an aware moment."""
    there = moment.astimezone(_CHICAGO)
    return there.date() + dt.timedelta(days=there.time() >= _BEGINS)
