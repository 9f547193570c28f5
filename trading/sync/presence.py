"""Whose desk somebody looks at: kept in Redis by all web processes together, forgotten when nobody says it again.

A page says so when it is asked for and, through its web process, every few seconds while it is open. When it closes, or
its web process is killed, nothing is said any more, and after a grace the sync processes close the socket to Tradovate.
"""

from __future__ import annotations

from collections.abc import Iterable

import redis.asyncio
from django.conf import settings

from trading.sync import doorbell, stream

KEY = "sync:presence"
EVERY = 10.0  # seconds between two times that a web process names its open pages

# KEYS: connection id -> when somebody looked last, by the clock of Redis. ARGV: connection ids.
_SEEN = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
for _, id in ipairs(ARGV) do redis.call('ZADD', KEYS[1], now, id) end
"""


def grace() -> float:
    """Seconds without a word of a page after which nobody looks: as configured, longer than open ones are silent."""
    return max(settings.DESK_SOCKET_GRACE, 3 * EVERY)


def announce(connection_id: int) -> None:
    """Somebody asks for a page of this connection: its socket is opened now. Raises redis.RedisError."""
    stream.client().register_script(_SEEN)(keys=[KEY], args=[connection_id])
    doorbell.ring_wanted(connection_id)


async def say(client: redis.asyncio.Redis, connection_ids: Iterable[int]) -> None:
    """Pages of these connections are open. Raises redis.RedisError."""
    ids = sorted(set(connection_ids))
    if ids:
        await client.register_script(_SEEN)(keys=[KEY], args=ids)


async def aannounce(client: redis.asyncio.Redis, connection_id: int) -> None:
    """`announce` on an event loop."""
    await say(client, [connection_id])
    await client.publish(doorbell.channel(), f"{doorbell.WANTED} {connection_id}")
