"""Tradeport's real processes on ports and files of their own, for benchmarks."""

from __future__ import annotations

import argparse
import base64
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg

from tests.mortal import die_with_parent
from tests.ports import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 40.0  # seconds
_SERVER_OPTIONS = {
    "uvicorn": ("--ws", "websockets-sansio", "--ws-per-message-deflate", "false", "--no-access-log"),
    "granian": ("--interface", "asgi", "--loop", "uvloop", "--no-access-log"),
}
SERVERS = tuple(_SERVER_OPTIONS)


@cache
def _client() -> httpx.Client:
    """One for all who sign in: to make one takes longer than what it is asked for, and a crowd is a thousand."""
    return httpx.Client(trust_env=False)


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

    def synced(self) -> list[int]:
        """The user ids of the sockets that have got their snapshot."""
        reply = httpx.get(f"{self.url}/control/sockets", trust_env=False, timeout=60)
        return [one["userId"] for one in reply.json() if one["synced"]]

    def sign_in(self, name: str) -> dict[str, Any]:
        """The reply of accesstokenrequest for one of the simulator's traders."""
        body = {"name": name, "password": f"{name}-pass", "appId": "bench", "appVersion": "1"}
        return _client().post(f"{self.url}/v1/auth/accesstokenrequest", json=body).json()

    def token(self, name: str) -> str:
        """An access token of one of the simulator's traders."""
        return self.sign_in(name)["accessToken"]


@contextmanager
def simulator() -> Iterator[Simulator]:
    """A simulator in a process of its own, without limits on requests."""
    with ExitStack() as processes:
        yield _start_simulator(processes, {**os.environ})


def _start_simulator(
    processes: ExitStack, environment: dict[str, str], port: int = 0, crowd: tuple[int, int] = (0, 1)
) -> Simulator:
    port = port or free_port()
    command = [sys.executable, "-m", "trading.simulator", "--port", str(port), "--control", "--limits", "off"]
    if crowd[0]:
        command = [sys.executable, "-m", "tests.bench.crowd", str(port), *map(str, crowd)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, preexec_fn=die_with_parent
    )
    processes.callback(_end, process)
    wait_for(port)
    return Simulator(port, process.pid)


@dataclass(frozen=True)
class Needs:
    """What a benchmark wants of the stack: so many more traders (tests.bench.crowd), the last of them with so many
    accounts, web's settings, and which of SERVERS serves it."""

    crowd: int = 0
    accounts: int = 1
    settings: str = "portal.settings"
    server: str = SERVERS[0]


@dataclass(frozen=True)
class Stack:
    """Where the running processes listen, and how they are told about each other. `last` is the name of the crowd's
    last trader."""

    web: int
    simulator: Simulator
    environment: dict[str, str]
    processes: ExitStack
    pids: dict[str, int] = field(default_factory=dict)
    last: str = ""

    def start(self, *command: str, quiet: bool = False, **extra: str) -> int:
        """Start one more process that ends with the stack; `extra` are variables of its environment. Returns its id."""
        output = subprocess.DEVNULL if quiet else None
        process = subprocess.Popen(
            command, cwd=ROOT, env={**self.environment, **extra}, stdout=output, preexec_fn=die_with_parent
        )
        self.processes.callback(_end, process)
        return process.pid

    def serve(self, port: int, server: str, application: str = "portal.asgi:application", **extra: str) -> int:
        """Start one of SERVERS with an ASGI application, and wait until it listens; see `start`."""
        address = (application, "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning")
        pid = self.start(sys.executable, "-m", server, *address, *_SERVER_OPTIONS[server], **extra)
        wait_for(port)
        return pid


@contextmanager
def foundation(database_url: str = "", crowd: tuple[int, int] = (0, 1)) -> Iterator[Stack]:
    """Private Redis, simulator, a migrated database (SQLite unless one is named), and Django set up in this process.

    `crowd` is (how many more traders the simulator knows, accounts of the last); see tests.bench.crowd.
    """
    from portal import redis_server

    with ExitStack() as processes:
        run = Path(processes.enter_context(tempfile.TemporaryDirectory(prefix="tradeport-bench-")))
        web, port = free_port(), free_port()
        environment = _environment(run, port) | ({"DATABASE_URL": database_url} if database_url else {})
        os.environ.update(environment)
        started = _start_simulator(processes, environment, port, crowd)
        made = Stack(web, started, environment, processes, last=f"crowd-{crowd[0] - 1}")
        made.start(*redis_server.command(run / "redis.sock", run / "redis"), quiet=True)
        import django
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        call_command("migrate", verbosity=0)
        connections.close_all()
        yield made


@contextmanager
def stack(needs: Needs) -> Iterator[Stack]:
    """The foundation with sync and web on it, each its own process; the sync requests of a crowd are not paced."""
    with foundation(crowd=(needs.crowd, needs.accounts)) as made:
        python = sys.executable
        hub = (python, "-m", "tests.bench.hub") if needs.crowd else (python, "manage.py", "sync")
        made.pids["sync"] = made.start(*hub)
        made.pids["web"] = made.serve(made.web, needs.server, DJANGO_SETTINGS_MODULE=needs.settings)
        yield made


def alone(
    parser: argparse.ArgumentParser,
    needs: Callable[[argparse.Namespace], Needs],
    run: Callable[[Stack, argparse.Namespace], int | None],
) -> int:
    """One benchmark with the options of the command line on a stack of its own; returns its exit status."""
    options = parser.parse_args()
    with stack(needs(options)) as running:
        return run(running, options) or 0


def fresh_database(server: str, cleanup: ExitStack, application_name: str = "bench") -> str:
    """The address of a new database on a PostgreSQL server; dropped in the clean-up."""
    name = f"tradeport_{os.getpid()}"
    connection = cleanup.enter_context(psycopg.connect(server, autocommit=True, application_name=application_name))
    connection.execute(f'CREATE DATABASE "{name}"')
    cleanup.callback(connection.execute, f'DROP DATABASE "{name}" WITH (FORCE)')
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def wait_for(port: int) -> None:
    """Wait until somebody listens. Raises TimeoutError."""
    wait_until(lambda: _listens(port))


def wait_until(condition: Callable[[], bool]) -> None:
    """Look again and again. Raises TimeoutError when the condition does not come."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("What a benchmark waits for did not come.")
        time.sleep(0.05)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


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
