"""What the web server and the fan-out were chosen by: the ways that were not taken, beside those that were.

    python -m tests.bench.bench_choice [--browsers 1 10 50] [--per-second 20] [--seconds 4] [--rounds 3] [--burst 500]

Counts and clocks are those of tests.bench.bench_stream; all paths of a scenario take turns in one run beside the same
bare relay. uvicorn and granian each serve the whole of Tradeport. The two fan-outs (tests.bench.fan_out) bring the raw
frames of the simulator to the browsers and do nothing else, both under uvicorn. Last come two things that a server does
by itself: how much it takes for a browser that does not read before it holds the sender up, and what a browser is told
when the server is stopped.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace

import uvloop
from websockets.exceptions import ConnectionClosed

from tests.bench import flood
from tests.bench.bench_stream import BURST_BROWSERS, RELAY, Bench, Load, Side, show, show_head
from tests.bench.processes import SERVERS, Needs, Stack, alone, wait_until
from tests.bench.sockets import Target, opened
from tests.ports import free_port

FAN_OUTS = ("subscription", "layer")


def served(bench: Bench) -> dict[str, Side]:
    """Tradeport under each server, the first as the bench has it."""
    first, *others = SERVERS
    sides = {first: bench.portal}
    for server in others:
        port = free_port()
        bench.running.serve(port, server)
        here = [
            replace(one, url=one.url.replace(f":{bench.running.web}/", f":{port}/")) for one in bench.portal.targets
        ]
        sides[server] = replace(bench.portal, targets=here)
    return sides


def fanned_out(running: Stack) -> dict[str, Side]:
    """Each fan-out with a trader of the crowd."""
    port = free_port()
    running.serve(port, SERVERS[0], "tests.bench.fan_out:application")
    sides = {}
    for number, way in enumerate(FAN_OUTS):
        name = f"crowd-{number}"
        answer = running.simulator.sign_in(name)
        before = running.simulator.synced().count(answer["userId"])
        command = (sys.executable, "-m", "tests.bench.fan_out", way, running.simulator.socket_url)
        running.start(*command, RELAY_USERS=json.dumps({answer["userId"]: answer["accessToken"]}))
        wait_until(lambda user=answer["userId"], before=before: running.simulator.synced().count(user) > before)
        sides[way] = Side([name], [Target(f"ws://127.0.0.1:{port}/{way}/{answer['userId']}")], is_raw=True)
    return sides


async def manners(running: Stack, server: str) -> str:
    """What a server does for a browser that does not read, and when it is told to stop, in words."""
    port = free_port()
    pid = running.serve(port, server, "tests.bench.flood:application")
    hung = await opened(Target(f"ws://127.0.0.1:{port}/flood"), narrow=True)
    hung.transport.pause_reading()
    await asyncio.sleep(1)
    witness = await opened(Target(f"ws://127.0.0.1:{port}/flooded"))
    taken = int(await witness.recv())
    os.kill(pid, signal.SIGTERM)
    with suppress(ConnectionClosed):
        await witness.recv()
    hung.transport.abort()
    held = f"takes {taken / 1024:.0f} KiB of {flood.MOST / 1024:.0f}"
    return f"{server}: {held} for a browser that does not read; closes with {witness.close_code} when stopped"


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    made.add_argument("--browsers", type=int, nargs="+", default=[1, 10, 50])
    made.add_argument("--per-second", type=float, default=20)
    made.add_argument("--seconds", type=float, default=4)
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--warm-up", type=int, default=1, help="rounds before them (%(default)s)")
    made.add_argument("--burst", type=int, default=500, help="events of the burst, up to 512 (%(default)s)")
    return made


def needs(_: argparse.Namespace) -> Needs:
    return Needs(crowd=len(FAN_OUTS))


def run(running: Stack, options: argparse.Namespace) -> None:
    """Measure, and print a row for each path of a scenario, and a line for each server's manners."""
    bench = Bench(running, options)
    sides = {RELAY: bench.relay, **served(bench), **fanned_out(running)}
    paths = {name: (side, False) for name, side in sides.items()}
    show_head(options)
    pace, count = options.per_second, int(options.per_second * options.seconds)
    for browsers in options.browsers:
        name = f"{browsers} browser{'s' if browsers > 1 else ''}, {pace:g} events/s"
        show(name, uvloop.run(bench.in_turn(paths, Load(browsers, count, pace))))
    if options.burst:
        burst = Load(min(BURST_BROWSERS, max(options.browsers)), options.burst, 0)
        show(f"{options.burst} events at once, {burst.browsers} browsers", uvloop.run(bench.in_turn(paths, burst)))
    for server in SERVERS:
        print(uvloop.run(manners(running, server)), flush=True)


if __name__ == "__main__":
    sys.exit(alone(parser(), needs, run))
