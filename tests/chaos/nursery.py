"""The portal's processes, forked from one that has everything loaded: killed and back within a tenth of a second.

`python -m tests.chaos.nursery` reads a role and a log file from each line of its input, forks, and writes the child's
process id. A child leads a process group of its own and becomes exactly what the Procfile starts.

Patience is cut to a fifth of what the portal has, so that a bounded test sees many recoveries. The relations that its
safety rests on are kept: an abandoned order is older than any request can be.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import django


def impatient() -> None:
    """Cut the portal's waiting times."""
    from django.conf import settings

    from trading.files import execute
    from trading.orders import gateway

    gateway.TIMEOUT = 2.0
    execute.ABANDONED_AFTER = timedelta(seconds=12)
    execute.STALLED_AFTER = timedelta(seconds=5)
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
    _work("--concurrency", "2")


def files() -> None:
    _work("--queues", "files", "--hostname", "files@%h", "--concurrency", "4")


def _work(*options: str) -> None:
    from portal.celery import app

    app.start(["--quiet", "worker", *options, "--loglevel", "warning", "--without-gossip", "--without-mingle"])


def beat() -> None:
    from portal.celery import app

    app.start(["--quiet", "beat", "--loglevel", "warning", "--schedule", os.environ["BEAT_SCHEDULE"]])


ROLES: dict[str, Callable[[], None]] = {role.__name__: role for role in (web, sync, worker, files, beat)}


def main() -> None:
    """Fork on demand until the input ends."""
    django.setup()
    import trading.management.commands.sync
    import trading.tasks  # noqa: F401 - all of these are loaded for the children

    impatient()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        role, log = line.split(maxsplit=1)
        child = os.fork()
        if not child:
            _become(ROLES[role], Path(log.strip()))
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


def _become(role: Callable[[], None], log: Path) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    try:
        role()
    except BaseException:  # noqa: BLE001 - the nursery's own loop must not go on in the child
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
