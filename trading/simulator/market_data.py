"""Market data operations: what a socket has subscribed to, and what each step of the market sends it.

Official Market Data text. They are operations of sockets: asked over REST they are not found.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from . import frames
from .calls import Call, Rejected
from .charts import ChartRequest, ChartStream, Found, Shape, Wanted, history
from .clock import Clock
from .entities import encode
from .quotes import INACCESSIBLE, contract_of, dom_event, quote_event
from .simulation import Simulation
from .tape import milliseconds


@dataclass
class Subscriptions:
    """What one socket gets: a subscription of a kind per contract id, and any number of charts."""

    quotes: set[int] = field(default_factory=set)
    doms: set[int] = field(default_factory=set)
    charts: list[ChartStream] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    last_id: int = 0

    def clear(self) -> None:
        """End them all."""
        self.quotes.clear()
        self.doms.clear()
        self.charts.clear()

    def next_id(self) -> int:
        """A new id for a chart of this socket."""
        self.last_id += 1
        return self.last_id


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


def get_chart(call: Call) -> dict[str, Any]:
    """md/getchart"""
    subscriber = subscriber_of(call)
    contract_id = accessible(call)
    if contract_id is None:
        return INACCESSIBLE
    asked = call.read(ChartRequest)
    simulation = call.simulation
    market = simulation.feed.market(contract_id)
    try:
        shape = Shape(asked.chart_description)
        wanted = Wanted.of(asked.time_range, market.listing, simulation.config.chart_elements)
    except (ValueError, OverflowError) as error:
        raise Rejected(400, f"Invalid request: {error}") from None
    ids = subscriber.market.next_id(), subscriber.market.next_id()
    stream = ChartStream(market.listing, market.shift, shape, ids)
    subscriber.market.charts.append(stream)
    sales = simulation.sales(market.listing.spec.name)
    lookup = partial(history, sales, shape, wanted)
    task = asyncio.get_running_loop().create_task(_send_history(subscriber, stream, lookup, simulation.clock))
    subscriber.market.tasks.add(task)
    task.add_done_callback(subscriber.market.tasks.discard)
    return {"historicalId": stream.historical_id, "realtimeId": stream.realtime_id}


async def _send_history(subscriber: Subscriber, stream: ChartStream, lookup: Callable[[], Found], clock: Clock) -> None:
    """Look a chart's history up beside the loop and send it, then what has happened in between."""
    found = await asyncio.to_thread(lookup)
    for packet in stream.past_packets(found):
        if stream not in subscriber.market.charts:
            return
        subscriber.push(frames.batch([_chart_event([packet])]))
        await asyncio.sleep(0)
    stream.begin(found)
    if packets := stream.take([], milliseconds(clock.now())):
        subscriber.push(frames.batch([_chart_event(packets)]))


def _chart_event(packets: list[dict[str, Any]]) -> bytes:
    return encode({"e": "chart", "d": {"charts": packets}})


def cancel_chart(call: Call) -> dict[str, Any]:
    """md/cancelchart: by the historical or the realtime id (documents differ on which is meant)."""
    charts = subscriber_of(call).market.charts
    number = call.number("subscriptionId")
    for stream in charts:
        if number in (stream.historical_id, stream.realtime_id):
            charts.remove(stream)
            return {"ok": True}
    return {"errorText": f"There is no chart {number}", "ok": False}


OPERATIONS: dict[str, Callable[[Call], Any]] = {
    "md/subscribequote": subscribe_quote,
    "md/unsubscribequote": unsubscribe_quote,
    "md/subscribedom": subscribe_dom,
    "md/unsubscribedom": unsubscribe_dom,
    "md/getchart": get_chart,
    "md/cancelchart": cancel_chart,
}


def mode_of(call: Call) -> str:
    """The user's entitlement: RealTime, Delayed or None."""
    return call.trader.market_data


def accessible(call: Call) -> int | None:
    """The contract id of a request, when there is such a contract and the user may see it."""
    contract_id = contract_of(call)
    return None if mode_of(call) == "None" else contract_id


def publish(simulation: Simulation, subscribers: Collection[Subscriber]) -> None:
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
    for subscriber in subscribers:
        packets = []
        for stream in subscriber.market.charts:
            prints = simulation.fresh.get(stream.listing.spec.name, ())
            packets += stream.take(prints, milliseconds(now))
        if packets:
            due[subscriber].append(_chart_event(packets))
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
