"""Market data operations: what a socket has subscribed to, and what each step of the market sends it.

Official Market Data text. They are operations of sockets: asked over REST they are not found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from . import frames
from .bars import Print
from .calls import Call, Handler, Rejected
from .chart_stream import ChartStream
from .charts import ChartRequest, Found, Shape, Wanted, history
from .entities import encode
from .feed import Feed, Market
from .histogram import HistogramStream, Profile
from .quotes import INACCESSIBLE, contract_of, dom_event, quote_event
from .tape import TimeAndSales, milliseconds

MOST_CHARTS = 100


class View(Protocol):
    """A market at the moment at which somebody sees it. `fresh` are the prints of its last step, by product."""

    fresh: dict[str, list[Print]]

    @property
    def feed(self) -> Feed:
        """Its prices."""

    def now(self) -> datetime:
        """The moment."""

    def sales(self, product: str) -> TimeAndSales:
        """A product's time and sales up to the moment."""


@dataclass
class Subscriptions:
    """What one socket gets: a subscription of a kind per contract id, and up to MOST_CHARTS charts; `delayed` when its
    user is entitled to no more."""

    delayed: bool = False
    quotes: set[int] = field(default_factory=set)
    doms: set[int] = field(default_factory=set)
    histograms: dict[int, HistogramStream] = field(default_factory=dict)
    charts: list[ChartStream] = field(default_factory=list)
    _lookups: dict[ChartStream | HistogramStream, asyncio.Task[None]] = field(default_factory=dict)
    _last_id: int = 0

    def clear(self) -> None:
        """End them all."""
        for stream in list(self._lookups):
            self.stop(stream)
        for kind in (self.quotes, self.doms, self.histograms, self.charts):
            kind.clear()

    def next_id(self) -> int:
        """A new id for a chart of this socket."""
        self._last_id += 1
        return self._last_id

    def look_up(self, stream: ChartStream | HistogramStream, work: Coroutine[Any, Any, None]) -> None:
        """Let the look-up of a stream's past, which takes its time, go on beside the loop."""
        task = asyncio.get_running_loop().create_task(work)
        self._lookups[stream] = task
        task.add_done_callback(lambda _: self._lookups.pop(stream, None))

    def stop(self, stream: ChartStream | HistogramStream) -> None:
        """Give up the look-up of a stream that nobody wants any more."""
        if task := self._lookups.pop(stream, None):
            task.cancel()


class Subscriber(Protocol):
    """A socket, as market data sees it."""

    market: Subscriptions

    def push(self, frame: str) -> None:
        """Send a frame as soon as the client takes it."""


@dataclass(frozen=True)
class Asked:
    """A request for market data that may be answered."""

    subscriber: Subscriber
    mode: str
    view: View
    market: Market

    @property
    def contract_id(self) -> int:
        """The contract."""
        return self.market.listing.contract_id

    @property
    def sales(self) -> TimeAndSales:
        """The contract's time and sales: those of its product, while it traded."""
        listing = self.market.listing
        return self.view.sales(listing.spec.name).until(milliseconds(listing.expires))

    @property
    def subscribed(self) -> Subscriptions:
        """What the socket has already."""
        return self.subscriber.market

    def send_after_reply(self, event: bytes) -> None:
        """Send an event; the reply goes first."""
        asyncio.get_running_loop().call_soon(self.subscriber.push, frames.batch([event]))


def _operation(act: Callable[[Call, Asked], dict[str, Any] | None]) -> Handler:
    """An operation on the request's `symbol`. When `act` returns nothing, the reply is the user's mode."""

    def handler(call: Call) -> dict[str, Any]:
        asked = _asked(call)
        if asked is None:
            return INACCESSIBLE
        reply = act(call, asked)
        return {"mode": asked.mode} if reply is None else reply

    return handler


def _asked(call: Call) -> Asked | None:
    """What a request is about; None for a contract that is not there or that the user may not see."""
    subscriber = _subscriber_of(call)
    contract_id = contract_of(call)
    mode = call.trader.market_data
    if contract_id is None or mode == "None":
        return None
    view = call.simulation.seen_with(mode)
    subscriber.market.delayed = view is not call.simulation
    return Asked(subscriber, mode, view, view.feed.market(contract_id))


def _subscriber_of(call: Call) -> Subscriber:
    if call.subscriber is None:
        raise Rejected(404, "Not found: market data is served on WebSockets only")
    return call.subscriber


def _subscribe_quote(_: Call, asked: Asked) -> None:
    asked.subscribed.quotes.add(asked.contract_id)
    asked.send_after_reply(quote_event(asked.market, asked.view.now()))


def _unsubscribe_quote(_: Call, asked: Asked) -> None:
    asked.subscribed.quotes.discard(asked.contract_id)


def _subscribe_dom(_: Call, asked: Asked) -> None:
    asked.subscribed.doms.add(asked.contract_id)
    asked.send_after_reply(dom_event(asked.market, asked.view.now()))


def _unsubscribe_dom(_: Call, asked: Asked) -> None:
    asked.subscribed.doms.discard(asked.contract_id)


def _subscribe_histogram(_: Call, asked: Asked) -> None:
    if asked.contract_id in asked.subscribed.histograms:
        return
    sales = asked.sales
    stream = HistogramStream(asked.market.listing, asked.market.shift, sales.newest_id)
    asked.subscribed.histograms[asked.contract_id] = stream
    lookup = partial(Profile.of, sales)
    asked.subscribed.look_up(stream, _send_profile(asked, stream, lookup))


def _unsubscribe_histogram(_: Call, asked: Asked) -> None:
    if stream := asked.subscribed.histograms.pop(asked.contract_id, None):
        asked.subscribed.stop(stream)


def _get_chart(call: Call, asked: Asked) -> dict[str, Any]:
    request = call.read(ChartRequest)
    listing, subscribed = asked.market.listing, asked.subscribed
    if len(subscribed.charts) >= MOST_CHARTS:
        return {"errorText": f"A socket has at most {MOST_CHARTS} charts: cancel one first"}
    try:
        shape = Shape(request.chart_description)
        wanted = Wanted.of(request.time_range, listing, call.simulation.config.chart_elements)
    except (ValueError, OverflowError) as error:
        raise Rejected(400, f"Invalid request: {error}") from None
    sales, ids = asked.sales, (subscribed.next_id(), subscribed.next_id())
    stream = ChartStream(listing, asked.market.shift, shape, ids, sales.newest_id)
    subscribed.charts.append(stream)
    lookup = partial(history, sales, shape, wanted)
    subscribed.look_up(stream, _send_history(asked.subscriber, stream, lookup))
    return {"historicalId": stream.historical_id, "realtimeId": stream.realtime_id}


def _cancel_chart(call: Call) -> dict[str, Any]:
    """By the historical or the realtime id: documents differ on which is meant."""
    subscribed = _subscriber_of(call).market
    charts = subscribed.charts
    number = call.number("subscriptionId")
    for stream in charts:
        if number in (stream.historical_id, stream.realtime_id):
            charts.remove(stream)
            subscribed.stop(stream)
            return {"ok": True}
    return {"errorText": f"There is no chart {number}", "ok": False}


OPERATIONS: dict[str, Handler] = {
    "md/subscribequote": _operation(_subscribe_quote),
    "md/unsubscribequote": _operation(_unsubscribe_quote),
    "md/subscribedom": _operation(_subscribe_dom),
    "md/unsubscribedom": _operation(_unsubscribe_dom),
    "md/subscribehistogram": _operation(_subscribe_histogram),
    "md/unsubscribehistogram": _operation(_unsubscribe_histogram),
    "md/getchart": _operation(_get_chart),
    "md/cancelchart": _cancel_chart,
}


async def _send_profile(asked: Asked, stream: HistogramStream, lookup: Callable[[], Profile]) -> None:
    profile = await asyncio.to_thread(lookup)
    if asked.subscribed.histograms.get(asked.contract_id) is stream:
        asked.subscriber.push(frames.batch([_histogram_event(stream.begin(profile, asked.view.now()))]))


async def _send_history(subscriber: Subscriber, stream: ChartStream, lookup: Callable[[], Found]) -> None:
    """Look a chart's history up beside the loop and send it, then what has happened in between."""
    found = await asyncio.to_thread(lookup)
    for packet in stream.past_packets(found):
        if stream not in subscriber.market.charts:
            return
        subscriber.push(frames.batch([_chart_event([packet])]))
        await asyncio.sleep(0)
    if packets := stream.begin(found):
        subscriber.push(frames.batch([_chart_event(packets)]))


def publish(view: View, subscribers: Iterable[Subscriber]) -> None:
    """Send what a step of the market has changed: quotes whose price moved, books, and what the prints make of
    histograms and charts. Quotes and books are encoded once for all who get them."""
    now = view.now()
    subscribers = list(subscribers)
    markets = {contract_id: view.feed.market(contract_id) for one in subscribers for contract_id in one.market.doms}
    changed = {contract_id for contract_id, market in markets.items() if market.book_sent != market.book_version}
    quotes: dict[int, bytes] = {}
    doms: dict[int, bytes] = {}
    for subscriber in subscribers:
        subscribed = subscriber.market
        events = [
            _once(quotes, contract_id, quote_event, view)
            for contract_id in subscribed.quotes
            if view.feed.market(contract_id).walk.moved
        ]
        events += [_once(doms, contract_id, dom_event, view) for contract_id in subscribed.doms & changed]
        for histogram in subscribed.histograms.values():
            if made := histogram.take(view.fresh.get(histogram.listing.spec.name, ()), now):
                events.append(_histogram_event(made))
        packets: list[dict[str, Any]] = []
        for chart in subscribed.charts:
            packets += chart.take(view.fresh.get(chart.listing.spec.name, ()))
        if packets:
            events.append(_chart_event(packets))
        if events:
            subscriber.push(frames.batch(events))
    for contract_id in changed:
        markets[contract_id].book_sent = markets[contract_id].book_version


def _once(made: dict[int, bytes], contract_id: int, make: Callable[[Market, datetime], bytes], view: View) -> bytes:
    if contract_id not in made:
        made[contract_id] = make(view.feed.market(contract_id), view.now())
    return made[contract_id]


def _chart_event(packets: list[dict[str, Any]]) -> bytes:
    return encode({"e": "chart", "d": {"charts": packets}})


def _histogram_event(histograms: list[dict[str, Any]]) -> bytes:
    return encode({"e": "md", "d": {"histograms": histograms}})
