"""Sync requests of a network have one allowance: who finds it used up waits in line, and the page says so."""

import asyncio
from types import SimpleNamespace

import redis.asyncio
from asgiref.sync import sync_to_async

from tests.trading.cast import sign_in
from tests.trading.sync.cast import look_at, running_hub, settled, snapshot, until
from trading.sync import hub, pace, stream
from trading.sync.pace import Bucket, Pace


async def test_who_finds_the_allowance_used_up_waits_in_line_and_syncs_when_the_turn_comes(
    simulator, redis_url, transactional_db, monkeypatch
) -> None:
    waits, turn = [], asyncio.Event()

    async def wait(seconds: float) -> None:
        if seconds:
            waits.append(seconds)
            await turn.wait()

    # Two may go at once, the next after half an hour; the test says when that has passed.
    monkeypatch.setattr(hub, "Pace", lambda client: Pace(client, per_hour=4, burst=2))
    monkeypatch.setattr(pace, "asyncio", SimpleNamespace(sleep=wait))
    names = ("trader", "pro", "empty")
    traders = [await sync_to_async(lambda name=name: look_at(sign_in(simulator, name)))(name) for name in names]

    async def states() -> list[str]:
        return sorted([(await snapshot(one)).rows.get("upstream", {}).get("state", "") for one in traders])

    async with running_hub():

        async def two_are_up() -> bool:
            return await states() == ["connecting", "up", "up"]

        await until(two_are_up)
        told = [(await snapshot(one)).rows["upstream"] for one in traders]
        (waiting,) = [row["detail"] for row in told if row["state"] == "connecting"]
        (seconds,) = waits
        assert 1700 < seconds <= 1800
        assert f"in about {round(seconds)} s" in waiting
        assert sum(one["synced"] for one in simulator.control.sockets()) == 2
        turn.set()
        for one in traders:
            await settled(one)
        assert not any([(await snapshot(one)).rows["upstream"]["detail"] for one in traders])


def test_sync_requests_stay_within_the_hours_allowance() -> None:
    now = 0.0
    pace = Bucket(per_hour=300, burst=60, clock=lambda: now)
    granted = 0
    while now < 3600:
        wait = pace.reserve()
        now += wait
        granted += 1
    assert granted <= 301
    assert granted > 290


def test_the_first_ones_need_not_wait() -> None:
    pace = Bucket(per_hour=300, burst=60, clock=lambda: 0.0)
    waits = [pace.reserve() for _ in range(61)]
    assert not any(waits[:60])
    assert waits[60] > 0


async def test_all_processes_of_a_network_take_turns_from_one_bucket(redis_url) -> None:
    clients = [stream.async_client() for _ in range(3)]
    paces = [Pace(client, per_hour=30, burst=6) for client in clients]
    waits = [await paces[number % 3].reserve("demo") for number in range(9)]
    assert not any(waits[:6])
    # 150 seconds between turns; a moment has passed since the first.
    assert [round(wait / 150) for wait in waits[6:]] == [1, 2, 3]
    assert await paces[0].reserve("live") > 500
    assert not await paces[0].reserve("sim")
    for client in clients:
        await client.aclose()


async def test_a_clock_that_was_set_back_makes_nobody_wait_longer(redis_url) -> None:
    client = stream.async_client()
    pace = Pace(client, per_hour=30, burst=6)
    for _ in range(7):
        await pace.reserve("demo")
    # As a machine leaves it whose clock was two hours ahead.
    (key,) = await client.keys("pace:*")
    moments = (await client.get(key)).decode().split()
    await client.set(key, " ".join(f"{float(moment) + 7200:.6f}" for moment in moments))
    assert [round(await pace.reserve("demo") / 150) for _ in range(2)] == [2, 3]
    await client.aclose()


async def test_without_redis_each_process_paces_itself() -> None:
    client = redis.asyncio.Redis(unix_socket_path="/nonexistent", retry=None)
    pace = Pace(client, per_hour=30, burst=2)
    assert [round(await pace.reserve("sim")) for _ in range(3)] == [0, 0, 129]
