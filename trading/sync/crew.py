"""The sync processes that live, and the desks that somebody looks at: both in Redis, both end by themselves.

A process that says nothing for LASTS seconds counts as dead: the others divide its connections among themselves.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from dataclasses import dataclass

import redis
import redis.asyncio

from trading.sync import presence
from trading.sync.stream import lease_key

KEY = "sync:crew"
LASTS = 3.0  # seconds
# For health checks, which compare clocks of two machines.
HEALTHY = 10.0

# KEYS: crew, presence. ARGV: my name, LASTS, grace. Returns whether I was not there, the names, the connection ids.
_LOOK = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - tonumber(ARGV[3]))
local is_new = redis.call('ZADD', KEYS[1], now, ARGV[1])
return {is_new, redis.call('ZRANGE', KEYS[1], 0, -1), redis.call('ZRANGE', KEYS[2], 0, -1)}
"""


@dataclass(frozen=True)
class Sight:
    """What a look finds. `forgotten`: Redis did not know this process any more, nor perhaps the others."""

    members: frozenset[str] = frozenset()
    present: frozenset[int] = frozenset()
    forgotten: bool = False


class Crew:
    """This process among the others."""

    def __init__(self, client: redis.asyncio.Redis, grace: float) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._client = client
        self._look = client.register_script(_LOOK)
        self._grace = grace
        self._joined = False

    async def look(self) -> Sight:
        """Say that this process lives, and see who else does and who is looked at. Raises redis.RedisError."""
        args: list[str | float] = [self.name, LASTS, self._grace]
        is_new, members, present = await self._look(keys=[KEY, presence.KEY], args=args)
        forgotten, self._joined = self._joined and bool(is_new), True
        return Sight(frozenset(name.decode() for name in members), frozenset(map(int, present)), forgotten)

    async def free(self, connection_ids: set[int]) -> set[int]:
        """Those of these connections that no process holds. Raises redis.RedisError."""
        ids = sorted(connection_ids)
        owners = await self._client.mget([lease_key(one) for one in ids]) if ids else []
        return {one for one, owner in zip(ids, owners, strict=True) if owner is None}

    async def leave(self) -> None:
        """This process ends: the others need not wait for its silence. Raises redis.RedisError."""
        await self._client.zrem(KEY, self.name)


def is_there(client: redis.Redis) -> bool:
    """Whether any sync process lives, for health checks. Raises redis.RedisError."""
    return bool(client.zcount(KEY, time.time() - HEALTHY, "+inf"))
