"""Keeps sync requests within Tradovate's 300 an hour for a network (official Access text, Request Rate Limits).

All sync processes of a network take turns from one bucket in Redis; while Redis is away each goes by a bucket of its
own.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable

import redis.asyncio
from django.conf import settings
from redis.exceptions import RedisError

from accounts.models import Environment

log = logging.getLogger(__name__)

PER_HOUR = 300
BURST = 60

# KEYS: when the bucket will be full, and when it was last asked: where the clock was set back since, both go back with
# it. ARGV: seconds between turns, burst. Returns the seconds until the turn taken.
_TAKE = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept_full, kept_at = string.match(redis.call('GET', KEYS[1]) or '0 0', '(%S+) (%S+)')
local set_back = math.max(0, (tonumber(kept_at) or 0) - now)
local full = math.max((tonumber(kept_full) or 0) - set_back, now) + interval
redis.call('SET', KEYS[1], string.format('%.6f %.6f', full, now), 'EX', math.ceil(full - now) + 1)
return string.format('%.6f', math.max(0, full - now - burst * interval))
"""


class Bucket:
    """`burst` turns that refill evenly by `per_hour` in all; who finds it empty waits in line."""

    def __init__(
        self, per_hour: float = PER_HOUR, burst: int = BURST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        # The burst is part of the hour's allowance, so the refill gets what it leaves.
        self.interval = 3600.0 / (per_hour - burst)
        self.burst = burst
        self._clock = clock
        self._full_at = clock()

    def reserve(self) -> float:
        """Take the next turn; returns the seconds until it comes."""
        now = self._clock()
        self._full_at = max(self._full_at, now) + self.interval
        return max(0.0, self._full_at - now - self.burst * self.interval)


class Pace:
    """Turns for sync requests, by realm: user ids and limits of the simulator are its own."""

    def __init__(self, client: redis.asyncio.Redis, per_hour: float = PER_HOUR, burst: int = BURST) -> None:
        self._take = client.register_script(_TAKE)
        self._buckets: dict[str, Bucket] = defaultdict(lambda: Bucket(per_hour, burst))

    async def turn(self, environment: str, told: Callable[[float], None]) -> None:
        """Take the next turn, tell in how many seconds it comes, and wait for it."""
        seconds = await self.reserve(environment)
        told(seconds)
        await asyncio.sleep(seconds)

    async def reserve(self, environment: str) -> float:
        """Take the next turn; returns the seconds until it comes."""
        realm = Environment(environment).realm
        bucket = self._buckets[realm]
        key = f"pace:{realm}:{settings.TRADOVATE_NETWORK}:user/syncrequest"
        try:
            return float(await self._take(keys=[key], args=[bucket.interval, bucket.burst]))
        except (RedisError, OSError) as error:
            log.warning("Sync requests are paced by this process alone: %s", type(error).__name__)
            return bucket.reserve()
