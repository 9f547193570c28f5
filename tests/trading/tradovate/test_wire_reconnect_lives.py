"""The rules of lasting sockets, whatever course events take."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from trading.tradovate import Access, Interrupted, Patience, QuoteSubscription, ReconnectingMarketFeed
from trading.tradovate.entities import ChartDescription, ChartSubscription, TimeRange
from trading.tradovate.errors import NotSent, OutcomeUnknown, SocketClosed, SymbolInaccessible
from trading.tradovate.reconnect import Reconnecting
from trading.tradovate.subscriptions import Chart, Kind


@dataclass
class Life:
    """What one attempt comes to."""

    fails_at: str  # access, connect, begin or never
    events: list[int] = field(default_factory=list)


class FakeSocket:
    """A socket that tells its events and ends."""

    open = 0

    def __init__(self, life: Life) -> None:
        self._events = list(life.events)
        self.is_open = True
        type(self).open += 1

    def __aiter__(self) -> "FakeSocket":
        return self

    async def __anext__(self) -> int:
        if not self._events:
            raise SocketClosed(1006)
        return self._events.pop(0)

    async def close(self) -> None:
        if self.is_open:
            self.is_open = False
            type(self).open -= 1


class FakeReconnecting(Reconnecting[Any, str, int]):
    """Lives through a list of lives."""

    def __init__(self, lives: list[Life], slept: list[float]) -> None:
        async def access(last_error: Exception | None) -> Access:
            self.life = next(self.lives)
            if self.life.fails_at == "access":
                raise NotSent("no token")
            return Access("", "")

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        super().__init__(access, patience=Patience(sleep=sleep, steady=-1.0))
        self.lives = iter([*lives, *[Life("never")] * 2])

    async def _connect(self, access: Access) -> Any:
        if self.life.fails_at == "connect":
            raise NotSent("down")
        return FakeSocket(self.life)

    async def _begin(self, socket: Any, access: Access) -> str:
        if self.life.fails_at == "begin":
            raise OutcomeUnknown("no snapshot")
        assert FakeSocket.open == 1
        return "begun"


LIVES = st.lists(
    st.builds(Life, st.sampled_from(["access", "connect", "begin", "never"]), st.lists(st.integers(), max_size=4)),
    max_size=8,
)


@settings(deadline=None)
@given(LIVES)
async def test_every_life_begins_tells_its_events_in_order_and_ends(lives: list[Life]) -> None:
    slept: list[float] = []
    told: list[object] = []
    async with FakeReconnecting(lives, slept) as socket:
        expected: list[object] = []
        for life in lives:
            expected += ["begun", *life.events] if life.fails_at == "never" else []
            expected.append(Interrupted)
        for _ in expected:
            news = await anext(socket)
            told.append(Interrupted if isinstance(news, Interrupted) else news)
        assert await anext(socket) == "begun"
        assert FakeSocket.open == 1
    assert told == expected
    assert len(slept) == len(lives)
    assert FakeSocket.open == 0


class FakeFeed:
    """A market data socket that keeps what is subscribed to; symbols that begin with X are inaccessible."""

    def __init__(self) -> None:
        self.is_open = True
        self.subscribed: set[tuple[Kind, str]] = set()
        self.charts: set[int] = set()
        self._next_id = 1

    async def _subscribe(self, kind: Kind, symbol: str) -> QuoteSubscription:
        self._must_be_open()
        if symbol.startswith("X"):
            raise SymbolInaccessible(symbol)
        assert (kind, symbol) not in self.subscribed
        self.subscribed.add((kind, symbol))
        return QuoteSubscription("RealTime")

    async def subscribe_quote(self, symbol: str) -> QuoteSubscription:
        return await self._subscribe(Kind.QUOTE, symbol)

    async def subscribe_dom(self, symbol: str) -> QuoteSubscription:
        return await self._subscribe(Kind.DOM, symbol)

    async def unsubscribe_quote(self, symbol: str) -> None:
        self._must_be_open()
        self.subscribed.discard((Kind.QUOTE, symbol))

    async def unsubscribe_dom(self, symbol: str) -> None:
        self._must_be_open()
        self.subscribed.discard((Kind.DOM, symbol))

    async def get_chart(self, symbol: str, description: object, time_range: object) -> ChartSubscription:
        self._must_be_open()
        if symbol.startswith("X"):
            raise SymbolInaccessible(symbol)
        self._next_id += 2
        self.charts.add(self._next_id)
        return ChartSubscription(historical_id=self._next_id, realtime_id=self._next_id + 1)

    async def cancel_chart(self, subscription: ChartSubscription) -> None:
        self._must_be_open()
        self.charts.discard(subscription.ids[0])

    def _must_be_open(self) -> None:
        if not self.is_open:
            raise NotSent("closed")

    async def __anext__(self) -> object:
        raise SocketClosed(1006)

    async def close(self) -> None:
        self.is_open = False


class FakeReconnectingFeed(ReconnectingMarketFeed):
    async def _connect(self, access: Access) -> Any:
        return FakeFeed()


class SubscriptionsMachine(RuleBasedStateMachine):
    """Whatever is asked, and however often the socket ends: the one that is open has what is wanted, and no more."""

    def __init__(self) -> None:
        super().__init__()

        async def access(last_error: Exception | None) -> Access:
            return Access("", "")

        async def sleep(seconds: float) -> None:
            return

        self.feed = FakeReconnectingFeed(access, patience=Patience(sleep=sleep))
        self.wanted: set[tuple[Kind, str]] = set()
        self.charts: list[Chart] = []
        self.runner = asyncio.Runner()

    def teardown(self) -> None:
        self.runner.run(self.feed.close())
        self.runner.close()

    @rule(kind=st.sampled_from([Kind.QUOTE, Kind.DOM]), symbol=st.sampled_from(["ES", "NQ", "XX"]))
    def subscribe(self, kind: Kind, symbol: str) -> None:
        if (kind, symbol) in self.wanted:
            return
        ask = {Kind.QUOTE: self.feed.subscribe_quote, Kind.DOM: self.feed.subscribe_dom}[kind]
        try:
            self.runner.run(ask(symbol))
            self.wanted.add((kind, symbol))
        except SymbolInaccessible:
            assert symbol == "XX"

    @rule(kind=st.sampled_from([Kind.QUOTE, Kind.DOM]), symbol=st.sampled_from(["ES", "NQ", "XX"]))
    def unsubscribe(self, kind: Kind, symbol: str) -> None:
        end = {Kind.QUOTE: self.feed.unsubscribe_quote, Kind.DOM: self.feed.unsubscribe_dom}[kind]
        self.runner.run(end(symbol))
        self.wanted.discard((kind, symbol))

    @rule()
    def get_chart(self) -> None:
        chart = self.runner.run(self.feed.get_chart("ES", ChartDescription(), TimeRange(as_much_as_elements=1)))
        self.charts.append(chart)

    @rule()
    def cancel_chart(self) -> None:
        if self.charts:
            self.runner.run(self.feed.cancel_chart(self.charts.pop()))

    @rule()
    def end(self) -> None:
        """The socket ends, and nobody has read that yet."""
        if self.feed.socket is not None:
            self.runner.run(self.feed.socket.close())

    @rule()
    def read(self) -> None:
        self.runner.run(anext(self.feed))

    @invariant()
    def has_what_is_wanted(self) -> None:
        socket = self.feed.socket
        if socket is None or not socket.is_open:
            return
        assert isinstance(socket, FakeFeed)
        assert socket.subscribed == {(kind, symbol) for kind, symbol in self.wanted if symbol != "XX"}
        assert socket.charts == {chart.subscription.ids[0] for chart in self.charts}


TestSubscriptions = SubscriptionsMachine.TestCase
TestSubscriptions.settings = settings(deadline=None, max_examples=40, stateful_step_count=30)
