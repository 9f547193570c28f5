"""CME Group's trading days: at 17:00 in Chicago one ends and the next begins. Pure.

A moment has two days. Its *calendar day* ends at the next 17:00, be that on a Saturday or a holiday. Its *trade date*
is the business day for which the exchange counts what happens then: weekends and holidays count for the one after
them. Whether Tradovate goes on showing Thursday's orders after a holiday's 17:00 nobody has told, so what must not be
concluded too early asks for the calendar day.
"""

from __future__ import annotations

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

from trading.orders.exchange_days import has_session, is_business_day

CHICAGO: Final = ZoneInfo("America/Chicago")
_TURNS: Final = dt.time(17)
_DAY: Final = dt.timedelta(days=1)


def calendar_day(moment: dt.datetime) -> dt.date:
    """The date on which the day of an aware moment ends."""
    there = moment.astimezone(CHICAGO)
    return there.date() + _DAY * (there.time() >= _TURNS)


def trade_date_of(moment: dt.datetime) -> dt.date:
    """The trade date of an aware moment."""
    day = calendar_day(moment)
    while not is_business_day(day):
        day += _DAY
    return day


def begin_of(date: dt.date) -> dt.datetime:
    """When the trade dates from this date on begin: that of a Monday on Friday."""
    before = date - _DAY
    while not is_business_day(before):
        before -= _DAY
    return dt.datetime.combine(before, _TURNS, CHICAGO)


def day_began(moment: dt.datetime) -> dt.datetime:
    """When the trade date of an aware moment began."""
    return begin_of(trade_date_of(moment))


def next_day_opens(moment: dt.datetime) -> dt.datetime:
    """When trading for the trade date after an aware moment's opens: after a Friday on Sunday."""
    day = trade_date_of(moment) + _DAY
    while not has_session(day):
        day += _DAY
    return dt.datetime.combine(day - _DAY, _TURNS, CHICAGO)
