"""A trader's own trades are on the tape: once, at their price, in ticks, bars, histogram and volume."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from trading.simulator import RunningSimulator
from trading.simulator.clock import trading_day_start
from trading.simulator.tape import MINUTES_KEPT, PRINTS_KEPT, milliseconds

from .charting import MINUTES, TICKS, past
from .conftest import ESZ6, START, Api, Socket, open_socket
from .desk import Desk


@pytest.fixture
def market(sim: RunningSimulator, trader: Api) -> Iterator[Socket]:
    with open_socket(sim, trader.token) as socket:
        yield socket


def volume(chart: Any) -> int:
    latest = {bar["timestamp"]: bar for bar in chart.bars}
    return sum(bar["upVolume"] + bar["downVolume"] for bar in latest.values())


def test_an_own_trade_is_a_tick_like_any_other_and_comes_with_the_next_step(
    sim: RunningSimulator, trader: Api, market: Socket
) -> None:
    sim.control.liquidity("ESZ6", 100)
    chart = past(market, TICKS, asMuchAsElements=1)
    trader.place("Buy", 4)
    sim.control.price("ESZ6", "6851.00")
    own, step = sorted(chart.next_packets()[0]["tks"], key=lambda tick: tick["id"])
    assert own["s"] == 4
    again = past(market, TICKS, asMuchAsElements=2).ticks
    assert [(tick["price"], tick["size"]) for tick in again] == [(6850, 4), (6851, step["s"])]


def test_what_a_chart_has_in_its_history_does_not_come_again(
    sim: RunningSimulator, trader: Api, market: Socket
) -> None:
    sim.control.liquidity("ESZ6", 100)
    trader.place("Buy", 4)
    before = past(market, MINUTES, asMuchAsElements=3)
    ticks = past(market, TICKS, asMuchAsElements=3)
    assert ticks.ticks[-1]["size"] == 4
    trader.place("Sell", 3)
    sim.control.price("ESZ6", "6851.00")
    before.packets += before.next_packets()
    after = past(market, MINUTES, asMuchAsElements=3)
    assert volume(before) == volume(after)
    assert before.bars[-1] == after.bars[-1]


def test_own_trades_are_in_histogram_volume_and_the_days_high(
    sim: RunningSimulator, trader: Api, market: Socket
) -> None:
    sim.control.liquidity("ESZ6", 1)
    assert market.ask("md/subscribehistogram", {"symbol": "ESZ6"})["s"] == 200
    first = histogram(market)
    trader.place("Buy", 3)
    sim.control.price("ESZ6", "6845.00")
    items = histogram(market)["items"]
    base = first["base"]
    traded = {base + int(offset) / 4: size - first["items"].get(offset, 0) for offset, size in items.items()}
    assert {price: traded[price] for price in (6850.0, 6850.25, 6850.5)} == {6850.0: 1, 6850.25: 1, 6850.5: 1}
    entries = quote(market)
    assert entries["HighPrice"]["price"] >= 6850.5
    again = open_profile(market)
    assert sum(again["items"].values()) == entries["TotalTradeVolume"]["size"]


def histogram(socket: Socket) -> Any:
    while True:
        events, socket.events = socket.events, []
        for event in events:
            if event.get("e") == "md" and "histograms" in event["d"]:
                return event["d"]["histograms"][-1]
        socket.events += socket.message()


def open_profile(socket: Socket) -> Any:
    socket.ask("md/unsubscribehistogram", {"symbol": "ESZ6"})
    socket.events.clear()
    socket.ask("md/subscribehistogram", {"symbol": "ESZ6"})
    return histogram(socket)


def quote(socket: Socket) -> Any:
    socket.events.clear()
    socket.ask("md/subscribequote", {"symbol": "ESZ6"})
    while True:
        for event in socket.events:
            if event.get("e") == "md" and "quotes" in event["d"]:
                return event["d"]["quotes"][-1]["entries"]
        socket.events += socket.message()


def test_the_market_goes_its_own_way_whatever_is_traded_in_it() -> None:
    """Two runs that differ in orders have the same market beside them."""
    quiet, busy = Desk(cash=10_000_000), Desk(cash=10_000_000)
    for step in range(30):
        if step % 3 == 0:
            busy.place("Buy" if step % 2 else "Sell", 3)
        for desk in (quiet, busy):
            desk.simulation.advance(1)
    walks = [desk.simulation.feed.market(ESZ6).walk for desk in (quiet, busy)]
    assert (walks[0].bid, walks[0].last, walks[0].step) == (walks[1].bid, walks[1].last, walks[1].step)
    begin = milliseconds(trading_day_start(START))
    sums = [
        sum(bar.volume for bar in desk.simulation.sales("ES").minutes(begin, desk.simulation.sales("ES").end))
        for desk in (quiet, busy)
    ]
    assert sums[1] - sums[0] == 30


def test_a_flood_of_own_trades_keeps_the_tape_short_and_whole() -> None:
    desk = Desk(cash=10**9, size=10**6)
    tape, product, simulation = desk.simulation.tape, "ES", desk.simulation
    walk = simulation.feed.walks[product]
    for minute in range(3):
        for _ in range(PRINTS_KEPT):
            tape.record_trade(product, simulation.clock.now(), walk.last, 1)
        simulation.clock.advance(60)
        tape.record(product, simulation.clock.now())
        kept = simulation.sales(product).recorded_prints
        assert len(kept) <= PRINTS_KEPT + 1, minute
    sales = simulation.sales(product)
    assert len(sales.recorded_minutes) <= MINUTES_KEPT
    begin = milliseconds(START - timedelta(minutes=1))
    for bar in sales.minutes(begin, sales.end):
        inside = list(sales.prints(bar.begin, bar.begin + 60_000))
        assert sum(one.size for one in inside) == bar.volume
        assert (inside[0].price, inside[-1].price) == (bar.open, bar.close)
