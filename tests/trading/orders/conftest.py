"""A trader with one account, and an intent to buy two ES contracts."""

import pytest

from accounts.models import Connection, User
from tests.trading.cast import sign_in
from trading.models import Account, OrderIntent
from trading.orders import intents
from trading.orders.spec import OrderSpec
from trading.simulator import RunningSimulator


@pytest.fixture
def connection(transactional_db: None, simulator: RunningSimulator) -> Connection:
    return sign_in(simulator)


@pytest.fixture
def user(connection: Connection) -> User:
    return connection.user


@pytest.fixture
def account(connection: Connection) -> Account:
    return connection.accounts.get()


@pytest.fixture
def intent(account: Account, symbol: str) -> OrderIntent:
    return intents.create(OrderSpec(account_id=account.pk, symbol=symbol, action="Buy", order_qty=2), "file:test:1")
