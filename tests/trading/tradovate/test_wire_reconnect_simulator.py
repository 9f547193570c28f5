"""Lasting sockets against the stand-in Tradovate."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal

import pytest

from trading.simulator import Config, RunningSimulator, serve
from trading.tradovate import (
    Access,
    Environment,
    Hosts,
    Interrupted,
    Patience,
    ReconnectingMarketFeed,
    ReconnectingUserSocket,
    Tradovate,
    request_access_token,
)
from trading.tradovate.entities import (
    AccessTokenRequest,
    Action,
    Entity,
    Fill,
    OrderType,
    PlaceOrder,
    Quote,
    SyncSnapshot,
    UnknownEntity,
)
from trading.tradovate.errors import (
    Evicted,
    HostMoved,
    NotAuthorized,
    NotSent,
    OutcomeUnknown,
    PenaltyImposed,
    RateLimited,
    Shutdown,
    SocketClosed,
    TradovateError,
)
from trading.tradovate.frames import PropsEvent
from trading.tradovate.subscriptions import Resubscribed

from .conftest import front_month


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    # Heartbeats come often, so that a socket's silence shows soon.
    with serve(Config(seed=7, manual_clock=True, control=True, heartbeat_seconds=0.1)) as running:
        yield running


class Trader:
    """A trader whose access source signs in anew when a token was refused."""

    def __init__(self, sim: RunningSimulator) -> None:
        self.hosts = Hosts.default(Environment.SIM, sim.url)
        self.sign_ins = 0
        self.token = ""
        self._person = sim.trader("trader")

    async def sign_in(self) -> str:
        self.sign_ins += 1
        request = AccessTokenRequest(name=self._person.name, password=self._person.password)
        self.token = (await request_access_token(self.hosts, request)).access_token
        return self.token

    async def access(self, last_error: Exception | None) -> Access:
        if not self.token or isinstance(last_error, NotAuthorized):
            await self.sign_in()
        return Access(self.hosts.user_socket, self.token, self._person.user_id)


@pytest.fixture
def trader(sim: RunningSimulator) -> Trader:
    return Trader(sim)


PATIENCE = Patience(sleep=lambda seconds: asyncio.sleep(min(seconds, 0.01)))


async def test_what_happened_while_the_socket_was_down_is_in_the_next_snapshot(sim, trader) -> None:
    async with ReconnectingUserSocket(trader.access, patience=PATIENCE) as user:
        first = await anext(user)
        assert isinstance(first, SyncSnapshot)
        assert not first.fills
        async with Tradovate(trader.hosts, trader.token) as t:
            symbol = await front_month(t)
            account = (await t.account.list())[0]
            sim.control.fault("kick", user="trader")
            order = PlaceOrder(
                account_id=account.id, account_spec=account.name, action=Action.BUY, symbol=symbol, order_qty=2,
                order_type=OrderType.MARKET,
            )  # fmt: skip
            placed = await t.order.place(order)
            sim.control.advance(1)
        news = [await anext(user)]
        while not isinstance(news[-1], SyncSnapshot):
            news.append(await anext(user))
        assert any(isinstance(one, Interrupted) and isinstance(one.error, SocketClosed) for one in news)
        assert {fill.order_id for fill in news[-1].fills} == {placed.order_id}
        assert [position.net_pos for position in news[-1].positions if position.net_pos] == [2]
        assert trader.sign_ins == 1


async def test_a_token_that_ended_is_replaced_before_the_next_socket(sim, trader) -> None:
    async with ReconnectingUserSocket(trader.access, patience=PATIENCE) as user:
        await anext(user)
        sim.control.fault("expire_tokens", user="trader")
        # The open socket does not mind.
        assert await user.request("account/list")
        sim.control.fault("kick", user="trader")
        errors = []
        while isinstance(news := await anext(user), Interrupted):
            errors.append(type(news.error))
        assert isinstance(news, SyncSnapshot)
    assert errors == [SocketClosed, NotAuthorized]
    assert trader.sign_ins == 2


async def test_a_new_sign_in_carries_the_open_socket_over_to_its_session(sim, trader) -> None:
    async with ReconnectingUserSocket(trader.access, patience=PATIENCE) as user:
        await anext(user)
        await trader.sign_in()
        await user.renew()
        # A third session ends the first one, to which this socket does not belong any more.
        await Trader(sim).sign_in()
        assert await user.request("account/list")
        for _ in range(2):
            await Trader(sim).sign_in()
        with pytest.raises(Evicted):
            await until_interrupted(user)


async def test_quotes_come_again_after_a_drop(sim, trader) -> None:
    async with Tradovate(trader.hosts, await trader.sign_in()) as t:
        symbol = await front_month(t)
    async with ReconnectingMarketFeed(trader.access, patience=PATIENCE) as feed:
        await feed.subscribe_quote(symbol)
        await feed.subscribe_quote("NOPE")
        begun = await anext(feed)
        assert isinstance(begun, Resubscribed)
        assert [one.symbol for one in begun.refused] == ["NOPE"]
        assert isinstance(await anext(feed), Quote)
        sim.control.fault("kick", user="trader")
        kinds = []
        while not isinstance(news := await anext(feed), Resubscribed):
            kinds.append(type(news))
        assert kinds[-1] is Interrupted
        assert isinstance(await anext(feed), Quote)


@pytest.mark.parametrize(
    ("kind", "options", "error"),
    [
        ("bye", {"route": "websocket"}, SocketClosed),
        ("host_moved", {"route": "websocket"}, HostMoved),
        ("error_503", {"route": "websocket"}, NotSent),
        ("rate_limit", {"route": "websocket"}, RateLimited),
        ("half_open", {"route": "websocket"}, NotSent),
        ("expire_token", {"route": "authorize"}, NotAuthorized),
        ("no_reply", {"route": "authorize"}, NotSent),
        ("half_open", {"route": "user/syncrequest"}, SocketClosed),
        ("bye", {"route": "user/syncrequest"}, SocketClosed),
        ("lose_reply", {"route": "user/syncrequest"}, SocketClosed),
        ("garbage", {"route": "user/syncrequest"}, TradovateError),
        ("penalty", {"route": "user/syncrequest", "seconds": 1}, PenaltyImposed),
        ("error_500", {"route": "user/syncrequest"}, OutcomeUnknown),
    ],
)
async def test_an_opening_that_goes_wrong_is_told_and_mended(sim, trader, kind, options, error) -> None:
    await trader.sign_in()
    sim.control.fault(kind, **options)
    timings = {"open_timeout": 2.0, "silence": 2.0}
    async with ReconnectingUserSocket(trader.access, patience=PATIENCE, **timings) as user:
        told = await anext(user)
        assert isinstance(told, Interrupted)
        assert isinstance(told.error, error)
        assert isinstance(await anext(user), SyncSnapshot)


@pytest.mark.parametrize(
    ("kind", "options", "error"),
    [
        ("kick", {}, SocketClosed),
        ("bye", {}, SocketClosed),
        ("half_open", {}, SocketClosed),
        ("no_heartbeat", {}, SocketClosed),
        ("shutdown", {"reason": "Maintenance"}, Shutdown),
        ("shutdown", {"reason": "IPQuotaReached"}, Shutdown),
    ],
)
async def test_a_life_that_ends_is_told_and_followed_by_another(sim, trader, kind, options, error) -> None:
    async with ReconnectingUserSocket(trader.access, patience=PATIENCE, silence=2.0) as user:
        await anext(user)
        sim.control.fault(kind, user="trader", **options)
        told = await until_interrupted(user)
        assert isinstance(told.error, error)
        # A socket that has just begun may have had its last frame before the next heartbeat of the server.
        sim.control.fault("clear")
        assert isinstance(await anext(user), SyncSnapshot)


async def until_interrupted(user: ReconnectingUserSocket) -> Interrupted:
    while not isinstance(news := await asyncio.wait_for(anext(user), 10), Interrupted):
        assert isinstance(news, PropsEvent)
    return news


MIRRORED = (
    "positions", "orders", "order_versions", "fills", "commands", "command_reports", "execution_reports",
    "cash_balances", "accounts",
)  # fmt: skip


def entities_of(snapshot: SyncSnapshot) -> dict[tuple[type, int], Entity]:
    return {(type(one), one.id): one for name in MIRRORED for one in getattr(snapshot, name)}


async def test_a_snapshot_in_parts_is_the_same_as_a_whole_one(trader) -> None:
    async with ReconnectingUserSocket(trader.access) as whole:
        expected = await anext(whole)
    async with ReconnectingUserSocket(trader.access, split=True, quiet=0.3) as parts:
        found = await anext(parts)
    assert isinstance(expected, SyncSnapshot)
    assert isinstance(found, SyncSnapshot)
    assert entities_of(found) == entities_of(expected)
    assert len(found.contract_groups) == len(expected.contract_groups) > 0


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        (None, {}),
        ("duplicate_events", {}),
        ("batch_events", {"seconds": 0.05}),
        ("array_entities", {}),
        ("unknown_entities", {}),
        ("reorder_events", {}),
    ],
)
async def test_a_snapshot_and_its_events_are_the_next_snapshot(sim, trader, fault: str | None, options) -> None:
    async with ReconnectingUserSocket(trader.access, patience=PATIENCE) as user:
        mirror = entities_of(await anext(user))
        if fault:
            sim.control.fault(fault, times=10_000, **options)
        async with Tradovate(trader.hosts, trader.token) as t:
            symbol = await front_month(t)
            account = (await t.account.list())[0]
            market = Decimal(str(sim.control.market(symbol)["bid"]))
            for number in range(12):
                terms = {"order_type": OrderType.MARKET} if number % 3 else {"order_type": OrderType.LIMIT}
                price = None if number % 3 else market - 10 * (number % 2)
                order = PlaceOrder(
                    account_id=account.id, account_spec=account.name, action=(Action.BUY, Action.SELL)[number % 2],
                    symbol=symbol, order_qty=1 + number % 2, price=price, **terms,
                )  # fmt: skip
                await t.order.place(order)
                sim.control.advance(0.5)
        # The last batch is on its way.
        await asyncio.sleep(10 * options.get("seconds", 0))
        sim.control.fault("clear")
        sim.control.fault("kick", user="trader")
        while isinstance(news := await anext(user), PropsEvent):
            for one in news.entities:
                if isinstance(one, UnknownEntity):
                    continue
                if news.event_type == "Deleted":
                    mirror.pop((type(one), one.id), None)
                else:
                    mirror[type(one), one.id] = one
        assert isinstance(news, Interrupted)
        while not isinstance(news, SyncSnapshot):
            news = await anext(user)
    now = entities_of(news)
    assert len([one for one in now.values() if isinstance(one, Fill)]) >= 8
    assert {key: one for key, one in mirror.items() if key in now or key[0] in {kind for kind, _ in now}} == now
