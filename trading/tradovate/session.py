"""One authorised session on a socket: requests answered by id, events in order, its own heartbeat and watchdog.

A socket lives once; `reconnect` opens the next one. Events wait in memory until they are read, so a request may be
made while iterating.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import websockets.asyncio.client as ws_client
from websockets.exceptions import ConnectionClosed

from . import answers, frames
from .budgets import Budgets
from .entities import ShutdownReason
from .errors import (
    BadReply,
    Evicted,
    NotAuthorized,
    NotSent,
    OutcomeUnknown,
    Shutdown,
    SocketClosed,
)
from .frames import Closed, Event, Opened, Response, ShutdownEvent
from .upgrade import upgrade

E = TypeVar("E")
T = TypeVar("T")

MAX_BACKLOG = 100_000
# A backlog is read in strides, so that one busy socket does not hold up the others of its process.
STRIDE = 100

# Seconds. A sign of life is owed every 2.5 s (official WebSockets guide, Client Heartbeats); a timer for just that
# moment is late whenever its process is busy. No frame for 10 to 12 s means that the socket is dead; a cut comes at 15.
HEARTBEAT = 2.3
SILENCE = 11.0


class SocketSession(Generic[E]):
    """The parts that user and market data sockets share. Open one with `connect`, read it with `async for`.

    `last_frame_at` is the monotonic time in seconds of the latest frame; `round_trip` is seconds that the latest
    request took, or None before the first.
    """

    def __init__(
        self,
        connection: ws_client.ClientConnection,
        *,
        heartbeat: float,
        silence: float,
        budgets: Budgets | None = None,
    ) -> None:
        self.last_frame_at = time.monotonic()
        self.round_trip: float | None = None
        self._connection = connection
        self._heartbeat = heartbeat
        self._silence = silence
        self._budgets = budgets
        self._ids = itertools.count(1)
        self._pending: dict[int, asyncio.Future[Response]] = {}
        self._more: dict[int, Callable[[Response], None]] = {}
        self._events: deque[E] = deque()
        self._read_in_a_row = 0
        self._news = asyncio.Event()
        self._end: SocketClosed | None = None
        self._closed_here = False
        self._tasks: list[asyncio.Task[None]] = []

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'open' if self.is_open else 'closed'}>"

    @property
    def is_open(self) -> bool:
        """Whether requests can be sent; events from before the end may still wait to be read."""
        return self._end is None

    @classmethod
    async def connect(
        cls,
        url: str,
        access_token: str,
        *,
        open_timeout: float = 10.0,
        heartbeat: float = HEARTBEAT,
        silence: float = SILENCE,
        budgets: Budgets | None = None,
    ) -> Self:
        """Open `url` ("wss://HOST/v1/websocket"), wait for the open frame and authorize.

        `heartbeat` is the seconds between our signs of life, `silence` those without a frame after which the socket
        counts as dead; requests are counted in `budgets`. Raises NotAuthorized for a refused token, HostMoved (307,
        421), RateLimited, SocketClosed when the server hangs up, NotSent when it cannot be reached or takes longer
        than `open_timeout` seconds.
        """
        try:
            async with asyncio.timeout(open_timeout):
                connection = await upgrade(url)
                socket = cls(connection, heartbeat=heartbeat, silence=silence, budgets=budgets)
                try:
                    await socket._wait_until_open()
                    socket._start()
                    await socket.authorize(access_token, timeout=open_timeout)
                except BaseException:
                    socket._finish(SocketClosed(1006, "it was not opened completely"))
                    raise
        except TimeoutError as error:
            raise NotSent("Tradovate's socket did not open in time.") from error
        return socket

    async def authorize(self, access_token: str, *, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - as `request`
        """Present an access token; also a new one on a socket that is open (protocol notes, WebSocket frames).

        Raises NotAuthorized for a refused token, OutcomeUnknown when no answer comes within `timeout` seconds,
        SocketClosed.
        """
        if not access_token or not access_token.isascii() or not access_token.isprintable():
            raise NotAuthorized("There is no usable access token. Sign in again.")
        try:
            async with asyncio.timeout(timeout):
                response = await self._call("authorize", body=access_token)
        except TimeoutError as error:
            raise OutcomeUnknown(f"Tradovate did not answer within {timeout:g} seconds.") from error
        answers.check(response.status, response.body)

    async def ping(self, *, timeout: float = 5.0) -> float | None:  # noqa: ASYNC109 - no answer is one, too
        """Seconds that a WebSocket ping takes to there and back; None when none comes in time or the socket has ended.

        It is no request: nothing is counted, and a peer that answers no pings is no worse for it.
        """
        try:
            async with asyncio.timeout(timeout):
                return await (await self._connection.ping())
        except (ConnectionClosed, TimeoutError):
            return None

    async def request(
        self,
        endpoint: str,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        timeout: float = 10.0,  # noqa: ASYNC109 - a timeout here means OutcomeUnknown, not TimeoutError
    ) -> Any:
        """Ask anything that REST answers ("order/list"); return the decoded `d`, None when there is none.

        Raises what the answer amounts to (see errors); BudgetSpent instead of sending a read; NotSent when the socket
        has ended already; OutcomeUnknown when no answer comes within `timeout` seconds or the socket ends first. The
        socket stays open then, and may still deliver what it was given, and once closed for minutes: an order belongs
        on REST, whose connections do not.
        """
        async with self._counted(endpoint, body):
            response = await self._exchange(endpoint, query, body, timeout)
            return answers.read_plain(response.status, response.body)

    async def ask(
        self,
        endpoint: str,
        kind: type[T],
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        timeout: float = 10.0,  # noqa: ASYNC109 - as `request`
    ) -> T:
        """As `request`, with the answer decoded as `kind` (a struct or list[struct]); BadReply when it does not fit."""
        async with self._counted(endpoint, body):
            response = await self._exchange(endpoint, query, body, timeout)
            return answers.read(response.status, response.body, kind)

    async def close(self) -> None:
        """Close the socket; iteration then ends without an error. Harmless when it is closed already."""
        self._closed_here = self._closed_here or self._end is None
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        self._finish(SocketClosed(1000, "closed here"), abort=False)
        await self._connection.close()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        """Return the next event. Raises SocketClosed, Shutdown or Evicted after the last one."""
        self._read_in_a_row += 1
        if self._read_in_a_row >= STRIDE:
            self._read_in_a_row = 0
            await asyncio.sleep(0)
        while not self._events:
            self._read_in_a_row = 0
            if self._end is not None:
                if self._closed_here:
                    raise StopAsyncIteration
                raise self._end.with_traceback(None)
            self._news.clear()
            await self._news.wait()
        return self._events.popleft()

    def _wanted(self, event: Event) -> Iterable[E]:
        """Return what an event gives to those who iterate."""
        raise NotImplementedError

    def _counted(
        self, endpoint: str, body: object, *, with_ticket: bool = False
    ) -> contextlib.AbstractAsyncContextManager[None]:
        if self._budgets is None:
            return contextlib.nullcontext()
        # What REST would GET has no body; only such reads are ever held back.
        method = "GET" if body is None else "POST"
        return self._budgets.request(method, endpoint.lower(), with_ticket=with_ticket)

    async def _exchange(
        self, endpoint: str, query: Mapping[str, object] | None, body: object, seconds: float
    ) -> Response:
        if self._end is not None:
            raise NotSent("The connection to Tradovate is closed; nothing was sent.") from self._end
        try:
            async with asyncio.timeout(seconds):
                return await self._call(endpoint, query=query, body=body)
        except TimeoutError as error:
            raise OutcomeUnknown(f"Tradovate did not answer within {seconds:g} seconds.") from error
        except SocketClosed as error:
            raise OutcomeUnknown("The connection closed before Tradovate answered.") from error

    async def _call(
        self,
        endpoint: str,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        more: Callable[[Response], None] | None = None,
    ) -> Response:
        """Send a request and return its first response; further ones go to `more`. Raises SocketClosed."""
        if self._end is not None:
            raise self._end
        request_id = next(self._ids)
        frame = frames.encode_request(endpoint, request_id, query, body)
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._pending[request_id] = answer
        if more is not None:
            self._more[request_id] = more
        started = time.monotonic()
        try:
            await self._connection.send(frame)
            response = await answer
        except ConnectionClosed:
            raise self._end or self._ended_by_peer() from None
        finally:
            self._pending.pop(request_id, None)
            if answer.done() and not answer.cancelled():
                # Marks a failure as seen: when sending has failed too, nobody awaits it.
                answer.exception()
        self.round_trip = time.monotonic() - started
        return response

    async def _wait_until_open(self) -> None:
        while True:
            try:
                frame = frames.decode(await self._connection.recv(decode=False))
            except ConnectionClosed:
                raise self._ended_by_peer() from None
            if isinstance(frame, Opened):
                return
            if isinstance(frame, Closed):
                raise SocketClosed(frame.code, frame.reason)

    def _start(self) -> None:
        self.last_frame_at = time.monotonic()
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._pulse())]

    async def _read(self) -> None:
        end = SocketClosed(1006, "it could not be read any further")
        try:
            while True:
                frame = await self._connection.recv(decode=False)
                self.last_frame_at = time.monotonic()
                self._take(frames.decode(frame))
        except ConnectionClosed:
            end = self._ended_by_peer()
        except SocketClosed as error:
            end = error
        except BadReply as error:
            end = SocketClosed(1002, str(error))
        finally:
            self._finish(end, abort=False)
        await self._connection.close()

    def _take(self, frame: frames.Frame) -> None:
        if isinstance(frame, Closed):
            raise SocketClosed(frame.code, frame.reason)
        if not isinstance(frame, list):
            return
        for message in frame:
            if isinstance(message, Response):
                self._answer(message)
            elif isinstance(message, ShutdownEvent):
                kind = Evicted if message.reason_code == ShutdownReason.CONNECTION_QUOTA_REACHED else Shutdown
                raise kind(message.reason_code, message.reason)
            else:
                self._tell(message)

    def _answer(self, response: Response) -> None:
        waiting = self._pending.get(response.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(response)
        elif response.id in self._more:
            self._more[response.id](response)

    def _tell(self, event: Event) -> None:
        self._events.extend(self._wanted(event))
        if len(self._events) > MAX_BACKLOG:
            # Losing one silently would be worse: a new socket begins with a fresh snapshot.
            raise SocketClosed(1008, f"{MAX_BACKLOG} events were not read in time")
        self._news.set()

    async def _pulse(self) -> None:
        """Send heartbeats on our own timer (official WebSockets guide, Client Heartbeats); end a silent socket."""
        beat_at = time.monotonic() + self._heartbeat
        while True:
            now = time.monotonic()
            await asyncio.sleep(max(0.0, min(beat_at, self.last_frame_at + self._silence) - now))
            if self._silent():
                # After a stall of this process frames may be waiting unread: let the reader look first.
                await asyncio.sleep(0.05)
            if self._silent():
                self._finish(SocketClosed(1006, f"no sign of life for {self._silence:g} seconds"))
                return
            if time.monotonic() >= beat_at:
                beat_at = max(beat_at + self._heartbeat, time.monotonic())
                await self._beat()

    def _silent(self) -> bool:
        return time.monotonic() - self.last_frame_at >= self._silence

    async def _beat(self) -> None:
        try:
            async with asyncio.timeout(self._heartbeat):
                await self._connection.send(frames.HEARTBEAT)
        except (ConnectionClosed, TimeoutError):
            # The reader sees a closed connection by itself, the watchdog one that takes no more bytes.
            return

    def _ended_by_peer(self) -> SocketClosed:
        code = self._connection.close_code
        return SocketClosed(1006 if code is None else code, self._connection.close_reason or "")

    def _finish(self, end: SocketClosed, *, abort: bool = True) -> None:
        """End the socket once: fail what waits, wake who iterates, stop the tasks."""
        if self._end is not None:
            return
        self._end = end
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(end)
        self._news.set()
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        if abort:
            self._connection.transport.abort()
