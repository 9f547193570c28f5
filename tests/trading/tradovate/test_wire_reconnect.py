"""Sockets that last: what the reader is told, and what is asked for again."""

import asyncio
import json

import pytest

from trading.tradovate import (
    Access,
    Interrupted,
    ReconnectingUserSocket,
)
from trading.tradovate.entities import SyncSnapshot
from trading.tradovate.errors import (
    Evicted,
    HostMoved,
    NotAuthorized,
    NotSent,
    PenaltyImposed,
    Shutdown,
)
from trading.tradovate.frames import PropsEvent

from .conftest import Peer
from .scenes import POSITION, Owner, authorized, stay, synced


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


async def test_who_is_cut_for_want_of_splitting_splits_with_the_third_socket_and_soon_always(scenes) -> None:
    """As Tradovate does with the users of organisation vendors."""
    asked: list[bool] = []
    has_begun: asyncio.Queue[None] = asyncio.Queue()

    async def demanding(peer: Peer) -> None:
        await authorized(peer)
        _, request_id, _, body = await peer.request()
        asked.append(json.loads(body)["splitResponses"])
        if asked[-1]:
            await peer.respond(request_id, {"users": [{"id": 11}]})
            await has_begun.get()
        await peer.connection.close()

    owner = await scenes(*[demanding] * 6)
    async with ReconnectingUserSocket(owner.access, patience=owner.patience, quiet=0.05) as user:
        for _ in range(3):
            while not isinstance(await anext(user), SyncSnapshot):
                pass
            has_begun.put_nowait(None)
    assert asked == [False, False, True, False, True, True]


@pytest.mark.parametrize(
    ("sockets", "splits"),
    [("cut cut begun begun cut begun", [2]), ("cut begun cut begun", [])],
    ids=["cut twice for other reasons: once", "cut now and then: never"],
)
async def test_who_need_not_split_does_not_do_so_for_good(scenes, sockets: str, splits: list[int]) -> None:
    asked: list[bool] = []
    has_begun: asyncio.Queue[None] = asyncio.Queue()

    async def cut(peer: Peer) -> None:
        await authorized(peer)
        asked.append(json.loads((await peer.request())[3])["splitResponses"])
        await peer.connection.close()

    async def begun(peer: Peer) -> None:
        asked.append((await synced(peer))["splitResponses"])
        await has_begun.get()
        await peer.connection.close()

    script = [{"cut": cut, "begun": begun}[one] for one in sockets.split()]
    owner = await scenes(*script)
    async with ReconnectingUserSocket(owner.access, patience=owner.patience, quiet=0.05) as user:
        for _ in range(script.count(begun)):
            while not isinstance(await anext(user), SyncSnapshot):
                pass
            has_begun.put_nowait(None)
    assert [number for number, split in enumerate(asked) if split] == splits
    assert len(asked) == len(script)


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
