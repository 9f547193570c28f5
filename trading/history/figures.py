"""What a row of days comes to: total, best and worst day, win rate, drawdown; and a month as weeks. Pure."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate, groupby

ZERO = Decimal(0)


@dataclass(frozen=True)
class Day:
    """What one trade date brought, in dollars: before fees, and its fees if those of all its fills are known."""

    date: dt.date
    gross: Decimal
    fees: Decimal | None = None
    fills: int = 0

    @property
    def net(self) -> Decimal | None:
        """After fees."""
        return None if self.fees is None else self.gross - self.fees


@dataclass(frozen=True)
class Figures:
    """Days with a result of their own: those that brought nothing count neither as won nor as lost."""

    total: Decimal
    won: int
    lost: int
    best: tuple[dt.date, Decimal] | None
    worst: tuple[dt.date, Decimal] | None
    max_drawdown: Decimal

    @property
    def win_rate(self) -> Decimal | None:
        """Won days of those that were won or lost, from 0 to 1; None without any."""
        decided = self.won + self.lost
        return Decimal(self.won) / decided if decided else None


def figures(results: Sequence[tuple[dt.date, Decimal]]) -> Figures:
    """The figures of days in the order of time."""
    by_amount = sorted(results, key=lambda day: day[1])
    return Figures(
        total=sum((amount for _, amount in results), ZERO),
        won=sum(amount > 0 for _, amount in results),
        lost=sum(amount < 0 for _, amount in results),
        best=by_amount[-1] if by_amount else None,
        worst=by_amount[0] if by_amount else None,
        max_drawdown=max_drawdown(accumulate((amount for _, amount in results), initial=ZERO)),
    )


def max_drawdown(values: Iterable[Decimal]) -> Decimal:
    """The deepest fall from a peak to anything after it; never below zero."""
    peak: Decimal | None = None
    deepest = ZERO
    for value in values:
        peak = value if peak is None else max(peak, value)
        deepest = max(deepest, peak - value)
    return deepest


def together(days: Iterable[Day]) -> list[Day]:
    """Days of several accounts as one day each, in the order of time; fees are unknown when one account's are."""
    ordered = sorted(days, key=lambda day: day.date)
    return [_sum(date, list(same)) for date, same in groupby(ordered, key=lambda day: day.date)]


def _sum(date: dt.date, days: list[Day]) -> Day:
    known = [day.fees for day in days if day.fees is not None]
    fees = sum(known, ZERO) if len(known) == len(days) else None
    return Day(date, sum((day.gross for day in days), ZERO), fees, sum(day.fills for day in days))


def weeks(month: dt.date, days: Mapping[dt.date, Day]) -> list[list[tuple[dt.date, Day | None]]]:
    """The weeks of a month, Monday to Friday, and to Sunday when something happened on a weekend; days of the
    neighbouring months are there without their results."""
    whole = calendar.Calendar().monthdatescalendar(month.year, month.month)
    inside = [day for day in days if (day.year, day.month) == (month.year, month.month)]
    width = 7 if any(day.weekday() >= calendar.SATURDAY for day in inside) else 5
    return [
        [(day, days.get(day) if day.month == month.month else None) for day in week[:width]]
        for week in whole
        if any(day.month == month.month for day in week[:width])
    ]


def summed(points: Iterable[tuple[dt.datetime, int, Decimal]]) -> list[tuple[dt.datetime, Decimal]]:
    """What several accounts were worth together at each moment at which one of them is known: (moment, account, worth)
    in the order of time. Before it is first known an account counts as what it was worth then, so that it seems to be
    no gain."""
    points = list(points)
    worth: dict[int, Decimal] = {}
    for _, account, amount in points:
        worth.setdefault(account, amount)
    found: dict[dt.datetime, Decimal] = {}
    for at, account, amount in points:
        worth[account] = amount
        found[at] = sum(worth.values(), ZERO)
    return list(found.items())
