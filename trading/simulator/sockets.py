"""The WebSocket front: one Connection per socket, a Hub that shares events out among them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from enum import Enum

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from . import frames
from .calls import Call, Rejected
from .fault_events import EventFaults
from .fault_sockets import meet_request, meet_upgrade
from .faults import Effect, Front
from .market_data import Subscriptions, publish
from .operations import perform
from .rest import peer_of
from .services import serves, service_of
from .sessions import Session
from .simulation import Simulation
from .store import Event
from .sync import Interest, SyncRequest, interest, split
from .transports import Transports

BYE = 1000, "Bye"


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
        self._faults = EventFaults(simulation.faults)
        self._empty = asyncio.Event()
        self._pending: list[Event] = []
        simulation.on_event = self._event
        simulation.on_close_session = self._session_closed
        simulation.on_tick = self._tick

    async def endpoint(self, websocket: WebSocket) -> None:
        """Serve one socket from its open frame to its end."""
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
            if not self.connections:
                self._empty.set()

    def of_user(self, user_id: int) -> list[Connection]:
        """The authorized sockets of a user."""
        return [c for c in self.connections if c.session is not None and c.session.user_id == user_id]

    def shut_down(self, connections: Iterable[Connection], code: str, reason: str) -> None:
        """Tell sockets why, then close them."""
        for connection in connections:
            connection.push(frames.shutdown(code, reason))
            connection.close()

    async def end(self, seconds: float) -> None:
        """Tell every socket that the server stops, and wait for them to close, at most so long."""
        if self.connections:
            self.shut_down(list(self.connections), "Maintenance", "The simulator stops.")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), seconds)

    def _session_closed(self, session: Session) -> None:
        mine = [c for c in self.connections if c.session is session]
        self.shut_down(mine, "ConnectionQuotaReached", "Another login took this session's place.")

    def _event(self, event: Event) -> None:
        if not self.connections:
            return
        if not self._pending:
            # what happens until the loop comes round again travels in one frame
            asyncio.get_running_loop().call_soon(self._flush)
        self._pending.append(event)

    def _flush(self) -> None:
        events, self._pending = self._pending, []
        self._send(self._faults.passing(events))
        if self._faults.waiting:
            later = asyncio.get_running_loop().call_later
            later(self._faults.patience, lambda: self._send(self._faults.release()))

    def _send(self, events: list[Event]) -> None:
        ready: dict[Interest, str | None] = {}
        for connection in self.connections:
            wanted = connection.interest
            if wanted is None:
                continue
            if wanted not in ready:
                messages = [frames.props(event) for event in events if wanted.wants_event(event)]
                ready[wanted] = frames.batch(messages) if messages else None
            frame = ready[wanted]
            if frame is not None:
                connection.push(frame)

    def _tick(self) -> None:
        publish(self.simulation, self.connections)


class Connection:
    """One socket. Frames go out through a bounded queue; a client that does not read loses its socket, nobody
    else waits for it."""

    def __init__(self, hub: Hub, websocket: WebSocket) -> None:
        self.session: Session | None = None
        self.interest: Interest | None = None
        self.market = Subscriptions()
        self.half_open = False
        self.heartbeats = True
        self._hub = hub
        self._websocket = websocket
        self._host = websocket.headers.get("host", "")
        self._service = service_of(websocket)
        self._queue: asyncio.Queue[str | Ending] = asyncio.Queue(hub.simulation.config.socket_queue)
        self._closing = False

    def push(self, frame: str) -> None:
        """Send a frame as soon as the client takes it. Cuts the socket when too many are waiting."""
        if self._closing or self.half_open:
            return
        try:
            self._queue.put_nowait(frame)
        except asyncio.QueueFull:
            self._closing = True
            self._hub.transports.abort(self._websocket.scope)

    def close(self, ending: Ending = Ending.BYE) -> None:
        """Close, with code 1000 "Bye" or without a close frame, after what is waiting has been sent."""
        if not self._closing:
            self._closing = True
            if self._queue.full():
                self._hub.transports.abort(self._websocket.scope)
            else:
                self._queue.put_nowait(ending)

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

    def suffer(self, effect: Effect) -> None:
        """Let a fault of the whole socket happen to it; does nothing for other effects."""
        match effect:
            case Effect.RESET:
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
        sender = asyncio.create_task(self._send())
        reader = asyncio.create_task(self._read())
        try:
            await asyncio.wait({sender, reader}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sender, reader):
                task.cancel()
            await asyncio.gather(sender, reader, return_exceptions=True)

    async def _send(self) -> None:
        wait = self._hub.simulation.config.heartbeat_seconds
        while True:
            try:
                frame = await asyncio.wait_for(self._queue.get(), wait)
            except TimeoutError:
                if self.half_open or not self.heartbeats:
                    continue
                frame = frames.HEARTBEAT
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
                text = await asyncio.wait_for(self._websocket.receive_text(), wait)
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
        try:
            call = Call(
                self._hub.simulation, request.params(), self._host, self.session, peer_of(self._websocket), self
            )
            config = self._hub.simulation.config
            if not serves(self._service, request.endpoint, lowercase_only=config.lowercase_market_data):
                raise Rejected(404, f"Not found: {request.endpoint}")  # noqa: TRY301 - answered below like any other
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
            self.interest = None
        self.session = session
        return frames.ok(request.id)

    @property
    def is_open(self) -> bool:
        """Can frames still reach the client?"""
        return not self._closing and self._websocket.client_state is WebSocketState.CONNECTED
