"""Depth and charts of the stand-in Tradovate, read by the client over loopback."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from trading.simulator import Config, RunningSimulator, serve
from trading.tradovate import (
    Access,
    Environment,
    Hosts,
    Interrupted,
    MarketFeed,
    Patience,
    ReconnectingMarketFeed,
    Tradovate,
    request_access_token,
)
from trading.tradovate.entities import (
    AccessTokenRequest,
    Bar,
    ChartDescription,
    ChartPacket,
    Dom,
    ElementSizeUnit,
    Histogram,
    Tick,
    TimeRange,
    TradeDate,
    UnderlyingType,
)
from trading.tradovate.errors import SymbolInaccessible
from trading.tradovate.subscriptions import Resubscribed

from .conftest import front_month

# A Tuesday morning in Chicago.
START = dt.datetime(2026, 11, 17, 15, 0, 20, tzinfo=dt.UTC)
MINUTES = ChartDescription(element_size=1)
TICKS = ChartDescription(underlying_type=UnderlyingType.TICK, element_size=1)
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)


def config(**options: Any) -> Config:
    return Config(seed=7, manual_clock=True, start=START, control=True, **options)


@contextlib.asynccontextmanager
async def feed_of(sim: RunningSimulator) -> AsyncIterator[tuple[MarketFeed, str]]:
    """A feed on the market data service, and the symbol of the front month."""
    person = sim.trader("trader")
    hosts = Hosts.default(Environment.SIM, sim.url)
    access = await request_access_token(hosts, AccessTokenRequest(name=person.name, password=person.password))
    async with Tradovate(hosts, access.access_token) as t:
        symbol = await front_month(t)
    url = hosts.market_socket.replace("/v1/", "/md/v1/")
    async with await MarketFeed.connect(url, access.access_token) as feed:
        yield feed, symbol


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    with serve(config(lowercase_market_data=True)) as running:
        yield running


async def history(options: dict[str, Any], chart: ChartDescription, reach: dt.timedelta) -> list[Bar | Tick]:
    with serve(config(**options)) as running:
        async with feed_of(running) as (feed, symbol):
            return await feed.history(symbol, chart, since=START - reach, until=START)


@pytest.mark.parametrize(
    ("chart", "reach", "cap"),
    [
        (MINUTES, 5 * HOUR, 60),
        (ChartDescription(element_size=15), 3 * 24 * HOUR, 100),
        (TICKS, 10 * MINUTE, 40),
        (ChartDescription(element_size=2000, element_size_unit=ElementSizeUnit.VOLUME), HOUR // 6, 6),
        (ChartDescription(underlying_type=UnderlyingType.DAILY_BAR, element_size=1), 60 * 24 * HOUR, 7),
    ],
)
async def test_many_pages_are_what_one_page_would_be(chart: ChartDescription, reach: dt.timedelta, cap: int) -> None:
    whole = await history({"chart_elements": 1_000_000}, chart, reach)
    paged = await history({"chart_elements": cap}, chart, reach)
    assert len(paged) > 2 * cap
    assert paged == whole
    moments = [(one.timestamp, getattr(one, "id", 0)) for one in paged]
    assert moments == sorted(set(moments))
    assert START - reach <= moments[0][0] <= moments[-1][0] <= START


async def test_history_reaches_over_a_weekend(sim) -> None:
    with serve(config(session_hours=True, chart_elements=500)) as running:
        async with feed_of(running) as (feed, symbol):
            friday = dt.datetime(2026, 11, 13, 18, 0, tzinfo=dt.UTC)
            found = await feed.history(symbol, MINUTES, since=friday, until=START)
    days = {one.timestamp.date().isoweekday() for one in found}
    assert days == {5, 7, 1, 2}
    assert found[0].timestamp == friday


async def test_bars_are_made_of_the_ticks(sim) -> None:
    begin = dt.datetime(2026, 11, 17, 14, 50, tzinfo=dt.UTC)
    end = begin + 5 * MINUTE
    async with feed_of(sim) as (feed, symbol):
        bars = await feed.history(symbol, MINUTES, since=begin, until=end - MINUTE)
        ticks = await feed.history(symbol, TICKS, since=begin, until=end - dt.timedelta(milliseconds=1))
    assert len(bars) == 5
    for one in bars:
        assert isinstance(one, Bar)
        inside = [t for t in ticks if isinstance(t, Tick) and one.timestamp <= t.timestamp < one.timestamp + MINUTE]
        prices = [tick.price for tick in inside]
        assert (one.open, one.high, one.low, one.close) == (prices[0], max(prices), min(prices), prices[-1])
        assert one.up_volume + one.down_volume == sum(tick.size for tick in inside)
    assert all(tick.price % Decimal("0.25") == 0 for tick in ticks if isinstance(tick, Tick))


async def test_a_chart_goes_on_after_its_history_and_the_forming_bar_comes_again(sim) -> None:
    async with feed_of(sim) as (feed, symbol):
        chart = await feed.get_chart(symbol, MINUTES, TimeRange(as_much_as_elements=5))
        last: dict[dt.datetime, Bar] = {}
        past = 0
        while True:
            packet = await asyncio.wait_for(anext(feed), 10)
            assert isinstance(packet, ChartPacket)
            assert packet.id == chart.historical_id
            if packet.eoh:
                break
            assert packet.td == 20261117
            past += len(packet.bars)
            last.update((one.timestamp, one) for one in packet.bars)
        assert past == len(last) == 5
        sent = 0
        for _ in range(30):
            sim.control.advance(5)
        while max(last) < START + 2 * MINUTE - dt.timedelta(seconds=START.second):
            packet = await asyncio.wait_for(anext(feed), 10)
            assert isinstance(packet, ChartPacket)
            assert packet.id == chart.realtime_id
            sent += len(packet.bars)
            last.update((one.timestamp, one) for one in packet.bars)
        await feed.cancel_chart(chart)
        # What was told bar by bar is what is told when asked again.
        again = await feed.history(symbol, MINUTES, since=min(last), until=START + MINUTE)
    assert sent > 3
    assert again == [last[moment] for moment in sorted(last) if moment <= START + MINUTE]


async def test_a_histogram_holds_what_was_traded_on_the_day(sim) -> None:
    evening = dt.datetime(2026, 11, 16, 23, 0, tzinfo=dt.UTC)
    async with feed_of(sim) as (feed, symbol):
        await feed.subscribe_histogram(symbol)
        for _ in range(30):
            sim.control.advance(1)
        traded = await feed.history(symbol, MINUTES, since=evening, until=START + MINUTE)
        total = sum(one.up_volume + one.down_volume for one in traded if isinstance(one, Bar))
        volumes: dict[Decimal, Decimal] = {}
        while sum(volumes.values()) < total:
            told = await asyncio.wait_for(anext(feed), 10)
            assert isinstance(told, Histogram)
            assert told.trade_date == TradeDate(year=2026, month=11, day=17)
            new = told.by_price(Decimal("0.25"))
            volumes = new if told.refresh else {**volumes, **new}
        await feed.unsubscribe_histogram(symbol)
    assert sum(volumes.values()) == total
    lows, highs = zip(*((one.low, one.high) for one in traded if isinstance(one, Bar)), strict=True)
    assert (min(volumes), max(volumes)) == (min(lows), max(highs))


async def test_the_book_and_what_cannot_be_had(sim) -> None:
    async with feed_of(sim) as (feed, symbol):
        await feed.subscribe_dom(symbol)
        book = await asyncio.wait_for(anext(feed), 10)
        assert isinstance(book, Dom)
        bids, offers = ([level.price for level in side] for side in (book.bids, book.offers))
        assert bids == sorted(bids, reverse=True)
        assert offers == sorted(offers)
        assert bids[0] < offers[0]
        for ask in (feed.subscribe_quote, feed.subscribe_dom, feed.subscribe_histogram):
            with pytest.raises(SymbolInaccessible):
                await ask("NOPE")
        with pytest.raises(SymbolInaccessible):
            await feed.get_chart("NOPE", MINUTES, TimeRange(as_much_as_elements=1))


@pytest.mark.parametrize("entitlement", ["Delayed", "None"])
async def test_the_entitlement_is_told(entitlement: str) -> None:
    traders = tuple(replace(trader, market_data=entitlement) for trader in Config().traders)
    with serve(config(traders=traders)) as running:
        async with feed_of(running) as (feed, symbol):
            if entitlement == "Delayed":
                assert (await feed.subscribe_quote(symbol)).mode == "Delayed"
                return
            for ask in (feed.subscribe_quote, feed.subscribe_dom, feed.subscribe_histogram):
                with pytest.raises(SymbolInaccessible, match=symbol):
                    await ask(symbol)
            with pytest.raises(SymbolInaccessible, match=symbol):
                await feed.history(symbol, MINUTES, since=START - HOUR, until=START)


async def test_a_chart_outlives_its_socket(sim) -> None:
    async with feed_of(sim) as (_, symbol):
        pass
    person = sim.trader("trader")
    hosts = Hosts.default(Environment.SIM, sim.url)

    async def access(last_error: Exception | None) -> Access:
        request = AccessTokenRequest(name=person.name, password=person.password)
        return Access(hosts.market_socket, (await request_access_token(hosts, request)).access_token)

    async with ReconnectingMarketFeed(access, patience=Patience(sleep=lambda _: asyncio.sleep(0))) as feed:
        chart = await feed.get_chart(symbol, MINUTES, TimeRange(as_much_as_elements=3))
        seen = []
        for _ in range(2):
            assert isinstance(await anext(feed), Resubscribed)
            bars: list[Bar] = []
            while not (packet := await asyncio.wait_for(anext(feed), 10)).eoh:
                assert chart.owns(packet)
                bars += packet.bars
            seen.append(bars)
            sim.control.fault("kick", user="trader")
            assert isinstance(await anext(feed), Interrupted)
    assert len(seen[0]) == 3
    assert seen[0] == seen[1]
