"""The client's side of bench_idle: open user sockets, leave them idle, and print what that costs this process.

python -m tests.bench.idle_sockets URL USER COUNT SECONDS, with the access token in the environment as BENCH_TOKEN.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import AsyncExitStack

import uvloop

from tests.bench.usage import Usage
from trading.tradovate import UserSocket

AT_ONCE = 20


async def open_and_wait(url: str, user_id: int, count: int, seconds: float) -> None:
    """Print "ready", then on a line from stdin rest for `seconds` and print bytes per socket, CPU seconds, and lost."""
    token, gate = os.environ["BENCH_TOKEN"], asyncio.Semaphore(AT_ONCE)

    async def one() -> UserSocket:
        async with gate:
            socket = await UserSocket.connect(url, token)
            await socket.sync(user_id)
            return socket

    async with AsyncExitStack() as sockets:
        # One first, for what is loaded only once.
        await sockets.enter_async_context(await one())
        before = Usage.of(os.getpid())
        opened = await asyncio.gather(*(one() for _ in range(count)))
        for socket in opened:
            await sockets.enter_async_context(socket)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        began = Usage.of(os.getpid())
        await asyncio.sleep(seconds)
        after = Usage.of(os.getpid())
        lost = sum(not socket.is_open for socket in opened)
        print((began.memory - before.memory) / count, after.cpu - began.cpu, lost, flush=True)


if __name__ == "__main__":
    uvloop.run(open_and_wait(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
