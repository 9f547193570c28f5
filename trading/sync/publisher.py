"""Brings one connection's rows to Redis: at once, or, what changes while a write is under way, with the next one.

So the hub never waits for Redis, and Redis being slow or away costs nothing but freshness: the last state of every row
goes out when it is back. Orders are the exception: each of their states goes out, one after another.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Mapping

from redis.exceptions import RedisError

from trading.sync.eager import News
from trading.sync.rows import Row
from trading.sync.stream import Begun, StateLost, Stream

log = logging.getLogger(__name__)

RETRY = 0.5  # seconds
ORDER = "order:"
# While Redis is away states would pile up: beyond so many the last one of each order has to do.
MOST_BEFORE = 200

Delta = tuple[dict[str, Row], set[str]]


class Publisher:
    """All rows of a connection as they should be, and the task that publishes the differences."""

    def __init__(self, stream: Stream) -> None:
        self.rows: dict[str, Row] = {}
        self._stream = stream
        self._changed: set[str] = set()
        # Changes that were complete before a later state of one of their orders came.
        self._before: deque[Delta] = deque()
        self._replace = False
        # The write that was begun while `run` waited for news.
        self._begun: Begun | None = None
        self._news = News()
        self._idle = asyncio.Event()
        self._idle.set()

    def replace(self, rows: Mapping[str, Row]) -> None:
        """Begin a new epoch with exactly these rows."""
        self.rows = dict(rows)
        self._before.clear()
        self._changed.clear()
        self._replace = True
        self._wake()

    def change(self, rows: Mapping[str, Row], gone: Iterable[str] = ()) -> None:
        """Set and remove rows. Before the first `replace` they are only kept."""
        gone = list(gone)
        if len(self._before) < MOST_BEFORE and any(map(self._hides_a_state, (*rows, *gone))):
            self._before.append(self._delta())
        self.rows.update(rows)
        for key in gone:
            self.rows.pop(key, None)
        self._changed.update(rows, gone)
        if self._changed:
            if self._news.are_awaited and self._stream.epoch:
                self._begun = self._stream.begin_change(*self._delta())
            self._wake()

    async def settled(self) -> None:
        """Wait until everything that was told so far is published."""
        await self._idle.wait()

    async def run(self) -> None:
        """Publish until cancelled. Raises stream.Fenced when another hub has taken over."""
        while True:
            if not self._news.have_come:
                self._idle.set()
                await self._news.wait()
            self._news.taken()
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
        self._news.come()

    def _hides_a_state(self, key: str) -> bool:
        """Whether a change under this key would take the place of an order's state that no page has seen yet."""
        return key.startswith(ORDER) and key in self._changed and key in self.rows

    def _delta(self) -> Delta:
        """What has changed and was not taken yet."""
        keys, self._changed = self._changed, set()
        present = {key: self.rows[key] for key in keys if key in self.rows}
        return present, keys - present.keys()

    async def _publish(self) -> None:
        begun, self._begun = self._begun, None
        if begun is not None:
            await self._stream.changed(begun)
        if self._replace:
            self._replace = False
            self._before.clear()
            self._changed.clear()
            await self._stream.replace(self.rows)
            return
        while self._stream.epoch and (self._before or self._changed):
            rows, gone = self._before.popleft() if self._before else self._delta()
            await self._stream.change(rows, gone)
            if self._replace:
                return
