"""Which hub owns a connection: a Redis key with an end, held by whoever set it first and keeps renewing it.

The key's value is the owner's token; every write to the stream is refused with another one (stream.py), so an owner
that was paused for too long cannot write over its successor.
"""

from __future__ import annotations

import asyncio
import logging
import secrets

import redis.asyncio
from redis.exceptions import RedisError

from trading.sync.stream import Fenced, lease_key

log = logging.getLogger(__name__)

# Seconds. With the looks of the hubs this bounds how long a desk stands still when its process is killed: under five.
LASTS = 3.0
RENEW_EVERY = 1.0

# An owner whose key Redis lost (a restart) takes it back unless somebody else was faster.
_RENEW = """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class Lease:
    """The right to hold one connection's socket and to write its stream."""

    def __init__(self, client: redis.asyncio.Redis, connection_id: int, lasts: float = LASTS) -> None:
        self.token = secrets.token_hex(8)
        self._client = client
        self._connection_id = connection_id
        self._key = lease_key(connection_id)
        self._milliseconds = int(lasts * 1000)
        self._renew = client.register_script(_RENEW)
        self._release = client.register_script(_RELEASE)

    async def take(self) -> bool:
        """Become the owner; False while somebody else is."""
        return bool(await self._client.set(self._key, self.token, nx=True, px=self._milliseconds))

    async def renew(self) -> bool:
        """Stay the owner; False when somebody else has become it."""
        return bool(await self._renew(keys=[self._key], args=[self.token, self._milliseconds]))

    async def confirm(self) -> None:
        """Stay the owner. Raises Fenced when somebody else has become it; while Redis does not answer nobody can."""
        try:
            if not await self.renew():
                raise Fenced
        except (RedisError, OSError):
            # If somebody has become it afterwards, the stream refuses our writes.
            log.warning("Redis does not answer; connection %d keeps its socket.", self._connection_id)

    async def keep(self) -> None:
        """Stay the owner until cancelled. Raises Fenced."""
        while True:
            await asyncio.sleep(RENEW_EVERY)
            await self.confirm()

    async def release(self) -> None:
        """Let the next one in at once; harmless when the lease was lost."""
        await self._release(keys=[self._key], args=[self.token])
