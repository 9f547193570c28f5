"""Ports for processes that tests start, free until they listen there, however much later that is.

The system hands out ports of its own choice to whoever asks for any, and to every connection that goes out; such a one
would be somebody else's by the time that a process has started. These are below those, and each worker of a test run
has its own.
"""

from __future__ import annotations

import os
import random
import socket
from contextlib import ExitStack, suppress

FIRST, LAST = 18_000, 32_000  # Linux gives out those from 32,768 on
SHARE = 1_000  # for each worker; the last is for processes without a number
_dice = random.SystemRandom()  # the plain one is the same in every worker
_given: set[int] = set()


def free_port() -> int:
    """A port on 127.0.0.1 where nobody listens, and that this process has not been given before."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """The first of so many such ports in a row."""
    shares = range(FIRST, LAST, SHARE)
    share = shares[int(os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw")) % len(shares)]
    while True:
        wanted = range(first := _dice.randrange(share, share + SHARE - count), first + count)
        with ExitStack() as probes, suppress(OSError):
            if _given.isdisjoint(wanted):
                for port in wanted:
                    probes.enter_context(socket.create_server(("127.0.0.1", port)))
                _given.update(wanted)
                return first
