"""What the hub says of an account is what the broker holds, and the checks before an order follow it."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec
import pytest
from asgiref.sync import sync_to_async

from accounts.models import Connection
from tests.trading.sync.cast import aplace, front_month, running_hub, settled, until
from tests.trading.sync.entities import CASH, NOON, book, fee, fill, order
from trading.models import Account, Contract, TradingLimit
from trading.orders import desk, facts, pretrade
from trading.orders.facts import Facts
from trading.orders.prices import Distance
from trading.orders.spec import Bracket, LinkedOrder, OrderSpec
from trading.sync import fact_sheet, stream, wanted, watched
from trading.sync.book import Book
from trading.sync.mirror import EarlierFill
from trading.tradovate.entities import OrderVersion

vet = sync_to_async(pretrade.vet, thread_sensitive=False)
read = sync_to_async(facts.read, thread_sensitive=False)


async def told(connection: Connection, condition: Callable[[Facts], Any]) -> Facts:
    """The facts once they are so."""

    async def there() -> Facts | None:
        found = await read(connection.pk)
        return found if found is not None and condition(found) else None

    return await until(there)


@sync_to_async(thread_sensitive=False)
def ask(simulator: Any, connection: Connection, route: str, **body: Any) -> Any:
    """Ask the broker something as another program of the trader's would."""
    headers = {"Authorization": f"Bearer {connection.tokens.access_token}"}
    answer = httpx.post(f"{simulator.url}/v1/{route}", json=body, headers=headers)
    answer.raise_for_status()
    return answer.json()


async def errors(connection: Connection, symbol: str, action: str = "Buy", qty: int = 1) -> list[str]:
    """Fields of the errors about an order at market."""
    account = await Account.objects.aget(connection=connection)
    spec = OrderSpec(account_id=account.pk, symbol=symbol, action=action, order_qty=qty)
    return [finding.field for finding in (await vet(spec)).findings if finding.is_error]


async def test_positions_orders_money_and_marks_follow_the_broker(simulator, trader) -> None:
    symbol = front_month(simulator, trader)
    async with running_hub():
        await settled(trader)
        flat = await told(trader, lambda found: found.position_limits is not None)
        (account,) = flat.accounts
        assert (account.cash, account.open_pnl, account.realized_pnl) == (100_000, 0, 0)
        assert not flat.positions
        assert not flat.orders

        simulator.control.liquidity(symbol, 100)
        await aplace(simulator, trader, symbol=symbol, action="Buy", orderQty=2)
        simulator.control.advance(1)
        held = await told(
            trader, lambda found: found.positions and found.marks and found.accounts[0].open_pnl is not None
        )
        (position,), (contract,) = held.positions, held.contracts
        assert (position.net_pos, contract.product, contract.product_type) == (2, "MES", "Futures")
        assert held.accounts[0].margin_used == 2 * 2240

        bought = held.marks[0].price
        simulator.control.price(symbol, str(bought - 100))
        await told(trader, lambda found: (found.accounts[0].open_pnl or 0) < -900)
        low = float(bought - 200)
        placed = await aplace(simulator, trader, symbol=symbol, action="Buy", orderQty=3, orderType="Limit", price=low)
        simulator.control.advance(0.5)
        working = await told(trader, lambda found: any(order.left for order in found.orders))
        assert [(order.id, order.left) for order in working.orders if order.left] == [(placed["orderId"], 3)]


async def test_limits_hold_for_what_the_broker_says_now(simulator, trader) -> None:
    symbol = front_month(simulator, trader)
    await TradingLimit.objects.acreate(user_id=trader.user_id, max_position=3, daily_loss=Decimal(500))
    async with running_hub():
        await settled(trader)
        simulator.control.liquidity(symbol, 100)
        await told(trader, lambda found: found.position_limits is not None)
        assert await errors(trader, symbol, qty=3) == []
        assert await errors(trader, symbol, qty=4) == ["position"]

        await aplace(simulator, trader, symbol=symbol, action="Buy", orderQty=2)
        simulator.control.advance(1)
        held = await told(trader, lambda found: found.positions and found.marks)
        assert await errors(trader, symbol, qty=2) == ["position"]
        assert await errors(trader, symbol, "Sell", qty=2) == []

        simulator.control.price(symbol, str(held.marks[0].price - 100))
        await told(trader, lambda found: (found.accounts[0].open_pnl or 0) < -900)
        assert await errors(trader, symbol) == ["daily_loss"]
        assert await errors(trader, symbol, "Sell", qty=2) == [], "an exit goes out"


async def collared(connection: Connection, symbol: str, price: Decimal) -> list[tuple[str, str]]:
    """(severity, field) of what is found about a limit order that would buy at this price."""
    account = await Account.objects.aget(connection=connection)
    terms = {"order_type": "Limit", "price": price, "time_in_force": "Day"}
    spec = OrderSpec(account_id=account.pk, symbol=symbol, action="Buy", order_qty=1, **terms)
    return [(finding.severity.value, finding.field) for finding in (await vet(spec)).findings]


async def test_a_price_is_compared_with_the_last_one_of_what_a_ticket_names(simulator, trader) -> None:
    symbol = front_month(simulator, trader)
    await TradingLimit.objects.acreate(user_id=trader.user_id, collar_ticks=40)
    async with running_hub():
        await settled(trader)
        await told(trader, lambda found: found.position_limits is not None)
        assert ("note", "price") in await collared(trader, symbol, Decimal(1))
        contract = await Contract.objects.aget(name=symbol)
        watched.name(trader.pk, contract.tradovate_id)
        found = await told(trader, lambda found: found.mark(contract.tradovate_id))
        last = found.marks[0].price
        assert await collared(trader, symbol, last + 20) == [("error", "price")]
        assert await collared(trader, symbol, last + 5) == []
        # Nobody names it any more.
        stream.client().delete(watched.key(trader.pk))
        await told(trader, lambda found: not found.marks)


async def test_a_working_order_is_followed_until_it_has_ended(simulator, trader) -> None:
    symbol = front_month(simulator, trader)
    async with running_hub():
        await settled(trader)
        placed = await aplace(
            simulator, trader, symbol=symbol, action="Buy", orderQty=1, orderType="Limit", price=1000.0
        )
        await told(trader, lambda found: found.marks)
        await ask(simulator, trader, "order/cancelorder", orderId=placed["orderId"])
        simulator.control.advance(1)
        await told(trader, lambda found: not found.marks)


async def test_few_contracts_are_watched_for_one_connection(redis_url: str) -> None:
    for contract_id in range(20):
        watched.name(1, contract_id)
    assert len(stream.client().zrange(watched.key(1), 0, -1)) == watched.MOST
    assert 0 < stream.client().ttl(watched.key(1)) <= watched.LASTS


async def test_a_lock_and_a_limit_set_at_the_broker_are_met_at_once(simulator, trader) -> None:
    symbol = front_month(simulator, trader)
    account_id = (await Account.objects.aget(connection=trader)).tradovate_id
    async with running_hub():
        await settled(trader)
        await told(trader, lambda found: found.position_limits is not None)
        assert await errors(trader, symbol, qty=3) == []
        limit = {"accountId": account_id, "active": True, "totalBy": "Overall", "exposedLimit": 2}
        await ask(simulator, trader, "userAccountPositionLimit/create", **limit)
        await told(trader, lambda found: found.position_limits)
        assert await errors(trader, symbol, qty=3) == ["position"]
        assert await errors(trader, symbol, qty=2) == []
        await ask(
            simulator,
            trader,
            "accountRiskStatus/setadminautoliqaction",
            accountId=account_id,
            adminAction="LockTradingImmediately",
            adminActionReasonCode="Other",
        )
        await told(trader, lambda found: found.accounts[0].status and found.accounts[0].status.admin_action != "Normal")
        assert await errors(trader, symbol) == ["account"]


async def test_the_same_order_placed_elsewhere_a_moment_ago_is_warned_of(simulator, trader) -> None:
    symbol = front_month(simulator, trader)
    account = await Account.objects.aget(connection=trader)

    async def repeats(action: str = "Buy", qty: int = 2) -> list[str]:
        spec = OrderSpec(account_id=account.pk, symbol=symbol, action=action, order_qty=qty)
        return [finding.message for finding in (await vet(spec)).findings if "outside Tradeport" in finding.message]

    async with running_hub():
        await settled(trader)
        await told(trader, lambda found: found.position_limits is not None)
        assert await repeats() == []
        await aplace(simulator, trader, symbol=symbol, action="Buy", orderQty=2, orderType="Limit", price=1000.0)
        elsewhere = await told(trader, lambda found: any(order.is_elsewhere for order in found.orders))
        assert [order.left for order in elsewhere.orders] == [2]
        assert [message.partition(" was made ")[0] for message in await repeats()] == [
            f"The same order (Buy 2 {symbol})"
        ]
        assert await repeats(qty=1) == await repeats("Sell") == []


async def test_what_this_portal_placed_and_the_exits_of_others_are_no_orders_made_elsewhere(simulator, trader) -> None:
    symbol = front_month(simulator, trader)
    account = await Account.objects.select_related("connection__user").aget(connection=trader)
    place = sync_to_async(desk.place, thread_sensitive=False)
    far = {"symbol": symbol, "account_id": account.pk, "order_qty": 1, "order_type": "Limit", "price": Decimal(1000)}
    async with running_hub():
        await settled(trader)
        exits = (LinkedOrder(action="Sell", order_type="Limit", price=Decimal(9000)),)
        distances = {"profit_target": Distance(Decimal(10)), "stop_loss": Distance(Decimal(5))}
        for number, more in enumerate([{"triggers": exits}, {"brackets": (Bracket(order_qty=1, **distances),)}]):
            spec = OrderSpec(action="Buy", **far, **more)
            assert (await place(trader.user, spec, f"click:{number}")).succeeded
        away = {"action": "Sell", "orderType": "Limit", "price": 9000.0}
        body = {"accountId": account.tradovate_id, "accountSpec": account.name, "symbol": symbol, "orderQty": 3}
        entry = {"action": "Buy", "orderType": "Limit", "price": 1000.0}
        await ask(simulator, trader, "order/placeoso", **body, **entry, bracket1=away)
        found = await told(trader, lambda found: len(found.orders) == 5 and any(x.is_elsewhere for x in found.orders))
        assert [(order.action, order.left) for order in found.orders if order.is_elsewhere] == [("Buy", 3)]


async def test_limits_that_were_there_before_are_asked_for(simulator, trader) -> None:
    account_id = (await Account.objects.aget(connection=trader)).tradovate_id
    limit = {"accountId": account_id, "active": True, "totalBy": "Overall", "exposedLimit": 2}
    made = await ask(simulator, trader, "userAccountPositionLimit/create", **limit)
    terms = {"maxOpeningOrderQty": 1, "userAccountPositionLimitId": made["id"]}
    await ask(simulator, trader, "userAccountRiskParameter/create", **terms)
    async with running_hub():
        await settled(trader)
        found = await told(trader, lambda found: found.position_limits)
        assert [limit.exposed_limit for limit in found.position_limits or []] == [2]
        assert [parameter.max_opening_order_qty for parameter in found.risk_parameters] == [1]


async def test_limits_that_tradovate_could_not_tell_are_asked_for_again(simulator, trader) -> None:
    simulator.control.fault("error_503", route="useraccountpositionlimit/ldeps", times=2)
    async with running_hub():
        await settled(trader)
        await told(trader, lambda found: found.position_limits is not None)
        assert not simulator.control.faults()


async def test_signing_out_forgets_the_facts(simulator, trader) -> None:
    async with running_hub():
        await settled(trader)
        await told(trader, lambda found: True)
        await sync_to_async(trader.forget_tokens)()

        async def gone() -> bool:
            return await read(trader.pk) is None

        await until(gone)


async def test_only_the_owner_of_the_lease_writes(redis_url: str) -> None:
    async with stream.async_client() as client:
        await client.set(stream.lease_key(1), "another")
        sheet = fact_sheet.FactSheet(client, 1, "mine")
        heard = fact_sheet.datetime.now(fact_sheet.UTC)
        await sheet._put(fact_sheet.facts_of(Book(), heard))
        assert await read(1) is None
        await client.set(stream.lease_key(1), "mine")
        await sheet._put(fact_sheet.facts_of(Book(), heard))
        found = await read(1)
        assert found is not None
        assert found.heard_at == heard
        assert 0 < await client.ttl(facts.key(1)) <= facts.LASTS


async def test_who_has_a_limit_on_position_or_loss_is_followed_though_nobody_looks(trader: Connection) -> None:
    limit = await TradingLimit.objects.acreate(user_id=trader.user_id, max_order_qty=3)
    assert trader.pk not in (await wanted.read()).at_work
    for figures in ({"max_position": 3}, {"max_position": None, "daily_loss": 500}):
        await TradingLimit.objects.filter(pk=limit.pk).aupdate(**figures)
        assert trader.pk in (await wanted.read()).at_work


async def test_redis_away_means_that_nothing_is_known(settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    assert await asyncio.to_thread(facts.read, 1) is None


async def test_what_ends_while_there_is_news_ends(redis_url: str, trader: Connection, monkeypatch: Any) -> None:
    """The end of a socket waits for its fact sheet: one that went on would keep the next socket from being opened."""
    monkeypatch.setattr(fact_sheet, "SHORTEST", 0.0)
    monkeypatch.setattr(fact_sheet.HeardAt, "of", lambda *_: None)
    sheet = fact_sheet.FactSheet(stream.async_client(), trader.pk, "token")
    task = asyncio.create_task(sheet.run(Book(), None, lambda: None))
    await asyncio.sleep(0.05)
    sheet.news()
    await asyncio.sleep(0)  # the news has come to where it is waited for, and nothing was made of it yet
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=30)
    assert done


def left(known: Book) -> list[int | None]:
    return [one.left for one in fact_sheet.facts_of(known, NOON).orders]


def test_how_much_is_left_of_an_order_whose_terms_are_not_told_is_not_known() -> None:
    assert left(book(order("Working"))) == [None]
    assert left(book(order("Working"), OrderVersion(id=60, order_id=50, order_qty=2, order_type="Limit"))) == [2]
    assert left(book(order("Filled"))) == [0]


def test_what_an_order_filled_on_an_earlier_day_is_not_left_of_it() -> None:
    known = book(order("Working"), OrderVersion(id=60, order_id=50, order_qty=5, order_type="Limit"))
    known.recall([EarlierFill(80, 50, 3, Decimal(5000))])
    assert left(known) == [2]


@pytest.mark.parametrize(("action", "counts"), [("Buy", 2), ("Sell", 0)])
def test_an_order_that_waits_for_a_fill_counts_when_it_comes_on_top(action: str, counts: int) -> None:
    entry, terms = order("Working"), {"order_qty": 2, "order_type": "Limit"}
    child = msgspec.structs.replace(order("Suspended", 51), parent_id=50, action=action)
    versions = [OrderVersion(id=number + 10, order_id=number, **terms) for number in (50, 51)]
    assert left(book(entry, child, *versions)) == [2, counts]


def test_the_days_fees_are_told_as_far_as_they_are_known() -> None:
    known = book(CASH, order("Filled"), fill(90), fee(90), fill(91))
    assert fact_sheet.facts_of(known, NOON).accounts[0].fees == Decimal("1.72")


@pytest.mark.parametrize(
    ("status", "is_finished"),
    [("Completed", True), ("Filled", True), ("Canceled", True), ("Working", False), ("Suspended", False)],
)
def test_what_has_ended_is_told_apart_from_what_waits(status: str, is_finished: bool) -> None:
    [told] = fact_sheet.facts_of(book(order(status)), NOON).orders
    assert told.is_finished is is_finished


@pytest.mark.parametrize(("kind", "is_whole"), [("position", False), ("orderVersion", False), ("fillFee", True)])
def test_what_cannot_be_read_of_positions_and_orders_is_told(kind: str, is_whole: bool) -> None:
    known = book()
    known.unread[kind, 1] = "told in other words"
    assert fact_sheet.facts_of(known, NOON).is_whole is is_whole


def test_what_was_heard_before_the_machine_slept_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock by which a socket counts stands still meanwhile; figures of before must not pass for those of now."""
    clocks = {"time": 1_800_000_000.0, "monotonic": 500.0}
    monkeypatch.setattr(fact_sheet, "time", SimpleNamespace(**{name: partial(clocks.get, name) for name in clocks}))
    link = SimpleNamespace(socket=SimpleNamespace(last_frame_at=500.0))

    def pass_(seconds: float, asleep: float = 0.0) -> None:
        clocks["time"] += seconds + asleep
        clocks["monotonic"] += seconds

    def age() -> float:
        return clocks["time"] - heard.of(link).timestamp()

    heard = fact_sheet.HeardAt()
    pass_(2)
    assert age() == pytest.approx(2)
    link.socket.last_frame_at = clocks["monotonic"]  # nobody has looked since this one came
    pass_(1, asleep=3600)
    assert age() == pytest.approx(3601)
    pass_(1)
    assert age() == pytest.approx(3602)
    link.socket.last_frame_at = clocks["monotonic"]
    pass_(2)
    assert age() == pytest.approx(2)
    pass_(2, asleep=7200)
    assert age() == pytest.approx(7204)
    link.socket = None
    assert heard.of(link) is None
