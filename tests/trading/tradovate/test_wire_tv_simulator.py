"""The dialect's client against the simulator's side of it, which was built from the same document without it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal

import httpx
import pytest

from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.limits import REAL
from trading.tradovate import Budgets, Environment, Hosts, MemoryStore, Tradovate, request_access_token
from trading.tradovate.entities import AccessToken, AccessTokenRequest
from trading.tradovate.errors import (
    ApiError,
    BudgetSpent,
    NotAuthorized,
    NotFound,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    SymbolInaccessible,
)
from trading.tradovate.tv import (
    PER_MINUTE,
    Account,
    Order,
    OrderStatus,
    PlaceOrder,
    TradingView,
    UpdateOrder,
    order_type,
)


@pytest.fixture
async def native(hosts: Hosts, signed_in: AccessToken) -> AsyncIterator[Tradovate]:
    async with Tradovate(hosts, signed_in.access_token) as client:
        yield client


@pytest.fixture
async def tv(hosts: Hosts, signed_in: AccessToken) -> AsyncIterator[TradingView]:
    async with TradingView(hosts, signed_in.access_token) as client:
        yield client


@pytest.fixture
async def account(tv: TradingView) -> Account:
    (account,) = await tv.accounts()
    return account


@pytest.fixture
async def symbol(native: Tradovate) -> str:
    """The front month of the E-mini S&P."""
    product = await native.product.find("ES")
    front = next(m for m in await native.contract_maturity.deps(product.id) if m.is_front)
    (contract,) = await native.contract.deps(front.id)
    return contract.name


async def market_of(tv: TradingView, symbol: str) -> Decimal:
    last = (await tv.quote(symbol, max_age=0)).last
    assert last is not None
    return last


async def only_order(tv: TradingView, account: Account) -> Order:
    (order,) = await tv.orders(account.id)
    return order


def arm(sim: RunningSimulator, kind: str, route: str) -> None:
    httpx.post(f"{sim.url}/control/faults", json={"kind": kind, "route": route}).raise_for_status()


async def test_authorize_gives_a_token_that_works(hosts, tv, account) -> None:
    authorization = await tv.authorize()
    async with TradingView(hosts, authorization.access_token) as other:
        assert await other.accounts() == [account]


async def test_accounts_and_their_money(tv, account, native) -> None:
    (known,) = await native.account.list()
    assert (account.name, account.id[1:]) == (known.name, str(known.id))
    state = await tv.state(account.id)
    assert state.account_id == account.id
    assert state.cash_balance == 100_000
    assert state.net_liquidating_value == 100_000
    assert await tv.positions(account.id) == []
    assert await tv.orders(account.id) == []


async def test_a_limit_order_from_placing_to_cancelling(tv, account, symbol, native) -> None:
    market = await market_of(tv, symbol)
    placed = await tv.place(
        account.id, PlaceOrder.at_target(symbol, 2, "Buy", market - 50, market=market, duration_type="GTC")
    )
    order = await tv.order(account.id, placed.order_id)
    assert (order.instrument, order.side, order.qty, order.order_type) == (symbol, "Buy", 2, "Limit")
    assert (order.limit_price, order.status, order.filled_qty) == (market - 50, OrderStatus.WORKING, 0)
    assert (await native.order.item(int(placed.order_id))).ord_status == "Working"

    change = UpdateOrder(duration_type="GTC", qty=1, limit_price=market - 60)
    assert (await tv.update(account.id, placed.order_id, change)).updated
    order = await only_order(tv, account)
    assert (order.qty, order.limit_price) == (1, market - 60)

    await tv.cancel(account.id, placed.order_id)
    assert (await only_order(tv, account)).status == OrderStatus.CANCELLED
    with pytest.raises(OrderRejected) as late:
        await tv.cancel(account.id, placed.order_id)
    assert late.value.reason == "TooLate"


async def test_a_market_order_becomes_a_position(tv, account, symbol) -> None:
    placed = await tv.place(account.id, PlaceOrder(instrument=symbol, qty=2, side="Sell", order_type="Market"))
    order = await tv.order(account.id, placed.order_id)
    assert (order.status, order.filled_qty) == (OrderStatus.FILLED, 2)
    (position,) = await tv.positions(account.id)
    assert (position.contract_id, position.net_pos, position.sold) == (symbol, -2, 2)
    assert position.avg_price == order.avg_fill_price
    assert (await tv.state(account.id)).total_margin > 0


@pytest.mark.parametrize("side", ["Buy", "Sell"])
@pytest.mark.parametrize("away", [-20, 20])
async def test_what_the_target_makes_of_an_order_waits_for_it(tv, account, symbol, side: str, away: int) -> None:
    market = await market_of(tv, symbol)
    order = PlaceOrder.at_target(symbol, 1, side, market + away, market=market)
    await tv.place(account.id, order)
    waiting = await only_order(tv, account)
    assert waiting.status == OrderStatus.WORKING
    assert waiting.order_type == order_type(side, market + away, market)
    assert {waiting.limit_price, waiting.stop_price} == {market + away, None}


async def test_exits_go_with_an_order(tv, account, symbol, native) -> None:
    market = await market_of(tv, symbol)
    entry = PlaceOrder(
        instrument=symbol, qty=1, side="Buy", order_type="Market", stop_loss=market - 20, take_profit=market + 20
    )
    await tv.place(account.id, entry)
    orders = await native.order.list()
    assert sorted(order.action for order in orders) == ["Buy", "Sell", "Sell"]
    assert [order.ord_status for order in orders].count("Working") == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"instrument": "NOPE9"}, "InvalidOrder"), ({"qty": 200}, "InsufficientMargin")],
)
async def test_a_refused_order_says_why(tv, account, symbol, change, reason) -> None:
    order = PlaceOrder(instrument=symbol, qty=1, side="Buy", order_type="Market")
    values = {name: getattr(order, name) for name in order.__struct_fields__} | change
    with pytest.raises(OrderRejected) as refused:
        await tv.place(account.id, PlaceOrder(**values))
    assert refused.value.reason == reason
    assert refused.value.text


async def test_another_account_or_order_is_not_known(tv, account) -> None:
    with pytest.raises(NotFound):
        await tv.state("D1")
    with pytest.raises(NotFound):
        await tv.place("D1", PlaceOrder(instrument="ESZ6", qty=1, side="Buy", order_type="Market"))
    with pytest.raises(ApiError, match="not found"):
        await tv.order(account.id, "1")
    with pytest.raises(OrderRejected):
        await tv.cancel(account.id, "1")


async def test_a_token_that_is_none_is_refused(hosts) -> None:
    async with TradingView(hosts, "no-such-token") as tv:
        with pytest.raises(NotAuthorized):
            await tv.accounts()
        with pytest.raises(NotAuthorized):
            await tv.cancel("D1", "1")


async def test_quotes(tv, symbol) -> None:
    quote = await tv.quote(symbol)
    assert quote.bid is not None
    assert quote.ask is not None
    assert quote.bid < quote.ask
    assert set(await tv.quotes([symbol, "NOPE9"])) == {symbol}
    with pytest.raises(SymbolInaccessible):
        await tv.quote("NOPE9")


async def test_an_order_whose_answer_was_lost_is_unknown_there_and_not_sent_again(sim, tv, account, symbol) -> None:
    market = await market_of(tv, symbol)
    arm(sim, "lose_reply", "tv/placeorder")
    with pytest.raises(OutcomeUnknown):
        await tv.place(account.id, PlaceOrder.at_target(symbol, 1, "Buy", market - 50, market=market))
    assert (await only_order(tv, account)).status == OrderStatus.WORKING


@pytest.mark.parametrize("kind", ["error_503", "reset_before", "garbage"])
async def test_an_order_without_a_usable_answer_is_unknown(sim, tv, account, symbol, kind: str) -> None:
    arm(sim, kind, "tv/placeorder")
    with pytest.raises(OutcomeUnknown):
        await tv.place(account.id, PlaceOrder(instrument=symbol, qty=1, side="Buy", order_type="Market"))
    assert len(await tv.orders(account.id)) <= 1


async def ask_until_refused(tv: TradingView) -> tuple[int, RateLimited]:
    (account,) = await tv.accounts()
    for number in range(200):
        try:
            await tv.state(account.id)
        except RateLimited as error:
            return number, error
    raise AssertionError("nobody counts")


async def test_reads_stop_before_the_minutes_limit_that_the_other_side_keeps() -> None:
    with serve(Config(seed=7, manual_clock=True, limits=REAL)) as sim:
        hosts, trader = Hosts.default(Environment.SIM, sim.url), sim.trader("trader")
        request = AccessTokenRequest(name=trader.name, password=trader.password)
        token = (await request_access_token(hosts, request)).access_token
        bold = replace(PER_MINUTE, most=1000)
        async with TradingView(hosts, token) as tv:
            asked, error = await ask_until_refused(tv)
            assert (asked, type(error)) == (79, BudgetSpent)
        budgets = Budgets(MemoryStore(), network="", user=1, user_limit=bold)
        async with TradingView(hosts, token, budgets=budgets) as tv:
            asked, error = await ask_until_refused(tv)
            assert (asked + 79, type(error)) == (100, RateLimited)
