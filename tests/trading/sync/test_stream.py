"""The stream in a real Redis: snapshot and deltas never race, and a hub that was replaced writes nothing."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
import redis.asyncio

from tests.trading.sync.cast import until
from trading.sync import doorbell, stream
from trading.sync.lease import Lease
from trading.sync.publisher import Publisher
from trading.sync.stream import Fenced, StateLost, Stream
from trading.sync.watchful import next_message


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[redis.asyncio.Redis]:
    made = stream.async_client()
    yield made
    await made.aclose()


def row(key: str, value: object) -> dict[str, dict[str, str]]:
    return {key: {"id": key, "value": str(value)}}


async def test_a_snapshot_has_what_was_published_and_numbers_count_up(client) -> None:
    writer = Stream(client, 5)
    first = await writer.replace({**row("a:1", 1), **row("a:2", "ü\n\"'")})
    second = await writer.change(row("a:1", 2), ["a:2", "a:9"])
    assert second == first + 1
    found = await stream.aread_snapshot(5)
    assert (found.epoch, found.seq, found.rows) == (writer.epoch, second, row("a:1", 2))


async def test_frames_are_as_the_page_expects_them(client) -> None:
    writer = Stream(client, 5)
    async with client.pubsub(ignore_subscribe_messages=True) as listener:
        await listener.subscribe(stream.channel(5))
        await writer.replace(row("a:1", "ü"))
        await writer.change(row("a:1", 2), ["a:3"])
        heads, frames = [], []
        while len(frames) < 2:
            if message := await listener.get_message(timeout=5):
                head, _, frame = message["data"].decode().partition("\n")
                heads.append(head)
                frames.append(msgspec.json.decode(frame))
    epoch = writer.epoch
    assert heads == [f"snapshot {epoch} 1", f"delta {epoch} 2"]
    assert frames[0] == {"t": "snapshot", "epoch": epoch, "seq": 1, "rows": row("a:1", "ü")}
    at = frames[1].pop("at")
    assert frames[1] == {"t": "delta", "epoch": epoch, "seq": 2, "rows": row("a:1", 2), "gone": ["a:3"]}
    assert isinstance(at, int)


async def test_snapshot_and_greater_deltas_never_race(client) -> None:
    writer = Stream(client, 5)
    await writer.replace(row("n", 0))

    async def write() -> None:
        for number in range(1, 300):
            await writer.change({**row("n", number), **row(f"k:{number}", number)}, [f"k:{number - 7}"])

    reader_client = stream.async_client()
    task = asyncio.create_task(write())
    reads = 0
    try:
        while not task.done():
            _, seq, frame = await stream.snapshot_frame(reader_client, 5)
            rows = msgspec.json.decode(frame)["rows"]
            # Number n has sequence number n + 1; it came with its own key and took the key of seven before away.
            assert rows["n"]["value"] == str(seq - 1)
            assert sorted(rows) == sorted(["n", *(f"k:{n}" for n in range(max(1, seq - 7), seq))])
            reads += 1
        await task
    finally:
        await reader_client.aclose()
    assert reads > 5


async def test_a_hub_that_lost_its_lease_cannot_write(client) -> None:
    old, new = Lease(client, 5, lasts=0.05), Lease(client, 5)
    assert await old.take()
    writer = Stream(client, 5, old.token)
    await writer.replace(row("a:1", "old"))
    await until(new.take)
    assert not await old.renew()
    successor = Stream(client, 5, new.token)
    await successor.replace(row("a:1", "new"))
    with pytest.raises(Fenced):
        await writer.change(row("a:1", "late"))
    with pytest.raises(Fenced):
        await writer.replace(row("a:1", "late"))
    await old.release()
    assert await new.renew()
    assert (await stream.aread_snapshot(5)).rows == row("a:1", "new")


async def test_a_hub_that_was_paused_goes_on_unless_it_was_replaced(client) -> None:
    lease = Lease(client, 5, lasts=0.05)
    assert await lease.take()
    writer = Stream(client, 5, lease.token)
    await writer.replace(row("a:1", "before"))
    await asyncio.sleep(0.1)
    await writer.change(row("a:1", "after"))
    assert (await stream.aread_snapshot(5)).rows == row("a:1", "after")


async def test_a_lease_that_redis_forgot_is_taken_back(client) -> None:
    lease, other = Lease(client, 5), Lease(client, 5)
    assert await lease.take()
    assert not await other.take()
    await client.flushdb()
    assert await lease.renew()
    assert not await other.take()
    await lease.release()
    assert await other.take()


async def test_deltas_without_their_state_are_refused(client) -> None:
    writer = Stream(client, 5)
    await writer.replace(row("a:1", 1))
    await client.flushdb()
    with pytest.raises(StateLost):
        await writer.change(row("a:1", 2))


async def test_a_first_paint_waits_for_the_first_sync_only_as_long_as_told(client) -> None:
    assert (await stream.aread_snapshot(5, wait=0.05)).epoch == ""
    waiting = asyncio.create_task(stream.aread_snapshot(5, wait=10))

    async def listens() -> bool:
        return bool((await client.pubsub_numsub(stream.channel(5)))[0][1])

    await until(listens)
    await Stream(client, 5).replace(row("a:1", 1))
    assert (await waiting).rows == row("a:1", 1)


async def test_a_publisher_joins_what_changes_while_it_writes(client) -> None:
    publisher = Publisher(Stream(client, 5))
    task = asyncio.create_task(publisher.run())
    publisher.replace(row("n", 0))
    for number in range(1, 1001):
        publisher.change({**row("n", number), **row(f"k:{number}", number)}, [f"k:{number - 2}"])
    await publisher.settled()
    found = await stream.aread_snapshot(5)
    assert found.rows == publisher.rows == {**row("n", 1000), **row("k:999", 999), **row("k:1000", 1000)}
    assert found.seq < 100
    task.cancel()


async def test_a_publisher_brings_everything_again_when_redis_lost_it(client) -> None:
    publisher = Publisher(Stream(client, 5))
    task = asyncio.create_task(publisher.run())
    publisher.replace({**row("a:1", 1), **row("a:2", 2)})
    await publisher.settled()
    await client.flushdb()
    publisher.change(row("a:2", 3))
    await publisher.settled()
    assert (await stream.aread_snapshot(5)).rows == {**row("a:1", 1), **row("a:2", 3)}
    task.cancel()


async def test_a_publisher_brings_everything_again_when_redis_came_back_with_an_older_state(client) -> None:
    """As one that keeps a copy every few minutes does: of the same epoch, but what came last is not there."""
    publisher = Publisher(Stream(client, 5))
    task = asyncio.create_task(publisher.run())
    publisher.replace({**row("a:1", 1), **row("a:2", 2)})
    await publisher.settled()
    older = {key: await client.dump(key) for key in await client.keys("sync:*")}
    publisher.change(row("a:1", 3), ["a:2"])
    await publisher.settled()
    for key, dumped in older.items():
        await client.restore(key, 0, dumped, replace=True)
    publisher.change(row("a:4", 4))
    await publisher.settled()
    assert (await stream.aread_snapshot(5)).rows == {**row("a:1", 3), **row("a:4", 4)}
    task.cancel()


async def test_a_successor_continues_the_epoch_it_finds(client) -> None:
    first = Stream(client, 5)
    await first.replace(row("a:1", 1))
    second = Stream(client, 5)
    assert await second.adopt() == row("a:1", 1)
    await second.change(row("a:1", 2))
    assert (await stream.aread_snapshot(5)).epoch == first.epoch


def test_portals_that_share_a_redis_server_do_not_hear_each_other(settings) -> None:
    channels = set()
    for database in ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379/1", "unix:///redis.sock?db=2"):
        settings.REDIS_URL = database
        channels |= {stream.channel(5), doorbell.channel()}
    assert len(channels) == 6


async def test_every_state_of_an_order_is_published_however_fast_they_come(client) -> None:
    """A page tells its trader of a rejection by it: joined with the next state it would never be seen."""
    publisher = Publisher(Stream(client, 5))
    async with client.pubsub(ignore_subscribe_messages=True) as listener:
        await listener.subscribe(stream.channel(5))
        task = asyncio.create_task(publisher.run())
        publisher.replace({})
        await publisher.settled()
        for number in range(50):
            for status in ("PendingNew", "Working", "PartiallyFilled"):
                publisher.change({f"order:{number}": {"status": status}, **row("account:1", number)})
            publisher.change({f"done:{number}": {"status": "Filled"}}, [f"order:{number}"])
        await publisher.settled()
        seen: dict[str, list[str]] = {}
        accounts = 0
        while "Filled" not in seen.get("49", ()):
            message = await next_message(listener)
            if message is None:
                continue
            frame = msgspec.json.decode(message["data"].decode().partition("\n")[2])
            accounts += "account:1" in frame["rows"]
            for key, shown in frame["rows"].items():
                if key.startswith(("order:", "done:")):
                    seen.setdefault(key.partition(":")[2], []).append(shown["status"])
            for key in frame.get("gone", ()):
                assert key.startswith("order:")
        task.cancel()
    first = seen.pop("0")
    assert first == ["PendingNew", "Working", "PartiallyFilled", "Filled"]
    assert all(states == first for states in seen.values())
    assert accounts <= 3 * 50


async def test_a_redis_that_is_away_does_not_make_states_pile_up(client, monkeypatch) -> None:
    monkeypatch.setattr("trading.sync.publisher.MOST_BEFORE", 10)
    writer = Stream(client, 5)
    publisher = Publisher(writer)
    task = asyncio.create_task(publisher.run())
    publisher.replace({})
    await publisher.settled()
    for number in range(1000):
        publisher.change({"order:1": {"status": str(number)}})
    assert len(publisher._before) == 10
    await publisher.settled()
    assert (await stream.aread_snapshot(5)).rows == {"order:1": {"status": "999"}}
    task.cancel()
