"""A trader with one account and files of orders for contracts that do not expire soon."""

import uuid
from collections.abc import Callable

import pytest

from accounts.models import Connection, User
from tests.trading.cast import listed, sign_in
from trading.files import execute, preview
from trading.models import Account, OrderFile
from trading.simulator import RunningSimulator


@pytest.fixture
def connection(transactional_db: None, simulator: RunningSimulator) -> Connection:
    return sign_in(simulator)


@pytest.fixture
def account(connection: Connection) -> Account:
    return connection.accounts.get()


@pytest.fixture
def user(connection: Connection) -> User:
    return connection.user


@pytest.fixture
def symbols(connection: Connection) -> list[str]:
    return [listed(connection, product) for product in ("ES", "MNQ", "CL")]


@pytest.fixture
def ready(account: Account, symbols: list[str]) -> OrderFile:
    """Three lines: buy 2, sell 3, buy 1."""
    text = "".join(f"{symbol} {quantity}\n" for symbol, quantity in zip(symbols, (2, -3, 1), strict=True))
    file = preview.upload(account, "orders.txt", text.encode())
    assert file.state == OrderFile.State.READY
    return file


@pytest.fixture
def queued(ready: OrderFile, user: User) -> OrderFile:
    assert execute.confirm(ready.pk, user)
    return ready


@pytest.fixture
def run() -> Callable[[uuid.UUID], list[int]]:
    """Carry a file out as a worker does; returns the numbers of the lines that the pages were told of."""

    def carry_out(file_id: uuid.UUID) -> list[int]:
        told: list[int] = []
        assert not execute.run(file_id, told.append)
        return told

    return carry_out
