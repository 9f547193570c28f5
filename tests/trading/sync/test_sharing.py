"""Sync processes share connections evenly, each by its own reckoning."""

import asyncio

import pytest
import redis
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import OperationalError
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.cast import sign_in
from tests.trading.sync.cast import look_at, running_hub, settled, until
from trading.sync import crew, sharing, wanted
from trading.tradovate import UserSocket
from trading.tradovate.entities import SyncSnapshot

NAMES = st.sets(st.text("abc:1", min_size=1, max_size=4), min_size=1, max_size=6)


@given(names=NAMES, connections=st.integers(0, 50))
def test_quotas_are_even_and_add_up(names: set[str], connections: int) -> None:
    quotas = [sharing.quota(name, names, connections) for name in names]
    assert sum(quotas) == connections
    assert max(quotas) - min(quotas) <= 1


@given(
    names=NAMES,
    holders=st.lists(st.integers(-1, 5), max_size=40),
    joined=st.booleans(),
)
def test_rounds_of_looks_leave_nothing_free_and_end_even_when_somebody_joined(
    names: set[str], holders: list[int], joined: bool
) -> None:
    members = sorted(names)
    held: dict[str, set[int]] = {name: set() for name in members}
    for number, holder in enumerate(holders):
        if 0 <= holder < len(members):
            held[members[holder]].add(number)
    everything = set(range(len(holders)))
    for _ in range(len(members) + 1):
        for me in members:
            taken = set().union(*held.values())
            free = dict.fromkeys(everything - taken, 0.0)
            others = len(taken) - len(held[me])
            plan = sharing.plan(me, members, held[me], free, others, even_out=joined)
            held[me] = (held[me] | set(plan.take)) - set(plan.give)
            assert not set(plan.take) & taken
    assert set().union(*held.values()) == everything
    if joined:
        assert max(map(len, held.values())) - min(map(len, held.values())) <= 1


def test_pages_that_come_and_go_do_not_make_connections_wander() -> None:
    plan = sharing.plan("a", ["a", "b"], [1, 2], {}, 0, even_out=False)
    assert plan == sharing.Plan([], [])
    assert sharing.plan("a", ["a", "b"], range(8), {}, 0, even_out=False).give == [4, 5, 6, 7]


def test_what_nobody_takes_is_anybodys() -> None:
    """The member that should take it is there and cannot."""
    assert sharing.plan("a", ["a", "b"], [1], {2: 1.0}, 0, even_out=False).take == []
    assert sharing.plan("a", ["a", "b"], [1], {2: sharing.PATIENCE}, 0, even_out=False).take == [2]


async def test_a_process_that_joins_gets_its_share_and_one_that_leaves_gives_it_back(
    simulator, redis_url, transactional_db
) -> None:
    names = ("trader", "pro", "empty")
    connections = [await sync_to_async(lambda name=name: look_at(sign_in(simulator, name)))(name) for name in names]
    everything = {one.pk for one in connections}

    def synced() -> int:
        return sum(socket["synced"] for socket in simulator.control.sockets())

    async with running_hub() as first:
        for one in connections:
            await settled(one)
        assert first.held == everything
        async with running_hub() as second:
            await until(lambda: sorted(map(len, (first.held, second.held))) == [1, 2] and synced() == 3)
            assert first.held | second.held == everything
            async with running_hub() as third:
                await until(lambda: [len(hub.held) for hub in (first, second, third)] == [1, 1, 1] and synced() == 3)
                for one in connections:
                    await settled(one)
        await until(lambda: first.held == everything and synced() == 3)
        for one in connections:
            await settled(one)
    leases = list(redis.Redis.from_url(settings.REDIS_URL).scan_iter("sync:{*}:lease"))
    assert not leases


async def test_a_database_that_is_away_makes_no_process_look_dead(simulator, trader, monkeypatch) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)

    async def away() -> wanted.Roll:
        raise OperationalError("the database is locked")

    async with running_hub() as hub:
        before = await settled(trader)
        monkeypatch.setattr(wanted, "read", away)
        client.delete(crew.KEY)
        await until(lambda: client.zcard(crew.KEY) == 1)
        assert hub.held == {trader.pk}
        assert (await settled(trader)).epoch == before.epoch


async def test_a_process_that_is_forgotten_at_every_look_takes_connections_all_the_same(
    simulator, redis_url, transactional_db, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine so slow that its looks are further apart than the others' patience."""
    monkeypatch.setattr(crew, "LASTS", 0.01)
    trader = await sync_to_async(sign_in)(simulator, "trader")
    async with running_hub() as hub:
        await until(lambda: hub._settled_at > 0)
        await sync_to_async(look_at)(trader)
        await settled(trader)


async def test_a_connection_on_its_way_up_is_not_given_away(simulator, trader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every process that joins would have it begin anew, and the desk wait for its first row."""
    sync, begun, may_answer = UserSocket.sync, [], asyncio.Event()

    async def slowly(socket: UserSocket, *arguments: object, **options: object) -> SyncSnapshot:
        begun.append(socket)
        await may_answer.wait()
        return await sync(socket, *arguments, **options)

    monkeypatch.setattr(UserSocket, "sync", slowly)
    # Of two with one connection the first by name is to hold it.
    monkeypatch.setattr("trading.sync.crew.socket.gethostname", lambda: "z")
    async with running_hub() as first:
        await until(lambda: begun)
        monkeypatch.setattr("trading.sync.crew.socket.gethostname", lambda: "a")
        async with running_hub() as second:
            await until(lambda: len(first._sight.members) == 2)
            await asyncio.sleep(1.2)  # two looks
            assert len(begun) == 1
            may_answer.set()
            await settled(trader)
            await until(lambda: second.held == {trader.pk} and not first.held)
            await settled(trader)
