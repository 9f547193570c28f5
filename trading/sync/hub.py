"""The sync process: its share of the connections that somebody looks at or whose orders are at work, one link each."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

from django.db import Error as DatabaseTrouble
from redis.exceptions import RedisError

from trading.sync import doorbell, presence, sharing, stream, wanted
from trading.sync.crew import Crew, Sight
from trading.sync.journal import Journal
from trading.sync.link import Ending, Link, Means
from trading.sync.pace import Pace
from trading.sync.quote_pool import QuotePool
from trading.sync.replay_link import ReplayLink
from trading.sync.wanted import Roll
from trading.sync.watchful import answered, next_message

log = logging.getLogger(__name__)

LOOK = 0.5  # seconds between looks for connections that are free, or that nobody wants any more
RESCAN = 10.0  # seconds after which the database is read anew, though no bell rang
REDIS_RETRY = DATABASE_RETRY = 1.0
REST = 10.0  # seconds after an error of ours, which would come again at every look
# Seconds that processes need to take their leases back from a Redis which lost its memory: what is free for longer
# nobody takes back. Were all taking put off instead, a process that is slow (forgotten at every look) would take none.
SETTLE = 2.0
REMEMBER = 2 * presence.EVERY


class Hub:
    """Runs links until `stop`. What is wanted it learns from Redis at every look and from the database at every
    `rescan` and ring of the bell; which of it is for this process, from the others' number (sharing)."""

    def __init__(self, rescan: float = RESCAN, grace: float | None = None) -> None:
        self._rescan = rescan
        self._client = stream.async_client()
        self._crew = Crew(self._client, presence.grace() if grace is None else grace)
        self._means = Means(self._client, Journal(), Pace(self._client), QuotePool())
        self._links: dict[int, tuple[Link, asyncio.Task[None]]] = {}
        self._roll = Roll()
        self._reread_now = asyncio.Event()
        self._sight = Sight()
        self._even_out = False
        self._remembered: frozenset[int] = frozenset()
        self._remembered_until = float("-inf")
        self._free_since: dict[int, float] = {}
        self._rests_until: dict[int, float] = {}
        self._settled_at = float("-inf")
        self._look_now = asyncio.Event()
        self._stopping = asyncio.Event()

    @property
    def journal(self) -> Journal:
        return self._means.journal

    @property
    def held(self) -> set[int]:
        """The connections that this process holds or is about to."""
        return {one for one, (link, _) in self._links.items() if link.ending is None}

    def stop(self) -> None:
        """End `run`: sockets closed, leases released, the journal written."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until stopped."""
        work = (self._read_roll_forever(), self._look_forever(), self._listen_to_bell())
        jobs = [asyncio.create_task(job) for job in work]
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
        with contextlib.suppress(RedisError, OSError):
            await self._crew.leave()
        held = self.held
        tasks = [*jobs, *(task for _, task in self._links.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self.journal.close)
        with contextlib.suppress(RedisError, OSError):
            for connection_id in held:
                await self._ring(connection_id)
            await self._client.aclose()

    async def _look_forever(self) -> None:
        while True:
            self._look_now.clear()
            try:
                await self._look()
            except (RedisError, OSError) as error:
                log.warning("Redis does not answer; looking for connections again soon: %s", type(error).__name__)
                await asyncio.sleep(REDIS_RETRY)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._look_now.wait()

    async def _look(self) -> None:
        sight = await self._crew.look()
        now = time.monotonic()
        if sight.forgotten:
            self._settled_at = now + SETTLE
            self._remembered, self._remembered_until = self._sight.present, now + REMEMBER
            for link, _ in self._links.values():
                link.tell_again()
        self._even_out |= bool(sight.members - self._sight.members - {self._crew.name})
        if sight.present - self._sight.present - self._roll.authorised.keys():
            # Somebody's page whose sign-in was rung while the bell was out of order, it seems.
            self._reread_now.set()
        self._sight = sight
        wished = self._wished(now)
        for connection_id, (link, _) in self._links.items():
            if connection_id not in self._roll.authorised:
                link.end(Ending.SIGNED_OUT)
            elif connection_id not in wished:
                link.end(Ending.IDLE)
        await self._share(wished, now)

    async def _read_roll_forever(self) -> None:
        """Beside the looks: a database that is slow or away must not make this process look dead to the others."""
        while True:
            # Before the reading: a ring meanwhile asks for another one.
            self._reread_now.clear()
            try:
                self._roll = await wanted.read()
                for connection_id in self._roll.authorised.keys() & self._links.keys():
                    self._links[connection_id][0].see(self._roll.authorised[connection_id])
                self._look_now.set()
            except DatabaseTrouble as error:
                log.warning("The database does not answer; looking for connections again soon: %s", error)
                await asyncio.sleep(DATABASE_RETRY)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._rescan):
                    await self._reread_now.wait()

    def _wished(self, now: float) -> set[int]:
        """What somebody looks at or what is at work, of those signed in."""
        remembered = self._remembered if now < self._remembered_until else frozenset()
        return {*self._sight.present, *remembered, *self._roll.at_work} & self._roll.authorised.keys()

    async def _share(self, wished: set[int], now: float) -> None:
        free = await self._crew.free(wished - self._links.keys())
        # Meanwhile links may have ended, and the database may have been read.
        wished &= self._roll.authorised.keys()
        free = (free & wished) - self._links.keys()
        mine = self.held & wished
        self._free_since = {one: self._free_since.get(one, now) for one in free}
        is_settled = now >= self._settled_at
        ages = {
            one: age
            for one, since in self._free_since.items()
            if ((age := now - since) >= SETTLE or is_settled) and self._rests_until.get(one, 0.0) <= now
        }
        others = len(wished) - len(mine) - len(ages)
        plan = sharing.plan(self._crew.name, self._sight.members, mine, ages, others, even_out=self._even_out)
        for connection_id in plan.take:
            self._open(connection_id)
        if not is_settled:
            return
        for connection_id in plan.give:
            link, _ = self._links[connection_id]
            # What is on its way up would have to begin anew elsewhere, and its desk has no rows until then.
            if link.is_up:
                link.end(Ending.HANDED_OVER)
        if not plan.give:
            self._even_out = False

    def _open(self, connection_id: int) -> None:
        sign_in = self._roll.authorised[connection_id]
        if sign_in.wish is None:
            link = Link(connection_id, sign_in.environment, self._means)
        else:
            link = ReplayLink(connection_id, sign_in.environment, self._means, sign_in.wish)
        task = asyncio.create_task(self._run_link(link), name=f"connection {connection_id}")
        self._links[connection_id] = link, task

    async def _run_link(self, link: Link) -> None:
        connection_id = link.connection_id
        try:
            await link.run()
        except (RedisError, OSError) as error:
            log.warning("Connection %d waits for Redis: %s", connection_id, type(error).__name__)
            self._rests_until[connection_id] = time.monotonic() + REDIS_RETRY
        except Exception:
            # One connection's surprise must not take the others' sockets down.
            log.exception("Connection %d stopped by an error of ours; it starts again soon.", connection_id)
            self._rests_until[connection_id] = time.monotonic() + REST
        finally:
            self._links.pop(connection_id, None)
            if link.ending is Ending.SIGNED_OUT:
                # It may have been signed in to again while it closed.
                self._reread_now.set()
            self._look_now.set()
        if link.ending is Ending.HANDED_OVER:
            with contextlib.suppress(RedisError, OSError):
                await self._ring(connection_id)

    async def _ring(self, connection_id: int) -> None:
        await self._client.publish(doorbell.channel(), f"{doorbell.WANTED} {connection_id}")

    async def _listen_to_bell(self) -> None:
        while True:
            try:
                async with self._client.pubsub() as bell:
                    async with answered():
                        await bell.subscribe(doorbell.channel())
                    while True:
                        message = await next_message(bell)
                        if message is not None and message["type"] == "message":
                            self._answer(message["data"].decode())
                        elif message is not None:
                            # It listens from here on, perhaps once more: what was rung before is in the database.
                            self._reread_now.set()
            except (RedisError, OSError):
                log.warning("Redis does not answer; the doorbell is out of order.")
                await asyncio.sleep(REDIS_RETRY)

    def _answer(self, ring: str) -> None:
        what, _, number = ring.partition(" ")
        if not number.isdecimal():
            return
        connection_id = int(number)
        link, _ = self._links.get(connection_id, (None, None))
        match what:
            case doorbell.CLOSED if link:
                link.end(Ending.SIGNED_OUT)
            case doorbell.OPENED if not link or link.ending:
                self._reread_now.set()
            case doorbell.WANTED if connection_id not in self._roll.authorised:
                self._reread_now.set()
            case doorbell.WANTED:
                self._look_now.set()
            case doorbell.OPENED if link:
                link.take_back()
                link.nudge()
            case doorbell.RENEWED if link:
                link.nudge()
            case doorbell.RECONNECT if link:
                link.take_back()
        self._answer_for_replays(what, connection_id)

    def _answer_for_replays(self, what: str, connection_id: int) -> None:
        """What concerns a sign-in concerns the replays that go by it."""
        if what == doorbell.REPLAY:
            self._reread_now.set()
        for link, _ in self._links.values():
            if link.holder_id == connection_id != link.connection_id:
                if what in (doorbell.OPENED, doorbell.RECONNECT):
                    link.take_back()
                if what in (doorbell.OPENED, doorbell.RENEWED):
                    link.nudge()
