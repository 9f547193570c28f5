"""One connection's upstream: lease -> socket -> snapshot -> book -> publisher and journal, again and again."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redis.exceptions import RedisError

from accounts import renewal
from accounts.budgets import kept_in
from trading.models import Upstream
from trading.sync import access, retry, standing
from trading.sync.access import Target, Targets
from trading.sync.fact_sheet import FactSheet
from trading.sync.journal import Journal
from trading.sync.lease import Lease
from trading.sync.mirroring import Mirroring, Outlets
from trading.sync.pace import Pace
from trading.sync.publisher import Publisher
from trading.sync.quote_pool import QuotePool
from trading.sync.records import Record
from trading.sync.retry import PATIENCE
from trading.sync.stage import Stage, Steps
from trading.sync.standing import Standing
from trading.sync.stream import Fenced, StateLost, Stream
from trading.sync.wanted import SignIn
from trading.sync.watchful import WatchfulRedis
from trading.tradovate import (
    Access,
    Budgets,
    Interrupted,
    MarketSocket,
    MirroringSocket,
    ReconnectingUserSocket,
)
from trading.tradovate.entities import SyncSnapshot
from trading.tradovate.errors import Evicted, NotAuthorized

log = logging.getLogger(__name__)

TURN = 20  # events of one trader before the others have theirs
WORTH_TELLING = 1.0  # seconds
IN_LINE = "Tradovate lets this portal open so many connections an hour: this one's turn comes in about {seconds} s."
STOPPED = "The sync process that held this connection has stopped."


@dataclass(frozen=True)
class Means:
    """What all links of a process share."""

    client: WatchfulRedis
    journal: Journal
    pace: Pace
    pool: QuotePool


class Ending(enum.Enum):
    """Why a link is asked to end."""

    SIGNED_OUT = "the connection has no tokens any more"
    IDLE = "nobody looks at it, and nothing of it is at work"
    HANDED_OVER = "another sync process is to hold it"


class Link:
    """Keeps one connection mirrored while this process holds its lease. `holder_id` is the connection whose tokens open
    the sockets: for all but replays the same."""

    def __init__(self, connection_id: int, environment: str, means: Means, *, holder_id: int | None = None) -> None:
        self.connection_id = connection_id
        self.holder_id = holder_id or connection_id
        self.ending: Ending | None = None
        self._means = means
        self._lease = Lease(means.client, connection_id)
        self._stream = Stream(means.client, connection_id, self._lease.token)
        self._publisher = Publisher(self._stream)
        self._facts = FactSheet(means.client, connection_id, self._lease.token)
        self._steps = Steps(means.client, connection_id)
        self._began_at = time.monotonic()
        self._targets = Targets(self.holder_id)
        self._standing = Standing(environment)
        self._socket = self._make_socket()
        outlets = Outlets(self._publisher, self._facts, self._put, means.pool)
        self._mirroring = Mirroring(connection_id, self._standing, self._socket, outlets, self._open_market)
        self._nudged = asyncio.Event()
        self._asked_back = asyncio.Event()
        self._refused = asyncio.Event()
        self._tried_since = access.NEVER  # the sign-in whose token the last socket was opened with
        self._taken_from: datetime | None = None
        self._ended = asyncio.Event()

    @property
    def is_up(self) -> bool:
        """Whether a socket mirrors the user now."""
        return self._standing.state is Upstream.State.UP

    def nudge(self) -> None:
        """There are new tokens: open sockets are authorized with them, and a pause ends."""
        self._nudged.set()

    def take_back(self) -> None:
        """The trader wants the session back that another login took."""
        self._asked_back.set()

    def tell_again(self) -> None:
        """Redis may have lost what pages see: who has no socket has no news by which that would come out."""
        if not self.is_up:
            self._publisher.change(self._standing.row())

    def see(self, sign_in: SignIn) -> None:
        """What the database has of this connection now."""
        self._see_sign_in(sign_in.at)
        if not self.is_up and self._targets.is_older_than(sign_in.at):
            self.nudge()

    def _see_sign_in(self, at: datetime) -> None:
        """The trader's last sign-in here: one after that whose session another login took is a wish to have it back.
        Whoever signs in rings for that, but a bell can be missed."""
        if self._taken_from is not None and at > self._taken_from:
            self.take_back()

    def end(self, ending: Ending) -> None:
        """Close the socket and let the lease go. What ends a sign-in counts more than anything else."""
        if self.ending is None or ending is Ending.SIGNED_OUT:
            self.ending = ending
        self._ended.set()

    async def run(self) -> None:
        """Take the lease and follow the connection until it ends, the lease is lost, or this is cancelled.

        Returns at once when another process holds the lease.
        """
        if not await self._lease.take():
            return
        self._began_at = time.monotonic()
        log.info("Connection %d is taken up by this process.", self.connection_id)
        await self._adopt()
        jobs = [asyncio.create_task(job) for job in self._work()]
        is_mine = True
        try:
            done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
            for job in done:
                job.result()
        except Fenced:
            is_mine = False
            log.warning("Another sync process has taken over connection %d.", self.connection_id)
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            if is_mine:
                with contextlib.suppress(RedisError, OSError, Fenced, StateLost):
                    # It may have been stopped for long just before, and what it leaves is another one's by now.
                    await self._lease.confirm()
                    await self._leave()
                    await self._lease.release()

    async def _adopt(self) -> None:
        """Go on from what a predecessor has left."""
        self._publisher.rows = await self._stream.adopt()

    def _work(self) -> tuple[Coroutine[None, None, None], ...]:
        """What is done side by side; the first to end ends it all."""
        return (
            self._publisher.run(),
            self._lease.keep(),
            self._follow(),
            self._keep_authorized(),
            self._look_at_refused(),
            self._until_ended(),
        )

    def _make_socket(self) -> MirroringSocket:
        return ReconnectingUserSocket(self._access, patience=PATIENCE, turn=self._turn, opened=self._opened)

    async def _until_ended(self) -> None:
        await self._ended.wait()

    async def _leave(self) -> None:
        """Say how things stand now that nobody holds the socket."""
        if self.ending is Ending.SIGNED_OUT:
            self._write_state(Upstream.State.SIGNED_OUT)
            # Pages that are open may be those of a new sign-in already.
            is_back = await access.is_signed_in(self.connection_id)
            await (self._stream.forget() if is_back else self._stream.clear())
            await self._facts.forget()
        elif self._standing.state is Upstream.State.EVICTED:
            return  # whoever holds it next must not fight either
        elif self.ending is Ending.IDLE:
            self._write_state(Upstream.State.IDLE)
            # Rows of now would be taken for those of then by whoever opens a page in an hour.
            await self._stream.forget()
        elif self._standing.state is Upstream.State.UP:
            handed_over = self.ending is Ending.HANDED_OVER
            self._write_state(*((Upstream.State.CONNECTING, "") if handed_over else (Upstream.State.DOWN, STOPPED)))
            if self._stream.epoch:
                await self._stream.change(self._standing.row())

    async def _follow(self) -> None:
        """Mirror the user, one socket after the other. Returns when signed out."""
        try:
            async with self._socket:
                if (taken_from := await self._was_taken()) is not None:
                    await self._until_asked_back(Evicted(""), taken_from)
                while True:
                    try:
                        await self._read()
                    except Evicted as taken:
                        await self._until_asked_back(taken, max(self._tried_since, self._targets.in_use_since))
                    else:
                        return
        except renewal.SignedOut:
            self.end(Ending.SIGNED_OUT)
        finally:
            await self._mirroring.end()

    async def _read(self) -> None:
        taken = 0
        async for news in self._socket:
            taken += 1
            if taken % TURN == 0:
                # A burst that waits already would not let anything else run: no other trader's news, no lease.
                await asyncio.sleep(0)
            match news:
                case Interrupted():
                    log.info("Connection %d: %s.", self.connection_id, type(news.error).__name__)
                    await self._interrupted(news.error)
                case _:
                    self._take(news)

    def _take(self, news: Any) -> None:
        """Something came on the socket."""
        if isinstance(news, SyncSnapshot):
            self._begin(news)
        else:
            self._mirroring.take(news)

    async def _was_taken(self) -> datetime | None:
        """Since when another login has had the session, as far as a predecessor has left word of it. Redis may have
        forgotten; the database counts for as long as the trader has not signed in here after that."""
        last = await access.last_standing(self.connection_id)
        if last is not None:
            self._standing.follow(last.since)
        since = last.since if last is not None and last.state == Upstream.State.EVICTED else None
        if standing.was_taken(self._publisher.rows):
            return since or datetime.now(UTC)
        if since is None or await access.last_sign_in(self.holder_id) > since:
            return None
        return since

    async def _until_asked_back(self, taken: Evicted, taken_from: datetime) -> None:
        """Another login has the session that began with the sign-in `taken_from`: taking it back unasked would throw
        that one out, and so on for ever."""
        log.info("Connection %d was taken by another login; its trader is asked.", self.connection_id)
        self._asked_back.clear()
        self._taken_from = taken_from
        await self._interrupted(taken)
        # The other login may have been this trader's own, here.
        self._see_sign_in(await access.last_sign_in(self.holder_id))
        await self._asked_back.wait()
        self._taken_from = None
        self._tell(Upstream.State.CONNECTING)
        await self._socket.renew()  # without a socket: do not wait any longer

    async def _turn(self) -> None:
        """Wait for a sync request of the network's allowance; the page says so when that takes long."""
        await self._means.pace.turn(self._standing.environment, self._wait_in_line)

    def _wait_in_line(self, seconds: float) -> None:
        if seconds >= WORTH_TELLING:
            self._show(Upstream.State.CONNECTING, IN_LINE.format(seconds=round(seconds)))

    async def _access(self, last_error: Exception | None) -> Access:
        self._step(Stage.TOKEN)
        target = await self._targets.current(last_error)
        self._step(Stage.SOCKET)
        if self._socket.socket is None:
            self._tried_since = self._targets.signed_in_at
        if self._standing.state is not Upstream.State.UP:
            self._tell(Upstream.State.CONNECTING, self._standing.detail)
        return Access(self._mirror_url(target), target.token, target.tradovate_user_id, self._budgets(target))

    def _opened(self) -> None:
        self._step(Stage.SNAPSHOT)

    def _step(self, stage: Stage) -> None:
        """What comes next, for pages that have no figures yet."""
        if not self.is_up:
            log.debug("Connection %d waits for its %s.", self.connection_id, stage.value)
            self._steps.note(stage)

    def _mirror_url(self, target: Target) -> str:
        return target.hosts.user_socket

    def _market_url(self, target: Target) -> str:
        return target.hosts.market_socket

    def _budgets(self, target: Target) -> Budgets:
        return kept_in(self._means.client, target.environment, target.tradovate_user_id)

    async def _keep_authorized(self) -> None:
        """Whenever there are new tokens, present them on the sockets that are open (protocol notes, WebSocket frames).

        A token that is refused changes nothing: the sockets stay as they are. When there is none any more, the pages
        are told at once, although the stream may go on for a while.
        """
        while True:
            await self._nudged.wait()
            self._nudged.clear()
            for renew in (self._renew_user, self._renew_market):
                try:
                    await renew()
                except PATIENCE.errors as error:
                    log.warning("Connection %d keeps an older token: %s", self.connection_id, type(error).__name__)
                    self._warn(str(error) if isinstance(error, renewal.NoToken) else "")
                else:
                    self._warn("")

    async def _look_at_refused(self) -> None:
        """Whenever a token was refused, have it looked at. A new sign-in must not wait for that: the answer may take
        long."""
        while True:
            await self._refused.wait()
            self._refused.clear()
            await self._targets.refused()

    def _warn(self, words: str) -> None:
        """Say beside a stream that goes on what its trader has to do."""
        if self._standing.state is Upstream.State.UP and self._standing.detail != words:
            self._tell(Upstream.State.UP, words)

    async def _renew_user(self) -> None:
        await self._socket.renew()
        if self._socket.socket is not None and self._socket.socket.is_open:
            self._targets.took_token(self._targets.signed_in_at)

    async def _renew_market(self) -> None:
        await self._mirroring.authorize(self._token)

    async def _token(self) -> str:
        return (await self._targets.current()).token

    async def _open_market(self, last_error: Exception | None) -> MarketSocket:
        target = await self._targets.current(last_error)
        return await MarketSocket.connect(self._market_url(target), target.token, budgets=self._budgets(target))

    def _begin(self, snapshot: SyncSnapshot, *, continues: bool = True, words: str = "") -> None:
        self._targets.reached()
        self._targets.took_token(self._tried_since)
        if self._targets.signed_in_at > self._tried_since:
            # A newer token came while the socket opened; whether Tradovate took it, it is asked once more.
            self.nudge()
        if not self.is_up:
            seconds = time.monotonic() - self._began_at
            log.info("Connection %d is up, %.1f s after it was taken up or lost.", self.connection_id, seconds)
        # Told with the rows: a page must not call those of before up to date.
        self._write_state(Upstream.State.UP, words)
        self._mirroring.begin(snapshot, continues=continues)

    async def _interrupted(self, error: Exception) -> None:
        """The socket has ended, or did not open. Raises Fenced."""
        if self.is_up:
            self._began_at = time.monotonic()
        await self._mirroring.end()
        # Who was stopped for long, and finds the socket ended on waking, must not write that down of the socket that
        # its successor has.
        await self._lease.confirm()
        self._show(*retry.shown(error))
        if isinstance(error, NotAuthorized):
            self._refused.set()

    def _put(self, found: list[Record]) -> None:
        self._means.journal.put(self.connection_id, self._standing.environment, found)

    def _tell(self, state: Upstream.State, detail: str = "") -> None:
        """Show and write down how the socket stands."""
        self._write_state(state, detail)
        self._publisher.change(self._standing.row())

    def _show(self, state: Upstream.State, detail: str) -> None:
        """Tell it to pages that have nothing to look at yet, too."""
        self._tell(state, detail)
        if not self._stream.epoch:
            self._publisher.replace(self._publisher.rows)

    def _write_state(self, state: Upstream.State, detail: str = "") -> None:
        self._put([self._standing.turn(state, detail)])
