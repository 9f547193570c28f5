"""Market Replay: its requests, its clock, its account, and joining it again."""

import asyncio
import datetime as dt
import json
from decimal import Decimal

import pytest

from trading.tradovate import Access, Interrupted, Patience, ReconnectingReplaySocket, ReplaySocket
from trading.tradovate.entities import Position, Quote
from trading.tradovate.errors import ApiError, NotSent, ReplayIneligible
from trading.tradovate.frames import ClockEvent, PropsEvent
from trading.tradovate.replay import ReplayBegun

from .conftest import TOKEN, Peer, PlaySocket

START = dt.datetime(2019, 8, 26, 16, 43, tzinfo=dt.UTC)
POSITION = {"id": 1, "accountId": 7, "contractId": 5, "netPos": 2}
QUOTE = {"timestamp": "2019-08-26T16:43:08Z", "contractId": 5, "entries": {}}
SNAPSHOT = {"users": [{"id": 11}], "accounts": [], "positions": [POSITION]}


async def clock(peer: Peer, stamp: str, speed: int) -> None:
    await peer.send("a" + json.dumps([{"e": "clock", "d": json.dumps({"t": stamp, "s": speed})}]))


async def test_a_replay_as_the_official_text_tells_it(play: PlaySocket) -> None:
    told = []

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        told.extend(await peer.answer({"checkStatus": "OK"}, {"ok": True}, SNAPSHOT, {"mode": "RealTime"}))
        await clock(peer, "2019-08-26T16:43:08.599Z", 20)
        await peer.props("position", POSITION)
        await peer.send("a" + json.dumps([{"e": "md", "d": {"quotes": [QUOTE]}}]))
        await clock(peer, "2019-08-26T16:43:09.599Z", 0)
        told.extend(await peer.answer({"ok": True}))
        await peer.connection.wait_closed()

    async with await ReplaySocket.connect(await play(scene), TOKEN) as replay:
        assert await replay.begin(START, speed=20, initial_balance=Decimal(51_000)) == START
        snapshot = await replay.sync(11)
        assert snapshot.positions[0].net_pos == 2
        await replay.subscribe_quote("ESU9")
        first, position, quote, second = [await anext(replay) for _ in range(4)]
        assert replay.clock == second
        await replay.change_speed(100)
    assert first == ClockEvent(dt.datetime(2019, 8, 26, 16, 43, 8, 599000, dt.UTC), 20)
    assert not first.is_paused
    assert isinstance(position, PropsEvent)
    assert isinstance(position.entities[0], Position)
    assert isinstance(quote, Quote)
    assert isinstance(second, ClockEvent)
    assert second.is_paused
    assert told == [
        ("replay/checkreplaysession", {"startTimestamp": "2019-08-26T16:43:00Z"}),
        ("replay/initializeclock", {"startTimestamp": "2019-08-26T16:43:00Z", "speed": 20, "initialBalance": 51000}),
        ("user/syncrequest", {"users": [11], "splitResponses": False}),
        ("md/subscribequote", {"symbol": "ESU9"}),
        ("replay/changespeed", {"speed": 100}),
    ]


async def test_a_start_that_is_adjusted_and_one_that_is_not_allowed(play: PlaySocket) -> None:
    told = []

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        adjusted = {"checkStatus": "StartTimestampAdjusted", "startTimestamp": "2019-08-26T22:00Z"}
        told.extend(await peer.answer(adjusted, {"ok": True}, {"checkStatus": "Ineligible"}, {"ok": False}))
        await peer.connection.wait_closed()

    async with await ReplaySocket.connect(await play(scene), TOKEN) as replay:
        evening = dt.datetime(2019, 8, 26, 22, tzinfo=dt.UTC)
        assert await replay.begin(START) == evening
        with pytest.raises(ReplayIneligible, match="2019-08-26 16:43"):
            await replay.begin(START)
        with pytest.raises(ApiError):
            await replay.change_speed(400)
        with pytest.raises(ValueError, match="at most 400"):
            await replay.change_speed(401)
        with pytest.raises(ValueError, match="at least 0"):
            await replay.initialize_clock(START, speed=-1)
    assert told[1] == ("replay/initializeclock", {"startTimestamp": "2019-08-26T22:00:00Z", "speed": 100})


async def test_an_interrupted_replay_is_joined_or_begun_anew_where_it_was(play: PlaySocket) -> None:
    told: list[list[tuple[str, object]]] = []

    async def welcome(peer: Peer) -> None:
        await peer.send("o")
        _, request_id, _, _ = await peer.request()
        await peer.respond(request_id)

    async def first(peer: Peer) -> None:
        await welcome(peer)
        told.append(await peer.answer({"checkStatus": "OK"}, {"ok": True}, SNAPSHOT))
        await clock(peer, "2019-08-26T16:44:00Z", 100)
        told.append(await peer.answer({"ok": True}))
        peer.connection.transport.abort()

    async def still_there(peer: Peer) -> None:
        await welcome(peer)
        await clock(peer, "2019-08-26T16:45:00Z", 400)
        told.append(await peer.answer(SNAPSHOT, {"mode": "RealTime"}))
        await peer.connection.close()

    async def gone(peer: Peer) -> None:
        await welcome(peer)
        told.append(await peer.answer({"checkStatus": "OK"}, {"ok": True}, SNAPSHOT, {"mode": "RealTime"}))
        await peer.connection.wait_closed()

    scenes = [first, still_there, gone]

    async def scene(peer: Peer) -> None:
        await scenes.pop(0)(peer)

    url = await play(scene)

    async def access(last_error: Exception | None) -> Access:
        return Access(url, TOKEN, 11)

    patience = Patience(sleep=lambda seconds: asyncio.sleep(0))
    async with ReconnectingReplaySocket(
        access, START, initial_balance=Decimal(51_000), join_seconds=1.0, patience=patience
    ) as replay:
        with pytest.raises(NotSent):
            await replay.change_speed(400)
        begun = await anext(replay)
        assert isinstance(begun, ReplayBegun)
        assert (begun.timestamp, begun.resumed) == (START, False)
        assert isinstance(await anext(replay), ClockEvent)
        await replay.change_speed(400)
        await replay.subscribe_quote("ESU9")
        assert isinstance(await anext(replay), Interrupted)
        joined = await anext(replay)
        assert isinstance(joined, ReplayBegun)
        assert (joined.timestamp, joined.resumed) == (dt.datetime(2019, 8, 26, 16, 45, tzinfo=dt.UTC), True)
        assert joined.snapshot.positions[0].net_pos == 2
        assert isinstance(await anext(replay), ClockEvent)
        assert isinstance(await anext(replay), Interrupted)
        anew = await anext(replay)
        assert isinstance(anew, ReplayBegun)
        assert (anew.timestamp, anew.resumed) == (dt.datetime(2019, 8, 26, 16, 45, tzinfo=dt.UTC), False)
    assert [[endpoint for endpoint, _ in part] for part in told] == [
        ["replay/checkreplaysession", "replay/initializeclock", "user/syncrequest"],
        ["replay/changespeed"],
        ["user/syncrequest", "md/subscribequote"],
        ["replay/checkreplaysession", "replay/initializeclock", "user/syncrequest", "md/subscribequote"],
    ]
    assert told[3][1][1] == {"startTimestamp": "2019-08-26T16:45:00Z", "speed": 400, "initialBalance": 51000}
