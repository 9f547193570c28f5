"""Time and sales: the seeded past ends where the live market begins, and minutes are what their prints make."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest

from trading.simulator import Config, tape
from trading.simulator.bars import MINUTE, Bar, Print
from trading.simulator.clock import read_stamp, trading_day_start
from trading.simulator.entities import Fill, Order
from trading.simulator.simulation import Simulation
from trading.simulator.tape import HOUR, TimeAndSales, milliseconds

START = datetime(2026, 11, 18, 15, 0, 20, tzinfo=UTC)


def simulation(start: datetime = START, **options: object) -> Simulation:
    made = Simulation(replace(Config(seed=7, manual_clock=True, start=start, history=False), **options))
    made.open_accounts()
    made.begin_market()
    return made


def aggregated(prints: Iterable[Print]) -> list[Bar]:
    found = []
    for minute, group in groupby(prints, key=lambda one: one.time // MINUTE):
        first, *others = group
        bar = Bar.of(first).at(minute * MINUTE)
        for one in others:
            bar.add(Bar.of(one))
        found.append(bar)
    return found


def sales_of(made: Simulation, product: str = "ES") -> TimeAndSales:
    return made.tape.sales(product, made.clock.now())


def test_the_past_ends_where_the_live_market_begins() -> None:
    made = simulation()
    began = made.feed.walks["ES"].last
    made.advance(120)
    sales = sales_of(made)
    bars = list(sales.minutes(sales.live - HOUR, sales.end))
    [last_seeded] = [bar for bar in bars if bar.begin == sales.live - MINUTE]
    assert last_seeded.close == began
    first_live = next(bar for bar in bars if bar.begin == sales.live)
    assert abs(first_live.open - began) <= 3
    assert [bar.begin for bar in bars] == list(range(sales.live - HOUR, sales.live + 3 * MINUTE, MINUTE))


def test_minutes_are_what_their_prints_make() -> None:
    made = simulation()
    made.advance(900)
    sales = sales_of(made)
    begin = sales.live - 2 * HOUR
    prints = list(sales.prints(begin, sales.end))
    assert aggregated(prints) == list(sales.minutes(begin, sales.end))
    assert [one.id for one in prints] == sorted({one.id for one in prints})
    assert [one.time for one in prints] == sorted(one.time for one in prints)


def test_what_was_known_earlier_is_a_part_of_what_is_known_now() -> None:
    made = simulation()
    made.advance(300)
    before = sales_of(made)
    made.advance(300)
    now = sales_of(made)
    assert list(now.until(before.end).minutes(before.live, before.end)) == list(before.minutes(before.live, before.end))
    inside = list(before.prints(before.live, before.end))
    assert [one for one in now.prints(before.live, now.end) if one.time < before.end] == inside
    assert now.until(before.end).last_price() == inside[-1].price


def test_the_same_seed_and_start_make_the_same_past_and_another_seed_another() -> None:
    one, same, other = (sales_of(simulation(seed=seed)) for seed in (7, 7, 8))
    week = one.end - 7 * 24 * HOUR
    assert list(one.minutes(week, one.end)) == list(same.minutes(week, same.end))
    assert list(one.minutes(week, one.end)) != list(other.minutes(week, other.end))


def test_prices_stay_above_nothing_and_move_like_a_market() -> None:
    made = simulation()
    for product, walk in made.feed.walks.items():
        sales = sales_of(made, product)
        hours = list(sales.hours(sales.end // HOUR * HOUR - 10 * 24 * HOUR, sales.end))
        assert min(hour.low for hour in hours) > walk.last * 0.7, product
        assert max(hour.high for hour in hours) < walk.last * 1.4, product
        assert len({hour.close for hour in hours}) > 10, product


def test_prints_that_were_kept_no_longer_are_made_again_from_their_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape, "PRINTS_KEPT", 500)
    monkeypatch.setattr(tape, "MINUTES_KEPT", 40)
    made = simulation()
    made.advance(1800)
    sales = sales_of(made)
    assert sales.exact > sales.live
    bars = list(sales.minutes(sales.live, sales.end))
    assert sum(bar.volume for bar in bars) == sum(one.size for one in sales.prints(sales.live, sales.end))
    for remade, bar in zip(aggregated(sales.prints(sales.live, sales.end)), bars, strict=True):
        assert (remade.open, remade.high, remade.low, remade.close) == (bar.open, bar.high, bar.low, bar.close)
    made.advance(3600)
    later = sales_of(made)
    assert later.live > sales.live
    before, first = list(later.minutes(later.live - MINUTE, later.live + MINUTE))
    assert before.close == first.open


def test_with_session_hours_there_are_bars_only_while_the_product_trades() -> None:
    sunday = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    made = simulation(sunday, session_hours=True)
    sales = sales_of(made)
    found = list(sales.minutes(milliseconds(sunday - timedelta(days=4)), sales.end))
    closed = [bar for bar in found if not made.catalog.product_open(made.feed.walks["ES"].spec, at(bar))]
    assert closed == []
    friday_end, sunday_begin = datetime(2026, 11, 20, 22, tzinfo=UTC), datetime(2026, 11, 22, 23, tzinfo=UTC)
    assert not [bar for bar in found if friday_end <= at(bar) < sunday_begin]
    assert [bar for bar in found if at(bar) == sunday_begin]
    assert [bar for bar in found if at(bar) == friday_end - timedelta(minutes=1)]


@pytest.mark.parametrize("product", ["ES", "ZC", "LE"])
def test_hours_are_what_their_minutes_are(product: str) -> None:
    made = simulation(session_hours=True)
    made.advance(300)
    sales = sales_of(made, product)
    begin = milliseconds(trading_day_start(made.clock.now() - timedelta(days=6)))
    minutes, hours = list(sales.minutes(begin, sales.end)), list(sales.hours(begin, sales.end))
    assert len(hours) < len(minutes) / 5
    assert sum(bar.volume for bar in hours) == sum(bar.volume for bar in minutes)
    assert max(bar.high for bar in hours) == max(bar.high for bar in minutes)
    for hour in hours:
        inside = [bar for bar in minutes if hour.begin <= bar.begin < hour.begin + HOUR]
        assert hour.open == inside[0].open
        assert hour.begin == inside[0].begin


def at(bar: Bar) -> datetime:
    return datetime.fromtimestamp(bar.begin / 1000, UTC)


def test_the_days_figures_go_back_to_the_begin_of_the_trade_date() -> None:
    made = simulation()
    made.advance(60)
    contract = next(one for one in made.catalog.listings.values() if one.name == "ESZ6")
    market = made.feed.market(contract.contract_id)
    sales = sales_of(made)
    begin = milliseconds(trading_day_start(made.clock.now()))
    day = list(sales.minutes(begin, sales.end))
    assert market.day_open == day[0].open
    assert (market.high, market.low) == (max(bar.high for bar in day), min(bar.low for bar in day))
    assert market.volume == sum(bar.volume for bar in day)
    assert market.settlement == sales.until(begin).last_price()
    made.advance(60)
    assert market.volume == sum(bar.volume for bar in sales_of(made).minutes(begin, milliseconds(made.clock.now()) + 1))


def test_what_a_trader_did_before_the_start_lies_on_the_chart() -> None:
    made = simulation(history=True)
    fills = list(made.store.all(Fill))
    assert len({fill.contract_id for fill in fills}) == 5
    for fill in fills:
        listing = made.catalog.listings[fill.contract_id]
        minute = milliseconds(read_stamp(fill.timestamp)) // MINUTE * MINUTE
        [bar] = sales_of(made, listing.spec.name).minutes(minute, minute + MINUTE)
        shift = made.feed.market(fill.contract_id).shift
        # a market order takes what is offered beside the last print
        assert listing.spec.price(bar.low + shift - 3) <= fill.price <= listing.spec.price(bar.high + shift + 3)
    assert len([order for order in made.store.all(Order) if order.ord_status == "Working"]) == 3
