"""A lasting socket's owner, and what the server that it meets does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trading.tradovate import (
    Access,
    Patience,
)

if TYPE_CHECKING:
    from .conftest import Peer


POSITION = {"id": 1, "accountId": 7, "contractId": 5, "netPos": 2, "netPrice": 6700.25}


@dataclass
class Owner:
    """Gives access, and sleeps without taking time; keeps what it was asked."""

    url: str = ""
    errors: list[Exception | None] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    held: asyncio.Event | None = None
    rests: asyncio.Event = field(default_factory=asyncio.Event)

    async def access(self, last_error: Exception | None) -> Access:
        self.errors.append(last_error)
        self.tokens.append(f"tok-secret-{len(self.tokens) + 1}")
        return Access(self.url, self.tokens[-1], user_id=11)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.rests.set()
        if self.held is not None:
            await self.held.wait()
        await asyncio.sleep(0)

    @property
    def patience(self) -> Patience:
        return Patience(sleep=self.sleep, chance=lambda: 0.5)


Scene = Callable[["Peer"], Awaitable[None]]


async def authorized(peer: Peer) -> str:
    await peer.send("o")
    endpoint, request_id, _, token = await peer.request()
    assert endpoint == "authorize"
    await peer.respond(request_id)
    return token


async def synced(peer: Peer, net_pos: int = 2) -> dict[str, object]:
    await authorized(peer)
    endpoint, request_id, _, body = await peer.request()
    assert endpoint == "user/syncrequest"
    await peer.respond(request_id, {"users": [{"id": 11}], "positions": [{**POSITION, "netPos": net_pos}]})
    return json.loads(body)


async def stay(peer: Peer) -> None:
    """Read until the client hangs up."""
    await peer.connection.wait_closed()
