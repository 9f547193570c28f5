"""Market data that lasts: what is subscribed to, asked for again and given up."""

import asyncio
import datetime as dt
import json

import pytest

from trading.tradovate import (
    Interrupted,
    ReconnectingMarketFeed,
)
from trading.tradovate.entities import ChartDescription, ChartPacket, Quote, TimeRange
from trading.tradovate.errors import (
    SocketClosed,
    SymbolInaccessible,
)
from trading.tradovate.subscriptions import Kind, Resubscribed

from .conftest import Peer
from .scenes import authorized, stay

QUOTE = {"timestamp": "2026-11-20T12:00:00Z", "contractId": 5, "entries": {}}


async def test_market_data_is_subscribed_to_again_and_charts_are_asked_for_again(scenes) -> None:
    chart_request = {
        "symbol": "ESZ6",
        "chartDescription": {"underlyingType": "MinuteBar", "elementSize": 15, "elementSizeUnit": "UnderlyingUnits"},
        "timeRange": {"asMuchAsElements": 3},
    }
    told = []

    async def first(peer: Peer) -> None:
        await authorized(peer)
        told.extend(await peer.answer({"mode": "RealTime"}))
        told.extend(await peer.answer({"mode": "RealTime"}, {"mode": "RealTime"}, {"historicalId": 2, "realtimeId": 1}))
        told.extend(await peer.answer({}))
        await peer.connection.close()

    async def second(peer: Peer) -> None:
        await authorized(peer)
        refusal = {"errorText": "Symbol is inaccessible", "errorCode": "UnknownSymbol", "mode": "None"}
        told.extend(await peer.answer({"mode": "Delayed"}, refusal, {"historicalId": 12, "realtimeId": 11}))
        await peer.send("a" + json.dumps([{"e": "md", "d": {"quotes": [QUOTE]}}]))
        await peer.send("a" + json.dumps([{"e": "chart", "d": {"charts": [{"id": 12, "bars": []}, {"id": 2}]}}]))
        told.extend(await peer.answer({}, {}))
        await stay(peer)

    owner = await scenes(first, second)
    async with ReconnectingMarketFeed(owner.access, patience=owner.patience) as feed:
        # Remembered until there is a socket.
        assert await feed.subscribe_quote("ESZ6") is None
        assert await anext(feed) == Resubscribed()
        assert (await feed.subscribe_dom(5)).mode == "RealTime"
        await feed.subscribe_histogram(6)
        chart = await feed.get_chart("ESZ6", ChartDescription(), TimeRange(as_much_as_elements=3))
        assert chart.subscription.ids == (2, 1)
        await feed.unsubscribe_histogram(6)
        assert isinstance(await anext(feed), Interrupted)
        begun = await anext(feed)
        ((what, symbol, error),) = [(one.what, one.symbol, one.error) for one in begun.refused]
        assert (what, symbol) == (Kind.DOM, 5)
        assert isinstance(error, SymbolInaccessible)
        assert chart.subscription.ids == (12, 11)
        news = [await anext(feed) for _ in range(3)]
        await feed.cancel_chart(chart)
    assert [type(one) for one in news] == [Quote, ChartPacket, ChartPacket]
    assert [chart.owns(packet) for packet in news[1:]] == [True, False]
    assert told == [
        ("md/subscribequote", {"symbol": "ESZ6"}),
        ("md/subscribedom", {"symbol": 5}),
        ("md/subscribehistogram", {"symbol": 6}),
        ("md/getchart", chart_request),
        ("md/unsubscribehistogram", {"symbol": 6}),
        ("md/subscribequote", {"symbol": "ESZ6"}),
        ("md/subscribedom", {"symbol": 5}),
        ("md/getchart", chart_request),
        ("md/cancelchart", {"subscriptionId": 12}),
        ("md/cancelchart", {"subscriptionId": 11}),
    ]


async def test_what_is_subscribed_to_while_a_new_token_is_presented_is_asked_for(scenes) -> None:
    asked, renewed, presented, subscribed = (asyncio.Event() for _ in range(4))
    told = []

    async def scene(peer: Peer) -> None:
        await authorized(peer)
        _, request_id, _, body = await peer.request()
        told.append(body)
        asked.set()
        await renewed.wait()
        await peer.respond(request_id, {"mode": "RealTime"})
        endpoint, request_id, _, _ = await peer.request()
        assert endpoint == "authorize"
        presented.set()
        told.extend(await peer.answer({"mode": "RealTime"}))
        subscribed.set()
        await peer.respond(request_id)
        await stay(peer)

    owner = await scenes(scene)
    async with ReconnectingMarketFeed(owner.access, patience=owner.patience) as feed:
        await feed.subscribe_quote("ESZ6")
        beginning = asyncio.create_task(anext(feed))
        await asyncio.wait_for(asked.wait(), 5)
        await feed.renew()
        renewed.set()
        await asyncio.wait_for(presented.wait(), 5)
        await asyncio.wait_for(feed.subscribe_quote(5), 5)
        await asyncio.wait_for(subscribed.wait(), 5)
        assert await asyncio.wait_for(beginning, 5) == Resubscribed()
    assert told[1:] == [("md/subscribequote", {"symbol": 5})]


async def test_what_is_given_up_while_a_socket_begins_is_ended_on_it(scenes) -> None:
    told = []
    asked, given_up = asyncio.Event(), asyncio.Event()

    async def scene(peer: Peer) -> None:
        await authorized(peer)
        told.extend(await peer.answer({"mode": "RealTime"}))
        endpoint, request_id, _, body = await peer.request()
        told.append((endpoint, json.loads(body)))
        asked.set()
        await given_up.wait()
        await peer.respond(request_id, {"mode": "RealTime"})
        told.extend(await peer.answer({}))
        await stay(peer)

    owner = await scenes(scene)
    async with ReconnectingMarketFeed(owner.access, patience=owner.patience) as feed:
        await feed.subscribe_quote("ESZ6")
        await feed.subscribe_dom(5)
        beginning = asyncio.create_task(anext(feed))
        await asyncio.wait_for(asked.wait(), 5)
        await feed.unsubscribe_quote("ESZ6")
        given_up.set()
        assert await asyncio.wait_for(beginning, 5) == Resubscribed()
    assert told == [
        ("md/subscribequote", {"symbol": "ESZ6"}),
        ("md/subscribedom", {"symbol": 5}),
        ("md/unsubscribequote", {"symbol": "ESZ6"}),
    ]


async def test_what_is_refused_on_an_open_socket_is_forgotten(scenes) -> None:
    refusal = {"errorText": "Symbol is inaccessible", "mode": "None"}

    async def first(peer: Peer) -> None:
        await authorized(peer)
        await peer.answer(refusal, refusal)
        await peer.connection.close()

    async def second(peer: Peer) -> None:
        await authorized(peer)
        await stay(peer)

    owner = await scenes(first, second)
    async with ReconnectingMarketFeed(owner.access, patience=owner.patience) as feed:
        await anext(feed)
        with pytest.raises(SymbolInaccessible):
            await feed.subscribe_quote("NOPE")
        with pytest.raises(SymbolInaccessible):
            await feed.get_chart("NOPE", ChartDescription(), TimeRange(closest_timestamp=dt.datetime.now(dt.UTC)))
        assert isinstance((await anext(feed)).error, SocketClosed)
        assert await anext(feed) == Resubscribed()
