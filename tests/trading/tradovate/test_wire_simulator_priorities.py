"""Processes that share the hour: together they send no more entries than there is room for, and every way out."""

import asyncio
import multiprocessing
from decimal import Decimal
from multiprocessing.synchronize import Barrier

import redis.asyncio

from trading.simulator import RunningSimulator
from trading.tradovate import Budgets, Environment, Hosts, Priority, RedisStore, Tradovate, request_access_token
from trading.tradovate.entities import AccessTokenRequest, CancelOrder, LiquidatePosition, PlaceOrder
from trading.tradovate.errors import BudgetSpent
from trading.tradovate.limits import USER

from .conftest import front_month

ROOM = 7
TRIES = 6
Results = "multiprocessing.Queue[tuple[list[int], set[str], int]]"


def _trade(
    url: str,
    redis_url: str,
    user_id: int,
    token: str,
    entry: PlaceOrder,
    contract: int,
    both: Barrier,
    results: Results,
) -> None:
    """Try entries; when both have, cancel those that were taken, and close. (orders, refusals, ways out)."""

    async def trade() -> tuple[list[int], set[str], int]:
        placed, refusals, outs = [], set(), 0
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            budgets = Budgets(RedisStore(client), network="n", user=user_id)
            async with Tradovate(Hosts.default(Environment.SIM, url), token, budgets=budgets) as t:
                for _ in range(TRIES):
                    try:
                        placed.append((await t.order.place(entry, priority=Priority.ENTRY)).order_id)
                    except BudgetSpent as refusal:
                        refusals.add(str(refusal).partition(";")[0])
                await asyncio.to_thread(both.wait, 60)
                for order_id in placed:
                    outs += (await t.order.cancel(CancelOrder(order_id=order_id))).command_id is not None
                # Closing the position cancels what works in its contract, too.
                await asyncio.to_thread(both.wait, 60)
                await t.order.liquidate_position(
                    LiquidatePosition(account_id=entry.account_id or 0, contract_id=contract, admin=False)
                )
        return placed, refusals, outs + 1

    results.put(asyncio.run(trade()))


def test_two_processes_share_the_room_for_entries_and_every_way_out_goes(
    simulator: RunningSimulator, redis_url: str
) -> None:
    hosts, trader = Hosts.default(Environment.SIM, simulator.url), simulator.trader("trader")

    async def prepare() -> tuple[int, str, PlaceOrder, int]:
        access = await request_access_token(hosts, AccessTokenRequest(name=trader.name, password=trader.password))
        user_id = access.user_id or 0
        async with Tradovate(hosts, access.access_token) as t:
            account = (await t.account.list())[0]
            contract = await t.contract.find(await front_month(t))
        entry = PlaceOrder(
            account_id=account.id, action="Buy", symbol=contract.name, order_qty=1, order_type="Limit",
            price=Decimal(4000),
        )  # fmt: skip
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            store = RedisStore(client)
            for _ in range(USER.up_to(Priority.ENTRY) - ROOM):
                await store.take(f"user:{user_id}", USER, None)
        return user_id, access.access_token, entry, contract.id

    user_id, token, entry, contract = asyncio.run(prepare())
    context = multiprocessing.get_context("fork")
    results: Results = context.Queue()
    arguments = (simulator.url, redis_url, user_id, token, entry, contract, context.Barrier(2), results)
    processes = [context.Process(target=_trade, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    told = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
    placed = [order_id for orders, _, _ in told for order_id in orders]
    outs = sum(count for _, _, count in told)
    assert len(placed) == ROOM
    assert outs == ROOM + 2
    # The last refusal may have seen the cancels of the process that was done before.
    assert all(
        words.endswith("of 5,000 requests of this hour are used") for _, refusals, _ in told for words in refusals
    )
    received = [one["route"].lower() for one in simulator.control.ledger()["received"]]
    assert received.count("order/placeorder") == ROOM
    assert received.count("order/cancelorder") == ROOM
    assert received.count("order/liquidateposition") == 2
