"""History that takes more than one request: Tradovate caps what it sends for one (protocol notes, Market data)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable

from .entities import Bar, Tick, TimeRange

Element = Bar | Tick


async def page_back(
    ask: Callable[[TimeRange], Awaitable[list[Element]]], *, since: dt.datetime, until: dt.datetime
) -> list[Element]:
    """Return all elements from `since` to `until`, oldest first, each once.

    `ask` gets the newest part of a time range, in any order; the next one ends with the oldest element so far. An
    element that comes twice is the one that came first: a bar at the seam of two pages is whole on the newer one.
    """
    found: dict[object, Element] = {}
    closest, tick_id = until, None
    while True:
        if tick_id is None:
            time_range = TimeRange(closest_timestamp=closest, as_far_as_timestamp=since)
        else:
            time_range = TimeRange(closest_tick_id=tick_id, as_far_as_timestamp=since)
        before = len(found)
        for element in await ask(time_range):
            found.setdefault(_key(element), element)
        oldest = min(found.values(), key=_in_time, default=None)
        if oldest is None or _is_enough(oldest, since):
            break
        is_older = len(found) > before
        if is_older and since < oldest.timestamp < closest:
            closest, tick_id = oldest.timestamp, None
        elif isinstance(oldest, Tick) and (is_older or tick_id is None):
            # There may be more ticks at one time than a page holds: only their ids lead further back.
            tick_id = oldest.id
        else:
            break
    inside = (element for element in found.values() if since <= element.timestamp <= until)
    return sorted(inside, key=_in_time)


def _is_enough(oldest: Element, since: dt.datetime) -> bool:
    # Of ticks there may be more at the very time.
    return oldest.timestamp < since or (oldest.timestamp == since and isinstance(oldest, Bar))


def _key(element: Element) -> object:
    return element.id if isinstance(element, Tick) else element.timestamp


def _in_time(element: Element) -> tuple[dt.datetime, int]:
    return element.timestamp, element.id if isinstance(element, Tick) else 0
