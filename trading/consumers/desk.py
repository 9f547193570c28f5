"""The desk's stream as a page gets it: a snapshot, then deltas, and the thrown kill switches; on request intents, the
lines of a file and the gauge."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections import deque
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.db import Error as DatabaseTrouble
from redis.exceptions import RedisError

from accounts.models import Connection
from trading.consumers.page_socket import NOT_FOUND, Asked, PageSocket, Refused, in_thread, looked_at
from trading.models import OrderFile
from trading.orders import intents
from trading.sync import intent_rows, kill_banner, stream
from trading.sync.relay import Outbox, Relay, relay
from trading.sync.rows import Row

log = logging.getLogger(__name__)

REDIS_RETRY = 0.5  # seconds between attempts to read a snapshot while Redis is away

_RESYNC = '"resync"'
_SNAPSHOT = '{"t":"snapshot"'
_KILL = '{"t":"kill"'
_PING = '{"t":"ping",'
_SEEN = '{"t":"seen",'
# A page tells which orders its trader has seen; more than these at a time is no desk of ours.
MOST_SEEN = 500
# Snapshots that a page may have within as many seconds, however often it asks for one.
SNAPSHOTS, SNAPSHOT_SECONDS = 3, 2.0
# Seconds after which the log tells of a page that waits for its first figures; then after twice as long.
LONG = 10.0
SEEN_EVERY = 1.0  # seconds in which what was seen is gathered before it is written down


class DeskConsumer(PageSocket):
    """/ws/desk/, optionally with ?connection=PK of the page's connection, ?file=UUID for the lines of an order file,
    ?intents=1 for news of intents, ?gauge=1 for the request gauge, or ?replay=1 for the Market Replay that runs."""

    switches_every = 30.0  # seconds between looks which kill switches are thrown, in case news of that were lost
    gauge_every = 5.0  # seconds between looks how many of the hour's requests are used
    stage_every = 1.0  # seconds between looks what a page's first figures wait for

    def __init__(self) -> None:
        super().__init__()
        self._outbox: Outbox | None = None
        self._relay: Relay | None = None
        self._has_state = False
        self._ping = ""
        self._pinged = asyncio.Event()
        self._seen: set[int] = set()
        self._anything_seen = asyncio.Event()
        self._snapshots_at: deque[float] = deque(maxlen=SNAPSHOTS)
        self._switches_due = asyncio.Event()
        self._switches_said = 0  # how often the page was told of kill switches

    def admit(self, user_id: int | None, session: SessionBase, asked: Asked) -> int:
        """The connection whose stream a page gets: the one that its browser signed in to, or its replay.

        Raises Refused for somebody who is not signed in, and for a file that is not that connection's.
        """
        _, connection = looked_at(user_id, session, asked)
        file = _file(asked)
        if file and not _is_of(connection, file):
            raise Refused(NOT_FOUND)
        return connection.pk

    def begin(self, connection_id: int, asked: Asked) -> Outbox:
        outbox = self._outbox = Outbox(connection_id, _file(asked), intents="intents" in asked, tell=self.say)
        self.run(self.telling(self._write(outbox)))
        self.run(self._show_switches(connection_id))
        self.run(self._show_stage(connection_id))
        self.run(self._answer_pings())
        if outbox.intents:
            self.run(self._note_seen(connection_id))
        if "gauge" in asked:
            self.run(self._show_gauge(outbox))
        return outbox

    def receive(self, text: str) -> None:
        if self._outbox is not None and _RESYNC in text:
            self._outbox.make_stale()
        elif text.startswith(_PING):
            self._ping = text
            self._pinged.set()
        elif text.startswith(_SEEN) and len(self._seen) < MOST_SEEN:
            self._seen |= seen_orders(text)
            self._anything_seen.set()

    async def say(self, text: str) -> None:
        self._switches_said += text.startswith(_KILL)
        await super().say(text)

    async def leave(self) -> None:
        if self._outbox is not None and self._seen:
            await self._write_seen(self._outbox.connection_id)
        if self._outbox is not None and self._relay is not None:
            await self._relay.leave(self._outbox)
        self._outbox = None

    async def _write(self, outbox: Outbox) -> None:
        """Send what the outbox gives, as fast as this browser takes it."""
        # Asked for and joined in one step: a relay closes for good when its last page leaves.
        source = self._relay = relay()
        await source.join(outbox)
        while True:
            frame = await outbox.get()
            if frame is None:
                await self._write_state(source, outbox)
            else:
                self._has_state = True
                await self._say_state(outbox, frame)

    async def _write_state(self, source: Relay, outbox: Outbox) -> None:
        """Send the state of now: the snapshot, and the lines of the file that is looked at."""
        await self._snapshots_turn()
        outbox.begin()
        try:
            epoch, seq, frame = await source.snapshot(outbox.connection_id)
        except (RedisError, OSError):
            outbox.make_stale()
            await asyncio.sleep(REDIS_RETRY)
            return
        outbox.continue_from(epoch, seq)
        self._has_state = self._has_state or bool(epoch)
        await self._say_state(outbox, frame)
        # News of a kill switch that came while this was due were dropped, and it does not hold them.
        self._switches_due.set()
        if outbox.file:
            await self.say(await in_thread(stream.lines_frame, UUID(outbox.file)))

    async def _snapshots_turn(self) -> None:
        """Each costs as much as hundreds of deltas, also those whom this process serves beside this page."""
        if len(self._snapshots_at) == SNAPSHOTS:
            await asyncio.sleep(self._snapshots_at[0] + SNAPSHOT_SECONDS - time.monotonic())
        self._snapshots_at.append(time.monotonic())

    async def _say_state(self, outbox: Outbox, frame: str) -> None:
        """Send a frame of the stream; a snapshot with the intents that its orders came of."""
        await self.say(frame)
        if outbox.intents and frame.startswith(_SNAPSHOT):
            await self.say(await in_thread(_intents_frame, outbox.connection_id, frame))

    async def _answer_pings(self) -> None:
        """Give each ping back as it came, for the page to see how long that took; of several at a time the last one."""
        # A browser that goes away ends this.
        with contextlib.suppress(OSError, RuntimeError):
            while True:
                await self._pinged.wait()
                self._pinged.clear()
                if (frame := pong(self._ping)) is not None:
                    await self.say(frame)

    async def _note_seen(self, connection_id: int) -> None:
        """Write down which orders the trader has seen."""
        while True:
            await self._anything_seen.wait()
            await asyncio.sleep(SEEN_EVERY)
            self._anything_seen.clear()
            await self._write_seen(connection_id)

    async def _write_seen(self, connection_id: int) -> None:
        seen = frozenset(self._seen)
        # Kept until it is written: a page that goes away meanwhile has it written once more.
        with contextlib.suppress(DatabaseTrouble):
            await in_thread(intents.seen, connection_id, seen)
            self._seen -= seen

    async def _show_switches(self, connection_id: int) -> None:
        """Tell the page which kill switches are thrown: after each snapshot, and now and then."""
        # A browser that goes away ends this; a database that does so is looked for again.
        with contextlib.suppress(OSError, RuntimeError):
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.switches_every):
                        await self._switches_due.wait()
                self._switches_due.clear()
                with contextlib.suppress(DatabaseTrouble):
                    said = self._switches_said
                    frame = await in_thread(kill_banner.frame, connection_id)
                    if self._switches_said == said:
                        await self.say(frame)
                    else:
                        # News came meanwhile, and may be newer than what was read.
                        self._switches_due.set()

    async def _show_stage(self, connection_id: int) -> None:
        """Tell a page without any state, and after long the log, what it waits for."""
        began, long = time.monotonic(), LONG
        # A browser that goes away ends this.
        with contextlib.suppress(OSError, RuntimeError):
            while True:
                await asyncio.sleep(self.stage_every)
                waited = time.monotonic() - began
                if self._has_state:
                    if long > LONG:
                        log.warning("A page of connection %d has its figures after %.0f s.", connection_id, waited)
                    return
                stage = await relay().stage(connection_id)
                if not self._has_state:
                    await self.say(stream.stage_frame(stage.words, waited))
                if waited >= long:
                    long *= 2
                    words = "A page of connection %d has waited %.0f s for its first figures: %s"
                    log.warning(words, connection_id, waited, stage.words)

    async def _show_gauge(self, outbox: Outbox) -> None:
        """Tell the page how many of the hour's requests are used, whenever that has changed."""
        told: Row | None = None
        whose: tuple[str, int] | None = None
        # A browser that goes away ends this; a Redis or a database that does so is looked for again.
        with contextlib.suppress(OSError, RuntimeError):
            while True:
                gauge: Row | None
                try:
                    whose = whose or await in_thread(tradovate_user, outbox.connection_id)
                    gauge = await relay().gauge(*whose)
                except (RedisError, OSError, DatabaseTrouble):
                    gauge = told
                if gauge is not None and gauge != told:
                    told = gauge
                    await self.say(stream.gauge_frame(gauge))
                await asyncio.sleep(self.gauge_every)


def _intents_frame(connection_id: int, snapshot: str) -> str:
    return stream.intents_frame(intent_rows.todays(connection_id, stream.rows_of_frame(snapshot)))


def tradovate_user(connection_id: int) -> tuple[str, int]:
    """The environment and the Tradovate user id of a connection."""
    connection = Connection.objects.get(pk=connection_id)
    return connection.environment, connection.tradovate_user_id


def pong(ping: str) -> str | None:
    """The answer to a page's {"t":"ping","at":its own clock}; None for what no page of ours says."""
    try:
        at = json.loads(ping)["at"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    is_time = isinstance(at, int | float) and 0 <= at < 2**53
    return json.dumps({"t": "pong", "at": at}, separators=(",", ":")) if is_time else None


def seen_orders(text: str) -> set[int]:
    """Tradovate's ids of the orders that a page says its trader has seen; none for what no page of ours says."""
    try:
        said = json.loads(text)["orders"][:MOST_SEEN]
        return {int(order_id) for order_id in said if 0 < int(order_id) < 2**63}
    except (ValueError, KeyError, TypeError, OverflowError):
        return set()


def _file(asked: Asked) -> str:
    """The id of the order file whose lines a page wants, or empty."""
    return asked.get("file", [""])[0]


def _is_of(connection: Connection, file: str) -> bool:
    """Whether the id, as pages write it, is that of one of a connection's order files."""
    try:
        file_id = UUID(file)
    except ValueError:
        return False
    return str(file_id) == file and OrderFile.objects.filter(pk=file_id, account__connection=connection).exists()
