"""Writes what the hub mirrors to the database: in a thread of its own, in batches, off the way to the pages.

What waits is kept by entity, the newest state of each, so it cannot grow without bound and nothing is lost while the
database is busy. After a batch is committed the order intents learn of it, and the pages of changed intents.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

import redis
from django.db import InterfaceError, OperationalError, connections

from trading.models import OrderLine
from trading.sync import intent_rows, stream, writing
from trading.sync.records import Record

log = logging.getLogger(__name__)

BATCH = 500  # records in one transaction
# The way of events to the pages is over when nothing new has come for so many seconds; where that never is, so many are
# enough. Before, writing would only slow it down.
GATHER, GATHER_MOST = 0.02, 0.2
RETRY_FIRST, RETRY_MOST = 0.1, 5.0  # seconds
# SQLSTATEs idle_in_transaction_session_timeout and read_only_sql_transaction (PostgreSQL's documentation, Appendix A):
# it has ended the session of a process that stood still, or takes no writes for a while. Django tells both as an
# InternalError.
AWAY = ("25P03", "25006")


Key = tuple[int, type, Hashable]


@dataclass(frozen=True)
class Entry:
    """A record with the connection (pk) and environment ("live", "demo", "sim") it belongs to."""

    connection_id: int
    environment: str
    record: Record

    @property
    def key(self) -> Key:
        return self.connection_id, type(self.record), self.record.key


class Journal:
    """The writing thread. `write` is what it does with a batch; it returns ids of the intents that changed."""

    def __init__(self, write: Callable[[list[Entry]], list[int]] | None = None) -> None:
        self._write = write or (lambda batch: writing.write(batch))
        self._waiting: dict[Key, Entry] = {}
        self._changed = threading.Condition()
        self._put_at = 0.0
        self._rests = False
        self._busy = False
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def put(self, connection_id: int, environment: str, records: Iterable[Record]) -> None:
        """Have records written; returns at once. A newer record of the same entity replaces one that waits."""
        entries = [Entry(connection_id, environment, record) for record in records]
        if not entries:
            return
        with self._changed:
            for entry in entries:
                # Out and in again: an order must not be written before the account that came after it.
                self._waiting.pop(entry.key, None)
                self._waiting[entry.key] = entry
            self._put_at = time.monotonic()
            # A thread that is woken takes the interpreter from the loop that has just got an event.
            if self._rests or len(self._waiting) >= BATCH:
                self._rests = False
                self._changed.notify_all()

    def flush(self, patience: float = 10.0) -> bool:
        """Wait up to `patience` seconds until everything is written; False when it is not."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, patience)

    def close(self, patience: float = 10.0) -> None:
        """Write what waits, for at most `patience` seconds, and end the thread."""
        if not self.flush(patience):
            log.error("The journal ends with %d records unwritten; the next sync brings them.", len(self._waiting))
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(patience)

    def _run(self) -> None:
        delay = RETRY_FIRST
        try:
            while batch := self._next_batch():
                if self._attempt(batch):
                    delay = RETRY_FIRST
                else:
                    self._put_back(batch)
                    with self._changed:
                        self._changed.wait_for(lambda: self._closing, delay)
                    delay = min(RETRY_MOST, delay * 2)
        finally:
            connections.close_all()

    def _next_batch(self) -> list[Entry]:
        """What to write next; waits for it, and is empty at the end."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            self._rests = True
            self._changed.wait_for(lambda: self._waiting or self._closing)
            self._rests = False
            self._gather()
            if self._closing:
                return []
            keys = list(self._waiting)[:BATCH]
            self._busy = True
            return [self._waiting.pop(key) for key in keys]

    def _gather(self) -> None:
        """Wait until nothing comes for a moment, a batch is full, or this has taken long enough."""
        until = time.monotonic() + GATHER_MOST
        while not self._closing and len(self._waiting) < BATCH:
            now = time.monotonic()
            left = min(self._put_at + GATHER, until) - now
            if left <= 0:
                return
            self._changed.wait(left)

    def _put_back(self, batch: list[Entry]) -> None:
        with self._changed:
            newer = self._waiting
            self._waiting = {entry.key: entry for entry in batch if entry.key not in newer} | newer

    def _attempt(self, batch: list[Entry]) -> bool:
        """Write a batch; False when the database is away or busy and the batch should be tried again."""
        try:
            changed = self._write(batch)
        except Exception as error:
            if is_away(error):
                log.warning("The journal waits for the database: %s", error)
                connections.close_all()
                return False
            # Whatever is wrong with one record must not end this thread, or hold up everything behind it for ever.
            if len(batch) > 1:
                log.warning("A batch of the journal failed (%s); writing its records one by one.", error)
                return all(self._attempt([entry]) for entry in batch)
            log.exception("The journal cannot keep %s of connection %d.", *_named(batch[0]))
            return True
        _tell(changed)
        return True


def is_away(error: Exception) -> bool:
    """Whether the database is away or busy, so that the same writing may succeed later."""
    return isinstance(error, OperationalError | InterfaceError) or getattr(error.__cause__, "sqlstate", None) in AWAY


def _named(entry: Entry) -> tuple[str, int]:
    return f"{type(entry.record).__name__} {entry.record.key}", entry.connection_id


def _tell(intent_ids: list[int]) -> None:
    if not intent_ids:
        return
    # Pages get everything anew once Redis is back; a database that went away meanwhile is met by the next batch.
    try:
        intent_rows.tell(intent_ids)
        for line_id in OrderLine.objects.filter(intent__in=intent_ids).values_list("pk", flat=True):
            stream.publish_line(line_id)
    except (redis.RedisError, OperationalError, InterfaceError) as error:
        log.warning("%d intents could not be told to the pages: %s", len(intent_ids), type(error).__name__)
        time.sleep(RETRY_FIRST)
    except Exception:
        # Whatever is wrong with the news of one intent must not end this thread: it is written, and pages that come
        # read it.
        log.exception("Intents %s could not be told to the pages.", intent_ids)
