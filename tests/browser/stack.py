"""The whole portal as real processes on loopback, with a database and a Redis of their own."""

from __future__ import annotations

import atexit
import base64
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import httpx

from tests.nursery import Nursery
from tests.ports import free_port

PATIENCE = 45.0
STAFF_PASSWORD = "only-for-browser-tests"
CLIENT_SECRET = "only-for-browser-tests"
DATABASE = "tradeport.sqlite3"
ROLES = ("simulator", "redis", "web", "sync", "worker", "files", "beat")
# Of a market that moves four times a second Chromium draws every step, which takes a third of a core for each page.
SIMULATOR_OPTIONS = ("--control", "--seed", "7", "--tick-seconds", "1")
ENVIRONMENT = os.environ | {
    "DJANGO_SETTINGS_MODULE": "portal.settings",
    "SECRET_KEY": "only-for-browser-tests-" + "x" * 40,
    "TOKEN_KEYS": "only:" + base64.b64encode(b"b" * 32).decode(),
    "SIMULATOR_CLIENT_SECRET": CLIENT_SECRET,
    "TRADOVATE_ENVIRONMENTS": "sim",
    "API_KEY_ENVIRONMENTS": "sim",
    "DEBUG": "0",
}


@dataclass
class Stack:
    """Where the portal and its simulator answer."""

    url: str
    simulator: str
    cookies: dict[str, list[Any]] = field(default_factory=dict)
    """Of sessions that tests have begun and nobody has ended, by trader."""
    programs: dict[str, str] = field(default_factory=dict)
    """Access tokens of traders' other programs (elsewhere.py)."""

    def control(self, path: str, **asked: object) -> object:
        """Steer the simulator (trading/simulator/control.py)."""
        answer = httpx.post(f"{self.simulator}/control/{path}", json=asked, timeout=10).raise_for_status()
        return answer.json()

    def ledger(self) -> dict:
        """The simulator's own truth: what it received, and every entity it holds."""
        return httpx.get(f"{self.simulator}/control/ledger", timeout=10).raise_for_status().json()

    def market(self, symbol: str) -> dict:
        """The simulator's bid, offer and last of a contract."""
        asked = httpx.get(f"{self.simulator}/control/market", params={"symbol": symbol}, timeout=10)
        return asked.raise_for_status().json()

    def log_in_elsewhere(self, name: str, *, times: int = 1) -> str:
        """Sign a trader in at the simulator without the portal; returns the last access token."""
        url = f"{self.simulator}/v1/auth/accesstokenrequest"
        credentials = {"name": name, "password": f"{name}-pass"}
        answers = [httpx.post(url, json=credentials).raise_for_status().json() for _ in range(times)]
        return str(answers[-1]["accessToken"])

    @cached_property
    def _reader(self) -> httpx.Client:
        """Reads the simulator's reference data as the trader who has no account."""
        headers = {"Authorization": f"Bearer {self.log_in_elsewhere('empty')}"}
        return httpx.Client(base_url=f"{self.simulator}/v1", headers=headers)

    def _read(self, path: str, **params: object) -> Any:
        answer = self._reader.get(path, params=params)
        if answer.status_code == 401:
            # Later sign-ins of that trader have ended the session.
            del self._reader
            answer = self._reader.get(path, params=params)
        return answer.raise_for_status().json()

    def front_month(self, product: str) -> str:
        """The name of the front month of `product`, such as "MESZ6"."""
        found = self._read("/product/find", name=product)
        maturities = self._read("/contractmaturity/deps", masterid=found["id"])
        front = next(row["id"] for row in maturities if row["isFront"])
        return str(self._read("/contract/deps", masterid=front)[0]["name"])


class _Nest:
    """What a test process starts its portals from, one after the other: a directory, two ports, the process that all
    of a portal is forked from, and a database in which nothing has happened but that staff may sign in."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="tradeport-stack-"))
        atexit.register(shutil.rmtree, self.directory, ignore_errors=True)
        self.run = self.directory / "run"
        self.run.mkdir()
        web, simulator = free_port(), free_port()
        self.url, self.simulator = f"http://127.0.0.1:{web}", f"http://127.0.0.1:{simulator}"
        variables = ENVIRONMENT | {
            "DATABASE_URL": f"sqlite:///{self.run / DATABASE}",
            "DJANGO_SUPERUSER_USERNAME": "staff",
            "DJANGO_SUPERUSER_EMAIL": "staff@example.org",
            "DJANGO_SUPERUSER_PASSWORD": STAFF_PASSWORD,
            "REDIS_URL": f"unix://{self.run / 'redis.sock'}",
            "SIMULATOR_URL": self.simulator,
            "SIMULATOR_OPTIONS": f"--port {simulator} {' '.join(SIMULATOR_OPTIONS)}",
            "BEAT_SCHEDULE": str(self.run / "beat"),
            "PORT": str(web),
            "LOG_LEVEL": "WARNING",
        }
        self.nursery = Nursery(self.run, variables, "--patient")
        atexit.register(self.nursery.end)
        self.nursery.make_database()
        (self.run / DATABASE).rename(self.directory / DATABASE)

    def prepare(self) -> None:
        """Leave nothing of the portal before but the addresses."""
        shutil.rmtree(self.run)
        self.run.mkdir()
        shutil.copy(self.directory / DATABASE, self.run / DATABASE)


@cache
def _nest() -> _Nest:
    return _Nest()


@contextmanager
def running() -> Iterator[Stack]:
    """Start everything, wait until it answers, stop it afterwards: one portal at a time. Raises RuntimeError with the
    last words."""
    nest = _nest()
    nest.prepare()
    stack = Stack(nest.url, nest.simulator)
    try:
        for role in ROLES:
            nest.nursery.start(role)
        wait_for(f"{stack.simulator}/health", nest.nursery)
        wait_for(f"{stack.url}/health/", nest.nursery)
        yield stack
    except BaseException:
        print(last_words(nest.run))  # noqa: T201 - pytest shows it beside the failure
        raise
    finally:
        nest.nursery.kill_all()


@contextmanager
def without(role: str) -> Iterator[None]:
    """A process of the portal that runs is killed, and another one started in its place afterwards."""
    nursery = _nest().nursery
    nursery.kill(role)
    try:
        yield
    finally:
        nursery.start(role)


def wait_for(url: str, nursery: Nursery) -> None:
    """Ask `url` until it answers 200; raises RuntimeError when a process has ended or patience has."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if ended := nursery.ended():
            raise RuntimeError(f"{', '.join(ended)} ended at once.\n{last_words(nursery.directory)}")
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"{url} did not answer within {PATIENCE:.0f} s.\n{last_words(nursery.directory)}")


def last_words(directory: Path) -> str:
    """The end of every log in which something is written."""
    logs = [log for log in sorted(directory.glob("*.log")) if log.stat().st_size]
    return "\n".join(f"--- {log.stem}\n{log.read_text(errors='replace')[-3000:]}" for log in logs)
