"""Market data sockets: quotes, depth, histograms and charts by subscription (official Market Data text)."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec
import websockets.asyncio.client as ws_client

from . import answers
from .entities import Bar, ChartDescription, ChartPacket, ChartSubscription, Dom, Histogram, Quote, Tick, TimeRange
from .errors import ApiError, NotFound, OutcomeUnknown, SocketClosed, SymbolInaccessible
from .frames import ChartsEvent, Event, MarketEvent
from .paging import page_back
from .session import SocketSession

E = TypeVar("E")
T = TypeVar("T")

MarketData = Quote | Dom | Histogram | ChartPacket

_INACCESSIBLE = "symbol is inaccessible"
_SECONDS = 10.0


class QuoteSubscription(msgspec.Struct, frozen=True, rename="camel"):
    """A subscription that Tradovate accepted; `mode` is a QuoteMode or newer word, "" when it was not said."""

    mode: str = ""
    contract_id: int | None = None
    subscription_id: int | None = None


class _MarketSession(SocketSession[E]):
    """The subscriptions that market data hosts offer. A contract is named by symbol ("ESZ6") or contract id.

    One subscription of a kind per contract and socket, charts excepted. All raise SymbolInaccessible for an unknown
    symbol and without a market data subscription, and what `request` raises.
    """

    async def subscribe_quote(self, symbol: str | int) -> QuoteSubscription:
        """md/subscribequote: have quotes of a contract sent."""
        return await self._subscribe("md/subscribequote", symbol)

    async def unsubscribe_quote(self, symbol: str | int) -> None:
        """md/unsubscribequote: end the quotes of a contract, named as it was subscribed."""
        await self.request("md/unsubscribequote", body={"symbol": symbol})

    async def _subscribe(self, endpoint: str, symbol: str | int) -> QuoteSubscription:
        found = await self._granted(endpoint, symbol, {"symbol": symbol}, QuoteSubscription)
        return found or QuoteSubscription()

    async def _granted(self, endpoint: str, symbol: str | int, body: object, kind: type[T]) -> T | None:
        async with self._counted(endpoint, body):
            response = await self._exchange(endpoint, None, body, _SECONDS)
            try:
                answers.check(response.status, response.body)
            except ApiError as error:
                if _INACCESSIBLE in error.text.lower():
                    raise SymbolInaccessible(symbol) from error
                raise
            return answers.read(response.status, response.body, kind) if response.body else None


class MarketSocket(_MarketSession[Quote]):
    """A session on a market data host; iterating gives quotes, each with all that Tradovate has for the contract."""

    def _wanted(self, event: Event) -> Iterable[Quote]:
        return event.quotes if isinstance(event, MarketEvent) else ()


class FeedSession(_MarketSession[E]):
    """A session with all that market data hosts offer. The packets that `history` asks for go to it alone."""

    def __init__(self, connection: ws_client.ClientConnection, **options: Any) -> None:
        super().__init__(connection, **options)
        self._page_lock = asyncio.Lock()
        self._page: _Page | None = None
        self._done_with: set[int] = set()

    async def subscribe_dom(self, symbol: str | int) -> QuoteSubscription:
        """md/subscribedom: have the book of a contract sent, whole each time."""
        return await self._subscribe("md/subscribedom", symbol)

    async def unsubscribe_dom(self, symbol: str | int) -> None:
        """md/unsubscribedom."""
        await self.request("md/unsubscribedom", body={"symbol": symbol})

    async def subscribe_histogram(self, symbol: str | int) -> QuoteSubscription:
        """md/subscribehistogram: have the day's volume by price sent."""
        return await self._subscribe("md/subscribehistogram", symbol)

    async def unsubscribe_histogram(self, symbol: str | int) -> None:
        """md/unsubscribehistogram."""
        await self.request("md/unsubscribehistogram", body={"symbol": symbol})

    async def get_chart(self, symbol: str | int, chart: ChartDescription, time_range: TimeRange) -> ChartSubscription:
        """md/getchart: have a part of a chart sent, and what happens after it until `cancel_chart`.

        History ends with a packet whose `eoh` is set. Tradovate caps it: `history` gets more than one request does.
        """
        body = {"symbol": symbol, "chartDescription": chart, "timeRange": time_range}
        found = await self._granted("md/getchart", symbol, body, ChartSubscription) or ChartSubscription()
        self._done_with.difference_update(found.ids)
        return found

    async def cancel_chart(self, subscription: ChartSubscription) -> None:
        """md/cancelchart: end a chart. Documents differ on which id is meant, so both are named; one may be refused."""
        for subscription_id in subscription.ids:
            try:
                await self.request("md/cancelchart", body={"subscriptionId": subscription_id})
            except (ApiError, NotFound):
                continue

    async def history(
        self,
        symbol: str | int,
        chart: ChartDescription,
        *,
        since: dt.datetime,
        until: dt.datetime,
        page_seconds: float = 30.0,
    ) -> list[Bar | Tick]:
        """Return the bars or ticks from `since` to `until`, oldest first, each once, however many requests it takes.

        Pages back by the oldest element received until `since` is reached or nothing older comes. Raises what
        `get_chart` raises, and OutcomeUnknown when a page does not end within `page_seconds`.
        """

        async def page(time_range: TimeRange) -> list[Bar | Tick]:
            return await self.page(symbol, chart, time_range, page_seconds=page_seconds)

        return await page_back(page, since=since, until=until)

    async def page(
        self, symbol: str | int, chart: ChartDescription, time_range: TimeRange, *, page_seconds: float = 30.0
    ) -> list[Bar | Tick]:
        """Return what one request gives of a past time range, in order of arrival; as `history` otherwise."""
        async with self._page_lock:
            return await self._one_page(symbol, chart, time_range, page_seconds)

    async def _one_page(
        self, symbol: str | int, chart: ChartDescription, time_range: TimeRange, seconds: float
    ) -> list[Bar | Tick]:
        page = self._page = _Page()
        ids: tuple[int, ...] = ()
        try:
            subscription = await self.get_chart(symbol, chart, time_range)
            ids = subscription.ids
            if not ids:
                return []
            # Packets may have overtaken the reply that names their ids; those of others go where they belong.
            if others := page.begin(ids):
                self._tell(ChartsEvent(others))
            try:
                async with asyncio.timeout(seconds):
                    await page.ended.wait()
            except TimeoutError as error:
                await self.cancel_chart(subscription)
                raise OutcomeUnknown(f"The history of {symbol} did not end within {seconds:g} seconds.") from error
            if not page.whole and self._end is not None:
                raise self._end
            await self.cancel_chart(subscription)
            return list(page.elements.values())
        finally:
            self._done_with.update(ids)
            self._page = None
            if not ids and page.held:
                self._tell(ChartsEvent(tuple(page.held)))

    def _finish(self, end: SocketClosed, *, abort: bool = True) -> None:
        super()._finish(end, abort=abort)
        if self._page is not None:
            self._page.ended.set()

    def _market_data(self, event: Event) -> Iterable[MarketData]:
        """Return what an event of the kinds `md` and `chart` gives to those who iterate; nothing of others."""
        if isinstance(event, MarketEvent):
            return (*event.quotes, *event.doms, *event.histograms)
        return self._packets(event.charts) if isinstance(event, ChartsEvent) else ()

    def _packets(self, packets: Iterable[ChartPacket]) -> Iterable[ChartPacket]:
        page = self._page
        return [one for one in packets if (page is None or not page.took(one)) and one.id not in self._done_with]


class MarketFeed(FeedSession[MarketData]):
    """A session on a market data host; iterating gives everything that was subscribed to, in order of arrival."""

    def _wanted(self, event: Event) -> Iterable[MarketData]:
        return self._market_data(event)


class _Page:
    """The packets of one request for history. Until its ids are known, all packets are held."""

    def __init__(self) -> None:
        self.held: list[ChartPacket] = []
        self.elements: dict[object, Bar | Tick] = {}
        self.ended = asyncio.Event()
        self.whole = False
        self._ids: tuple[int, ...] | None = None

    def begin(self, ids: tuple[int, ...]) -> tuple[ChartPacket, ...]:
        """Take the held packets of these ids and return the others."""
        self._ids = ids
        others = tuple(packet for packet in self.held if not self.took(packet))
        self.held = []
        return others

    def took(self, packet: ChartPacket) -> bool:
        """Return whether the packet is this page's or held for it. Of a bar that is sent again the last one stays."""
        if self._ids is None:
            self.held.append(packet)
            return True
        if packet.id not in self._ids:
            return False
        if not self.whole:
            self.elements.update((bar.timestamp, bar) for bar in packet.bars)
            self.elements.update((tick.id, tick) for tick in packet.ticks)
        if packet.eoh:
            self.whole = True
            self.ended.set()
        return True
