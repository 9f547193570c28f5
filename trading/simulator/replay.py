"""Market Replay: a user's replay session, its clock and the operations that steer it (official WebSockets text, "Market
Replay"; guide, "replay/initializeClock"). One session per user; it lives as long as sockets belong to it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Protocol, cast

import msgspec

from . import frames
from .calls import Call, Handler, Rejected
from .clock import read_stamp, stamp
from .entities import encode
from .event_stream import EventStream, Listener
from .fault_events import EventFaults
from .market_data import Subscriber, publish
from .replay_simulation import ReplaySimulation
from .simulation import Simulation

CLOCK_SECONDS = 1.0
NO_SESSION = "There is no replay session. Initialize the clock first."

Speed = Annotated[int, msgspec.Meta(ge=0, le=400)]


class ReplaySocket(Subscriber, Listener, Protocol):
    """A socket, as a replay sees it."""

    replays: Replays
    replay: ReplaySession | None

    def enter(self, session: ReplaySession | None) -> None:
        """Belong to a session from now on, or to none; subscriptions to what was before end."""


class ReplaySession:
    """A replay that runs for a user. `speed` is in percent of real time, 0 while it is paused."""

    def __init__(self, simulation: ReplaySimulation, speed: int) -> None:
        self.simulation = simulation
        self.speed = speed
        self.sockets: set[ReplaySocket] = set()
        self._followed = self._heard = simulation.present()
        self._clock_due = self._followed
        self._events = EventStream(EventFaults(simulation.faults), lambda: self.sockets)
        simulation.on_event = self._events.add
        simulation.on_tick = self._tick

    def change_speed(self, speed: int) -> None:
        """Go on at another speed, and tell everybody."""
        self.follow()
        self.speed = speed
        self._heard = self.simulation.present()
        asyncio.get_running_loop().call_soon(self.tell_clock)  # the reply goes first

    def follow(self) -> None:
        """Catch up with the time that has passed outside. A session that nobody has steered for long is paused, and so
        is one that has come to the present."""
        now = self.simulation.present()
        elapsed, self._followed = (now - self._followed).total_seconds(), now
        if self.speed and now - self._heard > timedelta(seconds=self.simulation.config.replay_pause_seconds):
            self.speed = 0
            self.tell_clock()
        if self.speed and elapsed > 0 and not self.simulation.play(elapsed * self.speed / 100):
            self.speed = 0
            self.tell_clock()
        if now >= self._clock_due:
            self.tell_clock()

    def tell_clock(self) -> None:
        """Send the `clock` event: its `d` is JSON in a string."""
        self._clock_due = self.simulation.present() + timedelta(seconds=CLOCK_SECONDS)
        told = encode({"t": stamp(self.simulation.clock.now()), "s": self.speed}).decode()
        for socket in self.sockets:
            socket.push(frames.batch([encode({"e": "clock", "d": told})]))

    def _tick(self) -> None:
        publish(self.simulation, self.sockets)


class Replays:
    """The replay sessions of all users."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._sessions: dict[int, ReplaySession] = {}
        self._opened = 0

    def of(self, user_id: int) -> ReplaySession | None:
        """The user's session, if one runs."""
        return self._sessions.get(user_id)

    def begin(self, user_id: int, start: datetime, speed: int, balance: Decimal) -> ReplaySession:
        """Begin a session; the sockets of the one that runs belong to the new one."""
        self._opened += 1
        trader = self._simulation.people.traders[user_id]
        session = ReplaySession(ReplaySimulation(self._simulation, trader, start, balance, self._opened), speed)
        before = self._sessions.get(user_id)
        self._sessions[user_id] = session
        for socket in list(before.sockets) if before else ():
            socket.enter(session)
        return session

    def leave(self, socket: ReplaySocket, session: ReplaySession) -> None:
        """A socket belongs to a session no more. The session ends with its last one."""
        session.sockets.discard(socket)
        if not session.sockets:
            self._sessions = {user: one for user, one in self._sessions.items() if one is not session}

    def follow(self) -> None:
        """Time has passed."""
        for session in list(self._sessions.values()):
            session.follow()


@dataclass(frozen=True)
class Checked:
    """Whether a replay may begin at a time; `start` is where it would."""

    status: str
    start: datetime


class _CheckReplaySession(msgspec.Struct, rename="camel"):
    start_timestamp: str


class _InitializeClock(msgspec.Struct, rename="camel"):
    start_timestamp: str
    speed: Speed
    initial_balance: Decimal = Decimal(50_000)


class _ChangeSpeed(msgspec.Struct):
    speed: Speed


def check(call: Call, timestamp: str) -> Checked:
    """What a user's entitlement says about a start time. Raises Rejected (400) when it is none."""
    try:
        start = read_stamp(timestamp)
    except (ValueError, OverflowError):
        raise Rejected(400, "Invalid parameter: startTimestamp") from None
    trader = call.trader
    now = call.simulation.present()
    if trader.market_data == "None" or not trader.replay_days or start >= now:
        return Checked("Ineligible", start)
    earliest = now - timedelta(days=trader.replay_days)
    return Checked("OK", start) if start >= earliest else Checked("StartTimestampAdjusted", earliest)


def check_replay_session(call: Call) -> dict[str, str]:
    """openapi.json, CheckReplaySession."""
    checked = check(call, call.read(_CheckReplaySession).start_timestamp)
    if checked.status == "StartTimestampAdjusted":
        return {"checkStatus": checked.status, "startTimestamp": stamp(checked.start)}
    return {"checkStatus": checked.status}


def initialize_clock(call: Call) -> dict[str, Any]:
    """openapi.json, InitializeClock. A start that is too long ago is adjusted, as the check would say."""
    asked = call.read(_InitializeClock)
    if not asked.initial_balance.is_finite() or asked.initial_balance <= 0:
        raise Rejected(400, "Invalid parameter: initialBalance")
    checked = check(call, asked.start_timestamp)
    socket = _socket_of(call)
    if socket is None:
        return _not_ok("A replay runs on a WebSocket of the replay host only.")
    if checked.status == "Ineligible":
        return _not_ok("This time cannot be replayed.")
    session = socket.replays.begin(call.user_id, checked.start, asked.speed, asked.initial_balance)
    if socket.replay is not session:
        socket.enter(session)
    asyncio.get_running_loop().call_soon(session.tell_clock)  # the reply goes first
    return {"ok": True}


def change_speed(call: Call) -> dict[str, Any]:
    """openapi.json, ChangeSpeed."""
    asked = call.read(_ChangeSpeed)
    socket = _socket_of(call)
    if socket is None or socket.replay is None:
        return _not_ok(NO_SESSION)
    socket.replay.change_speed(asked.speed)
    return {"ok": True}


OPERATIONS: dict[str, Handler] = {
    "replay/checkreplaysession": check_replay_session,
    "replay/initializeclock": initialize_clock,
    "replay/changespeed": change_speed,
}


def _socket_of(call: Call) -> ReplaySocket | None:
    return cast(ReplaySocket | None, call.subscriber)


def _not_ok(text: str) -> dict[str, Any]:
    return {"ok": False, "errorText": text}
