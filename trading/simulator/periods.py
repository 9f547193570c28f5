"""Trade dates, and groups of them, as stretches of time. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from .clock import trading_day, trading_day_end, trading_day_start
from .tape import milliseconds, moment_of


@dataclass(frozen=True)
class Period:
    """A trade date, or some of them for bars of several days; [begin, end) in milliseconds since 1970. `begins` is the
    first of the trade dates."""

    begins: date
    trade_date: date
    begin: int
    end: int

    @classmethod
    def of(cls, time: int, days: int = 1) -> Period:
        """The period of a time. Groups of `days` trade dates are counted from a fixed one."""
        moment = moment_of(time)
        begins = trade_date = trading_day(moment)
        begin = trading_day_start(moment)
        while days > 1 and _group(trading_day(begin - timedelta(seconds=1)), days) == _group(trade_date, days):
            begin = trading_day_start(begin - timedelta(seconds=1))
            begins = trading_day(begin)
        end = trading_day_end(trade_date)
        while days > 1 and _group(trading_day(end), days) == _group(trade_date, days):
            trade_date = trading_day(end)
            end = trading_day_end(trade_date)
        return cls(begins, trade_date, milliseconds(begin), milliseconds(end))

    @property
    def td(self) -> int:
        """YYYYMMDD, as packets have it."""
        return self.trade_date.year * 10_000 + self.trade_date.month * 100 + self.trade_date.day


def _group(day: date, days: int) -> int:
    """The number of a group of trade dates."""
    ordinal = day.toordinal() - 1  # a Monday
    return (ordinal // 7 * 5 + min(4, ordinal % 7)) // days
