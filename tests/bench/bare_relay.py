"""The yardstick: the least that can bring a user's frames to browsers. `python -m tests.bench.bare_relay UPSTREAM PORT`

One task reads Tradovate's user socket and `websockets.broadcast`s its frames as they are to everybody who is connected:
no state, no sequence, no rights, nothing kept. The access token and user id come by RELAY_TOKEN and RELAY_USER.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

import uvloop
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, broadcast, serve

BEAT = 2.5  # seconds


async def relay(upstream: str, port: int) -> None:
    browsers: set[ServerConnection] = set()

    async def browser(socket: ServerConnection) -> None:
        browsers.add(socket)
        try:
            await socket.wait_closed()
        finally:
            browsers.discard(socket)

    async with (
        connect(upstream, compression=None, max_size=None, ping_interval=None) as source,
        serve(browser, "127.0.0.1", port, compression=None, ping_interval=None),
    ):
        await source.recv()
        await source.send(f"authorize\n1\n\n{os.environ['RELAY_TOKEN']}")
        await source.send("user/syncrequest\n2\n\n" + json.dumps({"users": [int(os.environ["RELAY_USER"])]}))
        beat = asyncio.create_task(_beat(source))
        async for frame in source:
            if frame.startswith('a[{"e"'):
                broadcast(browsers, frame)
        beat.cancel()


async def _beat(source: object) -> None:
    while True:
        await asyncio.sleep(BEAT)
        await source.send("[]")


if __name__ == "__main__":
    uvloop.run(relay(sys.argv[1], int(sys.argv[2])))
