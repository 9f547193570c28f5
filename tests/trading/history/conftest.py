"""Two traders, and what a journal holds of one of them."""

import datetime as dt
import itertools
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Connection
from tests.trading.signed_in import browser_of, person
from trading.models import Account, Contract, Fill, FillFee, Order, Product

NOON = dt.time(15, 30)


def trader(name: str, number: int) -> Connection:
    connection = person(name, number)
    for account in (1, 2):
        Account.objects.create(connection=connection, tradovate_id=number * 10 + account, name=f"{name}-{account}")
    return connection


@pytest.fixture
def alice(db) -> Connection:
    return trader("alice", 1)


@pytest.fixture
def bob(db) -> Connection:
    return trader("bob", 2)


@pytest.fixture
def browser(alice: Connection) -> Client:
    """The browser of alice, who has signed in."""
    return browser_of(alice)


@pytest.fixture
def mes(db) -> Contract:
    product = Product.objects.create(
        environment="sim",
        tradovate_id=5,
        name="MES",
        tick_size=Decimal("0.25"),
        value_per_point=Decimal(5),
        currency="USD",
    )
    expires = timezone.now() + dt.timedelta(days=30)
    return Contract.objects.create(
        environment="sim", tradovate_id=6, product=product, name="MESZ6", expiration_date=expires
    )


@pytest.fixture
def fill(mes: Contract) -> Callable[..., Fill]:
    """Writes a fill with its order and, unless it is None, its fee into a journal."""
    ids = itertools.count(100)

    def write(
        connection: Connection,
        action: str,
        qty: int,
        price: str,
        *,
        on: dt.date | None = dt.date(2026, 11, 24),
        at: dt.datetime | None = None,
        account: int = 11,
        symbol: str = "MESZ6",
        fee: str | None = "0.62",
        active: bool = True,
        rate: str | None = None,
    ) -> Fill:
        number = next(ids)
        moment = at or dt.datetime.combine(on or dt.date(2026, 11, 24), NOON, dt.UTC)
        common = {"connection": connection, "symbol": symbol, "action": action, "at": moment}
        Order.objects.create(tradovate_id=number + 50_000, account_id_at_broker=account, status="Filled", **common)
        if fee is not None:
            FillFee.objects.create(connection=connection, tradovate_id=number, total=Decimal(fee))
        made = {"order_id_at_broker": number + 50_000, "qty": qty, "price": Decimal(price), "active": active}
        dollars = None if rate is None else Decimal(rate)
        return Fill.objects.create(tradovate_id=number, trade_date=on, rate=dollars, **made, **common)

    return write
