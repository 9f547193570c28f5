"""What waits for one browser: nothing is lost that its next snapshot would not hold, nothing is sent twice."""

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.sync.cast import ready, seqs, until
from trading.sync import relay as relays
from trading.sync.joined import LOSSLESS
from trading.sync.relay import Bye, Outbox


def delta(seq: int, epoch: str = "e") -> tuple[str, str, int, str]:
    return "delta", epoch, seq, f'{{"t":"delta","epoch":"{epoch}","seq":{seq},"rows":{{}}}}'


async def test_a_new_socket_gets_a_snapshot_first() -> None:
    outbox = Outbox(1)
    outbox.put_state(*delta(1))
    assert await outbox.get() is None


async def test_what_the_snapshot_held_is_not_sent_again() -> None:
    outbox = Outbox(1)
    outbox.begin()
    for seq in (4, 5, 6):
        outbox.put_state(*delta(seq))
    outbox.continue_from("e", 5)
    outbox.put_state(*delta(6))
    outbox.put_state(*delta(7))
    assert await seqs(outbox, 2) == [6, 7]


async def test_a_gap_makes_a_fresh_snapshot_due() -> None:
    outbox = ready(Outbox(1), 5)
    outbox.put_state(*delta(6))
    outbox.put_state(*delta(8))
    assert await outbox.get() is None
    ready(outbox, 8)
    outbox.put_state(*delta(9))
    assert await seqs(outbox, 1) == [9]


async def test_a_browser_that_does_not_keep_up_loses_its_queue_and_gets_a_snapshot() -> None:
    outbox = ready(Outbox(1, limit=10))
    for seq in range(1, 50):
        outbox.put_state(*delta(seq))
    assert await outbox.get() is None
    assert outbox.dropped == 10


async def test_a_published_snapshot_begins_a_new_epoch() -> None:
    outbox = ready(Outbox(1), 5)
    outbox.put_state("snapshot", "f", 6, '{"t":"snapshot","epoch":"f","seq":6,"rows":{}}')
    outbox.put_state(*delta(7, "f"))
    assert await seqs(outbox, 2) == [6, 7]


async def test_bye_comes_before_what_still_waits() -> None:
    outbox = ready(Outbox(1))
    outbox.put_state(*delta(1))
    outbox.end(Bye("signed-out", "{}"))
    with pytest.raises(Bye):
        await outbox.get()


class Socket:
    """Takes frames until it is full."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.has_room = asyncio.Event()
        self.has_room.set()
        self.is_gone = False

    async def tell(self, frame: str) -> None:
        await self.has_room.wait()
        if self.is_gone:
            raise OSError("gone")
        self.taken.append(frame)


async def read(outbox: Outbox, socket: Socket) -> None:
    while (frame := await outbox.get()) is not None:
        await socket.tell(frame)


async def test_who_waits_for_news_is_told_them_at_once() -> None:
    socket = Socket()
    outbox = ready(Outbox(1, tell=socket.tell))
    reader = asyncio.create_task(read(outbox, socket))
    await asyncio.sleep(0)
    outbox.put_state(*delta(1))
    outbox.put_news("news")
    assert socket.taken == [delta(1)[3], "news"]
    reader.cancel()


async def test_what_a_full_socket_has_no_room_for_comes_later_in_its_order() -> None:
    socket = Socket()
    outbox = ready(Outbox(1, tell=socket.tell))
    reader = asyncio.create_task(read(outbox, socket))
    await asyncio.sleep(0)
    socket.has_room.clear()
    for seq in range(1, 6):
        outbox.put_state(*delta(seq))
    await asyncio.sleep(0)
    assert socket.taken == []
    socket.has_room.set()
    await until(lambda: len(socket.taken) == 5)
    outbox.put_state(*delta(6))
    assert socket.taken == [delta(seq)[3] for seq in range(1, 7)]
    reader.cancel()


async def test_a_browser_that_is_gone_ends_its_reader_and_nobody_else() -> None:
    socket = Socket()
    socket.is_gone = True
    outbox = ready(Outbox(1, tell=socket.tell))
    reader = asyncio.create_task(read(outbox, socket))
    await asyncio.sleep(0)
    outbox.put_state(*delta(1))
    with pytest.raises(OSError, match="gone"):
        await reader


@given(
    held=st.integers(0, 8),
    collected=st.integers(0, 8),
    limit=st.integers(1, 6),
    lost=st.sets(st.integers(1, 16)),
)
async def test_whatever_is_lost_a_browser_never_sees_a_gap(
    held: int, collected: int, limit: int, lost: set[int]
) -> None:
    """The page's view: after a snapshot of n come n + 1, n + 2, ... or another snapshot."""
    outbox = Outbox(1, limit=limit)
    outbox.begin()
    for seq in range(1, collected + 1):
        if seq not in lost:
            outbox.put_state(*delta(seq))
    outbox.continue_from("e", held)
    seen = held
    for seq in range(collected + 1, 17):
        if seq not in lost:
            outbox.put_state(*delta(seq))
        while outbox._frames or outbox._stale:
            frame = await outbox.get()
            if frame is None:
                seen = max(seq, held)  # a snapshot read now holds all that was published
                ready(outbox, seen)
            else:
                number = msgspec.json.decode(frame)["seq"]
                assert number == seen + 1
                seen = number


ROWS = ("order:1", "order:2", "done:1", "fill:1", "fill:2", "position:1", "account:1", "upstream")
CHANGES = st.dictionaries(st.sampled_from(ROWS), st.booleans(), max_size=4)  # key: whether its row is there then


class Follower:
    """A page as state.js makes it of its frames; `told` are the states of orders and fills as they came, None for an
    end. `is_whole`: it has needed no snapshot."""

    def __init__(self, outbox: Outbox) -> None:
        self.rows: dict[str, Any] = {}
        self.seq = 0
        self.told: list[tuple[str, Any]] = []
        self.is_whole = True
        self._outbox = outbox

    async def take_all(self, hub: "Published", most: int = 10_000) -> None:
        """Take so many of the frames that wait."""
        for _ in range(most):
            if not (self._outbox._frames or self._outbox._stale):
                return
            frame = await self._outbox.get()
            if frame is None:
                self._take_snapshot(hub)
            elif frame != "news":
                self._take(msgspec.json.decode(frame))

    def _take_snapshot(self, hub: "Published") -> None:
        """Read it while there is news."""
        self.is_whole = False
        self._outbox.begin()
        for key in ("account:1", "order:1"):
            self._outbox.put_state(*hub.change({key: True}))
        self.rows, self.seq = dict(hub.rows), hub.seq
        self._outbox.put_state(*hub.change({"account:1": True, "fill:1": True}))
        self._outbox.continue_from("e", self.seq)

    def _take(self, frame: dict[str, Any]) -> None:
        assert frame.get("after", frame["seq"] - 1) <= self.seq < frame["seq"]
        self.seq = frame["seq"]
        self.rows |= frame["rows"]
        for key in frame["gone"]:
            self.rows.pop(key, None)
        self.told += [(key, row) for key, row in frame["rows"].items() if key.startswith(LOSSLESS)]
        self.told += [(key, None) for key in frame["gone"] if key.startswith(LOSSLESS)]


class Published:
    """What a hub has told so far."""

    def __init__(self) -> None:
        self.rows: dict[str, Any] = {}
        self.seq = 0
        self.told: list[tuple[str, Any]] = []

    def change(self, changes: dict[str, bool]) -> tuple[str, str, int, str]:
        self.seq += 1
        rows = {key: {"n": str(self.seq)} for key, is_there in changes.items() if is_there}
        gone = [key for key, is_there in changes.items() if not is_there]
        self.rows = {key: row for key, row in (self.rows | rows).items() if key not in gone}
        self.told += [(key, rows.get(key)) for key in (*rows, *gone) if key.startswith(LOSSLESS)]
        frame = {"t": "delta", "epoch": "e", "seq": self.seq, "at": self.seq, "rows": rows, "gone": gone}
        return "delta", "e", self.seq, msgspec.json.encode(frame).decode()


@given(
    steps=st.lists(st.one_of(CHANGES, st.integers(1, 6), st.sampled_from(["news", "snapshot"])), max_size=60),
    lag=st.integers(1, 4),
    limit=st.sampled_from([4, 1000]),
)
async def test_whatever_is_joined_a_page_ends_with_the_hubs_rows_and_sees_each_state(
    steps: list[Any], lag: int, limit: int
) -> None:
    """Numbers are frames that the page takes meanwhile."""
    hub, outbox = Published(), ready(Outbox(1, limit=limit, lag=lag))
    page = Follower(outbox)
    for step in steps:
        match step:
            case "news":
                outbox.put_news("news")
            case "snapshot":
                outbox.make_stale()
            case int():
                await page.take_all(hub, step)
            case _:
                outbox.put_state(*hub.change(step))
    await page.take_all(hub)
    assert (page.rows, page.seq) == (hub.rows, hub.seq)
    for key in ROWS if page.is_whole else ():
        assert [one for one in page.told if one[0] == key] == [one for one in hub.told if one[0] == key]


async def test_of_what_a_slow_page_misses_only_the_last_marks_are_told() -> None:
    hub, outbox = Published(), ready(Outbox(1))
    page = Follower(outbox)
    for number in range(3000):
        state = {"order:1": True} if number % 1000 == 0 else {}
        outbox.put_state(*hub.change({"account:1": True, "position:1": number % 2 == 1, **state}))
    frames = len(outbox._frames)
    await page.take_all(hub)
    assert (frames, page.rows, page.told) == (relays.LAG + 2, hub.rows, hub.told)
