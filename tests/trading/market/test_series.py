"""The bars of a chart by time: whatever order they come in, the newest word about each one stays."""

import datetime as dt
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.market.intervals import Interval
from trading.market.series import MOST, Series
from trading.tradovate.entities import Bar, Tick

START = dt.datetime(2026, 11, 17, 15, tzinfo=dt.UTC)
minutes = st.integers(0, 30)
prices = st.decimals("-40", "70000", places=4)


def bar(minute: int, price: Decimal, at: dt.datetime = START) -> Bar:
    return Bar(timestamp=at + dt.timedelta(minutes=minute), open=price, high=price, low=price, close=price)


def read(series: Series) -> dict[int, list[float]]:
    bars = json.loads(series.text(), parse_float=Decimal, parse_int=Decimal)
    times = [int(one[0]) for one in bars]
    assert times == sorted(set(times))
    return {int(one[0]): one[1:] for one in bars}


@given(st.lists(st.tuples(minutes, prices)))
def test_the_last_word_about_a_bar_stays_and_prices_are_exact(told: list[tuple[int, Decimal]]) -> None:
    series = Series(Interval.ONE_MINUTE)
    for minute, price in told:
        series.put([bar(minute, price)])
    begin = int(START.timestamp()) * 1000
    assert read(series) == {begin + minute * 60_000: [price] * 4 + [0] for minute, price in dict(told).items()}


def test_history_that_comes_late_does_not_undo_what_has_happened_since() -> None:
    series = Series(Interval.ONE_MINUTE)
    series.put([bar(1, Decimal(7))])
    assert len(series.put([bar(0, Decimal(5)), bar(1, Decimal(6))], is_past=True)) == 1
    assert [bar[3] for bar in read(series).values()] == [5, 7]


def test_no_more_is_kept_than_a_page_begins_with_and_the_newest_stay() -> None:
    series = Series(Interval.ONE_MINUTE)
    for minute in range(2 * MOST):
        series.put([bar(minute, Decimal(minute))])
    found = read(series)
    assert len(found) <= MOST
    assert max(found.values())[3] == 2 * MOST - 1


def test_a_bar_without_usable_prices_is_left_out() -> None:
    assert Series(Interval.ONE_MINUTE).put([bar(0, Decimal("NaN")), bar(1, Decimal("Infinity"))]) == set()


@pytest.mark.parametrize(
    ("stamped", "trade_date"),
    [("2026-11-16T23:00", "2026-11-17"), ("2026-11-16T22:00", "2026-11-17"), ("2026-11-17T00:00", "2026-11-17")],
)
def test_a_days_bar_stands_at_its_trade_date(stamped: str, trade_date: str) -> None:
    at = dt.datetime.fromisoformat(stamped).replace(tzinfo=dt.UTC)
    midnight = dt.datetime.fromisoformat(trade_date).replace(tzinfo=dt.UTC)
    assert Interval.DAY.time_of(bar(0, Decimal(1), at)) == midnight.timestamp() * 1000


def test_of_ticks_at_one_moment_the_last_one_is_drawn() -> None:
    series = Series(Interval.TICKS)
    series.put([Tick(id=n, timestamp=START, price=Decimal(n), size=Decimal(1)) for n in (1, 2)])
    assert [one[3] for one in read(series).values()] == [2]
