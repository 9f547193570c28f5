"""Simulator frame to browser frame: through Tradeport, and through a bare relay of the same frames in the same run.

    python -m tests.bench.bench_stream [--browsers 1 10 50 200 500] [--per-second 20] [--seconds 4] [--rounds 3]
        [--burst 500] [--stalled 50] [--users 200] [--server granian]

Both paths begin at the same simulator and end in the same client process; rounds of either take turns, so that a busy
machine hurts both alike. Each path has traders of its own: while one is measured the other one is idle, and nothing
else happens: the client asks for the events before the first one, and when they were sent after the last one.
Every event is a fill; lost is what a browser did not get within five seconds.

After the browsers of one trader come a burst of events at once to 50 of them, 50 beside one that does not read, and as
many users with one browser and 5 events a second each. An option of 0 leaves its scenario out. The exit status is 1
when an event was lost on any path.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import re
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass

import httpx
import uvloop

from tests.bench.people import Person, sign_in, wait_until_mirrored
from tests.bench.processes import SERVERS, Needs, Stack, alone, wait_for
from tests.bench.sockets import (
    RAW_FILL,
    SHOWN_FILL,
    Browser,
    Result,
    Target,
    nanoseconds,
    opened,
    relayed,
    shown,
    until,
)
from tests.ports import free_port

BURST_BROWSERS = 50
USERS_PER_SECOND = 5.0
STALL_EVENTS = 600  # so many events fill whatever waits for a browser that does not read
RELAY, TRADEPORT, ONE_STALLED = "bare relay", "Tradeport", "one stalled"
# A browser that hangs may change the p99 of those beside it by so much.
MOST_STALLED = 1.1
AT_ONCE = 50  # sockets that open at the same time
BEGIN_IN = 1.0  # seconds until the first event: by then the simulator has answered all who asked for theirs


@dataclass(frozen=True)
class Load:
    """What happens in a round: `browsers` of each trader, `count` events of each, `per_second` or all at once (0)."""

    browsers: int
    count: int
    per_second: float


@dataclass(frozen=True)
class Side:
    """One path: its traders and where their browsers connect."""

    traders: list[str]
    targets: list[Target]
    is_raw: bool = False


class Bench:
    """The running processes and both sides."""

    def __init__(self, running: Stack, options: argparse.Namespace) -> None:
        self.running = running
        self.options = options
        self._people = sign_in(running.simulator, "trader")
        wait_until_mirrored([self._people])
        pro = running.simulator.sign_in("pro")
        relay = self._start_relay({pro["userId"]: pro["accessToken"]})
        self.relay = Side(["pro"], [Target(f"{relay}/{pro['userId']}")], is_raw=True)
        self.portal = Side(["trader"], [self._desk(self._people)])

    def _desk(self, person: Person) -> Target:
        return Target(f"ws://127.0.0.1:{self.running.web}/ws/desk/", person.cookie)

    def _start_relay(self, tokens: dict[int, str]) -> str:
        port = free_port()
        command = (sys.executable, "-m", "tests.bench.bare_relay", self.running.simulator.socket_url, str(port))
        self.running.start(*command, RELAY_USERS=json.dumps(tokens))
        wait_for(port)
        return f"ws://127.0.0.1:{port}"

    def crowd(self, users: int) -> tuple[Side, Side]:
        """(relay, Tradeport) with so many traders each; the names are those of tests.bench.crowd."""
        simulator = self.running.simulator
        people = [sign_in(simulator, f"crowd-{number}") for number in range(users)]
        wait_until_mirrored(people)
        others = [f"crowd-{number}" for number in range(users, 2 * users)]
        answers = [simulator.sign_in(name) for name in others]
        relay = self._start_relay({one["userId"]: one["accessToken"] for one in answers})
        targets = [Target(f"{relay}/{one['userId']}") for one in answers]
        return (
            Side(others, targets, is_raw=True),
            Side([person.name for person in people], [self._desk(person) for person in people]),
        )

    async def measure(self, load: Load, *, stalled: bool = False) -> dict[str, Result]:
        """Rounds of one trader's browsers, of either path in turn; with `stalled` also beside one that hangs."""
        paths = {RELAY: (self.relay, False), TRADEPORT: (self.portal, False)}
        if stalled:
            paths[ONE_STALLED] = (self.portal, True)
        return await self.in_turn(paths, load)

    async def measure_crowd(self, users: int, load: Load) -> dict[str, Result]:
        relay, portal = await asyncio.to_thread(self.crowd, users)
        return await self.in_turn({RELAY: (relay, False), TRADEPORT: (portal, False)}, load)

    async def in_turn(self, paths: dict[str, tuple[Side, bool]], load: Load) -> dict[str, Result]:
        """Rounds of every path in turn; paths are (side, whether one browser hangs) by name."""
        results = {name: Result() for name in paths}
        for number in range(1 - self.options.warm_up, self.options.rounds + 1):
            for name, (side, stalled) in paths.items():
                async with AsyncExitStack() as sockets:
                    if stalled:
                        await self._stall(side, sockets)
                    one = await self._round(side, load)
                if number > 0:
                    results[name].add(one)
        return results

    async def _stall(self, side: Side, sockets: AsyncExitStack) -> None:
        """A browser that does not read, and enough events, which another one has read, for it to have fallen behind."""
        await sockets.enter_async_context(await opened(side.targets[0], narrow=True))
        reader = Browser(await sockets.enter_async_context(await opened(side.targets[0])), SHOWN_FILL)
        await until(lambda: reader.has_snapshot, 30)
        seen = len(reader.fills)
        await self._emit(side, Load(1, STALL_EVENTS, 0))
        await until(lambda: len(reader.fills) >= seen + STALL_EVENTS, 30)
        await reader.close()

    async def _round(self, side: Side, load: Load) -> Result:
        async with AsyncExitStack() as sockets:
            gate = asyncio.Semaphore(AT_ONCE)

            async def page(target: Target, pattern: re.Pattern[bytes]) -> Browser:
                async with gate:
                    return Browser(await sockets.enter_async_context(await opened(target)), pattern)

            pattern = RAW_FILL if side.is_raw else SHOWN_FILL
            pages = await asyncio.gather(*(page(one, pattern) for one in side.targets for _ in range(load.browsers)))
            if not side.is_raw:
                await until(lambda: all(one.has_snapshot for one in pages), 30)
            # what belongs to the opening is over
            await asyncio.sleep(0.3)
            before = [(len(one.heard), len(one.fills)) for one in pages]
            with uncollected():
                await self._emit(side, load)
                await until(
                    lambda: all(
                        len(one.fills) >= fills + load.count for one, (_, fills) in zip(pages, before, strict=True)
                    )
                )
            for one in pages:
                await one.close()
        sent = await self._sent()
        result = Result()
        for one, (start, _) in zip(pages, before, strict=True):
            heard = one.heard[start:]
            found = {key: at for key, (at, _) in relayed(heard).items()} if side.is_raw else shown(heard)
            latencies = [(at - sent[key]) / 1e6 for key, at in found.items() if key in sent]
            result.latencies += latencies
            result.lost += load.count - len(latencies)
        return result

    async def _emit(self, side: Side, load: Load) -> None:
        """Have the simulator send, and wait until it should have."""
        await self._sent()
        asked = {"count": load.count, "per_second": load.per_second, "entity_type": "fill", "begin_in": BEGIN_IN}
        async with self._simulator() as client:
            answers = await asyncio.gather(*(client.post("emit", json=asked | {"user": user}) for user in side.traders))
        for answer in answers:
            answer.raise_for_status()
        await asyncio.sleep(BEGIN_IN + (load.count / load.per_second if load.per_second else 0))

    async def _sent(self) -> dict[int, int]:
        """Fill id -> when the simulator sent it, in ns, of those since this was asked last."""
        async with self._simulator() as client:
            answer = await client.get("emitted")
        return {int(key): nanoseconds(moment) for key, moment in answer.raise_for_status().json().items()}

    def _simulator(self) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=None)
        address = f"{self.running.simulator.url}/control/"
        return httpx.AsyncClient(base_url=address, trust_env=False, timeout=120, limits=limits)


@contextmanager
def uncollected() -> Iterator[None]:
    """Cycles are collected before and after, so that what this client keeps holds no event up on its last step."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def show_head(options: argparse.Namespace) -> None:
    """Print what the table below holds."""
    print(f"{options.rounds} rounds of every path in turn; {options.seconds:g} s each where events are paced")
    columns = f"{'p50 ms':>8} {'p99 ms':>8} {'p99 ratio':>10} {'events':>8} {'lost':>6}"
    print(f"{'scenario':<34} {'path':<12} {columns}", flush=True)


def show(scenario: str, results: dict[str, Result]) -> int:
    """Print a scenario's rows, with p99 in relation to the relay's and, beside one that hangs, to the portal's own.

    Returns how many events were lost.
    """
    yardstick = results[RELAY].percentile(0.99)
    for name, result in results.items():
        p50, p99 = result.percentile(0.5), result.percentile(0.99)
        counts = f"{len(result.latencies):>8} {result.lost:>6}"
        print(f"{scenario:<34} {name:<12} {p50:>8.2f} {p99:>8.2f} {p99 / yardstick:>10.2f} {counts}", flush=True)
    if ONE_STALLED in results:
        alone = results[TRADEPORT].percentile(0.99)
        ratio = results[ONE_STALLED].percentile(0.99) / alone
        print(f"  p99 beside one that hangs / without it: {ratio:.2f}, {judged(ratio)}", flush=True)
    return sum(result.lost for result in results.values())


def judged(ratio: float) -> str:
    """Whether a browser that hangs changes nobody's p99 by more than it may, in words."""
    return f"{'within' if ratio <= MOST_STALLED else 'NOT WITHIN'} the {MOST_STALLED - 1:.0%} that it may be more"


def needs(options: argparse.Namespace) -> Needs:
    return Needs(crowd=2 * options.users, server=options.server)


def run(running: Stack, options: argparse.Namespace) -> int:
    """Measure, and print a row for each path of a scenario; returns 1 when an event was lost on any path."""
    lost = 0
    bench = Bench(running, options)
    show_head(options)
    pace, count = options.per_second, int(options.per_second * options.seconds)
    for browsers in options.browsers:
        name = f"{browsers} browser{'s' if browsers > 1 else ''}, {pace:g} events/s"
        lost += show(name, uvloop.run(bench.measure(Load(browsers, count, pace))))
    if options.burst:
        burst = Load(min(BURST_BROWSERS, options.most), options.burst, 0)
        lost += show(f"{options.burst} events at once, {burst.browsers} browsers", uvloop.run(bench.measure(burst)))
    if options.stalled:
        load = Load(options.stalled, count, pace)
        lost += show(f"{options.stalled} browsers, {pace:g} events/s", uvloop.run(bench.measure(load, stalled=True)))
    if options.users:
        load = Load(1, int(USERS_PER_SECOND * options.seconds), USERS_PER_SECOND)
        name = f"{options.users} users, {USERS_PER_SECOND:g} events/s each"
        lost += show(name, uvloop.run(bench.measure_crowd(options.users, load)))
    if lost:
        print(f"{lost} events were lost.", file=sys.stderr)
    return int(lost > 0)


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    made.add_argument("--browsers", type=int, nargs="*", default=[1, 10, 50, 200, 500])
    made.add_argument("--per-second", type=float, default=20)
    made.add_argument("--seconds", type=float, default=4)
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--warm-up", type=int, default=1, help="rounds before them (%(default)s)")
    made.add_argument("--burst", type=int, default=500, help="events of the burst (%(default)s)")
    made.add_argument("--stalled", type=int, default=50, help="browsers beside the one that hangs (%(default)s)")
    made.add_argument("--users", type=int, default=200, help="users with one browser each (%(default)s)")
    made.add_argument("--server", choices=SERVERS, default=SERVERS[0], help="what serves web (%(default)s)")
    made.add_argument("--most", type=int, default=500, help="no scenario has more browsers (%(default)s)")
    return made


if __name__ == "__main__":
    sys.exit(alone(parser(), needs, run))
