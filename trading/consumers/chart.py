"""The bars of a contract as a page gets them: history, then what changes; older bars on request."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt

import msgspec
from django.contrib.sessions.backends.base import SessionBase
from django.db import Error as DatabaseTrouble

from trading.consumers.page_socket import NOT_FOUND, Asked, PageSocket, Refused, in_thread, looked_at
from trading.market import Interval, Viewer, charts
from trading.market.feeds import Charts, Feed
from trading.market.intervals import SYMBOL
from trading.sync import watched

PACE = 0.1  # seconds between frames: faster than an eye, slower than a fast market
_LATEST = 253402300799999  # milliseconds since 1970 at the end of the year 9999

ALIVE = '{"t":"alive"}'


class _Older(msgspec.Struct, tag_field="t", tag="older"):
    """The page has scrolled back to `before` (milliseconds since 1970)."""

    before: int


class _Resync(msgspec.Struct, tag_field="t", tag="resync"):
    """The page has heard nothing for long and asks whether the socket lives."""


_message = msgspec.json.Decoder(_Older | _Resync)


class ChartConsumer(PageSocket):
    """/ws/chart/?symbol=ESZ6&interval=5m with an Interval's value, and &connection=PK of the page's connection; with
    &replay=1 of the replay that runs."""

    def __init__(self) -> None:
        super().__init__()
        self._connection_id = 0
        self._replay_of: int | None = None
        self._charts: Charts | None = None
        self._feed: Feed | None = None
        self._viewer: Viewer | None = None

    def admit(self, user_id: int | None, session: SessionBase, asked: Asked) -> int:
        """The connection that this browser signed in to, or its replay: its own entitlement decides what it sees.
        Raises Refused."""
        _, connection = looked_at(user_id, session, asked)
        self._replay_of = connection.source_id
        if _what(asked) is None:
            raise Refused(NOT_FOUND)
        return connection.pk

    def begin(self, connection_id: int, asked: Asked) -> Viewer:
        what = _what(asked)
        assert what is not None  # noqa: S101 - admitted
        self._connection_id = connection_id
        self._charts = charts()
        self._feed, viewer = self._charts.watch(connection_id, *what, replay_of=self._replay_of)
        self._viewer = viewer
        self.run(self.telling(self._write(viewer)))
        self.run(self._keep_watched(connection_id, what[0]))
        return viewer

    def receive(self, text: str) -> None:
        if self._viewer is None or self._feed is None:
            return
        try:
            message = _message.decode(text)
        except msgspec.DecodeError:
            return
        if isinstance(message, _Resync):
            self._viewer.answer(ALIVE)
        elif 0 < message.before <= _LATEST:
            self._feed.page_back(self._viewer, dt.datetime.fromtimestamp(message.before / 1000, dt.UTC))

    async def leave(self) -> None:
        if self._charts and self._feed and self._viewer:
            self._charts.leave(self._connection_id, self._feed, self._viewer)

    async def _keep_watched(self, connection_id: int, symbol: str) -> None:
        """Checks compare prices with the last one of what the page shows."""
        while True:
            with contextlib.suppress(DatabaseTrouble):
                await in_thread(watched.name_symbol, connection_id, symbol)
            await asyncio.sleep(watched.LASTS / 3)

    async def _write(self, viewer: Viewer) -> None:
        while True:
            await self.say(await viewer.get())
            await asyncio.sleep(PACE)


def _what(asked: Asked) -> tuple[str, Interval] | None:
    """The symbol and interval that a page names; None for nonsense."""
    symbol, interval = asked.get("symbol", [""])[0], asked.get("interval", [""])[0]
    if not SYMBOL.fullmatch(symbol) or interval not in set(Interval):
        return None
    return symbol, Interval(interval)
