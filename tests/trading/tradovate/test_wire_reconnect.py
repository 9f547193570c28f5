"""Sockets that last: what the reader is told, and what is asked for again."""

import asyncio
import datetime as dt
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from trading.tradovate import (
    Access,
    Interrupted,
    Patience,
    ReconnectingMarketFeed,
    ReconnectingUserSocket,
)
from trading.tradovate.entities import ChartDescription, ChartPacket, Quote, SyncSnapshot, TimeRange
from trading.tradovate.errors import (
    Evicted,
    HostMoved,
    NotAuthorized,
    NotSent,
    PenaltyImposed,
    Shutdown,
    SocketClosed,
    SymbolInaccessible,
)
from trading.tradovate.frames import PropsEvent
from trading.tradovate.subscriptions import Kind, Resubscribed

from .conftest import Peer, PlaySocket

POSITION = {"id": 1, "accountId": 7, "contractId": 5, "netPos": 2}


@dataclass
class Owner:
    """Gives access, and sleeps without taking time; keeps what it was asked."""

    url: str = ""
    errors: list[Exception | None] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    held: asyncio.Event | None = None
    rests: asyncio.Event = field(default_factory=asyncio.Event)

    async def access(self, last_error: Exception | None) -> Access:
        self.errors.append(last_error)
        self.tokens.append(f"tok-secret-{len(self.tokens) + 1}")
        return Access(self.url, self.tokens[-1], user_id=11)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.rests.set()
        if self.held is not None:
            await self.held.wait()
        await asyncio.sleep(0)

    @property
    def patience(self) -> Patience:
        return Patience(sleep=self.sleep, chance=lambda: 0.5)


Scene = Callable[[Peer], Awaitable[None]]


@pytest.fixture
async def scenes(play: PlaySocket) -> Callable[..., Awaitable[Owner]]:
    """Start a server that plays one scene per connection, in turn; return who has access to it."""

    async def start(*acts: Scene) -> Owner:
        left = list(acts)

        async def scene(peer: Peer) -> None:
            await left.pop(0)(peer)

        return Owner(await play(scene))

    return start


async def authorized(peer: Peer) -> str:
    await peer.send("o")
    endpoint, request_id, _, token = await peer.request()
    assert endpoint == "authorize"
    await peer.respond(request_id)
    return token


async def synced(peer: Peer, net_pos: int = 2) -> dict[str, object]:
    await authorized(peer)
    endpoint, request_id, _, body = await peer.request()
    assert endpoint == "user/syncrequest"
    await peer.respond(request_id, {"users": [{"id": 11}], "positions": [{**POSITION, "netPos": net_pos}]})
    return json.loads(body)


async def stay(peer: Peer) -> None:
    await peer.connection.wait_closed()


async def test_a_dropped_user_socket_begins_again_with_a_snapshot(scenes) -> None:
    async def first(peer: Peer) -> None:
        assert (await synced(peer, 2))["users"] == [11]
        await peer.props("position", {**POSITION, "netPos": 3})
        peer.connection.transport.abort()

    async def second(peer: Peer) -> None:
        await peer.connection.close(1000, "Bye")

    async def third(peer: Peer) -> None:
        await synced(peer, 9)
        await peer.props("position", {**POSITION, "netPos": 10})
        await stay(peer)

    owner = await scenes(first, second, third)
    async with ReconnectingUserSocket(owner.access, patience=owner.patience) as user:
        news = [await anext(user) for _ in range(6)]
        assert user.socket is not None
    kinds = [SyncSnapshot, PropsEvent, Interrupted, Interrupted, SyncSnapshot, PropsEvent]
    assert [type(one) for one in news] == kinds
    assert news[0].positions[0].net_pos == 2
    assert news[4].positions[0].net_pos == 9
    assert news[2].error.code == 1006
    assert (news[3].error.code, news[3].error.reason) == (1000, "Bye")
    assert owner.slept == pytest.approx([news[2].seconds, news[3].seconds], abs=0.2)
    assert owner.slept[0] < owner.slept[1]
    assert owner.errors == [None, news[2].error, news[3].error]
    assert [one async for one in user] == []


async def test_every_opening_asks_for_a_fresh_token(scenes) -> None:
    shown = []

    async def short(peer: Peer) -> None:
        await peer.send("o")
        _, request_id, _, token = await peer.request()
        shown.append(token)
        await peer.respond(request_id)
        _, request_id, _, _ = await peer.request()
        await peer.respond(request_id, {"users": []})
        await peer.connection.close()

    owner = await scenes(short, short, short)
    async with ReconnectingUserSocket(owner.access, patience=owner.patience) as user:
        for _ in range(6):
            await anext(user)
    assert shown == owner.tokens == ["tok-secret-1", "tok-secret-2", "tok-secret-3"]


async def test_a_token_that_is_refused_is_followed_by_one_fresh_one_and_then_by_an_error(scenes) -> None:
    async def refuse(peer: Peer) -> None:
        await peer.send("o")
        _, request_id, _, _ = await peer.request()
        await peer.respond(request_id, "Access is denied", 401)
        await stay(peer)

    owner = await scenes(refuse, refuse, synced)
    async with ReconnectingUserSocket(owner.access, patience=owner.patience) as user:
        told = await anext(user)
        assert isinstance(told, Interrupted)
        assert isinstance(told.error, NotAuthorized)
        with pytest.raises(NotAuthorized):
            await anext(user)
        # The owner may insist.
        assert isinstance(await anext(user), SyncSnapshot)
    assert owner.slept[1] >= 14


async def test_an_eviction_is_told_and_not_fought(scenes) -> None:
    async def evict(peer: Peer) -> None:
        await synced(peer)
        await peer.send('a[{"e":"shutdown","d":{"reasonCode":"ConnectionQuotaReached"}}]')
        await stay(peer)

    owner = await scenes(evict)
    async with ReconnectingUserSocket(owner.access, patience=owner.patience) as user:
        await anext(user)
        with pytest.raises(Evicted):
            await anext(user)
        assert user.socket is None
        with pytest.raises(NotSent):
            await user.request("order/list")
    assert owner.slept == []


async def test_maintenance_is_waited_out(scenes) -> None:
    async def maintain(peer: Peer) -> None:
        await synced(peer)
        await peer.send('a[{"e":"shutdown","d":{"reasonCode":"Maintenance","reason":"Back soon"}}]')
        await stay(peer)

    async def again(peer: Peer) -> None:
        await synced(peer)
        await stay(peer)

    owner = await scenes(maintain, again)
    async with ReconnectingUserSocket(owner.access, patience=owner.patience) as user:
        await anext(user)
        told = await anext(user)
        assert isinstance(told.error, Shutdown)
        assert isinstance(await anext(user), SyncSnapshot)
    assert owner.slept[0] >= 4


async def test_a_penalty_is_waited_out_and_its_ticket_presented_once(scenes) -> None:
    bodies = []

    async def penalty(peer: Peer) -> None:
        await authorized(peer)
        _, request_id, _, body = await peer.request()
        bodies.append(json.loads(body))
        await peer.respond(request_id, {"p-ticket": "t1", "p-time": 7, "p-captcha": False})
        await stay(peer)

    async def fine(peer: Peer) -> None:
        bodies.append(await synced(peer))
        await peer.connection.close()

    owner = await scenes(penalty, fine, fine)
    async with ReconnectingUserSocket(owner.access, patience=owner.patience) as user:
        told = await anext(user)
        assert isinstance(told.error, PenaltyImposed)
        assert "t1" not in repr(told)
        for _ in range(3):
            await anext(user)
    assert owner.slept[0] >= 6
    assert [body.get("p-ticket") for body in bodies] == [None, "t1", None]


async def test_a_failed_sync_request_is_left_alone_for_three_seconds(scenes) -> None:
    async def refuse(peer: Peer) -> None:
        await authorized(peer)
        _, request_id, _, _ = await peer.request()
        await peer.respond(request_id, {"errorText": "Try later"})
        await stay(peer)

    owner = await scenes(refuse)
    async with ReconnectingUserSocket(owner.access, patience=owner.patience) as user:
        assert (await anext(user)).seconds >= 3


async def test_the_source_of_access_hears_that_the_host_has_moved() -> None:
    owner = Owner("ws://127.0.0.1:9/v1/websocket")
    moved = HostMoved("elsewhere")

    async def access(last_error: Exception | None) -> Access:
        await owner.access(last_error)
        raise moved

    async with ReconnectingUserSocket(access, patience=owner.patience) as user:
        assert (await anext(user)).error is moved
        assert (await anext(user)).error is moved
    assert owner.errors == [None, moved]


async def test_errors_that_are_nobodys_business_here_are_raised() -> None:
    async def access(last_error: Exception | None) -> Access:
        raise KeyError("ours")

    async with ReconnectingUserSocket(access) as user:
        with pytest.raises(KeyError):
            await anext(user)


async def test_a_user_socket_of_nobody_is_a_mistake(scenes) -> None:
    async def living(peer: Peer) -> None:
        await authorized(peer)
        await stay(peer)

    owner = await scenes(living)

    async def access(last_error: Exception | None) -> Access:
        return Access(owner.url, "tok-secret-1")

    async with ReconnectingUserSocket(access) as user:
        with pytest.raises(ValueError, match="name the user"):
            await anext(user)


async def test_every_opening_waits_for_its_turn(scenes) -> None:
    async def short(peer: Peer) -> None:
        await synced(peer)
        await peer.connection.close()

    owner = await scenes(short, short)
    turns = []

    async def turn() -> None:
        turns.append(len(owner.tokens))

    async with ReconnectingUserSocket(owner.access, patience=owner.patience, turn=turn) as user:
        for _ in range(4):
            await anext(user)
    # Before the token is asked for, since waiting for a turn may take longer than a token lasts.
    assert turns == [0, 1]


async def test_attempts_that_open_nothing_use_up_one_turn_together(scenes) -> None:
    """Else an outage, or one session that has ended, uses up the turns of every other desk."""

    async def refused(peer: Peer) -> None:
        await peer.send("o")
        _, request_id, _, _ = await peer.request()
        await peer.respond(request_id, "Access is denied", 401)

    async def short(peer: Peer) -> None:
        await synced(peer)
        await peer.connection.close()

    owner = await scenes(refused, short, short)
    turns = []

    async def turn() -> None:
        turns.append(len(owner.tokens))

    async def access(last_error: Exception | None) -> Access:
        found = await owner.access(last_error)
        if len(owner.tokens) < 3:
            raise NotSent("There is no way to Tradovate.")
        return found

    async with ReconnectingUserSocket(access, patience=owner.patience, turn=turn) as user:
        news = [await anext(user) for _ in range(6)]
    kinds = [Interrupted, Interrupted, Interrupted, SyncSnapshot, Interrupted, SyncSnapshot]
    assert [type(one) for one in news] == kinds
    assert turns == [0, 4]


async def test_a_new_token_is_presented_on_the_open_socket(scenes) -> None:
    shown = []

    async def scene(peer: Peer) -> None:
        await synced(peer)
        for status in (200, 401):
            endpoint, request_id, _, token = await peer.request()
            shown.append((endpoint, token))
            await peer.respond(request_id, ... if status == 200 else "Access is denied", status)
        await peer.props("position", POSITION)
        await stay(peer)

    owner = await scenes(scene)
    async with ReconnectingUserSocket(owner.access, patience=owner.patience) as user:
        await anext(user)
        await user.renew()
        with pytest.raises(NotAuthorized):
            await user.renew()
        assert isinstance(await anext(user), PropsEvent)
    assert shown == [("authorize", "tok-secret-2"), ("authorize", "tok-secret-3")]


async def test_a_new_token_ends_a_pause_and_one_that_came_too_late_for_the_socket_skips_it(scenes) -> None:
    async def short(peer: Peer) -> None:
        await synced(peer)
        await peer.request()
        peer.connection.transport.abort()

    async def again(peer: Peer) -> None:
        await synced(peer)
        await peer.connection.close()

    owner = await scenes(short, again, again)
    owner.held = asyncio.Event()
    async with ReconnectingUserSocket(owner.access, patience=owner.patience) as user:
        await anext(user)
        await user.renew()
        assert isinstance(await anext(user), Interrupted)
        assert isinstance(await anext(user), SyncSnapshot)
        assert owner.slept == []
        assert isinstance(await anext(user), Interrupted)
        reading = asyncio.create_task(anext(user))
        await asyncio.wait_for(owner.rests.wait(), 5)
        await user.renew()
        assert isinstance(await asyncio.wait_for(reading, 5), SyncSnapshot)


async def test_closing_ends_a_pause_an_opening_and_a_life(scenes) -> None:
    reached = asyncio.Event()

    async def silent(peer: Peer) -> None:
        reached.set()
        await asyncio.sleep(0.05)
        await peer.send("o")
        await stay(peer)

    async def living(peer: Peer) -> None:
        await synced(peer)
        reached.set()
        await stay(peer)

    async def read(user: ReconnectingUserSocket) -> list[object]:
        return [one async for one in user]

    for scene in (silent, living):
        reached.clear()
        owner = await scenes(scene)
        user = ReconnectingUserSocket(owner.access, patience=owner.patience, open_timeout=0.3)
        reading = asyncio.create_task(read(user))
        await asyncio.wait_for(reached.wait(), 5)
        await user.close()
        assert len(await asyncio.wait_for(reading, 5)) <= 1
        assert "closed" in repr(user)
    owner = Owner("ws://127.0.0.1:9/v1/websocket", held=asyncio.Event())
    user = ReconnectingUserSocket(owner.access, patience=owner.patience)
    reading = asyncio.create_task(read(user))
    await asyncio.wait_for(owner.rests.wait(), 5)
    await user.close()
    (told,) = await asyncio.wait_for(reading, 5)
    assert isinstance(told, Interrupted)
    assert isinstance(told.error, NotSent)


async def test_a_read_that_is_given_up_costs_neither_an_opening_nor_an_event(scenes) -> None:
    go_on = asyncio.Event()

    async def slow(peer: Peer) -> None:
        await authorized(peer)
        _, request_id, _, _ = await peer.request()
        await go_on.wait()
        await peer.respond(request_id, {"users": [{"id": 11}]})
        await peer.props("position", POSITION)
        await stay(peer)

    owner = await scenes(slow)
    async with ReconnectingUserSocket(owner.access, patience=owner.patience) as user:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(user), 0.05)
        go_on.set()
        assert isinstance(await asyncio.wait_for(anext(user), 5), SyncSnapshot)
        assert isinstance(await asyncio.wait_for(anext(user), 5), PropsEvent)
    assert owner.tokens == ["tok-secret-1"]


async def test_a_pause_is_not_begun_anew_by_who_reads_again() -> None:
    owner = Owner("ws://127.0.0.1:9/v1/websocket", held=asyncio.Event())
    async with ReconnectingUserSocket(owner.access, patience=owner.patience) as user:
        assert isinstance(await anext(user), Interrupted)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(user), 0.02)
        assert len(owner.slept) == 1
        owner.held.set()
        assert isinstance(await asyncio.wait_for(anext(user), 5), Interrupted)


async def test_closing_leaves_no_task_behind(scenes) -> None:
    async def living(peer: Peer) -> None:
        await authorized(peer)
        await stay(peer)

    def running() -> set[asyncio.Task[Any]]:
        return {task for task in asyncio.all_tasks() if "SocketSession" in repr(task) or "Reconnecting" in repr(task)}

    owner = await scenes(living)
    before = running()
    user = ReconnectingUserSocket(owner.access, patience=owner.patience)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(user), 0.1)
    assert running() > before
    await user.close()
    assert running() == before


def test_access_shows_no_token() -> None:
    assert "secret" not in repr(Access("wss://x/v1/websocket", "tok-secret-1", 1))


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
