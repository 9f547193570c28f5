"""What Redis publishes is taken as it comes, in order and whole; a connection that tells nothing more has an end."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest
import redis
from django.conf import LazySettings
from redis.exceptions import RedisError, ResponseError

from tests.trading.sync.cast import cut, until
from trading.sync import relay as relays
from trading.sync import stream, watchful
from trading.sync.relay import Outbox, Relay
from trading.sync.subscription import Subscription


@asynccontextmanager
async def listening(*channels: str) -> AsyncIterator[tuple[Subscription, list[tuple[str, str, bytes]]]]:
    taken: list[tuple[str, str, bytes]] = []
    async with (
        stream.async_client(retries=0) as client,
        aclosing(await Subscription.open(client, lambda *said: taken.append(said))) as subscription,
    ):
        subscription.subscribe(*channels)
        await until(lambda: len(taken) == len(channels))
        yield subscription, taken


async def test_what_is_published_comes_in_order_and_whole(redis_url: str) -> None:
    said = [b"one", b"\xff\x00", b"x" * 1_000_000, "\u20ac".encode() * 70_000, b""]
    async with listening("here") as (_, taken):
        assert taken == [("subscribe", "here", b"")]
        with redis.Redis.from_url(redis_url) as direct:
            for one in said:
                direct.publish("here", one)
                direct.publish("elsewhere", one)
        await until(lambda: len(taken) == 1 + len(said))
        assert taken[1:] == [("message", "here", one) for one in said]


async def test_a_channel_that_is_asked_for_already_is_not_told_once_more(redis_url: str) -> None:
    """Its pages would go back to a snapshot, all of them."""
    async with listening("a") as (subscription, taken):
        subscription.subscribe("a", "b", "b")
        subscription.subscribe("b", "c")
        await until(lambda: ("subscribe", "c", b"") in taken)
        assert [channel for _, channel, _ in taken] == ["a", "b", "c"]


async def test_of_a_channel_that_is_left_nothing_comes_until_it_is_asked_for_again(redis_url: str) -> None:
    async with listening("a", "b") as (subscription, taken):
        subscription.unsubscribe("a")
        await until(lambda: ("unsubscribe", "a", b"") in taken)
        with redis.Redis.from_url(redis_url) as direct:
            assert direct.publish("a", "lost") == 0
            subscription.subscribe("a")
            await until(lambda: taken[-1] == ("subscribe", "a", b""))
            direct.publish("a", "told")
        await until(lambda: taken[-1] == ("message", "a", b"told"))


async def test_a_quiet_redis_that_answers_keeps_its_subscription(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchful, "QUIET", 0.05)
    monkeypatch.setattr(watchful, "ANSWER", 0.2)
    async with listening("quiet") as (subscription, taken):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await subscription.ended()
        with redis.Redis.from_url(redis_url) as direct:
            direct.publish("quiet", "now")
        await until(lambda: taken[-1] == ("message", "quiet", b"now"))


async def test_a_connection_that_redis_closes_has_ended(redis_url: str) -> None:
    async with listening("a") as (subscription, _):
        cut("pubsub")
        async with asyncio.timeout(10):
            with pytest.raises(redis.ConnectionError):
                await subscription.ended()
        subscription.subscribe("b")  # has no effect, and no fault


def pauses(caplog: pytest.LogCaptureFixture) -> list[float]:
    """How long the relay said that it waits, each time that its subscription broke."""
    return [one.args[0] for one in caplog.records if one.name == relays.__name__ and one.args]  # type: ignore[misc]


@asynccontextmanager
async def refusing_redis(settings: LazySettings) -> AsyncIterator[None]:
    """One whose user may do nothing, in place of the settings' own."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await reader.read(65536):
            writer.write(b"-NOPERM this user may not\r\n" * len(re.findall(rb"^\*", said, re.MULTILINE)))

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        yield


async def test_a_redis_that_refuses_to_tell_ends_the_subscription(settings) -> None:
    async with (
        refusing_redis(settings),
        stream.async_client(retries=0) as client,
        aclosing(await Subscription.open(client, lambda *_: None)) as subscription,
    ):
        subscription.subscribe("a")
        async with asyncio.timeout(10):
            with pytest.raises(ResponseError, match="may not"):
                await subscription.ended()


async def test_a_redis_that_refuses_to_tell_is_asked_less_and_less_often(
    settings, caplog: pytest.LogCaptureFixture
) -> None:
    async with refusing_redis(settings):
        relay, outbox = Relay(), Outbox(5)
        page = asyncio.create_task(relay.join(outbox))
        await until(lambda: len(pauses(caplog)) == 3)
        page.cancel()
        await relay.leave(outbox)
    first, second, third = pauses(caplog)
    assert first < second < third


async def test_a_redis_that_has_told_is_asked_again_at_once(redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    relay, outbox = Relay(), Outbox(5)
    with redis.Redis.from_url(redis_url) as direct:
        await relay.join(outbox)
        for times in (1, 2):
            await until(lambda: direct.pubsub_numsub(stream.channel(5))[0][1])
            cut("pubsub")
            await until(lambda times=times: len(pauses(caplog)) == times)
    await relay.leave(outbox)
    first, second = pauses(caplog)
    assert first == second


async def test_a_redis_that_says_nothing_is_not_waited_for(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is stopped: its kernel still takes connections."""
    monkeypatch.setattr(watchful, "ANSWER", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        async with stream.async_client(retries=0) as client, asyncio.timeout(20):
            with pytest.raises((RedisError, OSError)):
                await Subscription.open(client, lambda *_: None)
