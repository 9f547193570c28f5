"""A Market Replay by the hub: simulator -> replay socket -> pages, and nothing of it anywhere else."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.apps import apps
from django.utils import timezone

from accounts import renewal
from accounts.models import Connection
from accounts.sign_out import sign_out
from tests.trading.cast import sign_in
from tests.trading.sync.cast import aplace, front_month, page_open, rows, running_hub, settled, snapshot, until
from trading.models import Replay, TradingLimit
from trading.simulator import RunningSimulator
from trading.sync import replays, wanted
from trading.sync.replay_link import ANEW, judge
from trading.tradovate import ReplaySocket
from trading.tradovate.entities import Action, OrderType, PlaceOrder, PlaceOrderResult
from trading.tradovate.errors import ReplayIneligible
from trading.views.replay import suggested

SECOND = dt.timedelta(seconds=1)
# What may change while a replay runs: whose it is, and what the trader wants of it.
OF_REPLAYS = {"Connection", "Replay"}


@pytest.fixture
def trader(simulator, transactional_db) -> Connection:
    return sign_in(simulator, "trader")


def start() -> dt.datetime:
    """When a replay begins here: at the opening bell of the last day that had one."""
    return suggested(timezone.now())


@sync_to_async(thread_sensitive=False)
def begin(trader: Connection, **wish: Any) -> Connection:
    return replays.begin(trader, start(), **{"speed": 100, "initial_balance": Decimal(51_000), **wish})


async def clock(replay: Connection) -> dict[str, str]:
    return (await snapshot(replay)).rows.get("replay", {})


async def time_of(replay: Connection) -> dt.datetime:
    row = await until(lambda: clock(replay))
    return dt.datetime.fromisoformat(row["time"])


@asynccontextmanager
async def running(trader: Connection, **wish: Any) -> AsyncIterator[Connection]:
    """A replay that somebody looks at, mirrored by a hub."""
    replay = await begin(trader, **wish)
    async with running_hub(), page_open(replay):
        await settled(replay)
        yield replay


async def buy(simulator: RunningSimulator, trader: Connection, symbol: str) -> None:
    """Buy a contract in the replay as another program of the trader's would: on a socket that joins it."""
    url = trader.hosts.replay_socket
    async with await ReplaySocket.connect(url, trader.tokens.access_token) as socket:
        (account,) = (await socket.sync(trader.tradovate_user_id)).accounts
        order = PlaceOrder(
            account_id=account.id, action=Action.BUY, symbol=symbol, order_qty=1, order_type=OrderType.MARKET
        )
        await socket.subscribe_quote(symbol)
        assert (await socket.ask("order/placeorder", PlaceOrderResult, body=order)).order_id
        simulator.control.advance(30)


def written() -> dict[str, int]:
    """How many rows each table of the portal has, but those that a replay needs itself."""
    models = [model for model in apps.get_models() if model.__module__.startswith(("accounts.", "trading."))]
    return {one.__name__: one.objects.count() for one in models if one.__name__ not in OF_REPLAYS}


awritten = sync_to_async(written, thread_sensitive=False)


async def test_pages_get_the_replays_own_account_and_a_clock_that_goes(simulator, trader) -> None:
    async with running(trader) as replay:
        found = await settled(replay)
        assert found.rows["upstream"]["environment"] == "REPLAY"
        (account,) = await rows(replay, "account")
        assert account["name"].startswith("REPLAY")
        assert account["cash"] == "51,000.00"
        begun = await time_of(replay)
        assert dt.timedelta() <= begun - start() < 60 * SECOND
        simulator.control.advance(30)

        async def later() -> bool:
            return await time_of(replay) >= begun + 30 * SECOND

        await until(later)


async def test_what_is_traded_in_a_replay_is_marked_there_and_written_down_nowhere(simulator, trader) -> None:
    symbol = await sync_to_async(front_month, thread_sensitive=False)(simulator, trader)
    before = await awritten()
    async with running(trader) as replay:
        await buy(simulator, trader, symbol)
        (position,) = await until(lambda: rows(replay, "position"))
        assert (position["symbol"], position["qty"]) == (symbol, "1")

        async def marked() -> bool:
            simulator.control.advance(1)
            (row,) = await rows(replay, "position")
            return row["mark"] != "—" and not row["mark_source"]

        await until(marked)
        assert len(await rows(replay, "fill")) == 1
    assert await awritten() == before
    orders = simulator.control.ledger()["entities"].get("order", [])
    assert not [one for one in orders if one["accountId"] // 1000 == trader.tradovate_user_id]


async def test_quotes_of_a_replay_are_shared_with_no_other_one(simulator, trader) -> None:
    symbol = await sync_to_async(front_month, thread_sensitive=False)(simulator, trader)
    pro = await sync_to_async(sign_in, thread_sensitive=False)(simulator, "pro")
    async with running(trader) as one, page_open(other := await begin(pro)):
        await settled(other)
        for person, replay in ((trader, one), (pro, other)):
            await buy(simulator, person, symbol)
            await until(lambda replay=replay: rows(replay, "position"))

        def feeds() -> list[int]:
            return sorted(found["userId"] for found in simulator.control.sockets() if found["quotes"])

        await until(lambda: feeds() == sorted([trader.tradovate_user_id, pro.tradovate_user_id]))


async def test_the_traders_own_desk_goes_on_beside_it(simulator, trader) -> None:
    symbol = await sync_to_async(front_month, thread_sensitive=False)(simulator, trader)
    async with running(trader) as replay, page_open(trader):
        assert (await settled(trader)).rows["upstream"]["environment"] == "SIM"
        await aplace(simulator, trader, symbol=symbol, action="Buy", orderQty=1)
        simulator.control.advance(1)
        (fill,) = await until(lambda: rows(trader, "fill"))
        assert fill["account"] == "DEMO1001001"
        assert not await rows(replay, "fill")
        assert {row["name"] for row in await rows(trader, "account")} == {"DEMO1001001"}


async def test_another_speed_is_told_to_tradovate_and_a_pause_stops_the_clock(simulator, trader) -> None:
    async with running(trader) as replay:
        await sync_to_async(replays.ask_speed, thread_sensitive=False)(replay, 0)

        async def has_speed(speed: str) -> bool:
            simulator.control.advance(1)
            return (await clock(replay)).get("speed") == speed

        await until(lambda: has_speed("0"))
        stands = await time_of(replay)
        simulator.control.advance(30)
        await until(lambda: has_speed("0"))
        assert await time_of(replay) == stands
        await sync_to_async(replays.ask_speed, thread_sensitive=False)(replay, 400)
        await until(lambda: has_speed("400"))


async def test_a_replay_goes_on_from_where_it_was_when_nobody_looked_for_a_while(simulator, trader) -> None:
    replay = await begin(trader)
    async with running_hub(rescan=600, grace=3.0):
        async with page_open(replay):
            await settled(replay)
            simulator.control.advance(100)

            async def is_later() -> bool:
                return await time_of(replay) >= start() + 100 * SECOND

            await until(is_later)

        async def is_closed() -> bool:
            return not (await snapshot(replay)).rows and not simulator.control.sockets()

        await until(is_closed)
        async with page_open(replay):
            found = await settled(replay)
            assert found.rows["upstream"]["detail"] == ANEW
            assert await time_of(replay) >= start() + 100 * SECOND


async def test_a_replay_that_tradovate_refuses_says_why_and_is_not_asked_for_again_soon(simulator, trader) -> None:
    replay = await begin(trader)
    await Replay.objects.aupdate(starts_at=timezone.now() + dt.timedelta(days=1))
    async with running_hub(), page_open(replay):
        found = await settled(replay, "down")
        assert "does not allow a replay" in found.rows["upstream"]["detail"]
    assert judge(ReplayIneligible(start()), 1, 0.0).seconds >= 300


async def test_another_process_joins_the_replay_as_long_as_tradovate_keeps_it(simulator, trader) -> None:
    async with running(trader) as replay:
        (before,) = await rows(replay, "account")
        other = await ReplaySocket.connect(trader.hosts.replay_socket, trader.tokens.access_token)
    async with other, running_hub(), page_open(replay):
        found = await settled(replay)
        (after,) = await rows(replay, "account")
        assert (after["name"], found.rows["upstream"]["detail"]) == (before["name"], "")


async def test_a_replay_lasts_only_while_somebody_looks_whatever_limits_are_to_be_kept(simulator, trader) -> None:
    await TradingLimit.objects.acreate(user=trader.user, daily_loss=100)
    replay = await begin(trader)
    roll = await wanted.read()
    assert {trader.pk, replay.pk} <= roll.authorised.keys()
    assert replay.pk not in roll.at_work
    assert trader.pk in roll.at_work


async def test_who_signs_out_has_no_replay_any_more(simulator, trader) -> None:
    async with running(trader) as replay:
        await sync_to_async(sign_out, thread_sensitive=False)(trader.user)
        assert not await Connection.objects.filter(pk=replay.pk).aexists()

        async def is_gone() -> bool:
            return not (await snapshot(replay)).rows and not simulator.control.sockets()

        await until(is_gone)


async def test_when_it_is_ended_nothing_of_it_stays_and_the_next_one_is_another(simulator, trader) -> None:
    async with running_hub():
        first = await begin(trader)
        async with page_open(first):
            await settled(first)
        assert await begin(trader) == first
        await sync_to_async(replays.end, thread_sensitive=False)(first)

        async def is_closed() -> bool:
            return not (await snapshot(first)).rows and not simulator.control.sockets()

        await until(is_closed)
        second = await begin(trader)
        assert second.pk != first.pk
        async with page_open(second):
            await settled(second)
            assert await time_of(second) < start() + 60 * SECOND


async def test_new_tokens_of_its_source_are_presented_on_the_socket_of_a_replay(simulator, trader, monkeypatch) -> None:
    presented: list[str] = []
    authorize = ReplaySocket.authorize

    async def noting(socket: ReplaySocket, token: str, **options: Any) -> None:
        await authorize(socket, token, **options)
        presented.append(token)

    async with running(trader):
        monkeypatch.setattr(ReplaySocket, "authorize", noting)
        await sync_to_async(renewal.renew, thread_sensitive=False)(trader.pk)
        renewed = await Connection.objects.aget(pk=trader.pk)
        await until(lambda: renewed.tokens.access_token in presented)
