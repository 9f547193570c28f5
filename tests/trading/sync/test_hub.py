"""The whole way: simulator -> hub -> Redis and database, with what goes wrong on it."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
import redis
from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils import timezone

from tests.trading.sync.cast import aplace, ask, front_month, look_at, rows, running_hub, settled, snapshot, until
from trading.models import Account, CashBalance, Contract, Fill, Order, OrderFile, OrderIntent, OrderLine, OrderVersion
from trading.orders import facts
from trading.sync import enquiries, stage, stream
from trading.sync.book import Book
from trading.sync.rows import signed
from trading.sync.stage import Stage
from trading.tradovate import UserSocket
from trading.tradovate.entities import SyncSnapshot, UnknownEntity


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


async def test_what_an_order_filled_on_an_earlier_day_is_known_after_a_fresh_snapshot(simulator, trader) -> None:
    """Tradovate serves the fills of the day: those before them are in the journal."""
    symbol = front_month(simulator, trader)
    order = {"action": "Buy", "orderQty": 5, "orderType": "Limit", "price": 1000.25, "timeInForce": "GTC"}
    placed = (await aplace(simulator, trader, symbol=symbol, **order))["orderId"]
    simulator.control.advance(0.5)
    yesterday = timezone.now() - timedelta(days=1)
    terms = {"symbol": symbol, "action": "Buy", "qty": 3, "price": Decimal("1000.25"), "at": yesterday}
    await Fill.objects.acreate(connection=trader, tradovate_id=1, order_id_at_broker=placed, **terms)
    async with running_hub():
        await settled(trader)

        async def told() -> bool:
            (row,) = await rows(trader, "order")
            found = await sync_to_async(facts.read, thread_sensitive=False)(trader.pk)
            return (row["filled"], row["average"]) == ("3", "1000.25") and [x.left for x in found.orders] == [2]

        await until(told)
        simulator.control.fault("kick", user="trader")
        first = await snapshot(trader)
        await until(lambda: _is_another(trader, first.epoch))
        assert await told()


async def _is_another(connection, epoch: str) -> bool:
    return (await snapshot(connection)).epoch != epoch


async def test_what_is_left_of_the_limits_at_tradovate_follows_them_and_the_account(simulator, trader) -> None:
    async def limit(**limits: int) -> None:
        (account,) = [one async for one in Account.objects.filter(connection=trader)]
        route = "useraccountautoliq/updateuserautoliq"
        await ask(simulator, trader, route, accountId=account.tradovate_id, **limits)
        simulator.control.advance(0.5)

    async def figures(*names: str) -> list[Decimal]:
        (account,) = await rows(trader, "account")
        # What is not known yet is within no bounds, and NaN cannot be compared.
        return [Decimal(account[name].replace(",", "").replace("—", "Infinity")) for name in names]

    async def until_limited(loss: int, drawdown: int) -> None:
        async def limited() -> bool:
            return await figures("loss_limit", "drawdown_limit") == [loss, drawdown]

        await until(limited)

    async with running_hub():
        await settled(trader)
        await limit(dailyLossAutoLiq=500, trailingMaxDrawdown=1000)
        await until_limited(500, 1000)
    async with running_hub():
        await until_limited(500, 1000)
        await limit(dailyLossAutoLiq=700)
        await until_limited(700, 1000)
        symbol = front_month(simulator, trader)
        simulator.control.liquidity(symbol, 100)
        await aplace(simulator, trader, symbol=symbol, action="Buy", orderQty=2)
        simulator.control.advance(1)
        (fill,) = await until(lambda: rows(trader, "fill"))

        async def quoted() -> bool:
            return [(one["mark"] != "—", one["mark_source"]) for one in await rows(trader, "position")] == [(True, "")]

        # A market that stands still sends what came before the subscription no more.
        await until(quoted)
        simulator.control.price(symbol, str(Decimal(fill["price"]) - 10))

        async def lost() -> bool:
            day, left, until_drawdown = await figures("day_net", "loss_left", "drawdown_left")
            return -110 < day <= -100 and left == 700 + day and 890 < until_drawdown <= 900

        await until(lost)


async def test_terms_that_the_snapshot_leaves_out_are_asked_for(simulator, trader, monkeypatch) -> None:
    order = {"action": "Buy", "orderQty": 3, "orderType": "Limit", "price": 1000.25, "timeInForce": "GTC"}
    placed = await aplace(simulator, trader, symbol=front_month(simulator, trader), **order)
    simulator.control.advance(0.5)
    load = Book.load
    monkeypatch.setattr(
        Book, "load", lambda found, *before: load(msgspec.structs.replace(found, order_versions=[]), *before)
    )
    monkeypatch.setattr(enquiries, "TERMS_EVERY", 0.2)
    simulator.control.fault("error_503", route="orderversion/ldeps", times=2)
    async with running_hub():

        async def told() -> bool:
            (row,) = await rows(trader, "order")
            return (row["id"], row["qty"], row["price"]) == (str(placed["orderId"]), "3", "1000.25")

        await settled(trader)
        await until(told)


async def test_a_change_that_was_refused_is_none_of_the_terms_that_are_asked_for(
    simulator, trader, monkeypatch
) -> None:
    """Nor is it when the snapshot tells nothing of its being refused: all of that was on an earlier day."""
    symbol = front_month(simulator, trader)
    terms = {"orderType": "Limit", "price": float(simulator.control.market(symbol)["bid"]) - 50}
    placed = await aplace(simulator, trader, symbol=symbol, action="Buy", orderQty=1, **terms)
    simulator.control.advance(1)
    key = placed["orderId"]
    await ask(simulator, trader, "order/modifyorder", orderId=key, orderQty=2, timeInForce="GTC", **terms)
    simulator.control.advance(1)
    load, bare = Book.load, {"order_versions": [], "commands": [], "command_reports": []}
    monkeypatch.setattr(Book, "load", lambda found, *before: load(msgspec.structs.replace(found, **bare), *before))
    monkeypatch.setattr(enquiries, "TERMS_EVERY", 0.2)
    async with running_hub() as hub:
        await settled(trader)

        async def told() -> dict[str, str] | None:
            (row,) = await rows(trader, "order")
            return row if row["version_id"] else None

        row = await until(told)
        assert await asyncio.to_thread(hub.journal.flush)
    assert (row["qty"], row["time_in_force"]) == ("1", "Day")
    kept = OrderVersion.objects.filter(connection=trader).order_by("tradovate_id")
    assert [(one.order_qty, one.refused) async for one in kept] == [(1, False), (2, True)]


async def test_a_contract_that_could_not_be_looked_up_is_asked_for_again(simulator, pro, monkeypatch) -> None:
    load = Book.load
    monkeypatch.setattr(
        Book, "load", lambda found, *before: load(msgspec.structs.replace(found, contracts=[]), *before)
    )
    simulator.control.fault("error_503", route="contract/item")
    async with running_hub():

        async def all_named() -> bool:
            positions = await rows(pro, "position")
            return bool(positions) and not any(row["symbol"].startswith("#") for row in positions)

        await until(all_named)
        assert not simulator.control.faults()


async def test_the_page_says_so_when_something_cannot_be_read(simulator, trader, monkeypatch) -> None:
    load, odd = Book.load, ["order", "order", "fillFee"]

    def with_misfits(found: SyncSnapshot, *before: Book | None) -> Book:
        misfits = [
            UnknownEntity(entity_type=kind, data={"id": number}, problem="odd") for number, kind in enumerate(odd)
        ]
        return load(msgspec.structs.replace(found, misfits=misfits), *before)

    async def detail() -> str:
        return (await settled(trader)).rows["upstream"]["detail"]

    monkeypatch.setattr(Book, "load", with_misfits)
    async with running_hub():
        told = await until(detail)
        assert "1 fill fee, 2 orders" in told
        odd.clear()
        simulator.control.fault("kick", user="trader")

        async def well() -> bool:
            return not await detail()

        await until(well)


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


async def test_what_the_first_figures_wait_for_is_told_step_by_step(
    simulator, trader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hold_up(name: str) -> asyncio.Event:
        does, goes_on = getattr(UserSocket, name), asyncio.Event()

        async def later(*arguments: object, **options: object) -> object:
            await goes_on.wait()
            return await does(*arguments, **options)

        monkeypatch.setattr(UserSocket, name, later)
        return goes_on

    async def waits_for(wanted: Stage) -> None:
        async def does() -> bool:
            return await stage.look(client, trader.pk) is wanted

        await until(does)

    client = stream.async_client()
    connects, syncs = hold_up("connect"), hold_up("sync")
    await client.flushdb()
    await waits_for(Stage.SYNC)
    async with running_hub():
        await waits_for(Stage.TAKER)
        await sync_to_async(look_at)(trader)
        await waits_for(Stage.SOCKET)
        connects.set()
        await waits_for(Stage.SNAPSHOT)
        syncs.set()
        await settled(trader)
    await client.aclose()
