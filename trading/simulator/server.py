"""Running the simulator: in this process until a signal, or in a thread for tests and tools."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from .app import create_app
from .config import Config, Trader
from .control_client import Control
from .rest import LONGEST_MESSAGE
from .sockets import Hub
from .tls import Certificates, certificates_of

START_SECONDS = 15.0
STOP_SECONDS = 15.0
NOTICE_SECONDS = 0.5
TICK_SECONDS = 0.1  # uvicorn's
DAY_OF_TICKS = 864_000


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
    """A uvicorn server that tells the sockets why it goes before it closes them, and ends at once when none is left."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked_to_end = asyncio.Event()

    def end(self) -> None:
        """End soon. For any thread."""
        self.should_exit = True
        with suppress(RuntimeError):  # it has ended by itself
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._asked_to_end.set)

    async def main_loop(self) -> None:
        """uvicorn's own, woken by `end`."""
        self._loop = asyncio.get_running_loop()
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % DAY_OF_TICKS
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._asked_to_end.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Announce the end, give the notices a moment to go out, then close everything."""
        await self._hub.end(NOTICE_SECONDS)
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)
        else:
            await self.lifespan.shutdown()


def make_server(app: Starlette, *, certificates: Certificates | None = None) -> Server:
    """A server for an application of `create_app`; with certificates it speaks TLS and nothing else."""
    transports = app.state.transports
    return Server(
        uvicorn.Config(
            app,
            http=transports.http(),
            ws=transports.websocket(),
            ws_max_size=LONGEST_MESSAGE,
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            # More than clients keep idle connections: one that closes just as an order goes out costs its answer.
            timeout_keep_alive=75,
            lifespan="on",
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
            ssl_certfile=certificates.certificate if certificates else None,
            ssl_keyfile=certificates.key if certificates else None,
        ),
        app.state.hub,
    )


@dataclass
class RunningSimulator:
    """A simulator that serves in a thread of this process. `url` is its origin, without a slash at the end; `ca` the
    certificate to trust when it speaks TLS."""

    url: str
    control: Control
    traders: tuple[Trader, ...]
    config: Config
    ca: Path | None = None

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

    Raises PortInUseError, OSError or ValueError for certificates that cannot be used, or RuntimeError when it does not
    start.
    """
    config = replace(config or Config(), control=True)
    certificates = certificates_of(config)
    bound = listen("127.0.0.1", port)
    server = make_server(create_app(config), certificates=certificates)
    thread = threading.Thread(target=_run, args=(server, bound), name="tradovate-simulator", daemon=True)
    thread.start()
    url = f"{'https' if certificates else 'http'}://127.0.0.1:{bound.getsockname()[1]}"
    ca = certificates.ca if certificates else None
    control = Control(url, ca)
    try:
        _wait_until_started(server, thread)
        yield RunningSimulator(url, control, config.traders, config, ca)
    finally:
        control.close()
        server.end()
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
