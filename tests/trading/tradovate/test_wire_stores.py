"""Counts kept in Redis: the same as in memory, shared by processes, by one clock."""

import asyncio
import multiprocessing
import socket
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import redis
import redis.asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading.tradovate import Budgets, MemoryStore, Priority, RedisStore, Tradovate
from trading.tradovate.entities import CancelOrder
from trading.tradovate.errors import BudgetSpent
from trading.tradovate.limits import USER, Budget, Limit, Pace

from .conftest import HttpScript

LIMIT = Limit(
    "x",
    5,
    seconds=600,
    shares={Priority.READ: 4, Priority.ENTRY: 3},
    pace=Pace(interval=32, burst=2, begins_at=2, patience=40),
)
# Redis keeps time in microseconds; eighths are exact in both.
EIGHTHS = st.integers(0, 8 * 900).map(lambda eighths: eighths / 8)
STEPS = st.one_of(
    st.tuples(st.just("pass"), EIGHTHS),
    st.tuples(st.just("take"), st.sampled_from([None, Priority.READ, Priority.ENTRY, Priority.EXIT])),
    st.tuples(st.just("block"), EIGHTHS),
    st.tuples(st.just("look"), st.sampled_from(list(Priority))),
    st.tuples(st.just("unblock"), st.none()),
)


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(redis_url) as made:
        yield made


async def _step(store: MemoryStore | RedisStore, what: str, argument: float | None) -> Budget | None:
    match what:
        case "take":
            return await store.take("k", LIMIT, None if argument is None else Priority(argument))
        case "look":
            return await store.look("k", LIMIT, Priority(argument or Priority.READ))
        case "block":
            await store.block("k", LIMIT, argument)
        case "unblock":
            await store.unblock("k", LIMIT)
    return None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(STEPS, max_size=25))
def test_redis_counts_as_memory_does(redis_url: str, steps: list[tuple[str, float | None]]) -> None:
    now = 1_000_000.0

    async def both() -> None:
        nonlocal now
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            await client.flushdb()
            stores = MemoryStore(lambda: now), RedisStore(client, clock=lambda: now)
            for what, argument in steps:
                if what == "pass":
                    now += argument or 0
                    continue
                in_memory, in_redis = [await _step(store, what, argument) for store in stores]
                if in_memory is None or in_redis is None:
                    assert in_memory is in_redis
                    continue
                assert (in_redis.used, in_redis.blocked) == (in_memory.used, in_memory.blocked)
                assert in_redis.wait == pytest.approx(in_memory.wait, abs=1e-4)
                assert in_redis.delay == pytest.approx(in_memory.delay, abs=1e-4)

    asyncio.run(both())


async def test_many_tasks_never_take_more_than_there_is(client: redis.asyncio.Redis) -> None:
    stores = [RedisStore(client) for _ in range(3)]
    taken = await asyncio.gather(*(stores[n % 3].take("k", LIMIT, Priority.EXIT) for n in range(30)))
    assert sum(budget.wait == 0 for budget in taken) == 5
    assert (await stores[0].look("k", LIMIT)).used == 5
    # All of a slice counts until all of it is older than the window.
    assert LIMIT.seconds < (await stores[0].look("k", LIMIT)).wait <= LIMIT.seconds + LIMIT.slice_seconds


def _take_ten(url: str, clock_ahead: float, results: "multiprocessing.Queue[int]") -> None:
    # A process whose own clock is wrong counts by the clock of Redis all the same.
    wrong = time.time() + clock_ahead
    time.time = lambda: wrong

    async def take() -> int:
        async with redis.asyncio.Redis.from_url(url) as client:
            store = RedisStore(client)
            return sum([(await store.take("k", LIMIT, Priority.EXIT)).wait == 0 for _ in range(10)])

    results.put(asyncio.run(take()))


def test_processes_share_one_budget_whatever_their_clocks_say(redis_url: str) -> None:
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    processes = [context.Process(target=_take_ten, args=(redis_url, ahead, results)) for ahead in (0, 4000, -4000)]
    for process in processes:
        process.start()
    granted = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
    assert sum(granted) == 5


async def test_what_is_over_leaves_nothing_behind(client: redis.asyncio.Redis) -> None:
    store = RedisStore(client, prefix="budget:")
    await store.take("k", LIMIT, Priority.EXIT)
    assert await client.keys("budget:*") == [b"budget:k"]
    assert 600 < await client.ttl("budget:k") <= 621
    await store.block("k", LIMIT, 3600)
    assert 3590 < await client.ttl("budget:k") <= 3600
    now = 5000.0
    old = RedisStore(client, clock=lambda: now)
    for _ in range(200):
        now += 30
        await old.take("old", LIMIT, None)
    assert await client.hlen("tradovate:old") <= 62


async def test_a_client_that_decodes_works_too(redis_url: str) -> None:
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        store = RedisStore(client)
        await store.take("k", LIMIT, Priority.EXIT)
        assert (await store.look("k", LIMIT)).used == 1


@pytest.fixture
def dead_url() -> Iterator[str]:
    """A Redis that takes connections and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield f"redis://127.0.0.1:{server.getsockname()[1]}"


async def test_without_redis_reads_go_on_and_orders_do_not_wait(http: HttpScript, dead_url: str) -> None:
    http.answer({"commandId": 5})
    http.answer([])
    for url in (dead_url, "unix:///nowhere/redis.sock"):
        async with redis.asyncio.Redis.from_url(url) as client:
            budgets = Budgets(RedisStore(client), network="n", user=7)
            async with Tradovate(http.hosts, "tok", budgets=budgets) as t:
                if url is dead_url:
                    assert (await t.order.cancel(CancelOrder(order_id=3))).command_id == 5
                    assert budgets._counting
                else:
                    assert await t.order.list() == []


async def test_a_spent_budget_in_redis_holds_back_reads_and_no_order(
    http: HttpScript, client: redis.asyncio.Redis
) -> None:
    store = RedisStore(client)
    await asyncio.gather(*(store.take("user:7", USER, None) for _ in range(USER.most)))
    http.answer({"commandId": 5})
    async with Tradovate(http.hosts, "tok", budgets=Budgets(store, network="n", user=7)) as t:
        with pytest.raises(BudgetSpent):
            await t.order.list()
        assert (await t.order.cancel(CancelOrder(order_id=3))).command_id == 5
    assert (await store.look("user:7", USER)).used == USER.most + 1
