"""The browser's end of the stream: one socket per open page, which gets a snapshot, then deltas.

Nothing here touches the database once the socket is accepted, except a look every 30 s whether the session still
holds; and no message hops to a thread. What a browser must have checked before it gets a frame: its Origin is exactly
ours, it has a session, a Tradovate connection of its own and, for an order file, that the file is its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

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
from redis.exceptions import RedisError

from accounts.models import Connection, User
from accounts.sign_in import current_connection
from trading.models import OrderFile
from trading.sync import stream
from trading.sync.relay import Bye, Outbox, Relay, relay
from trading.sync.rows import Row

log = logging.getLogger(__name__)

INTERNAL_ERROR = 1011
SIGNED_OUT = 4401
NOT_FOUND = 4404
TOO_MANY = 4429

REDIS_RETRY = 0.5  # seconds between attempts to read a snapshot while Redis is away

_RESYNC = '"resync"'
_sockets_of_user: Counter[int] = Counter()


class Refused(Exception):
    """A page gets no stream; `code` is what its socket is closed with."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class DeskConsumer(AsyncConsumer):  # type: ignore[misc]  # channels is untyped
    """/ws/desk/, optionally with ?file=UUID for the lines of an order file, or with ?gauge=1 for the request gauge."""

    gauge_every = 5.0  # seconds between looks how many of the hour's requests are used
    check_every = 30.0  # seconds between looks whether the session still holds

    def __init__(self) -> None:
        self._user_id: int | None = None
        self._outbox: Outbox | None = None
        self._relay: Relay | None = None
        self._writer: asyncio.Task[None] | None = None
        self._helpers: list[asyncio.Task[None]] = []

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Handle one ASGI event. Channels' own dispatch goes through a thread for each."""
        match message["type"]:
            case "websocket.connect":
                await self._connect()
            case "websocket.receive":
                if self._outbox is not None and _RESYNC in (message.get("text") or ""):
                    self._outbox.make_stale()
            case "websocket.disconnect":
                await self._leave()
                raise StopConsumer

    async def _connect(self) -> None:
        if not origin_is_ours(self.scope):
            await self.send({"type": "websocket.close"})
            return
        # Only an accepted socket can be told why it is refused.
        await self.send({"type": "websocket.accept"})
        asked = parse_qs(self.scope["query_string"].decode("latin-1"))
        file = asked.get("file", [""])[0]
        user_id = self.scope["user"].pk
        try:
            connection_id = await _in_thread(admit, user_id, self.scope["session"], file)
        except Refused as refused:
            await self._refuse(refused.code)
            return
        if _sockets_of_user[user_id] >= settings.DESK_SOCKETS_PER_USER:
            await self._refuse(TOO_MANY)
            return
        _sockets_of_user[user_id] += 1
        self._user_id = user_id
        self._outbox = Outbox(connection_id, file)
        self._writer = asyncio.create_task(self._write(self._outbox))
        self._helpers = [asyncio.create_task(self._check(self._outbox))]
        if "gauge" in asked:
            self._helpers.append(asyncio.create_task(self._show_gauge(self._outbox)))

    async def _refuse(self, code: int) -> None:
        if code == SIGNED_OUT:
            await self._say(stream.bye_frame(stream.SIGNED_OUT))
        await self.send({"type": "websocket.close", "code": code})

    async def _leave(self) -> None:
        tasks = [task for task in (self._writer, *self._helpers) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._outbox is not None and self._relay is not None:
            await self._relay.leave(self._outbox)
            self._outbox = None
        if self._user_id is not None:
            _sockets_of_user[self._user_id] -= 1
            if not _sockets_of_user[self._user_id]:
                del _sockets_of_user[self._user_id]
            self._user_id = None

    async def _write(self, outbox: Outbox) -> None:
        """Send what the outbox gives, as fast as this browser takes it."""
        try:
            # Asked for and joined in one step: a relay closes for good when its last page leaves.
            source = self._relay = relay()
            await source.join(outbox)
            while True:
                frame = await outbox.get()
                if frame is None:
                    await self._write_state(source, outbox)
                else:
                    await self._say(frame)
        except Bye as bye:
            # The browser may be gone already.
            with contextlib.suppress(OSError, RuntimeError):
                await self._say(bye.frame)
                await self.send({"type": "websocket.close", "code": SIGNED_OUT})
        except (OSError, RuntimeError):
            log.debug("A browser went away while it was being told something.")
        except Exception:
            # A page whose socket is open and silent would look alive: let it come back.
            log.exception("A browser's socket failed.")
            await self.send({"type": "websocket.close", "code": INTERNAL_ERROR})

    async def _write_state(self, source: Relay, outbox: Outbox) -> None:
        """Send the state of now: the snapshot, and the lines of the file that is looked at."""
        outbox.begin()
        try:
            epoch, seq, frame = await source.snapshot(outbox.connection_id)
        except (RedisError, OSError):
            outbox.make_stale()
            await asyncio.sleep(REDIS_RETRY)
            return
        outbox.continue_from(epoch, seq)
        await self._say(frame)
        if outbox.file:
            await self._say(await _in_thread(stream.lines_frame, UUID(outbox.file)))

    async def _show_gauge(self, outbox: Outbox) -> None:
        """Tell the page how many of the hour's requests are used, whenever that has changed."""
        told: Row | None = None
        whose: tuple[str, int] | None = None
        # A browser that goes away ends this; a Redis or a database that does so is looked for again.
        with contextlib.suppress(OSError, RuntimeError):
            while True:
                gauge: Row | None
                try:
                    whose = whose or await _in_thread(tradovate_user, outbox.connection_id)
                    gauge = await relay().gauge(*whose)
                except (RedisError, OSError, DatabaseTrouble):
                    gauge = told
                if gauge is not None and gauge != told:
                    told = gauge
                    await self._say(stream.gauge_frame(gauge))
                await asyncio.sleep(self.gauge_every)

    async def _check(self, outbox: Outbox) -> None:
        """End the socket when its session has ended or its connection is no longer this user's."""
        while True:
            await asyncio.sleep(self.check_every)
            try:
                allowed = await _in_thread(still_allowed, self.scope["session"].session_key, outbox.connection_id)
            except DatabaseTrouble as error:
                log.warning("The database does not answer; a session is looked at again later: %s", error)
                continue
            if not allowed:
                outbox.end(Bye(stream.SIGNED_OUT, stream.bye_frame(stream.SIGNED_OUT)))
                return

    async def _say(self, text: str) -> None:
        await self.send({"type": "websocket.send", "text": text})


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


def admit(user_id: int | None, session: SessionBase, file: str) -> int:
    """The connection whose stream a page gets: the one that its browser signed in to, or that of its order file.

    Raises Refused for somebody who is not signed in, and for a file that is not the user's.
    """
    user = User.objects.filter(pk=user_id or 0, is_active=True).first()
    connection = current_connection(user, session) if user is not None else None
    if user is None or connection is None:
        raise Refused(SIGNED_OUT)
    if not file:
        return connection.pk
    try:
        found = OrderFile.objects.visible_to(user).filter(pk=UUID(file)).select_related("account__connection").first()
    except ValueError:
        found = None
    if found is None or str(found.pk) != file:
        raise Refused(NOT_FOUND)
    owner = found.account.connection
    return owner.pk if owner.is_authorised else connection.pk


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
    mine = Connection.objects.visible_to(user).authorised().filter(pk=connection_id)
    return current_connection(user, session) is not None and mine.exists()


def tradovate_user(connection_id: int) -> tuple[str, int]:
    """The environment and the Tradovate user id of a connection."""
    connection = Connection.objects.get(pk=connection_id)
    return connection.environment, connection.tradovate_user_id


async def _in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a function that uses the database in a thread of its own, so that nobody queues behind it."""

    def run() -> Any:
        try:
            return function(*arguments)
        finally:
            database_connections.close_all()

    call: Callable[[], Awaitable[Any]] = sync_to_async(run, thread_sensitive=False)
    return await call()
