"""Charts over real sockets: history in packets, its end, the bars and ticks that follow, paging, cancelling."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.clock import trading_day, trading_day_end, trading_day_start

from .charting import BAR_FIELDS, MINUTES, TICKS, get_chart, past, ten_minutes_after
from .conftest import ESZ6, START, Api, Socket, open_socket

YOUNG = datetime(2026, 11, 18, 0, 0, tzinfo=UTC)
"""An hour into the trade date: bars of prints are made of all prints since its begin."""


@pytest.fixture(scope="module")
def traded() -> Iterator[RunningSimulator]:
    """For tests that only look."""
    yield from ten_minutes_after(START)


@pytest.fixture(scope="module")
def young() -> Iterator[RunningSimulator]:
    """For tests that let ES trade at another price: each begins with ESZ6 at 6850."""
    yield from ten_minutes_after(YOUNG)


@pytest.fixture
def market(traded: RunningSimulator) -> Iterator[Socket]:
    """A socket of a trader who only looks."""
    with open_socket(traded, Api(traded, "trader").token) as socket:
        yield socket


@pytest.fixture
def open_market(young: RunningSimulator) -> Iterator[Socket]:
    """A socket of a market that trades in this test."""
    young.control.price("ESZ6", "6850.00")
    with open_socket(young, Api(young, "trader").token) as socket:
        yield socket


@pytest.fixture
def own_market(sim: RunningSimulator, trader: Api) -> Iterator[Socket]:
    """A socket of the simulator `sim`, after ten minutes of trading: its clock goes on in this test."""
    sim.control.advance(600)
    with open_socket(sim, trader.token) as socket:
        yield socket


def test_history_comes_in_packets_and_ends_with_eoh(market: Socket) -> None:
    chart = past(market, MINUTES, asMuchAsElements=600)
    *data, end = chart.packets
    assert end == {"id": chart.historical_id, "eoh": True}
    assert len(data) > 1
    assert {packet["id"] for packet in data} == {chart.historical_id}
    assert {packet["td"] for packet in data} == {20261118}
    assert len(chart.bars) == 600
    assert all(set(bar) == BAR_FIELDS for bar in chart.bars)
    minute = timedelta(minutes=1)
    assert chart.timestamps == [START + 10 * minute - n * minute for n in range(599, -1, -1)]
    for bar in chart.bars:
        assert bar["low"] <= min(bar["open"], bar["close"]) <= max(bar["open"], bar["close"]) <= bar["high"]
        assert bar["upVolume"] + bar["downVolume"] == bar["bidVolume"] + bar["offerVolume"] > 0


def test_a_chart_has_two_ids_of_its_own_and_a_socket_may_have_many(market: Socket) -> None:
    one, two = get_chart(market, MINUTES), get_chart(market, MINUTES, symbol=ESZ6)
    assert len({one.historical_id, one.realtime_id, two.historical_id, two.realtime_id}) == 4
    two.until_end_of_history()
    assert len(two.bars) == 10


def test_the_forming_bar_is_sent_again_with_its_timestamp_and_then_the_next_one(
    sim: RunningSimulator, own_market: Socket
) -> None:
    chart = past(own_market, MINUTES, asMuchAsElements=2)
    forming = chart.bars[-1]
    for price in ("6860.00", "6840.00"):
        sim.control.price("ESZ6", price)
        [packet] = chart.next_packets()
        [bar] = packet["bars"]
        assert (packet["id"], packet["td"], bar["timestamp"]) == (chart.realtime_id, 20261118, forming["timestamp"])
        assert bar["close"] == float(price)
        assert bar["open"] == forming["open"]
        assert bar["upVolume"] + bar["downVolume"] > forming["upVolume"] + forming["downVolume"]
    assert (bar["high"], bar["low"]) == (6860, 6840)
    sim.control.advance(60)
    bars = [bar for packet in chart.next_packets() for bar in packet["bars"]]
    while bars[-1]["timestamp"] == forming["timestamp"]:
        bars += [bar for packet in chart.next_packets() for bar in packet["bars"]]
    assert datetime.fromisoformat(bars[-1]["timestamp"]) == START + timedelta(minutes=11)


def test_history_and_what_followed_live_are_the_same_bars(sim: RunningSimulator, own_market: Socket) -> None:
    chart = past(own_market, {**MINUTES, "elementSize": 3}, asMuchAsElements=5)
    sim.control.advance(420)
    live: dict[str, Any] = {}
    last = START + timedelta(minutes=15)
    while not live or datetime.fromisoformat(max(live)) < last:
        live.update((bar["timestamp"], bar) for packet in chart.next_packets() for bar in packet["bars"])
    asked = past(own_market, {**MINUTES, "elementSize": 3}, asMuchAsElements=3)
    # the newest may have gone on since
    assert [live[bar["timestamp"]] for bar in asked.bars[:-1]] == asked.bars[:-1]


def test_time_ranges(market: Socket) -> None:
    minute = timedelta(minutes=1)
    closest, far = START - 60 * minute, START - 90 * minute
    closed = past(market, MINUTES, closestTimestamp="2026-11-18T14:00Z", asFarAsTimestamp="2026-11-18T13:30:00Z")
    assert (closed.timestamps[0], closed.timestamps[-1], len(closed.bars)) == (far, closest, 31)
    assert past(market, MINUTES, asFarAsTimestamp="2026-11-18T15:05Z").timestamps == [
        START + n * minute for n in range(5, 11)
    ]
    some = past(market, MINUTES, closestTimestamp="2026-11-18T14:00:30Z", asMuchAsElements=2)
    assert some.timestamps == [closest - minute, closest]
    both = past(market, MINUTES, asFarAsTimestamp="2026-11-18T13:30Z", asMuchAsElements=3)
    assert len(both.bars) == 3
    assert past(market, MINUTES, closestTimestamp="1999-01-01T00:00Z", asMuchAsElements=5).bars == []
    assert len(past(market, MINUTES, closestTimestamp="2999-01-01T00:00Z", asMuchAsElements=5).bars) == 5


@pytest.mark.parametrize(
    "broken",
    [
        {"timeRange": {}},
        {"timeRange": {"closestTimestamp": "yesterday"}},
        {"timeRange": {"asMuchAsElements": 0}},
        {"chartDescription": {**MINUTES, "elementSize": 0}},
        {"chartDescription": {**MINUTES, "elementSizeUnit": "Bananas"}},
        {"chartDescription": {"underlyingType": "HourBar", "elementSize": 1, "elementSizeUnit": "Range"}},
        {"chartDescription": {**MINUTES, "underlyingType": "DailyBar", "elementSize": 1000}},
    ],
)
def test_a_request_that_makes_no_sense_is_refused(market: Socket, broken: dict[str, Any]) -> None:
    asked = {"symbol": "ESZ6", "chartDescription": MINUTES, "timeRange": {"asMuchAsElements": 1}, **broken}
    reply = market.ask("md/getchart", asked)
    assert (reply["s"], reply["d"].partition(":")[0]) == (400, "Invalid request")


def test_an_unknown_symbol_is_inaccessible(market: Socket) -> None:
    reply = market.ask(
        "md/getchart", {"symbol": "XXZ6", "chartDescription": MINUTES, "timeRange": {"asMuchAsElements": 1}}
    )
    assert reply["d"] == {"errorText": "Symbol is inaccessible", "errorCode": "UnknownSymbol", "mode": "None"}


def test_a_request_is_capped_and_paging_back_gets_the_rest_once() -> None:
    config = Config(seed=7, manual_clock=True, start=START, chart_elements=100)
    with serve(config) as simulator, open_socket(simulator, Api(simulator, "trader").token) as socket:
        target = START - timedelta(minutes=250)
        seen: dict[str, Any] = {}
        closest = "2026-11-18T15:00:00Z"
        pages = 0
        while datetime.fromisoformat(closest) > target:
            bars = past(socket, MINUTES, closestTimestamp=closest, asFarAsTimestamp=target.isoformat()).bars
            assert len(bars) <= 100
            for bar in bars:
                assert seen.setdefault(bar["timestamp"], bar) == bar, "the same bar twice is the same"
            closest = min(bar["timestamp"] for bar in bars)
            pages += 1
        assert pages == 3
        assert len(seen) == 250


def test_a_contracts_history_begins_somewhere(market: Socket) -> None:
    daily = {**MINUTES, "underlyingType": "DailyBar"}
    chart = past(market, daily, asFarAsTimestamp="2001-01-01T00:00Z", closestTimestamp="2025-10-01T00:00Z")
    assert chart.timestamps[0].date() == date(2025, 9, 19), "five quarters before it expires"
    assert len(chart.bars) == 9
    assert past(market, daily, closestTimestamp="2025-06-01T00:00Z", asMuchAsElements=9).bars == []


def test_daily_bars_are_trade_dates(market: Socket) -> None:
    chart = past(market, {**MINUTES, "underlyingType": "DailyBar"}, asMuchAsElements=4)
    days = [date(2026, 11, day) for day in (13, 16, 17, 18)]
    assert [moment.date() for moment in chart.timestamps] == days
    assert [packet.get("td") for packet in chart.packets] == [20261113, 20261116, 20261117, 20261118, None]
    tuesday = chart.bars[2]
    begin, end = trading_day_start(datetime(2026, 11, 17, 15, tzinfo=UTC)), trading_day_end(days[2])
    hours = {**MINUTES, "elementSize": 60}
    inside = past(
        market, hours, asFarAsTimestamp=begin.isoformat(), closestTimestamp=(end - timedelta(minutes=1)).isoformat()
    ).bars
    assert len(inside) == 24
    assert (tuesday["open"], tuesday["close"]) == (inside[0]["open"], inside[-1]["close"])
    assert (tuesday["high"], tuesday["low"]) == (max(b["high"] for b in inside), min(b["low"] for b in inside))
    for name in ("upVolume", "downVolume", "upTicks", "downTicks", "bidVolume", "offerVolume"):
        assert tuesday[name] == sum(bar[name] for bar in inside)
    three = past(market, {**MINUTES, "underlyingType": "DailyBar", "elementSize": 3}, asMuchAsElements=3)
    assert sum(bar["upVolume"] for bar in three.bars[:2]) > tuesday["upVolume"]
    assert all(trading_day(moment) == moment.date() for moment in three.timestamps)


def test_with_session_hours_a_chart_has_no_bars_in_the_halt() -> None:
    config = Config(seed=7, manual_clock=True, start=datetime(2026, 11, 18, 23, 30, tzinfo=UTC), session_hours=True)
    with serve(config) as simulator, open_socket(simulator, Api(simulator, "trader").token) as socket:
        stamps = past(socket, MINUTES, asMuchAsElements=60).timestamps
        halt = datetime(2026, 11, 18, 22, tzinfo=UTC)
        assert halt - timedelta(minutes=1) in stamps
        assert halt + timedelta(hours=1) in stamps
        assert not [moment for moment in stamps if halt <= moment < halt + timedelta(hours=1)]


def test_tick_history_makes_the_bars_and_goes_on_live(sim: RunningSimulator, own_market: Socket) -> None:
    begin = "2026-11-18T14:58:00Z"
    chart = past(own_market, TICKS, asFarAsTimestamp=begin)
    *data, end = chart.packets
    assert end == {"id": chart.historical_id, "eoh": True}
    for packet in data:
        assert set(packet) == {"id", "s", "td", "bp", "bt", "ts", "tks"}
        assert (packet["s"], packet["td"], packet["ts"]) == ("db", 20261118, 0.25)
        assert {"t", "p", "s", "id"} <= set(packet["tks"][0]) <= {"t", "p", "s", "b", "a", "bs", "as", "id"}
    arrived = [tick["id"] for packet in data for tick in packet["tks"]]
    assert arrived != sorted(arrived), "ticks may come out of order"
    bars = past(own_market, MINUTES, asFarAsTimestamp=begin, closestTimestamp="2026-11-18T15:09Z").bars
    for bar in bars:
        opens = datetime.fromisoformat(bar["timestamp"]).timestamp() * 1000
        inside = [tick for tick in chart.ticks if opens <= tick["time"] < opens + 60_000]
        assert [inside[0]["price"], inside[-1]["price"]] == [bar["open"], bar["close"]]
        assert max(tick["price"] for tick in inside) == bar["high"]
        assert sum(tick["size"] for tick in inside) == bar["upVolume"] + bar["downVolume"]
        assert len(inside) == bar["upTicks"] + bar["downTicks"]
    before = len(chart.ticks)
    sim.control.advance(30)
    while len(chart.ticks) < before + 100:
        chart.packets += [packet for packet in chart.next_packets() if packet["id"] == chart.realtime_id]
    ids = [tick["id"] for tick in chart.ticks]
    assert len(ids) == len(set(ids))
    again = past(own_market, TICKS, asMuchAsElements=50).ticks[:30]
    live = {tick["id"]: tick for tick in chart.ticks}
    assert [live.get(tick["id"], tick) for tick in again] == again


def test_ticks_are_paged_back_by_their_ids(market: Socket) -> None:
    newest = past(market, TICKS, asMuchAsElements=100).ticks
    older = past(market, TICKS, closestTickId=newest[0]["id"], asMuchAsElements=100).ticks
    assert len(older) == 100
    assert older[-1] == newest[0]
    assert older[0]["id"] < newest[0]["id"]


@pytest.mark.parametrize(
    ("underlying", "unit", "size"),
    [
        *((underlying, "UnderlyingUnits", 5) for underlying in ("Tick", "MinuteBar", "DailyBar", "Custom", "DOM")),
        ("Tick", "Volume", 2000),
        ("MinuteBar", "Range", 8),
        ("Tick", "Renko", 4),
        ("Custom", "MomentumRange", 6),
        ("Tick", "PointAndFigure", 2),
        ("DailyBar", "OFARange", 8),
    ],
)
def test_every_kind_of_chart_has_a_past_and_goes_on(
    young: RunningSimulator, open_market: Socket, underlying: str, unit: str, size: int
) -> None:
    description = {"underlyingType": underlying, "elementSize": size, "elementSizeUnit": unit}
    chart = past(open_market, description, asMuchAsElements=8)
    assert len(chart.bars) == 8
    assert chart.timestamps == sorted(set(chart.timestamps))
    for bar in chart.bars:
        assert set(bar) == BAR_FIELDS
        if unit in ("Range", "OFARange"):
            assert bar["high"] - bar["low"] <= Decimal("0.25") * size
    young.control.price("ESZ6", "6890.00")
    packets = chart.next_packets()
    assert {packet["id"] for packet in packets} == {chart.realtime_id}
    bars = [bar for packet in packets for bar in packet["bars"]]
    assert bars[0]["timestamp"] >= chart.bars[-1]["timestamp"]
    if unit != "PointAndFigure":
        assert bars[-1]["close"] == 6890
    again = past(open_market, description, asMuchAsElements=8)
    known = {bar["timestamp"]: bar for bar in [*chart.bars, *bars]}
    assert all(known.get(bar["timestamp"], bar) == bar for bar in again.bars)


@pytest.mark.parametrize("which", ["historical_id", "realtime_id"])
def test_a_chart_is_cancelled_by_either_id(young: RunningSimulator, open_market: Socket, which: str) -> None:
    chart, other = past(open_market, MINUTES), past(open_market, MINUTES)
    number = getattr(chart, which)
    assert open_market.ask("md/cancelchart", {"subscriptionId": number})["d"] == {"ok": True}
    young.control.price("ESZ6", "6860.00")
    assert [packet["id"] for packet in other.next_packets()] == [other.realtime_id]
    reply = open_market.ask("md/cancelChart", {"subscriptionId": number})
    assert (reply["s"], reply["d"]["errorText"]) == (200, f"There is no chart {number}")
    assert open_market.ask("md/cancelchart", {})["s"] == 400


def test_contracts_of_a_product_trade_apart(market: Socket) -> None:
    front, back = past(market, MINUTES), get_chart(market, MINUTES, symbol="ESH7").until_end_of_history()
    apart = {later["close"] - bar["close"] for bar, later in zip(front.bars, back.bars, strict=True)}
    assert len(apart) == 1
    assert apart.pop() > 0


def test_numbers_travel_as_json_numbers(market: Socket) -> None:
    [bar] = past(market, {**MINUTES, "underlyingType": "DailyBar"}, asMuchAsElements=1).bars
    assert all(isinstance(value, int | float) for name, value in bar.items() if name != "timestamp")
    assert json.dumps(bar)


def test_an_expired_contract_has_a_past_and_no_more(young: RunningSimulator, open_market: Socket) -> None:
    chart = get_chart(open_market, MINUTES, symbol="ESU6", asMuchAsElements=5).until_end_of_history()
    assert chart.timestamps[-1].date() == date(2026, 9, 18)
    young.control.price("ESZ6", "6900.00")
    assert open_market.ask("account/list")["s"] == 200
    assert open_market.events == []


def test_after_a_restart_history_ends_at_the_saved_price(tmp_path: Path) -> None:
    config = Config(seed=7, manual_clock=True, start=START, state_path=tmp_path / "state.json")
    with serve(config) as simulator:
        simulator.control.price("ESZ6", "6999.00")
    later = replace(config, start=START + timedelta(hours=1))
    with serve(later) as simulator, open_socket(simulator, Api(simulator, "trader").token) as socket:
        chart = past(socket, MINUTES, asMuchAsElements=60)
        assert chart.bars[-1]["close"] == 6999
        assert len(chart.bars) == 60


def test_on_a_running_clock_ticks_bars_and_clocks_come_by_themselves() -> None:
    with serve(Config(seed=7, tick_seconds=0.02)) as simulator:
        token = Api(simulator, "trader").token
        with open_socket(simulator, token) as socket:
            ticks, bars = past(socket, TICKS, asMuchAsElements=20), past(socket, MINUTES, asMuchAsElements=2)
            known = len(ticks.ticks)
            while len(ticks.ticks) < known + 20:
                ticks.packets += ticks.next_packets()
            assert bars.next_packets()[0]["id"] == bars.realtime_id
            begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
            asked = {"startTimestamp": begin.isoformat(), "speed": 400}
            assert socket.ask("replay/initializeclock", asked)["d"] == {"ok": True}
            told: list[dict[str, Any]] = []
            while len(told) < 3:
                told += [json.loads(event["d"]) for event in socket.message() if event["e"] == "clock"]
            moments = [datetime.fromisoformat(one["t"]) for one in told]
            assert begin <= moments[0] < moments[1] < moments[2]
            assert {one["s"] for one in told} == {400}
