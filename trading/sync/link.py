"""One connection's upstream: lease -> socket -> snapshot -> book -> publisher and journal, again and again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import redis.asyncio
from asgiref.sync import sync_to_async
from django.db import Error as DatabaseTrouble
from django.db import connections as database_connections
from redis.exceptions import RedisError

from accounts import renewal
from accounts.budgets import kept_in
from accounts.models import Connection, Environment
from trading.models import Upstream
from trading.sync import lease, retry
from trading.sync.book import Book, Changes
from trading.sync.journal import Journal
from trading.sync.lease import Lease
from trading.sync.marks import Marks
from trading.sync.mirror import Ref
from trading.sync.pace import Pace
from trading.sync.publisher import Publisher
from trading.sync.records import UpstreamRecord, records
from trading.sync.rows import upstream_row
from trading.sync.stream import Fenced, StateLost, Stream
from trading.tradovate import Budgets, Hosts, MarketSocket, UserSocket
from trading.tradovate.entities import Contract, ContractMaturity, Entity, Product
from trading.tradovate.errors import PenaltyImposed, TradovateError

log = logging.getLogger(__name__)

TICK = 1.0  # seconds between updates of "last message at"
STEADY = 30.0  # seconds after which a socket counts as one that works, and the next failure as the first

_ITEM: dict[type[Entity], str] = {
    Contract: "contract/item",
    ContractMaturity: "contractmaturity/item",
    Product: "product/item",
}


@dataclass(frozen=True)
class Target:
    """What a link needs to know of its connection."""

    connection_id: int
    environment: str
    tradovate_user_id: int
    hosts: Hosts

    @property
    def label(self) -> str:
        """LIVE, DEMO or SIM."""
        return str(Environment(self.environment).label)


@dataclass(frozen=True)
class Means:
    """What all links of a process share."""

    client: redis.asyncio.Redis
    journal: Journal
    pace: Pace


class Link:
    """Keeps one connection mirrored while this process holds its lease."""

    def __init__(self, connection_id: int, means: Means) -> None:
        self.connection_id = connection_id
        self._means = means
        self._lease = Lease(means.client, connection_id)
        self._stream = Stream(means.client, connection_id, self._lease.token)
        self._publisher = Publisher(self._stream)
        self._book = Book()
        self._target: Target | None = None
        self._state, self._since = Upstream.State.CONNECTING, datetime.now(UTC)
        self._detail = self._market_trouble = ""
        self._last_message_at: datetime | None = None
        self._ticket: str | None = None
        self._nudged = asyncio.Event()
        self._signed_out = asyncio.Event()

    def nudge(self) -> None:
        """Do not wait for the end of a pause: there are new tokens."""
        self._nudged.set()

    def sign_out(self) -> None:
        """The connection has no tokens any more: close its socket and end its pages."""
        self._signed_out.set()

    @property
    def is_ending(self) -> bool:
        return self._signed_out.is_set()

    async def run(self) -> None:
        """Take the lease and follow the connection until it is signed out, the lease is lost, or this is cancelled.

        Returns at once when another process holds the lease.
        """
        if not await self._lease.take():
            return
        self._publisher.rows = await self._stream.adopt()
        jobs = [
            asyncio.create_task(job)
            for job in (self._publisher.run(), self._keep_lease(), self._follow(), self._until_signed_out())
        ]
        try:
            done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
            for job in done:
                job.result()
        except Fenced:
            log.warning("Another sync process has taken over connection %d.", self.connection_id)
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            with contextlib.suppress(RedisError, OSError, Fenced, StateLost):
                await self._leave()
                await self._lease.release()

    async def _until_signed_out(self) -> None:
        await self._signed_out.wait()

    async def _leave(self) -> None:
        """Say how things stand now that nobody holds the socket."""
        if self._signed_out.is_set():
            self._write_state(Upstream.State.SIGNED_OUT, "")
            await self._stream.clear()
        elif self._state is Upstream.State.UP:
            self._write_state(Upstream.State.DOWN, "The sync process that held this connection has stopped.")
            if self._stream.epoch:
                await self._stream.change({"upstream": self._upstream_row()})

    async def _keep_lease(self) -> None:
        while True:
            await asyncio.sleep(lease.RENEW_EVERY)
            try:
                if not await self._lease.renew():
                    raise Fenced
            except (RedisError, OSError):
                # Nobody else can take the lease meanwhile; the stream refuses our writes if somebody has afterwards.
                log.warning("Redis does not answer; connection %d keeps its socket.", self.connection_id)

    async def _follow(self) -> None:
        """Open a socket and mirror it; after every end wait as `retry` says. Returns when signed out."""
        attempt = 0
        while True:
            started = time.monotonic()
            self._nudged.clear()
            try:
                await self._session()
                error: Exception = TradovateError("The connection to Tradovate ended.")
            except renewal.SignedOut:
                self.sign_out()
                return
            except (renewal.NoToken, TradovateError) as reason:
                error = reason
            except DatabaseTrouble as reason:
                log.warning("Connection %d waits for the database: %s", self.connection_id, reason)
                error = TradovateError("Tradeport's own database does not answer.")
            attempt = 0 if time.monotonic() - started > STEADY else attempt
            self._ticket = error.ticket if isinstance(error, PenaltyImposed) else None
            pause = retry.after(error, attempt, random.random())  # noqa: S311 - spreads attempts, no secret
            log.info("Connection %d: %s; again in %.1f s.", self.connection_id, type(error).__name__, pause.seconds)
            self._show_marks_lost("")
            self._tell(pause.state, pause.detail)
            if not self._stream.epoch:
                self._publisher.replace(self._publisher.rows)
            # A sign-in during the life of this socket counts too: it may have been our own that ended the old session.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause.seconds):
                    await self._nudged.wait()
            attempt += 1

    async def _session(self) -> None:
        """One life of a socket. Ends by raising, or returns when the socket was closed here."""
        target = self._target = await _load(self.connection_id)
        token = await renewal.aaccess_token(self.connection_id)
        if self._state is not Upstream.State.EVICTED:
            self._tell(Upstream.State.CONNECTING, self._detail)
        await self._means.pace.turn()
        async with await UserSocket.connect(target.hosts.user_socket, token) as socket:
            budgets = kept_in(self._means.client, target.environment, target.tradovate_user_id)
            await self._sync(socket, target, budgets)
            marks = self._marks(target)
            helpers = [
                asyncio.create_task(marks.run()),
                asyncio.create_task(self._tick(socket)),
            ]
            try:
                await self._mirror(socket, marks, budgets)
            finally:
                for helper in helpers:
                    helper.cancel()
                await asyncio.gather(*helpers, return_exceptions=True)

    async def _sync(self, socket: UserSocket, target: Target, budgets: Budgets) -> None:
        try:
            async with budgets.request("POST", "user/syncrequest", with_ticket=self._ticket is not None):
                snapshot = await socket.sync(target.tradovate_user_id, ticket=self._ticket)
        except TradovateError:
            await asyncio.sleep(retry.SYNC_BACK_OFF)
            raise
        self._book = Book.load(snapshot)
        self._market_trouble = ""
        self._heard(socket)
        self._tell(Upstream.State.UP, "")
        self._publisher.replace({**self._book.rows, "upstream": self._upstream_row()})
        self._write(self._book.all_to_write())

    async def _mirror(self, socket: UserSocket, marks: Marks, budgets: Budgets) -> None:
        """Take in events. What they refer to and we do not know is asked for beside that."""
        asked: set[Ref] = set()
        lookups: set[asyncio.Task[None]] = set()

        def look_up() -> None:
            for ref in self._book.mirror.missing() - asked:
                asked.add(ref)
                task = asyncio.create_task(self._learn(socket, budgets, ref, look_up))
                lookups.add(task)
                task.add_done_callback(lookups.discard)

        look_up()
        try:
            async for event in socket:
                changes = self._book.apply(event)
                self._publish(changes)
                if any(key.startswith("position:") for key in (*changes.rows, *changes.gone)):
                    marks.look()
                look_up()
        finally:
            for task in lookups:
                task.cancel()
            await asyncio.gather(*lookups, return_exceptions=True)

    async def _learn(self, socket: UserSocket, budgets: Budgets, ref: Ref, then: Callable[[], None]) -> None:
        kind, key = ref
        try:
            async with budgets.request("GET", _ITEM[kind]):
                found = await socket.request(_ITEM[kind], query={"id": key})
            self._publish(self._book.learn([msgspec.convert(found, kind, strict=False)]))
        except (TradovateError, msgspec.ValidationError) as error:
            log.warning("Tradovate did not describe %s %d: %s", kind.__name__, key, type(error).__name__)
            return
        then()

    def _marks(self, target: Target) -> Marks:
        async def connect() -> MarketSocket:
            token = await renewal.aaccess_token(self.connection_id)
            return await MarketSocket.connect(target.hosts.market_socket, token)

        book = self._book
        return Marks(
            connect,
            wanted=book.open_contracts,
            symbol=book.mirror.symbol,
            tell=lambda quotes: self._publish(book.mark(quotes)),
            lost=lambda: self._publish(book.unmark()),
            trouble=self._show_marks_lost,
        )

    def _show_marks_lost(self, words: str) -> None:
        if words != self._market_trouble:
            self._market_trouble = words
            self._publisher.change({"upstream": self._upstream_row()})

    async def _tick(self, socket: UserSocket) -> None:
        while True:
            await asyncio.sleep(TICK)
            if self._heard(socket):
                self._publisher.change({"upstream": self._upstream_row()})

    def _heard(self, socket: UserSocket) -> bool:
        """Take over when the socket last heard something; False when that is known."""
        at = datetime.now(UTC) - timedelta(seconds=time.monotonic() - socket.last_frame_at)
        if self._last_message_at and abs(at - self._last_message_at) < timedelta(milliseconds=50):
            return False
        self._last_message_at = at
        return True

    def _publish(self, changes: Changes) -> None:
        if changes.rows or changes.gone:
            self._publisher.change(changes.rows, changes.gone)
        self._write(changes.touched)

    def _write(self, refs: set[Ref]) -> None:
        if refs and self._target is not None:
            found = records(self._book.mirror, refs)
            self._means.journal.put(self.connection_id, self._target.environment, found)

    def _tell(self, state: Upstream.State, detail: str) -> None:
        """Show and write down how the socket stands."""
        self._write_state(state, detail)
        self._publisher.change({"upstream": self._upstream_row()})

    def _write_state(self, state: Upstream.State, detail: str) -> None:
        if (state, detail) != (self._state, self._detail):
            self._since = datetime.now(UTC)
        self._state, self._detail = state, detail
        record = UpstreamRecord(state.value, detail, self._since)
        self._means.journal.put(self.connection_id, self._target.environment if self._target else "", [record])

    def _upstream_row(self) -> dict[str, str]:
        label = self._target.label if self._target else ""
        return upstream_row(label, self._state.value, self._detail, self._market_trouble, self._last_message_at)


def _load_now(connection_id: int) -> Target:
    try:
        connection = Connection.objects.get(pk=connection_id)
        return Target(connection.pk, connection.environment, connection.tradovate_user_id, connection.hosts)
    except Connection.DoesNotExist:
        raise renewal.SignedOut("This connection no longer exists.") from None
    finally:
        database_connections.close_all()


async def _load(connection_id: int) -> Target:
    return await sync_to_async(_load_now, thread_sensitive=False)(connection_id)
