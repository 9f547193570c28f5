"""Market data over real sockets: quotes, books, entitlements, and which socket answers what."""

import socket as sockets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from websockets.sync.client import connect

from trading.simulator import DEFAULT_TRADERS, Config, RunningSimulator, serve

from .conftest import ESZ6, START, Api, Socket, open_socket

INACCESSIBLE = {"errorText": "Symbol is inaccessible", "errorCode": "UnknownSymbol", "mode": "None"}


def md_events(socket: Socket, kind: str, count: int = 1) -> list[dict]:
    """The next objects of a kind (quotes, doms, histograms) that the socket gets."""
    found: list[dict] = []
    while len(found) < count:
        socket.events += socket.message()
        events, socket.events = socket.events, []
        found += [one for event in events if event.get("e") == "md" for one in event["d"].get(kind, [])]
    return found


@contextmanager
def service(
    simulator: RunningSimulator, token: str, *, path: str = "/v1/websocket", host: str = ""
) -> Iterator[Socket]:
    """A socket of one service, named by its path or by the Host header."""
    raw = sockets.create_connection(("127.0.0.1", int(simulator.host.rpartition(":")[2])))
    address = f"ws://{host or simulator.host}{path}"
    with connect(address, compression=None, proxy=None, sock=raw) as connection:
        socket = Socket(connection)
        assert socket.receive() == "o"
        assert socket.ask("authorize", token)["s"] == 200
        yield socket


def test_quotes_follow_the_price(sim: RunningSimulator, trader: Api) -> None:
    with open_socket(sim, trader.token) as socket:
        assert socket.ask("md/subscribeQuote", {"symbol": "ESZ6"})["d"] == {"mode": "RealTime"}
        socket.message()
        sim.control.price("ESZ6", "6900.00")
        [event] = socket.message()
        [quote] = event["d"]["quotes"]
        assert (event["e"], quote["contractId"]) == ("md", ESZ6)
        entries = quote["entries"]
        assert (entries["Bid"]["price"], entries["Offer"]["price"], entries["Trade"]["price"]) == (6899.75, 6900, 6900)
        assert entries["HighPrice"]["price"] >= 6900 > entries["LowPrice"]["price"]
        assert {"TotalTradeVolume", "OpeningPrice", "SettlementPrice"} <= set(entries)
        assert socket.ask("md/unsubscribequote", {"symbol": ESZ6})["s"] == 200
        sim.control.price("ESZ6", "6910.00")
        assert socket.ask("account/list")["s"] == 200
        assert socket.events == []


def test_a_symbol_may_be_an_id_and_a_wrong_one_is_inaccessible(sim: RunningSimulator, trader: Api) -> None:
    with open_socket(sim, trader.token) as socket:
        assert socket.ask("md/subscribequote", {"symbol": str(ESZ6)})["d"] == {"mode": "RealTime"}
        assert socket.ask("md/subscribequote", {"symbol": "XXZ6"})["d"] == {
            "errorText": "Symbol is inaccessible",
            "errorCode": "UnknownSymbol",
            "mode": "None",
        }


def test_the_book_is_sent_whole_and_is_the_one_that_orders_meet(sim: RunningSimulator, trader: Api) -> None:
    sim.control.liquidity("ESZ6", 3)
    with open_socket(sim, trader.token) as socket:
        assert socket.ask("md/subscribedom", {"symbol": ESZ6})["d"] == {"mode": "RealTime"}
        [dom] = md_events(socket, "doms")
        assert dom["contractId"] == ESZ6
        assert [level["price"] for level in dom["offers"]] == [6850, 6850.25, 6850.5, 6850.75, 6851]
        assert [level["price"] for level in dom["bids"]] == [6849.75, 6849.5, 6849.25, 6849, 6848.75]
        assert {level["size"] for level in dom["offers"] + dom["bids"]} == {3}
        order = trader.place("Buy", 4)["orderId"]
        assert [(fill["price"], fill["qty"]) for fill in trader.fills(order)] == [(6850, 3), (6850.25, 1)]
        sim.control.price("ESZ6", "6900.00")
        [dom] = md_events(socket, "doms")
        assert dom["offers"][0]["price"] == 6900
        assert socket.ask("md/unsubscribedom", {"symbol": "ESZ6"})["s"] == 200
        sim.control.price("ESZ6", "6910.00")
        assert socket.ask("account/list")["s"] == 200
        assert socket.events == []


def test_a_book_that_did_not_change_is_not_sent_again() -> None:
    config = Config(seed=7, manual_clock=True, start=START.replace(hour=22), session_hours=True)  # 16:00 in Chicago
    with serve(config) as simulator, open_socket(simulator, Api(simulator, "trader").token) as socket:
        socket.ask("md/subscribedom", {"symbol": "ESZ6"})
        md_events(socket, "doms")
        simulator.control.advance(60)
        assert socket.ask("account/list")["s"] == 200
        assert len(socket.events) <= 1  # the first step, after which nothing trades


def test_entries_may_lack_what_there_is_none_of(sim: RunningSimulator, trader: Api) -> None:
    sim.control.liquidity("ESZ6", 0)
    with open_socket(sim, trader.token) as socket:
        socket.ask("md/subscribequote", {"symbol": "ESZ6"})
        entries = md_events(socket, "quotes")[0]["entries"]
        assert set(entries) == {
            "Bid",
            "Offer",
            "Trade",
            "TotalTradeVolume",
            "OpenInterest",
            "OpeningPrice",
            "HighPrice",
            "LowPrice",
            "SettlementPrice",
        }
        assert entries["Bid"] == {"price": 6849.75}
        assert set(entries["OpenInterest"]) == set(entries["TotalTradeVolume"]) == {"size"}
        assert set(entries["HighPrice"]) == {"price"}


def test_a_second_subscription_does_not_double_the_stream(sim: RunningSimulator, trader: Api) -> None:
    with open_socket(sim, trader.token) as socket:
        for symbol in ("ESZ6", ESZ6):
            assert socket.ask("md/subscribequote", {"symbol": symbol})["d"] == {"mode": "RealTime"}
        md_events(socket, "quotes", 2)
        sim.control.price("ESZ6", "6900.00")
        assert socket.ask("account/list")["s"] == 200
        assert len(socket.events) == 1


@pytest.mark.parametrize("kind", ["quote", "DOM"])
def test_who_is_not_entitled_finds_every_symbol_inaccessible(kind: str) -> None:
    traders = (replace(DEFAULT_TRADERS[0], market_data="None"),)
    config = Config(manual_clock=True, start=START, traders=traders)
    with serve(config) as simulator, open_socket(simulator, Api(simulator, "trader").token) as socket:
        for name in ("subscribe", "unsubscribe"):
            reply = socket.ask(f"md/{name}{kind}", {"symbol": "ESZ6"})
            assert (reply["s"], reply["d"]) == (200, INACCESSIBLE)


def test_market_data_needs_a_socket_and_a_token(sim: RunningSimulator, trader: Api) -> None:
    assert trader.http.post("/v1/md/subscribequote", json={"symbol": "ESZ6"}).status_code == 404
    with open_socket(sim) as socket:
        assert socket.ask("md/subscribequote", {"symbol": "ESZ6"})["s"] == 401
    with open_socket(sim, trader.token) as socket:
        assert socket.ask("md/subscribequote", {})["s"] == 400


@pytest.mark.parametrize(
    ("by_path", "by_host", "answered", "unknown"),
    [
        ("demo", "demo.tradovateapi.com", "account/list", "md/subscribeQuote"),
        ("live", "live.tradovateapi.com", "account/list", "replay/changespeed"),
        ("md", "md.tradovateapi.com", "md/subscribequote", "account/list"),
        ("md-demo", "md-demo.tradovateapi.com", "md/subscribeQuote", "user/syncrequest"),
    ],
)
def test_each_service_answers_its_own_operations(
    sim: RunningSimulator, trader: Api, by_path: str, by_host: str, answered: str, unknown: str
) -> None:
    for where in ({"path": f"/{by_path}/v1/websocket"}, {"host": by_host}):
        with service(sim, trader.token, **where) as socket:
            assert socket.ask(answered, {"symbol": "ESZ6"})["s"] == 200
            refused = socket.ask(unknown, {"symbol": "ESZ6"})
            assert (refused["s"], refused["d"]) == (404, f"Not found: {unknown}")


def test_market_data_hosts_refuse_capitals_when_told_to() -> None:
    with serve(Config(manual_clock=True, start=START, lowercase_market_data=True)) as simulator:
        token = Api(simulator, "trader").token
        with service(simulator, token, path="/md/v1/websocket") as socket:
            refused = socket.ask("md/subscribeQuote", {"symbol": "ESZ6"})
            assert (refused["s"], refused["d"]) == (404, "Not found: md/subscribeQuote")
            assert socket.ask("md/subscribequote", {"symbol": "ESZ6"})["s"] == 200


def volumes(histograms: list[dict]) -> dict[str, int]:
    """All of a histogram: what is sent with refresh replaces, other items update."""
    known: dict[str, int] = {}
    for one in histograms:
        if one["refresh"]:
            known = {}
        known.update(one["items"])
    return known


def test_a_histogram_is_the_trade_dates_volume_by_price(sim: RunningSimulator, trader: Api) -> None:
    sim.control.advance(60)
    with open_socket(sim, trader.token) as socket:
        assert socket.ask("md/subscribehistogram", {"symbol": "ESZ6"})["d"] == {"mode": "RealTime"}
        [first] = md_events(socket, "histograms")
        assert set(first) == {"contractId", "timestamp", "tradeDate", "base", "items", "refresh"}
        assert (first["contractId"], first["refresh"]) == (ESZ6, True)
        assert first["tradeDate"] == {"year": 2026, "month": 11, "day": 18}
        assert socket.ask("md/subscribequote", {"symbol": "ESZ6"})["s"] == 200
        entries = md_events(socket, "quotes")[0]["entries"]
        prices = [first["base"] + 0.25 * int(offset) for offset in first["items"]]
        assert (max(prices), min(prices)) == (entries["HighPrice"]["price"], entries["LowPrice"]["price"])
        assert sum(first["items"].values()) == entries["TotalTradeVolume"]["size"]
        assert entries["OpeningPrice"]["price"] == first["base"]
        sim.control.price("ESZ6", "6900.00")
        [change] = md_events(socket, "histograms")
        assert (change["refresh"], change["base"]) == (False, first["base"])
        traded = [first["base"] + 0.25 * int(offset) for offset in change["items"]]
        assert traded == [6880, 6900], "where a resting order of pro's traded, and where the market stands"
        assert sum(volumes([first, change]).values()) > sum(first["items"].values())
        assert socket.ask("md/unsubscribehistogram", {"symbol": ESZ6})["s"] == 200
        assert socket.ask("md/unsubscribequote", {"symbol": ESZ6})["s"] == 200
        socket.events = []
        sim.control.price("ESZ6", "6910.00")
        assert socket.ask("account/list")["s"] == 200
        assert socket.events == []


def test_a_histogram_begins_anew_with_the_trade_date(sim: RunningSimulator, trader: Api) -> None:
    with open_socket(sim, trader.token) as socket:
        socket.ask("md/subscribehistogram", {"symbol": "ESZ6"})
        [first] = md_events(socket, "histograms")
        sim.control.advance(8 * 3600 + 60)  # 17:01 in Chicago
        while True:
            [change] = md_events(socket, "histograms")
            if change["refresh"]:
                break
        assert change["tradeDate"] == {"year": 2026, "month": 11, "day": 19}
        assert sum(change["items"].values()) < sum(first["items"].values())


@pytest.fixture
def late() -> Iterator[RunningSimulator]:
    """A simulator whose trader sees the market of a minute ago."""
    traders = (replace(DEFAULT_TRADERS[0], market_data="Delayed"),)
    with serve(Config(seed=7, manual_clock=True, start=START, traders=traders, delay_seconds=60)) as simulator:
        yield simulator


def test_delayed_quotes_show_what_was(late: RunningSimulator) -> None:
    late.control.price("ESZ6", "6850.00")
    with open_socket(late, Api(late, "trader").token) as socket:
        assert socket.ask("md/subscribequote", {"symbol": "ESZ6"})["d"] == {"mode": "Delayed"}
        first = md_events(socket, "quotes")[0]
        assert first["timestamp"] == "2026-11-18T14:59:00.000Z"
        late.control.price("ESZ6", "7000.00")
        late.control.advance(30)
        prices = {quote["entries"]["Trade"]["price"] for quote in md_events(socket, "quotes", 5)}
        assert max(prices) < 6950
        late.control.advance(60)
        while True:
            quote = md_events(socket, "quotes")[0]
            if quote["entries"]["HighPrice"]["price"] == 7000:
                break
        assert "2026-11-18T15:00:00.000Z" <= quote["timestamp"] < "2026-11-18T15:00:02.000Z"
        assert socket.ask("md/subscribedom", {"symbol": "ESZ6"})["d"] == {"mode": "Delayed"}
        [dom] = md_events(socket, "doms")
        assert dom["timestamp"] == "2026-11-18T15:00:30.000Z"
        assert len(dom["bids"]) == len(dom["offers"]) == 5


def test_delayed_charts_and_histograms_end_where_the_quotes_do(late: RunningSimulator) -> None:
    minutes = {"underlyingType": "MinuteBar", "elementSize": 1, "elementSizeUnit": "UnderlyingUnits"}
    late.control.advance(300)
    with open_socket(late, Api(late, "trader").token) as socket:
        body = {"symbol": "ESZ6", "chartDescription": minutes, "timeRange": {"asMuchAsElements": 3}}
        reply = socket.ask("md/getchart", body)["d"]
        stamps: list[str] = []

        def collect() -> None:
            for event in [*socket.events, *socket.message()]:
                for packet in event["d"].get("charts", []):
                    assert packet["id"] in reply.values()
                    stamps.extend(bar["timestamp"] for bar in packet.get("bars", []))
            socket.events = []

        while len(stamps) < 3:
            collect()
        assert stamps[-1] == "2026-11-18T15:04:00.000Z"
        late.control.advance(75)
        while stamps[-1] < "2026-11-18T15:05:00.000Z":
            collect()
        assert max(stamps) == "2026-11-18T15:05:00.000Z"
        socket.ask("md/subscribehistogram", {"symbol": "ESZ6"})
        [histogram] = md_events(socket, "histograms")
        assert histogram["timestamp"] == "2026-11-18T15:05:15.000Z"
