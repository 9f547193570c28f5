"""Brings one connection's rows to Redis: what changes while a write is under way goes out together with the next one.

So the hub never waits for Redis, and Redis being slow or away costs nothing but freshness: the last state of every row
goes out when it is back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping

from redis.exceptions import RedisError

from trading.sync.rows import Row
from trading.sync.stream import StateLost, Stream

log = logging.getLogger(__name__)

RETRY = 0.5  # seconds


class Publisher:
    """All rows of a connection as they should be, and the task that publishes the differences."""

    def __init__(self, stream: Stream) -> None:
        self.rows: dict[str, Row] = {}
        self._stream = stream
        self._changed: set[str] = set()
        self._replace = False
        self._news = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def replace(self, rows: Mapping[str, Row]) -> None:
        """Begin a new epoch with exactly these rows."""
        self.rows = dict(rows)
        self._replace = True
        self._wake()

    def change(self, rows: Mapping[str, Row], gone: Iterable[str] = ()) -> None:
        """Set and remove rows. Before the first `replace` they are only kept."""
        gone = list(gone)
        self.rows.update(rows)
        for key in gone:
            self.rows.pop(key, None)
        self._changed.update(rows, gone)
        if self._changed:
            self._wake()

    async def settled(self) -> None:
        """Wait until everything that was told so far is published."""
        await self._idle.wait()

    async def run(self) -> None:
        """Publish until cancelled. Raises stream.Fenced when another hub has taken over."""
        while True:
            if not self._news.is_set():
                self._idle.set()
            await self._news.wait()
            self._news.clear()
            try:
                await self._publish()
            except StateLost:
                self._replace = True
                self._wake()
            except (RedisError, OSError) as error:
                # Whether the write arrived is not known: all rows go out anew.
                log.warning("Redis does not take connection %d's rows: %s", self._stream.connection_id, error)
                self._replace = True
                await asyncio.sleep(RETRY)
                self._wake()

    def _wake(self) -> None:
        self._idle.clear()
        self._news.set()

    async def _publish(self) -> None:
        keys, self._changed = self._changed, set()
        if self._replace:
            self._replace = False
            await self._stream.replace(self.rows)
        elif keys and self._stream.epoch:
            present = {key: self.rows[key] for key in keys if key in self.rows}
            await self._stream.change(present, keys - present.keys())
