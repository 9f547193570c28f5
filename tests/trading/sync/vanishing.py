"""A way to Redis on which the host can vanish without a word: connections stay open and nothing comes any more."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit


class VanishingHost:
    """Passes connections on to the Redis at a URL until it vanishes. A new host then answers at the same address."""

    def __init__(self, redis_url: str) -> None:
        self._behind = urlsplit(redis_url)
        self._vanished = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    def vanish(self) -> None:
        """What is open now is dead from here on, and nobody is told."""
        self._vanished.set()
        self._vanished = asyncio.Event()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[VanishingHost]:
        """Listen while the block runs; `url` says where."""
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        database = "" if self._behind.scheme == "unix" else self._behind.path
        self.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}{database}"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = self._vanished
        if self._behind.scheme == "unix":
            redis_reader, redis_writer = await asyncio.open_unix_connection(self._behind.path)
        else:
            address = self._behind.hostname, self._behind.port or 6379
            redis_reader, redis_writer = await asyncio.open_connection(*address)
        for source, sink in ((reader, redis_writer), (redis_reader, writer)):
            task = asyncio.create_task(_pass_on(source, sink, there))
            self._tasks.add(task)


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter, vanished: asyncio.Event) -> None:
    while data := await source.read(65536):
        if not vanished.is_set():
            sink.write(data)
            await sink.drain()
    if not vanished.is_set():
        sink.close()
