"""The yardstick: the least that can bring users' frames to browsers. `python -m tests.bench.bare_relay UPSTREAM PORT`

One task for each user reads Tradovate's user socket and `websockets.broadcast`s its frames as they are to everybody who
is connected at /USER: no state, no sequence, no rights, nothing kept. RELAY_USERS names them: {"USER": "access token"}.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import defaultdict
from collections.abc import AsyncIterator

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, broadcast, serve

BEAT = 2.5  # seconds
AT_ONCE = 20


async def relay(upstream: str, port: int, users: dict[str, str]) -> None:
    browsers: dict[str, set[ServerConnection]] = defaultdict(set)
    gate = asyncio.Semaphore(AT_ONCE)

    async def browser(socket: ServerConnection) -> None:
        assert socket.request
        user = socket.request.path.strip("/")
        browsers[user].add(socket)
        try:
            await socket.wait_closed()
        finally:
            browsers[user].discard(socket)

    async def follow(user: str, token: str) -> None:
        async for frame in events(upstream, user, token, gate):
            broadcast(browsers[user], frame)

    async with serve(browser, "127.0.0.1", port, compression=None, ping_interval=None):
        await asyncio.gather(*(follow(user, token) for user, token in users.items()))


async def events(upstream: str, user: str, token: str, gate: asyncio.Semaphore) -> AsyncIterator[str]:
    """The frames with events, as they are, of a user whose access token this is; the gate is held while it signs in."""
    async with connect(upstream, compression=None, max_size=None, ping_interval=None) as source:
        async with gate:
            await source.recv()
            await source.send(f"authorize\n1\n\n{token}")
            await source.send("user/syncrequest\n2\n\n" + json.dumps({"users": [int(user)]}))
        beat = asyncio.create_task(_beat(source))
        try:
            async for frame in source:
                if frame.startswith('a[{"e"'):
                    yield frame
        finally:
            beat.cancel()


async def _beat(source: ClientConnection) -> None:
    while True:
        await asyncio.sleep(BEAT)
        await source.send("[]")


if __name__ == "__main__":
    uvloop.run(relay(sys.argv[1], int(sys.argv[2]), json.loads(os.environ["RELAY_USERS"])))
