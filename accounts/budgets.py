"""Tradovate's limits on requests, counted in Redis by all processes of this portal together.

Whoever talks to Tradovate does it with the budgets of the connection (see trading.tradovate.limits). User ids and
networks of the simulator are its own: they are counted apart from Tradovate's, whose LIVE and DEMO share one count.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio
from django.conf import settings
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from accounts.models import Environment
from trading.tradovate import Budgets, RedisStore

# Seconds that counting may take; requests go on without it.
PATIENCE = 1.0


def client() -> redis.asyncio.Redis:
    """A new Redis client for one event loop; whoever asks for it closes it."""
    made: redis.asyncio.Redis = redis.asyncio.Redis.from_url(
        settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 1)
    )
    return made


def kept_in(
    store: redis.asyncio.Redis, environment: str, tradovate_user_id: int | None = None, *, urgent: bool = False
) -> Budgets:
    """The budgets of a Tradovate user (None before the sign-in) in a Redis; `urgent` may use the reserves."""
    prefix = f"budget:{Environment(environment).realm}:"
    counts = RedisStore(store, prefix=prefix)
    return Budgets(counts, network=settings.TRADOVATE_NETWORK, user=tradovate_user_id, urgent=urgent)


@asynccontextmanager
async def budgets(
    environment: str, tradovate_user_id: int | None = None, *, urgent: bool = False
) -> AsyncIterator[Budgets]:
    """As `kept_in`, with a Redis client of their own. Leave it after what uses them is closed."""
    async with client() as store:
        yield kept_in(store, environment, tradovate_user_id, urgent=urgent)
