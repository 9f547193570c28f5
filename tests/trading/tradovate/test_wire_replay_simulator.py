"""Market Replay of the stand-in Tradovate, read by the client over loopback."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Iterator
from decimal import Decimal
from typing import TypeVar

import pytest

from trading.simulator import Config, RunningSimulator, serve
from trading.tradovate import (
    Access,
    Hosts,
    Interrupted,
    Patience,
    ReconnectingReplaySocket,
    ReplaySocket,
    Tradovate,
)
from trading.tradovate.entities import (
    AccessToken,
    Action,
    Fill,
    OrderType,
    PlaceOrder,
    PlaceOrderResult,
    Quote,
    ReplayCheckStatus,
)
from trading.tradovate.errors import ApiError, ReplayIneligible
from trading.tradovate.frames import ClockEvent, PropsEvent
from trading.tradovate.replay import ReplayBegun

from .conftest import front_month

NOW = dt.datetime(2026, 11, 17, 15, 0, tzinfo=dt.UTC)
START = NOW - dt.timedelta(days=4)
SECOND = dt.timedelta(seconds=1)

N = TypeVar("N")


@pytest.fixture
def sim() -> Iterator[RunningSimulator]:
    with serve(Config(seed=7, manual_clock=True, start=NOW, control=True)) as running:
        yield running


@pytest.fixture
def token(signed_in: AccessToken) -> str:
    return signed_in.access_token


@pytest.fixture
async def replay(hosts: Hosts, token: str) -> AsyncIterator[ReplaySocket]:
    async with await ReplaySocket.connect(hosts.replay_socket, token) as socket:
        yield socket


async def next_of(socket: ReplaySocket | ReconnectingReplaySocket, kind: type[N], wanted: Callable[[N], object]) -> N:
    """Read until something of a kind is wanted."""
    async with asyncio.timeout(10):
        while True:
            news = await anext(socket)
            if isinstance(news, kind) and wanted(news):
                return news


async def test_a_past_day_is_traded_with_an_account_of_its_own(sim, hosts, token, replay) -> None:
    async with Tradovate(hosts, token) as t:
        symbol = await front_month(t)
    assert (await replay.check_session(START)).check_status == ReplayCheckStatus.OK
    await replay.begin(START, speed=200, initial_balance=Decimal(51_000))
    snapshot = await replay.sync(sim.trader("trader").user_id)
    (account,) = snapshot.accounts
    assert [balance.amount for balance in snapshot.cash_balances] == [51_000]
    await replay.subscribe_quote(symbol)
    assert isinstance(await next_of(replay, Quote, lambda quote: quote.timestamp >= START - SECOND), Quote)
    order = PlaceOrder(
        account_id=account.id, account_spec=account.name, action=Action.BUY, symbol=symbol, order_qty=1,
        order_type=OrderType.MARKET,
    )  # fmt: skip
    placed = await replay.ask("order/placeorder", PlaceOrderResult, body=order)
    for _ in range(20):
        sim.control.advance(1)
    filled = await next_of(replay, PropsEvent, lambda event: event.entity_type == "fill")
    (fill,) = filled.entities
    assert isinstance(fill, Fill)
    assert fill.order_id == placed.order_id
    assert START <= fill.timestamp <= START + 41 * SECOND
    # Twice as fast as the world outside.
    clock = await next_of(replay, ClockEvent, lambda clock: clock.timestamp >= START + 40 * SECOND)
    assert clock.speed == 200
    async with Tradovate(hosts, token) as t:
        assert account.id not in {one.id for one in await t.account.list()}
        assert not await t.fill.list()


async def test_the_market_data_token_opens_a_replay_too(sim, hosts, signed_in) -> None:
    assert signed_in.md_access_token not in (None, signed_in.access_token)
    async with await ReplaySocket.connect(hosts.replay_socket, signed_in.md_access_token) as socket:
        await socket.begin(START, speed=100)
        snapshot = await socket.sync(sim.trader("trader").user_id)
        assert len(snapshot.accounts) == 1
        sim.control.advance(1)
        await next_of(socket, ClockEvent, lambda clock: clock.timestamp >= START)


async def test_the_clock_pauses_and_goes_on(sim, replay) -> None:
    await replay.begin(START, speed=100)
    await replay.change_speed(0)
    paused = await next_of(replay, ClockEvent, lambda clock: clock.is_paused)
    sim.control.advance(30)
    await replay.change_speed(400)
    again = await next_of(replay, ClockEvent, lambda clock: clock.speed == 400)
    assert again.timestamp - paused.timestamp < SECOND
    sim.control.advance(2)
    await next_of(replay, ClockEvent, lambda clock: clock.timestamp >= again.timestamp + 7 * SECOND)


async def test_what_may_not_be_replayed(replay) -> None:
    with pytest.raises(ReplayIneligible):
        await replay.begin(NOW + dt.timedelta(days=1))
    with pytest.raises(ApiError):
        await replay.change_speed(100)
    adjusted = await replay.begin(NOW - dt.timedelta(days=3650))
    assert NOW - dt.timedelta(days=365) < adjusted < NOW


async def test_a_lasting_replay_is_joined_while_it_lives_and_begun_anew_when_it_does_not(
    sim, hosts, token, replay
) -> None:
    user_id = sim.trader("trader").user_id

    async def access(last_error: Exception | None) -> Access:
        return Access(hosts.replay_socket, token, user_id)

    patience = Patience(sleep=lambda _: asyncio.sleep(0))
    async with ReconnectingReplaySocket(access, START, join_seconds=1.5, patience=patience) as lasting:
        first = await anext(lasting)
        assert isinstance(first, ReplayBegun)
        assert (first.timestamp, first.resumed) == (START, False)
        sim.control.advance(10)
        await next_of(lasting, ClockEvent, lambda clock: clock.timestamp >= START + 10 * SECOND)
        # Another socket keeps the session alive.
        async with await ReplaySocket.connect(hosts.replay_socket, token) as companion:
            assert await companion.wait_for_clock(5)
            assert lasting.socket is not None
            await lasting.socket._connection.close()
            assert isinstance(await next_of(lasting, Interrupted, lambda _: True), Interrupted)
            joined = await anext(lasting)
            assert isinstance(joined, ReplayBegun)
            assert joined.resumed
            assert joined.timestamp >= START + 10 * SECOND
            assert [one.id for one in joined.snapshot.accounts] == [one.id for one in first.snapshot.accounts]
        await replay.close()
        sim.control.fault("kick", user="trader")
        await next_of(lasting, Interrupted, lambda _: True)
        anew = await anext(lasting)
        assert isinstance(anew, ReplayBegun)
        assert not anew.resumed
        assert anew.timestamp >= START + 10 * SECOND
        assert [one.id for one in anew.snapshot.accounts] != [one.id for one in first.snapshot.accounts]


async def test_a_replay_that_another_process_began_is_joined_or_begun_anew_where_it_was(sim, hosts, token) -> None:
    async def access(last_error: Exception | None) -> Access:
        return Access(hosts.replay_socket, token, sim.trader("trader").user_id)

    def going_on() -> ReconnectingReplaySocket:
        lasting = ReconnectingReplaySocket(access, START, join_seconds=1.5)
        lasting.goes_on_from(START + 60 * SECOND)
        return lasting

    async with await ReplaySocket.connect(hosts.replay_socket, token) as other:
        await other.begin(START)
        async with going_on() as lasting:
            joined = await anext(lasting)
            assert isinstance(joined, ReplayBegun)
            assert (joined.timestamp, joined.resumed) == (START, True)
    async with going_on() as lasting:
        anew = await anext(lasting)
        assert isinstance(anew, ReplayBegun)
        assert (anew.timestamp, anew.resumed) == (START + 60 * SECOND, False)
