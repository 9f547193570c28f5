"""Talking to a Redis whose host may vanish without a word: TCP notices that only after a quarter of an hour.

A command gives up after seconds. A subscription may be silent for hours; after some silence Redis is asked whether it
is there, and has to answer. redis-py's own `socket_timeout` would end idle subscriptions, and on Python 3.11 it can
swallow a cancellation (`asyncio.wait_for`), which keeps a process from stopping.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import redis.asyncio
from redis.asyncio.client import PubSub
from redis.exceptions import TimeoutError as RedisTimeout

from trading.sync.scripts import Script, Wire

QUIET = 5.0  # seconds of silence after which Redis is asked
ANSWER = 3.0  # seconds that it has to answer


class WatchfulRedis(redis.asyncio.Redis):
    """A client whose commands raise redis.TimeoutError when Redis does not answer. Pipelines and subscriptions need
    `answered` around them. Scripts go over a connection of their own (scripts.py)."""

    _wire: Wire | None = None

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """See redis.asyncio.Redis."""
        async with answered():
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]  # as redis-py has it

    def register_script(self, script: str | bytes | memoryview) -> Script:  # type: ignore[override]  # called alike
        """A script that may be called like redis-py's."""
        return Script(str(script), self._open_wire)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """See redis.asyncio.Redis."""
        if self._wire is not None:
            await self._wire.close()
        await super().aclose(close_connection_pool)

    def _open_wire(self) -> Wire:
        if self._wire is None or self._wire.has_ended:
            connection = self.connection_pool.make_connection()  # type: ignore[no-untyped-call]  # as redis-py has it
            self._wire = Wire(connection, ANSWER)
        return self._wire


@asynccontextmanager
async def answered() -> AsyncIterator[None]:
    """Raise redis.TimeoutError when Redis takes too long for what is in the block."""
    try:
        async with asyncio.timeout(ANSWER):
            yield
    except TimeoutError:
        raise RedisTimeout(f"Redis has not answered for {ANSWER:g} seconds.") from None


async def next_message(subscription: PubSub) -> dict[str, Any] | None:
    """The next message, confirmations of (un)subscribing included; None for an answer that was asked for here.

    Raises redis.TimeoutError when Redis does not answer, and what redis-py raises for a broken connection.
    """
    message: dict[str, Any] | None = await subscription.get_message(timeout=QUIET)
    if message is None:
        async with answered():
            await subscription.ping()
            message = await subscription.get_message(timeout=None)
    return None if message is None or message["type"] == "pong" else message
