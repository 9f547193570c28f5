"""Signed-in traders of a simulator."""

import pytest

from accounts.models import Connection
from tests.trading.cast import sign_in


@pytest.fixture
def trader(simulator, redis_url, transactional_db) -> Connection:
    """The trader with one account, flat at the start."""
    return sign_in(simulator, "trader")


@pytest.fixture
def pro(simulator, redis_url, transactional_db) -> Connection:
    """The trader with five accounts, positions and working orders."""
    return sign_in(simulator, "pro")
