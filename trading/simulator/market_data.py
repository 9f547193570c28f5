"""Market data operations: what a socket has subscribed to, and what each step of the market sends it.

Official Market Data text. They are operations of sockets: asked over REST they are not found.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from . import frames
from .calls import Call, Rejected
from .quotes import INACCESSIBLE, contract_of, dom_event, quote_event
from .simulation import Simulation


@dataclass
class Subscriptions:
    """What one socket gets, by contract id: a subscription of a kind per contract."""

    quotes: set[int] = field(default_factory=set)
    doms: set[int] = field(default_factory=set)

    def clear(self) -> None:
        """End them all."""
        self.quotes.clear()
        self.doms.clear()


class Subscriber(Protocol):
    """A socket, as market data sees it."""

    market: Subscriptions

    def push(self, frame: str) -> None:
        """Send a frame as soon as the client takes it."""


def subscriber_of(call: Call) -> Subscriber:
    """The socket that asks. Raises Rejected (404) when it is not one."""
    if call.subscriber is None:
        raise Rejected(404, "Not found: market data is served on WebSockets only")
    return call.subscriber


def subscribe_quote(call: Call) -> dict[str, str]:
    """md/subscribequote"""
    return _subscribe(call, subscriber_of(call).market.quotes, quote_event)


def unsubscribe_quote(call: Call) -> dict[str, str]:
    """md/unsubscribequote"""
    return _unsubscribe(call, subscriber_of(call).market.quotes)


def subscribe_dom(call: Call) -> dict[str, str]:
    """md/subscribedom"""
    return _subscribe(call, subscriber_of(call).market.doms, dom_event)


def unsubscribe_dom(call: Call) -> dict[str, str]:
    """md/unsubscribedom"""
    return _unsubscribe(call, subscriber_of(call).market.doms)


OPERATIONS: dict[str, Callable[[Call], Any]] = {
    "md/subscribequote": subscribe_quote,
    "md/unsubscribequote": unsubscribe_quote,
    "md/subscribedom": subscribe_dom,
    "md/unsubscribedom": unsubscribe_dom,
}


def mode_of(call: Call) -> str:
    """The user's entitlement: RealTime, Delayed or None."""
    return call.simulation.traders[call.user_id].market_data


def accessible(call: Call) -> int | None:
    """The contract id of a request, when there is such a contract and the user may see it."""
    contract_id = contract_of(call)
    return None if mode_of(call) == "None" else contract_id


def publish(simulation: Simulation, subscribers: Iterable[Subscriber]) -> None:
    """Send what a step of the market has changed: quotes whose price moved, and every book. Each event is encoded once
    for all who get it."""
    quotes: defaultdict[int, list[Subscriber]] = defaultdict(list)
    doms: defaultdict[int, list[Subscriber]] = defaultdict(list)
    for subscriber in subscribers:
        for contract_id in subscriber.market.quotes:
            if simulation.feed.market(contract_id).walk.moved:
                quotes[contract_id].append(subscriber)
        for contract_id in subscriber.market.doms:
            doms[contract_id].append(subscriber)
    now = simulation.clock.now()
    due: defaultdict[Subscriber, list[bytes]] = defaultdict(list)
    for readers, make in ((quotes, quote_event), (doms, dom_event)):
        for contract_id, wanting in readers.items():
            event = make(simulation.feed.market(contract_id), now)
            for subscriber in wanting:
                due[subscriber].append(event)
    for subscriber, events in due.items():
        subscriber.push(frames.batch(events))


def _subscribe(call: Call, subscribed: set[int], event: Callable[..., bytes]) -> dict[str, str]:
    contract_id = accessible(call)
    if contract_id is None:
        return INACCESSIBLE
    subscribed.add(contract_id)
    first = event(call.simulation.feed.market(contract_id), call.simulation.clock.now())
    # the reply goes first
    asyncio.get_running_loop().call_soon(subscriber_of(call).push, frames.batch([first]))
    return {"mode": mode_of(call)}


def _unsubscribe(call: Call, subscribed: set[int]) -> dict[str, str]:
    contract_id = accessible(call)
    if contract_id is None:
        return INACCESSIBLE
    subscribed.discard(contract_id)
    return {"mode": mode_of(call)}
