"""Orders to fills: how many market orders a second the simulator takes, fills, and tells of on a user socket.

    python -m tests.bench.bench_orders [--orders 2000] [--at-once 50] [--rounds 3]

The simulator is a process of its own. Orders go out over REST and over a user socket in turn, some at once; another
user socket reads the events. The time is from the first order to the last fill; lost is what did not fill.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import uvloop

from tests.bench.processes import Simulator, simulator
from trading.tradovate import Environment, Hosts, Tradovate, UserSocket
from trading.tradovate.entities import Action, Contract, Fill, OrderType, PlaceOrder
from trading.tradovate.frames import PropsEvent

TRADER = "pro"
PATIENCE = 20.0  # seconds for the last fills

Place = Callable[[PlaceOrder], Awaitable[object]]


@dataclass
class Result:
    """Of the rounds of one way: orders, seconds, events and fills that did not come."""

    orders: int = 0
    seconds: float = 0.0
    events: int = 0
    lost: int = 0


async def play(place: Place, reader: UserSocket, orders: list[PlaceOrder], at_once: int, result: Result) -> None:
    """Place all orders and read until each has filled."""
    filled: set[int] = set()
    placed: set[int] = set()
    gate = asyncio.Semaphore(at_once)

    async def one(order: PlaceOrder) -> None:
        async with gate:
            reply = await place(order)
        placed.add(reply["orderId"] if isinstance(reply, dict) else reply.order_id)  # type: ignore[attr-defined]

    async def read() -> None:
        while len(filled) < len(orders) or not filled >= placed:
            event = await anext(reader)
            result.events += 1
            if isinstance(event, PropsEvent):
                filled.update(fill.order_id for fill in event.entities if isinstance(fill, Fill))

    began = time.perf_counter()
    reading = asyncio.create_task(read())
    await asyncio.gather(*(one(order) for order in orders))
    try:
        await asyncio.wait_for(reading, PATIENCE)
    except TimeoutError:
        result.lost += len(placed - filled)
    result.seconds += time.perf_counter() - began
    result.orders += len(orders)


async def measure(running: Simulator, count: int, at_once: int, rounds: int) -> dict[str, Result]:
    hosts = Hosts.default(Environment.SIM, running.url)
    access = running.sign_in(TRADER)
    token = access["accessToken"]
    results = {"REST": Result(), "socket": Result()}
    async with (
        Tradovate(hosts, token) as rest,
        await UserSocket.connect(hosts.user_socket, token) as writer,
        await UserSocket.connect(hosts.user_socket, token) as reader,
    ):
        await reader.sync(access["userId"])
        account = (await rest.account.list())[0]
        contract = await front_month(rest)
        running.control("liquidity", symbol=contract.name, size=1_000_000)
        # Buying and selling in turn, so that no position or margin grows.
        orders = [
            PlaceOrder(
                account_id=account.id,
                account_spec=account.name,
                action=action,
                symbol=contract.name,
                order_qty=1,
                order_type=OrderType.MARKET,
            )
            for action in (Action.BUY, Action.SELL) * (count // 2)
        ]

        async def over_socket(order: PlaceOrder) -> object:
            return await writer.request("order/placeorder", body=order, timeout=PATIENCE)

        for _ in range(rounds):
            for way, place in (("REST", rest.order.place), ("socket", over_socket)):
                await play(place, reader, orders, at_once, results[way])
    return results


async def front_month(rest: Tradovate) -> Contract:
    """The micro S&P contract that trades now."""
    product = await rest.product.find("MES")
    front = next(maturity for maturity in await rest.contract_maturity.deps(product.id) if maturity.is_front)
    return (await rest.contract.deps(front.id))[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--orders", type=int, default=2000)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with simulator() as running:
        results = uvloop.run(measure(running, options.orders, options.at_once, options.rounds))
    print(f"{options.rounds} rounds of {options.orders} market orders either way in turn, {options.at_once} at once")
    print(f"{'way':<8} {'orders':>8} {'orders/s':>9} {'events/s':>9} {'lost':>6}")
    for way, result in results.items():
        rate, events = result.orders / result.seconds, result.events / result.seconds
        print(f"{way:<8} {result.orders:>8} {rate:>9.0f} {events:>9.0f} {result.lost:>6}", flush=True)


if __name__ == "__main__":
    main()
