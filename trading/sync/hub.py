"""The sync process: one link per authorised connection that no other process holds."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from asgiref.sync import sync_to_async
from django.db import Error as DatabaseTrouble
from django.db import connections as database_connections
from redis.exceptions import RedisError

from accounts.models import Connection
from trading.sync import alive, doorbell, stream
from trading.sync.journal import Journal
from trading.sync.link import Link, Means
from trading.sync.pace import Pace

log = logging.getLogger(__name__)

RESCAN = 10.0  # seconds between looks for connections that are new, or that another process has left
REDIS_RETRY = 1.0


class Hub:
    """Runs links until `stop`: those found in the database at the start and on every look, those the bell names."""

    def __init__(self, rescan: float = RESCAN) -> None:
        self._rescan = rescan
        self._client = stream.async_client()
        self._means = Means(self._client, Journal(), Pace())
        self._links: dict[int, tuple[Link, asyncio.Task[None]]] = {}
        # Connections that were signed in to again while their last link was still closing.
        self._again: set[int] = set()
        self._stopping = asyncio.Event()

    @property
    def journal(self) -> Journal:
        return self._means.journal

    def stop(self) -> None:
        """End `run`: sockets closed, leases released, the journal written."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until stopped."""
        jobs = [asyncio.create_task(job) for job in (self._look_forever(), self._listen_to_bell(), self._show_alive())]
        stopped = asyncio.create_task(self._until_stopped())
        try:
            done, _ = await asyncio.wait([*jobs, stopped], return_when=asyncio.FIRST_COMPLETED)
            for job in done:
                job.result()
        finally:
            await self._wind_up([*jobs, stopped])

    async def _until_stopped(self) -> None:
        await self._stopping.wait()

    async def _wind_up(self, jobs: list[asyncio.Task[None]]) -> None:
        tasks = [*jobs, *(task for _, task in self._links.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self.journal.close)
        with contextlib.suppress(RedisError, OSError):
            await self._client.delete(alive.key())
            await self._client.aclose()

    async def _look_forever(self) -> None:
        while True:
            try:
                await self._look()
            except DatabaseTrouble as error:
                log.warning("The database does not answer; looking for connections again soon: %s", error)
            await asyncio.sleep(self._rescan)

    async def _look(self) -> None:
        # A link that the bell opens during the look is no matter of this look.
        before = set(self._links)
        authorised = await _authorised()
        for connection_id in authorised:
            self._open(connection_id)
        for connection_id in before - authorised:
            self._close(connection_id)

    def _open(self, connection_id: int) -> None:
        if connection_id in self._links:
            return
        link = Link(connection_id, self._means)
        task = asyncio.create_task(self._run_link(link), name=f"connection {connection_id}")
        self._links[connection_id] = link, task

    async def _run_link(self, link: Link) -> None:
        try:
            await link.run()
        except (RedisError, OSError) as error:
            log.warning("Connection %d waits for Redis: %s", link.connection_id, type(error).__name__)
        except Exception:
            # One connection's surprise must not take the others' sockets down.
            log.exception("Connection %d stopped by an error of ours; it starts again soon.", link.connection_id)
        finally:
            self._links.pop(link.connection_id, None)
            if link.connection_id in self._again:
                self._again.discard(link.connection_id)
                self._open(link.connection_id)

    def _close(self, connection_id: int) -> None:
        if found := self._links.get(connection_id):
            found[0].sign_out()

    async def _listen_to_bell(self) -> None:
        while True:
            try:
                async with self._client.pubsub(ignore_subscribe_messages=True) as bell:
                    await bell.subscribe(doorbell.CHANNEL)
                    while True:
                        message = await bell.get_message(timeout=None)
                        if message is not None:
                            self._answer(message["data"].decode())
            except (RedisError, OSError):
                log.warning("Redis does not answer; the doorbell is out of order.")
                await asyncio.sleep(REDIS_RETRY)

    def _answer(self, ring: str) -> None:
        what, _, number = ring.partition(" ")
        if not number.isdecimal():
            return
        connection_id = int(number)
        if what == doorbell.CLOSED:
            self._close(connection_id)
        elif connection_id in self._links:
            link, _ = self._links[connection_id]
            link.nudge()
            if what == doorbell.OPENED and link.is_ending:
                self._again.add(connection_id)
        elif what == doorbell.OPENED:
            self._open(connection_id)

    async def _show_alive(self) -> None:
        while True:
            with contextlib.suppress(RedisError, OSError):
                await alive.beat(self._client, len(self._links))
            await asyncio.sleep(alive.EVERY)


def _authorised_now() -> set[int]:
    try:
        return set(Connection.objects.authorised().values_list("pk", flat=True))
    finally:
        database_connections.close_all()


async def _authorised() -> set[int]:
    return await sync_to_async(_authorised_now, thread_sensitive=False)()
