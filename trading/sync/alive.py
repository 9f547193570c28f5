"""The heartbeat of sync processes, a Redis key each that ends by itself: for health checks."""

from __future__ import annotations

import os
import socket

import redis.asyncio

PATTERN = "sync:alive:*"
EVERY = 3.0  # seconds
LASTS = 10  # seconds


def key() -> str:
    """This process's key."""
    return f"sync:alive:{socket.gethostname()}:{os.getpid()}"


async def beat(client: redis.asyncio.Redis, connections: int) -> None:
    """Say that this process lives and how many connections it holds."""
    await client.set(key(), connections, ex=LASTS)
