"""The simulator with a trader signed in; and scripted servers on loopback, for what a well-behaved Tradovate would not
do when a test needs it."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import pytest
from websockets.asyncio.server import ServerConnection, serve

from trading.simulator import Config, RunningSimulator
from trading.simulator import serve as simulate
from trading.tradovate import Environment, Hosts, Tradovate, request_access_token
from trading.tradovate.entities import AccessToken, AccessTokenRequest
from trading.tradovate.errors import OutcomeUnknown
from trading.tradovate.tv import TradingView

from .scenes import Owner


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    with simulate(Config(seed=7, manual_clock=True, control=True)) as running:
        yield running


@pytest.fixture
def hosts(sim: RunningSimulator) -> Hosts:
    return Hosts.default(Environment.SIM, sim.url)


@pytest.fixture
async def signed_in(sim: RunningSimulator, hosts: Hosts) -> AccessToken:
    return await sign_in(sim, hosts, "trader")


async def sign_in(sim: RunningSimulator, hosts: Hosts, name: str) -> AccessToken:
    """What the simulator's trader of this name gets for the password."""
    trader = sim.trader(name)
    return await request_access_token(hosts, AccessTokenRequest(name=trader.name, password=trader.password))


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    def json(self) -> object:
        return json.loads(self.body)


Step = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class HttpScript:
    """Answers each request with the next step, and keeps what was asked."""

    url: str
    requests: list[Request] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    connected: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def hosts(self) -> Hosts:
        socket = self.url.replace("http", "ws") + "/v1/websocket"
        return Hosts(f"{self.url}/v1", socket, socket, self.url, f"{self.url}/oauth", tv=f"{self.url}/tv")

    def answer(self, body: object = None, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Queue an answer; `body` is bytes as they are, or anything else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()

        async def step(writer: asyncio.StreamWriter) -> None:
            extra = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
            head = f"HTTP/1.1 {status} Scripted\r\nContent-Length: {len(content)}\r\n{extra}\r\n"
            writer.write(head.encode() + content)
            await writer.drain()

        self.steps.append(step)

    def raw(self, content: bytes) -> None:
        """Queue bytes and a closed connection."""

        async def step(writer: asyncio.StreamWriter) -> None:
            writer.write(content)
            await writer.drain()
            writer.close()

        self.steps.append(step)

    def reset(self) -> None:
        """Queue a connection reset in place of an answer."""

        async def step(writer: asyncio.StreamWriter) -> None:
            writer.transport.abort()

        self.steps.append(step)

    def silence(self) -> None:
        """Queue no answer at all."""

        async def step(writer: asyncio.StreamWriter) -> None:
            await asyncio.Event().wait()

        self.steps.append(step)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected.set()
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().strip().split("\r\n")
                method, target, _ = first.split(" ")
                headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.requests.append(Request(method, target, headers, body))
                self.arrived.set()
                await self.steps.pop(0)(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


async def script(tls: ssl.SSLContext | None = None) -> AsyncIterator[HttpScript]:
    """Serve a script on a port of loopback, over TLS when there is a context for it."""
    made = HttpScript("")
    running: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        await made.handle(reader, writer)
        running.discard(task)

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    made.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield made
    server.close()
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


@pytest.fixture
async def http() -> AsyncIterator[HttpScript]:
    async for made in script():
        yield made


@pytest.fixture
async def other_http() -> AsyncIterator[HttpScript]:
    async for made in script():
        yield made


class Deaf:
    """A server that takes one connection and reads none of it before it is asked for what came; its kernel holds a few
    kilobytes until then, and no more."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self._tls = tls
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(1)
        self._wire = self._pool.submit(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._pool.shutdown()

    def _accept(self) -> socket.socket:
        wire, _ = self._listener.accept()
        return self._tls.wrap_socket(wire, server_side=True) if self._tls else wire

    def wait_for_some(self) -> None:
        """Wait until something has come, without reading it."""
        self._wire.result(30).recv(1, socket.MSG_PEEK)

    def all_that_came(self) -> bytes:
        """Read until the other end has closed, or reset."""
        came = b""
        with self._wire.result(10) as wire:
            wire.settimeout(10)
            try:
                while part := wire.recv(65536):
                    came += part
            except (ConnectionError, ssl.SSLError):
                pass
        return came


TOKEN = "tok-secret-1"
# More bytes than a peer that does not read takes.
LONG = 60_000


async def in_vain(hosts: Hosts, timeout: float = 0.5) -> None:  # noqa: ASYNC109 - the client's own
    """Send an order of so many bytes to where nothing is read, until that is given up."""
    async with Tradovate(hosts, TOKEN, timeout=timeout) as t:
        with pytest.raises(OutcomeUnknown):
            await t._transport.post("order/placeorder", dict, {"text": LONG * "x"})


class Peer:
    """The server's end of a scripted socket."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.beats = 0

    async def send(self, frame: str) -> None:
        await self.connection.send(frame)

    async def request(self) -> tuple[str, int, str, str]:
        """Return the next request that is not a heartbeat, as its four fields."""
        while (frame := await self.connection.recv()) == "[]":
            self.beats += 1
        endpoint, request_id, query, body = str(frame).split("\n", 3)
        return endpoint, int(request_id), query, body

    async def beat(self) -> None:
        """Wait for one heartbeat."""
        assert await self.connection.recv() == "[]"
        self.beats += 1

    async def respond(self, request_id: int, data: object = ..., status: int = 200) -> None:
        message: dict[str, object] = {"s": status, "i": request_id}
        if data is not ...:
            message["d"] = data
        await self.send("a" + json.dumps([message]))

    async def answer(self, *replies: object) -> list[tuple[str, object]]:
        """Answer the next requests with these replies; return their endpoints and JSON bodies."""
        asked = []
        for reply in replies:
            endpoint, request_id, _, body = await self.request()
            asked.append((endpoint, json.loads(body)))
            await self.respond(request_id, reply)
        return asked

    async def welcome(self) -> None:
        """Open and authorize as Tradovate does."""
        await self.send("o")
        endpoint, request_id, query, body = await self.request()
        assert (endpoint, query, body) == ("authorize", "", TOKEN)
        await self.respond(request_id)

    async def props(self, entity_type: str, entity: object, event_type: str = "Updated") -> None:
        event = {"e": "props", "d": {"entityType": entity_type, "eventType": event_type, "entity": entity}}
        await self.send("a" + json.dumps([event]))


Scene = Callable[[Peer], Awaitable[None]]
PlaySocket = Callable[[Scene], Awaitable[str]]


@pytest.fixture
async def play() -> AsyncIterator[PlaySocket]:
    """Start a server that plays a scene on every connection; return its URL. A scene's failure fails the test."""
    servers = []
    failures: list[BaseException] = []

    async def start(scene: Scene) -> str:
        async def handler(connection: ServerConnection) -> None:
            try:
                await scene(Peer(connection))
            except AssertionError as error:
                failures.append(error)

        server = await serve(handler, "127.0.0.1", 0, ping_interval=None, close_timeout=0.5)
        servers.append(server)
        return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/websocket"

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()
    if failures:
        raise failures[0]


async def front_month(t: Tradovate, product: str = "MES") -> str:
    """The symbol of a product's contract that trades now."""
    found = await t.product.find(product)
    front = next(maturity for maturity in await t.contract_maturity.deps(found.id) if maturity.is_front)
    return (await t.contract.deps(front.id))[0].name


@pytest.fixture
async def scenes(play: PlaySocket) -> Callable[..., Awaitable[Owner]]:
    """Start a server that plays one scene per connection, in turn; return who has access to it."""

    async def start(*acts: Scene) -> Owner:
        left = list(acts)

        async def scene(peer: Peer) -> None:
            await left.pop(0)(peer)

        return Owner(await play(scene))

    return start


@pytest.fixture
async def tv(http):
    async with TradingView(http.hosts, TOKEN) as client:
        yield client
