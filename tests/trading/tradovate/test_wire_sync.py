"""user/syncrequest: the snapshot, what happens meanwhile, and replies in parts."""

import asyncio
import json

import pytest

from trading.tradovate import UserSocket
from trading.tradovate.entities import ShardingExpression, SyncRequest
from trading.tradovate.errors import Evicted, NotAuthorized, OutcomeUnknown, PenaltyImposed, SocketClosed
from trading.tradovate.frames import PropsEvent, SnapshotPart

from .conftest import TOKEN, Peer

USERS = [{"id": 11, "name": "ann"}]
POSITION = {"id": 1, "accountId": 7, "contractId": 5, "netPos": 2}


async def test_the_snapshot_comes_first_and_what_happened_meanwhile_after_it(play) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        endpoint, request_id, query, body = await peer.request()
        assert (endpoint, query) == ("user/syncrequest", "")
        assert json.loads(body) == {"users": [11], "splitResponses": False}
        await peer.props("position", {**POSITION, "netPos": 3})
        await peer.props("position", {**POSITION, "netPos": 4})
        await peer.respond(request_id, {"users": USERS, "contractGroups": [], "positions": [POSITION]})
        await peer.props("position", {**POSITION, "netPos": 5})
        await peer.connection.wait_closed()

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        snapshot = await socket.sync(11)
        assert snapshot.positions[0].net_pos == 2
        events = [await anext(socket) for _ in range(3)]
    assert [event.entities[0].net_pos for event in events] == [3, 4, 5]


async def test_a_whole_request_for_a_shard_of_some_users(play) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        for ticket in ({}, {"p-ticket": "t1"}):
            _, request_id, _, body = await peer.request()
            assert json.loads(body) == {
                "accounts": [7, 8],
                "splitResponses": True,
                "entityTypes": ["order", "fill"],
                "shardingExpression": {"expressionType": "modUserId", "divisor": 4, "remainder": 1},
                **ticket,
            }
            await peer.respond(request_id, {"users": USERS})
            await peer.respond(request_id, {"positions": [POSITION]})
        await peer.connection.wait_closed()

    request = SyncRequest(
        accounts=[7, 8],
        split_responses=True,
        entity_types=["order", "fill"],
        sharding_expression=ShardingExpression(expression_type="modUserId", divisor=4, remainder=1),
    )
    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        for ticket in (None, "t1"):
            snapshot = await socket.sync(request, quiet=0.1, ticket=ticket)
            assert [position.id for position in snapshot.positions] == [1]


async def test_parts_are_merged_and_late_ones_told(play) -> None:
    merged = asyncio.Event()

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        _, request_id, _, body = await peer.request()
        assert json.loads(body)["splitResponses"] is True
        await peer.respond(request_id, {"users": USERS})
        await peer.respond(request_id, {"positions": [POSITION]})
        await peer.props("position", {**POSITION, "netPos": 3})
        await peer.respond(request_id, {"positions": [{**POSITION, "id": 2}]})
        await merged.wait()
        await peer.respond(request_id, {"positions": [{**POSITION, "id": 3}]})
        await peer.connection.wait_closed()

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        snapshot = await socket.sync(11, split=True, quiet=0.3)
        assert snapshot.users[0].id == 11
        assert [position.id for position in snapshot.positions] == [1, 2]
        merged.set()
        first, second = await anext(socket), await anext(socket)
    assert isinstance(first, PropsEvent)
    assert isinstance(second, SnapshotPart)
    assert [position.id for position in second.snapshot.positions] == [3]


async def test_a_late_part_that_is_none_ends_the_session(play) -> None:
    merged = asyncio.Event()

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        _, request_id, _, _ = await peer.request()
        await peer.respond(request_id, {"users": USERS})
        await merged.wait()
        await peer.respond(request_id, "oops", 500)
        await peer.connection.wait_closed()

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        await socket.sync(11, split=True, quiet=0.1)
        merged.set()
        with pytest.raises(SocketClosed):
            await anext(socket)


async def test_a_penalty_and_its_ticket(play) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        _, request_id, _, _ = await peer.request()
        await peer.respond(request_id, {"p-ticket": "t1", "p-time": 3, "p-captcha": False})
        _, request_id, _, body = await peer.request()
        assert json.loads(body) == {"users": [11], "splitResponses": False, "p-ticket": "t1"}
        await peer.respond(request_id, {"users": USERS, "contractGroups": []})
        await peer.connection.wait_closed()

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        with pytest.raises(PenaltyImposed) as caught:
            await socket.sync(11)
        assert caught.value.seconds == 3
        assert (await socket.sync(11, ticket=caught.value.ticket)).users[0].name == "ann"


async def test_a_sync_that_fails_says_how(play) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        _, request_id, _, _ = await peer.request()
        await peer.respond(request_id, "Access is denied", 401)
        await peer.request()
        await peer.request()
        await peer.send('a[{"e":"shutdown","d":{"reasonCode":"ConnectionQuotaReached"}}]')
        await peer.connection.wait_closed()

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        with pytest.raises(NotAuthorized):
            await socket.sync(11)
        with pytest.raises(OutcomeUnknown, match="no snapshot"):
            await socket.sync(11, timeout=0.05)
        # Not "unknown": that another login took over is what the person must hear.
        with pytest.raises(Evicted, match="Another sign-in"):
            await socket.sync(11)
        with pytest.raises(Evicted):
            await socket.sync(11)
