"""Sockets that last: new tokens on open ones, and what closing ends."""

import asyncio
from typing import Any

import pytest

from trading.tradovate import (
    Access,
    Interrupted,
    ReconnectingUserSocket,
)
from trading.tradovate.entities import SyncSnapshot
from trading.tradovate.errors import (
    NotAuthorized,
    NotSent,
)
from trading.tradovate.frames import PropsEvent

from .conftest import Peer
from .scenes import POSITION, Owner, authorized, stay, synced


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
        user = ReconnectingUserSocket(owner.access, patience=owner.patience, open_timeout=30)
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
