"""Tradeport's real processes on ports and files of their own, for benchmarks."""

from __future__ import annotations

import base64
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 40.0  # seconds


@dataclass(frozen=True)
class Simulator:
    """A running simulator: its port and process id."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/websocket"

    def control(self, what: str, **body: Any) -> dict[str, Any]:
        """Steer the simulator."""
        reply = httpx.post(f"{self.url}/control/{what}", json=body, timeout=60, trust_env=False)
        reply.raise_for_status()
        return reply.json()

    def sign_in(self, name: str) -> dict[str, Any]:
        """The reply of accesstokenrequest for one of the simulator's traders."""
        body = {"name": name, "password": f"{name}-pass", "appId": "bench", "appVersion": "1"}
        return httpx.post(f"{self.url}/v1/auth/accesstokenrequest", json=body, trust_env=False).json()

    def token(self, name: str) -> str:
        """An access token of one of the simulator's traders."""
        return self.sign_in(name)["accessToken"]


@contextmanager
def simulator() -> Iterator[Simulator]:
    """A simulator in a process of its own, without limits on requests."""
    with ExitStack() as processes:
        yield _start_simulator(processes, {**os.environ})


def _start_simulator(processes: ExitStack, environment: dict[str, str], port: int = 0) -> Simulator:
    port = port or free_port()
    command = (sys.executable, "-m", "trading.simulator", "--port", str(port), "--control", "--limits", "off")
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    processes.callback(_end, process)
    wait_for(port)
    return Simulator(port, process.pid)


@dataclass(frozen=True)
class Stack:
    """Where the running processes listen, and how they are told about each other."""

    web: int
    simulator: Simulator
    environment: dict[str, str]
    processes: ExitStack

    def start(self, *command: str, quiet: bool = False, **extra: str) -> None:
        """Start one more process that ends with the stack; `extra` are variables of its environment."""
        output = subprocess.DEVNULL if quiet else None
        process = subprocess.Popen(command, cwd=ROOT, env={**self.environment, **extra}, stdout=output)
        self.processes.callback(_end, process)


@contextmanager
def stack() -> Iterator[Stack]:
    """Private Redis, migrated SQLite, simulator, sync and web, each its own process; Django is set up in this one."""
    from portal import redis_server

    with ExitStack() as processes:
        run = Path(processes.enter_context(tempfile.TemporaryDirectory(prefix="tradeport-bench-")))
        web, port = free_port(), free_port()
        environment = _environment(run, port)
        os.environ.update(environment)
        made = Stack(web, _start_simulator(processes, environment, port), environment, processes)
        command = redis_server.command(run / "redis.sock", run / "redis")
        made.start(*command, quiet=True)
        python = sys.executable
        subprocess.run([python, "manage.py", "migrate", "-v0"], cwd=ROOT, env=made.environment, check=True)
        made.start(python, "manage.py", "sync")
        made.start(
            *(python, "-m", "uvicorn", "portal.asgi:application", "--host", "127.0.0.1", "--port", str(web)),
            *("--ws", "websockets-sansio", "--ws-per-message-deflate", "false"),
            *("--no-access-log", "--log-level", "warning"),
        )
        wait_for(web)
        import django

        django.setup()
        yield made


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def wait_for(port: int) -> None:
    """Wait until somebody listens. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Nobody listens on port {port}.") from None
            time.sleep(0.05)
        else:
            return


def _environment(run: Path, simulator: int) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "TOKEN_KEYS": "bench:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "SIMULATOR_URL": f"http://127.0.0.1:{simulator}",
        "SIMULATOR_CLIENT_SECRET": "only-for-the-benchmark",
        "TRADOVATE_ENVIRONMENTS": "sim",
        "REDIS_URL": f"unix://{run / 'redis.sock'}",
        "DATABASE_URL": f"sqlite:///{run / 'bench.sqlite3'}",
        "ALLOWED_HOSTS": "127.0.0.1",
        "DESK_SOCKETS_PER_USER": "1000",
        "HTTPS": "0",
        "DEBUG": "0",
        "LOG_LEVEL": "WARNING",
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
