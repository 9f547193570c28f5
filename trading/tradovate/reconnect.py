"""Sockets that last: opened again after every end, with a fresh token, until they are closed here.

Reading is what opens and reopens them. What is read tells where one socket ends and the next begins, because what was
known before is void then: events may have been missed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from .attempts import Attempts, Patience
from .budgets import Budgets
from .errors import NotSent, SocketClosed
from .session import SocketSession

S = TypeVar("S", bound=SocketSession[Any])
B = TypeVar("B")
E = TypeVar("E")
T = TypeVar("T")


@dataclass(frozen=True)
class Access:
    """What an auth reply gives: a socket's URL (of `Hosts`), an access token, and whose it is.

    Only user and replay sockets need the `user_id`. Requests are counted in `budgets`, if there are any.
    """

    url: str
    token: str = field(repr=False)
    user_id: int = 0
    budgets: Budgets | None = field(default=None, repr=False)


# Called before every opening and for `renew`. It gets the error that ended the last attempt, None at first and for
# `renew`: after NotAuthorized a newer token is wanted, after HostMoved the hosts of a newer auth reply.
AccessSource = Callable[[Exception | None], Awaitable[Access]]


@dataclass(frozen=True)
class Interrupted:
    """The socket has ended, or could not be opened, by `error`; reading on tries again in `seconds`."""

    error: Exception
    seconds: float


class Reconnecting(Generic[S, B, E]):
    """What lasting sockets share. Read one with `async for` inside `async with`; what comes is one of

    - what the socket begins with (see the subclass): what was known before is void;
    - its events;
    - Interrupted.

    An error that `patience` judges fatal is raised; reading on after it tries again all the same. `turn` is awaited
    before a socket opens: a place to keep many from beginning at once. A turn lasts until a socket has opened, however
    many attempts that takes. `opened` is called when one has, before what it begins with is asked for. `timings` are
    those of SocketSession.connect: `open_timeout`, `heartbeat` and `silence`, in seconds.
    """

    # Seconds to leave the server alone when the socket opened and what it begins with failed.
    _begin_back_off = 0.0

    def __init__(
        self,
        access: AccessSource,
        *,
        patience: Patience | None = None,
        turn: Callable[[], Awaitable[None]] | None = None,
        opened: Callable[[], None] | None = None,
        **timings: float,
    ) -> None:
        self._access = access
        self._patience = patience or Patience()
        self._turn = turn
        self._opened = opened
        self._timings = timings
        self._attempts = Attempts(self._patience)
        self._socket: S | None = None
        self._opening: asyncio.Task[B] | None = None
        self._resume_at = self._patience.clock()
        self._least_pause = 0.0
        self._has_turn = False
        self._closed = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'open' if self._socket else 'closed' if self._closed else 'waiting'}>"

    @property
    def socket(self) -> S | None:
        """The socket that is open now and has begun, if any."""
        return self._socket

    async def request(
        self,
        endpoint: str,
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        timeout: float = 10.0,  # noqa: ASYNC109 - as SocketSession.request
    ) -> Any:
        """As SocketSession.request; raises NotSent while there is no socket. Nothing is asked twice."""
        return await self._open_socket().request(endpoint, query=query, body=body, timeout=timeout)

    async def ask(
        self,
        endpoint: str,
        kind: type[T],
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        timeout: float = 10.0,  # noqa: ASYNC109 - as SocketSession.request
    ) -> T:
        """As `request`, with the answer decoded as `kind`."""
        return await self._open_socket().ask(endpoint, kind, query=query, body=body, timeout=timeout)

    async def renew(self) -> None:
        """There is a new token: present it on the open socket; without one, do not wait for the end of the pause.

        A socket stays authorized when its token expires, but not when the session of that token ends (protocol notes,
        WebSocket frames). Raises NotAuthorized when the new token is refused (the socket stays as it was),
        OutcomeUnknown, and what the access source raises.
        """
        self._attempts.wake()
        if self._socket is not None:
            await self._present_token(self._socket)

    async def close(self) -> None:
        """Close for good; reading ends without an error. Harmless when closed already."""
        self._closed = True
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> B | E | Interrupted:
        try:
            if self._socket is None or self._opening is not None:
                return await self._next_socket()
            event: E = await anext(self._socket)
        except self._patience.errors as error:
            return await self._interrupted(error)
        return event

    async def _connect(self, access: Access) -> S:
        """Open a socket."""
        raise NotImplementedError

    async def _begin(self, socket: S, access: Access) -> B:
        """Ask for what has to be asked for anew on each socket; return what the reader is told."""
        raise NotImplementedError

    def _open_socket(self) -> S:
        if self._socket is None:
            raise NotSent("There is no connection to Tradovate just now; nothing was sent.")
        return self._socket

    async def _next_socket(self) -> B:
        """Wait for the next socket. The opening goes on when who waits is cancelled, and is waited for again."""
        if self._closed:
            raise StopAsyncIteration
        opening = self._opening = self._opening or asyncio.create_task(self._open())
        try:
            begun = await asyncio.shield(opening)
        except asyncio.CancelledError:
            if self._closed:
                raise StopAsyncIteration from None
            raise
        finally:
            if opening.done():
                self._opening = None
        return begun

    async def _open(self) -> B:
        await self._attempts.pause(max(0.0, self._resume_at - self._patience.clock()))
        if self._turn is not None and not self._has_turn:
            await self._turn()
            self._has_turn = True
        self._attempts.begin()
        access = await self._access(self._attempts.last_error)
        socket = await self._connect(access)
        self._has_turn = False
        if self._opened is not None:
            self._opened()
        try:
            begun = await self._begin(socket, access)
            # At once: what is subscribed to from here on is asked for on this socket.
            self._socket = socket
            if self._attempts.is_woken:
                # A newer token came while the socket opened with the one before it.
                with contextlib.suppress(*self._patience.errors):
                    await self._present_token(socket)
        except BaseException as error:
            self._socket = None
            if isinstance(error, self._patience.errors):
                self._least_pause = self._begin_back_off
            await socket.close()
            raise
        self._attempts.worked()
        return begun

    async def _present_token(self, socket: S) -> None:
        """Authorize an open socket anew. If it has ended, the new token is worth an attempt at once."""
        try:
            with contextlib.suppress(SocketClosed):
                await socket.authorize((await self._access(None)).token)
        finally:
            if socket.is_open:
                self._attempts.calm()

    async def _interrupted(self, error: Exception) -> Interrupted:
        socket, self._socket = self._socket, None
        verdict = self._attempts.failed(error)
        seconds = max(verdict.seconds, self._least_pause)
        self._least_pause = 0.0
        self._resume_at = self._patience.clock() + seconds
        if socket is not None:
            await socket.close()
        if verdict.fatal:
            raise error
        return Interrupted(error, seconds)
