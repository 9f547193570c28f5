"""Trading days as the exchange counts them, in summer and in winter."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trading.simulator.clock import Clock, chicago, stamp, trading_day, trading_day_start


@pytest.mark.parametrize(
    ("utc", "hour"),
    [
        (datetime(2026, 3, 8, 7, 59, tzinfo=UTC), 1),
        (datetime(2026, 3, 8, 8, 0, tzinfo=UTC), 3),
        (datetime(2026, 11, 1, 6, 59, tzinfo=UTC), 1),
        (datetime(2026, 11, 1, 7, 0, tzinfo=UTC), 1),
        (datetime(2026, 11, 1, 8, 0, tzinfo=UTC), 2),
        (datetime(2026, 7, 1, 12, 0, tzinfo=UTC), 7),
    ],
)
def test_chicago_changes_its_clocks_when_it_does(utc: datetime, hour: int) -> None:
    assert chicago(utc).hour == hour


@pytest.mark.parametrize(
    ("utc", "day"),
    [
        (datetime(2026, 11, 18, 22, 59, tzinfo=UTC), date(2026, 11, 18)),
        (datetime(2026, 11, 18, 23, 0, tzinfo=UTC), date(2026, 11, 19)),
        (datetime(2026, 11, 20, 23, 0, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 11, 21, 12, 0, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 11, 22, 23, 30, tzinfo=UTC), date(2026, 11, 23)),
    ],
)
def test_a_trading_day_begins_at_five_in_the_afternoon_and_weekends_are_mondays(utc: datetime, day: date) -> None:
    assert trading_day(utc) == day


@given(st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001 - made aware below
@example(datetime(2026, 3, 8, 20))  # noqa: DTZ001 - made aware below; the clocks changed that night
@example(datetime(2026, 11, 1, 20))  # noqa: DTZ001 - as above
def test_a_moment_lies_in_the_day_that_began_last(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    start = trading_day_start(moment)
    assert start <= moment
    assert trading_day(start) == trading_day(moment)
    assert chicago(start).hour == 17


def test_stamps_have_milliseconds_and_z() -> None:
    assert stamp(datetime(2026, 11, 18, 3, 4, 5, 6999, tzinfo=UTC)) == "2026-11-18T03:04:05.006Z"


def test_a_manual_clock_stands_until_it_is_advanced() -> None:
    clock = Clock(manual=True, start=datetime(2026, 1, 1, tzinfo=UTC))
    assert clock.now() == clock.now()
    assert clock.advance(90) == datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC)
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-1)
