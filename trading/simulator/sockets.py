"""The WebSocket front: one Connection per socket, a Hub that shares events out among them."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Iterable
from contextlib import suppress
from enum import Enum

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from . import frames
from .calls import Call, Rejected
from .event_stream import EventStream
from .fault_events import EventFaults
from .fault_kinds import Effect, Front
from .fault_sockets import meet_request, meet_upgrade, refuse_host
from .hosts import Environment
from .market_data import Subscriptions, publish
from .operations import perform
from .replay import NO_SESSION, Replays, ReplaySession
from .rest import peer_of
from .services import serves, service_of, works_without_replay
from .sessions import Session
from .simulation import Simulation
from .sync import Interest, SyncRequest, interest, split
from .transports import Transports

logger = logging.getLogger(__name__)

BYE = 1000, "Bye"
_numbers = itertools.count(1)


class Ending(Enum):
    """How the server ends a socket."""

    BYE = "a close frame with code 1000"
    NO_FRAME = "no close frame"


class Hub:
    """All open sockets of one simulation."""

    def __init__(self, simulation: Simulation, transports: Transports) -> None:
        self.simulation = simulation
        self.transports = transports
        self.connections: set[Connection] = set()
        self.replays = Replays(simulation)
        events = EventStream(EventFaults(simulation.faults), self._present)
        self._empty = asyncio.Event()
        simulation.on_event = events.add
        simulation.on_close_session = self._session_closed
        simulation.on_tick = self._tick
        simulation.on_strike = self.strike

    async def endpoint(self, websocket: WebSocket) -> None:
        """Serve one socket from its open frame to its end."""
        if self.simulation.config.hosts.right_host(websocket.headers.get("host", "")):
            await refuse_host(websocket)
            return
        fault = self.simulation.faults.take(Front.UPGRADE, "websocket")
        if fault is not None and await meet_upgrade(fault, websocket, self.transports):
            return
        connection = Connection(self, websocket)
        if fault is not None:
            connection.suffer(fault.kind.effect)
        self.connections.add(connection)
        self._empty.clear()
        try:
            await connection.run()
        finally:
            self.connections.discard(connection)
            connection.enter(None)
            if not self.connections:
                self._empty.set()

    def of_user(self, user_id: int) -> list[Connection]:
        """The authorized sockets of a user."""
        return [c for c in self.connections if c.session is not None and c.session.user_id == user_id]

    def keep_user_quota(self, user_id: int) -> None:
        """Close a user's oldest sockets when there are too many (official texts, "Connection limits")."""
        most = self.simulation.config.sockets_per_user
        if most is not None:
            # those that are on their way out do not count
            mine = sorted((c for c in self.of_user(user_id) if not c.is_closing), key=lambda c: c.number)
            self.shut_down(mine[: max(0, len(mine) - most)], "ConnectionQuotaReached", "Too many sockets of this user.")

    def keep_address_quota(self, newest: Connection) -> None:
        """Close a new socket when its address has too many already."""
        most = self.simulation.config.sockets_per_address
        same = [c for c in self.connections if c.address == newest.address and not c.is_closing]
        if most is not None and len(same) > most:
            self.shut_down([newest], "IPQuotaReached", "Too many sockets of this address.")

    def shut_down(self, connections: Iterable[Connection], code: str, reason: str) -> None:
        """Tell sockets why, then close them."""
        for connection in connections:
            connection.push(frames.shutdown(code, reason))
            connection.close()

    def strike(self, effect: Effect, user_id: int, reason: str) -> int:
        """Let a fault happen to everything that a user has open; return how many sockets, sessions or tokens it met."""
        sessions = self.simulation.sessions
        if effect is Effect.EXPIRE:
            return sessions.expire(user_id)
        if effect is Effect.EVICT:
            own = [number for number, session in sessions.sessions.items() if session.user_id == user_id]
            for number in own:
                sessions.close(number)
            return len(own)
        connections = self.of_user(user_id)
        if effect is Effect.SHUTDOWN:
            self.shut_down(connections, reason, "Asked for by a fault.")
        for connection in connections:
            connection.suffer(effect)
        return len(connections)

    async def end(self, seconds: float) -> None:
        """Tell every socket that the server stops, and wait for them to close, at most so long."""
        if self.connections:
            self.shut_down(list(self.connections), "Maintenance", "The simulator stops.")
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._empty.wait()

    def _session_closed(self, session: Session) -> None:
        mine = [c for c in self.connections if c.session is session]
        self.shut_down(mine, "ConnectionQuotaReached", "Another login took this session's place.")

    def _present(self) -> list[Connection]:
        """The sockets that are not on a replay."""
        return [connection for connection in self.connections if connection.replay is None]

    def _tick(self) -> None:
        present = self._present()
        publish(self.simulation, [one for one in present if not one.market.delayed])
        if late := [one for one in present if one.market.delayed]:
            self.simulation.delayed.follow()
            publish(self.simulation.delayed, late)
        else:
            self.simulation.delayed.rest()
        self.replays.follow()


class Connection:
    """One socket. Frames go out through a bounded queue; a client that does not read loses its socket, nobody
    else waits for it."""

    def __init__(self, hub: Hub, websocket: WebSocket) -> None:
        self.session: Session | None = None
        self.interest: Interest | None = None
        self.market = Subscriptions()
        self.replays = hub.replays
        self.replay: ReplaySession | None = None
        self.half_open = False
        self.heartbeats = True
        self._hub = hub
        self._websocket = websocket
        self._host = websocket.headers.get("host", "")
        self._service = service_of(websocket)
        self.number = next(_numbers)
        self.address = peer_of(websocket)
        self._queue: asyncio.Queue[str | Ending] = asyncio.Queue(hub.simulation.config.socket_queue)
        self._waiting = 0
        self._closing = False

    def push(self, frame: str) -> None:
        """Send a frame as soon as the client takes it. Cuts the socket when too many or too long ones are waiting."""
        if self._closing or self.half_open:
            return
        if self._queue.full() or self._waiting > self._hub.simulation.config.socket_characters:
            self.cut()
            return
        self._waiting += len(frame)
        self._queue.put_nowait(frame)

    def close(self, ending: Ending = Ending.BYE) -> None:
        """Close, with code 1000 "Bye" or without a close frame, after what is waiting has been sent."""
        if not self._closing:
            self._closing = True
            if self._queue.full():
                self._hub.transports.abort(self._websocket.scope)
            else:
                self._queue.put_nowait(ending)

    def enter(self, session: ReplaySession | None) -> None:
        """Belong to a replay session from now on, or to none; subscriptions to what was before end."""
        if self.replay is not None:
            self.replays.leave(self, self.replay)
        self.replay = session
        self.interest = None
        self.market.clear()
        if session is not None:
            session.sockets.add(self)

    def cut(self) -> None:
        """Drop the connection without a close frame."""
        self._closing = True
        self._hub.transports.abort(self._websocket.scope)

    def end_without_frame(self) -> None:
        """Close without a close frame after what is waiting has been sent."""
        self.close(Ending.NO_FRAME)

    def evict(self) -> None:
        """End the session of this socket, and with it all its sockets."""
        if self.session is not None:
            self._hub.simulation.sessions.close(self.session.id)

    def strike(self, effect: Effect, reason: str) -> None:
        """Let a fault happen to everything that the socket's user has open."""
        if self.session is not None:
            self._hub.strike(effect, self.session.user_id, reason)

    def suffer(self, effect: Effect) -> None:
        """Let a fault of the whole socket happen to it; does nothing for other effects."""
        match effect:
            case Effect.RESET | Effect.KICK:
                self.cut()
            case Effect.BYE:
                self.close()
            case Effect.NO_HEARTBEAT:
                self.heartbeats = False
            case Effect.HALF_OPEN:
                self.half_open = True
                self._hub.transports.stop_reading(self._websocket.scope)

    async def run(self) -> None:
        """Serve the socket until either side ends it."""
        await self._websocket.accept()
        self.push(frames.OPEN)
        self._hub.keep_address_quota(self)
        sender = asyncio.create_task(self._send())
        reader = asyncio.create_task(self._read())
        try:
            await asyncio.wait({sender, reader}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sender, reader):
                task.cancel()
            for outcome in await asyncio.gather(sender, reader, return_exceptions=True):
                if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect):
                    logger.error("A socket of the simulator failed.", exc_info=outcome)

    async def _send(self) -> None:
        wait = self._hub.simulation.config.heartbeat_seconds
        while True:
            try:
                async with asyncio.timeout(wait):
                    frame = await self._queue.get()
            except TimeoutError:
                if self.half_open or not self.heartbeats:
                    continue
                frame = frames.HEARTBEAT
            else:
                self._waiting -= len(frame) if isinstance(frame, str) else 0
            if frame is Ending.BYE:
                code, reason = BYE
                await self._websocket.close(code, reason)
                return
            if isinstance(frame, Ending):
                self._hub.transports.close(self._websocket.scope)
                return
            await self._websocket.send_text(frame)

    async def _read(self) -> None:
        config = self._hub.simulation.config
        loop = asyncio.get_running_loop()
        authorize_by = loop.time() + config.authorize_seconds
        try:
            while not self.half_open:
                wait = config.silence_seconds
                if self.session is None:
                    wait = min(wait, max(0.0, authorize_by - loop.time()))
                async with asyncio.timeout(wait):
                    text = await self._websocket.receive_text()
                if self.half_open:
                    break
                if text.strip() != frames.CLIENT_HEARTBEAT:
                    await self._request(frames.parse(text))
        except (TimeoutError, frames.GarbageError, KeyError):
            # too long silent or unauthorized, or a frame that makes no sense (KeyError: a binary one)
            if not self.half_open:
                self.close()
                await asyncio.sleep(config.silence_seconds)  # the sender closes; run() cancels this
        except (WebSocketDisconnect, RuntimeError):
            return
        if self.half_open:
            await asyncio.Event().wait()  # until run() cancels it

    async def _request(self, request: frames.ClientRequest) -> None:
        route = request.endpoint.strip("/").lower()
        user_id = self.session.user_id if self.session else None
        fault = self._hub.simulation.faults.take(Front.SOCKET, route, user_id)
        if fault is None:
            answer = self._answer(request, route)
        else:
            answer = await meet_request(fault, self, request.id, lambda: self._answer(request, route))
        for frame in answer:
            self.push(frame)

    def _answer(self, request: frames.ClientRequest, route: str) -> list[str]:
        if route == "authorize":
            return [self._authorize(request)]
        self._join()
        simulation = self.replay.simulation if self.replay else self._hub.simulation
        try:
            call = Call(simulation, request.params(), self._host, self.session, peer_of(self._websocket), self)
            if not serves(self._service, request.endpoint, lowercase_only=simulation.config.lowercase_market_data):
                raise Rejected(404, f"Not found: {request.endpoint}")  # noqa: TRY301 - answered below like any other
            if self._service is Environment.REPLAY and self.replay is None and not works_without_replay(route):
                value = {"errorText": NO_SESSION}
            else:
                value = perform(call, route)
        except Rejected as rejected:
            return [frames.error(request.id, rejected)]
        return self._frames(call, route, request.id, value)

    def _frames(self, call: Call, route: str, request_id: int, value: object) -> list[str]:
        if route != "user/syncrequest" or not isinstance(value, dict) or "users" not in value:
            return [frames.ok(request_id, value)]
        self.interest = interest(call)
        if call.read(SyncRequest).split_responses:
            return [frames.ok(request_id, part) for part in split(value)]
        return [frames.ok(request_id, value)]

    def _authorize(self, request: frames.ClientRequest) -> str:
        session = self._hub.simulation.sessions.session(request.token())
        if session is None:
            return frames.error(request.id, Rejected(401, "Access is denied"))
        if self.session is not None and session.user_id != self.session.user_id:
            self.enter(None)
        self.session = session
        asyncio.get_running_loop().call_soon(self._join)
        self._hub.keep_user_quota(session.user_id)
        return frames.ok(request.id)

    def _join(self) -> None:
        """A socket of the replay host belongs to the session that its user already has."""
        if self._service is not Environment.REPLAY or self.replay is not None or self.session is None:
            return
        if session := self.replays.of(self.session.user_id):
            self.enter(session)
            session.tell_clock()

    @property
    def is_closing(self) -> bool:
        """Has the end been decided?"""
        return self._closing

    @property
    def is_open(self) -> bool:
        """Can frames still reach the client?"""
        return not self._closing and self._websocket.client_state is WebSocketState.CONNECTED
