"""A Market Replay's link: the replay socket in place of the user socket, and nothing of it is written down.

Orders, fills and money of a replay are made up: the journal, and with it limits, equity and history, never hears of
them. Pages do, with the clock as one more row. A replay lasts for as long as its pages are looked at, and goes on from
where it was, with a new account if Tradovate has discarded the old one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.db import Error as DatabaseTrouble
from django.db import connections as database_connections

from trading.models import Replay
from trading.sync import retry
from trading.sync.access import Target
from trading.sync.link import Link, Means
from trading.sync.quote_pool import QuotePool
from trading.sync.records import Record
from trading.sync.rows import clock_row
from trading.sync.wanted import SignIn, Wish
from trading.tradovate import MirroringSocket, Patience, ReconnectingReplaySocket, Retry
from trading.tradovate.errors import ApiError, NotSent, OutcomeUnknown, SocketClosed, TradovateError
from trading.tradovate.frames import ClockEvent, PropsEvent, SnapshotPart, UnknownEvent
from trading.tradovate.replay import ReplayBegun

log = logging.getLogger(__name__)

KEY = "replay"
RETRY = 1.0  # seconds until a speed that could not be told is told again
NOT_ALLOWED = 600.0  # seconds: what a subscription does not allow it does not allow soon, and syncs are few
ANEW = "Tradovate had discarded the replay meanwhile: it goes on from here with a new account."


def judge(error: Exception, attempt: int, chance: float, *, refused: bool = True) -> Retry:
    """As for the user socket, but a replay that Tradovate refuses is not asked for again soon."""
    if isinstance(error, ApiError):
        return Retry(NOT_ALLOWED * (0.5 + chance / 2))
    return retry.judge(error, attempt, chance, refused=refused)


PATIENCE = Patience(judge=judge, errors=retry.PATIENCE.errors)


class ReplayLink(Link):
    """Keeps a replay mirrored. Its quotes are of another time than everybody else's: they are shared with nobody."""

    def __init__(self, connection_id: int, environment: str, means: Means, wish: Wish) -> None:
        self._wish = wish
        self._speed_wanted = asyncio.Event()
        self._clock: datetime | None = None
        own = replace(means, pool=QuotePool())
        super().__init__(connection_id, environment, own, holder_id=wish.holder_id)

    def see(self, sign_in: SignIn) -> None:
        super().see(sign_in)
        wish = sign_in.wish
        if wish is not None and wish.speed_asked_at > self._wish.speed_asked_at:
            self._wish = wish
            self._speed_wanted.set()

    def _make_socket(self) -> MirroringSocket:
        self._replay = ReconnectingReplaySocket(
            self._access,
            self._wish.starts_at,
            speed=self._wish.speed,
            initial_balance=self._wish.initial_balance,
            patience=PATIENCE,
            turn=self._turn,
            opened=self._opened,
        )
        return self._replay

    async def _adopt(self) -> None:
        await super()._adopt()
        if row := self._publisher.rows.get(KEY):
            self._clock = datetime.fromisoformat(row["time"])
        else:
            self._clock = await sync_to_async(_kept_clock, thread_sensitive=False)(self.connection_id)
        if self._clock is not None:
            self._replay.goes_on_from(self._clock)

    def _work(self) -> tuple[Coroutine[None, None, None], ...]:
        return (*super()._work(), self._keep_speed())

    def _mirror_url(self, target: Target) -> str:
        return target.hosts.replay_socket

    def _market_url(self, target: Target) -> str:
        """Of several sockets the ones that initialize nothing join the session (official WebSockets text)."""
        return target.hosts.replay_socket

    def _take(self, news: Any) -> None:
        match news:
            case ReplayBegun():
                is_first = self._clock is None
                words = "" if news.resumed or is_first else ANEW
                self._begin(news.snapshot, continues=news.resumed, words=words)
                self._tell_clock(ClockEvent(news.timestamp, self._wish.speed))
            case ClockEvent():
                self._tell_clock(news)
            case PropsEvent() | SnapshotPart() | UnknownEvent():
                self._mirroring.take(news)

    def _tell_clock(self, clock: ClockEvent) -> None:
        self._clock = clock.timestamp
        self._publisher.change({KEY: clock_row(clock)})

    async def _keep_speed(self) -> None:
        """Tell Tradovate each speed that is asked for, once there is a socket."""
        while True:
            await self._speed_wanted.wait()
            self._speed_wanted.clear()
            try:
                await self._replay.change_speed(self._wish.speed)
            except (NotSent, OutcomeUnknown, SocketClosed):
                self._speed_wanted.set()
                await asyncio.sleep(RETRY)
            except TradovateError as error:
                # The clock goes on telling pages how fast it goes.
                log.warning("Connection %d: another speed was refused: %s", self.connection_id, type(error).__name__)

    def _put(self, found: list[Record]) -> None:
        """Nothing of a replay is kept."""

    async def _leave(self) -> None:
        await super()._leave()
        try:
            await sync_to_async(_keep_clock, thread_sensitive=False)(self.connection_id, self._clock)
        except DatabaseTrouble:
            log.warning("Connection %d: how far its replay has come is not written down.", self.connection_id)


def _kept_clock(connection_id: int) -> datetime | None:
    try:
        return Replay.objects.values_list("clock", flat=True).filter(connection=connection_id).first()
    finally:
        database_connections.close_all()


def _keep_clock(connection_id: int, clock: datetime | None) -> None:
    try:
        Replay.objects.filter(connection=connection_id).update(clock=clock)
    finally:
        database_connections.close_all()
