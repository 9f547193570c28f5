"""Django's PostgreSQL, with connections that outlive the requests that use them.

To connect takes longer than all that most pages ask. A connection that a request, a task or a thread is done with is
kept for the next one in this process. Unlike psycopg's own pool this one never makes anybody wait: when none is kept, a
new connection is made at once, by the thread that needs it and however many are in use (orders that wait for a slow
answer of Tradovate must not keep a kill switch from the database), and when the server has cut all of them, too.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import time
from collections import deque
from typing import Any, Final

import psycopg
from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import IsolationLevel
from django.utils.asyncio import async_unsafe
from psycopg.pq import TransactionStatus

# The most that one process keeps while it needs none: servers accept 100 in all by default.
MOST: Final = 5
# Seconds for which a connection is kept that nobody needs; looked at when another one is put back.
IDLE: Final = 60.0
# Seconds after which the server is asked whether it is there: a network may forget a connection and tell nobody.
UNASKED: Final = 2.0
# What a server tells of a connection on which nothing can be written, as a standby before its address has moved.
READ_ONLY: Final = (b"in_hot_standby", b"default_transaction_read_only")

_Key = tuple[object, ...]
# By process and how they were made; the last one was used last. A forked process never finds those of its parent.
# Deques need no lock, which a fork might leave locked.
_kept: dict[_Key, deque[tuple[psycopg.Connection[Any], float]]] = {}


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's own; `close` keeps what can be used again."""

    _key: _Key = ()

    @async_unsafe
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self._key = (os.getpid(), *(f"{name}={value}" for name, value in conn_params.items()))
        connection = _take(self._key)
        if connection is None:
            return super().get_new_connection(conn_params)
        # As it was set when this connection was made.
        self.isolation_level = connection.isolation_level or IsolationLevel.READ_COMMITTED
        return connection

    def close_pool(self) -> None:
        """End all that is kept, as before a database is dropped."""
        forget()
        super().close_pool()

    def _close(self) -> None:
        if self.connection is not None and not _keep(self._key, self.connection):
            super()._close()  # type: ignore[misc]  # django-stubs do not know it


def forget() -> None:
    """Close all that this process keeps."""
    for key, kept in list(_kept.items()):
        while key[0] == os.getpid() and kept:
            kept.pop()[0].close()


def _take(key: _Key) -> psycopg.Connection[Any] | None:
    """A connection that was made like this and still works."""
    kept = _kept.get(key, deque())
    while True:
        try:
            connection, since = kept.pop()
        except IndexError:
            return None
        if _works(connection, since):
            return connection
        connection.close()


def _works(connection: psycopg.Connection[Any], since: float) -> bool:
    """Whether the server still has a connection that was put back then."""
    try:
        # A server that has cut it has said so: to one that asks nothing, nothing else is said.
        waiting = select.poll()
        waiting.register(connection.fileno(), select.POLLIN)
        if waiting.poll(0):
            return False
        if time.monotonic() - since < UNASKED:
            return True
        connection.autocommit = True
        connection.execute("")
    except psycopg.Error:
        return False
    return True


def _keep(key: _Key, connection: psycopg.Connection[Any]) -> bool:
    """Keep a connection of this process that nothing is under way on and that writes."""
    # Of a parent's connection a forked process has but a copy; what is BAD, or in a transaction, is not IDLE.
    if not key or key[0] != os.getpid() or connection.pgconn.transaction_status != TransactionStatus.IDLE:
        return False
    # With a new one the server may be another one, or take writes again.
    if any(connection.pgconn.parameter_status(name) == b"on" for name in READ_ONLY):
        return False
    kept, now = _kept.setdefault(key, deque()), time.monotonic()
    kept.append((connection, now))
    # Others may take what is left meanwhile.
    with contextlib.suppress(IndexError):
        while len(kept) > MOST or now - kept[0][1] > IDLE:
            kept.popleft()[0].close()
    return True


atexit.register(forget)
