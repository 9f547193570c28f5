"""Running the simulator: in this process until a signal, or in a thread for tests and tools."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette

from .app import create_app
from .config import Config, Trader
from .sockets import Hub

START_SECONDS = 15.0
STOP_SECONDS = 15.0
NOTICE_SECONDS = 0.5


class PortInUseError(OSError):
    """Somebody else listens there."""


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Port 0 means any free one. Raises PortInUseError, or OSError for a host that is not here."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named TCP, or asyncio leaves Nagle's algorithm on and every reply waits 40 ms for the client's delayed ACK.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(512)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(error.errno, f"Port {port} on {host} is in use.") from None
        raise
    bound.set_inheritable(True)
    return bound


class Server(uvicorn.Server):
    """A uvicorn server that tells the sockets why it goes before it closes them."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Announce the end, give the notices a moment to go out, then close everything."""
        await self._hub.end(NOTICE_SECONDS)
        await super().shutdown(sockets)


def make_server(app: Starlette, *, log_level: str = "warning") -> uvicorn.Server:
    """A uvicorn server for an application of `create_app`."""
    transports = app.state.transports
    return Server(
        uvicorn.Config(
            app,
            http=transports.http(),
            ws=transports.websocket(),
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            lifespan="on",
            log_level=log_level,
            access_log=False,
            timeout_graceful_shutdown=1,
        ),
        app.state.hub,
    )


class Control:
    """Steers a running simulator through /control. Every method raises httpx.HTTPStatusError with the server's text
    when it refuses."""

    def __init__(self, url: str) -> None:
        # plain HTTP on loopback: an empty context spares reading the system's certificates
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = httpx.Client(base_url=url + "/control", timeout=60, trust_env=False, verify=context)

    def advance(self, seconds: float) -> dict[str, Any]:
        """Let time pass, market steps included."""
        return self._post("advance", seconds=seconds)

    def price(self, symbol: str, price: float | str) -> dict[str, Any]:
        """Put a contract's offer and last trade at a price (its bid one tick below) and let orders meet it."""
        return self._post("price", symbol=symbol, price=price)

    def liquidity(self, symbol: str, size: int | None) -> dict[str, Any]:
        """Show `size` contracts on every level of the book; None gives the seeded sizes back."""
        return self._post("liquidity", symbol=symbol, size=size)

    def market(self, symbol: str) -> dict[str, Any]:
        """Bid, offer, last and the best sizes of a contract now."""
        return self._get("market", symbol=symbol)

    def fault(
        self,
        kind: str,
        route: str = "*",
        *,
        times: int = 1,
        seconds: float = 1.0,
        captcha: bool = False,
        user: str | None = None,
    ) -> dict[str, Any]:
        """Arm a fault for the next `times` requests of a route, or do it at once (kick, no_heartbeat,
        expire_tokens with `user`; duplicate_events, modify_ignored; clear)."""
        return self._post("faults", kind=kind, route=route, times=times, seconds=seconds, captcha=captcha, user=user)

    def account(self, account_id: int, **changes: Any) -> dict[str, Any]:
        """Change an account: closed, restricted, readonly (bool), deposit (dollars)."""
        return self._post("account", accountId=account_id, **changes)

    def emit(
        self,
        user: str,
        count: int,
        *,
        per_second: float = 0,
        entity_type: str = "cashBalance",
        batch: int = 1,
        wait: bool = False,
    ) -> dict[str, Any]:
        """Send synthetic props events to a user's synchronised sockets; see control.Emit."""
        return self._post(
            "emit", user=user, count=count, per_second=per_second, entity_type=entity_type, batch=batch, wait=wait
        )

    def ledger(self) -> dict[str, Any]:
        """The whole truth: accounts, entities by type, working orders, order requests received."""
        return self._get("ledger")

    def sockets(self) -> list[dict[str, Any]]:
        """The open sockets."""
        found: list[dict[str, Any]] = self._http.get("/sockets").json()
        return found

    def close(self) -> None:
        """Close the helper's own connections."""
        self._http.close()

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        return _result(self._http.post(f"/{path}", json=body))

    def _get(self, path: str, **query: str) -> dict[str, Any]:
        return _result(self._http.get(f"/{path}", params=query))


def _result(response: httpx.Response) -> dict[str, Any]:
    if response.is_error:
        raise httpx.HTTPStatusError(response.text, request=response.request, response=response)
    found: dict[str, Any] = response.json()
    return found


@dataclass
class RunningSimulator:
    """A simulator that serves in a thread of this process. `url` is its origin, without a slash at the end."""

    url: str
    control: Control
    traders: tuple[Trader, ...]
    config: Config

    @property
    def websocket_url(self) -> str:
        """The address of its user socket."""
        return self.url.replace("http", "ws", 1) + "/v1/websocket"

    @property
    def host(self) -> str:
        """`127.0.0.1:PORT`, as apiHosts has it."""
        return self.url.partition("//")[2]

    def trader(self, name: str) -> Trader:
        """A trader by name. Raises StopIteration for a stranger."""
        return next(trader for trader in self.traders if trader.name == name)


@contextmanager
def serve(config: Config | None = None, *, port: int = 0) -> Iterator[RunningSimulator]:
    """Run a simulator on 127.0.0.1 for the length of a `with` block; /control is always on.

    Raises PortInUseError, or RuntimeError when it does not start.
    """
    config = replace(config or Config(), control=True)
    bound = listen("127.0.0.1", port)
    server = make_server(create_app(config))
    thread = threading.Thread(target=_run, args=(server, bound), name="tradovate-simulator", daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    control = Control(url)
    try:
        _wait_until_started(server, thread)
        yield RunningSimulator(url, control, config.traders, config)
    finally:
        control.close()
        server.should_exit = True
        thread.join(STOP_SECONDS)
        bound.close()


def _run(server: uvicorn.Server, bound: socket.socket) -> None:
    asyncio.run(server.serve(sockets=[bound]))


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    pause = threading.Event()
    waited = 0.0
    while not server.started:
        if not thread.is_alive() or waited > START_SECONDS:
            raise RuntimeError("The simulator did not start.")
        pause.wait(0.01)
        waited += 0.01
