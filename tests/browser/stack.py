"""The whole portal as real processes on loopback, with a database and a Redis of their own."""

from __future__ import annotations

import atexit
import base64
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import httpx

from tests.mortal import die_with_parent

BASE_DIR = Path(__file__).resolve().parents[2]
PATIENCE = 45.0
STAFF_PASSWORD = "only-for-browser-tests"
CLIENT_SECRET = "only-for-browser-tests"
DATABASE = "tradeport.sqlite3"
# Of a market that moves four times a second Chromium draws every step, which takes a third of a core for each page.
CALM = ("--tick-seconds", "1")
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


@cache
def _new_database() -> Path:
    """A database in which nothing has happened but that staff may sign in: made once, to be copied."""
    directory = tempfile.mkdtemp(prefix="tradeport-database-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    path = Path(directory) / DATABASE
    environment = ENVIRONMENT | {"DATABASE_URL": f"sqlite:///{path}", "DJANGO_SUPERUSER_PASSWORD": STAFF_PASSWORD}
    for command in (["migrate", "--verbosity=0"], ["createsuperuser", "--noinput", "--username=staff", "--email="]):
        python = [sys.executable, "manage.py", *command]
        subprocess.run(python, cwd=BASE_DIR, env=environment, check=True, stdout=subprocess.DEVNULL)
    return path


@contextmanager
def running() -> Iterator[Stack]:
    """Start everything, wait until it answers, stop it afterwards. Raises RuntimeError with the last words."""
    with tempfile.TemporaryDirectory(prefix="tradeport-stack-") as name:
        directory = Path(name)
        web, simulator = free_port(), free_port()
        redis_socket = directory / "redis.sock"
        environment = ENVIRONMENT | {
            "DATABASE_URL": f"sqlite:///{directory / DATABASE}",
            "REDIS_URL": f"unix://{redis_socket}",
            "SIMULATOR_URL": f"http://127.0.0.1:{simulator}",
            "BEAT_SCHEDULE": str(directory / "beat"),
            "PORT": str(web),
            "LOG_LEVEL": "WARNING",
        }
        shutil.copy(_new_database(), directory / DATABASE)
        commands = {
            "simulator": ["trading.simulator", "--port", str(simulator), "--control", "--seed", "7", *CALM],
            # What the portal consists of, forked from one process that has loaded it: five would take their time.
            "nursery": ["tests.chaos.nursery", "--patient"],
        }
        processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for name, command in commands.items():
                with (directory / f"{name}.log").open("wb") as log:
                    processes[name] = subprocess.Popen(
                        [sys.executable, "-m", *command],
                        cwd=BASE_DIR,
                        env=environment,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE if name == "nursery" else log,
                        stderr=log,
                        preexec_fn=die_with_parent,
                    )
            _bear(processes["nursery"], directory)
            wait_for(f"http://127.0.0.1:{simulator}/health", processes, directory)
            wait_for(f"http://127.0.0.1:{web}/health/", processes, directory)
            yield Stack(f"http://127.0.0.1:{web}", f"http://127.0.0.1:{simulator}")
        except BaseException:
            print(last_words(directory))  # noqa: T201 - pytest shows it beside the failure
            raise
        finally:
            # The nursery's children end with it.
            for name in ("nursery", "simulator"):
                if name in processes:
                    processes[name].kill()
                    processes[name].communicate()


def _bear(nursery: subprocess.Popen[bytes], directory: Path) -> None:
    """Have a nursery start all of a portal's processes."""
    assert nursery.stdin
    assert nursery.stdout
    for role in ("redis", "web", "sync", "worker", "files", "beat"):
        nursery.stdin.write(f"{role} {directory / role}.log\n".encode())
        nursery.stdin.flush()
        nursery.stdout.readline()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_ports(count: int) -> int:
    """The first of so many free ports in a row."""
    while True:
        first = free_port()
        with ExitStack() as probes, suppress(OSError):
            for port in range(first, first + count):
                probes.enter_context(socket.create_server(("127.0.0.1", port)))
            return first


def wait_for(url: str, processes: Mapping[str, subprocess.Popen[bytes]], directory: Path) -> None:
    """Ask `url` until it answers 200; raises RuntimeError when a process has ended or patience has."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ended = [name for name, process in processes.items() if process.poll() is not None]
        if ended:
            raise RuntimeError(f"{', '.join(ended)} ended at once.\n{last_words(directory)}")
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"{url} did not answer within {PATIENCE:.0f} s.\n{last_words(directory)}")


def last_words(directory: Path) -> str:
    """The end of every process's log."""
    logs = sorted(directory.glob("*.log"))
    return "\n".join(f"--- {log.stem}\n{log.read_text(errors='replace')[-3000:]}" for log in logs)
