"""Market Replay: the market of a past day played again, with an account that lives as long as the replay.

One socket does what a user socket and a market data socket do (official WebSockets guide, Market Replay). There is one
replay session per user: beginning another one resets it, and it is gone when no socket belongs to it any more.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
import websockets.asyncio.client as ws_client

from .attempts import Patience
from .entities import (
    ChangeSpeed,
    CheckReplaySession,
    CheckReplaySessionResponse,
    InitializeClock,
    ReplayCheckStatus,
    SimpleResponse,
    SyncSnapshot,
)
from .errors import ApiError, ReplayIneligible
from .frames import ClockEvent, Event, PropsEvent, SnapshotPart, UnknownEvent
from .market import FeedSession, MarketData
from .reconnect import Access, AccessSource, Interrupted
from .socket import SYNC_BACK_OFF, ReconnectingUserSocket, SyncingSession
from .subscriptions import ReconnectingFeed, Refused

ReplayData = MarketData | PropsEvent | SnapshotPart | ClockEvent | UnknownEvent


class ReplaySocket(FeedSession[ReplayData], SyncingSession[ReplayData]):
    """A session on the replay host. Iterating gives market data, the replay account's changes, and the clock.

    A socket that does not initialize a clock joins the user's replay session, if there is one. `clock` is the latest
    word of the replay's time and speed; None before the first.
    """

    def __init__(self, connection: ws_client.ClientConnection, **options: Any) -> None:
        super().__init__(connection, **options)
        self.clock: ClockEvent | None = None
        self._clock_came = asyncio.Event()

    async def check_session(self, start: dt.datetime) -> CheckReplaySessionResponse:
        """replay/checkreplaysession: whether a replay may begin at `start` (aware), or where else it would."""
        request = CheckReplaySession(start_timestamp=start)
        return await self.ask("replay/checkreplaysession", CheckReplaySessionResponse, body=request)

    async def initialize_clock(
        self, start: dt.datetime, *, speed: int = 100, initial_balance: Decimal | None = None
    ) -> None:
        """replay/initializeclock: begin a replay at `start` (aware), and reset the one that may be running.

        `speed` is in percent, 0 (paused) to 400; `initial_balance` in dollars is the cash of the account that is made
        for it. Raises ApiError when Tradovate does not say that it is ok, ValueError for a speed out of bounds.
        """
        request = InitializeClock(start_timestamp=start, speed=speed, initial_balance=initial_balance)
        await self._must_be_ok("replay/initializeclock", request)

    async def change_speed(self, speed: int) -> None:
        """replay/changespeed: in percent, 0 to 400; also ends a pause that Tradovate made. Raises as above."""
        await self._must_be_ok("replay/changespeed", ChangeSpeed(speed=speed))

    async def begin(
        self, start: dt.datetime, *, speed: int = 100, initial_balance: Decimal | None = None
    ) -> dt.datetime:
        """Check the session, then initialize the clock; return when the replay begins, which may not be `start`.

        Raises ReplayIneligible when the user may not replay that time.
        """
        checked = await self.check_session(start)
        if checked.check_status == ReplayCheckStatus.INELIGIBLE:
            raise ReplayIneligible(start)
        begins = checked.start_timestamp or start
        await self.initialize_clock(begins, speed=speed, initial_balance=initial_balance)
        return begins

    async def wait_for_clock(self, seconds: float) -> ClockEvent | None:
        """Return the latest clock as soon as there is one; None when none comes within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._clock_came.wait()
        except TimeoutError:
            return None
        return self.clock

    async def _must_be_ok(self, endpoint: str, request: msgspec.Struct) -> None:
        if not (await self.ask(endpoint, SimpleResponse, body=request)).ok:
            raise ApiError(f"{endpoint} was not accepted")

    def _tell(self, event: Event) -> None:
        if isinstance(event, ClockEvent):
            self.clock = event
            self._clock_came.set()
        super()._tell(event)

    def _wanted(self, event: Event) -> Iterable[ReplayData]:
        if isinstance(event, PropsEvent | SnapshotPart | ClockEvent | UnknownEvent):
            return (event,)
        return self._market_data(event)


@dataclass(frozen=True)
class ReplayBegun:
    """A new socket is on the replay: at `timestamp` of its clock, with `snapshot` as its account stands.

    `resumed` is False when the replay is a new one with an account of its own: at the first socket, and when the
    session was gone before another socket could join it.
    """

    timestamp: dt.datetime
    snapshot: SyncSnapshot
    resumed: bool
    refused: tuple[Refused, ...] = ()


class ReconnectingReplaySocket(ReconnectingFeed[ReplaySocket, ReplayBegun, ReplayData]):
    """A replay that lasts (see Reconnecting). Each socket begins with ReplayBegun.

    After an interruption the session is joined again if its clock is heard within `join_seconds`; otherwise it begins
    anew at the last time that was heard, at the last speed and with `initial_balance`. The access must name the user.
    """

    _begin_back_off = SYNC_BACK_OFF

    def __init__(
        self,
        access: AccessSource,
        start: dt.datetime,
        *,
        speed: int = 100,
        initial_balance: Decimal | None = None,
        join_seconds: float = 5.0,
        patience: Patience | None = None,
        turn: Callable[[], Awaitable[None]] | None = None,
        opened: Callable[[], None] | None = None,
        **timings: float,
    ) -> None:
        super().__init__(access, patience=patience, turn=turn, opened=opened, **timings)
        self._start = start
        self._speed = speed
        self._initial_balance = initial_balance
        self._join_seconds = join_seconds
        self._has_begun = False

    def goes_on_from(self, timestamp: dt.datetime) -> None:
        """Before the first socket: the replay was begun by another one, and was there when it was heard last. It is
        joined, or begun anew, as after an interruption."""
        self._start, self._has_begun = timestamp, True

    async def change_speed(self, speed: int) -> None:
        """As ReplaySocket.change_speed; raises NotSent while there is no socket."""
        await self._open_socket().change_speed(speed)
        self._speed = speed

    async def __anext__(self) -> ReplayBegun | ReplayData | Interrupted:
        news = await super().__anext__()
        if isinstance(news, ClockEvent):
            self._start = news.timestamp
        return news

    async def _connect(self, access: Access) -> ReplaySocket:
        return await ReplaySocket.connect(access.url, access.token, budgets=access.budgets, **self._timings)

    async def _begin(self, socket: ReplaySocket, access: Access) -> ReplayBegun:
        if not access.user_id:
            raise ValueError("The access must name the user whose replay it is for.")
        clock = await socket.wait_for_clock(self._join_seconds) if self._has_begun else None
        if clock is not None:
            timestamp = clock.timestamp
        else:
            timestamp = await socket.begin(self._start, speed=self._speed, initial_balance=self._initial_balance)
        self._start, self._has_begun = timestamp, True
        snapshot = await socket.sync(access.user_id)
        return ReplayBegun(timestamp, snapshot, clock is not None, await self._resubscribe(socket))


# What mirrors a user and lasts.
MirroringSocket = ReconnectingUserSocket | ReconnectingReplaySocket
