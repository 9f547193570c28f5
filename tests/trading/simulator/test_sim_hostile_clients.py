"""Clients that mean harm, or have lost their mind: they get an error, and cost nobody else anything."""

import asyncio
import json
import socket as sockets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.catalog import Catalog
from trading.simulator.histogram import HistogramStream
from trading.simulator.limits import REAL
from trading.simulator.market_data import MOST_CHARTS, Subscriptions
from trading.simulator.rest import LONGEST_MESSAGE

from . import manual
from .conftest import ESZ6, NO_TLS, START, Api, Socket, open_socket


def nested(levels: int) -> str:
    return '{"ids":' + "[" * levels + "]" * levels + "}"


@pytest.mark.parametrize("levels", [40, 960, 980, 50_000])
def test_json_in_json_in_json_is_refused(sim: RunningSimulator, trader: Api, levels: int) -> None:
    for route in ("order/placeorder", "order/items", "user/syncrequest"):
        assert trader.http.post(f"/v1/{route}", content=nested(levels)).status_code == 400
    listed = trader.http.post("/v1/user/syncrequest", json={"entityTypes": "[" * levels})
    assert listed.status_code == 400
    with open_socket(sim, trader.token) as socket:
        assert socket.ask("order/placeorder", nested(levels))["s"] == 400
        assert socket.ask("account/list")["s"] == 200
    assert sim.control.ledger()["accounts"]


def test_a_body_that_is_too_long_is_not_taken_in(sim: RunningSimulator, trader: Api) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(2 * LONGEST_MESSAGE // 1024):
            yield b" " * 1024

    for path in ("/v1/order/items", "/v1/auth/oauthtoken", "/tv/accounts/D1001001/orders"):
        for body in (b"x" * (LONGEST_MESSAGE + 1), endless()):
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            with httpx.Client(base_url=sim.url, trust_env=False, verify=NO_TLS, headers=trader.http.headers) as http:
                assert http.post(path, content=body, headers=form).status_code == 413
    with open_socket(sim, trader.token) as socket:
        socket.send("account/list\n1\n\n" + " " * LONGEST_MESSAGE)
        with pytest.raises(ConnectionClosed):
            socket.message()
    assert trader.get("account/list")


def test_long_replies_that_nobody_reads_do_not_pile_up() -> None:
    with serve(Config(manual_clock=True, start=START, socket_characters=200_000, silence_seconds=600)) as simulator:
        trader = Api(simulator, "trader")
        raw = sockets.socket()
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", int(simulator.url.rpartition(":")[2])))
        with connect(
            simulator.websocket_url, compression=None, proxy=None, sock=raw, max_queue=1, close_timeout=0.1
        ) as connection:
            lazy = Socket(connection)
            lazy.receive()
            lazy.ask("authorize", trader.token)
            with suppress(ConnectionClosed, OSError):
                for number in range(4000):
                    lazy.send(f"product/list\n{number}\n\n")
            for _ in range(2000):
                assert trader.get("account/list")
                if not simulator.control.sockets():
                    break
            assert not simulator.control.sockets()


def test_a_socket_has_so_many_charts(sim: RunningSimulator, trader: Api) -> None:
    asked = {
        "symbol": "ESZ6",
        "chartDescription": {"underlyingType": "DailyBar", "elementSize": 1, "elementSizeUnit": "UnderlyingUnits"},
        "timeRange": {"asMuchAsElements": 1},
    }
    with open_socket(sim, trader.token) as socket:
        charts = [socket.ask("md/getchart", asked)["d"] for _ in range(MOST_CHARTS)]
        assert "errorText" in socket.ask("md/getchart", asked)["d"]
        assert f"a socket has at most {MOST_CHARTS}." in manual.TEXT
        assert socket.ask("md/cancelchart", {"subscriptionId": charts[0]["realtimeId"]})["d"] == {"ok": True}
        assert "realtimeId" in socket.ask("md/getchart", asked)["d"]


def test_what_is_looked_up_for_a_socket_ends_with_it() -> None:
    async def run() -> None:
        subscribed, ended = Subscriptions(), asyncio.Event()

        async def look_up() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        subscribed.look_up(HistogramStream(Catalog(START).listings[ESZ6], shift=0, known=-1), look_up())
        await asyncio.sleep(0)
        subscribed.clear()
        await asyncio.wait_for(ended.wait(), 5)

    asyncio.run(run())


def test_nobody_spends_the_requests_of_another_ones_account() -> None:
    with serve(Config(manual_clock=True, start=START, limits=replace(REAL, tv_per_minute=3))) as simulator:
        trader, pro = Api(simulator, "trader"), Api(simulator, "pro")
        found = [pro.http.get("/tv/accounts/D1001001/orders") for _ in range(4)]
        assert [answer.status_code for answer in found] == [200, 200, 200, 429]
        assert json.loads(found[0].text)["errorCode"] == 1002
        assert pro.http.get("/tv/accounts/D7/orders").status_code == 429, "strange accounts share the user's budget"
        assert trader.http.get("/tv/accounts/D1001001/orders").json()["s"] == "ok"
        assert trader.http.get("/tv/accounts/L1001001/orders").json()["s"] == "ok"
