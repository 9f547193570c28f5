"""Session hours and holidays of the products, by rule."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trading.simulator.clock import chicago, from_chicago, trading_day
from trading.simulator.holidays import SHUT, Holiday, closing, easter, holiday, is_business_day
from trading.simulator.hours import HOURS, is_open, next_open, windows
from trading.simulator.products import PRODUCTS

GROUPS = sorted(HOURS)
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001 - made aware here
    lambda naive: naive.replace(tzinfo=UTC)
)


def at(text: str) -> datetime:
    """A moment given as Chicago wall time."""
    return from_chicago(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("year", "days"),
    [
        (2025, "01-01 01-20 02-17 04-18 05-26 06-19 07-03 07-04 09-01 11-27 11-28 12-24 12-25"),
        (2026, "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 11-27 12-24 12-25"),
        (2027, "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 11-26 12-24"),
        (2028, "01-17 02-21 04-14 05-29 06-19 07-03 07-04 09-04 11-23 11-24 12-25"),
    ],
)
def test_the_holidays_of_a_year(year: int, days: str) -> None:
    every = [date(year, 1, 1) + timedelta(days=number) for number in range(366)]
    assert [f"{day:%m-%d}" for day in every if day.year == year and holiday(day)] == days.split()


@pytest.mark.parametrize(
    ("year", "sunday"),
    [(2000, "04-23"), (2024, "03-31"), (2025, "04-20"), (2026, "04-05"), (2027, "03-28"), (2038, "04-25")],
)
def test_easter(year: int, sunday: str) -> None:
    assert f"{easter(year):%m-%d}" == sunday


@pytest.mark.parametrize(
    ("group", "day", "closes"),
    [
        ("Index", date(2026, 1, 19), time(12)),
        ("Energy", date(2026, 1, 19), time(13, 30)),
        ("Currencies", date(2026, 1, 19), None),
        ("Grains", date(2026, 1, 19), SHUT),
        ("Index", date(2026, 4, 3), time(8, 15)),  # Good Friday with the employment report
        ("Rates", date(2026, 4, 3), time(10, 15)),
        ("Metals", date(2026, 4, 3), SHUT),
        ("Index", date(2027, 3, 26), SHUT),  # Good Friday without
        ("Metals", date(2026, 11, 27), time(12, 45)),
        ("Livestock", date(2026, 12, 24), time(12, 5)),
        ("Crypto", date(2026, 12, 25), SHUT),
        ("Index", date(2026, 11, 18), None),
        ("Index", date(2027, 12, 31), None),  # New Year falls on a Saturday
    ],
)
def test_when_a_group_stops_on_a_special_day(group: str, day: date, closes: time | None) -> None:
    assert closing(group, day) == closes


@pytest.mark.parametrize(
    ("group", "moment", "opens"),
    [
        ("Grains", "2026-11-18T07:44", True),
        ("Grains", "2026-11-18T07:45", False),
        ("Grains", "2026-11-18T08:30", True),
        ("Grains", "2026-11-18T13:20", False),
        ("Grains", "2026-11-18T18:59", False),
        ("Grains", "2026-11-18T19:00", True),
        ("Livestock", "2026-11-18T13:04", True),
        ("Livestock", "2026-11-18T17:30", False),
        ("Energy", "2026-11-18T13:30", True),
        ("Index", "2026-11-26T11:59", True),  # Thanksgiving
        ("Index", "2026-11-26T12:00", False),
        ("Index", "2026-11-26T17:00", True),
        ("Index", "2026-11-27T12:15", False),
        ("Grains", "2026-11-26T20:00", False),
        ("Grains", "2026-11-27T09:00", True),
        ("Grains", "2026-01-19T20:00", True),  # the evening of another Monday's holiday
        ("Index", "2026-12-24T17:30", False),  # Christmas begins
        ("Index", "2026-12-27T17:00", True),
    ],
)
def test_hours_differ_by_product_and_day(group: str, moment: str, opens: bool) -> None:
    assert is_open(group, at(moment)) is opens


@pytest.mark.parametrize(
    ("group", "moment", "opens"),
    [
        ("Index", "2026-11-18T10:00", "2026-11-18T10:00"),
        ("Index", "2026-11-18T16:00", "2026-11-18T17:00"),
        ("Index", "2026-11-20T16:00", "2026-11-22T17:00"),
        ("Grains", "2026-11-18T07:50", "2026-11-18T08:30"),
        ("Grains", "2026-11-25T14:00", "2026-11-27T08:30"),  # over Thanksgiving
        ("Livestock", "2026-12-24T12:05", "2026-12-28T08:30"),  # over Christmas and the weekend
        ("Index", "2026-03-06T16:00", "2026-03-08T17:00"),  # the clocks change
    ],
)
def test_the_next_opening(group: str, moment: str, opens: str) -> None:
    assert next_open(group, at(moment)) == at(opens)


@given(st.sampled_from(GROUPS), st.dates(date(2024, 1, 1), date(2030, 1, 1)))
@example("Index", date(2026, 3, 9))
@example("Index", date(2026, 11, 2))
def test_windows_are_in_order_and_never_overlap(group: str, day: date) -> None:
    around = [window for away in range(-1, 2) for window in windows(group, day + timedelta(days=away))]
    assert all(window.opens < window.closes for window in around)
    assert all(one.closes <= other.opens for one, other in pairwise(around))
    for window in windows(group, day):
        assert is_open(group, window.opens)
        assert is_open(group, window.closes - timedelta(seconds=1))
        evening, part = chicago(window.opens), HOURS[group]
        assert evening.time() in {one.opens for one in part}


@given(st.sampled_from(GROUPS), MOMENTS)
def test_the_next_opening_is_the_first_moment_of_trading(group: str, moment: datetime) -> None:
    opens = next_open(group, moment)
    assert is_open(group, opens)
    assert (opens == moment) is is_open(group, moment)
    if opens > moment:
        span = opens - moment
        assert not any(is_open(group, moment + span * part / 50) for part in range(50))


@given(MOMENTS)
def test_a_trading_day_is_a_business_day_and_never_runs_backwards(moment: datetime) -> None:
    day = trading_day(moment)
    assert is_business_day(day)
    assert trading_day(moment + timedelta(hours=1)) >= day
    if is_open("Index", moment):
        assert chicago(moment).date() <= day


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-11-25T17:00", date(2026, 11, 27)),  # Thanksgiving's session counts for Friday
        ("2026-11-26T20:00", date(2026, 11, 27)),
        ("2026-11-27T17:00", date(2026, 11, 30)),
        ("2026-12-24T17:00", date(2026, 12, 28)),
    ],
)
def test_a_holiday_belongs_to_the_business_day_after_it(moment: str, day: date) -> None:
    assert trading_day(at(moment)) == day


@given(st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001 - Chicago wall time
def test_chicago_and_back(local: datetime) -> None:
    there = chicago(from_chicago(local))
    assert there == local or there == local + timedelta(hours=1)  # the hour that spring skips


@pytest.mark.parametrize(
    ("product", "year", "month", "last"),
    [
        ("ES", 2026, 6, date(2026, 6, 18)),  # the third Friday is a holiday
        ("ES", 2026, 12, date(2026, 12, 18)),
        ("CL", 2027, 1, date(2026, 12, 21)),  # Christmas is no business day
        ("CL", 2026, 12, date(2026, 11, 20)),
        ("ZC", 2026, 12, date(2026, 12, 14)),
        ("ZN", 2026, 12, date(2026, 12, 21)),
        ("6E", 2026, 12, date(2026, 12, 14)),
        ("GC", 2026, 12, date(2026, 12, 29)),
        ("HE", 2026, 7, date(2026, 7, 15)),
    ],
)
def test_last_trading_days_keep_the_holidays(product: str, year: int, month: int, last: date) -> None:
    assert PRODUCTS[product].expiry(year, month) == last


@pytest.mark.parametrize(
    ("product", "year", "month", "first"),
    [
        ("ZC", 2026, 12, "2026-11-27"),
        ("ZN", 2027, 3, "2027-02-25"),
        ("GC", 2026, 12, "2026-11-30"),
        ("ES", 2026, 12, ""),
    ],
)
def test_who_holds_a_contract_that_is_delivered_is_told_when(product: str, year: int, month: int, first: str) -> None:
    intent = PRODUCTS[product].first_intent(year, month)
    assert (f"{chicago(intent):%Y-%m-%d}" if intent else "") == first
    assert intent is None or intent < PRODUCTS[product].expires(year, month)


def test_holidays_have_a_closing_for_every_group_or_none() -> None:
    named = {Holiday.NEW_YEAR: date(2026, 1, 1), Holiday.GOOD_FRIDAY: date(2025, 4, 18)}
    assert all(closing(group, day) == SHUT for day in named.values() for group in GROUPS)
    assert {spec.group for spec in PRODUCTS.values()} == set(GROUPS)
