"""Which databases of a Redis server the tests may empty: those with nothing in them, those that they marked, and all of
CI's, whose servers are its own."""

import os
from collections.abc import Iterable

import redis

MARK = "the tests of tradeport empty this database"
# Test processes at the same time.
MOST = 4


class NoRoom(Exception):
    """An address does not end in the number of a database that has enough others below it."""


def in_ci() -> bool:
    """Whether this run is CI's: CI is set, to neither nothing nor "false" (.ci/run)."""
    return (os.environ.get("CI") or "false") != "false"


def databases(url: str) -> list[str]:
    """The addresses of all that a run on `url` empties: the database that it names, and those below it.

    Raises NoRoom.
    """
    address, _, number = url.rpartition("/")
    if not number.isdecimal() or int(number) < MOST - 1:
        raise NoRoom(
            f"TEST_REDIS_URL has to end in /{MOST - 1} or more, the number of a database: "
            f"{MOST} test processes use that one and those below it."
        )
    return [f"{address}/{int(number) - worker}" for worker in range(MOST)]


def is_ours(url: str) -> bool:
    """Whether nothing in there is anybody else's. Raises RedisError, in CI too where no server is there."""
    with redis.Redis.from_url(url, socket_timeout=3) as client:
        return bool(client.exists(MARK)) or not client.dbsize() or in_ci()


def empty(url: str) -> None:
    """Leave nothing in there but the mark."""
    with redis.Redis.from_url(url) as client, client.pipeline() as together:
        together.flushdb().set(MARK, 1).execute()


def refusal(urls: Iterable[str]) -> str:
    """What to say of databases that are not ours, without a password that the addresses may hold."""
    numbers = ", ".join(url.rpartition("/")[2] for url in urls)
    return (
        f"the Redis of TEST_REDIS_URL has keys in database {numbers} that the tests have not made, and a run would "
        "delete them. Name a database in TEST_REDIS_URL that nothing else uses (the three below it are emptied, too), "
        "or, when what is in there is worth nothing, empty it (redis-cli -n NUMBER flushdb)."
    )
