"""`manage.py order_code`: an order of today as builder code, as a line of an order file and as Tradovate's JSON."""

from __future__ import annotations

import asyncio
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import renewal
from accounts.budgets import budgets
from accounts.models import Connection, Environment
from trading.models import Account
from trading.orders.codegen import NoFileLine, builder_code, file_line, raw_json
from trading.orders.messages import message
from trading.orders.recall import NoSuchOrder, Plan, recall, spec_of
from trading.orders.spec import InvalidSpec, OrderSpec
from trading.tradovate import Tradovate
from trading.tradovate.errors import TradovateError


class Command(BaseCommand):
    help = "Print an order, wherever it was placed, as code that places it again. Sends nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("trader", help="Tradovate user name")
        parser.add_argument("order", nargs="?", type=int, help="order id at Tradovate; the latest one when left out")
        parser.add_argument("--environment", choices=Environment.values, help="when the trader is signed in to several")

    def handle(self, *args: Any, trader: str, order: int | None, environment: str | None, **options: Any) -> None:
        connection = _connection(trader, environment)
        try:
            account_id, plan = asyncio.run(_recall(connection, renewal.access_token(connection.pk), order))
        except (renewal.NoToken, NoSuchOrder, TradovateError) as trouble:
            raise CommandError(str(trouble)) from None
        account = Account.objects.filter(connection=connection, tradovate_id=account_id).first()
        if account is None:
            raise CommandError("The order's account is not known yet: open the desk once.")
        try:
            spec = spec_of(plan, account.pk)
        except InvalidSpec as trouble:
            raise CommandError(f"Order {plan.first.order.id} cannot be said as a spec: {trouble}") from None
        self.stdout.write(f"# Order {plan.first.order.id} of {trader}, account {account}\n{builder_code(spec)}\n\n")
        self.stdout.write(f"# As a line of an order file\n{_file_line(spec)}\n\n")
        body = message(spec, account_id=account_id, account_name=account.name)
        self.stdout.write(f"# As Tradovate's JSON\n{raw_json(body)}\n")


def _connection(trader: str, environment: str | None) -> Connection:
    found = Connection.objects.authorised().filter(name=trader)
    if environment:
        found = found.filter(environment=environment)
    match list(found):
        case [connection]:
            return connection
        case []:
            raise CommandError(f"{trader} is not signed in to Tradovate.")
        case several:
            names = ", ".join(connection.environment for connection in several)
            raise CommandError(f"{trader} is signed in to {names}: choose one with --environment.")


async def _recall(connection: Connection, token: str, order_id: int | None) -> tuple[int, Plan]:
    async with (
        budgets(connection.environment, connection.tradovate_user_id) as own,
        Tradovate(connection.hosts, token, budgets=own) as client,
    ):
        return await recall(client, order_id)


def _file_line(spec: OrderSpec) -> str:
    try:
        return file_line(spec)
    except NoFileLine as reason:
        return f"# {reason}"
