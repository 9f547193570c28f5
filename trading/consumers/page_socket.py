"""What all sockets of pages share: who is let in, how many, for how long, and how they end.

Nothing here touches the database once a socket is accepted, except a look every 30 s whether the session still holds;
and no message hops to a thread. What a browser must have checked before it gets a frame: its Origin is exactly ours, it
has a session and a Tradovate connection of its own, and what it asks for is its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from importlib import import_module
from typing import Any, Protocol
from urllib.parse import parse_qs

from asgiref.sync import sync_to_async
from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.db import Error as DatabaseTrouble
from django.db import connections as database_connections
from django.http.request import split_domain_port, validate_host
from django.utils.crypto import constant_time_compare

from accounts.models import Connection, User
from accounts.sign_in import current_connection
from trading.sync import replays, stream
from trading.sync.relay import Bye

log = logging.getLogger(__name__)

INTERNAL_ERROR = 1011
SIGNED_OUT = 4401
NOT_FOUND = 4404
TOO_MANY = 4429

# What a page asks for, by name, as its query string gives it.
Asked = dict[str, list[str]]

# By kind of page; of this process alone.
sockets_of_user: Counter[tuple[str, int]] = Counter()


class Refused(Exception):
    """A page gets no stream; `code` is what its socket is closed with, `reason` what one is told that is SIGNED_OUT."""

    def __init__(self, code: int, reason: str = stream.SIGNED_OUT) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Source(Protocol):
    """What a socket's frames come from."""

    def end(self, bye: Bye) -> None:
        """Nothing more will come."""


class PageSocket(AsyncConsumer):  # type: ignore[misc]  # channels is untyped
    """A socket of a page. Subclasses say who is admitted, what is told, and what a message means."""

    # Seconds between looks whether the session still holds, that one may take, and in which whoever tells the page its
    # news has to say goodbye: it is cut off within thirty.
    check_every, look_within, goodbye_within = 20.0, 8.0, 1.0

    def __init__(self) -> None:
        self._slot: tuple[str, int] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._said_goodbye = False

    def admit(self, user_id: int | None, session: SessionBase, asked: Asked) -> int:
        """The connection whose news the page gets; runs in a thread. Raises Refused."""
        raise NotImplementedError

    def begin(self, connection_id: int, asked: Asked) -> Source:
        """Start (`run`) what tells the page its news."""
        raise NotImplementedError

    def receive(self, text: str) -> None:
        """The page has said something."""
        raise NotImplementedError

    async def leave(self) -> None:
        """The page is gone and what was started has ended."""
        raise NotImplementedError

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Handle one ASGI event. Channels' own dispatch goes through a thread for each."""
        match message["type"]:
            case "websocket.connect":
                await self._connect()
            case "websocket.receive":
                if self._slot is not None:
                    self._hear(message.get("text") or "")
            case "websocket.disconnect":
                await self._leave()
                raise StopConsumer

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something go on until the page is gone."""
        self._tasks.append(asyncio.create_task(work))

    def _hear(self, text: str) -> None:
        # What is nested so deeply no page of ours says; to end by it would leave the socket's place taken for good.
        with contextlib.suppress(RecursionError):
            self.receive(text)

    async def say(self, text: str) -> None:
        """Send a frame, as fast as this browser takes it."""
        send = self.scope.get("direct_send") or self.send
        await send({"type": "websocket.send", "text": text})

    async def telling(self, work: Awaitable[None]) -> None:
        """Await what tells the page its news; the socket is closed when that ends."""
        try:
            await work
        except Bye as bye:
            # The browser may be gone already.
            with contextlib.suppress(OSError, RuntimeError):
                await self._say_goodbye(bye)
        except (OSError, RuntimeError):
            log.debug("A browser went away while it was being told something.", exc_info=True)
            await self._close_failed()
        except Exception:
            log.exception("A browser's socket failed.")
            await self._close_failed()

    async def _close_failed(self) -> None:
        """A page whose socket is open and silent would look alive: let it come back."""
        # The browser may be gone already, whose socket is not closed twice.
        with contextlib.suppress(OSError, RuntimeError):
            await self.send({"type": "websocket.close", "code": INTERNAL_ERROR})

    async def _say_goodbye(self, bye: Bye) -> None:
        self._said_goodbye = True
        await self.say(bye.frame)
        await self.send({"type": "websocket.close", "code": SIGNED_OUT})

    async def _connect(self) -> None:
        if not origin_is_ours(self.scope):
            await self.send({"type": "websocket.close"})
            return
        # Only an accepted socket can be told why it is refused.
        await self.send({"type": "websocket.accept"})
        asked = parse_qs(self.scope["query_string"].decode("latin-1"))
        user_id = self.scope["user"].pk
        try:
            connection_id = await in_thread(self.admit, user_id, self.scope["session"], asked)
        except Refused as refused:
            await self._refuse(refused.code, refused.reason)
            return
        slot = (type(self).__name__, user_id)
        if sockets_of_user[slot] >= settings.DESK_SOCKETS_PER_USER:
            await self._refuse(TOO_MANY)
            return
        sockets_of_user[slot] += 1
        self._slot = slot
        self.run(self._check(self.begin(connection_id, asked), connection_id))

    async def _refuse(self, code: int, reason: str = stream.SIGNED_OUT) -> None:
        if code == SIGNED_OUT:
            await self.say(stream.bye_frame(reason))
        await self.send({"type": "websocket.close", "code": code})

    async def _leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._slot is None:
            return
        slot, self._slot = self._slot, None
        try:
            await self.leave()
        finally:
            sockets_of_user[slot] -= 1
            if not sockets_of_user[slot]:
                del sockets_of_user[slot]

    async def _check(self, source: Source, connection_id: int) -> None:
        """End the socket when its session has ended or its connection is no longer this user's."""
        while True:
            await asyncio.sleep(self.check_every)
            try:
                async with asyncio.timeout(self.look_within):
                    allowed = await in_thread(still_allowed, self.scope["session"].session_key, connection_id)
            except (DatabaseTrouble, TimeoutError) as error:
                log.warning("The database does not answer; a session is looked at again later: %r", error)
                continue
            except Exception:
                # Whoever ends this ends all looks: the page would outlive its session.
                log.exception("A session could not be looked at; it is again later.")
                continue
            if not allowed:
                await self._end(source, Bye(stream.SIGNED_OUT, stream.bye_frame(stream.SIGNED_OUT)))
                return

    async def _end(self, source: Source, bye: Bye) -> None:
        source.end(bye)
        await asyncio.sleep(self.goodbye_within)
        if self._said_goodbye:
            return
        # Whoever tells this page its news is held up, as by a Redis that is away.
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        with contextlib.suppress(OSError, RuntimeError):
            await self._say_goodbye(bye)


def origin_is_ours(scope: dict[str, Any]) -> bool:
    """Whether a handshake comes from a page of ours: scheme, host and port of Origin are those of this request."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    origin = headers.get(b"origin", b"").decode("latin-1").lower()
    host = headers.get(b"host", b"").decode("latin-1").lower()
    domain, _ = split_domain_port(host)
    if not origin or not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        return False
    secure = settings.HTTPS or scope.get("scheme") == "wss"
    return origin == f"{'https' if secure else 'http'}://{host}"


def signed_in(user_id: int | None, session: SessionBase) -> tuple[User, Connection]:
    """The user and the connection that this browser signed in to. Raises Refused for somebody who is not signed in."""
    user = User.objects.filter(pk=user_id or 0, is_active=True).first()
    connection = current_connection(user, session) if user is not None else None
    if user is None or connection is None:
        raise Refused(SIGNED_OUT)
    return user, connection


def looked_at(user_id: int | None, session: SessionBase, asked: Asked) -> tuple[User, Connection]:
    """The user and the connection that a page shows: with ?replay=1 the replay that runs. Raises Refused, also for a
    page with ?connection=PK of one that its browser was signed in to before: it would show the other one's rows."""
    user, connection = signed_in(user_id, session)
    if asked.get("connection", [str(connection.pk)]) != [str(connection.pk)]:
        raise Refused(SIGNED_OUT, stream.OTHER_CONNECTION)
    if "replay" not in asked:
        return user, connection
    replay = replays.of(user)
    if replay is None:
        # Its page is told so, and asks anew.
        raise Refused(SIGNED_OUT)
    return user, replay


def still_allowed(session_key: str | None, connection_id: int) -> bool:
    """Whether the session is still its user's, signed in to Tradovate, and the connection that user's own."""
    if not session_key:
        return False
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return False
    user = User.objects.filter(pk=session.get(SESSION_KEY), is_active=True).first()
    if user is None or not constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()):
        return False
    mine = Connection.objects.visible_to(user).reachable().filter(pk=connection_id)
    return current_connection(user, session) is not None and mine.exists()


async def in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a function that uses the database in a thread of its own, so that nobody queues behind it."""

    def run() -> Any:
        try:
            return function(*arguments)
        finally:
            database_connections.close_all()

    call: Callable[[], Awaitable[Any]] = sync_to_async(run, thread_sensitive=False)
    return await call()
