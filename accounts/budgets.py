"""Tradovate's limits on requests, counted in Redis by all processes of this portal together.

Whoever talks to Tradovate does it with the budgets of the connection, and says what for (see
trading.tradovate.priorities): `kept_in(..., priority=Priority.ENTRY)` for all that a client sends, or for one order
`client.order.place(order, priority=Priority.ENTRY)`. User ids and networks of the simulator are its own: they are
counted apart from Tradovate's, whose LIVE and DEMO share one count.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import redis.asyncio
from asgiref.sync import async_to_sync
from django.conf import settings
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from accounts.models import Environment
from trading.tradovate import Budgets, Priority, RedisStore
from trading.tradovate.limits import Budget

# Seconds that counting may take; requests go on without it.
PATIENCE = 1.0


def client() -> redis.asyncio.Redis:
    """A new Redis client for one event loop; whoever asks for it closes it."""
    made: redis.asyncio.Redis = redis.asyncio.Redis.from_url(
        settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 1)
    )
    return made


def kept_in(
    store: redis.asyncio.Redis,
    environment: str,
    tradovate_user_id: int | None = None,
    *,
    priority: Priority | None = None,
) -> Budgets:
    """The budgets of a Tradovate user (None before the sign-in) in a Redis; `priority` as Budgets takes it."""
    prefix = f"budget:{Environment(environment).realm}:"
    counts = RedisStore(store, prefix=prefix)
    return Budgets(counts, network=settings.TRADOVATE_NETWORK, user=tradovate_user_id, priority=priority)


@asynccontextmanager
async def budgets(
    environment: str, tradovate_user_id: int | None = None, *, priority: Priority | None = None
) -> AsyncIterator[Budgets]:
    """As `kept_in`, with a Redis client of their own. Leave it after what uses them is closed."""
    store = client()
    try:
        yield kept_in(store, environment, tradovate_user_id, priority=priority)
    finally:
        # Tradovate has answered: a Redis, or a machine, that is slow to part takes nothing of that back.
        with suppress(redis.RedisError, OSError):
            await store.aclose()


@dataclass(frozen=True)
class NetworkBudgets:
    """What this process's network has left of the routes that Tradovate counts by network, in one realm."""

    realm: str
    routes: list[Budget]


def of_network() -> list[NetworkBudgets]:
    """The network's budgets in the realms that traders may sign in to; none at all without Redis."""

    async def look(environment: str) -> list[Budget]:
        async with budgets(environment) as own:
            return await own.of_network()

    environments = {Environment(name).realm: name for name in settings.TRADOVATE_ENVIRONMENTS}
    try:
        return [NetworkBudgets(realm, async_to_sync(look)(name)) for realm, name in sorted(environments.items())]
    except (redis.RedisError, OSError):
        return []


def penalty_left(environment: str, route: str) -> int:
    """Seconds for which Tradovate still refuses a route of the network's to everybody; 0 when it does not, and without
    Redis."""

    async def look() -> list[Budget]:
        async with budgets(environment) as own:
            return await own.of_network()

    try:
        (budget,) = [one for one in async_to_sync(look)() if one.limit.name == route]
    except (redis.RedisError, OSError):
        return 0
    return max(0, math.ceil(budget.usage.blocked_until - budget.now))


def of_user(environment: str, tradovate_user_id: int) -> Budget | None:
    """A Tradovate user's budget; None without Redis."""

    async def look() -> Budget:
        async with budgets(environment, tradovate_user_id) as own:
            return await own.of_user()

    try:
        return async_to_sync(look)()
    except (redis.RedisError, OSError):
        return None
