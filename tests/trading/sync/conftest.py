"""Signed-in traders of a simulator, and sync processes that mirror them."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from accounts.models import Connection
from tests.trading.cast import sign_in
from tests.trading.sync.cast import StartSync, look_at


@pytest.fixture
def trader(simulator, redis_url, transactional_db) -> Connection:
    """The trader with one account, flat at the start."""
    return look_at(sign_in(simulator, "trader"))


@pytest.fixture
def pro(simulator, redis_url, transactional_db) -> Connection:
    """The trader with five accounts, positions and working orders."""
    return look_at(sign_in(simulator, "pro"))


@pytest.fixture
def start_sync(settings, database_url: str) -> Iterator[StartSync]:
    """Starts sync processes on this test's database, Redis and simulator."""
    started: list[subprocess.Popen[bytes]] = []

    def one() -> "subprocess.Popen[bytes]":
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "DATABASE_URL": database_url,
            "SIMULATOR_URL": settings.SIMULATOR_URL,
        }
        command = [sys.executable, "manage.py", "sync"]
        started.append(subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment))
        return started[-1]

    yield one
    for process in started:
        process.kill()
        process.wait(10)
