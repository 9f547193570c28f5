"""A Redis whose host vanishes without a word is noticed by who listens to it and by who writes to it."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import redis

from tests.trading.sync.cast import running_hub, settled, until
from tests.trading.sync.vanishing import VanishingHost
from trading.sync import crew, doorbell, stream, watchful
from trading.sync.relay import Outbox, Relay
from trading.sync.stream import Stream


@pytest.fixture
async def host(redis_url: str, settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[VanishingHost]:
    """What goes to Redis by its address in the settings goes over a host that can vanish."""
    monkeypatch.setattr(watchful, "QUIET", 0.2)
    monkeypatch.setattr(watchful, "ANSWER", 1.0)
    stream.client()  # the process's synchronous one keeps the real address
    async with VanishingHost(redis_url).serving() as running:
        settings.REDIS_URL = running.url
        yield running


async def test_pages_get_a_fresh_snapshot_from_the_redis_that_takes_its_place(
    host: VanishingHost, redis_url: str
) -> None:
    with redis.Redis.from_url(redis_url) as direct:
        relay, outbox = Relay(), Outbox(5)
        await relay.join(outbox)
        outbox.begin()
        host.vanish()
        async with asyncio.timeout(20):
            assert await outbox.get() is None
        outbox.begin()
        await until(lambda: direct.publish(stream.channel(5), 'line f-1\n{"t":"line"}'))
        direct.publish(stream.channel(5), "bye signed-out\n{}")
        with pytest.raises(Exception, match="signed-out"):
            await outbox.get()
        await relay.leave(outbox)


async def test_a_quiet_redis_that_answers_keeps_its_subscription(host: VanishingHost, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as direct:
        async with stream.async_client() as client, client.pubsub() as subscription:
            await subscription.subscribe("quiet")
            first = await watchful.next_message(subscription)
            assert first is not None
            assert first["type"] == "subscribe"
            assert [await watchful.next_message(subscription) for _ in range(3)] == [None, None, None]
            direct.publish("quiet", "now")
            said = await watchful.next_message(subscription)
            assert said is not None
            assert said["data"] == b"now"


async def test_a_command_does_not_wait_for_a_host_that_has_vanished(host: VanishingHost) -> None:
    async with stream.async_client(retries=0) as client:
        writer = Stream(client, 5)
        await writer.replace({})
        host.vanish()
        async with asyncio.timeout(20):
            with pytest.raises(redis.TimeoutError):
                await writer.change({"a:1": {"id": "1"}})
        await writer.replace({})


async def test_the_hub_hears_the_bell_and_publishes_again(
    simulator, trader, host: VanishingHost, redis_url: str
) -> None:
    with redis.Redis.from_url(redis_url) as direct:
        async with running_hub(rescan=600) as hub:
            await settled(trader)
            host.vanish()
            direct.delete(crew.KEY)
            await until(lambda: direct.exists(crew.KEY))
            await until(lambda: direct.publish(doorbell.channel(), f"{doorbell.CLOSED} {trader.pk}") and not hub._links)


async def test_a_page_does_not_wait_for_a_redis_that_says_nothing(
    settings, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is stopped: its kernel still takes connections."""
    monkeypatch.setattr(watchful, "ANSWER", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        async with asyncio.timeout(20):
            with pytest.raises(redis.TimeoutError):
                await stream.aread_snapshot(5, wait=0.1)
