"""Trading days: a weekend and a holiday count for the business day after them."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.orders.trading_days import CHICAGO, begin_of, calendar_day, day_began, next_day_opens, trade_date_of
from trading.simulator import clock
from trading.simulator.hours import HOURS, is_open

moments = st.integers(0, 15 * 365 * 86400).map(lambda s: dt.datetime(2020, 1, 1, tzinfo=dt.UTC) + dt.timedelta(0, s))


def chicago(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=CHICAGO)


@pytest.mark.parametrize(
    ("moment", "calendar", "trade_date", "began", "next_opens"),
    [
        ("2026-12-02 16:59", "2026-12-02", "2026-12-02", "2026-12-01 17:00", "2026-12-02 17:00"),
        ("2026-12-02 17:00", "2026-12-03", "2026-12-03", "2026-12-02 17:00", "2026-12-03 17:00"),
        ("2026-12-04 12:00", "2026-12-04", "2026-12-04", "2026-12-03 17:00", "2026-12-06 17:00"),
        ("2026-12-05 12:00", "2026-12-05", "2026-12-07", "2026-12-04 17:00", "2026-12-07 17:00"),
        ("2026-12-06 17:00", "2026-12-07", "2026-12-07", "2026-12-04 17:00", "2026-12-07 17:00"),
        # Thanksgiving is a Thursday, on which index futures trade.
        ("2026-11-25 17:00", "2026-11-26", "2026-11-27", "2026-11-25 17:00", "2026-11-29 17:00"),
        ("2026-11-26 10:00", "2026-11-26", "2026-11-27", "2026-11-25 17:00", "2026-11-29 17:00"),
        ("2026-11-26 17:01", "2026-11-27", "2026-11-27", "2026-11-25 17:00", "2026-11-29 17:00"),
        # A holiday on a Monday: what opens on Sunday is Tuesday's.
        ("2027-01-15 12:00", "2027-01-15", "2027-01-15", "2027-01-14 17:00", "2027-01-17 17:00"),
        ("2027-01-18 12:00", "2027-01-18", "2027-01-19", "2027-01-15 17:00", "2027-01-19 17:00"),
        # Christmas is a Friday, on which nothing trades; its eve, which ends early, counts.
        ("2026-12-24 10:00", "2026-12-24", "2026-12-24", "2026-12-23 17:00", "2026-12-27 17:00"),
        ("2026-12-24 17:00", "2026-12-25", "2026-12-28", "2026-12-24 17:00", "2026-12-28 17:00"),
        # On Good Friday the employment report is out, and some products trade for a while.
        ("2026-04-02 12:00", "2026-04-02", "2026-04-02", "2026-04-01 17:00", "2026-04-02 17:00"),
        ("2026-04-03 08:00", "2026-04-03", "2026-04-06", "2026-04-02 17:00", "2026-04-06 17:00"),
        # Daylight saving time begins in the night to Sunday, 8 March.
        ("2026-03-06 12:00", "2026-03-06", "2026-03-06", "2026-03-05 17:00", "2026-03-08 17:00"),
    ],
)
def test_the_days_of_a_moment(moment: str, calendar: str, trade_date: str, began: str, next_opens: str) -> None:
    now = chicago(moment).astimezone(dt.UTC)
    assert calendar_day(now) == dt.date.fromisoformat(calendar)
    assert trade_date_of(now) == dt.date.fromisoformat(trade_date)
    assert day_began(now) == chicago(began)
    assert next_day_opens(now) == chicago(next_opens)


@given(moments)
def test_the_trade_date_is_the_simulator_s(now: dt.datetime) -> None:
    assert trade_date_of(now) == clock.trading_day(now)
    assert day_began(now) == clock.trading_day_start(now)


@given(moments)
def test_a_trade_date_is_never_before_the_calendar_day(now: dt.datetime) -> None:
    assert calendar_day(now) <= trade_date_of(now)


@given(moments, st.dates(dt.date(2020, 1, 1), dt.date(2035, 1, 1)))
def test_what_is_of_a_date_or_later_comes_from_its_begin_on(now: dt.datetime, date: dt.date) -> None:
    for day in (date, trade_date_of(now)):
        assert (trade_date_of(now) >= day) is (now >= begin_of(day))


@given(moments, st.floats(0, 0.999999))
def test_until_the_next_day_opens_nothing_trades_but_for_the_present_one(now: dt.datetime, share: float) -> None:
    opens = next_day_opens(now)
    assert trade_date_of(opens) > trade_date_of(now)
    assert dt.timedelta() < opens - now < dt.timedelta(days=4, hours=2)
    between = now + (opens - now) * share
    assert trade_date_of(between) == trade_date_of(now) or not any(is_open(group, between) for group in HOURS)
    assert any(is_open(group, opens) for group in HOURS)
