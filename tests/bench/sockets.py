"""What benchmarks of the stream share: browsers that only listen, what they heard, and how it is counted."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

PATIENCE = 5.0  # seconds for the last events of a round
# What the kernels keep for a socket that is not read: so many bytes here, a few such segments there.
RECEIVE_BUFFER, SEGMENT = 4096, 536

RAW_FILL, SHOWN_FILL = re.compile(rb'"entity":\{"id":(\d+)'), re.compile(rb'"fill:(\d+)"')
SNAPSHOT = b'{"t":"snapshot"'

Heard = list[tuple[int, bytes]]
"""Frames with the time at which they came, in ns since the epoch."""


class Fill(msgspec.Struct):
    id: int
    timestamp: str


class Props(msgspec.Struct):
    entity: Fill


class Message(msgspec.Struct):
    d: Props


class Frame(msgspec.Struct):
    t: str
    seq: int = 0
    after: int | None = None
    rows: dict[str, msgspec.Raw] = {}


@dataclass
class Result:
    """Latencies in milliseconds and events that did not come."""

    latencies: list[float] = field(default_factory=list)
    lost: int = 0

    def percentile(self, share: float) -> float:
        if not self.latencies:
            return float("nan")
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

    def add(self, other: Result) -> None:
        self.latencies += other.latencies
        self.lost += other.lost


@dataclass(frozen=True)
class Target:
    """Where a browser connects, and as whom: a session's cookie at Tradeport, which begins with a snapshot."""

    url: str
    cookie: str = ""


class Browser:
    """One socket that keeps what comes with the time at which it came, and decodes none of it until the round is over.

    `fills` are the ids that `pattern` finds: of some more is told than once.
    """

    def __init__(self, opened: ClientConnection, pattern: re.Pattern[bytes]) -> None:
        self.heard: Heard = []
        self.fills: set[bytes] = set()
        self.has_snapshot = False
        self._pattern = pattern
        self._socket = opened
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            while True:
                frame = await self._socket.recv(decode=False)
                self.heard.append((time.time_ns(), frame))
                self.fills.update(self._pattern.findall(frame))
                self.has_snapshot |= frame.startswith(SNAPSHOT)
        except ConnectionClosed:
            return

    async def close(self) -> None:
        await self._socket.close()
        await self._task


async def opened(target: Target, *, narrow: bool = False) -> ClientConnection:
    """A socket to a target; a narrow one holds its sender up soon when it is not read."""
    address = urlsplit(target.url)
    raw = None
    if narrow:
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, (address.hostname, address.port))
    return await connect(
        target.url,
        sock=raw,
        origin=f"http://{address.netloc}",
        additional_headers={"Cookie": target.cookie} if target.cookie else {},
        compression=None,
        max_size=None,
        ping_interval=None,
        close_timeout=1,
        open_timeout=60,
    )


def relayed(heard: Heard) -> dict[int, tuple[int, int]]:
    """Of raw frames: fill id -> (received, sent), in ns."""
    found: dict[int, tuple[int, int]] = {}
    for at, frame in heard:
        for message in msgspec.json.decode(frame[1:], type=list[Message]):
            found[message.d.entity.id] = (at, nanoseconds(message.d.entity.timestamp))
    return found


def shown(heard: Heard) -> dict[int, int]:
    """Of Tradeport's frames: fill id -> when it was received first, in ns.

    Raises AssertionError when a sequence number is missing.
    """
    found: dict[int, int] = {}
    last: int | None = None
    for at, frame in heard:
        told = msgspec.json.decode(frame, type=Frame)
        if told.t == "delta":
            after = told.seq - 1 if told.after is None else told.after
            assert last is None or after <= last < told.seq, "a gap in the stream"
        elif told.t != "snapshot":
            continue
        last = told.seq
        for key in told.rows:
            if key.startswith("fill:"):
                found.setdefault(int(key[5:]), at)
    return found


def nanoseconds(stamp: str) -> int:
    """Since the epoch, of "2026-11-21T14:30:00.123456Z"."""
    whole, _, fraction = stamp.rstrip("Z").partition(".")
    seconds = int(time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))) - time.timezone
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0"))


async def until(condition: Callable[[], bool], patience: float = PATIENCE) -> bool:
    """Wait for a condition; False when it did not come."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True
