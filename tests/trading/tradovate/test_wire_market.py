"""Quotes by subscription."""

import json
from decimal import Decimal

import pytest

from trading.tradovate import MarketSocket
from trading.tradovate.errors import ApiError, NotFound, SymbolInaccessible

from .conftest import TOKEN, Peer


async def test_quotes_of_a_subscription(play) -> None:
    def quote(contract_id: int, bid: float) -> dict:
        return {
            "timestamp": "2017-04-13T04:59:06.588Z",
            "contractId": contract_id,
            "entries": {"Bid": {"price": bid, "size": 7}},
        }

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        endpoint, request_id, _, body = await peer.request()
        assert (endpoint, json.loads(body)) == ("md/subscribequote", {"symbol": "ESZ6"})
        await peer.respond(request_id, {"mode": "RealTime"})
        await peer.send('a[{"e":"clock","d":"{}"}]')
        event = {"e": "md", "d": {"quotes": [quote(5, 6700.25), quote(6, 71.1)]}}
        await peer.send("a" + json.dumps([event, event]))
        endpoint, request_id, _, body = await peer.request()
        assert (endpoint, json.loads(body)) == ("md/unsubscribequote", {"symbol": 5})
        await peer.respond(request_id, {})
        await peer.connection.wait_closed()

    async with await MarketSocket.connect(await play(scene), TOKEN) as market:
        assert (await market.subscribe_quote("ESZ6")).mode == "RealTime"
        quotes = [await anext(market) for _ in range(4)]
        await market.unsubscribe_quote(5)
    assert [quote.contract_id for quote in quotes] == [5, 6, 5, 6]
    assert quotes[0].bid is not None
    assert quotes[0].bid.price == Decimal("6700.25")


async def test_refused_subscriptions(play) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        for data, status in (
            ({"errorText": "Symbol is inaccessible", "errorCode": "UnknownSymbol", "mode": "None"}, 200),
            ({"errorText": "Too many subscriptions"}, 200),
            ("Not found: md/subscribeQuote", 404),
        ):
            _, request_id, _, _ = await peer.request()
            await peer.respond(request_id, data, status)
        _, request_id, _, _ = await peer.request()
        await peer.respond(request_id)
        await peer.connection.wait_closed()

    async with await MarketSocket.connect(await play(scene), TOKEN) as market:
        with pytest.raises(SymbolInaccessible, match="NOPE") as caught:
            await market.subscribe_quote("NOPE")
        assert caught.value.symbol == "NOPE"
        with pytest.raises(ApiError, match="Too many"):
            await market.subscribe_quote("ESZ6")
        with pytest.raises(NotFound):
            await market.subscribe_quote("ESZ6")
        assert (await market.subscribe_quote("ESZ6")).mode == ""
