"""What an idle trader costs the sync process: memory and CPU per upstream socket, with as many as asked for.

    python -m tests.bench.bench_hub [--sockets 1000] [--seconds 20]

Each trader has a page open somewhere and a socket of their own, synchronised and mirrored; then nothing happens but
heartbeats and what the hub does by itself. bench_idle measures the client's socket alone.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass

import uvloop

from tests.bench.people import Person, sign_in, wait_until_at_rest
from tests.bench.processes import Needs, Stack, alone
from tests.bench.usage import Usage

SAY = 10.0  # seconds between two times that the pages are said to be open


@dataclass(frozen=True)
class Cost:
    """Bytes and share of a CPU per socket, and sockets that are not open any more."""

    memory: float
    cpu: float
    lost: int


def measure(running: Stack, sockets: int, seconds: float) -> Cost:
    hub = running.pids["sync"]
    people = [sign_in(running.simulator, f"crowd-{number}") for number in range(sockets + 1)]
    # One first, for what is loaded only once.
    wait_until_at_rest(people[:1])
    before = Usage.of(hub)
    wait_until_at_rest(people[1:])
    began = Usage.of(hub)
    uvloop.run(_keep_open(people, seconds))
    after = Usage.of(hub)
    synced = set(running.simulator.synced())
    return Cost(
        memory=(after.memory - before.memory) / sockets,
        cpu=(after.cpu - began.cpu) / seconds / sockets,
        lost=len({person.user_id for person in people} - synced),
    )


async def _keep_open(people: list[Person], seconds: float) -> None:
    """What web processes do for open pages."""
    from trading.sync import presence, stream

    async with stream.async_client() as client:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            await presence.say(client, [person.connection_id for person in people])
            await asyncio.sleep(min(SAY, left))


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    made.add_argument("--sockets", type=int, default=1000)
    made.add_argument("--seconds", type=float, default=20)
    return made


def needs(options: argparse.Namespace) -> Needs:
    return Needs(crowd=options.sockets + 1)


def run(running: Stack, options: argparse.Namespace) -> None:
    """Measure, and print a row."""
    cost = measure(running, options.sockets, options.seconds)
    print(
        f"{options.sockets} idle upstream sockets of the sync process for {options.seconds:g} s; figures are per socket"
    )
    print(f"{'memory KiB':>11} {'CPU %':>8} {'lost':>5}")
    print(f"{cost.memory / 1024:>11.1f} {cost.cpu * 100:>8.4f} {cost.lost:>5}", flush=True)


if __name__ == "__main__":
    sys.exit(alone(parser(), needs, run))
