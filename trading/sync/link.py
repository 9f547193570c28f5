"""One connection's upstream: lease -> socket -> snapshot -> book -> publisher and journal, again and again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import redis.asyncio
from redis.exceptions import RedisError

from accounts import renewal
from accounts.budgets import kept_in
from trading.models import Upstream
from trading.sync import lease, retry
from trading.sync.access import Target, Targets
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
from trading.tradovate import Access, Attempts, Budgets, Interrupted, MarketSocket, Patience, ReconnectingUserSocket
from trading.tradovate.entities import Contract, ContractMaturity, Entity, Product, SyncSnapshot
from trading.tradovate.errors import OutcomeUnknown, RateLimited, TradovateError

log = logging.getLogger(__name__)

TICK = 1.0  # seconds between updates of "last message at"
PATIENCE = Patience(judge=retry.judge, errors=(TradovateError, renewal.NoToken))

_ITEM: dict[type[Entity], str] = {
    Contract: "contract/item",
    ContractMaturity: "contractmaturity/item",
    Product: "product/item",
}


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
        self._targets = Targets(connection_id)
        self._target: Target | None = None
        self._state, self._since = Upstream.State.CONNECTING, datetime.now(UTC)
        self._detail = self._market_trouble = ""
        self._last_message_at: datetime | None = None
        self._socket = ReconnectingUserSocket(self._access, patience=PATIENCE, turn=means.pace.turn)
        self._marks: Marks | None = None
        self._helpers: set[asyncio.Task[None]] = set()
        self._asked: set[Ref] = set()
        self._nudged = asyncio.Event()
        self._signed_out = asyncio.Event()

    def nudge(self) -> None:
        """There are new tokens: open sockets are authorized with them, and a pause ends."""
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
            for job in (
                self._publisher.run(),
                self._keep_lease(),
                self._follow(),
                self._keep_authorized(),
                self._until_signed_out(),
            )
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
        """Mirror the user, one socket after the other. Returns when signed out."""
        try:
            async with self._socket:
                async for news in self._socket:
                    match news:
                        case SyncSnapshot():
                            self._begin(news)
                        case Interrupted():
                            await self._interrupted(news)
                        case _:
                            self._take(self._book.apply(news))
        except renewal.SignedOut:
            self.sign_out()
        finally:
            await self._end_helpers()

    async def _access(self, last_error: Exception | None) -> Access:
        target = self._target = await self._targets.current(last_error)
        if self._state not in (Upstream.State.UP, Upstream.State.EVICTED):
            self._tell(Upstream.State.CONNECTING, self._detail)
        return Access(target.hosts.user_socket, target.token, target.tradovate_user_id, self._budgets(target))

    def _budgets(self, target: Target) -> Budgets:
        return kept_in(self._means.client, target.environment, target.tradovate_user_id)

    async def _keep_authorized(self) -> None:
        """Whenever there are new tokens, present them on the sockets that are open (protocol notes, WebSocket frames).

        A token that is refused changes nothing: the sockets stay as they are.
        """
        while True:
            await self._nudged.wait()
            self._nudged.clear()
            for renew in (self._socket.renew, self._renew_marks):
                try:
                    await renew()
                except PATIENCE.errors as error:
                    log.warning("Connection %d keeps an older token: %s", self.connection_id, type(error).__name__)

    async def _renew_marks(self) -> None:
        if self._marks is not None:
            await self._marks.authorize((await self._targets.current()).token)

    def _begin(self, snapshot: SyncSnapshot) -> None:
        """A new socket mirrors the user from here."""
        self._book = Book.load(snapshot)
        self._market_trouble = ""
        self._targets.reached()
        self._heard()
        self._tell(Upstream.State.UP, "")
        self._publisher.replace({**self._book.rows, "upstream": self._upstream_row()})
        self._write(self._book.all_to_write())
        self._marks = self._new_marks()
        self._help(self._marks.run())
        self._help(self._tick())
        self._asked = set()
        self._look_up()

    async def _interrupted(self, news: Interrupted) -> None:
        """The socket has ended, or did not open."""
        log.info("Connection %d: %s; again in %.1f s.", self.connection_id, type(news.error).__name__, news.seconds)
        await self._end_helpers()
        self._show_marks_lost("")
        self._tell(*retry.shown(news.error))
        if not self._stream.epoch:
            self._publisher.replace(self._publisher.rows)

    def _take(self, changes: Changes) -> None:
        self._publish(changes)
        if self._marks and any(key.startswith("position:") for key in (*changes.rows, *changes.gone)):
            self._marks.look()
        self._look_up()

    def _look_up(self) -> None:
        """Ask, beside the events, for what they refer to and we do not know."""
        for ref in self._book.mirror.missing() - self._asked:
            self._asked.add(ref)
            self._help(self._learn(ref))

    async def _learn(self, ref: Ref) -> None:
        kind, key = ref
        attempts = Attempts(PATIENCE)
        while True:
            try:
                found = await self._socket.ask(_ITEM[kind], kind, query={"id": key})
            except TradovateError as error:
                log.warning("Tradovate did not describe %s %d: %s", kind.__name__, key, type(error).__name__)
                if not isinstance(error, RateLimited | OutcomeUnknown):
                    return
                await attempts.pause(attempts.failed(error).seconds)
            else:
                self._publish(self._book.learn([found]))
                self._look_up()
                return

    def _help(self, work: Coroutine[None, None, None]) -> None:
        """Run something beside the mirroring for as long as this socket lives."""
        task = asyncio.create_task(work)
        self._helpers.add(task)
        task.add_done_callback(self._helpers.discard)

    async def _end_helpers(self) -> None:
        self._marks = None
        helpers = list(self._helpers)
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)

    def _new_marks(self) -> Marks:
        async def connect(last_error: Exception | None) -> MarketSocket:
            target = await self._targets.current(last_error)
            return await MarketSocket.connect(target.hosts.market_socket, target.token, budgets=self._budgets(target))

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

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            if self._heard():
                self._publisher.change({"upstream": self._upstream_row()})

    def _heard(self) -> bool:
        """Take over when the socket last heard something; False when that is known."""
        socket = self._socket.socket
        if socket is None:
            return False
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
