"""Scripts that share one connection to Redis: each gets its own answer, and a connection that ends is no end."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.exceptions import ConnectionError as ConnectionTrouble
from redis.exceptions import ResponseError

from tests.trading.sync.cast import cut
from trading.sync import stream
from trading.sync.watchful import WatchfulRedis

ECHO = "return ARGV[1]"
COUNT = "return redis.call('INCR', KEYS[1])"
REFUSE = "return redis.error_reply('refused')"


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[WatchfulRedis]:
    async with stream.async_client() as made:
        yield made


async def test_each_gets_its_own_answer_though_one_is_refused_and_another_does_not_wait(client: WatchfulRedis) -> None:
    echo, refuse = client.register_script(ECHO), client.register_script(REFUSE)
    gone = echo.begin((), ["gone"])
    gone.cancel()
    calls = [refuse() if number == 7 else echo((), [f"ü{number}"]) for number in range(100)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    refused = answers.pop(7)
    assert isinstance(refused, ResponseError)
    assert answers == [f"ü{number}".encode() for number in range(100) if number != 7]


async def test_a_call_that_is_begun_is_on_its_way_before_it_is_awaited(client: WatchfulRedis) -> None:
    count = client.register_script(COUNT)
    await count(["n"])
    begun = count.begin(["n"])
    async with asyncio.timeout(10):
        while await client.get("n") != b"2":
            pass
    assert await begun == 2


async def test_a_connection_that_has_ended_is_replaced(client: WatchfulRedis) -> None:
    count = client.register_script(COUNT)
    assert await count(["n"]) == 1
    cut("normal")
    assert await count(["n"]) == 2
    await asyncio.gather(*(count(["n"]) for _ in range(20)))
    assert await count(["n"]) == 23


async def test_a_redis_that_has_forgotten_its_scripts_is_told_them_again(client: WatchfulRedis) -> None:
    count = client.register_script(COUNT)
    await count(["n"])
    await client.script_flush()
    assert await asyncio.gather(*(count.begin(["n"]) for _ in range(3))) == [2, 3, 4]


async def test_who_waits_when_the_client_is_closed_is_told_so(redis_url: str) -> None:
    client = stream.async_client()
    begun = client.register_script(COUNT).begin(["n"])
    await client.aclose()
    with pytest.raises(ConnectionTrouble):
        await begun
