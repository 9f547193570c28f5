"""A simulator of their own for these tests, and plain clients that know nothing but the wire."""

import json
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from trading.simulator import Config, RunningSimulator, serve

from .dialect import ACCOUNT, LIMIT

START = datetime(2026, 11, 18, 15, 0, tzinfo=UTC)  # a Wednesday morning in Chicago
ESZ6 = 3012612
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nothing to verify; the default one reads all certificates


class Api:
    """One signed-in user's REST calls."""

    def __init__(self, simulator: RunningSimulator, name: str) -> None:
        trader = simulator.trader(name)
        self.user_id = trader.user_id
        self.http = httpx.Client(base_url=simulator.url, timeout=30, trust_env=False, verify=NO_TLS)
        login = self.http.post(
            "/v1/auth/accesstokenrequest", json={"name": name, "password": trader.password, "cid": 8, "appId": "tests"}
        ).json()
        self.login = login
        self.token: str = login["accessToken"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"

    def get(self, path: str, **query: Any) -> Any:
        response = self.http.get(f"/v1/{path}", params=query)
        assert response.status_code == 200, (path, response.status_code, response.text)
        return response.json()

    def post(self, path: str, **body: Any) -> Any:
        response = self.http.post(f"/v1/{path}", json=body)
        assert response.status_code == 200, (path, response.status_code, response.text)
        return response.json()

    def place(self, action: str, qty: int, symbol: str = "ESZ6", **more: Any) -> Any:
        body = {"accountId": self.user_id * 1000 + 1, "orderType": "Market", "isAutomated": True, **more}
        return self.post("order/placeorder", action=action, orderQty=qty, symbol=symbol, **body)

    def order(self, order_id: int) -> Any:
        return self.get("order/item", id=order_id)

    def fills(self, order_id: int) -> list[Any]:
        return self.get("fill/deps", masterid=order_id)

    def balance(self) -> Any:
        return self.get("cashBalance/list")[0]


class Socket:
    """A user socket that speaks in frames."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.events: list[Any] = []
        self._last_id = 0

    def receive(self, timeout: float = 10) -> str:
        frame = self.connection.recv(timeout)
        assert isinstance(frame, str)
        return frame

    def send(self, frame: str) -> None:
        self.connection.send(frame)

    def message(self, timeout: float = 10) -> list[Any]:
        """The messages of the next `a` frame. Heartbeats on the way to it are answered."""
        while True:
            frame = self.receive(timeout)
            if frame.startswith("a"):
                return json.loads(frame[1:])
            if frame == "h":
                self.send("[]")

    def ask(self, endpoint: str, body: Any = None, query: str = "") -> Any:
        """Ask and return the reply; events that come in between are kept."""
        self._ask(endpoint, body, query)
        return self._reply(self._last_id)

    def ask_all(self, endpoint: str, bodies: Sequence[Any]) -> list[Any]:
        """As `ask`, with one body after the other: all are sent before the first reply is read."""
        first = self._last_id + 1
        for body in bodies:
            self._ask(endpoint, body, "")
        return [self._reply(number) for number in range(first, first + len(bodies))]

    def _ask(self, endpoint: str, body: Any, query: str) -> None:
        self._last_id += 1
        text = body if isinstance(body, str) else ("" if body is None else json.dumps(body))
        self.send(f"{endpoint}\n{self._last_id}\n{query}\n{text}")

    def _reply(self, number: int) -> Any:
        while True:
            messages = self.message()
            if messages[0].get("i") == number:
                assert len(messages) == 1, "a reply travels in a frame of its own"
                return messages[0]
            self.events += messages

    def props(self, until: str, **fields: Any) -> list[Any]:
        """All `props` details up to the first of an entity type with these fields."""
        seen = []
        while True:
            while self.events:
                event = self.events.pop(0)
                if event.get("e") != "props":
                    continue
                seen.append(event["d"])
                entity = event["d"]["entity"]
                if event["d"]["entityType"] == until and all(entity.get(k) == v for k, v in fields.items()):
                    return seen
            self.events += self.message()


@contextmanager
def open_socket(
    simulator: RunningSimulator, token: str | None = None, *, source: str = "127.0.0.1"
) -> Iterator[Socket]:
    """A socket that comes from an address of this machine, authorized when there is a token."""
    # no pings: while the simulator lets a day pass it answers none, and a busy machine takes its time for that
    settings: dict[str, Any] = {"compression": None, "proxy": None, "max_size": None, "ping_interval": None}
    settings["close_timeout"] = 1
    with connect(simulator.websocket_url, source_address=(source, 0), **settings) as connection:
        socket = Socket(connection)
        assert socket.receive() == "o"
        if token is not None:
            assert socket.ask("authorize", token)["s"] == 200
        yield socket


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    """A simulator on a Wednesday morning whose clock only the test moves; ESZ6 stands at 6849.75 x 6850.00."""
    with serve(Config(seed=7, manual_clock=True, start=START)) as running:
        running.control.price("ESZ6", "6850.00")
        yield running


@pytest.fixture
def ten_on_every_level(sim: RunningSimulator) -> None:
    sim.control.liquidity("ESZ6", 10)


@pytest.fixture
def seldom() -> Iterator[RunningSimulator]:
    """As `sim`, but its market takes a step an hour: for tests that let weeks pass."""
    with serve(Config(seed=7, manual_clock=True, start=START, tick_seconds=3600)) as running:
        yield running


@pytest.fixture
def trader(sim: RunningSimulator) -> Api:
    return Api(sim, "trader")


@pytest.fixture
def pro(sim: RunningSimulator) -> Api:
    return Api(sim, "pro")


@pytest.fixture
def socket(sim: RunningSimulator, trader: Api) -> Iterator[Socket]:
    """The trader's socket, authorized and synchronised."""
    with open_socket(sim, trader.token) as opened:
        opened.ask("user/syncrequest", {"users": [trader.user_id]})
        yield opened


class Tv:
    """A signed-in user of the dialect."""

    def __init__(self, simulator: RunningSimulator, name: str = "trader") -> None:
        self.api = Api(simulator, name)
        headers = {"Authorization": f"Bearer {self.api.token}"}
        self.http = httpx.Client(
            base_url=simulator.url + "/tv", timeout=30, trust_env=False, verify=NO_TLS, headers=headers
        )

    def ask(self, method: str, path: str, **more: Any) -> Any:
        return self.http.request(method, f"{path}?locale=en", **more).json()

    def good(self, method: str, path: str, **more: Any) -> Any:
        answer = self.ask(method, path, **more)
        assert answer["s"] == "ok", answer
        return answer["d"]

    def place(self, **fields: str) -> Any:
        return self.ask("POST", f"/accounts/{ACCOUNT}/orders", data=LIMIT | fields)

    def order(self, order_id: str) -> Any:
        return self.good("GET", f"/accounts/{ACCOUNT}/orders/{order_id}")

    def error(self, method: str, path: str, **more: Any) -> tuple[int | None, str]:
        answer = self.ask(method, path, **more)
        assert set(answer) <= {"s", "errmsg", "errorCode"}
        assert answer["s"] == "error"
        return answer.get("errorCode"), answer["errmsg"]


@pytest.fixture
def tv(sim: RunningSimulator) -> Tv:
    return Tv(sim)
