"""A sync process that is stopped between two statements of a transaction keeps rows locked on PostgreSQL: its successor
waits some seconds for them, and what the stopped one had to write it writes when it wakes."""

import asyncio
import signal

import psycopg
import pytest
from django.db import connection as database

from tests.trading.sync.cast import StartSync, aplace, ask, front_month, running_hub, settled, stop, until
from trading.models import Order, Upstream

WAIT_FOR = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND %s = ANY(pg_blocking_pids(pid))"
STAND_STILL = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"


@pytest.mark.timeout(120)
async def test_its_successor_gets_the_rows_that_it_had_locked(
    simulator, trader, start_sync: StartSync, database_url: str, monkeypatch
) -> None:
    if database.vendor != "postgresql":
        pytest.skip("a SQLite file has no server that could end a session")
    # Of two with one connection the first by name holds it: the one that wakes does not get it back.
    monkeypatch.setattr("trading.sync.crew.socket.gethostname", lambda: "!")
    symbol = front_month(simulator, trader)
    low = float(simulator.control.market(symbol)["bid"]) - 50
    process = start_sync()
    await settled(trader)
    order = {"symbol": symbol, "action": "Buy", "orderQty": 1, "orderType": "Limit", "price": low}
    placed = await aplace(simulator, trader, **order)
    simulator.control.advance(1)
    await until(lambda: Order.objects.filter(connection=trader, status="Working").aexists())
    with psycopg.connect(database_url) as holder, psycopg.connect(database_url, autocommit=True) as onlooker:

        def those_that(sessions: str, *about: int) -> set[int]:
            return {number for (number,) in onlooker.execute(sessions, about)}

        holder.execute("SELECT 1 FROM trading_order FOR UPDATE")
        await ask(simulator, trader, "order/cancelorder", orderId=placed["orderId"])
        simulator.control.advance(1)
        [stopped] = await until(lambda: those_that(WAIT_FOR, holder.info.backend_pid))
        await stop(process)
        # The server finishes the statement for who does not ask for the next one.
        holder.rollback()
        await until(lambda: stopped in those_that(STAND_STILL))
        async with running_hub() as hub:
            await until(lambda: Order.objects.filter(connection=trader, status="Canceled").aexists())
            assert stopped not in those_that(STAND_STILL)
            process.send_signal(signal.SIGCONT)
            process.terminate()
            await until(lambda: process.poll() is not None)
            assert process.returncode == 0
            assert await asyncio.to_thread(hub.journal.flush)
            assert (await Upstream.objects.aget(connection=trader)).state == Upstream.State.UP
