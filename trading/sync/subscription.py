"""A subscription to channels of Redis whose messages are taken in the moment that they are read.

redis-py hands a message over through a stream, a timeout and the task that asked for it: most of what a web process
spent on an event. Here what Redis says is parsed where the event loop delivers it, and no task has to wake up first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Self

from hiredis import Reader, ReplyError, pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as ConnectionTrouble
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeout

from trading.sync import watchful
from trading.sync.watchful import WatchfulRedis

# What Redis says ("message", "subscribe", "unsubscribe"), of which channel, and the message, empty where it is none.
Take = Callable[[str, str, bytes], None]


class Subscription(asyncio.Protocol):
    """One connection, from its opening to its end; `take` gets what comes, and must not raise."""

    def __init__(self, connection: AbstractConnection, take: Take) -> None:
        self._connection = connection
        self._take = take
        self._channels: set[str] = set()
        self._reader = Reader()
        self._loop = asyncio.get_running_loop()
        self._end: asyncio.Future[None] = self._loop.create_future()
        self._heard_at = self._loop.time()
        self._asked_at: float | None = None
        self._watch = self._loop.call_later(watchful.QUIET, self._look)
        # redis-py has signed in and waits for nothing any more: from here on its stream is passed by.
        self._transport: Any = connection._writer.transport  # type: ignore[union-attr]  # it is connected
        self._transport.set_protocol(self)

    @classmethod
    async def open(cls, client: WatchfulRedis, take: Take) -> Self:
        """Connect as the client does. Raises RedisError, OSError."""
        connection = client.connection_pool.make_connection()  # type: ignore[no-untyped-call]  # as redis-py has it
        try:
            async with watchful.answered():
                await connection.connect()
            return cls(connection, take)
        except BaseException:
            await connection.disconnect(nowait=True)
            raise

    def subscribe(self, *channels: str) -> None:
        """Take the messages of more channels; of each Redis says once from when on they come."""
        if new := [channel for channel in dict.fromkeys(channels) if channel not in self._channels]:
            self._channels.update(new)
            self._say("SUBSCRIBE", *new)

    def unsubscribe(self, channel: str) -> None:
        """Take no more messages of a channel."""
        self._channels.discard(channel)
        self._say("UNSUBSCRIBE", channel)

    async def ended(self) -> None:
        """Raise RedisError once the connection has ended, or Redis does not answer any more."""
        await self._end

    async def aclose(self) -> None:
        """End the connection."""
        self._fail(ConnectionTrouble("The subscription to Redis was closed."))
        await self._connection.disconnect(nowait=True)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._heard_at = self._loop.time()
        self._reader.feed(data)
        while (said := self._reader.gets()) is not False:
            if isinstance(said, ReplyError):
                self._fail(ResponseError(str(said)))
            elif isinstance(said, list) and len(said) == 3:
                kind, channel, what = said
                self._take(kind.decode(), channel.decode(), what if kind == b"message" else b"")

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._fail(ConnectionTrouble("The subscription to Redis has ended."))

    def _say(self, *words: str) -> None:
        self._transport.write(pack_command(words))  # type: ignore[arg-type]  # a tuple of any length

    def _look(self) -> None:
        """After some silence Redis is asked whether it is there, and has to answer."""
        if self._asked_at is not None and self._heard_at < self._asked_at:
            self._fail(RedisTimeout(f"Redis has not answered for {watchful.ANSWER:g} seconds."))
            return
        self._asked_at = None
        now = self._loop.time()
        quiet_at = self._heard_at + watchful.QUIET
        if now < quiet_at:
            self._watch = self._loop.call_at(quiet_at, self._look)
        else:
            self._asked_at = now
            self._say("PING")
            self._watch = self._loop.call_later(watchful.ANSWER, self._look)

    def _fail(self, error: Exception) -> None:
        self._watch.cancel()
        if not self._end.done():
            self._end.set_exception(error)
            # Marks it as seen: whoever waited may be gone.
            self._end.exception()
            self._transport.abort()
