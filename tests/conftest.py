"""What every test may ask for: a private Redis, simulators of its own, and a small cast of people."""

import os
import ssl
import subprocess
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import redis
from django.core.management.commands import flush
from django.core.signals import setting_changed
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import SimpleTestCase
from hypothesis import HealthCheck, settings

from portal import redis_server
from tests import own_redis
from tests.settings import REDIS_URL, RUN_DIR

if TYPE_CHECKING:
    from trading.simulator import RunningSimulator

WRITTEN_BY_MIGRATIONS = {"django_content_type", "auth_permission", "django_migrations"}

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


@pytest.fixture(autouse=True, scope="session")
def a_flush_empties_what_was_filled() -> Iterator[None]:
    """Between tests with transactions of their own, only tables with rows are emptied, and what migrations wrote stays.

    Django's own flush empties every table and writes permissions and content types anew: a tenth of a second on SQLite,
    one on PostgreSQL.
    """

    def filled(style: object, connection: BaseDatabaseWrapper, **_: object) -> list[str]:
        tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False))
        names = [connection.ops.quote_name(name) for name in sorted(tables - WRITTEN_BY_MIGRATIONS)]
        rows = [f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in names]  # noqa: S608 - Django's names
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(rows))
            return [f"DELETE FROM {name}" for (name,) in cursor.fetchall()]  # noqa: S608

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "sql_flush", filled)
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_: None)
        yield


@pytest.fixture(autouse=True, scope="session")
def authorities_are_read_once() -> Iterator[None]:
    """httpx reads all certificate authorities for each client, also for those that meet none."""
    made = cache(lambda arguments, options, _: httpx.create_ssl_context(*arguments, **dict(options)))

    def context(*arguments: object, **options: object) -> ssl.SSLContext:
        return made(arguments, tuple(options.items()), os.environ.get("SSL_CERT_FILE"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpx._transports.default.create_ssl_context", context)
        yield


@pytest.fixture(autouse=True, scope="session")
def redis_clients_follow_the_settings() -> Iterator[None]:
    """What a process keeps for good is for its one REDIS_URL; tests change that."""
    from trading.orders import facts, when_to_look
    from trading.sync import stream

    kept = (stream.client, facts._client, when_to_look._client)

    def forget(*, setting: str, **_: object) -> None:
        if setting == "REDIS_URL":
            for client in kept:
                client.cache_clear()

    setting_changed.connect(forget)
    yield
    setting_changed.disconnect(forget)


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
        if not own_redis.is_ours(REDIS_URL):
            pytest.exit(own_redis.refusal([REDIS_URL]), returncode=1)
        yield
        # A test may have emptied it of its mark.
        own_redis.empty(REDIS_URL)
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
    own_redis.empty(REDIS_URL)
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


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """pytest-timeout begins to count after the wait."""
    from tests import turn

    turn.wait_out_for(item)
    return (yield)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On servers only what meets one is run: the rest is the same there. Long files come first, so that at the end no
    process works at one while the others have nothing left."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    if "TEST_DATABASE_URL" in os.environ:
        others = [item for item in items if not _meets_a_server(item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if _meets_a_server(item)]


def _meets_a_server(item: pytest.Item) -> bool:
    if isinstance(item, pytest.Function) and item.cls is not None and issubclass(item.cls, SimpleTestCase):
        return True
    asked = {"db", "transactional_db", "redis_process"}.intersection(getattr(item, "fixturenames", ()))
    return bool(asked) or any(item.get_closest_marker(mark) for mark in ("django_db", "postgres", "alone"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests recorded as "conformance" (how much of a document was compared) and as "chaos" (what a run of
    the long proof came to)."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    for section in ("conformance", "chaos"):
        told = [value for report in reports for name, value in report.user_properties if name == section]
        if told:
            terminalreporter.section(section)
            for line in sorted(told):
                terminalreporter.write_line(str(line))
    for reason in {report.longrepr[2] for report in terminalreporter.getreports("skipped") if report.longrepr}:
        if "NOT COMPARED" in reason:
            terminalreporter.write_line(reason)
