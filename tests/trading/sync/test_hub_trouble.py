"""A hub beside another one, and without Redis, database, sync requests or market data for a while."""

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import redis
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import OperationalError

from accounts import renewal
from accounts.budgets import budgets
from accounts.models import Connection
from tests.trading.sync.cast import aplace, front_month, rows, running_hub, settled, snapshot, until
from trading.sync import crew, doorbell, enquiries, stream
from trading.sync.cash_book import CashBook
from trading.sync.equity import EquitySampler
from trading.sync.fact_sheet import FactSheet
from trading.sync.marks import Marks
from trading.tradovate.errors import PenaltyImposed


async def test_two_hubs_never_hold_the_same_connection_and_one_takes_over(simulator, trader) -> None:
    def synced() -> int:
        return sum(socket["synced"] for socket in simulator.control.sockets())

    async with running_hub() as second:
        async with running_hub():
            await settled(trader)
            await asyncio.sleep(0.6)  # three looks of either hub
            assert synced() == 1
        found = await settled(trader)
        assert found.rows["account:1001001"]["cash"] == "100,000.00"
        assert synced() == 1
        assert second


async def test_redis_that_lost_everything_gets_it_again(simulator, trader) -> None:
    async with running_hub():
        before = await settled(trader)
        redis.Redis.from_url(settings.REDIS_URL).flushdb()
        after = await settled(trader)
        assert after.epoch != before.epoch
        assert after.rows["account:1001001"] == before.rows["account:1001001"]


async def test_a_database_that_does_not_answer_is_told_and_waited_for(simulator, trader, monkeypatch) -> None:
    ask, failures = renewal.aaccess_token, []

    async def failing(connection_id: int) -> str:
        if len(failures) < 2:
            failures.append(connection_id)
            raise OperationalError("the database is locked")
        return await ask(connection_id)

    monkeypatch.setattr(renewal, "aaccess_token", failing)
    async with running_hub(rescan=60):
        found = await settled(trader, "down")
        assert "database" in found.rows["upstream"]["detail"]
        await settled(trader)


async def test_a_penalty_is_waited_out_and_its_ticket_presented(simulator, trader) -> None:
    simulator.control.fault("penalty", route="user/syncrequest", seconds=0.1)
    async with running_hub():
        found = await settled(trader, "down")
        assert "asks to wait" in found.rows["upstream"]["detail"]
        assert "account:1001001" not in found.rows
        assert (await settled(trader)).rows["account:1001001"]["cash"] == "100,000.00"


async def test_a_page_is_told_that_it_is_up_to_date_with_the_rows_of_now(simulator, trader) -> None:
    async with stream.async_client() as client, client.pubsub(ignore_subscribe_messages=True) as heard, running_hub():
        await settled(trader)
        await heard.subscribe(stream.channel(trader.pk))
        simulator.control.fault("kick", user="trader")
        told: list[dict[str, Any]] = []
        async with asyncio.timeout(20):
            while not told or told[-1]["rows"]["upstream"]["state"] != "up":
                if message := await heard.get_message(timeout=1):
                    frame = msgspec.json.decode(message["data"].decode().partition("\n")[2])
                    told += [frame] if "upstream" in frame.get("rows", ()) else []
    assert told[-1]["t"] == "snapshot"
    assert "account:1001001" in told[-1]["rows"]


async def test_sync_requests_are_counted_for_the_network_and_stop_when_they_are_used_up(simulator, trader) -> None:
    async def told(words: str) -> bool:
        return words in (await snapshot(trader)).rows["upstream"]["detail"]

    async with budgets(trader.environment, trader.tradovate_user_id) as own:
        async with running_hub():
            await settled(trader)
        used = {budget.limit.name: budget.used for budget in await own.of_network()}
        assert used["user/syncrequest"] == 1
        assert (await own.of_user()).used >= 1
        own.failed("user/syncrequest", PenaltyImposed("ticket", 40))
        await own.counted()
    async with running_hub():
        await until(lambda: told("(user/syncrequest) to Tradovate are used up"))


async def test_a_sync_process_shows_that_it_lives(simulator, trader) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)
    async with running_hub():
        await until(lambda: crew.is_there(client))
    assert not crew.is_there(client)


async def test_without_market_data_the_desk_works_and_says_so(simulator, pro) -> None:
    simulator.control.fault("reset_before", route="md/subscribequote", times=1000)
    async with running_hub():

        async def told() -> bool:
            return "Marks are the last known prices" in (await settled(pro)).rows["upstream"]["marks"]

        await until(told)
        assert (await settled(pro)).rows["upstream"]["detail"] == ""
        positions = await rows(pro, "position")
        assert {row["mark_source"] for row in positions} <= {"last fill", "previous day", "last quote"}
        assert "" not in {row["mark_source"] for row in positions}
        assert any(row["estimate"] for row in await rows(pro, "account"))
        assert all(row["cash"] != "—" for row in await rows(pro, "account"))
        simulator.control.fault("clear")

        async def marked() -> bool:
            return all(row["mark_source"] == "" for row in await rows(pro, "position"))

        await until(marked)
        assert (await settled(pro)).rows["upstream"]["marks"] == ""
        assert not any(row["estimate"] for row in await rows(pro, "account"))


async def test_two_traders_in_one_contract_are_marked_by_one_subscription(simulator, trader, pro) -> None:
    """Each has shown that Tradovate grants it; when the one whose socket feeds both is gone, the other's does."""
    symbol = front_month(simulator, trader)
    simulator.control.liquidity(symbol, 100)

    def subscriptions() -> int:
        return sum(len(socket["quotes"]) for socket in simulator.control.sockets())

    async def live(connection: Connection) -> bool:
        found = [row for row in await rows(connection, "position") if row["symbol"] == symbol]
        return bool(found) and all(row["mark_source"] == "" for row in found)

    async with running_hub():
        await settled(pro)
        await settled(trader)
        await until(lambda: subscriptions() > 0)
        for connection in (pro, trader):
            await aplace(simulator, connection, symbol=symbol, action="Buy", orderQty=1)
        simulator.control.advance(1)
        for connection in (pro, trader):
            await until(lambda connection=connection: live(connection))
        held = {row["symbol"] for row in await rows(pro, "position")}
        await until(lambda: subscriptions() == len(held))
        marks = {await _mark(connection, symbol) for connection in (pro, trader)}
        simulator.control.price(symbol, str(Decimal(str(simulator.control.market(symbol)["bid"])) + 40))

        async def moved() -> bool:
            now = {await _mark(connection, symbol) for connection in (pro, trader)}
            return len(now) == 1 and now != marks

        await until(moved)
        await sync_to_async(pro.forget_tokens)()
        await asyncio.to_thread(doorbell.ring_closed, pro.pk)
        await until(lambda: subscriptions() == 1)
        await until(lambda: live(trader))


async def _mark(connection: Connection, symbol: str) -> str:
    return next(row["mark"] for row in await rows(connection, "position") if row["symbol"] == symbol)


@pytest.mark.parametrize(
    "beside", [(EquitySampler, "sample"), (FactSheet, "_put"), (Marks, "_attempt"), (CashBook, "_read")]
)
async def test_an_error_of_ours_beside_the_news_ends_nothing_for_good(simulator, pro, monkeypatch, beside) -> None:
    monkeypatch.setattr(enquiries, "REST", 0.2)
    kind, name = beside
    well, failures = getattr(kind, name), [ZeroDivisionError("surprise")]
    goes_on = asyncio.Event()

    def fails_once(*args: object, **options: object) -> object:
        if failures:
            raise failures.pop()
        goes_on.set()
        return well(*args, **options)

    monkeypatch.setattr(kind, name, fails_once)
    async with running_hub():
        before = await settled(pro)
        async with asyncio.timeout(30):
            await goes_on.wait()
        assert (await settled(pro)).epoch == before.epoch
