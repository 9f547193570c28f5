"""The client with its built-in host names, over TLS, against the simulator that goes by those names.

All names lead to the simulator's port, and its throw-away authority is trusted; nothing else is arranged.
"""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.hosts import HostNames
from trading.tradovate import Environment, Hosts, MarketSocket, Tradovate, UserSocket, request_access_token
from trading.tradovate.entities import AccessToken, AccessTokenRequest
from trading.tradovate.errors import HostMoved, TradovateError

DEMO = Hosts.default(Environment.DEMO)

Start = Callable[..., AbstractContextManager[RunningSimulator]]


@pytest.fixture
def tradovate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start a simulator in Tradovate's place, with hosts moved: tradovate(demo="demo-b.tradovateapi.com")."""
    resolve, connect = socket.getaddrinfo, asyncio.BaseEventLoop.create_connection

    @contextmanager
    def start(**moved: str) -> Iterator[RunningSimulator]:
        config = Config(seed=7, manual_clock=True, control=True, tls=tmp_path, hosts=HostNames(moved=moved))
        with serve(config) as running:
            port = int(running.url.rpartition(":")[2])

            def to_the_simulator(loop: Any, protocol: Any, host: Any = None, *_: Any, **options: Any) -> Any:
                return connect(loop, protocol, host, **{**options, "port": port})

            monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", to_the_simulator)
            monkeypatch.setattr(socket, "getaddrinfo", lambda host, _, *a, **k: resolve("127.0.0.1", port, *a, **k))
            monkeypatch.setenv("SSL_CERT_FILE", str(running.ca))
            yield running
            monkeypatch.undo()

    return start


async def sign_in(simulator: RunningSimulator, hosts: Hosts) -> AccessToken:
    trader = simulator.trader("pro")
    return await request_access_token(hosts, AccessTokenRequest(name=trader.name, password=trader.password))


async def test_the_built_in_hosts_serve_rest_and_sockets(tradovate: Start) -> None:
    with tradovate() as simulator:
        access = await sign_in(simulator, DEMO)
        assert DEMO.moved(access.api_hosts, Environment.DEMO) == DEMO
        async with Tradovate(DEMO, access.access_token) as t:
            accounts = await t.account.list()
            # The live host answers for both environments.
            assert (await t.auth.me()).user_id == access.user_id
            assert DEMO.moved((await t.auth.renew()).api_hosts, Environment.DEMO) == DEMO
        assert accounts
        assert access.user_id is not None
        async with await UserSocket.connect(DEMO.user_socket, access.access_token) as user:
            assert {account.id for account in (await user.sync(access.user_id)).accounts} == {a.id for a in accounts}
        async with await MarketSocket.connect(DEMO.market_socket, access.access_token) as market:
            assert (await market.subscribe_quote("ESZ6")).mode == "RealTime"


async def test_a_moved_host_is_followed_by_rest_and_named_to_sockets(tradovate: Start) -> None:
    with tradovate(demo="demo-b.tradovateapi.com", mdDemo="md-demo-b.tradovateapi.com") as simulator:
        # The password, too, is followed by a 307 within Tradovate.
        access = await sign_in(simulator, DEMO)
        async with Tradovate(DEMO, access.access_token) as t:
            assert await t.account.list()
            assert t.hosts.rest == "https://demo-b.tradovateapi.com/v1"
        for url in (DEMO.user_socket, DEMO.market_socket):
            with pytest.raises(HostMoved):
                await UserSocket.connect(url, access.access_token)
        moved = DEMO.moved(access.api_hosts, Environment.DEMO)
        assert moved.market_socket == "wss://md-demo-b.tradovateapi.com/v1/websocket"
        async with await UserSocket.connect(moved.user_socket, access.access_token) as user:
            assert await user.request("account/list")
        async with await MarketSocket.connect(moved.market_socket, access.access_token):
            pass


async def test_a_live_host_that_moved_answers_renewals(tradovate: Start) -> None:
    with tradovate(live="live-b.tradovateapi.com") as simulator:
        access = await sign_in(simulator, DEMO)
        async with Tradovate(DEMO, access.access_token) as t:
            renewed = await t.auth.renew()
            assert t.hosts.auth == "https://live-b.tradovateapi.com"
            assert t.hosts.rest == DEMO.rest
        assert DEMO.moved(renewed.api_hosts, Environment.DEMO).auth == "https://live-b.tradovateapi.com"


async def test_a_host_elsewhere_is_neither_followed_nor_taken_over(tradovate: Start) -> None:
    with tradovate(demo="demo.example.test") as simulator:
        with pytest.raises(HostMoved):
            await sign_in(simulator, DEMO)
        with pytest.raises(TradovateError) as refused:
            await UserSocket.connect(DEMO.user_socket, "tok-secret-1")
        assert isinstance(refused.value, HostMoved)
        assert simulator.control.ledger()["received"] == []
