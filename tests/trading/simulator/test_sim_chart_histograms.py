"""Charts `withHistogram`: each bar has its volume by price, in history and while it forms."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given

from trading.simulator import RunningSimulator, bars
from trading.simulator.bars import Bar, Print

from .charting import MINUTES, get_chart, past, ten_minutes_after
from .conftest import START, Api, Socket, open_socket
from .test_sim_bars import BEGIN, walks

TICK = 0.25  # exact as a float
WITH_HISTOGRAM = {**MINUTES, "withHistogram": True}


@pytest.fixture(scope="module")
def traded() -> Iterator[RunningSimulator]:
    """One for all: what is asked of it is compared with what else it says then."""
    yield from ten_minutes_after(START)


@pytest.fixture
def market(traded: RunningSimulator) -> Iterator[Socket]:
    with open_socket(traded, Api(traded, "trader").token) as socket:
        yield socket


def check(bar: dict[str, Any]) -> None:
    """The histogram holds all of the bar's contracts at prices from its low to its high."""
    base, items = bar["histogram"]["base"], bar["histogram"]["items"]
    prices = [base + int(offset) * TICK for offset in items]
    assert sum(items.values()) == bar["upVolume"] + bar["downVolume"]
    assert (min(prices), max(prices)) == (bar["low"], bar["high"])
    assert all(items.values())


@pytest.mark.parametrize(
    ("asked", "symbol", "count"),
    [
        ({}, "ESH7", 3),
        ({"elementSize": 30}, "ESZ6", 3),
        ({"underlyingType": "DailyBar"}, "ESZ6", 1),
        ({"underlyingType": "Tick", "elementSize": 50}, "ESZ6", 3),
        ({"underlyingType": "Tick", "elementSize": 500, "elementSizeUnit": "Volume"}, "ESH7", 3),
    ],
)
def test_a_bar_has_its_volume_by_price_and_is_the_same_bar(
    market: Socket, asked: dict[str, Any], symbol: str, count: int
) -> None:
    description = {**WITH_HISTOGRAM, **asked}
    chart = get_chart(market, description, symbol, asMuchAsElements=count).until_end_of_history()
    assert len(chart.bars) == count
    for bar in chart.bars:
        check(bar)
    plain = get_chart(market, {**description, "withHistogram": False}, symbol, asMuchAsElements=count)
    without = [{name: bar[name] for name in bar if name != "histogram"} for bar in chart.bars]
    assert plain.until_end_of_history().bars == without


def test_the_forming_bar_is_sent_with_the_histogram_that_it_has_by_then(
    traded: RunningSimulator, market: Socket
) -> None:
    chart = past(market, WITH_HISTOGRAM, asMuchAsElements=1)
    traded.control.price("ESZ6", "6890.00")
    [packet] = chart.next_packets()
    [bar] = packet["bars"]
    check(bar)
    assert bar["high"] == 6890


def test_days_with_histograms_are_few(market: Socket) -> None:
    description = {**WITH_HISTOGRAM, "underlyingType": "DailyBar", "elementSize": 6}
    asked = {"symbol": "ESZ6", "chartDescription": description, "timeRange": {"asMuchAsElements": 1}}
    assert market.ask("md/getchart", asked)["s"] == 400


@given(prints=walks)
def test_no_contract_of_any_builder_is_lost(prints: list[Print]) -> None:
    for builder in (bars.by_range(4), bars.Renko(3), bars.PointAndFigure(2), bars.by_minutes(2, BEGIN)):
        made: dict[int, Bar] = {}
        for one in prints:
            for bar in builder.add(Bar.of(one, with_volumes=True)):
                made[bar.begin] = bar
        for bar in made.values():
            assert sum((bar.volumes or {}).values()) == bar.volume
