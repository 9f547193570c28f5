"""A trader who presses buttons, and what the simulator has of it."""

import asyncio
import dataclasses
import threading
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from django.db import connection as database
from django.utils import timezone

from accounts.models import Connection, User
from trading.models import Account, Contract, OrderIntent
from trading.orders import desk, looks, reports, warm
from trading.orders.prices import Distance
from trading.orders.spec import Bracket, LinkedOrder, OrderSpec
from trading.orders.states import State
from trading.simulator import RunningSimulator
from trading.tradovate import Tradovate
from trading.tradovate.entities import ModifyOrder, Order, PlaceOrder


def limit(account: Account, symbol: str, price: str = "4000", qty: int = 2) -> OrderSpec:
    return OrderSpec(
        account_id=account.pk, symbol=symbol, action="Buy", order_qty=qty, order_type="Limit", price=Decimal(price)
    )


def pair(account: Account, symbol: str) -> OrderSpec:
    """An OCO far from the market."""
    other = LinkedOrder(action="Sell", order_type="Limit", price=Decimal(9000))
    return dataclasses.replace(limit(account, symbol, qty=1), other=other)


def with_exits(account: Account, symbol: str) -> OrderSpec:
    """An OSO far from the market."""
    exits = (
        LinkedOrder(action="Sell", order_type="Limit", price=Decimal(9000)),
        LinkedOrder(action="Sell", order_type="Stop", stop_price=Decimal(3000)),
    )
    return dataclasses.replace(limit(account, symbol, qty=1), triggers=exits)


def bracket(account: Account, symbol: str, qty: int = 1) -> OrderSpec:
    """At the market, with a bracket strategy."""
    brackets = (Bracket(order_qty=qty, profit_target=Distance(Decimal(10)), stop_loss=Distance(Decimal(5))),)
    return OrderSpec(account_id=account.pk, symbol=symbol, action="Buy", order_qty=qty, brackets=brackets)


def settled(account: Account) -> None:
    """What the stream would tell: the state of every order at the broker."""
    for order in looks.orders(account.connection, [i for i in order_ids(account) if i]):
        reports.observe_order(account.connection_id, order.id, order.ord_status)


def order_ids(account: Account) -> list[int | None]:
    return list(OrderIntent.objects.filter(account=account).values_list("order_id_at_broker", flat=True))


def version_of(simulator: RunningSimulator, order_id: int) -> dict[str, Any]:
    """The newest terms of an order in the simulator."""
    versions = simulator.control.ledger()["entities"]["orderVersion"]
    return max((one for one in versions if one["orderId"] == order_id), key=lambda one: one["id"])


def versions_of(simulator: RunningSimulator, order_id: int) -> list[int]:
    """The ids of all terms of an order in the simulator, which are those of the commands that brought them."""
    versions = simulator.control.ledger()["entities"]["orderVersion"]
    return [one["id"] for one in versions if one["orderId"] == order_id]


def mirrored(account: Account, symbol: str, order_id: int, **terms: Any) -> None:
    """The journal has an order to buy two."""
    plain = {"action": "Buy", "status": "Working", "order_qty": 2, "order_type": "Limit", "time_in_force": "Day"}
    account.connection.orders.create(
        tradovate_id=order_id,
        account_id_at_broker=account.tradovate_id,
        symbol=symbol,
        at=timezone.now(),
        **(plain | terms),
    )


def change_elsewhere(account: Account, order_id: int, **terms: Any) -> None:
    """Another program changes a limit order, in full."""

    async def send() -> None:
        assert account.connection.tokens is not None
        async with Tradovate(account.connection.hosts, account.connection.tokens.access_token) as client:
            await client.order.modify(ModifyOrder(order_id=order_id, order_type="Limit", is_automated=True, **terms))

    asyncio.run(send())


def ended_as(monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    """Whatever has become of them, the orders that are asked for by their ids ended with this ordStatus."""
    orders = looks.orders

    def look(connection: Connection, order_ids: Collection[int]) -> list[Order]:
        return [msgspec.structs.replace(order, ord_status=status) for order in orders(connection, order_ids)]

    monkeypatch.setattr(looks, "orders", look)


def refusing(command_ids: Collection[int]) -> Callable[[object], dict[int, str]]:
    """Reports in which just these commands were refused, in place of reasons.of_commands."""
    return lambda _: dict.fromkeys(command_ids, "refused")


def elsewhere(account: Account, symbol: str, action: str, qty: int, **terms: Any) -> int:
    """The trader trades in Tradovate's own app, of which no intent knows: the order's id."""
    order = PlaceOrder(
        account_id=account.tradovate_id,
        action=action,
        symbol=symbol,
        order_qty=qty,
        **{"order_type": "Market", **terms},
    )
    tokens = account.connection.tokens
    assert tokens is not None
    placed = warm.ask(account.connection, tokens.access_token, lambda client: client.order.place(order))
    assert placed.order_id is not None
    return placed.order_id


def received(simulator: RunningSimulator, route: str) -> list[dict[str, Any]]:
    return [one["params"] for one in simulator.control.ledger()["received"] if one["route"] == route]


def now(intent: OrderIntent) -> OrderIntent:
    """The intent as it is in the database."""
    return OrderIntent.objects.get(pk=intent.pk)


def has_become(intent: OrderIntent, state: State, words: str) -> None:
    """It is in that state, and its reason has these words in it."""
    found = now(intent)
    assert found.state == state
    assert words in found.reason


def contract_id(symbol: str) -> int:
    return Contract.objects.get(name=symbol).tradovate_id


def bought(user: User, account: Account, symbol: str, qty: int = 2, key: str = "click:buy") -> None:
    spec = OrderSpec(account_id=account.pk, symbol=symbol, action="Buy", order_qty=qty)
    assert desk.place(user, spec, key).succeeded


def at_once(count: int, press: Callable[[], Any]) -> list[Any]:
    """What `count` threads get that press at the same time."""
    start, got = threading.Barrier(count), []

    def one() -> None:
        start.wait()
        try:
            got.append(press())
        finally:
            database.close()

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(got) == count
    return got
