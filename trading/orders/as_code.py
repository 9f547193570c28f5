"""An order of today, wherever it was placed, in three ways: builder code, a line of an order file, Tradovate's JSON."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from accounts import renewal
from accounts.budgets import budgets
from accounts.models import Connection
from trading.models import Account
from trading.orders import warm
from trading.orders.codegen import NoFileLine, builder_code, file_line, raw_json
from trading.orders.messages import message
from trading.orders.reasons import of_error
from trading.orders.recall import NoSuchOrder, Plan, recall, spec_of
from trading.orders.spec import InvalidSpec, OrderSpec
from trading.tradovate import Tradovate
from trading.tradovate.errors import NotAuthorized, TradovateError


class NoCode(Exception):
    """There is no code for the order; the text says why, to the trader."""


class NotThere(NoCode):
    """Tradovate shows no such order today."""


class SignInNeeded(NoCode):
    """Tradovate cannot be asked: only signing in again helps."""


class CannotAsk(NoCode):
    """Tradovate could not be asked; later it may be."""


@dataclass(frozen=True)
class OrderCode:
    """An order as text. `line` is empty where it cannot be a line of an order file, and `no_line` says why."""

    order_id: int
    account: Account
    builder: str
    line: str
    no_line: str
    json: str


def order_code(connection: Connection, order_id: int | None = None) -> OrderCode:
    """The order with Tradovate's `order_id`, or the latest one that was placed anywhere, with what hangs on it.

    For threads without a running event loop. Costs a few requests and sends nothing. Raises NoCode.
    """
    try:
        token = renewal.access_token(connection.pk)
        warm.give_back()
        account_id, plan = asyncio.run(_recall(connection, token, order_id))
    except NoSuchOrder as trouble:
        raise NotThere(str(trouble)) from None
    except renewal.NoToken as trouble:
        raise SignInNeeded(str(trouble)) from None
    except TradovateError as trouble:
        kind = SignInNeeded if isinstance(trouble, NotAuthorized) else CannotAsk
        raise kind(of_error(trouble, connection)) from None
    account = Account.objects.filter(connection=connection, tradovate_id=account_id).first()
    if account is None:
        raise CannotAsk("The order's account is not known yet: open the desk once.")
    try:
        spec = spec_of(plan, account.pk)
    except InvalidSpec as trouble:
        raise NoCode(f"Order {plan.first.order.id} cannot be said as code: {trouble}") from None
    line, no_line = _file_line(spec)
    body = message(spec, account_id=account_id, account_name=account.name)
    return OrderCode(plan.first.order.id, account, builder_code(spec), line, no_line, raw_json(body))


async def _recall(connection: Connection, token: str, order_id: int | None) -> tuple[int, Plan]:
    async with (
        budgets(connection.environment, connection.tradovate_user_id) as own,
        Tradovate(connection.hosts, token, budgets=own) as client,
    ):
        return await recall(client, order_id)


def _file_line(spec: OrderSpec) -> tuple[str, str]:
    """(line, why there is none): one of them is empty."""
    try:
        return file_line(spec), ""
    except NoFileLine as reason:
        return "", str(reason)
