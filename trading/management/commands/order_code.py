"""`manage.py order_code`: an order of today as builder code, as a line of an order file and as Tradovate's JSON."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Connection, Environment
from trading.orders.as_code import NoCode, order_code


class Command(BaseCommand):
    help = "Print an order, wherever it was placed, as code that places it again. Sends nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("trader", help="Tradovate user name")
        parser.add_argument("order", nargs="?", type=int, help="order id at Tradovate; the latest one when left out")
        parser.add_argument("--environment", choices=Environment.values, help="when the trader is signed in to several")

    def handle(self, *args: Any, trader: str, order: int | None, environment: str | None, **options: Any) -> None:
        try:
            code = order_code(_connection(trader, environment), order)
        except NoCode as trouble:
            raise CommandError(str(trouble)) from None
        self.stdout.write(f"# Order {code.order_id} of {trader}, account {code.account}\n{code.builder}\n\n")
        self.stdout.write(f"# As a line of an order file\n{code.line or f'# {code.no_line}'}\n\n")
        self.stdout.write(f"# As Tradovate's JSON\n{code.json}\n")


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
