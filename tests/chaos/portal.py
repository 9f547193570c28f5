"""A whole portal whose processes can be killed and started again, beside a simulator that knows the truth."""

from __future__ import annotations

import base64
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import redis

from portal import redis_server
from tests.browser.stack import BASE_DIR, free_port, last_words

ROLES = ("web", "sync", "worker", "files", "beat")
PATIENCE = 40.0  # seconds


@dataclass
class Portal:
    """Where things listen, and who is alive."""

    url: str
    simulator: str
    directory: Path
    redis_url: str
    nursery: subprocess.Popen[str]
    alive: dict[str, int] = field(default_factory=dict)
    redis: subprocess.Popen[bytes] | None = None
    kills: dict[str, int] = field(default_factory=dict)
    died: dict[str, int] = field(default_factory=dict)

    def start(self, role: str) -> None:
        """Start a process of the portal, or Redis."""
        if role == "redis":
            command = redis_server.command(self.directory / "redis.sock", self.directory / "redis")
            self.redis = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            return
        assert self.nursery.stdin
        assert self.nursery.stdout
        self.nursery.stdin.write(f"{role} {self.directory / role}.log\n")
        self.nursery.stdin.flush()
        self.alive[role] = int(self.nursery.stdout.readline())

    def kill(self, role: str) -> None:
        """SIGKILL to a process and all its children: nobody is left to tidy up."""
        self.kills[role] = self.kills.get(role, 0) + 1
        if role == "redis":
            if self.redis is not None:
                self.redis.kill()
                self.redis.wait()
            return
        with suppress(ProcessLookupError):
            os.killpg(self.alive.pop(role), signal.SIGKILL)

    def revive(self) -> None:
        """Start again what ended by itself, as whoever supervises processes does."""
        for role, number in list(self.alive.items()):
            try:
                os.kill(number, 0)
            except ProcessLookupError:
                self.died[role] = self.died.get(role, 0) + 1
                self.start(role)

    def control(self, what: str, **asked: Any) -> Any:
        """Steer the simulator (trading/simulator/control.py)."""
        reply = httpx.post(f"{self.simulator}/control/{what}", json=asked, timeout=30, trust_env=False)
        return reply.raise_for_status().json()

    def truth(self) -> Any:
        """The simulator's ledger."""
        return httpx.get(f"{self.simulator}/control/ledger", timeout=60, trust_env=False).raise_for_status().json()

    def wait_until_up(self) -> None:
        """Wait until every process does its work. Raises TimeoutError."""
        deadline = time.monotonic() + PATIENCE
        while True:
            with suppress(httpx.HTTPError, redis.RedisError):
                if httpx.get(f"{self.url}/health/", timeout=5, trust_env=False).status_code == 200:
                    return
            if time.monotonic() > deadline:
                raise TimeoutError(f"The portal did not come up.\n{last_words(self.directory)}")
            time.sleep(0.1)


def environment(directory: Path, simulator: int, web: int, database_url: str) -> dict[str, str]:
    """What the processes read; no secret in it is anybody else's."""
    return {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "TOKEN_KEYS": "chaos:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "SIMULATOR_CLIENT_SECRET": secrets.token_urlsafe(16),
        "SIMULATOR_URL": f"http://127.0.0.1:{simulator}",
        "TRADOVATE_ENVIRONMENTS": "sim",
        "API_KEY_ENVIRONMENTS": "sim",
        "REDIS_URL": f"unix://{directory / 'redis.sock'}",
        "DATABASE_URL": database_url or f"sqlite:///{directory / 'chaos.sqlite3'}",
        "ALLOWED_HOSTS": "127.0.0.1",
        "PORT": str(web),
        "BEAT_SCHEDULE": str(directory / "beat"),
        "DEBUG": "0",
        "LOG_LEVEL": "WARNING",
    }


@contextmanager
def running(database_url: str = "", seed: int = 1) -> Iterator[Portal]:
    """Start everything, on SQLite when no database is named; stop it afterwards. This process can then use the
    portal's models."""
    with tempfile.TemporaryDirectory(prefix="tradeport-chaos-") as name:
        directory = Path(name)
        simulator, web = free_port(), free_port()
        variables = environment(directory, simulator, web, database_url)
        os.environ.update(variables)
        manage = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
        subprocess.run(manage, cwd=BASE_DIR, check=True)
        with (directory / "simulator.log").open("wb") as log:
            command = [sys.executable, "-m", "trading.simulator", "--port", str(simulator), "--control"]
            truth = subprocess.Popen([*command, "--seed", str(seed)], cwd=BASE_DIR, stdout=log, stderr=log)
        with (directory / "nursery.log").open("wb") as log:
            nursery = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.nursery"],
                cwd=BASE_DIR,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        portal = Portal(
            f"http://127.0.0.1:{web}", f"http://127.0.0.1:{simulator}", directory, variables["REDIS_URL"], nursery
        )
        try:
            for role in ("redis", *ROLES):
                portal.start(role)
            portal.wait_until_up()
            yield portal
        except BaseException:
            print(last_words(directory))  # noqa: T201 - pytest shows it beside the failure
            raise
        finally:
            for role in (*list(portal.alive), "redis"):
                portal.kill(role)
            nursery.kill()
            truth.terminate()
            for process in (nursery, truth):
                process.wait(10)
