"""One Redis subscription per web process, fanned out to its browser sockets.

Every socket has an outbox of its own with a bound. For a browser that does not keep up the deltas that wait are joined
(joined.py): it gets every fill and every state of an order, and of all else the last state. One that falls far behind
overflows only its own outbox: what was in it is dropped and a fresh snapshot takes its place once the socket takes
bytes again. It holds every fill of the day and the last state of every order, and the page tells its trader those fills
and refusals that it has not told yet (untold.js): only an order's states in between are lost to that page. Nothing here
waits for a browser. After a lost Redis connection everybody gets a fresh snapshot too.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import aclosing, suppress
from typing import Any
from weakref import WeakKeyDictionary

from redis.exceptions import RedisError

from accounts.budgets import kept_in
from trading.sync import eager, joined, presence, stage, stream
from trading.sync.gauge import gauge_row
from trading.sync.joined import Joined
from trading.sync.rows import Row
from trading.sync.stage import Stage
from trading.sync.subscription import Subscription

log = logging.getLogger(__name__)

_DELTA = '{"t":"delta"'

LIMIT = 512  # frames that may wait for one browser
LAG = 64  # frames that wait for a browser which does not keep up: what comes after them is joined
RETRY_FIRST, RETRY_MOST = 0.1, 3.0  # seconds between attempts to reach Redis
NAMED_AGAIN = 0.5  # seconds until open pages that Redis did not take are named again


class Bye(Exception):
    """The connection has ended; the reason is in `reason`, the frame that says so in `frame`."""

    def __init__(self, reason: str, frame: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.frame = frame


class Outbox:
    """What waits for one browser. `file` is the id of the order file whose lines it wants, or empty; `intents` says
    whether it wants news of intents.

    A delta or news for which whoever reads this outbox waits already goes out by `tell` at once, where there is one.
    """

    def __init__(
        self,
        connection_id: int,
        file: str = "",
        limit: int = LIMIT,
        *,
        lag: int = LAG,
        intents: bool = False,
        tell: Callable[[str], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self.connection_id = connection_id
        self.file = file
        self.intents = intents
        self.dropped = 0
        self._limit = limit
        self._lag = lag
        # (sequence number of its epoch, or 0 for what has none; frame)
        self._frames: deque[tuple[int, str | Joined]] = deque()
        self._news = eager.News()
        self._tell = tell
        # What is left of telling what came while `get` waited.
        self._telling: Awaitable[None] | None = None
        self._stale = True
        self._bye: Bye | None = None
        # The last state taken; None while a snapshot is being read and any epoch may come.
        self._epoch: str | None = None
        self._seq = 0

    def put_state(self, kind: str, epoch: str, seq: int, frame: str) -> None:
        """Take a published snapshot or delta; never waits. A gap makes a fresh snapshot due."""
        if self._stale:
            return  # the snapshot that is due will hold it
        if kind == "delta" and self._epoch is not None:
            if epoch == self._epoch and seq <= self._seq:
                return  # a snapshot that was sent held it
            if epoch != self._epoch or seq != self._seq + 1:
                self.make_stale()
                return
        self._epoch, self._seq = epoch, seq
        if kind == "snapshot" or not self._told(frame):
            self._append(seq, frame)

    def wants(self, kind: str, file: str = "") -> bool:
        """Whether this browser shows such news; `file` is whose line is told."""
        return self.file == file if kind == "line" else self.intents or kind != "intent"

    def put_news(self, frame: str) -> None:
        """Take news that have no sequence number, of an order file's line, an intent or a kill switch; never waits."""
        if not self._stale and not self._told(frame):
            self._append(0, frame)

    def make_stale(self) -> None:
        """Drop what waits: a fresh snapshot is due, which holds all of it but the states in between."""
        self.dropped += len(self._frames)
        self._frames.clear()
        self._stale = True
        self._news.come()

    def end(self, bye: Bye) -> None:
        """Nothing more will come."""
        self._bye = bye
        self._news.come()

    async def get(self) -> str | None:
        """The next frame; None when a fresh snapshot is due (see `begin`). Raises Bye at the end."""
        while True:
            if self._bye is not None:
                raise self._bye
            if self._stale:
                return None
            if self._frames:
                frame = self._frames.popleft()[1]
                return frame.frame if isinstance(frame, Joined) else frame
            self._news.taken()
            await self._news.wait()
            telling, self._telling = self._telling, None
            if telling is not None:
                await telling

    def begin(self) -> None:
        """Collect again; read the snapshot after this, then say with `continue_from` what it held."""
        self._stale = False
        self._epoch, self._seq = None, 0

    def continue_from(self, epoch: str, seq: int) -> None:
        """A snapshot has been read: of what came meanwhile only what is newer will be given out."""
        if self._epoch == epoch:
            self._frames = deque((n, frame) for n, frame in self._frames if n == 0 or n > seq)
        following = next(((n, frame) for n, frame in self._frames if n), None)
        if following is None:
            self._epoch, self._seq = epoch, max(self._seq if self._epoch == epoch else 0, seq)
        elif (after := _comes_after(*following)) is not None and (self._epoch != epoch or after > seq):
            # Something was missed while the snapshot was read: rare enough to read it once more.
            self.make_stale()

    def _told(self, frame: str) -> bool:
        """Whether this could be told at once: nothing is before it. What does not fit into the socket now, the reader
        goes on with."""
        if self._tell is None or not self._news.are_awaited:
            return False
        self._telling = eager.begin(self._tell(frame))
        if self._telling is not None:
            self._news.come()
        return True

    def _append(self, seq: int, frame: str | Joined) -> None:
        if len(self._frames) >= self._lag and isinstance(frame, str) and frame.startswith(_DELTA):
            frame, last = joined.read(frame), self._frames[-1][1]
            if isinstance(last, Joined) and last.take(frame):
                self._frames[-1] = (seq, last)
                return
        if len(self._frames) >= self._limit:
            self.make_stale()
            return
        self._frames.append((seq, frame))
        self._news.come()


def _comes_after(seq: int, frame: str | Joined) -> int | None:
    """The number after which a delta comes; None for a snapshot."""
    if isinstance(frame, Joined):
        return frame.after
    return seq - 1 if frame.startswith(_DELTA) else None


class Relay:
    """The subscription of this process (of its event loop) and the outboxes of its browser sockets."""

    def __init__(self) -> None:
        # No retries inside redis-py: it would subscribe again by itself and never tell what was missed meanwhile.
        self._client = stream.async_client(retries=0)
        self._outboxes: dict[str, set[Outbox]] = {}
        self._confirmed: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._subscription: Subscription | None = None
        self._task: asyncio.Task[None] | None = None
        self._presence: asyncio.Task[None] | None = None
        self._name_now = asyncio.Event()
        self._delay = RETRY_FIRST

    async def join(self, outbox: Outbox) -> None:
        """Collect for an outbox; returns once Redis has confirmed, so that a snapshot read after this misses nothing.

        While Redis is away this waits.
        """
        name = stream.channel(outbox.connection_id)
        self._outboxes.setdefault(name, set()).add(outbox)
        try:
            await presence.aannounce(self._client, outbox.connection_id)
        except (RedisError, OSError):
            self._name_now.set()
        if self._task is None:
            self._task = asyncio.create_task(self._listen(), name="desk relay")
            self._presence = asyncio.create_task(self._say_presence(), name="desk presence")
        elif self._subscription is not None:
            self._subscription.subscribe(name)
        await self._confirmed[name].wait()

    async def leave(self, outbox: Outbox) -> None:
        """Stop collecting for an outbox; the last one to leave closes the subscription."""
        name = stream.channel(outbox.connection_id)
        outboxes = self._outboxes.get(name, set())
        outboxes.discard(outbox)
        if outboxes:
            return
        self._outboxes.pop(name, None)
        if not self._outboxes:
            await self._close()
            return
        self._confirmed.pop(name, None)
        if self._subscription is not None:
            self._subscription.unsubscribe(name)

    async def snapshot(self, connection_id: int) -> tuple[str, int, str]:
        """(epoch, seq, frame) of a connection's state now. Raises RedisError."""
        return await stream.snapshot_frame(self._client, connection_id)

    async def stage(self, connection_id: int) -> Stage:
        """What a connection's first figures wait for."""
        return await stage.look(self._client, connection_id)

    async def gauge(self, environment: str, tradovate_user_id: int) -> Row:
        """How much of the hour's requests a Tradovate user has used. Raises RedisError."""
        return gauge_row(await kept_in(self._client, environment, tradovate_user_id).of_user())

    async def _close(self) -> None:
        if _relays.get(asyncio.get_running_loop()) is self:
            del _relays[asyncio.get_running_loop()]
        tasks = [task for task in (self._task, self._presence) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.aclose()

    async def _say_presence(self) -> None:
        """Name the open pages now and then, and at once after Redis was away: nobody opens their sockets until then."""
        while True:
            self._name_now.clear()
            open_pages = {one.connection_id for outboxes in self._outboxes.values() for one in outboxes}
            try:
                await presence.say(self._client, open_pages)
            except (RedisError, OSError):
                await asyncio.sleep(NAMED_AGAIN)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(presence.EVERY):
                    await self._name_now.wait()

    async def _listen(self) -> None:
        while True:
            try:
                async with aclosing(await self._subscribe()) as self._subscription:
                    await self._subscription.ended()
            except Exception as error:
                # Whatever it is: listening no more, this process would leave all its pages without a row.
                is_ours = not isinstance(error, RedisError | OSError)
                log.warning("The subscription to Redis broke; trying again in %.1f s.", self._delay, exc_info=is_ours)
            self._subscription = None
            await asyncio.sleep(self._delay)
            self._delay = min(RETRY_MOST, self._delay * 2)

    async def _subscribe(self) -> Subscription:
        for event in self._confirmed.values():
            event.clear()
        subscription = await Subscription.open(self._client, self._take_or_resync)
        subscription.subscribe(*self._outboxes)
        self._name_now.set()
        return subscription

    def _take_or_resync(self, kind: str, channel: str, message: bytes) -> None:
        try:
            self._take(kind, channel, message)
        except Exception:
            # A process of another release may say what this one does not understand. Listening no more, this one would
            # leave all its pages standing, and they would not notice.
            log.exception("A message of Redis was not understood; its pages get fresh snapshots.")
            for outbox in self._outboxes.get(channel, ()):
                outbox.make_stale()

    def _take(self, kind: str, channel: str, message: bytes) -> None:
        outboxes = self._outboxes.get(channel, set())
        if kind == "message":
            self._fan_out(outboxes, message.decode())
        elif kind == "subscribe" and outboxes:
            # Not as soon as the connection is open: Redis may refuse the subscription.
            self._delay = RETRY_FIRST
            for outbox in outboxes:
                outbox.make_stale()
            self._confirmed[channel].set()

    def _fan_out(self, outboxes: set[Outbox], data: str) -> None:
        head, _, frame = data.partition("\n")
        kind, *parts = head.split(" ")
        match kind:
            case "delta" | "snapshot":
                epoch, seq = parts[0], int(parts[1])
                for outbox in outboxes:
                    outbox.put_state(kind, epoch, seq, frame)
            case "line" | "intent" | "kill":
                for outbox in outboxes:
                    if outbox.wants(kind, *parts):
                        outbox.put_news(frame)
            case "bye":
                for outbox in outboxes:
                    outbox.end(Bye(parts[0], frame))


_relays: WeakKeyDictionary[asyncio.AbstractEventLoop, Relay] = WeakKeyDictionary()


def relay() -> Relay:
    """The relay of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _relays:
        _relays[loop] = Relay()
    return _relays[loop]
