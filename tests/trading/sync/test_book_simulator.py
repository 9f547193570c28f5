"""Whatever happens at Tradovate: the first snapshot and the events after it come to what a fresh snapshot shows.

Trades, changes and cancellations at random, with events that are sent twice, in another order across types, several in
a frame, as arrays, and among types that nobody knows.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from accounts.models import Connection
from tests.trading.sync.cast import front_month, until
from trading.sync.book import Book
from trading.sync.comparison import compare
from trading.sync.mirror import Mirror
from trading.tradovate import UserSocket
from trading.tradovate.entities import Command, CommandReport, ExecutionReport

FAULTS = ("duplicate_events", "array_entities", "unknown_entities", "reorder_events", "batch_events")
STEPS = 25


class Trader:
    """Does at the simulator what a trader may do, by the draw."""

    def __init__(self, simulator: Any, connection: Connection, seed: int) -> None:
        self._simulator = simulator
        self._headers = {"Authorization": f"Bearer {connection.tokens.access_token}"}
        self._draw = random.Random(seed)
        self._symbols = [front_month(simulator, connection, product) for product in ("MES", "MNQ")]
        self._accounts = self._get("account/list")
        self._placed: list[int] = []

    def act(self) -> None:
        act: Callable[[], None] = self._draw.choices(
            [self._market, self._limit, self._cancel, self._modify, self._move, self._deposit],
            [5, 4, 2, 2, 3, 1],
        )[0]
        act()
        self._simulator.control.advance(self._draw.choice([0.1, 0.5, 2]))

    def _get(self, route: str) -> Any:
        return httpx.get(f"{self._simulator.url}/v1/{route}", headers=self._headers).json()

    def _post(self, route: str, **body: Any) -> Any:
        return httpx.post(f"{self._simulator.url}/v1/{route}", json=body, headers=self._headers).json()

    def _place(self, **order: Any) -> None:
        account = self._draw.choice(self._accounts)
        reply = self._post(
            "order/placeorder",
            accountId=account["id"],
            accountSpec=account["name"],
            action=self._draw.choice(["Buy", "Sell"]),
            symbol=self._draw.choice(self._symbols),
            orderQty=self._draw.randint(1, 3),
            isAutomated=True,
            **order,
        )
        if "orderId" in reply:
            self._placed.append(reply["orderId"])

    def _market(self) -> None:
        self._place(orderType="Market")

    def _limit(self) -> None:
        bid = float(self._simulator.control.market(self._symbols[0])["bid"])
        self._place(orderType="Limit", price=bid + self._draw.choice([-10, 0, 10]))

    def _cancel(self) -> None:
        if self._placed:
            self._post("order/cancelorder", orderId=self._draw.choice(self._placed))

    def _modify(self) -> None:
        if self._placed:
            bid = float(self._simulator.control.market(self._symbols[0])["bid"])
            wish = {"orderQty": self._draw.randint(1, 5), "orderType": "Limit", "price": bid - self._draw.randint(1, 9)}
            self._post("order/modifyorder", orderId=self._draw.choice(self._placed), isAutomated=True, **wish)

    def _move(self) -> None:
        symbol = self._draw.choice(self._symbols)
        bid = float(self._simulator.control.market(symbol)["bid"])
        self._simulator.control.price(symbol, str(bid + self._draw.randint(-8, 8)))

    def _deposit(self) -> None:
        self._simulator.control.account(self._draw.choice(self._accounts)["id"], deposit="12.34")


@pytest.mark.parametrize("seed", range(4))
async def test_snapshot_and_events_come_to_a_fresh_snapshot(simulator, pro, seed: int) -> None:
    url, token = pro.hosts.user_socket, pro.tokens.access_token
    async with await UserSocket.connect(url, token) as socket:
        book = Book.load(await socket.sync(pro.tradovate_user_id))
        reader = asyncio.create_task(_follow(socket, book))
        trader = await asyncio.to_thread(Trader, simulator, pro, seed)
        for fault in random.Random(seed).sample(FAULTS, 3):
            simulator.control.fault(fault, times=10_000, **({"seconds": 0.05} if fault == "batch_events" else {}))
        for _ in range(STEPS):
            await asyncio.to_thread(trader.act)
        simulator.control.fault("clear")
        async with await UserSocket.connect(url, token) as second:
            fresh = Book.load(await second.sync(pro.tradovate_user_id))
        await until(lambda: not _unlike(book, fresh))
        assert len(book.mirror.orders) > STEPS / 4
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)


async def _follow(socket: UserSocket, book: Book) -> None:
    async for event in socket:
        book.apply(event)


def _unlike(book: Book, fresh: Book) -> str:
    """In what the two differ, in words. Contracts that only events have named are learned by the link, not here."""
    for kind in (Command, CommandReport, ExecutionReport):
        if book.mirror.table(kind) != fresh.mirror.table(kind):
            return kind.__name__
    known = _named(book.mirror) & _named(fresh.mirror)
    rows = {
        key
        for key in {*book.rows, *fresh.rows}
        if book.rows.get(key) != fresh.rows.get(key) and (book.rows.get(key) or {}).get("symbol", "") in {"", *known}
    }
    return compare(book.mirror, fresh.mirror).words or ", ".join(sorted(rows))


def _named(mirror: Mirror) -> set[str]:
    return {contract.name for contract in mirror.contracts.values()}
