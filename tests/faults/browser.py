"""A browser's page of the desk without the page: it reads the stream as state.js and socket.js do."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from contextlib import suppress
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

# As in socket.js, in seconds.
SILENCE, PATIENCE, STEADY = 20.0, 5.0, 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
# For a browser that hangs the kernels keep little, on both sides: so many bytes here, a few such segments there. By
# loopback's own measure it would be megabytes.
RECEIVE_BUFFER, SEGMENT = 4096, 536

Row = dict[str, str]


class Browser:
    """One page of a trader at one web process. `rows` is what it shows, by key; intents are not asked for.

    With `narrow` its server notices soon when it stops reading.
    """

    def __init__(self, web: str, cookie: str, *, narrow: bool = False) -> None:
        self.web = web
        self.rows: dict[str, Row] = {}
        self.is_up = False
        self.connects = self.frames = self.snapshots = self.gaps = 0
        self.cookie = cookie
        self.narrow = narrow
        self._epoch: str | None = None
        self._seq = 0
        self._waiting = True
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._task = asyncio.create_task(self._stay())

    @property
    def reads(self) -> bool:
        """Whether the page goes on, and does not hang."""
        return self._may_read.is_set()

    def stop_reading(self) -> None:
        """The page hangs: its socket stays open and nothing is taken from it."""
        self._may_read.clear()

    def read_again(self) -> None:
        self._may_read.set()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _stay(self) -> None:
        """Connect again after each end, ever later while sockets do not last."""
        attempt = 0
        clock = asyncio.get_running_loop().time
        while True:
            up_since = clock()
            with suppress(OSError, TimeoutError, WebSocketException, InvalidHandshake):
                await self._read_one()
            if self.is_up and clock() - up_since > STEADY:
                attempt = 0
            self.is_up = False
            self._waiting = True
            longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)
            attempt += 1
            await asyncio.sleep(longest * (0.5 + random.random() / 2))

    async def _read_one(self) -> None:
        address = urlsplit(self.web)
        raw = socket.socket()
        if self.narrow:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
        raw.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(raw, (address.hostname, address.port))
            async with connect(
                f"ws://{address.netloc}/ws/desk/",
                sock=raw,
                origin=self.web,
                additional_headers={"Cookie": self.cookie},
                compression=None,
                max_size=None,
                ping_interval=None,
                close_timeout=0.1,
            ) as opened:
                while True:
                    await self._may_read.wait()
                    await self._take(opened, await self._next(opened))
        finally:
            raw.close()

    async def _next(self, opened: ClientConnection) -> str:
        """The next frame; a socket that is silent for long is asked, and given up when it does not answer."""
        try:
            async with asyncio.timeout(SILENCE):
                return str(await opened.recv())
        except TimeoutError:
            await opened.send('{"t":"resync"}')
            async with asyncio.timeout(PATIENCE):
                return str(await opened.recv())

    async def _take(self, opened: ClientConnection, text: str) -> None:
        if not self.is_up:
            self.is_up = True
            self.connects += 1
        self.frames += 1
        frame = json.loads(text)
        match frame["t"]:
            case "snapshot":
                self.snapshots += 1
                self.rows = frame["rows"]
                self._epoch, self._seq, self._waiting = frame["epoch"], frame["seq"], False
            case "delta" if not self._waiting:
                if frame["epoch"] == self._epoch and frame["seq"] <= self._seq:
                    return
                if frame["epoch"] != self._epoch or frame.get("after", frame["seq"] - 1) > self._seq:
                    self.gaps += 1
                    self._waiting = True
                    await opened.send('{"t":"resync"}')
                    return
                self._seq = frame["seq"]
                self.rows.update(frame["rows"])
                for key in frame["gone"]:
                    self.rows.pop(key, None)
