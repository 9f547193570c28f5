"""CME Group's holidays, by rule, for any year: on which days a product has no session, or one that halts early.

The days are the United States' federal holidays that CME Group keeps, with Good Friday; the hours are those of its
"Holiday Calendar" (cmegroup.com, trading hours) as they were in 2022 to 2026, in Chicago time. The exchange sets the
halts anew each year, so an early halt here is what is to be expected, and a day without a session is certain.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_FAMILIES: Final = {
    "equity": "ES MES NQ MNQ RTY M2K YM MYM EMD NKD NIY",
    "rates": "ZB ZN ZF ZT UB TN TWE GE SR1 SR3 ZQ 10Y 2YY 5YY 30Y MTN MWN",
    "currency": "6A 6B 6C 6E 6J 6L 6M 6N 6R 6S 6Z E7 J7 M6A M6B M6C M6E M6J M6S MSF MCD MJY",
    "crypto": "BTC MBT ETH MET SOL MSL XRP MXP BFF QBTC QETH",
    "energy": "CL MCL QM NG MNG QG RB HO BZ QH QU",
    "metals": "GC MGC QO SI SIL QI HG MHG QC PL PA 1OZ",
    "grains": "ZC ZW ZS ZM ZL ZO ZR KE XC XW XK XKW MZC MZW MZS MZM MZL",
    "livestock": "LE HE GF",
}
_FAMILY_OF: Final = {root: family for family, roots in _FAMILIES.items() for root in roots.split()}
_FLOOR: Final = frozenset({"grains", "livestock"})
# In the evening of these the grains stay closed, and open when their day begins.
_NO_NIGHT_AFTER: Final = frozenset({"New Year's Day", "Independence Day", "Thanksgiving Day", "Christmas Day"})
_GRAINS_DAY: Final = dt.time(8, 30)
_EVERYWHERE: Final = frozenset({*_FAMILIES, ""})

_MONDAY, _THURSDAY, _SATURDAY, _SUNDAY = 0, 3, 5, 6
_DAY: Final = dt.timedelta(days=1)


@dataclass(frozen=True)
class SpecialDay:
    """A holiday as one product keeps it. `halts` is Chicago's time at which trading ends; None: there is no session."""

    name: str
    halts: dt.time | None


@dataclass(frozen=True)
class _Rule:
    """Which families have no session on a holiday, and when others halt; who is not named trades as on any day."""

    name: str
    shut: frozenset[str] = frozenset()
    halts: tuple[tuple[str, dt.time], ...] = ()

    def of(self, family: str) -> SpecialDay | None:
        if family in self.shut:
            return SpecialDay(self.name, None)
        time = dict(self.halts).get(family)
        return SpecialDay(self.name, time) if time else None


def special_day(product: str, day: dt.date) -> SpecialDay | None:
    """What is special about the session of a day for a product (ES); None on a day like any other.

    For a product that is not known here only the days on which everything is shut count.
    """
    rule = _rule(day)
    return rule.of(_FAMILY_OF.get(product, "")) if rule else None


def late_opening(product: str, day: dt.date) -> dt.time | None:
    """Chicago's time at which a product (ZC) opens on a day after a holiday, instead of on the holiday's evening; None
    on a day like any other."""
    before = _rule(day - _DAY)
    is_late = before is not None and before.name in _NO_NIGHT_AFTER and _FAMILY_OF.get(product) == "grains"
    return _GRAINS_DAY if is_late else None


def has_session(day: dt.date) -> bool:
    """Whether anything trades on a day, or for it on the evening before."""
    rule = _rule(day)
    return day.weekday() < _SATURDAY and (rule is None or rule.shut != _EVERYWHERE)


def is_business_day(day: dt.date) -> bool:
    """Whether the exchange clears: what trades on a holiday, on which some products do not, counts for a later day."""
    rule = _rule(day)
    return day.weekday() < _SATURDAY and (rule is None or not rule.shut)


def _rule(day: dt.date) -> _Rule | None:
    return _rules(day.year).get(day)


def _halts(**times: dt.time) -> tuple[tuple[str, dt.time], ...]:
    return tuple(times.items())


_NOON, _QUARTER_PAST = dt.time(12), dt.time(12, 15)
_HALF_PAST_ONE = dt.time(13, 30)
_FIVE_PAST = dt.time(12, 5)
_QUARTER_TO_ONE = dt.time(12, 45)
_MIDDAY = _halts(equity=_NOON, rates=_NOON, energy=_HALF_PAST_ONE, metals=_HALF_PAST_ONE)
_EVE = _halts(
    equity=_QUARTER_PAST,
    rates=_QUARTER_PAST,
    currency=_QUARTER_PAST,
    crypto=_QUARTER_PAST,
    energy=_QUARTER_TO_ONE,
    metals=_QUARTER_TO_ONE,
    grains=_FIVE_PAST,
    livestock=_FIVE_PAST,
)
_SHORT_FRIDAY = _halts(**dict(_EVE) | {"crypto": _QUARTER_TO_ONE})
_JULY_3 = _halts(equity=_QUARTER_PAST, grains=_FIVE_PAST, livestock=_FIVE_PAST)
_REPORT_DAY = _halts(equity=dt.time(8, 15), rates=dt.time(10, 15), currency=dt.time(10, 15), crypto=dt.time(10, 15))


@lru_cache(maxsize=32)
def _rules(year: int) -> dict[dt.date, _Rule]:
    """The year's holidays. The eves come first: a holiday that falls on one replaces it."""
    independence, christmas = dt.date(year, 7, 4), dt.date(year, 12, 25)
    thanksgiving = _nth(year, 11, _THURSDAY, 4)
    rules: dict[dt.date, _Rule] = {thanksgiving + _DAY: _Rule("the day after Thanksgiving", halts=_SHORT_FRIDAY)}
    if independence.weekday() < _SATURDAY:
        rules[independence - _DAY] = _Rule("the eve of Independence Day", halts=_JULY_3)
    rules[christmas - _DAY] = _Rule("Christmas Eve", halts=_EVE)
    quiet = {
        "Martin Luther King Day": _nth(year, 1, _MONDAY, 3),
        "Presidents' Day": _nth(year, 2, _MONDAY, 3),
        "Memorial Day": _nth(year, 6, _MONDAY, 1) - 7 * _DAY,
        "Juneteenth": _kept(dt.date(year, 6, 19)),
        "Independence Day": _kept(independence),
        "Labor Day": _nth(year, 9, _MONDAY, 1),
        "Thanksgiving Day": thanksgiving,
    }
    rules |= {day: _Rule(name, shut=_FLOOR, halts=_MIDDAY) for name, day in quiet.items()}
    new_year = dt.date(year, 1, 1)
    # On a Saturday it is not kept at all: the Friday before ends the old year's books.
    new_year += _DAY * (new_year.weekday() == _SUNDAY)
    rules[new_year] = _Rule("New Year's Day", shut=_EVERYWHERE)
    rules[_kept(christmas)] = _Rule("Christmas Day", shut=_EVERYWHERE)
    friday = _easter(year) - 2 * _DAY
    # On a month's first Friday the employment report is out, and what it moves trades for a while.
    report = friday.day <= 7
    trading = frozenset(dict(_REPORT_DAY)) if report else frozenset[str]()
    rules[friday] = _Rule("Good Friday", shut=_EVERYWHERE - trading, halts=_REPORT_DAY if report else ())
    return {day: rule for day, rule in rules.items() if day.weekday() < _SATURDAY}


def _kept(day: dt.date) -> dt.date:
    """The weekday on which a holiday is kept."""
    return day + {_SATURDAY: -_DAY, _SUNDAY: _DAY}.get(day.weekday(), dt.timedelta())


def _nth(year: int, month: int, weekday: int, nth: int) -> dt.date:
    first = dt.date(year, month, 1)
    return first + dt.timedelta(days=(weekday - first.weekday()) % 7, weeks=nth - 1)


def _easter(year: int) -> dt.date:
    """Easter Sunday: the Sunday after the full moon of spring, by Gauss's rule with Lichtenberg's correction."""
    century = year // 100
    solar = 15 + (3 * century + 3) // 4 - (8 * century + 13) // 25
    seed = (19 * (year % 19) + solar) % 30
    moon = 21 + seed - (seed // 29 + (seed // 28 - seed // 29) * (year % 19 // 11))
    first_sunday = 7 - (year + year // 4 + 2 - (3 * century + 3) // 4) % 7
    return dt.date(year, 3, 1) + dt.timedelta(days=moon + 7 - (moon - first_sunday) % 7 - 1)
