"""The server's time for the desk's first paint, beside an empty page of the same trader in the same run.

    python -m tests.bench.bench_page [--requests 200] [--accounts 50]

One request at a time over a warm connection; the empty page has session, sign-in, kill switches and the bar, and
nothing below it. The desk's own time is what it takes more than that.
"""

from __future__ import annotations

import argparse
import sys
import time

import httpx

from tests.bench.people import Person, sign_in, wait_until_mirrored
from tests.bench.processes import Needs, Stack, alone

WARM_UP = 10
EMPTY, DESK = "/bench/empty/", "/"


def measure(running: Stack, person: Person, requests: int) -> dict[str, list[float]]:
    """Milliseconds of each request by page, taken in turn. Raises httpx.HTTPStatusError."""
    times: dict[str, list[float]] = {EMPTY: [], DESK: []}
    with httpx.Client(
        base_url=f"http://127.0.0.1:{running.web}", headers={"Cookie": person.cookie}, trust_env=False
    ) as browser:
        for number in range(requests + WARM_UP):
            for page, taken in times.items():
                began = time.perf_counter()
                answer = browser.get(page)
                if number >= WARM_UP:
                    taken.append((time.perf_counter() - began) * 1000)
                answer.raise_for_status()
                if answer.status_code != 200:
                    raise RuntimeError(f"{page} answers {answer.status_code}")
    return times


def percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    made.add_argument("--requests", type=int, default=200)
    made.add_argument("--accounts", type=int, default=50, help="beside a trader who has one (%(default)s)")
    return made


def needs(options: argparse.Namespace) -> Needs:
    return Needs(crowd=2, accounts=options.accounts, settings="tests.bench.settings")


def run(running: Stack, options: argparse.Namespace) -> None:
    """Measure, and print a row for each trader."""
    print(f"{options.requests} requests of either page in turn, in ms")
    print(f"{'accounts':>8} {'empty p50':>10} {'p99':>7} {'desk p50':>10} {'p99':>7} {'more p50':>10} {'ratio':>7}")
    people = [sign_in(running.simulator, name) for name in ("crowd-0", running.last)]
    wait_until_mirrored(people)
    for accounts, person in zip((1, options.accounts), people, strict=True):
        times = measure(running, person, options.requests)
        empty, desk = (percentile(times[page], 0.5) for page in (EMPTY, DESK))
        late = [percentile(times[page], 0.99) for page in (EMPTY, DESK)]
        print(
            f"{accounts:>8} {empty:>10.1f} {late[0]:>7.1f} {desk:>10.1f} {late[1]:>7.1f} {desk - empty:>10.1f}"
            f" {desk / empty:>7.2f}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(alone(parser(), needs, run))
