"""How far a desk's first figures have come: for the page that waits for them, and for the log when that takes long.

A link notes its steps in Redis; a web process reads the last one, and sees what comes before there is a link.
"""

from __future__ import annotations

import enum
import time
from typing import TYPE_CHECKING, Final

from redis.exceptions import RedisError

from trading.sync import crew
from trading.sync.stream import lease_key

if TYPE_CHECKING:
    from trading.sync.watchful import WatchfulRedis

LASTS: Final = 600  # seconds
_NOTE: Final = "redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])"


class Stage(enum.StrEnum):
    """What the first figures wait for, in the order in which it passes."""

    REDIS = "redis"
    SYNC = "sync"
    TAKER = "taker"
    TOKEN = "token"  # noqa: S105 - the name of a stage
    SOCKET = "socket"
    SNAPSHOT = "snapshot"

    @property
    def words(self) -> str:
        """For traders, and for whom they ask."""
        return _WORDS[self]


_WORDS: Final = {
    Stage.REDIS: "Tradeport's Redis does not answer: nothing can be shown until it does.",
    Stage.SYNC: "None of Tradeport's sync processes runs, and only they bring figures. Tell your support.",
    Stage.TAKER: "One of Tradeport's sync processes is about to take up your connection.",
    Stage.TOKEN: "Tradeport's sync process is getting ready to connect to Tradovate.",
    Stage.SOCKET: "Tradeport's sync process is connecting to Tradovate.",
    Stage.SNAPSHOT: "Tradovate is connected and gathers your figures.",
}


class Steps:
    """The writing end, held by a connection's link."""

    def __init__(self, client: WatchfulRedis, connection_id: int) -> None:
        self._note = client.register_script(_NOTE)
        self._key = _key(connection_id)

    def note(self, stage: Stage) -> None:
        """The link waits for this from now on. Nobody waits for Redis here: a note that is lost costs words only."""
        self._note.begin([self._key], [stage.value, LASTS])


async def look(client: WatchfulRedis, connection_id: int) -> Stage:
    """What a connection's first figures wait for now."""
    try:
        owner, noted = await client.mget(lease_key(connection_id), _key(connection_id))
        if owner is not None:
            return Stage(noted.decode()) if noted is not None else Stage.TOKEN
        live = await client.zcount(crew.KEY, time.time() - crew.HEALTHY, "+inf")
    except (RedisError, OSError):
        return Stage.REDIS
    return Stage.TAKER if live else Stage.SYNC


def _key(connection_id: int) -> str:
    return f"sync:{{{connection_id}}}:stage"
