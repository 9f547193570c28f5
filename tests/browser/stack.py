"""The whole portal as real processes on loopback, with a database and a Redis of their own."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import httpx

from portal import redis_server

BASE_DIR = Path(__file__).resolve().parents[2]
PATIENCE = 45.0
STAFF_PASSWORD = "only-for-browser-tests"
CLIENT_SECRET = "only-for-browser-tests"


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

    def front_month(self, product: str) -> str:
        """The name of the front month of `product`, such as "MESZ6"."""
        found = self._reader.get("/product/find", params={"name": product}).json()
        maturities = self._reader.get("/contractmaturity/deps", params={"masterid": found["id"]}).json()
        front = next(row["id"] for row in maturities if row["isFront"])
        return str(self._reader.get("/contract/deps", params={"masterid": front}).json()[0]["name"])


@contextmanager
def running() -> Iterator[Stack]:
    """Start everything, wait until it answers, stop it afterwards. Raises RuntimeError with the last words."""
    with tempfile.TemporaryDirectory(prefix="tradeport-stack-") as name:
        directory = Path(name)
        web, simulator = free_port(), free_port()
        redis_socket = directory / "redis.sock"
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "SECRET_KEY": "only-for-browser-tests-" + "x" * 40,
            "TOKEN_KEYS": "only:" + base64.b64encode(b"b" * 32).decode(),
            "SIMULATOR_CLIENT_SECRET": CLIENT_SECRET,
            "TRADOVATE_ENVIRONMENTS": "sim",
            "API_KEY_ENVIRONMENTS": "sim",
            "DATABASE_URL": f"sqlite:///{directory / 'tradeport.sqlite3'}",
            "REDIS_URL": f"unix://{redis_socket}",
            "SIMULATOR_URL": f"http://127.0.0.1:{simulator}",
            "DJANGO_SUPERUSER_PASSWORD": STAFF_PASSWORD,
            "DEBUG": "0",
        }
        python = [sys.executable, "-m"]
        manage = [sys.executable, "manage.py"]
        for setup in (["migrate", "--verbosity=0"], ["createsuperuser", "--noinput", "--username=staff", "--email="]):
            subprocess.run([*manage, *setup], cwd=BASE_DIR, env=environment, check=True, stdout=subprocess.DEVNULL)
        commands = {
            "redis": redis_server.command(redis_socket, directory / "redis"),
            "simulator": [*python, "trading.simulator", "--port", str(simulator), "--control", "--seed", "7"],
            "web": [
                *(*python, "uvicorn", "portal.asgi:application", "--port", str(web), "--log-level", "warning"),
                *("--ws", "websockets-sansio", "--ws-per-message-deflate", "false", "--timeout-graceful-shutdown", "2"),
            ],
            "sync": [*manage, "sync"],
            "worker": [
                *(*python, "celery", "-A", "portal", "--quiet", "worker", "--loglevel", "warning"),
                *("--queues", "celery,files", "--concurrency", "1", "--without-gossip", "--without-mingle"),
            ],
            "beat": [
                *(*python, "celery", "-A", "portal", "--quiet", "beat", "--loglevel", "warning"),
                *("--schedule", str(directory / "beat")),
            ],
        }
        processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            for process, command in commands.items():
                with (directory / f"{process}.log").open("wb") as log:
                    processes[process] = subprocess.Popen(
                        command, cwd=BASE_DIR, env=environment, stdout=log, stderr=subprocess.STDOUT
                    )
            wait_for(f"http://127.0.0.1:{simulator}/health", processes, directory)
            wait_for(f"http://127.0.0.1:{web}/health/", processes, directory)
            yield Stack(f"http://127.0.0.1:{web}", f"http://127.0.0.1:{simulator}")
        except BaseException:
            print(last_words(directory))  # noqa: T201 - pytest shows it beside the failure
            raise
        finally:
            stop(processes)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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


def stop(processes: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """End the processes, those that use others first."""
    for process in reversed(processes.values()):
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
