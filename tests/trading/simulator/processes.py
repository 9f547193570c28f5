"""`python -m trading.simulator` in a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trading.simulator import DEFAULT_TRADERS, Config, RunningSimulator
from trading.simulator.control_client import Control

ROOT = Path(__file__).parents[3]
SECRET = "from-the-environment"


def run(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "trading.simulator", *arguments],
        cwd=ROOT,
        env={**os.environ, "SIMULATOR_CLIENT_SECRET": SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def url_of(process: "subprocess.Popen[str]") -> str:
    """Where it serves, as soon as it says so."""
    assert process.stdout is not None
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
