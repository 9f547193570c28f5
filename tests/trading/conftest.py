"""The simulator's trader, signed in to the portal."""

import pytest
from django.test import Client

from accounts.models import Connection
from tests.trading.cast import listed, sign_in
from tests.trading.signed_in import browser_of
from trading.simulator import RunningSimulator
from trading.tradovate import budgets


@pytest.fixture(autouse=True)
def tasks_end_with_what_they_began(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long that takes: what a worker leaves to its threads would look for its database after the test."""
    monkeypatch.setattr("trading.tasks.PATIENCE", 60.0)


@pytest.fixture
def counts_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine: what asks Redis first goes out uncounted when its answer takes long."""
    monkeypatch.setattr(budgets, "_ORDER_TIMEOUT", 20.0)
    monkeypatch.setattr(budgets, "_STORE_TIMEOUT", 20.0)


@pytest.fixture
def connection(transactional_db: None, simulator: RunningSimulator) -> Connection:
    return sign_in(simulator)


@pytest.fixture
def browser(connection: Connection) -> Client:
    """The trader's browser."""
    return browser_of(connection)


@pytest.fixture
def symbol(connection: Connection) -> str:
    """A contract of the S&P 500 that trades now."""
    return listed(connection, "ES")
