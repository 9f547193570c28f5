"""Faults of events: what happens to `props` events between the account and the sockets. Pure."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from .entities import raw
from .fault_kinds import Effect, Front
from .faults import Fault, Faults
from .store import Event

STRANGERS = ("kalshiMarket", "kalshiEvent", "userBadge", "marketplaceOffer")
"""Entity types outside the specification. Tradovate sends the first (protocol notes, "WebSocket frames")."""


class EventFaults:
    """Lets armed faults happen to events. `waiting` are those that are held back to travel with later ones, for at
    most `patience` seconds."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._strangers = 0
        self.waiting: list[Event] = []
        self.patience = 0.0

    def passing(self, events: list[Event]) -> list[Event]:
        """What goes out now instead of these events, in one frame."""
        if not self._faults.expects(Front.EVENT):
            return self.release() + events if events else []
        going = self._batched(events)
        return list(self._in_arrays(self._reordered([one for event in going for one in self._multiplied(event)])))

    def release(self) -> list[Event]:
        """The events that were held back; there are none afterwards."""
        released, self.waiting = self.waiting, []
        return released

    def _take(self, event: Event, effect: Effect) -> Fault | None:
        return self._faults.take(Front.EVENT, event.entity_type, event.user_id, effect)

    def _batched(self, events: list[Event]) -> list[Event]:
        going: list[Event] = []
        for event in events:
            fault = self._take(event, Effect.BATCH)
            self.waiting.append(event)
            if fault is None or fault.left == 0:
                going += self.release()
            else:
                self.patience = fault.seconds
        return going

    def _multiplied(self, event: Event) -> Iterator[Event]:
        if fault := self._take(event, Effect.UNKNOWN):
            self._strangers += 1
            name = fault.random.choice(STRANGERS)
            entity = raw({"id": self._strangers, "name": f"{name} {self._strangers}", "status": "Open"})
            yield Event(event.user_id, None, name, "Created", entity, unasked=True)
        yield event
        if self._take(event, Effect.DUPLICATE):
            yield event

    def _reordered(self, events: list[Event]) -> list[Event]:
        """Events of one type keep their order; those of different types change places."""
        hits = [(place, fault) for place, event in enumerate(events) if (fault := self._take(event, Effect.REORDER))]
        if len(hits) < 2:
            return events
        return _across_types(events, [place for place, _ in hits], hits[0][1].random)

    def _in_arrays(self, events: list[Event]) -> Iterator[Event]:
        marked = [(event, self._take(event, Effect.ARRAY) is not None) for event in events]

        def alike(pair: tuple[Event, bool]) -> tuple[object, ...]:
            event, array = pair
            return array, event.user_id, event.account_id, event.entity_type, event.event_type

        for (array, *_), pairs in groupby(marked, alike):
            group = [event for event, _ in pairs]
            if array:
                yield replace(group[0], entity=raw([event.entity for event in group]))
            else:
                yield from group


def _across_types(events: list[Event], places: list[int], source: random.Random) -> list[Event]:
    """Let the types at these places change places, each filled with the next event of its type."""
    queues: defaultdict[str, deque[Event]] = defaultdict(deque)
    for event in events:
        queues[event.entity_type].append(event)
    before = [events[place].entity_type for place in places]
    after = list(before)
    while after == before and len(set(before)) > 1:
        source.shuffle(after)
    types = [event.entity_type for event in events]
    for place, name in zip(places, after, strict=True):
        types[place] = name
    return [queues[name].popleft() for name in types]
