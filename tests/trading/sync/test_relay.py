"""A web process's one subscription for all of its pages: it serves each, comes back, and says who looks."""

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import TimeoutError as RedisTimeout

from tests.trading.sync.cast import cut, ready, seqs, until
from trading.sync import presence, stream
from trading.sync import relay as relays
from trading.sync.relay import Bye, Outbox, Relay
from trading.sync.stream import Stream
from trading.sync.subscription import Subscription, Take
from trading.sync.watchful import WatchfulRedis


async def subscribers(client: Redis, *connection_ids: int) -> list[int]:
    return [count for _, count in await client.pubsub_numsub(*map(stream.channel, connection_ids))]


async def read_to_the_end(outbox: Outbox) -> None:
    async with asyncio.timeout(10):
        while True:
            if await outbox.get() is None:
                ready(outbox)


async def test_one_subscription_serves_all_sockets_and_ends_with_the_last(redis_url) -> None:
    client = stream.async_client()
    relay = Relay()
    outboxes = [Outbox(5), Outbox(5, file="f-1"), Outbox(6)]
    for outbox in outboxes:
        await relay.join(outbox)
    writer = Stream(client, 5)
    await writer.replace({"a:1": {"id": "1"}})
    for outbox in outboxes:
        outbox.begin()
        epoch, seq, _ = await relay.snapshot(outbox.connection_id)
        outbox.continue_from(epoch, seq)
    assert await subscribers(client, 5, 6) == [1, 1]
    await client.publish(stream.channel(5), 'line f-1\n{"t":"line"}')
    await writer.change({"a:1": {"id": "2"}})
    assert await outboxes[1].get() == '{"t":"line"}'
    first, second = await outboxes[0].get(), await outboxes[1].get()
    assert first is second, "encoded and decoded once for all"
    for outbox in outboxes:
        await relay.leave(outbox)

    async def nobody() -> bool:
        return await subscribers(client, 5, 6) == [0, 0]

    await until(nobody)
    await client.aclose()


async def test_two_pages_that_open_together_are_subscribed_once(redis_url, monkeypatch: pytest.MonkeyPatch) -> None:
    """Confirmed again, the subscription would make all pages read their snapshots once more, which lack the states
    that an order had in between."""
    announcing, go_on, announce = asyncio.Event(), asyncio.Event(), presence.aannounce

    async def slow_at_first(*arguments: object) -> None:
        if not announcing.is_set():
            announcing.set()
            await go_on.wait()
        await announce(*arguments)

    monkeypatch.setattr(presence, "aannounce", slow_at_first)
    relay, slow, quick = Relay(), Outbox(5), Outbox(5)
    joining = asyncio.create_task(relay.join(slow))
    await announcing.wait()
    await relay.join(quick)
    client = stream.async_client()
    writer = Stream(client, 5)
    await writer.replace({"a:1": {"id": "1"}})
    ready(quick, *reversed((await relay.snapshot(5))[:2]))
    go_on.set()
    await joining
    await writer.change({"a:1": {"id": "2"}})
    assert await seqs(quick, 1) == [2]
    for outbox in (slow, quick):
        await relay.leave(outbox)
    await client.aclose()


async def test_after_a_lost_redis_connection_everybody_gets_a_fresh_snapshot(redis_url) -> None:
    client = stream.async_client()
    relay = Relay()
    outbox = Outbox(5)
    await relay.join(outbox)
    await Stream(client, 5).replace({"a:1": {"id": "1"}})
    ready(outbox, 1, (await relay.snapshot(5))[0])
    cut("pubsub")
    async with asyncio.timeout(10):
        assert await outbox.get() is None
    ready(outbox, *reversed((await relay.snapshot(5))[:2]))
    await client.publish(stream.channel(5), "bye signed-out\n{}")
    with pytest.raises(Bye):
        await outbox.get()
    await relay.leave(outbox)
    await client.aclose()


@pytest.mark.parametrize("strange", ["beyond all words", "delta", b"\xff"])
async def test_what_another_release_says_does_not_keep_pages_from_what_follows(redis_url, strange: str | bytes) -> None:
    client = stream.async_client()
    relay = Relay()
    outbox = Outbox(5)
    await relay.join(outbox)
    ready(outbox)
    await client.publish(stream.channel(5), strange)
    await client.publish(stream.channel(5), "bye signed-out\n{}")
    with pytest.raises(Bye):
        await read_to_the_end(outbox)
    await relay.leave(outbox)
    await client.aclose()


async def test_a_page_that_comes_while_the_subscription_breaks_is_subscribed_all_the_same(redis_url) -> None:
    relay, first, second = Relay(), Outbox(5), Outbox(6)
    await relay.join(first)
    cut("pubsub")
    async with asyncio.timeout(10):
        await relay.join(second)
    await relay.leave(first)
    await relay.leave(second)


async def test_whatever_goes_wrong_with_listening_a_process_listens_again(
    redis_url, monkeypatch: pytest.MonkeyPatch
) -> None:
    troubles = [RuntimeError("read() called while another coroutine is already waiting for incoming data")]
    opened = relays.Subscription.open

    async def in_trouble_at_first(client: WatchfulRedis, take: Take) -> Subscription:
        if troubles:
            raise troubles.pop()
        return await opened(client, take)

    monkeypatch.setattr(relays.Subscription, "open", in_trouble_at_first)
    relay, outbox = Relay(), Outbox(5)
    async with asyncio.timeout(10):
        await relay.join(outbox)
    assert not troubles
    await relay.leave(outbox)


async def test_a_page_that_redis_did_not_take_is_named_again_soon(redis_url, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody opens its socket to Tradovate before: the desk would stay empty for ten seconds."""
    monkeypatch.setattr(presence, "EVERY", 600.0)
    troubles, say = [RedisTimeout(), RedisTimeout(), RedisTimeout()], presence.say

    async def in_trouble_at_first(*arguments: object) -> None:
        if troubles:
            raise troubles.pop()
        await say(*arguments)

    monkeypatch.setattr(presence, "say", in_trouble_at_first)
    relay, outbox, client = Relay(), Outbox(5), stream.async_client()
    await relay.join(outbox)
    await until(lambda: client.zscore(presence.KEY, 5))
    await relay.leave(outbox)
    await client.aclose()


async def test_a_redis_that_was_away_is_told_at_once_who_looks(redis_url, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "EVERY", 600.0)
    relay, outbox, client = Relay(), Outbox(5), stream.async_client()
    await relay.join(outbox)
    await until(lambda: client.zscore(presence.KEY, 5))
    await client.delete(presence.KEY)
    cut("pubsub")
    await until(lambda: client.zscore(presence.KEY, 5))
    await relay.leave(outbox)
    await client.aclose()
