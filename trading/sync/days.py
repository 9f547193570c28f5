"""The days that Tradovate names."""

from __future__ import annotations

import datetime as dt

from trading.tradovate.entities import TradeDate


def date_of(day: TradeDate | None) -> dt.date | None:
    """A day that Tradovate names; None for one that no calendar has, too."""
    try:
        return day.to_date() if day else None
    except ValueError:
        return None
