"""A trader with one account, files of orders for contracts that do not expire soon, and what became of them."""

import threading
import uuid
from collections.abc import Callable

import pytest

from accounts.models import Connection, User
from tests.trading.cast import listed, orders_at_broker, sign_in
from trading.files import execute, preview
from trading.models import Account, OrderFile
from trading.orders.states import State
from trading.simulator import RunningSimulator

Run = Callable[[uuid.UUID], list[int]]
ROUTE = "order/placeorder"


def states(file: OrderFile) -> list[str]:
    return [line.intent.state for line in file.lines.select_related("intent")]


def now(file: OrderFile) -> OrderFile:
    file.refresh_from_db()
    return file


def sent(simulator: RunningSimulator) -> list[tuple[str, int]]:
    return [(action, quantity) for _, action, quantity in orders_at_broker(simulator)]


def has_stopped(file: OrderFile, words: str, first: State) -> None:
    """It has stopped, for a reason with these words in it, with nothing sent but its first line, of which this has
    become."""
    assert now(file).state == OrderFile.State.STOPPED
    assert words in file.stop_reason
    assert states(file) == [first, State.CREATED, State.CREATED]


def nobody(line_id: int) -> None:
    """The pages are not told."""


def in_threads(work: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


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
def run() -> Run:
    """Carry a file out as a worker does; returns the numbers of the lines that the pages were told of."""

    def carry_out(file_id: uuid.UUID) -> list[int]:
        told: list[int] = []
        assert not execute.run(file_id, told.append)
        return told

    return carry_out
