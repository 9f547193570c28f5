"""What days come to: rules that hold whatever the days were."""

import datetime as dt
from decimal import Decimal
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from trading.history.figures import Day, figures, max_drawdown, summed, together, weeks

dates = st.dates(dt.date(2020, 1, 1), dt.date(2030, 12, 31))
dollars = st.decimals("-100000", "100000", places=2)
results = st.dictionaries(dates, dollars, max_size=40).map(lambda found: sorted(found.items()))
days = st.lists(st.builds(Day, dates, dollars, st.none() | dollars, st.integers(0, 50)), max_size=40)


@given(results)
def test_the_total_is_the_sum_and_best_and_worst_bound_every_day(found: list[tuple[dt.date, Decimal]]) -> None:
    told = figures(found)
    assert told.total == sum(amount for _, amount in found)
    if not found:
        assert (told.best, told.worst, told.win_rate, told.max_drawdown) == (None, None, None, 0)
        return
    assert told.best in found
    assert told.worst in found
    assert all(told.worst[1] <= amount <= told.best[1] for _, amount in found)


@given(results)
def test_the_win_rate_is_of_days_that_were_won_or_lost(found: list[tuple[dt.date, Decimal]]) -> None:
    told = figures(found)
    decided = [amount for _, amount in found if amount]
    assert told.won + told.lost == len(decided)
    if decided:
        assert told.win_rate == Decimal(sum(amount > 0 for amount in decided)) / len(decided)
    mirrored = figures([(date, -amount) for date, amount in found])
    assert (mirrored.won, mirrored.lost) == (told.lost, told.won)


@given(results)
def test_the_drawdown_is_the_deepest_of_all_falls(found: list[tuple[dt.date, Decimal]]) -> None:
    curve = list(accumulate((amount for _, amount in found), initial=Decimal(0)))
    falls = [high - low for at, high in enumerate(curve) for low in curve[at:]]
    told = figures(found).max_drawdown
    assert told == max(falls)
    assert 0 <= told <= -sum(min(amount, Decimal(0)) for _, amount in found)


@given(st.lists(dollars), dollars)
def test_a_gain_deepens_no_drawdown_and_money_paid_in_before_changes_none(curve: list[Decimal], paid: Decimal) -> None:
    deepest = max_drawdown(curve)
    assert max_drawdown([*curve, max(curve, default=Decimal(0))]) == deepest
    assert max_drawdown([worth + paid for worth in curve]) == deepest


@given(days)
def test_days_of_several_accounts_are_added_up_and_unknown_fees_stay_unknown(found: list[Day]) -> None:
    merged = together(found)
    assert [day.date for day in merged] == sorted({day.date for day in found})
    assert sum(day.gross for day in merged) == sum(day.gross for day in found)
    assert sum(day.fills for day in merged) == sum(day.fills for day in found)
    for day in merged:
        same = [one for one in found if one.date == day.date]
        assert (day.fees is None) == any(one.fees is None for one in same)


@given(st.dates(dt.date(2000, 1, 1), dt.date(2099, 12, 1)).map(lambda day: day.replace(day=1)), st.data())
def test_a_month_has_each_of_its_results_once(month: dt.date, data: st.DataObject) -> None:
    numbers = data.draw(st.sets(st.integers(1, 28)))
    found = {month.replace(day=number): Day(month.replace(day=number), Decimal(1)) for number in numbers}
    shown = weeks(month, found)
    assert [day for week in shown for _, day in week if day is not None] == [found[date] for date in sorted(found)]
    assert {len(week) for week in shown} <= ({5} if all(day.weekday() < 5 for day in found) else {7})
    assert all(first.weekday() == 0 for (first, _), *_ in shown)


def test_what_accounts_are_worth_together_has_no_leap_where_one_is_first_known() -> None:
    at = [dt.datetime(2026, 11, 23, hour, tzinfo=dt.UTC) for hour in range(4)]
    points = [(at[0], 1, Decimal(100)), (at[1], 2, Decimal(50)), (at[2], 1, Decimal(90)), (at[2], 2, Decimal(70))]
    assert summed(points) == [(at[0], 150), (at[1], 150), (at[2], 160)]
    assert summed([]) == []
