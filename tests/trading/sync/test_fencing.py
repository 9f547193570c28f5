"""A sync process that was stopped for longer than its lease lasts finds another in its place: it lets go of the socket
and writes nothing over what that one has written."""

import asyncio
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
import redis
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection as database

from accounts.models import Connection
from tests.faults.truth import Differences, differences, of_journal, of_ledger
from tests.trading.sync.cast import StartSync, aplace, ask, front_month, running_hub, settled, snapshot, stop, until
from trading.models import Account, Order, Upstream
from trading.sync import lease, stream


async def test_who_has_lost_the_lease_closes_the_socket_and_says_nothing(simulator, trader) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)
    async with running_hub() as hub:
        before = await settled(trader)
        client.set(stream.lease_key(trader.pk), "another")
        await until(lambda: not simulator.control.sockets())
        await until(lambda: trader.pk not in hub.held)
        assert client.get(stream.lease_key(trader.pk)) == b"another"
        assert await asyncio.to_thread(hub.journal.flush)
        found = await snapshot(trader)
        assert (found.epoch, found.rows["upstream"]["state"]) == (before.epoch, "up")
        assert (await Upstream.objects.aget(connection=trader)).state == Upstream.State.UP
        client.delete(stream.lease_key(trader.pk))
        await until(lambda: trader.pk in hub.held)
        assert (await settled(trader)).rows["account:1001001"]["name"] == "DEMO1001001"


async def test_who_finds_its_socket_ended_before_it_hears_of_a_successor_writes_nothing_of_that_down(
    simulator, trader, monkeypatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_EVERY", 60.0)
    client = redis.Redis.from_url(settings.REDIS_URL)
    async with running_hub() as hub:
        await settled(trader)
        assert await asyncio.to_thread(hub.journal.flush)
        client.set(stream.lease_key(trader.pk), "another")
        simulator.control.fault("kick", user="trader")
        await until(lambda: trader.pk not in hub.held)
        assert await asyncio.to_thread(hub.journal.flush)
        assert (await Upstream.objects.aget(connection=trader)).state == Upstream.State.UP


async def test_who_is_to_end_before_it_hears_of_a_successor_writes_no_end_down(simulator, trader, monkeypatch) -> None:
    monkeypatch.setattr(lease, "RENEW_EVERY", 60.0)
    client = redis.Redis.from_url(settings.REDIS_URL)
    async with running_hub():
        await settled(trader)
        client.set(stream.lease_key(trader.pk), "another")
    assert (await Upstream.objects.aget(connection=trader)).state == Upstream.State.UP
    assert client.get(stream.lease_key(trader.pk)) == b"another"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("cut_off", [False, True], ids=["its socket open", "its socket cut off"])
async def test_a_process_that_wakes_after_its_lease_writes_over_nothing(
    simulator, trader, start_sync: StartSync, monkeypatch, cut_off: bool
) -> None:
    """With its socket open it hears on waking what it missed; cut off, an old batch is the last that it writes."""
    # Of two with one connection the first by name holds it: the one that wakes does not get it back.
    monkeypatch.setattr("trading.sync.crew.socket.gethostname", lambda: "!")
    symbol = front_month(simulator, trader)
    simulator.control.liquidity(symbol, 100)
    low = float(simulator.control.market(symbol)["bid"]) - 50
    process = start_sync()
    before = await settled(trader)
    await aplace(simulator, trader, symbol=symbol, action="Buy", orderQty=1)
    placed = await aplace(simulator, trader, symbol=symbol, action="Buy", orderQty=1, orderType="Limit", price=low)
    resting = placed["orderId"]
    simulator.control.advance(1)
    await until(lambda: Order.objects.filter(connection=trader, status="Working").aexists())
    with nobody_writes():
        # Its journal waits with the order's second version, which is shown already, when it is stopped.
        await ask(simulator, trader, "order/modifyorder", orderId=resting, orderQty=2, orderType="Limit", price=low)
        simulator.control.advance(1)
        await until(lambda: shows(trader, f"order:{resting}", "2"))
        await stop(process)
    if cut_off:
        simulator.control.fault("kick", user="trader")
    async with running_hub() as hub:

        async def taken_over() -> bool:
            return (await settled(trader)).epoch != before.epoch

        await until(taken_over)
        await ask(simulator, trader, "order/modifyorder", orderId=resting, orderQty=3, orderType="Limit", price=low)
        simulator.control.advance(1)
        await ask(simulator, trader, "order/cancelorder", orderId=resting)
        await aplace(simulator, trader, symbol=symbol, action="Buy", orderQty=2)
        simulator.control.advance(1)

        async def is_kept() -> bool:
            return not await kept_wrongly(simulator, trader)

        await until(is_kept)
        assert synced(simulator) == (1 if cut_off else 2)
        process.send_signal(signal.SIGCONT)
        await until(lambda: synced(simulator) == 1)
        # It writes what still waits before it ends.
        process.terminate()
        await until(lambda: process.poll() is not None, patience=30)
        assert process.returncode == 0
        assert await asyncio.to_thread(hub.journal.flush)
        assert await kept_wrongly(simulator, trader) == Differences()
        assert synced(simulator) == 1
        assert (await Upstream.objects.aget(connection=trader)).state == Upstream.State.UP
        assert await shows(trader, f"done:{resting}", "3")


@contextmanager
def nobody_writes() -> Iterator[None]:
    """Who writes to the database meanwhile waits. On SQLite; a PostgreSQL server would write for who has stopped."""
    if database.vendor != "sqlite":
        yield
        return
    with closing(sqlite3.connect(database.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def shows(connection: Connection, key: str, qty: str) -> bool:
    return (await snapshot(connection)).rows.get(key, {}).get("qty") == qty


def synced(simulator: Any) -> int:
    return sum(one["synced"] for one in simulator.control.sockets())


@sync_to_async(thread_sensitive=False)
def kept_wrongly(simulator: Any, connection: Connection) -> Differences:
    """What the journal tells otherwise than the broker's ledger."""
    accounts = set(Account.objects.filter(connection=connection).values_list("tradovate_id", flat=True))
    truth = of_ledger(simulator.control.ledger()["entities"], accounts, since=0)
    return differences(truth, of_journal(connection.pk, since=0))
