"""What tests of the live desk do: run a hub, look at the stream, wait for something."""

import asyncio
import contextlib
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import redis
from asgiref.sync import sync_to_async
from django.conf import settings

from accounts.models import Connection
from trading.sync import presence, stream
from trading.sync.hub import Hub
from trading.sync.relay import Outbox
from trading.sync.stream import Snapshot

# Starts a sync process (conftest.py).
StartSync = Callable[[], "subprocess.Popen[bytes]"]


async def until(condition: Callable[[], Awaitable[Any] | Any], patience: float = 30.0) -> Any:
    """The first true thing that `condition` returns, asked again and again for `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        found = condition()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


async def stop(process: subprocess.Popen[bytes]) -> None:
    """Have a process stand still, as one that sleeps. It is told through one of its threads, and the others run on
    meanwhile: one could take a lock of the database, and keep it."""
    process.send_signal(signal.SIGSTOP)
    await until(lambda: _stands_still(process.pid))


def _stands_still(pid: int) -> bool:
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return all(thread.read_text().rpartition(") ")[2].startswith("T") for thread in threads)


def cut(kind: str) -> None:
    """Redis closes what is connected to this test's database, as "normal" or "pubsub": other tests may have others of
    the same server."""
    with redis.Redis.from_url(settings.REDIS_URL) as own:
        here = own.client_info()
        for one in own.client_list(_type=kind):
            if int(one["db"]) == here["db"] and int(one["id"]) != here["id"]:
                own.client_kill_filter(_id=one["id"])


def look_at(connection: Connection) -> Connection:
    """Somebody opens a page of it."""
    presence.announce(connection.pk)
    return connection


@contextlib.asynccontextmanager
async def page_open(connection: Connection) -> AsyncIterator[None]:
    """Somebody opens a page of it and stays: a web process says so every ten seconds, this more often."""

    async def stay() -> None:
        while True:
            await sync_to_async(look_at, thread_sensitive=False)(connection)
            await asyncio.sleep(0.1)

    task = asyncio.create_task(stay())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def running_hub(rescan: float = 0.2, grace: float | None = 300.0) -> AsyncIterator[Hub]:
    hub = Hub(rescan=rescan, grace=grace)
    task = asyncio.create_task(hub.run())
    try:
        yield hub
    finally:
        hub.stop()
        await task


async def snapshot(connection: Connection) -> Snapshot:
    return await stream.aread_snapshot(connection.pk, wait=0)


async def rows(connection: Connection, kind: str) -> list[dict[str, str]]:
    """The rows of a kind ("position", "account", ...) that pages show."""
    found = (await snapshot(connection)).rows
    return [row for key, row in found.items() if key.startswith(f"{kind}:")]


async def settled(connection: Connection, state: str = "up") -> Snapshot:
    """The snapshot once the upstream is in that state."""

    async def there() -> Snapshot | None:
        found = await snapshot(connection)
        return found if found.rows.get("upstream", {}).get("state") == state else None

    return await until(there)


def place(simulator: Any, connection: Connection, **order: Any) -> dict[str, Any]:
    """Place an order over REST as another program of the trader's would."""
    headers = {"Authorization": f"Bearer {connection.tokens.access_token}"}
    accounts = httpx.get(f"{simulator.url}/v1/account/list", headers=headers).json()
    body = {"accountId": accounts[0]["id"], "accountSpec": accounts[0]["name"], "orderType": "Market", **order}
    return httpx.post(f"{simulator.url}/v1/order/placeorder", json=body, headers=headers).json()


aplace = sync_to_async(place, thread_sensitive=False)


@sync_to_async(thread_sensitive=False)
def ask(simulator: Any, connection: Connection, route: str, **body: Any) -> None:
    """Ask Tradovate for something over REST ("order/cancelorder"), as another program of the trader's would."""
    headers = {"Authorization": f"Bearer {connection.tokens.access_token}"}
    httpx.post(f"{simulator.url}/v1/{route}", json=body, headers=headers).raise_for_status()


def front_month(simulator: Any, connection: Connection, product: str = "MES") -> str:
    """The symbol of a product's contract that trades now."""
    headers = {"Authorization": f"Bearer {connection.tokens.access_token}"}
    found = httpx.get(f"{simulator.url}/v1/contract/suggest", params={"t": product, "l": 1}, headers=headers).json()
    return found[0]["name"]


def ready(outbox: Outbox, seq: int = 0, epoch: str = "e") -> Outbox:
    """The outbox of a page that has read its snapshot, which held all until `seq`."""
    outbox.begin()
    outbox.continue_from(epoch, seq)
    return outbox


async def seqs(outbox: Outbox, count: int) -> list[int]:
    """The numbers of the next so many frames."""
    return [msgspec.json.decode(await outbox.get())["seq"] for _ in range(count)]
