"""Simulator frame to browser frame: through Tradeport, and through a bare relay of the same frames in the same run.

    python -m tests.bench.bench_stream [--browsers 1 10 50] [--per-second 20] [--seconds 4] [--rounds 3]

Both paths begin at the same simulator and end in the same client process; rounds of either take turns, so that a busy
machine hurts both alike. Each path has a trader of its own: while one is measured the other one is idle. Every event is
a fill that carries the time at which the simulator sent it; lost is what a browser did not get within five seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

import msgspec
import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.bench.processes import Stack, free_port, stack, wait_for

TRADEPORT_USER, RELAY_USER = ("trader", 1001), ("pro", 1002)
PATIENCE = 5.0  # seconds for the last events of a round


class Fill(msgspec.Struct):
    id: int
    timestamp: str


class Props(msgspec.Struct):
    entity: Fill


class Message(msgspec.Struct):
    d: Props


class Frame(msgspec.Struct):
    t: str
    seq: int = 0
    rows: dict[str, msgspec.Raw] = {}


@dataclass
class Result:
    """Latencies in milliseconds and events that did not come."""

    latencies: list[float] = field(default_factory=list)
    lost: int = 0

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Browser:
    """One socket that keeps what comes with the time at which it came, and reads none of it until the round is over."""

    def __init__(self, socket: ClientConnection) -> None:
        self.heard: list[tuple[int, bytes]] = []
        self._socket = socket
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            while True:
                frame = await self._socket.recv(decode=False)
                self.heard.append((time.time_ns(), frame))
        except ConnectionClosed:
            return

    async def close(self) -> None:
        await self._socket.close()
        await self._task


def relayed(heard: list[tuple[int, bytes]]) -> dict[int, tuple[int, int]]:
    """Of raw frames: fill id -> (received, sent), in ns."""
    found: dict[int, tuple[int, int]] = {}
    for at, frame in heard:
        for message in msgspec.json.decode(frame[1:], type=list[Message]):
            found[message.d.entity.id] = (at, nanoseconds(message.d.entity.timestamp))
    return found


def shown(heard: list[tuple[int, bytes]]) -> dict[int, int]:
    """Of Tradeport's frames: fill id -> received, in ns. Raises AssertionError when a sequence number is missing."""
    found: dict[int, int] = {}
    frames = [(at, msgspec.json.decode(frame, type=Frame)) for at, frame in heard]
    deltas = [frame.seq for _, frame in frames if frame.t == "delta"]
    assert all(after == before + 1 for before, after in pairwise(deltas)), "a gap in the stream"
    for at, frame in frames:
        if frame.t == "delta":
            found.update({int(key[5:]): at for key in frame.rows if key.startswith("fill:")})
    return found


def nanoseconds(stamp: str) -> int:
    """Since the epoch, of "2026-11-21T14:30:00.123456Z"."""
    whole, _, fraction = stamp.rstrip("Z").partition(".")
    seconds = int(time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))) - time.timezone
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0"))


class Bench:
    """The running processes, and a raw witness of Tradeport's trader that tells when each event was sent."""

    def __init__(self, running: Stack, options: argparse.Namespace) -> None:
        self.running = running
        self.options = options
        self.relay_port = free_port()
        self.witness_port = free_port()
        self.cookie = ""

    def prepare(self) -> None:
        """Sign Tradeport's trader in, start the relay and the witness."""
        token = self.running.simulator.token(TRADEPORT_USER[0])
        self.cookie = _sign_in(token)
        self._start_relay(self.witness_port, token, TRADEPORT_USER[1])
        self._start_relay(self.relay_port, self.running.simulator.token(RELAY_USER[0]), RELAY_USER[1])

    def _start_relay(self, port: int, token: str, user_id: int) -> None:
        upstream = self.running.simulator.socket_url
        command = (sys.executable, "-m", "tests.bench.bare_relay", upstream, str(port))
        self.running.start(*command, RELAY_TOKEN=token, RELAY_USER=str(user_id))
        wait_for(port)

    async def measure(self, browsers: int) -> dict[str, Result]:
        """Rounds of either path in turn."""
        results = {"bare relay": Result(), "Tradeport": Result()}
        for number in range(self.options.rounds + 1):
            warm_up = number == 0
            for name, play in (("bare relay", self._relay_round), ("Tradeport", self._tradeport_round)):
                one = Result()
                await play(browsers, one)
                if not warm_up:
                    results[name].latencies += one.latencies
                    results[name].lost += one.lost
        return results

    async def _relay_round(self, browsers: int, result: Result) -> None:
        heard = await self._play(RELAY_USER[0], f"ws://127.0.0.1:{self.relay_port}", browsers, None)
        found = [relayed(one) for one in heard]
        _add(result, [{key: (at - sent) / 1e6 for key, (at, sent) in one.items()} for one in found], self._count)

    async def _tradeport_round(self, browsers: int, result: Result) -> None:
        async with connect(f"ws://127.0.0.1:{self.witness_port}", compression=None) as socket:
            witness = Browser(socket)
            url = f"ws://127.0.0.1:{self.running.web}/ws/desk/"
            heard = await self._play(TRADEPORT_USER[0], url, browsers, self.cookie)
            sent = {key: moment for key, (_, moment) in relayed(witness.heard).items()}
            await witness.close()
        found = [shown(one) for one in heard]
        _add(result, [{k: (at - sent[k]) / 1e6 for k, at in one.items() if k in sent} for one in found], self._count)

    @property
    def _count(self) -> int:
        return int(self.options.per_second * self.options.seconds)

    async def _play(self, user: str, url: str, browsers: int, cookie: str | None) -> list[list[tuple[int, bytes]]]:
        """Connect browsers, let the simulator emit, and return what each heard."""
        headers = {"Cookie": cookie} if cookie else {}
        origin = f"http://127.0.0.1:{self.running.web}"
        async with AsyncExitStack() as sockets:
            opened = [
                await sockets.enter_async_context(
                    connect(url, origin=origin, additional_headers=headers, compression=None, max_size=None)
                )
                for _ in range(browsers)
            ]
            pages = [Browser(socket) for socket in opened]
            if cookie:
                await _until(lambda: all(page.heard for page in pages))
            before = [len(page.heard) for page in pages]
            emit = {"user": user, "count": self._count, "per_second": self.options.per_second, "entity_type": "fill"}
            await asyncio.to_thread(self.running.simulator.control, "emit", **emit, wait=True)
            await asyncio.sleep(0.2)
            await _until(lambda: all(len(p.heard) >= n + self._count for p, n in zip(pages, before, strict=True)))
            for page in pages:
                await page.close()
            return [page.heard[n:] for page, n in zip(pages, before, strict=True)]


def _add(result: Result, per_browser: list[dict[int, float]], count: int) -> None:
    for latencies in per_browser:
        result.latencies += latencies.values()
        result.lost += count - len(latencies)


async def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return
        await asyncio.sleep(0.02)


def _sign_in(token: str) -> str:
    """Tradeport's trader as if come back from Tradovate; returns the session's cookie."""
    from django.conf import settings
    from django.test import Client
    from django.utils import timezone

    from accounts import sign_in
    from accounts.models import Connection, User
    from accounts.tokens import Tokens
    from trading.sync import doorbell, stream

    name, user_id = TRADEPORT_USER
    user = User.objects.create(username=f"sim:{user_id}")
    connection = Connection.objects.create(user=user, environment="sim", tradovate_user_id=user_id, name=name)
    connection.store_tokens(Tokens(token), timezone.now() + timedelta(hours=1))
    doorbell.ring_opened(connection.pk)
    if not asyncio.run(stream.aread_snapshot(connection.pk, wait=30)).epoch:
        raise TimeoutError("The hub did not synchronise.")
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    session[sign_in.SESSION_KEY] = connection.pk
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--browsers", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument("--per-second", type=float, default=20)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with stack() as running:
        bench = Bench(running, options)
        bench.prepare()
        print(
            f"{options.per_second:g} events/s, {options.rounds} rounds of {options.seconds:g} s of either path in turn"
        )
        print(f"{'browsers':>8}  {'path':<10} {'p50 ms':>8} {'p99 ms':>8} {'p99 ratio':>10} {'events':>8} {'lost':>6}")
        for browsers in options.browsers:
            results = uvloop.run(bench.measure(browsers))
            yardstick = results["bare relay"].percentile(0.99)
            for name, result in results.items():
                p50, p99 = result.percentile(0.5), result.percentile(0.99)
                print(
                    f"{browsers:>8}  {name:<10} {p50:>8.2f} {p99:>8.2f} {p99 / yardstick:>10.2f}"
                    f" {len(result.latencies):>8} {result.lost:>6}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
