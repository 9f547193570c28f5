"""Commits that need not be on the disk before the path goes on.

What is committed before the wire must be: it is all that keeps an order from going out twice. What Tradovate has
answered need not: after a power cut the order is unanswered again, and is looked up (trading.orders.reconcile).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

# SQLite's PRAGMA synchronous: in WAL mode a commit waits for the disk from FULL on (sqlite.org, Pragma statements).
_NORMAL: Final = 1


@contextmanager
def recoverable() -> Iterator[None]:
    """A transaction that a power cut within the next moments may undo as a whole, for what can be asked for again; it
    is visible to everybody at once, and a crash of ours undoes nothing. Inside another transaction: part of that."""
    database = connections[DEFAULT_DB_ALIAS]
    if database.in_atomic_block or database.vendor not in ("postgresql", "sqlite"):
        with transaction.atomic():
            yield
    elif database.vendor == "postgresql":
        with transaction.atomic():
            with database.cursor() as cursor:
                cursor.execute("SET LOCAL synchronous_commit TO OFF")
            yield
    else:
        with _sqlite_does_not_wait(database), transaction.atomic():
            yield


@contextmanager
def _sqlite_does_not_wait(database: BaseDatabaseWrapper) -> Iterator[None]:
    """SQLite has it by connection, and takes it outside a transaction only."""
    database.ensure_connection()
    connection = database.connection
    [level] = connection.execute("PRAGMA synchronous").fetchone()
    if level <= _NORMAL:
        yield
        return
    connection.execute(f"PRAGMA synchronous={_NORMAL}")
    try:
        yield
    finally:
        # One that broke meanwhile is closed, and a new one begins with what the settings say.
        if database.connection is connection:
            connection.execute(f"PRAGMA synchronous={int(level)}")
