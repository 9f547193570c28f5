"""What every test may ask for: a private Redis, simulators of its own, and a small cast of people."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis
from django.db import connection
from hypothesis import HealthCheck, settings

from portal import redis_server
from tests.settings import REDIS_URL, RUN_DIR

if TYPE_CHECKING:
    from trading.simulator import RunningSimulator

# How long an example takes says something of the machine only.
settings.register_profile("patient", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker) -> Iterator[None]:
    """pytest-django's own; afterwards sessions that tests' threads left open do not keep PostgreSQL from dropping."""
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


@pytest.fixture
def database_url(transactional_db: None) -> str:
    """The address of the test's own database, for a process that the test starts."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return f"{os.environ['TEST_DATABASE_URL'].rpartition('/')[0]}/{name}"


@pytest.fixture(scope="session")
def redis_process() -> Iterator[None]:
    if not REDIS_URL.startswith("unix://"):
        yield
        return
    socket = Path(REDIS_URL.removeprefix("unix://"))
    process = subprocess.Popen(redis_server.command(socket, RUN_DIR / "redis"), stdout=subprocess.DEVNULL)
    client = redis.Redis.from_url(REDIS_URL, retry=redis.retry.Retry(redis.backoff.ConstantBackoff(0.02), 250))
    client.ping()
    yield
    process.terminate()
    process.wait(10)


@pytest.fixture
def redis_url(redis_process: None) -> str:
    """The address of an empty Redis: the private one, or the database that TEST_REDIS_URL names."""
    redis.Redis.from_url(REDIS_URL).flushdb()
    return REDIS_URL


@pytest.fixture
def simulator(settings, redis_url: str) -> "Iterator[RunningSimulator]":
    """A fresh simulator on loopback with a fixed seed and a clock that only the test moves; settings point at it.

    With an empty Redis, so that requests to earlier simulators do not count.
    """
    from trading.simulator import Config, serve

    config = Config(seed=7, manual_clock=True, control=True, client_secret=settings.SIMULATOR_CLIENT_SECRET)
    with serve(config) as running:
        settings.SIMULATOR_URL = running.url
        yield running


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests recorded as "conformance": how much of a document was compared."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    told = [value for report in reports for name, value in report.user_properties if name == "conformance"]
    if told:
        terminalreporter.section("conformance")
        for line in sorted(told):
            terminalreporter.write_line(str(line))
    for reason in {report.longrepr[2] for report in terminalreporter.getreports("skipped") if report.longrepr}:
        if "NOT COMPARED" in reason:
            terminalreporter.write_line(reason)
