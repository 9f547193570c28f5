"""The client against the stand-in Tradovate, end to end over loopback; neither knows the other's code."""

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal

import pytest

from trading.simulator import RunningSimulator
from trading.tradovate import Environment, Hosts, MarketSocket, Tradovate, UserSocket, request_access_token
from trading.tradovate.entities import (
    AccessToken,
    AccessTokenRequest,
    Action,
    CancelOrder,
    CommandReport,
    ExecutionReport,
    Fill,
    LiquidatePosition,
    ModifyOrder,
    Order,
    OrderType,
    OrdStatus,
    PlaceOrder,
    Position,
    UnknownEntity,
)
from trading.tradovate.errors import (
    Evicted,
    NotAuthorized,
    NotFound,
    OrderRejected,
    OutcomeUnknown,
    PenaltyImposed,
    RateLimited,
    SocketClosed,
    SymbolInaccessible,
)
from trading.tradovate.frames import Event, PropsEvent

from .conftest import front_month, sign_in


@pytest.fixture
async def signed_in(sim: RunningSimulator, hosts: Hosts) -> AccessToken:
    # The trader with several accounts.
    return await sign_in(sim, hosts, "pro")


@pytest.fixture
async def t(hosts: Hosts, signed_in: AccessToken) -> AsyncIterator[Tradovate]:
    async with Tradovate(hosts, signed_in.access_token) as client:
        yield client


@pytest.fixture
async def user_socket(hosts: Hosts, signed_in: AccessToken) -> AsyncIterator[UserSocket]:
    async with await UserSocket.connect(hosts.user_socket, signed_in.access_token) as socket:
        yield socket


@pytest.fixture
async def symbol(t: Tradovate) -> str:
    """The front month of the E-mini S&P."""
    return await front_month(t, "ES")


async def until(socket: UserSocket, wanted: Callable[[object], bool], seconds: float = 5) -> list[object]:
    """Read events until an entity is wanted; return all entities that came, in order."""
    seen: list[object] = []
    async with asyncio.timeout(seconds):
        async for event in socket:
            seen += _entities(event)
            if any(map(wanted, _entities(event))):
                return seen
    raise AssertionError("the socket ended")


def _entities(event: Event) -> list[object]:
    return list(event.entities) if isinstance(event, PropsEvent) else []


async def test_who_am_i_and_where(sim, hosts, t, signed_in) -> None:
    me = await t.auth.me()
    assert (me.user_id, me.name) == (sim.trader("pro").user_id, "pro")
    assert signed_in.user_id == me.user_id
    assert hosts.moved(signed_in.api_hosts, Environment.SIM) == hosts
    renewed = await t.auth.renew()
    assert renewed.expiration_time >= signed_in.expiration_time
    async with Tradovate(hosts, renewed.access_token) as again:
        assert len(await again.account.list()) == 5


async def test_reads_fit_together(t, symbol) -> None:
    accounts = await t.account.list()
    assert {a.name for a in accounts} >= {"DEMO1002001", "DEMO1002005"}
    assert all(account.tradable for account in accounts)
    ids = [account.id for account in accounts]
    assert [a.id for a in await t.account.items(ids[:2])] == ids[:2]
    balances = await t.cash_balance.ldeps(ids)
    assert {balance.account_id for balance in balances} == set(ids)
    assert all(isinstance(balance.amount, Decimal) for balance in balances)
    contract = await t.contract.find(symbol)
    assert contract.contract_maturity_id is not None
    maturity = await t.contract_maturity.item(contract.contract_maturity_id)
    product = await t.product.item(maturity.product_id)
    assert (product.name, product.tick_size, product.value_per_point) == ("ES", Decimal("0.25"), Decimal(50))
    with pytest.raises(NotFound):
        await t.contract.find("NOPE9")


async def test_a_market_order_from_ticket_to_fill(sim, t, user_socket, signed_in, symbol) -> None:
    snapshot = await user_socket.sync(signed_in.user_id)
    assert snapshot.misfits == []
    assert len(snapshot.accounts) == 5
    account = snapshot.accounts[0]
    sim.control.price(symbol, "6700.25")
    placed = await t.order.place(
        PlaceOrder(
            account_id=account.id, account_spec=account.name, action=Action.BUY, symbol=symbol, order_qty=2,
            order_type=OrderType.MARKET, cl_ord_id="wire-market-1",
        )
    )  # fmt: skip
    entities = await until(
        user_socket, lambda e: isinstance(e, Order) and e.id == placed.order_id and e.ord_status == OrdStatus.FILLED
    )
    while not any(isinstance(e, Position) for e in entities):
        entities += _entities(await asyncio.wait_for(anext(user_socket), 5))
    fills = [e for e in entities if isinstance(e, Fill) and e.order_id == placed.order_id]
    assert sum(fill.qty for fill in fills) == 2
    assert fills[0].price == Decimal("6700.25")
    assert any(isinstance(e, CommandReport) for e in entities)
    assert any(isinstance(e, ExecutionReport) for e in entities)
    assert not [e for e in entities if isinstance(e, UnknownEntity) and e.problem]
    # What REST says afterwards is what the events said.
    assert (await t.order.item(placed.order_id)).finished
    assert {f.id for f in await t.fill.deps(placed.order_id)} == {f.id for f in fills}
    assert [c.cl_ord_id for c in await t.command.deps(placed.order_id)] == ["wire-market-1"]
    (version,) = await t.order_version.deps(placed.order_id)
    assert (version.order_qty, version.order_type) == (2, "Market")
    position = next(e for e in entities if isinstance(e, Position))
    await t.order.liquidate_position(LiquidatePosition(account_id=account.id, contract_id=position.contract_id))
    await until(
        user_socket, lambda e: isinstance(e, Position) and e.contract_id == position.contract_id and not e.net_pos
    )


async def test_a_limit_order_is_modified_and_cancelled(sim, t, user_socket, signed_in, symbol) -> None:
    snapshot = await user_socket.sync(signed_in.user_id)
    sim.control.price(symbol, "6700.25")
    placed = await t.order.place(
        PlaceOrder(
            account_id=snapshot.accounts[0].id, action="Buy", symbol=symbol, order_qty=1, order_type="Limit",
            price=Decimal("6600.50"), time_in_force="Day",
        )
    )  # fmt: skip
    await until(user_socket, lambda e: isinstance(e, Order) and e.id == placed.order_id and e.ord_status == "Working")
    await t.order.modify(
        ModifyOrder(
            order_id=placed.order_id, order_qty=3, order_type="Limit", price=Decimal("6601.25"), time_in_force="Day"
        )
    )
    versions = await t.order_version.deps(placed.order_id)
    newest = max(versions, key=lambda version: version.id)
    assert (newest.order_qty, newest.price) == (3, Decimal("6601.25"))
    await t.order.cancel(CancelOrder(order_id=placed.order_id))
    await until(user_socket, lambda e: isinstance(e, Order) and e.id == placed.order_id and e.ord_status == "Canceled")
    with pytest.raises((OrderRejected, NotAuthorized)):
        await t.order.cancel(CancelOrder(order_id=placed.order_id))


async def test_a_refused_order(t, symbol) -> None:
    account = (await t.account.list())[0]
    order = PlaceOrder(account_id=account.id, action="Buy", symbol=symbol, order_qty=100_000, order_type="Market")
    with pytest.raises(OrderRejected) as caught:
        await t.order.place(order)
    assert caught.value.reason


@pytest.mark.parametrize("fault", ["lose_reply", "reset_before", "error_500", "error_500_after", "garbage"])
async def test_an_order_whose_answer_is_lost_is_in_doubt_and_arrived_at_most_once(sim, t, symbol, fault: str) -> None:
    account = (await t.account.list())[0]
    before = len(sim.control.ledger()["entities"]["order"])
    sim.control.fault(fault, "order/placeorder")
    order = PlaceOrder(account_id=account.id, action="Buy", symbol=symbol, order_qty=1, order_type="Market")
    with pytest.raises(OutcomeUnknown):
        await t.order.place(order)
    assert len(sim.control.ledger()["entities"]["order"]) - before <= 1


async def test_limits_and_penalties(sim, t) -> None:
    sim.control.fault("rate_limit", "account/list")
    with pytest.raises(RateLimited):
        await t.account.list()
    sim.control.fault("penalty", "auth/renewaccesstoken", seconds=2)
    with pytest.raises(PenaltyImposed) as caught:
        await t.auth.renew()
    assert caught.value.seconds == 2


async def test_requests_over_the_socket(user_socket, t) -> None:
    listed = await user_socket.request("account/list")
    assert {row["id"] for row in listed} == {account.id for account in await t.account.list()}
    item = await user_socket.request("account/item", query={"id": listed[0]["id"]})
    assert item["name"] == listed[0]["name"]
    with pytest.raises(NotFound):
        await user_socket.request("nothing/here")
    assert user_socket.round_trip is not None


async def test_a_wrong_token(hosts) -> None:
    with pytest.raises(NotAuthorized):
        await UserSocket.connect(hosts.user_socket, "no-such-token")
    async with Tradovate(hosts, "no-such-token") as stranger:
        with pytest.raises(NotAuthorized):
            await stranger.account.list()


async def test_a_third_login_evicts_the_first(sim, hosts, user_socket, signed_in) -> None:
    await user_socket.sync(signed_in.user_id)
    trader = sim.trader("pro")
    for _ in range(2):
        await request_access_token(hosts, AccessTokenRequest(name=trader.name, password=trader.password))
    with pytest.raises(Evicted, match="Another sign-in"):
        await until(user_socket, lambda e: False)
    async with Tradovate(hosts, signed_in.access_token) as evicted:
        with pytest.raises(NotAuthorized):
            await evicted.account.list()


async def test_a_cut_connection(sim, user_socket) -> None:
    sim.control.fault("kick", user="pro")
    with pytest.raises(SocketClosed) as caught:
        await until(user_socket, lambda e: False)
    assert caught.value.code == 1006


async def test_quotes(sim, hosts, signed_in, symbol, t) -> None:
    contract = await t.contract.find(symbol)
    token = signed_in.md_access_token or signed_in.access_token
    async with await MarketSocket.connect(hosts.market_socket, token) as market:
        with pytest.raises(SymbolInaccessible):
            await market.subscribe_quote("NOPE9")
        assert (await market.subscribe_quote(symbol)).mode
        sim.control.price(symbol, "6710.75")
        async with asyncio.timeout(30):
            async for quote in market:
                if quote.trade is not None and quote.trade.price == Decimal("6710.75"):
                    break
        assert quote.contract_id == contract.id
        assert quote.bid is not None
        await market.unsubscribe_quote(symbol)
