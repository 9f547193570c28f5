"""What Tradovate serves for a day only is kept for good: the journal equals the simulator's ledger, gaps included."""

import asyncio
from decimal import Decimal
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.db.models import Model
from django.utils import timezone

from accounts.models import Connection
from tests.trading.sync.cast import aplace, ask, front_month, place, rows, running_hub, settled, snapshot, until
from trading.models import (
    Account,
    CashBalance,
    CashEntry,
    Comparison,
    EquityPoint,
    Fill,
    FillFee,
    Order,
    OrderIntent,
    OrderVersion,
    Position,
)
from trading.sync import cash_book, stream
from trading.sync.rows import moment
from trading.sync.stream import Stream

KEPT: dict[str, type[Model]] = {
    "order": Order,
    "orderVersion": OrderVersion,
    "fill": Fill,
    "fillFee": FillFee,
    "cashBalanceLog": CashEntry,
}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cash_book, "EVERY", 0.2)


def missing(simulator: Any, connection: Connection) -> dict[str, set[int]]:
    """By kind, the ids of the ledger that the journal does not have, or has and the ledger has not."""
    entities = simulator.control.ledger()["entities"]
    mine = {account.tradovate_id for account in Account.objects.filter(connection=connection)}
    orders = {one["id"] for one in entities.get("order", []) if one["accountId"] in mine}
    fills = {one["id"] for one in entities.get("fill", []) if one["orderId"] in orders}
    ledger = {
        "order": orders,
        "orderVersion": {one["id"] for one in entities.get("orderVersion", []) if one["orderId"] in orders},
        "fill": fills,
        "fillFee": {one["id"] for one in entities.get("fillFee", []) if one["id"] in fills},
        "cashBalanceLog": {one["id"] for one in entities.get("cashBalanceLog", []) if one["accountId"] in mine},
    }
    kept = {
        name: set(model.objects.filter(connection=connection).values_list("tradovate_id", flat=True))
        for name, model in KEPT.items()
    }
    return {name: ledger[name] ^ kept[name] for name in KEPT if ledger[name] ^ kept[name]}


def trade(simulator: Any, connection: Connection, symbol: str) -> None:
    """A round trip, a deposit, and a limit order that is changed twice and cancelled."""
    headers = {"Authorization": f"Bearer {connection.tokens.access_token}"}
    simulator.control.liquidity(symbol, 100)
    for action in ("Buy", "Sell"):
        place(simulator, connection, symbol=symbol, action=action, orderQty=2)
        simulator.control.advance(1)
    low = float(simulator.control.market(symbol)["bid"]) - 50
    resting = place(simulator, connection, symbol=symbol, action="Buy", orderQty=1, orderType="Limit", price=low)
    simulator.control.advance(1)
    for further in (1, 2):
        body = {"orderId": resting["orderId"], "orderQty": 1 + further, "orderType": "Limit", "price": low - further}
        httpx.post(f"{simulator.url}/v1/order/modifyorder", json=body, headers=headers)
        simulator.control.advance(1)
    httpx.post(f"{simulator.url}/v1/order/cancelorder", json={"orderId": resting["orderId"]}, headers=headers)
    account = Account.objects.filter(connection=connection).order_by("name").first()
    assert account is not None
    simulator.control.account(account.tradovate_id, deposit="250.00")
    simulator.control.advance(1)


atrade = sync_to_async(trade, thread_sensitive=False)
amissing = sync_to_async(missing, thread_sensitive=False)


async def complete(simulator: Any, connection: Connection) -> None:
    async def nothing_missing() -> bool:
        return not await amissing(simulator, connection)

    await until(nothing_missing)


async def test_what_each_account_is_worth_is_kept(simulator, pro) -> None:
    async with running_hub():
        accounts = {int(account["id"]) for account in await until(lambda: rows(pro, "account"))}
        assert len(accounts) == 5

        async def kept() -> bool:
            points = EquityPoint.objects.filter(connection=pro, net_liq__gt=0)
            return {one async for one in points.values_list("account_id_at_broker", flat=True)} == accounts

        await until(kept)


async def test_every_version_fee_and_change_of_cash_is_kept(simulator, trader) -> None:
    symbol = front_month(simulator, trader)
    async with running_hub():
        await settled(trader)
        await atrade(simulator, trader, symbol)
        await complete(simulator, trader)
        await until(lambda: EquityPoint.objects.filter(connection=trader).aexists())
        (account,) = await rows(trader, "account")
    changed = await Order.objects.aget(connection=trader, order_type="Limit")
    versions = OrderVersion.objects.filter(order_id_at_broker=changed.tradovate_id).order_by("at")
    assert [one.order_qty async for one in versions] == [1, 2, 3]
    assert changed.status == "Canceled"
    fees = [fee.total async for fee in FillFee.objects.filter(connection=trader)]
    assert Decimal(account["fees"]) == sum(fees) == Decimal("3.44")
    # The last line of the cash book is the account's cash, and its parts add up to it.
    book = [entry async for entry in CashEntry.objects.filter(connection=trader).order_by("tradovate_id")]
    cash = (await CashBalance.objects.aget(connection=trader)).amount
    assert book[-1].amount == cash
    assert {"Commission", "TradePaired", "FundTransaction"} <= {entry.change_type for entry in book}
    assert (await Position.objects.aget(connection=trader)).net_pos == 0
    assert await EquityPoint.objects.filter(connection=trader, account_id_at_broker=account["id"]).aexists()
    assert await Fill.objects.filter(connection=trader, trade_date=None).acount() == 0


async def test_a_change_that_the_exchange_refused_is_kept_and_the_order_stands_as_it_was(simulator, trader) -> None:
    """It comes with the change's command, before the exchange has answered."""
    symbol = front_month(simulator, trader)
    low = float(simulator.control.market(symbol)["bid"]) - 50
    terms = {"orderType": "Limit", "price": low}
    async with running_hub():
        await settled(trader)
        placed = await aplace(simulator, trader, symbol=symbol, action="Buy", orderQty=1, **terms)
        await until(lambda: Order.objects.filter(connection=trader, order_qty=1).aexists())
        key = placed["orderId"]
        await ask(simulator, trader, "order/modifyorder", orderId=key, orderQty=2, timeInForce="GTC", **terms)
        await until(lambda: OrderVersion.objects.filter(connection=trader, order_qty=2, refused=True).aexists())
        await complete(simulator, trader)
        kept = await Order.objects.aget(connection=trader, tradovate_id=key)
        assert (kept.status, kept.order_qty, kept.time_in_force) == ("Working", 1, "Day")
        row = (await snapshot(trader)).rows[f"order:{key}"]
    assert (row["qty"], row["time_in_force"]) == ("1", "Day")


TERMS: dict[str, dict[str, Any]] = {
    "Market": {},
    "Limit": {"price": -50, "maxShow": 1, "orderQty": 3, "text": "a remark"},
    "Stop": {"stopPrice": 50},
    "StopLimit": {"stopPrice": 50, "price": 51, "timeInForce": "GTC"},
    "MIT": {"price": -50},
    "LimitIfTouched": {"limitIfTouchedPrice": -50, "price": -49},
    "TrailingStop": {"stopPrice": 50, "pegDifference": 40},
    "TrailingStopLimit": {"stopPrice": 50, "price": 51, "pegDifference": 40},
}
RELATIVE = ("price", "stopPrice", "limitIfTouchedPrice")


def place_all(simulator: Any, connection: Connection, symbol: str) -> None:
    """An order of each type; prices of TERMS are in points from the market."""
    simulator.control.liquidity(symbol, 100)
    market = float(simulator.control.market(symbol)["bid"])
    for order_type, terms in TERMS.items():
        absolute = {name: value + market if name in RELATIVE else value for name, value in terms.items()}
        asked = {"symbol": symbol, "action": "Buy", "orderQty": 1, "orderType": order_type} | absolute
        assert place(simulator, connection, **asked).get("orderId"), order_type
    simulator.control.advance(1)


def versions_at_broker(simulator: Any) -> dict[int, dict[str, Any]]:
    """Every version of the ledger with the journal's names; what it does not say is None."""
    names = {
        "order_id_at_broker": "orderId",
        "order_qty": "orderQty",
        "order_type": "orderType",
        "price": "price",
        "stop_price": "stopPrice",
        "limit_if_touched_price": "limitIfTouchedPrice",
        "peg_difference": "pegDifference",
        "max_show": "maxShow",
        "time_in_force": "timeInForce",
        "text": "text",
    }
    versions = simulator.control.ledger()["entities"]["orderVersion"]
    return {one["id"]: {ours: one.get(theirs) for ours, theirs in names.items()} for one in versions}


async def test_every_term_of_every_type_of_order_is_kept(simulator, trader) -> None:
    symbol = front_month(simulator, trader)
    async with running_hub():
        await settled(trader)
        await sync_to_async(place_all, thread_sensitive=False)(simulator, trader, symbol)
        await complete(simulator, trader)
    ledger = await asyncio.to_thread(versions_at_broker, simulator)
    rows = OrderVersion.objects.filter(connection=trader)
    kept = {one["tradovate_id"]: one async for one in rows.values("tradovate_id", *next(iter(ledger.values())))}
    assert {one["order_type"] for one in kept.values()} == set(TERMS)
    for key, found in kept.items():
        said = ledger[key] | {"tradovate_id": key, "text": ledger[key]["text"] or ""}
        assert found == said, said["order_type"]


async def test_what_happened_while_no_hub_ran_is_filled_in(simulator, trader) -> None:
    symbol = front_month(simulator, trader)
    async with running_hub():
        await settled(trader)
        await atrade(simulator, trader, symbol)
        await complete(simulator, trader)
    await atrade(simulator, trader, symbol)
    assert set(await amissing(simulator, trader)) == set(KEPT)
    async with running_hub():
        await complete(simulator, trader)
        # The next one looks at what its predecessor has shown.
        assert (await Comparison.objects.aget(connection=trader)).missed > 0


async def test_a_fill_that_a_process_made_up_is_told_as_wrong_by_the_next_one(simulator, trader) -> None:
    async with running_hub():
        await settled(trader)
    async with stream.async_client() as client:
        left = Stream(client, trader.pk)
        await left.adopt()
        await left.change({"fill:9": {"id": "9", "at": moment(timezone.now())}})
    async with running_hub():
        found = await until(lambda: Comparison.objects.filter(connection=trader).afirst())
    assert (found.missed, found.wrong, found.detail) == (0, 1, "wrong: 1 fill")


async def test_after_a_drop_the_book_is_compared_and_what_was_missed_is_counted(simulator, trader) -> None:
    symbol = front_month(simulator, trader)
    simulator.control.liquidity(symbol, 100)
    async with running_hub():
        await settled(trader)
        await aplace(simulator, trader, symbol=symbol, action="Buy", orderQty=1)
        simulator.control.advance(1)
        await complete(simulator, trader)

        async def comparisons(count: int) -> list[Comparison]:
            found = [one async for one in Comparison.objects.filter(connection=trader).order_by("at")]
            return found if len(found) == count else []

        simulator.control.fault("kick", user="trader")
        (quiet,) = await until(lambda: comparisons(1))
        assert (quiet.missed, quiet.wrong, quiet.detail) == (0, 0, "")
        simulator.control.fault("error_503", route="websocket", times=2)
        simulator.control.fault("kick", user="trader")
        await aplace(simulator, trader, symbol=symbol, action="Sell", orderQty=1)
        simulator.control.advance(1)
        _, missed = await until(lambda: comparisons(2))
        assert missed.wrong == 0
        for kind in ("1 Fill", "1 FillFee", "1 Order", "1 OrderVersion", "1 Position", "1 CashBalance"):
            assert kind in missed.detail
        await complete(simulator, trader)


async def test_orders_and_fills_say_where_they_were_placed(simulator, trader) -> None:
    symbol = front_month(simulator, trader)
    simulator.control.liquidity(symbol, 100)
    async with running_hub() as hub:
        await settled(trader)
        mine, other = [
            await aplace(simulator, trader, symbol=symbol, action="Buy", orderQty=1, **named)
            for named in ({"clOrdId": "tp-test-1"}, {})
        ]
        simulator.control.advance(1)
        await complete(simulator, trader)
        shown = (await snapshot(trader)).rows
        assert await asyncio.to_thread(hub.journal.flush)
    assert shown[f"done:{mine['orderId']}"]["source"] == "portal"
    assert shown[f"done:{other['orderId']}"]["source"] == "elsewhere"
    account = await Account.objects.aget(connection=trader)
    await OrderIntent.objects.acreate(
        connection=trader,
        account=account,
        source_key="click:1",
        cl_ord_id="tp-test-1",
        spec={},
        order_id_at_broker=mine["orderId"],
    )
    orders = {one.tradovate_id: one.source async for one in Order.objects.with_source()}
    assert orders == {mine["orderId"]: "click", other["orderId"]: "elsewhere"}
    fills = {one.order_id_at_broker: one.source async for one in Fill.objects.with_source()}
    assert fills == orders
