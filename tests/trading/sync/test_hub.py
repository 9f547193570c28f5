"""The whole way: simulator -> hub -> Redis and database, with what goes wrong on it."""

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
from accounts.models import AuditEvent, Connection
from tests.trading.cast import sign_in
from tests.trading.sync.cast import aplace, front_month, running_hub, settled, snapshot, until
from trading.models import Account, CashBalance, Contract, Fill, Order, OrderFile, OrderIntent, OrderLine, Upstream
from trading.sync import alive, doorbell, stream
from trading.sync.book import Book
from trading.sync.rows import signed
from trading.tradovate import MarketSocket, UserSocket
from trading.tradovate.errors import HostMoved, PenaltyImposed
from trading.tradovate.session import SocketSession


async def rows(connection: Connection, kind: str) -> list[dict[str, str]]:
    found = (await snapshot(connection)).rows
    return [row for key, row in found.items() if key.startswith(kind)]


async def test_an_order_placed_elsewhere_reaches_pages_and_journal(simulator, trader) -> None:
    symbol = front_month(simulator, trader)
    async with running_hub() as hub:
        await settled(trader)
        assert not await rows(trader, "position")
        simulator.control.liquidity(symbol, 100)
        await aplace(simulator, trader, symbol=symbol, action="Buy", orderQty=2)
        simulator.control.advance(1)
        (fill,) = await until(lambda: rows(trader, "fill"))
        assert (fill["symbol"], fill["action"], fill["qty"]) == (symbol, "Buy", "2")
        assert fill["account"] == "DEMO1001001"

        # MES: 5 dollars per point. The mark comes through the market data socket.
        bought = Decimal(fill["price"])
        simulator.control.price(symbol, str(bought + 3))
        expected = signed(Decimal(3) * 5 * 2)

        async def marked() -> bool:
            (position,) = await rows(trader, "position")
            (account,) = await rows(trader, "account")
            return position["open_pnl"] == account["open_pnl"] == expected

        await until(marked)
        (position,) = await rows(trader, "position")
        (account,) = await rows(trader, "account")
        assert (position["side"], position["qty"], Decimal(position["average"])) == ("Long", "2", bought)
        cash, net_liq = (Decimal(account[name].replace(",", "")) for name in ("cash", "net_liq"))
        assert net_liq == cash + 30
        assert account["margin_used"] != "—"
        assert not await rows(trader, "order")
        assert await asyncio.to_thread(hub.journal.flush)

    kept = await Fill.objects.aget(connection=trader)
    assert (kept.symbol, kept.action, kept.qty, kept.price) == (symbol, "Buy", 2, bought)
    order = await Order.objects.aget(connection=trader)
    assert (order.tradovate_id, order.status, order.order_qty) == (kept.order_id_at_broker, "Filled", 2)
    assert (await Account.objects.aget(connection=trader)).name == "DEMO1001001"
    assert (await CashBalance.objects.aget(connection=trader)).amount == cash
    assert (await Contract.objects.select_related("product").aget(name=symbol)).product.value_per_point == 5


async def test_a_working_order_shows_with_its_terms_and_goes_when_cancelled(simulator, trader) -> None:
    symbol = front_month(simulator, trader)
    low = Decimal(str(simulator.control.market(symbol)["bid"])) - 50
    async with running_hub():
        await settled(trader)
        placed = await aplace(
            simulator, trader, symbol=symbol, action="Buy", orderQty=3, orderType="Limit", price=float(low)
        )
        simulator.control.advance(0.5)

        async def working() -> dict[str, str] | None:
            found = await rows(trader, "order")
            return found[0] if found and found[0]["status"] == "Working" else None

        order = await until(working)
        assert order["id"] == str(placed["orderId"])
        assert (order["qty"], order["filled"], order["type"]) == ("3", "0", "Limit")
        assert (Decimal(order["price"]), order["stop"], order["time_in_force"]) == (low, "—", "Day")
        simulator.control.account((await Account.objects.afirst()).tradovate_id, deposit="1.00")
        await _cancel(simulator, trader, placed["orderId"])
        simulator.control.advance(0.5)

        async def gone() -> bool:
            return not await rows(trader, "order")

        await until(gone)


async def test_a_contract_that_could_not_be_looked_up_is_asked_for_again(simulator, pro, monkeypatch) -> None:
    load = Book.load
    monkeypatch.setattr(Book, "load", lambda found: load(msgspec.structs.replace(found, contracts=[])))
    simulator.control.fault("error_503", route="contract/item")
    async with running_hub():

        async def all_named() -> bool:
            positions = await rows(pro, "position")
            return bool(positions) and not any(row["symbol"].startswith("#") for row in positions)

        await until(all_named)
        assert not simulator.control.faults()


@sync_to_async
def _cancel(simulator, connection, order_id) -> None:
    import httpx

    headers = {"Authorization": f"Bearer {connection.tokens.access_token}"}
    httpx.post(f"{simulator.url}/v1/order/cancelorder", json={"orderId": order_id}, headers=headers)


async def test_fills_during_an_upstream_drop_are_there_after_it(simulator, trader) -> None:
    symbol = front_month(simulator, trader)
    async with running_hub() as hub:
        first = await settled(trader)
        simulator.control.fault("kick", user="trader")
        simulator.control.liquidity(symbol, 100)
        await aplace(simulator, trader, symbol=symbol, action="Sell", orderQty=4)
        simulator.control.advance(1)

        async def back() -> bool:
            found = await snapshot(trader)
            return found.epoch != first.epoch and bool(await rows(trader, "fill"))

        await until(back)
        (position,) = await rows(trader, "position")
        assert (position["side"], position["qty"]) == ("Short", "4")
        await settled(trader)
        assert await asyncio.to_thread(hub.journal.flush)
    assert await Fill.objects.filter(connection=trader).acount() == 1


async def test_a_burst_with_duplicates_and_batches_reaches_stream_and_journal_whole(simulator, trader) -> None:
    async with running_hub() as hub:
        await settled(trader)
        simulator.control.fault("duplicate_events", times=500)
        await asyncio.to_thread(simulator.control.emit, "trader", 3000, entity_type="fill", batch=40, wait=True)

        async def all_there() -> bool:
            return len(await rows(trader, "fill")) == 3000

        await until(all_there, patience=30)
        assert await asyncio.to_thread(hub.journal.flush, 30)
    ids = {row["id"] for row in await rows(trader, "fill")}
    kept = {str(key) async for key in Fill.objects.values_list("tradovate_id", flat=True)}
    assert kept == ids
    assert len(ids) == 3000


async def test_signing_out_closes_the_socket_says_goodbye_and_forgets_the_rows(simulator, trader) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)
    listener = client.pubsub(ignore_subscribe_messages=True)
    async with running_hub(rescan=60) as hub:
        await settled(trader)
        assert len(simulator.control.sockets()) >= 1
        listener.subscribe(stream.channel(trader.pk))
        await sync_to_async(trader.forget_tokens)()
        await asyncio.to_thread(doorbell.ring_closed, trader.pk)
        await until(lambda: not simulator.control.sockets())

        async def forgotten() -> bool:
            found = await snapshot(trader)
            return not found.rows and not client.exists(stream.lease_key(trader.pk))

        await until(forgotten)
        assert await asyncio.to_thread(hub.journal.flush)
    said = []
    while (message := listener.get_message(ignore_subscribe_messages=True)) or not said:
        if message:
            said.append(message["data"].decode())
    assert any(text.startswith("bye signed-out\n") for text in said)
    assert (await Upstream.objects.aget(connection=trader)).state == Upstream.State.SIGNED_OUT


async def test_signing_in_again_is_answered_by_the_bell_alone(simulator, trader) -> None:
    async with running_hub(rescan=60):
        await settled(trader)
        await sync_to_async(trader.forget_tokens)()
        await asyncio.to_thread(doorbell.ring_closed, trader.pk)
        await sync_to_async(sign_in)(simulator, "trader")
        await asyncio.to_thread(doorbell.ring_opened, trader.pk)
        await settled(trader)
        assert await rows(trader, "account")


async def test_a_sign_in_during_a_look_is_not_taken_for_a_sign_out(simulator, trader, monkeypatch) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)

    async def read_just_before() -> set[int]:
        await until(lambda: client.pubsub_numsub(doorbell.CHANNEL)[0][1])
        doorbell.ring_opened(trader.pk)
        await until(lambda: client.exists(stream.lease_key(trader.pk)))
        return set()

    monkeypatch.setattr("trading.sync.hub._authorised", read_just_before)
    async with running_hub(rescan=60):
        await settled(trader)
        assert await rows(trader, "account")


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


async def test_a_third_session_evicts_ours_and_the_page_says_so(simulator, trader) -> None:
    async with running_hub():
        await settled(trader)
        for _ in range(2):
            await sync_to_async(_sign_in_elsewhere)(simulator)
        found = await settled(trader, "evicted")
        assert "Another login" in found.rows["upstream"]["detail"]
        assert found.rows["account:1001001"]["name"] == "DEMO1001001"


def _sign_in_elsewhere(simulator) -> None:
    import httpx

    body = {"name": "trader", "password": "trader-pass", "appId": "elsewhere", "appVersion": "1"}
    httpx.post(f"{simulator.url}/v1/auth/accesstokenrequest", json=body)


async def test_after_a_new_sign_in_the_open_socket_belongs_to_the_new_session(simulator, trader) -> None:
    async with running_hub(rescan=60):
        before = await settled(trader)
        first = SocketSession.authorize
        presented = []

        async def authorize(socket: SocketSession[Any], token: str, **options: Any) -> None:
            await first(socket, token, **options)
            presented.append(token)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SocketSession, "authorize", authorize)
            await sync_to_async(sign_in)(simulator, "trader")
            await asyncio.to_thread(doorbell.ring_opened, trader.pk)
            await until(lambda: presented)
        # The next sign-in elsewhere ends the older of two sessions, which is the one that the socket began with.
        await sync_to_async(_sign_in_elsewhere)(simulator)
        await asyncio.sleep(0.3)
        after = await settled(trader)
        assert after.epoch == before.epoch
        assert len([socket for socket in simulator.control.sockets() if socket["synced"]]) == 1


async def test_a_renewed_token_is_presented_on_the_open_sockets(simulator, pro, monkeypatch) -> None:
    presented = []
    first = SocketSession.authorize

    async def authorize(socket: SocketSession[Any], token: str, **options: Any) -> None:
        await first(socket, token, **options)
        presented.append((type(socket), token))

    monkeypatch.setattr(SocketSession, "authorize", authorize)
    async with running_hub(rescan=60):
        before = await settled(pro)
        await until(lambda: any(socket["quotes"] for socket in simulator.control.sockets()))
        presented.clear()
        await sync_to_async(renewal.renew)(pro.pk)
        await until(lambda: len(presented) == 2)
        await pro.arefresh_from_db()
        assert {kind for kind, _ in presented} == {UserSocket, MarketSocket}
        assert {token for _, token in presented} == {pro.tokens.access_token}
        assert (await settled(pro)).epoch == before.epoch


async def test_hosts_that_moved_are_learned_from_a_renewal_once(simulator, trader) -> None:
    before = trader.tokens.access_token
    simulator.control.fault("host_moved", route="websocket", times=3)
    async with running_hub():
        await settled(trader)
    await trader.arefresh_from_db()
    assert trader.tokens.access_token != before
    assert await AuditEvent.objects.filter(connection=trader, kind=AuditEvent.Kind.TOKEN_RENEWED).acount() == 1


async def test_a_market_data_host_that_moved_is_learned_from_a_renewal_once(simulator, pro, monkeypatch) -> None:
    connect, moves = MarketSocket.connect, iter(range(3))

    async def moving(*args: Any, **options: Any) -> MarketSocket:
        if next(moves, None) is not None:
            raise HostMoved("It is elsewhere.")
        return await connect(*args, **options)

    monkeypatch.setattr(MarketSocket, "connect", moving)
    async with running_hub():
        before = await settled(pro)
        await until(lambda: any(socket["quotes"] for socket in simulator.control.sockets()))
        assert (await settled(pro)).epoch == before.epoch
    assert await AuditEvent.objects.filter(connection=pro, kind=AuditEvent.Kind.TOKEN_RENEWED).acount() == 1


async def test_redis_that_lost_everything_gets_it_again(simulator, trader) -> None:
    async with running_hub():
        before = await settled(trader)
        redis.Redis.from_url(settings.REDIS_URL).flushdb()
        after = await settled(trader)
        assert after.epoch != before.epoch
        assert after.rows["account:1001001"] == before.rows["account:1001001"]


async def test_signing_in_again_takes_an_evicted_connection_back_at_once(simulator, trader) -> None:
    async with running_hub(rescan=60):
        before = await settled(trader)
        for _ in range(2):
            await sync_to_async(_sign_in_elsewhere)(simulator)
        await settled(trader, "evicted")
        await sync_to_async(sign_in)(simulator, "trader")
        await asyncio.to_thread(doorbell.ring_opened, trader.pk)
        assert (await settled(trader)).epoch != before.epoch


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


async def test_a_renewal_opens_no_connection_that_another_process_may_hold(simulator, trader, monkeypatch) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)

    async def nobody() -> set[int]:
        return set()

    monkeypatch.setattr("trading.sync.hub._authorised", nobody)
    async with running_hub(rescan=60):
        await until(lambda: client.pubsub_numsub(doorbell.CHANNEL)[0][1])
        await asyncio.to_thread(doorbell.ring_renewed, trader.pk)
        await asyncio.sleep(0.2)
        assert not client.exists(stream.lease_key(trader.pk))


async def test_a_trader_sees_own_accounts_only(simulator, trader, pro) -> None:
    async with running_hub():
        mine, theirs = await settled(trader), await settled(pro)
        names = {row["name"] for key, row in theirs.rows.items() if key.startswith("account:")}
        assert len(names) == 5
        assert {row["name"] for key, row in mine.rows.items() if key.startswith("account:")} == {"DEMO1001001"}
        assert any(key.startswith("position:") for key in theirs.rows)
        assert not any(key.startswith("position:") for key in mine.rows)


async def test_an_intent_of_ours_is_followed_to_its_fill_and_the_page_is_told(simulator, trader) -> None:
    symbol = front_month(simulator, trader)
    simulator.control.liquidity(symbol, 100)
    listener = redis.Redis.from_url(settings.REDIS_URL).pubsub(ignore_subscribe_messages=True)
    async with running_hub() as hub:
        await settled(trader)
        assert await asyncio.to_thread(hub.journal.flush)
        account = await Account.objects.aget(connection=trader)
        intent = await OrderIntent.objects.acreate(
            connection=trader,
            account=account,
            source_key="test:1",
            cl_ord_id="tp-test-1",
            spec={},
            symbol=symbol,
            action="Buy",
            order_qty=2,
            state=OrderIntent.State.UNKNOWN,
        )
        file = await OrderFile.objects.acreate(
            account=account, name="orders.txt", content="", state=OrderFile.State.EXECUTING
        )
        await OrderLine.objects.acreate(file=file, number=1, text="x", intent=intent)
        listener.subscribe(stream.channel(trader.pk))
        await aplace(simulator, trader, symbol=symbol, action="Buy", orderQty=2, clOrdId="tp-test-1")
        simulator.control.advance(1)

        async def filled() -> bool:
            await intent.arefresh_from_db()
            return intent.state == OrderIntent.State.FILLED

        await until(filled)
        assert await asyncio.to_thread(hub.journal.flush)
    assert (intent.filled_qty, intent.order_id_at_broker) == (2, (await Order.objects.aget()).tradovate_id)
    told = []
    while message := listener.get_message(ignore_subscribe_messages=True) or listener.get_message():
        told.append(message["data"].decode())
    assert any(text.startswith(f"line {file.pk}\n") and '"state":"filled"' in text for text in told)


async def test_a_sync_process_shows_that_it_lives(simulator, trader) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)
    async with running_hub():
        await until(lambda: list(client.scan_iter(alive.PATTERN)))
    assert not list(client.scan_iter(alive.PATTERN))


async def test_a_penalty_is_waited_out_and_its_ticket_presented(simulator, trader) -> None:
    simulator.control.fault("penalty", route="user/syncrequest", seconds=0.1)
    async with running_hub():
        found = await settled(trader, "down")
        assert "asks to wait" in found.rows["upstream"]["detail"]
        assert "account:1001001" not in found.rows
        assert (await settled(trader)).rows["account:1001001"]["cash"] == "100,000.00"


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


async def test_without_market_data_the_desk_works_and_says_so(simulator, pro) -> None:
    simulator.control.fault("reset_before", route="md/subscribequote", times=1000)
    async with running_hub():

        async def told() -> bool:
            return "Marks are missing" in (await settled(pro)).rows["upstream"]["marks"]

        await until(told)
        assert (await settled(pro)).rows["upstream"]["detail"] == ""
        positions = await rows(pro, "position")
        assert {row["mark"] for row in positions} == {row["open_pnl"] for row in positions} == {"—"}
        assert all(row["cash"] != "—" for row in await rows(pro, "account"))
        simulator.control.fault("clear")

        async def marked() -> bool:
            return all(row["open_pnl"] != "—" for row in await rows(pro, "position"))

        await until(marked)
        assert (await settled(pro)).rows["upstream"]["marks"] == ""


async def test_a_refused_sign_in_is_told_and_tried_again(simulator, trader) -> None:
    simulator.control.fault("expire_tokens", user="trader")
    async with running_hub():
        found = await settled(trader, "down")
        assert "Sign in again" in found.rows["upstream"]["detail"]
        # Signing in again does not have to wait for the next attempt.
        await sync_to_async(sign_in)(simulator, "trader")
        await asyncio.to_thread(doorbell.ring_opened, trader.pk)
        await settled(trader)
