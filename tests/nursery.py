"""Processes forked from one that has everything loaded: killed and back within a tenth of a second.

`python -m tests.nursery [--patient]` reads a role and a log file from each line of its input, forks, and writes the
child's process id. A child leads a process group of its own and becomes exactly what the Procfile starts; `web-2` is a
second web, as portal.process has it. When the nursery ends, or whoever started it, all its children are killed.

Unless it is to be patient, waiting times are cut to a fifth of what the portal has, so that a bounded test sees many
recoveries. The relations that its safety rests on are kept: an abandoned order is older than any request can be.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import django

from tests.mortal import die_with_parent, is_there

BASE_DIR = Path(__file__).resolve().parents[1]
PATIENCE = 60.0  # seconds
# The portal's waiting times where nobody is to be patient.
CUT = {
    "trading.tradovate.transport._CONNECT_TIMEOUT": 1.0,
    "trading.orders.warm.TIMEOUT": 2.0,
    "trading.orders.gateway.LATEST": timedelta(seconds=4),
    "trading.orders.outcomes._FRESH": timedelta(seconds=4),
    "trading.files.execute.ABANDONED_AFTER": timedelta(seconds=15),
    "trading.files.execute.STALLED_AFTER": timedelta(seconds=5),
    "trading.tasks.UNSENT_AFTER": timedelta(seconds=10),
}


class Nursery:
    """A nursery and its children, by role; each has its log in `directory`."""

    def __init__(self, directory: Path, variables: Mapping[str, str], *options: str) -> None:
        self.directory = directory
        self.alive: dict[str, int] = {}
        with (directory / "nursery.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.nursery", *options],
                cwd=BASE_DIR,
                env=dict(variables),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                preexec_fn=die_with_parent,
            )

    def start(self, role: str) -> None:
        """Fork a process that becomes `role`."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{role} {self.directory / role}.log\n")
        self._process.stdin.flush()
        self.alive[role] = int(self._process.stdout.readline())

    def kill(self, role: str) -> None:
        """SIGKILL to a process and all its children: nobody is left to tidy up."""
        number = self.alive.pop(role)
        # One that was forked just now leads no group yet.
        for end in (os.killpg, os.kill):
            with suppress(ProcessLookupError):
                end(number, signal.SIGKILL)
        while is_there(number):
            time.sleep(0.002)

    def kill_all(self) -> None:
        """Leave the nursery without children; the one that was started first goes last."""
        for role in reversed(list(self.alive)):
            self.kill(role)

    def ended(self) -> list[str]:
        """The roles whose processes have ended by themselves."""
        return [role for role, number in self.alive.items() if not is_there(number)]

    def make_database(self) -> None:
        """Have the database made that the environment names. Raises RuntimeError with what was said about it."""
        self.start("database")
        deadline = time.monotonic() + PATIENCE
        while "database" not in self.ended() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.kill("database")
        if trouble := (self.directory / "database.log").read_text():
            raise RuntimeError(f"The database could not be made.\n{trouble}")

    def end(self) -> None:
        """Kill everything."""
        self.kill_all()
        self._process.kill()
        self._process.communicate()


def impatient() -> None:
    """Cut the portal's waiting times."""
    from django.conf import settings

    for path, value in CUT.items():
        module, _, name = path.rpartition(".")
        setattr(import_module(module), name, value)
    settings.CELERY_BEAT_SCHEDULE["sweep order files"]["schedule"] = 2


def web() -> None:
    import uvicorn

    uvicorn.run(
        "portal.asgi:application",
        port=int(os.environ["PORT"]),
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_level="warning",
        access_log=False,
    )


def sync() -> None:
    from django.core.management import call_command

    call_command("sync")


def worker() -> None:
    _work("--hostname", f"worker{_number()}@%h", "--concurrency", "2")


def files() -> None:
    _work("--queues", "files", "--hostname", f"files{_number()}@%h", "--concurrency", "4")


def _number() -> str:
    return os.environ.get("PROCESS_NUMBER", "")


def _work(*options: str) -> None:
    from celery.signals import worker_process_init

    from portal.celery import app

    worker_process_init.connect(lambda **_: die_with_parent(), weak=False)
    app.start(["--quiet", "worker", *options, "--loglevel", "warning", "--without-gossip", "--without-mingle"])


def beat() -> None:
    from portal.celery import app

    app.start(["--quiet", "beat", "--loglevel", "warning", "--schedule", os.environ["BEAT_SCHEDULE"]])


def redis() -> None:
    from portal import redis_server

    socket = Path(os.environ["REDIS_URL"].removeprefix("unix://"))
    command = redis_server.command(socket, socket.parent / "redis")
    os.execv(command[0], command)  # noqa: S606 - fixed arguments, no shell


def simulator() -> None:
    from trading.simulator.__main__ import main

    main(os.environ["SIMULATOR_OPTIONS"].split())


def database() -> None:
    """Ends when the tables are there, and the one whom the environment names, if it does, may sign in as staff."""
    from django.core.management import call_command
    from django.db import connections

    call_command("migrate", verbosity=0)
    if "DJANGO_SUPERUSER_USERNAME" in os.environ:
        call_command("createsuperuser", interactive=False, verbosity=0)
    connections.close_all()


ROLES: dict[str, Callable[[], None]] = {
    role.__name__: role for role in (redis, web, sync, worker, files, beat, simulator, database)
}


def main() -> None:
    """Fork on demand until the input ends."""
    die_with_parent()
    django.setup()
    import portal.urls  # noqa: F401
    import trading.management.commands.sync
    import trading.tasks  # noqa: F401 - all of these are loaded for the children

    if "--patient" not in sys.argv:
        impatient()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        name, log = line.split(maxsplit=1)
        child = os.fork()
        if not child:
            _become(name, Path(log.strip()))
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


def _become(name: str, log: Path) -> None:
    die_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    role, _, number = name.partition("-")
    if number:
        os.environ["PROCESS_NUMBER"] = number
        os.environ["PORT"] = str(int(os.environ["PORT"]) + int(number) - 1)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    try:
        ROLES[role]()
    except BaseException:  # noqa: BLE001 - the nursery's own loop must not go on in the child
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
