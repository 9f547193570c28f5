"""Market Replay over real sockets: a session of its own clock, account and market, steered and shared as documented."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from websockets.sync.client import connect

from trading.simulator import DEFAULT_TRADERS, Config, RunningSimulator, serve

from .charting import MINUTES, TICKS, past
from .conftest import ESZ6, START, Api, Socket, open_socket
from .test_sim_market_data import md_events

BEGIN = START - timedelta(hours=20)


@contextmanager
def replay_socket(simulator: RunningSimulator, token: str) -> Iterator[Socket]:
    """A socket of the replay host."""
    address = simulator.url.replace("http", "ws", 1) + "/replay/v1/websocket"
    with connect(address, compression=None, proxy=None, max_size=None) as connection:
        socket = Socket(connection)
        assert socket.receive() == "o"
        assert socket.ask("authorize", token)["s"] == 200
        yield socket


def initialize(socket: Socket, *, speed: int = 100, begin: datetime = BEGIN, **more: Any) -> Any:
    body = {"startTimestamp": begin.isoformat().replace("+00:00", "Z"), "speed": speed, **more}
    return socket.ask("replay/initializeclock", body)["d"]


def clock(socket: Socket) -> tuple[datetime, int]:
    """Time and speed of the next clock event."""
    while True:
        events, socket.events = socket.events, []
        for number, event in enumerate(events):
            if event.get("e") == "clock":
                socket.events = events[number + 1 :]
                assert isinstance(event["d"], str)
                told = json.loads(event["d"])
                assert set(told) == {"t", "s"}
                return datetime.fromisoformat(told["t"]), told["s"]
        socket.events += socket.message()


def latest_clock(socket: Socket) -> tuple[datetime, int]:
    """Time and speed of the last clock event that is on its way."""
    socket.ask("contract/item", {"id": ESZ6})
    told = [event["d"] for event in socket.events if event.get("e") == "clock"]
    socket.events = []
    last = json.loads(told[-1])
    return datetime.fromisoformat(last["t"]), last["s"]


@pytest.fixture
def replay(sim: RunningSimulator, trader: Api) -> Iterator[Socket]:
    """The trader's replay of yesterday at full speed."""
    with replay_socket(sim, trader.token) as socket:
        assert initialize(socket, initialBalance=51_000) == {"ok": True}
        yield socket


def test_a_session_is_checked_before_it_begins(sim: RunningSimulator, trader: Api) -> None:
    def checked(start: datetime) -> Any:
        return trader.post("replay/checkReplaySession", startTimestamp=start.isoformat())

    assert checked(BEGIN) == {"checkStatus": "OK"}
    assert checked(START + timedelta(hours=1)) == {"checkStatus": "Ineligible"}
    adjusted = checked(START - timedelta(days=400))
    assert adjusted["checkStatus"] == "StartTimestampAdjusted"
    assert datetime.fromisoformat(adjusted["startTimestamp"]) == START - timedelta(days=90)
    with replay_socket(sim, trader.token) as socket:
        assert socket.ask("replay/checkreplaysession", {"startTimestamp": BEGIN.isoformat()})["d"] == {
            "checkStatus": "OK"
        }
        assert socket.ask("replay/checkreplaysession", {"startTimestamp": "soon"})["s"] == 400


@pytest.mark.parametrize("forbidden", [{"market_data": "None"}, {"replay_days": 0}])
def test_a_user_may_have_no_right_to_replays(forbidden: dict[str, Any]) -> None:
    traders = (replace(DEFAULT_TRADERS[0], **forbidden),)
    with serve(Config(manual_clock=True, start=START, traders=traders)) as simulator:
        trader = Api(simulator, "trader")
        assert trader.post("replay/checkreplaysession", startTimestamp=BEGIN.isoformat()) == {
            "checkStatus": "Ineligible"
        }
        with replay_socket(simulator, trader.token) as socket:
            refused = initialize(socket)
            assert (refused["ok"], bool(refused["errorText"])) == (False, True)


def test_the_clock_runs_at_its_speed_and_is_told_as_a_text(sim: RunningSimulator, replay: Socket) -> None:
    assert clock(replay) == (BEGIN, 100)
    sim.control.advance(10)
    assert latest_clock(replay) == (BEGIN + timedelta(seconds=10), 100)
    assert replay.ask("replay/changespeed", {"speed": 400})["d"] == {"ok": True}
    assert clock(replay) == (BEGIN + timedelta(seconds=10), 400)
    sim.control.advance(10)
    assert latest_clock(replay) == (BEGIN + timedelta(seconds=50), 400)
    assert replay.ask("replay/changeSpeed", {"speed": 0})["d"] == {"ok": True}
    sim.control.advance(10)
    assert latest_clock(replay) == (BEGIN + timedelta(seconds=50), 0)
    for speed in (-1, 401, "fast"):
        assert replay.ask("replay/changespeed", {"speed": speed})["s"] == 400


def test_a_session_is_paused_when_nobody_steers_it_for_long_and_goes_on_when_told() -> None:
    config = Config(manual_clock=True, start=START, replay_pause_seconds=60)
    with serve(config) as simulator, replay_socket(simulator, Api(simulator, "trader").token) as socket:
        initialize(socket)
        simulator.control.advance(120)
        paused = latest_clock(socket)
        assert paused[1] == 0
        assert BEGIN + timedelta(seconds=59) <= paused[0] <= BEGIN + timedelta(seconds=61)
        socket.ask("replay/changespeed", {"speed": 100})
        simulator.control.advance(10)
        assert latest_clock(socket) == (paused[0] + timedelta(seconds=10), 100)


def test_a_replay_ends_at_the_present(sim: RunningSimulator, trader: Api) -> None:
    with replay_socket(sim, trader.token) as socket:
        initialize(socket, speed=400, begin=START - timedelta(seconds=30))
        sim.control.advance(20)
        moment, speed = latest_clock(socket)
        assert speed == 0
        assert START - timedelta(seconds=1) <= moment <= START + timedelta(seconds=20)


def test_it_has_an_account_of_its_own(sim: RunningSimulator, trader: Api, replay: Socket) -> None:
    synced = replay.ask("user/syncrequest", {"users": [trader.user_id]})["d"]
    assert [user["id"] for user in synced["users"]] == [trader.user_id]
    [account] = synced["accounts"]
    [real] = trader.get("account/list")
    assert account["id"] != real["id"]
    assert account["name"] != real["name"]
    assert synced["cashBalances"][0]["amount"] == 51_000
    assert synced["cashBalances"][0]["timestamp"].startswith("2026-11-17T19:00")
    assert synced["orders"] == synced["positions"] == []
    order = {"accountId": real["id"], "action": "Buy", "symbol": "ESZ6", "orderQty": 1, "orderType": "Market"}
    assert replay.ask("order/placeorder", order)["d"]["failureReason"]


def test_orders_trade_against_the_replayed_prices(sim: RunningSimulator, trader: Api, replay: Socket) -> None:
    account = replay.ask("user/syncrequest", {"users": [trader.user_id]})["d"]["accounts"][0]["id"]
    replay.ask("md/subscribequote", {"symbol": "ESZ6"})
    quote = md_events(replay, "quotes")[0]
    assert quote["timestamp"].startswith("2026-11-17T19:00")
    offer = quote["entries"]["Offer"]["price"]
    base = {"accountId": account, "symbol": "ESZ6", "orderQty": 1, "isAutomated": True}
    bought = replay.ask("order/placeorder", {**base, "action": "Buy", "orderType": "Market"})["d"]["orderId"]
    fill = replay.props("fill", orderId=bought)[-1]["entity"]
    assert fill["price"] == offer
    assert fill["timestamp"].startswith("2026-11-17T19:00")
    target = offer + 2
    sold = replay.ask("order/placeorder", {**base, "action": "Sell", "orderType": "Limit", "price": target})["d"][
        "orderId"
    ]
    # what the main simulator's chart knows of the next ten minutes decides when it trades
    with open_socket(sim, trader.token) as present:
        end = (BEGIN + timedelta(minutes=10)).isoformat()
        ticks = past(present, TICKS, asFarAsTimestamp=BEGIN.isoformat(), closestTimestamp=end).ticks
    traded_through = [tick for tick in ticks if tick["price"] > target]
    sim.control.advance(600)
    status = replay.ask("order/item", {"id": sold})["d"]["ordStatus"]
    assert status == ("Filled" if traded_through else "Working")
    if traded_through:
        [sale] = replay.ask("fill/deps", {"masterid": sold})["d"]
        assert sale["price"] == target
        assert datetime.fromisoformat(sale["timestamp"]).timestamp() * 1000 <= traded_through[0]["time"]
    assert trader.get("order/list") == []
    assert trader.get("position/list") == []
    assert "error" not in str(present)


def test_the_replayed_market_is_the_one_that_was(sim: RunningSimulator, trader: Api, replay: Socket) -> None:
    chart = past(replay, MINUTES, asMuchAsElements=30)
    assert chart.timestamps[-1] <= BEGIN
    sim.control.advance(180)
    replayed = {bar["timestamp"]: bar for bar in chart.bars}
    while len(replayed) < 33:
        replayed.update((bar["timestamp"], bar) for packet in chart.next_packets() for bar in packet["bars"])
    with open_socket(sim, trader.token) as present:
        end = (BEGIN + timedelta(minutes=2, seconds=59)).isoformat()
        known = past(present, MINUTES, closestTimestamp=end, asMuchAsElements=32).bars
    whole = [bar for bar in known if bar["timestamp"] < (BEGIN + timedelta(minutes=3)).isoformat()]
    assert [replayed[bar["timestamp"]] for bar in whole] == whole


def test_what_was_traded_live_can_be_replayed(sim: RunningSimulator, trader: Api) -> None:
    sim.control.advance(30)
    sim.control.price("ESZ6", "6950.00")
    sim.control.advance(90)
    with replay_socket(sim, trader.token) as socket:
        initialize(socket, begin=START + timedelta(seconds=20))
        chart = past(socket, TICKS, asMuchAsElements=5)
        assert max(tick["price"] for tick in chart.ticks) < 6900
        sim.control.advance(20)
        while not (found := [tick for tick in chart.ticks if tick["price"] == 6950]):
            chart.packets += chart.next_packets()
        assert found[0]["time"] == (START + timedelta(seconds=30)).timestamp() * 1000


def test_market_data_of_a_replay_knows_no_future(sim: RunningSimulator, replay: Socket) -> None:
    assert max(past(replay, MINUTES, asMuchAsElements=5).timestamps) <= BEGIN
    replay.ask("md/subscribedom", {"symbol": "ESZ6"})
    assert md_events(replay, "doms")[0]["timestamp"].startswith("2026-11-17T19:00")
    sim.control.price("ESZ6", "7000.00")
    replay.ask("md/subscribequote", {"symbol": "ESZ6"})
    assert md_events(replay, "quotes")[0]["entries"]["HighPrice"]["price"] < 7000


def test_sockets_join_the_session_that_there_is(sim: RunningSimulator, trader: Api, replay: Socket) -> None:
    with replay_socket(sim, trader.token) as other:
        assert clock(other) == (BEGIN, 100)
        one = replay.ask("user/syncrequest", {"users": [trader.user_id]})["d"]["accounts"]
        assert other.ask("user/syncrequest", {"users": [trader.user_id]})["d"]["accounts"] == one
        order = {"accountId": one[0]["id"], "action": "Buy", "symbol": "ESZ6", "orderQty": 1, "orderType": "Market"}
        number = replay.ask("order/placeorder", order)["d"]["orderId"]
        assert other.props("fill", orderId=number)
        assert other.ask("replay/changespeed", {"speed": 50})["d"] == {"ok": True}
        assert latest_clock(replay) == (BEGIN, 50)


def test_beginning_again_resets_the_session_for_all(sim: RunningSimulator, trader: Api, replay: Socket) -> None:
    before = replay.ask("account/list")["d"]
    with replay_socket(sim, trader.token) as other:
        again = BEGIN - timedelta(days=1)
        assert initialize(other, begin=again, initialBalance=10_000) == {"ok": True}
        assert latest_clock(replay) == (again, 100)
        after = replay.ask("account/list")["d"]
        assert after != before
        assert replay.ask("cashbalance/list")["d"][0]["amount"] == 10_000


def test_a_session_is_gone_with_its_last_socket(sim: RunningSimulator, trader: Api) -> None:
    with replay_socket(sim, trader.token) as socket:
        initialize(socket)
        assert socket.ask("account/list")["s"] == 200
    deadline = 50
    while deadline:
        with replay_socket(sim, trader.token) as socket:
            refused = socket.ask("account/list")["d"]
            if isinstance(refused, dict):
                break
        deadline -= 1
    assert refused["errorText"].startswith("There is no replay session")
    with replay_socket(sim, trader.token) as socket:
        assert socket.ask("replay/changespeed", {"speed": 1})["d"]["ok"] is False
        assert socket.ask("md/subscribequote", {"symbol": "ESZ6"})["d"]["errorText"]


def test_other_users_and_other_sockets_live_in_the_present(
    sim: RunningSimulator, trader: Api, pro: Api, replay: Socket
) -> None:
    with replay_socket(sim, pro.token) as stranger, open_socket(sim, trader.token) as present:
        assert "errorText" in stranger.ask("account/list")["d"]
        present.ask("user/syncrequest", {"users": [trader.user_id]})
        account = replay.ask("account/list")["d"][0]["id"]
        order = {"accountId": account, "action": "Buy", "symbol": "ESZ6", "orderQty": 1, "orderType": "Market"}
        replay.ask("order/placeorder", order)
        assert present.ask("account/list")["d"][0]["id"] == trader.user_id * 1000 + 1
        assert present.events == []


def test_a_socket_that_stands_for_all_hosts_enters_a_replay_by_its_clock(sim: RunningSimulator, trader: Api) -> None:
    with open_socket(sim, trader.token) as socket:
        real = socket.ask("account/list")["d"]
        assert initialize(socket) == {"ok": True}
        assert clock(socket) == (BEGIN, 100)
        assert socket.ask("account/list")["d"] != real
    with connect(sim.url.replace("http", "ws", 1) + "/demo/v1/websocket", compression=None, proxy=None) as connection:
        demo = Socket(connection)
        demo.receive()
        demo.ask("authorize", trader.token)
        assert demo.ask("replay/initializeclock", {})["s"] == 404


def test_over_rest_a_clock_cannot_be_set(trader: Api) -> None:
    body = {"startTimestamp": BEGIN.isoformat(), "speed": 100}
    assert trader.post("replay/initializeclock", **body)["ok"] is False
    assert trader.post("replay/changespeed", speed=5)["ok"] is False
    assert trader.http.post("/v1/replay/changespeed", json={"speed": 500}).status_code == 400


def test_a_token_is_renewed_on_a_replay_socket(replay: Socket, trader: Api) -> None:
    assert replay.ask("auth/renewaccesstoken")["d"]["userId"] == trader.user_id
