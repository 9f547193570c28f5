"""What the desk reads at Tradovate before it acts: orders and positions as the broker itself has them now.

For threads without a running event loop. Everything raises CannotAsk. Looks for a way out are never held back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Set
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from accounts import renewal
from accounts.models import Connection
from trading.models import Account, Contract, Fill
from trading.orders import in_force, refused, warm
from trading.orders.reasons import of_error
from trading.tradovate import Priority, Tradovate
from trading.tradovate.entities import Order, OrderVersion, Position
from trading.tradovate.errors import NotAuthorized, TradovateError

T = TypeVar("T")

# Seconds for which a way out waits for an answer that is only told.
_FOR_WORDS: Final = 1.0


class CannotAsk(Exception):
    """Tradovate could not be asked; the text says why, to the trader."""


@dataclass(frozen=True)
class Standing:
    """An order as it stands, with its terms (in_force)."""

    order: Order
    version: OrderVersion


@dataclass(frozen=True)
class Asked(Generic[T]):
    """A question that is on its way to Tradovate, for whoever has something to do meanwhile."""

    connection: Connection
    token: str
    future: Future[T]

    def answer(self) -> T:
        """Wait for the answer."""
        try:
            return warm.answer(self.future)
        except NotAuthorized as trouble:
            raise CannotAsk(refused.meaning(self.connection.pk, self.token, trouble).words) from trouble
        except TradovateError as trouble:
            raise CannotAsk(of_error(trouble, self.connection)) from trouble
        except TimeoutError as trouble:
            raise CannotAsk("Tradovate did not answer in time.") from trouble


def accounts(connection: Connection) -> set[int]:
    """The accounts (Tradovate's ids) that are not closed."""
    found = _ask(connection, lambda client: client.account.list(), Priority.EXIT)
    return {one.id for one in found if not one.closed and one.active is not False}


def open_orders(connection: Connection, account_ids: Collection[int]) -> list[Order]:
    """The orders of these accounts (Tradovate's ids) that have not ended, wherever they were placed."""
    orders = _ask(connection, lambda client: client.order.list(), Priority.EXIT)
    return [order for order in orders if order.account_id in account_ids and not order.finished]


def orders_in(account: Account, contract_id: int) -> list[Order]:
    """Today's orders of a contract in an account, ended or not, wherever they were placed."""
    orders = _ask(account.connection, lambda client: client.order.list(), Priority.EXIT)
    return [one for one in orders if one.account_id == account.tradovate_id and one.contract_id == contract_id]


def orders(connection: Connection, order_ids: Collection[int]) -> list[Order]:
    """These orders as they are now; those that Tradovate does not know are left out."""
    return _ask(connection, lambda client: client.order.items(order_ids), Priority.EXIT)


def open_positions(
    connection: Connection, account_ids: Collection[int], priority: Priority = Priority.EXIT
) -> list[Position]:
    """The positions of these accounts (Tradovate's ids) that are not flat."""
    positions = _ask(connection, lambda client: client.position.list(), priority)
    return [one for one in positions if one.account_id in account_ids and one.net_pos]


def net_position(account: Account, contract_id: int, priority: Priority = Priority.EXIT) -> int:
    """Contracts held in an account, negative when short."""
    held = open_positions(account.connection, {account.tradovate_id}, priority)
    return sum(position.net_pos for position in held if position.contract_id == contract_id)


def standing(connection: Connection, order_id: int) -> Standing:
    """An order with the terms that it has now."""

    async def question(client: Tradovate) -> Standing:
        order, versions = await asyncio.gather(client.order.item(order_id), client.order_version.deps(order_id))
        version = in_force.in_force(order, versions, await in_force.refused(client, versions))
        if version is None:
            raise CannotAsk(f"Tradovate shows no terms of order {order_id}.")
        return Standing(order, version)

    return _ask(connection, question, Priority.MODIFY)


def terms_since(connection: Connection, order_id: int, since: int, but: int) -> list[OrderVersion]:
    """The terms that an order got after those of the version `since`, by whomever but the command `but`, oldest first;
    what was refused never were its terms."""

    async def question(client: Tradovate) -> list[OrderVersion]:
        versions = [one for one in await client.order_version.deps(order_id) if one.id > since and one.id != but]
        no_terms = await in_force.refused(client, versions)
        return sorted((one for one in versions if one.id not in no_terms), key=lambda one: one.id)

    return _ask(connection, question, Priority.MODIFY)


def filled_qty(connection: Connection, order_id: int) -> int:
    """Contracts that an order has filled: today's by Tradovate, which serves no others; earlier ones by the journal."""
    fills = _ask(connection, lambda client: client.fill.deps(order_id), Priority.EXIT)
    kept = Fill.objects.filter(connection=connection, order_id_at_broker=order_id, active=True)
    earlier = kept.exclude(tradovate_id__in=[fill.id for fill in fills]).values_list("qty", flat=True)
    return sum(fill.qty for fill in fills if fill.active) + sum(earlier)


def filled_today(connection: Connection, order_ids: Collection[int]) -> dict[int, int]:
    """Contracts that each of the orders has filled today."""
    return ask_filled(connection, order_ids).answer() if order_ids else {}


def ask_filled(
    connection: Connection, order_ids: Collection[int], but: Set[int] = frozenset()
) -> Asked[dict[int, int]]:
    """Ask how many contracts each of the orders has filled today, `but` for these fills (Tradovate's ids)."""

    async def question(client: Tradovate) -> dict[int, int]:
        qty = dict.fromkeys(order_ids, 0)
        for fill in await client.fill.ldeps(qty):
            qty[fill.order_id] += fill.qty if fill.active and fill.id not in but else 0
        return qty

    return _begin(connection, question, Priority.EXIT)


def is_of_strategy(connection: Connection, order_id: int) -> bool:
    """Whether a strategy at Tradovate works with this order."""
    links = _ask(connection, lambda client: client.order_strategy_link.list(), Priority.MODIFY)
    return any(link.order_id == order_id for link in links)


def symbol(connection: Connection, contract_id: int, within: float | None = None) -> str:
    """The name of a contract (Tradovate's id), from our own tables when it is there; else Tradovate has so many seconds
    to tell it."""

    async def question(client: Tradovate) -> str:
        async with asyncio.timeout(within):
            return (await client.contract.item(contract_id)).name

    known = Contract.objects.filter(environment=connection.environment, tradovate_id=contract_id).first()
    if known is not None:
        return known.name
    return _ask(connection, question, Priority.EXIT)


def name(connection: Connection, contract_id: int) -> str:
    """What a contract is called in the words about a way out, which hardly waits for it. Raises nothing."""
    try:
        return symbol(connection, contract_id, within=_FOR_WORDS)
    except CannotAsk:
        return f"contract {contract_id}"


def _ask(connection: Connection, question: Callable[[Tradovate], Awaitable[T]], priority: Priority) -> T:
    return _begin(connection, question, priority).answer()


def _begin(connection: Connection, question: Callable[[Tradovate], Awaitable[T]], priority: Priority) -> Asked[T]:
    try:
        token = renewal.access_token(connection.pk)
    except renewal.NoToken as trouble:
        raise CannotAsk(str(trouble)) from trouble
    return Asked(connection, token, warm.start(connection, warm.Permit(token), question, priority=priority))
