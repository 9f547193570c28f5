"""Market data that lasts: what was subscribed to is asked for again on every new socket."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from .attempts import Patience
from .entities import Bar, ChartDescription, ChartPacket, ChartSubscription, Tick, TimeRange
from .errors import ApiError, NotFound, TradovateError
from .market import FeedSession, MarketData, MarketFeed, QuoteSubscription
from .reconnect import Access, AccessSource, Reconnecting

F = TypeVar("F", bound=FeedSession[Any])
B = TypeVar("B")
E = TypeVar("E")
T = TypeVar("T")

# Refusals: the socket is well, and asking again at once would be refused again.
_REFUSALS = (ApiError, NotFound)


class Kind(StrEnum):
    """What can be subscribed to once per contract and socket."""

    QUOTE = "quote"
    DOM = "dom"
    HISTOGRAM = "histogram"


class Chart:
    """A chart that is asked for again on every new socket: its ids change, and its history comes again."""

    def __init__(self, symbol: str | int, description: ChartDescription, time_range: TimeRange) -> None:
        self.symbol = symbol
        self.description = description
        self.time_range = time_range
        self.subscription = ChartSubscription()

    def __repr__(self) -> str:
        return f"Chart({self.symbol!r}, {self.subscription})"

    def owns(self, packet: ChartPacket) -> bool:
        """Whether a packet is a part of this chart on the socket of now."""
        return packet.id in self.subscription.ids


_Wanted = tuple[Kind, str | int] | Chart


@dataclass(frozen=True)
class Refused:
    """What could not be subscribed to on a new socket; it is asked for again on the next one."""

    what: Kind | Chart
    symbol: str | int
    error: TradovateError


@dataclass(frozen=True)
class Resubscribed:
    """A new socket has begun: quotes and books come whole again, charts with their history and new ids."""

    refused: tuple[Refused, ...] = ()


class ReconnectingFeed(Reconnecting[F, B, E]):
    """The subscriptions of lasting market data sockets.

    A contract is named by symbol or contract id. Without a socket a subscription is remembered for the next one and
    nothing is returned; what is refused then is told by the socket's beginning.
    """

    def __init__(
        self,
        access: AccessSource,
        *,
        patience: Patience | None = None,
        turn: Callable[[], Awaitable[None]] | None = None,
        opened: Callable[[], None] | None = None,
        **timings: float,
    ) -> None:
        super().__init__(access, patience=patience, turn=turn, opened=opened, **timings)
        # In the order in which they were asked for.
        self._wanted: dict[_Wanted, None] = {}

    async def subscribe_quote(self, symbol: str | int) -> QuoteSubscription | None:
        """Have quotes of a contract sent. Raises SymbolInaccessible and other refusals, and forgets it then."""
        return await self._subscribe(Kind.QUOTE, symbol)

    async def subscribe_dom(self, symbol: str | int) -> QuoteSubscription | None:
        """Have the book of a contract sent; as `subscribe_quote`."""
        return await self._subscribe(Kind.DOM, symbol)

    async def subscribe_histogram(self, symbol: str | int) -> QuoteSubscription | None:
        """Have the day's volume by price sent; as `subscribe_quote`."""
        return await self._subscribe(Kind.HISTOGRAM, symbol)

    async def unsubscribe_quote(self, symbol: str | int) -> None:
        """End the quotes of a contract, named as it was subscribed."""
        await self._end_now((Kind.QUOTE, symbol))

    async def unsubscribe_dom(self, symbol: str | int) -> None:
        """End the book of a contract, named as it was subscribed."""
        await self._end_now((Kind.DOM, symbol))

    async def unsubscribe_histogram(self, symbol: str | int) -> None:
        """End the histogram of a contract, named as it was subscribed."""
        await self._end_now((Kind.HISTOGRAM, symbol))

    async def get_chart(self, symbol: str | int, description: ChartDescription, time_range: TimeRange) -> Chart:
        """Have a chart sent, its history first; as `subscribe_quote`. The same request is made on every new socket."""
        chart = Chart(symbol, description, time_range)
        await self._ask_now(chart, lambda socket: _ask_for_chart(socket, chart))
        return chart

    async def cancel_chart(self, chart: Chart) -> None:
        """End a chart."""
        await self._end_now(chart)

    async def history(
        self,
        symbol: str | int,
        chart: ChartDescription,
        *,
        since: dt.datetime,
        until: dt.datetime,
        page_seconds: float = 30.0,
    ) -> list[Bar | Tick]:
        """As FeedSession.history; raises NotSent while there is no socket."""
        socket = self._open_socket()
        return await socket.history(symbol, chart, since=since, until=until, page_seconds=page_seconds)

    async def page(
        self, symbol: str | int, chart: ChartDescription, time_range: TimeRange, *, page_seconds: float = 30.0
    ) -> list[Bar | Tick]:
        """As FeedSession.page; raises NotSent while there is no socket."""
        return await self._open_socket().page(symbol, chart, time_range, page_seconds=page_seconds)

    async def _subscribe(self, kind: Kind, symbol: str | int) -> QuoteSubscription | None:
        return await self._ask_now((kind, symbol), lambda socket: _ask_for(socket, kind, symbol))

    async def _ask_now(self, wanted: _Wanted, ask: Callable[[F], Awaitable[T]]) -> T | None:
        """Want something from now on, and ask for it if there is a socket."""
        self._wanted[wanted] = None
        socket = self._socket
        if socket is None:
            return None
        try:
            return await ask(socket)
        except TradovateError:
            if not socket.is_open:
                # The next socket will ask.
                return None
            self._wanted.pop(wanted, None)
            raise

    async def _end_now(self, wanted: _Wanted) -> None:
        """Want something no more, and say so if there is a socket."""
        self._wanted.pop(wanted, None)
        socket = self._socket
        if socket is None:
            return
        try:
            await _end(socket, wanted)
        except TradovateError:
            # With the socket everything on it has ended.
            if socket.is_open:
                raise

    async def _resubscribe(self, socket: F) -> tuple[Refused, ...]:
        """Ask for what is wanted and end what is not, also when that changes meanwhile; return what was refused."""
        refused: dict[_Wanted, Refused] = {}
        asked: set[_Wanted] = set()
        while True:
            if missing := [wanted for wanted in self._wanted if wanted not in asked]:
                wanted = missing[0]
                asked.add(wanted)
                try:
                    await _ask_for_again(socket, wanted)
                except _REFUSALS as error:
                    what, symbol = (wanted, wanted.symbol) if isinstance(wanted, Chart) else wanted
                    refused[wanted] = Refused(what, symbol, error)
            elif given_up := [wanted for wanted in asked if wanted not in self._wanted]:
                wanted = given_up[0]
                asked.discard(wanted)
                if refused.pop(wanted, None) is None:
                    with contextlib.suppress(*_REFUSALS):
                        await _end(socket, wanted)
            else:
                return tuple(refused.values())


class ReconnectingMarketFeed(ReconnectingFeed[MarketFeed, Resubscribed, MarketData]):
    """Market data that lasts (see Reconnecting). Each socket begins with Resubscribed; what was asked for follows."""

    async def _connect(self, access: Access) -> MarketFeed:
        return await MarketFeed.connect(access.url, access.token, budgets=access.budgets, **self._timings)

    async def _begin(self, socket: MarketFeed, access: Access) -> Resubscribed:
        return Resubscribed(await self._resubscribe(socket))


async def _ask_for(socket: FeedSession[Any], kind: Kind, symbol: str | int) -> QuoteSubscription:
    match kind:
        case Kind.QUOTE:
            return await socket.subscribe_quote(symbol)
        case Kind.DOM:
            return await socket.subscribe_dom(symbol)
        case Kind.HISTOGRAM:
            return await socket.subscribe_histogram(symbol)


async def _ask_for_again(socket: FeedSession[Any], wanted: _Wanted) -> None:
    if isinstance(wanted, Chart):
        await _ask_for_chart(socket, wanted)
    else:
        await _ask_for(socket, *wanted)


async def _end(socket: FeedSession[Any], wanted: _Wanted) -> None:
    match wanted:
        case Chart():
            await socket.cancel_chart(wanted.subscription)
        case (Kind.QUOTE, symbol):
            await socket.unsubscribe_quote(symbol)
        case (Kind.DOM, symbol):
            await socket.unsubscribe_dom(symbol)
        case (_, symbol):
            await socket.unsubscribe_histogram(symbol)


async def _ask_for_chart(socket: FeedSession[Any], chart: Chart) -> None:
    chart.subscription = ChartSubscription()
    chart.subscription = await socket.get_chart(chart.symbol, chart.description, chart.time_range)
