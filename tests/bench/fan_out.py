"""Two ways from one process to the browsers of others, and nothing else: for tests.bench.bench_choice.

    python -m tests.bench.fan_out layer|subscription UPSTREAM

reads Tradovate's user socket as the bare relay does (RELAY_USERS names the users) and hands each frame on: to a group
of channels' Redis channel layer with its stock capacity, or to the portal's own subscription (trading.sync.relay). The
application brings them to the browsers at /layer/USER and /subscription/USER. Neither consumer hops to a thread for a
message, as the portal's do not: what differs is the fan-out alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import django
import uvloop

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from channels.consumer import AsyncConsumer  # noqa: E402 - Django is set up first
from channels.exceptions import StopConsumer  # noqa: E402 - as above
from channels.layers import channel_layers  # noqa: E402 - as above
from channels.routing import URLRouter  # noqa: E402 - as above
from channels_redis.core import RedisChannelLayer  # noqa: E402 - as above
from django.conf import settings  # noqa: E402 - as above
from django.urls import path  # noqa: E402 - as above

from tests.bench.bare_relay import AT_ONCE, events  # noqa: E402 - as above
from trading.sync import stream  # noqa: E402 - as above
from trading.sync.relay import Outbox, Relay, relay  # noqa: E402 - as above

EPOCH = "bench"
layer = RedisChannelLayer(hosts=[settings.REDIS_URL])


class LayerConsumer(AsyncConsumer):
    """A browser in its user's group."""

    channel_layer_alias = "bench"

    async def dispatch(self, message: dict[str, Any]) -> None:
        group = f"desk.{self.scope['url_route']['kwargs']['user']}"
        match message["type"]:
            case "websocket.connect":
                await self.channel_layer.group_add(group, self.channel_name)
                await self.send({"type": "websocket.accept"})
            case "desk.frame":
                await self.send({"type": "websocket.send", "text": message["text"]})
            case "websocket.disconnect":
                await self.channel_layer.group_discard(group, self.channel_name)
                raise StopConsumer


class SubscriptionConsumer(AsyncConsumer):
    """A browser with an outbox at this process's subscription. There is no snapshot: what the outbox drops is lost."""

    _relay: Relay
    _outbox: Outbox
    _task: asyncio.Task[None]

    async def dispatch(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "websocket.connect":
                self._outbox = Outbox(self.scope["url_route"]["kwargs"]["user"])
                self._relay = relay()
                await self._relay.join(self._outbox)
                await self.send({"type": "websocket.accept"})
                self._task = asyncio.create_task(self._write())
            case "websocket.disconnect":
                self._task.cancel()
                await self._relay.leave(self._outbox)
                raise StopConsumer

    async def _write(self) -> None:
        while True:
            frame = await self._outbox.get()
            if frame is None:
                self._outbox.begin()
            else:
                await self.send({"type": "websocket.send", "text": frame})


async def feed(way: str, upstream: str, users: dict[str, str]) -> None:
    """Hand every frame of these users (id -> access token) on, one after another."""
    gate = asyncio.Semaphore(AT_ONCE)
    client = stream.async_client()

    async def follow(user: str, token: str) -> None:
        seq = 0
        async for frame in events(upstream, user, token, gate):
            seq += 1
            if way == "layer":
                await layer.group_send(f"desk.{user}", {"type": "desk.frame", "text": frame})
            else:
                await client.publish(stream.channel(int(user)), f"delta {EPOCH} {seq}\n{frame}")

    await asyncio.gather(*(follow(user, token) for user, token in users.items()))


channel_layers.set("bench", layer)
application = URLRouter(
    [
        path("layer/<int:user>", LayerConsumer.as_asgi()),
        path("subscription/<int:user>", SubscriptionConsumer.as_asgi()),
    ]
)

if __name__ == "__main__":
    uvloop.run(feed(sys.argv[1], sys.argv[2], json.loads(os.environ["RELAY_USERS"])))
