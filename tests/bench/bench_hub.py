"""What an idle trader costs the sync process: memory and CPU per upstream socket, with as many as asked for.

    python -m tests.bench.bench_hub [--sockets 1000] [--seconds 20]

Each trader has a page open somewhere and a socket of their own, synchronised and mirrored; then nothing happens but
heartbeats and what the hub does by itself. bench_idle measures the client's socket alone.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass

import httpx
import uvloop

from tests.bench.people import Person, sign_in, wait_until_mirrored
from tests.bench.processes import Stack, stack
from tests.bench.usage import Usage

SAY = 10.0  # seconds between two times that the pages are said to be open


@dataclass(frozen=True)
class Cost:
    """Bytes and share of a CPU per socket, and sockets that are not open any more."""

    memory: float
    cpu: float
    lost: int


def measure(running: Stack, sockets: int, seconds: float, settle: float) -> Cost:
    hub = running.pids["sync"]
    people = [sign_in(running.simulator, f"crowd-{number}") for number in range(sockets + 1)]
    # One first, for what is loaded only once.
    wait_until_mirrored(people[:1])
    time.sleep(settle)
    before = Usage.of(hub)
    wait_until_mirrored(people[1:])
    time.sleep(settle)
    began = Usage.of(hub)
    uvloop.run(_keep_open(people, seconds))
    after = Usage.of(hub)
    open_sockets = httpx.get(f"{running.simulator.url}/control/sockets", trust_env=False, timeout=60).json()
    synced = {one["userId"] for one in open_sockets if one["synced"]}
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument(
        "--settle",
        type=float,
        default=5,
        help="seconds in which the journal is written and what the hub asks for after each sync has come (%(default)s)",
    )
    options = parser.parse_args()
    with stack(crowd=options.sockets + 1) as running:
        cost = measure(running, options.sockets, options.seconds, options.settle)
    print(
        f"{options.sockets} idle upstream sockets of the sync process for {options.seconds:g} s; figures are per socket"
    )
    print(f"{'memory KiB':>11} {'CPU %':>8} {'lost':>5}")
    print(f"{cost.memory / 1024:>11.1f} {cost.cpu * 100:>8.4f} {cost.lost:>5}")


if __name__ == "__main__":
    main()
