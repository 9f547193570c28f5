"""Depth, histograms and charts: unpacked exactly, paged to the end, never mixed up."""

import asyncio
import datetime as dt
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.tradovate import MarketFeed
from trading.tradovate.entities import (
    Bar,
    ChartDescription,
    ChartPacket,
    ChartSubscription,
    Dom,
    Histogram,
    Quote,
    Tick,
    TimeRange,
    UnderlyingType,
)
from trading.tradovate.entities.codec import decode, encode
from trading.tradovate.errors import OutcomeUnknown, SocketClosed, SymbolInaccessible

from .conftest import TOKEN, Peer, PlaySocket

NOON = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
TICKS = ChartDescription(underlying_type=UnderlyingType.TICK, element_size=1)


def bar(minute: int, close: float = 2333.75) -> dict[str, object]:
    moment = NOON + dt.timedelta(minutes=minute)
    text = moment.isoformat(timespec="minutes").replace("+00:00", "Z")
    return {"timestamp": text, "open": 2334.25, "high": 2334.5, "low": 2333, "close": close, "upVolume": 4712}


async def charts(peer: Peer, *packets: dict[str, object]) -> None:
    await peer.send("a" + json.dumps([{"e": "chart", "d": {"charts": list(packets)}}]))


async def granted(peer: Peer, historical: int, realtime: int) -> dict:
    endpoint, request_id, _, body = await peer.request()
    assert endpoint == "md/getchart"
    await peer.respond(request_id, {"historicalId": historical, "realtimeId": realtime})
    return json.loads(body)


async def cancelled(peer: Peer, *ids: int) -> None:
    for expected in ids:
        endpoint, request_id, _, body = await peer.request()
        assert (endpoint, json.loads(body)) == ("md/cancelchart", {"subscriptionId": expected})
        # Only one of the two ids is the right one.
        await peer.respond(request_id, {} if expected % 2 else {"errorText": "Unknown subscription"})


@given(
    base=st.integers(-100_000, 100_000),
    offset=st.integers(-500, 500),
    beside=st.integers(-20, 20),
    tick_size=st.sampled_from(["0.25", "0.01", "0.0000005", "1", "0.015625"]),
    moment=st.integers(0, 4_000_000_000_000),
)
def test_ticks_unpack_to_exact_prices_and_times(
    base: int, offset: int, beside: int, tick_size: str, moment: int
) -> None:
    packed = {"t": 7, "p": offset, "s": 3, "b": beside, "a": beside, "bs": 122, "id": 11768401}
    raw = encode(
        {"id": 1, "s": "db", "td": 20261120, "bp": base, "bt": moment, "ts": Decimal(tick_size), "tks": [packed]}
    )
    (tick,) = decode(raw, ChartPacket).ticks
    assert tick.price == Decimal(tick_size) * (base + offset)
    assert tick.bid == Decimal(tick_size) * (base + beside)
    assert (tick.ask, tick.ask_size) == (None, None)
    assert (tick.timestamp - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1) == moment + 7


def test_the_official_example_of_a_tick_and_one_that_no_calendar_has() -> None:
    raw = (
        b'{"id":16335,"s":"db","td":20190718,"bp":11917,"bt":1563421179735,"ts":0.25,"tks":['
        b'{"t":0,"p":0,"s":3,"b":-1,"a":0,"bs":122,"as":28,"id":11768401},{"t":999999999999999999,"p":0,"s":1,"id":2}]}'
    )
    (tick,) = decode(raw, ChartPacket).ticks
    assert tick == Tick(
        id=11768401, timestamp=dt.datetime(2019, 7, 18, 3, 39, 39, 735000, dt.UTC), price=Decimal("2979.25"),
        size=Decimal(3), bid=Decimal("2979.00"), bid_size=Decimal(122), ask=Decimal("2979.25"), ask_size=Decimal(28),
    )  # fmt: skip


def test_a_time_range_says_something() -> None:
    with pytest.raises(ValueError, match="at least one"):
        TimeRange()
    assert json.loads(encode(TimeRange(as_much_as_elements=66))) == {"asMuchAsElements": 66}


async def test_depth_histogram_and_quotes_in_order_of_arrival(play: PlaySocket) -> None:
    quote = {"timestamp": "2017-04-13T11:33Z", "contractId": 5, "entries": {}}
    dom = {
        "contractId": 5, "timestamp": "2017-04-13T11:33:57.488Z",
        "bids": [{"price": 2335.25, "size": 33}, {"price": 2333, "size": 758}],
        "offers": [{"price": 2335.5, "size": 255}],
    }  # fmt: skip
    histogram = {
        "contractId": 5, "timestamp": "2017-04-13T11:33:57.412Z", "tradeDate": {"year": 2017, "month": 4, "day": 13},
        "base": 2338.75, "items": {"-14": 5906, "2": 1234}, "refresh": False,
    }  # fmt: skip

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        for expected in ("md/subscribedom", "md/subscribehistogram"):
            endpoint, request_id, _, body = await peer.request()
            assert (endpoint, json.loads(body)) == (expected, {"symbol": "ESZ6"})
            await peer.respond(request_id, {"mode": "RealTime"})
        await peer.send("a" + json.dumps([{"e": "md", "d": {"doms": [dom]}}, {"e": "md", "d": {"quotes": [quote]}}]))
        await peer.send("a" + json.dumps([{"e": "md", "d": {"histograms": [histogram, {"contractId": "odd"}]}}]))
        for expected in ("md/unsubscribedom", "md/unsubscribehistogram"):
            endpoint, request_id, _, body = await peer.request()
            assert (endpoint, json.loads(body)) == (expected, {"symbol": 5})
            await peer.respond(request_id, {})
        await peer.connection.wait_closed()

    async with await MarketFeed.connect(await play(scene), TOKEN) as feed:
        assert (await feed.subscribe_dom("ESZ6")).mode == "RealTime"
        await feed.subscribe_histogram("ESZ6")
        book, quoted, volumes = [await anext(feed) for _ in range(3)]
        await feed.unsubscribe_dom(5)
        await feed.unsubscribe_histogram(5)
    assert isinstance(book, Dom)
    assert [level.price for level in book.bids] == [Decimal("2335.25"), Decimal(2333)]
    assert isinstance(quoted, Quote)
    assert isinstance(volumes, Histogram)
    assert volumes.by_price(Decimal("0.25")) == {Decimal("2335.25"): 5906, Decimal("2339.25"): 1234}


async def test_a_chart_its_history_and_what_follows(play: PlaySocket) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        assert await granted(peer, 32, 31) == {
            "symbol": "ESZ6",
            "chartDescription": {
                "underlyingType": "MinuteBar", "elementSize": 15, "elementSizeUnit": "UnderlyingUnits",
                "withHistogram": True,
            },
            "timeRange": {"asMuchAsElements": 66},
        }  # fmt: skip
        await charts(peer, {"id": 32, "td": 20261120, "bars": [bar(0)]}, {"id": 32, "eoh": True})
        await charts(peer, {"id": 31, "td": 20261120, "bars": [bar(15)]})
        await cancelled(peer, 32, 31)
        _, request_id, _, _ = await peer.request()
        await peer.respond(request_id, {"errorText": "Symbol is inaccessible", "mode": "None"})
        await peer.connection.wait_closed()

    description = ChartDescription(
        with_histogram=True,
    )
    async with await MarketFeed.connect(await play(scene), TOKEN) as feed:
        subscription = await feed.get_chart("ESZ6", description, TimeRange(as_much_as_elements=66))
        assert subscription == ChartSubscription(historical_id=32, realtime_id=31)
        history, end, follow = [await anext(feed) for _ in range(3)]
        assert isinstance(history, ChartPacket)
        assert history.bars[0].timestamp == NOON
        assert isinstance(end, ChartPacket)
        assert end.eoh
        assert isinstance(follow, ChartPacket)
        assert (follow.id, follow.td) == (31, 20261120)
        await feed.cancel_chart(subscription)
        with pytest.raises(SymbolInaccessible, match="NOPE"):
            await feed.get_chart("NOPE", description, TimeRange(as_much_as_elements=1))


async def test_history_pages_back_to_the_day_that_was_asked_for(play: PlaySocket) -> None:
    asked = []

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        asked.append((await granted(peer, 2, 1))["timeRange"])
        # Another chart's packet between ours, and a forming bar that is sent again.
        await charts(peer, {"id": 2, "bars": [bar(-2), bar(-3), bar(0, 1.0)]}, {"id": 77, "bars": [bar(-1)]})
        await charts(peer, {"id": 1, "bars": [bar(0, 2.0), bar(5)]}, {"id": 2, "eoh": True})
        await cancelled(peer, 2, 1)
        await charts(peer, {"id": 1, "bars": [bar(1)]})
        asked.append((await granted(peer, 4, 3))["timeRange"])
        await charts(peer, {"id": 4, "bars": [bar(-5), bar(-4), bar(-3, 9.0)]}, {"id": 4, "eoh": True})
        await cancelled(peer, 4, 3)
        asked.append((await granted(peer, 6, 5))["timeRange"])
        await charts(peer, {"id": 6, "bars": [bar(-6), bar(-7)]}, {"id": 6, "eoh": True})
        await cancelled(peer, 6, 5)
        await charts(peer, {"id": 78, "eoh": True})
        await peer.connection.wait_closed()

    since = NOON - dt.timedelta(minutes=6)
    async with await MarketFeed.connect(await play(scene), TOKEN) as feed:
        found = await feed.history("ESZ6", ChartDescription(element_size=1), since=since, until=NOON)
        others = [await anext(feed), await anext(feed)]
    minutes = [(element.timestamp - NOON) // dt.timedelta(minutes=1) for element in found]
    assert minutes == [-6, -5, -4, -3, -2, 0]
    closes = {minute: one.close for minute, one in zip(minutes, found, strict=True) if isinstance(one, Bar)}
    assert (closes[0], closes[-3]) == (Decimal(2), Decimal("2333.75"))
    assert [one.id for one in others if isinstance(one, ChartPacket)] == [77, 78]
    assert [part["closestTimestamp"] for part in asked] == [
        "2026-11-20T12:00:00Z", "2026-11-20T11:57:00Z", "2026-11-20T11:55:00Z",
    ]  # fmt: skip
    assert {part["asFarAsTimestamp"] for part in asked} == {"2026-11-20T11:54:00Z"}


async def test_ticks_of_one_moment_that_do_not_fit_on_a_page_are_paged_by_their_ids(play: PlaySocket) -> None:
    moment = int(NOON.timestamp() * 1000)
    asked = []

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        # The server gives two ticks a page, those next to what is named and before it.
        for number, ids in enumerate([(9, 8), (8, 7), (7, 6), (6, 5), (5,), (5,)]):
            historical, realtime = 2 * number + 2, 2 * number + 1
            asked.append((await granted(peer, historical, realtime))["timeRange"])
            ticks = [{"t": -1 if tick < 6 else 0, "p": 1, "s": 1, "id": tick} for tick in ids]
            packet = {"id": historical, "bp": 4, "bt": moment, "ts": 0.25, "tks": ticks}
            await charts(peer, packet, {"id": historical, "eoh": True})
            await cancelled(peer, historical, realtime)
        await peer.connection.wait_closed()

    async with await MarketFeed.connect(await play(scene), TOKEN) as feed:
        hour = dt.timedelta(hours=1)
        ticks = await feed.history("ESZ6", TICKS, since=NOON - hour, until=NOON)
    assert [tick.id for tick in ticks if isinstance(tick, Tick)] == [5, 6, 7, 8, 9]
    wanted = [(part.get("closestTimestamp"), part.get("closestTickId")) for part in asked]
    assert wanted == [
        ("2026-11-20T12:00:00Z", None), (None, 8), (None, 7), (None, 6), ("2026-11-20T11:59:59.999000Z", None),
        (None, 5),
    ]  # fmt: skip


async def test_packets_that_overtake_the_reply_are_not_lost(play: PlaySocket) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        _, request_id, _, _ = await peer.request()
        late = {"t": 5, "p": 1, "s": 1, "id": 2}
        early = {"t": 0, "p": 0, "s": 1, "id": 1}
        packet = {"id": 8, "bp": 4, "bt": int(NOON.timestamp() * 1000), "ts": 0.25, "tks": [late, early]}
        await charts(peer, packet, {"id": 90, "bars": [bar(0)]}, {"id": 8, "eoh": True})
        await peer.respond(request_id, {"historicalId": 8, "realtimeId": 7})
        await cancelled(peer, 8, 7)
        # There might be more ticks at the very time that was asked for.
        assert (await granted(peer, 10, 9))["timeRange"]["closestTickId"] == 1
        await charts(peer, {"id": 10, "eoh": True})
        await cancelled(peer, 10, 9)
        await peer.connection.wait_closed()

    async with await MarketFeed.connect(await play(scene), TOKEN) as feed:
        hour = dt.timedelta(hours=1)
        ticks = await feed.history("ESZ6", TICKS, since=NOON, until=NOON + hour)
        other = await anext(feed)
    assert [(tick.id, tick.price) for tick in ticks if isinstance(tick, Tick)] == [
        (1, Decimal(1)),
        (2, Decimal("1.25")),
    ]
    assert isinstance(other, ChartPacket)
    assert other.id == 90


async def test_a_history_that_does_not_end_or_whose_socket_does(play: PlaySocket) -> None:
    reached = asyncio.Event()

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        await granted(peer, 2, 1)
        await cancelled(peer, 2, 1)
        await granted(peer, 4, 3)
        reached.set()
        await peer.connection.close()

    async with await MarketFeed.connect(await play(scene), TOKEN) as feed:
        with pytest.raises(OutcomeUnknown, match="ESZ6"):
            await feed.history("ESZ6", TICKS, since=NOON, until=NOON + dt.timedelta(hours=1), page_seconds=0.05)
        with pytest.raises((SocketClosed, OutcomeUnknown)):
            await feed.history("ESZ6", TICKS, since=NOON, until=NOON + dt.timedelta(hours=1))
    assert reached.is_set()


@pytest.mark.parametrize(
    ("histogram", "expected"),
    [
        ('{"base": 6850.25, "items": {"-1": 3, "0": 4}}', {Decimal(6850): 3, Decimal("6850.25"): 4}),
        ('{"base": "1.1"}', {}),
        ("null", {}),
        ('[{"price": 6850.25, "volume": 3}]', {}),
        ('"by mail"', {}),
    ],
)
def test_a_bars_histogram_is_read_where_it_has_the_known_form_and_kept_anyhow(
    histogram: str, expected: dict[Decimal, int]
) -> None:
    prices = '"open":1,"high":2,"low":1,"close":2'
    bar = decode(f'{{"timestamp":"2026-11-18T15:00Z",{prices},"histogram":{histogram}}}', Bar)
    assert bar.by_price(Decimal("0.25")) == expected
    assert bar.histogram == json.loads(histogram)
