"""`manage.py sync` as the process that it is: it ends cleanly when asked, and is replaced when it is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import redis
from django.conf import settings as django_settings

from tests.trading.sync.cast import running_hub, settled, until
from trading.models import Upstream
from trading.sync import alive, stream

Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(settings, database_url: str) -> Iterator[Start]:
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


async def test_it_ends_cleanly_and_leaves_no_lease(simulator, trader, start: Start) -> None:
    client = redis.Redis.from_url(django_settings.REDIS_URL)
    process = start()
    await settled(trader)
    assert client.exists(stream.lease_key(trader.pk))
    assert list(client.scan_iter(alive.PATTERN))
    process.send_signal(signal.SIGTERM)
    assert await until(lambda: process.poll() is not None)
    assert process.returncode == 0
    assert not client.exists(stream.lease_key(trader.pk))
    assert not list(client.scan_iter(alive.PATTERN))
    assert not simulator.control.sockets()
    found = await settled(trader, "down")
    assert "stopped" in found.rows["upstream"]["detail"]
    assert found.rows["account:1001001"]["name"] == "DEMO1001001"
    assert (await Upstream.objects.aget(connection=trader)).state == Upstream.State.DOWN


async def test_another_takes_over_from_one_that_was_killed(simulator, trader, start: Start) -> None:
    process = start()
    before = await settled(trader)
    async with running_hub():
        process.kill()

        async def taken_over() -> bool:
            found = await settled(trader)
            return found.epoch != before.epoch

        await until(taken_over, patience=10)
    assert (await Upstream.objects.aget(connection=trader)).state == Upstream.State.DOWN
