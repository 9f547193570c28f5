"""`python -m trading.simulator` in a process of its own, forked from one that has loaded it: a start costs nothing."""

import io
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from threading import Thread

from trading.simulator import DEFAULT_TRADERS, Config, RunningSimulator
from trading.simulator.control_client import Control

SECRET = "from-the-environment"
_fork = multiprocessing.get_context("forkserver")
_fork.set_forkserver_preload(["pytest", "trading.simulator.__main__", __name__])


class Running:
    """A process and what it says; `returncode` is there when it has ended and `communicate` has returned."""

    def __init__(self, *arguments: str) -> None:
        out, told = _fork.Pipe(duplex=False)
        err, complained = _fork.Pipe(duplex=False)
        self._process = _fork.Process(target=_become, args=(arguments, told, complained), daemon=True)
        self._process.start()
        for end in (told, complained):
            end.close()
        self.stdout, self.stderr = _reading(out), _reading(err)
        self.returncode: int | None = None

    def send_signal(self, number: signal.Signals) -> None:
        """Does nothing to one that has ended."""
        if self._process.is_alive():
            assert self._process.pid
            os.kill(self._process.pid, number)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """What is left of its output and its complaints, when it has ended. Raises TimeoutError."""
        complaints: list[str] = []
        reader = Thread(target=lambda: complaints.append(self.stderr.read()), daemon=True)
        reader.start()
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise TimeoutError("The simulator goes on.")
        said = self.stdout.read()
        reader.join()
        for stream in (self.stdout, self.stderr):
            stream.close()
        self.returncode = self._process.exitcode
        return said, complaints[0]


def run(*arguments: str) -> Running:
    """Start one with the arguments of the command line."""
    return Running(*arguments)


def _reading(end: Connection) -> io.TextIOWrapper:
    stream = os.fdopen(os.dup(end.fileno()))
    end.close()
    return stream


def _become(arguments: tuple[str, ...], told: Connection, complained: Connection) -> None:
    from trading.simulator.__main__ import main

    os.environ["SIMULATOR_CLIENT_SECRET"] = SECRET
    for number, end in enumerate((told, complained), start=1):
        os.dup2(end.fileno(), number)
        end.close()
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    sys.exit(main(arguments))


def url_of(process: Running) -> str:
    """Where it serves, as soon as it says so."""
    return process.stdout.readline().rpartition(" ")[2].strip()


@contextmanager
def running(*arguments: str) -> Iterator[RunningSimulator]:
    """A simulator of a command line on a free port, ended in order."""
    process = run("--port", "0", *arguments)
    try:
        url = url_of(process)
        control = Control(url)
        yield RunningSimulator(url, control, DEFAULT_TRADERS, Config(client_secret=SECRET))
        control.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
