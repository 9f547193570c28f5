"""Warm connections to Tradovate: one event loop per process, in a thread of its own, for all that sync code asks.

A pool of connections outlives the requests that use it, so an order of a trader costs no handshake when anything was
sent within the last minute. Each connection of ours has a client on it, kept while it is used and dropped when
Tradovate moves it to other hosts. A pool's connection that the server has closed meanwhile is seen to be closed and
not used; when that cannot be seen in time the request is broken, and its outcome unknown: nothing is repeated.

The loop reads no database: the token and the time after which nothing may be sent any more come with each request. So
does the question whether it still may go, which is asked once more, in a thread, of a request that was held up.
"""

from __future__ import annotations

import asyncio
import atexit
import datetime as dt
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, wait
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit

import httpx
import redis.asyncio
import uvloop
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone

from accounts import budgets
from accounts.models import Connection
from trading.tradovate import Priority, Tradovate
from trading.tradovate.errors import NotSent
from trading.tradovate.hosts import Hosts, is_loopback
from trading.tradovate.transport import new_http

T = TypeVar("T")

log = logging.getLogger(__name__)

# Seconds that an answer may take. Far below the time after which `submitting` is taken for abandoned.
TIMEOUT: Final = 10.0
# Seconds after which whoever waits for an answer gives up: more than two exchanges (one after a redirect) can take.
PATIENCE: Final = 60.0
# Seconds for which it keeps its connection to the database meanwhile: answers that come as they should find it, and
# those that do not, to everybody at once, leave the server room for a kill switch.
HELD: Final = 0.5
# Servers and load balancers commonly close what was idle for 60 seconds: never to be in their way when they do.
KEPT_ALIVE: Final = 55.0
MOST_CONNECTIONS: Final = 200
# Seconds after which a client that nobody used is forgotten.
IDLE: Final = 900.0
# Seconds for which an answer that something may be sent holds. A kill switch stops everything within 100 ms: the rest
# is for the write.
LOOK_HOLDS: Final = 0.08
# Seconds that the end of a process may wait for what is not counted yet.
_GOODBYE: Final = 2.0
_HELD_UP: Final = "The portal was held up before it could send; nothing was sent."


@dataclass(frozen=True)
class Permit:
    """What one request needs: the access token, and when it must have been sent at the latest.

    `look` says as of when (time.monotonic()), and why the request must not be sent, "" when it may; `looked_at` is the
    moment of its last answer. When that is longer ago than LOOK_HOLDS once the request is counted and its connection is
    there, it is asked again.
    """

    token: str
    send_before: dt.datetime | None = None
    look: Callable[[], tuple[float, str]] | None = None
    looked_at: float = 0.0


@dataclass(frozen=True)
class _Key:
    connection_id: int
    environment: str
    tradovate_user_id: int
    hosts: Hosts
    priority: Priority | None
    redis_url: str


_permit: ContextVar[Permit] = ContextVar("permit")


class Warm:
    """The loop, its thread and what lives on it. All but `start` runs on the loop."""

    def __init__(self) -> None:
        self._clients: dict[_Key, tuple[Tradovate, float]] = {}
        self._pools: dict[bool, httpx.AsyncClient] = {}
        self._stores: dict[str, redis.asyncio.Redis] = {}
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tradovate", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether anything is still asked here."""
        return self._thread.is_alive()

    def start(
        self,
        connection: Connection,
        permit: Permit,
        question: Callable[[Tradovate], Awaitable[T]],
        priority: Priority | None,
    ) -> Future[T]:
        """Have `question` asked; from any thread. Cancelling the future cancels the request."""
        key = _Key(
            connection.pk,
            connection.environment,
            connection.tradovate_user_id,
            connection.hosts,
            priority,
            settings.REDIS_URL,
        )
        return asyncio.run_coroutine_threadsafe(self._ask(key, permit, question), self._loop)

    def close(self, patience: float) -> None:
        """Wait until what was sent is counted, for at most `patience` seconds, and end the thread."""
        try:
            asyncio.run_coroutine_threadsafe(self._finish(), self._loop).result(patience)
        except TimeoutError:
            log.warning("The last requests to Tradovate were not all counted.")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(patience)

    async def _finish(self) -> None:
        for client, _ in list(self._clients.values()):
            await client.aclose()
        for pool in self._pools.values():
            await pool.aclose()
        for store in self._stores.values():
            await store.aclose()

    async def _ask(self, key: _Key, permit: Permit, question: Callable[[Tradovate], Awaitable[T]]) -> T:
        _permit.set(permit)
        return await question(self._client(key))

    def _client(self, key: _Key) -> Tradovate:
        now = time.monotonic()
        kept = self._clients.get(key)
        if kept is None:
            stale = [
                other
                for other, (_, used) in self._clients.items()
                if now - used > IDLE or (other.connection_id == key.connection_id and other.hosts != key.hosts)
            ]
            for other in stale:
                del self._clients[other]
        client = kept[0] if kept else self._new_client(key)
        self._clients[key] = client, now
        return client

    def _new_client(self, key: _Key) -> Tradovate:
        if key.redis_url not in self._stores:
            self._stores[key.redis_url] = budgets.client()
        store = self._stores[key.redis_url]
        own = budgets.kept_in(store, key.environment, key.tradovate_user_id, priority=key.priority)
        http = self._pool(key.hosts)
        return Tradovate(key.hosts, _token, http=http, timeout=TIMEOUT, budgets=own, before_sending=_look_again)

    def _pool(self, hosts: Hosts) -> httpx.AsyncClient:
        # Proxies of the environment are used, except towards the simulator.
        local = is_loopback(urlsplit(hosts.rest).hostname or "")
        if local not in self._pools:
            self._pools[local] = new_http(hosts, TIMEOUT, keepalive=KEPT_ALIVE, most=MOST_CONNECTIONS)
        return self._pools[local]


async def _token() -> str:
    return _permit.get().token


async def _look_again() -> None:
    """The last thing before a request goes out: raises NotSent when it is too late for it, or must not go any more."""
    permit = _permit.get()
    looked_at = permit.looked_at
    while True:
        left = None if permit.send_before is None else (permit.send_before - timezone.now()).total_seconds()
        if left is not None and left < 0:
            raise NotSent(_HELD_UP)
        if permit.look is None or time.monotonic() - looked_at < LOOK_HOLDS:
            return
        try:
            async with asyncio.timeout(left):
                looked_at, words = await asyncio.get_running_loop().run_in_executor(None, permit.look)
        except Exception as trouble:
            raise NotSent(_HELD_UP) from trouble
        if words:
            raise NotSent(words)


_lock = threading.Lock()
_warm: Warm | None = None


def _forget() -> None:
    """A forked process has none of its parent's threads."""
    global _lock, _warm
    _lock, _warm = threading.Lock(), None


def close() -> None:
    """End the loop of this process; whoever asks after that gets a new one."""
    global _warm
    with _lock:
        warm, _warm = _warm, None
    if warm is not None:
        warm.close(_GOODBYE)


os.register_at_fork(after_in_child=_forget)
atexit.register(close)


def start(
    connection: Connection,
    permit: Permit,
    question: Callable[[Tradovate], Awaitable[T]],
    *,
    priority: Priority | None = None,
) -> Future[T]:
    """Ask Tradovate something for a connection: `question` gets the client, on a loop that is not the caller's.

    `priority` is that of the requests that state none (see trading.tradovate.priorities). The future has what
    `question` returns or raises, TradovateError above all.
    """
    global _warm
    with _lock:
        if _warm is None or not _warm.is_alive:
            _warm = Warm()
        warm = _warm
    return warm.start(connection, permit, question, priority)


def ask(
    connection: Connection,
    token: str,
    question: Callable[[Tradovate], Awaitable[T]],
    *,
    priority: Priority = Priority.READ,
) -> T:
    """As `start`, and wait for the answer. Raises what `question` raises, TimeoutError."""
    return answer(start(connection, Permit(token), question, priority=priority))


def answer(future: Future[T]) -> T:
    """Wait for what `start` has begun. Raises what the question raises, TimeoutError."""
    try:
        if wait([future], HELD).not_done:
            give_back()
        return future.result(PATIENCE)
    except BaseException:
        # Also a worker's time limit or Ctrl-C: what has not gone out must not go any more.
        future.cancel()
        raise


def give_back() -> None:
    """Tradovate may take long, and a database has no connection to spare for each thread that waits for it: this one's
    goes to others, but for that of a transaction (which Django's own `close_old_connections` ends)."""
    database = connections[DEFAULT_DB_ALIAS]
    if not database.in_atomic_block:
        database.close_if_unusable_or_obsolete()
