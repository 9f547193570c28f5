"""Props events on their way from a simulation to the sockets that synchronised with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from . import frames
from .fault_events import EventFaults
from .store import Event
from .sync import Interest


class Listener(Protocol):
    """A socket, as events see it."""

    interest: Interest | None

    def push(self, frame: str) -> None:
        """Send a frame as soon as the client takes it."""


class EventStream:
    """Collects events and hands them to the sockets that want them: what happens until the loop comes round again
    travels in one frame, encoded once for all sockets with the same interest."""

    def __init__(self, faults: EventFaults, listeners: Callable[[], Iterable[Listener]]) -> None:
        self._faults = faults
        self._listeners = listeners
        self._pending: list[Event] = []

    def add(self, event: Event) -> None:
        """Something happened."""
        if not any(True for _ in self._listeners()):
            return
        if not self._pending:
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
        for listener in self._listeners():
            wanted = listener.interest
            if wanted is None:
                continue
            if wanted not in ready:
                messages = [frames.props(event) for event in events if wanted.wants_event(event)]
                ready[wanted] = frames.batch(messages) if messages else None
            frame = ready[wanted]
            if frame is not None:
                listener.push(frame)
