"""What every test may ask for: a private Redis, simulators of its own, and a small cast of people."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis

from portal import redis_server
from tests.settings import REDIS_URL, RUN_DIR

if TYPE_CHECKING:
    from trading.simulator import RunningSimulator


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
def simulator(settings) -> "Iterator[RunningSimulator]":
    """A fresh simulator on loopback with a fixed seed and a clock that only the test moves; settings point at it."""
    from trading.simulator import Config, serve

    config = Config(seed=7, manual_clock=True, control=True, client_secret=settings.SIMULATOR_CLIENT_SECRET)
    with serve(config) as running:
        settings.SIMULATOR_URL = running.url
        yield running
