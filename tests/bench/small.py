"""Benchmarks on one stack of processes, small: `python -m tests.bench.small [NAME ...]`, for the tests.

Prints a line "== NAME" and what that benchmark prints, one after another. The exit status is 1 when one says so.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from tests.bench import bench_choice, bench_dom, bench_hub, bench_page, bench_stream
from tests.bench.processes import Needs, stack

# In this order: to the page in Chromium nothing must have happened before, and to find the hub's sockets open all must.
BENCHMARKS = {
    "dom": (bench_dom, "--events 5 --per-second 20"),
    "page": (bench_page, "--requests 2 --accounts 2"),
    "stream": (bench_stream, "--browsers 2 --seconds 0.4 --rounds 1 --burst 40 --stalled 1 --users 2"),
    "choice": (bench_choice, "--browsers 1 --seconds 0.2 --rounds 1 --warm-up 0 --burst 20"),
    "hub": (bench_hub, "--sockets 3 --seconds 0.2"),
}


def all_of(needs: Iterable[Needs]) -> Needs:
    """What satisfies each of them."""
    plain, needs = Needs(), list(needs)
    return Needs(
        crowd=max(one.crowd for one in needs),
        accounts=max(one.accounts for one in needs),
        settings=next((one.settings for one in needs if one.settings != plain.settings), plain.settings),
    )


def main() -> int:
    chosen = {name: BENCHMARKS[name] for name in BENCHMARKS if name in sys.argv[1:] or not sys.argv[1:]}
    options = {name: bench.parser().parse_args(given.split()) for name, (bench, given) in chosen.items()}
    worst = 0
    with stack(all_of(bench.needs(options[name]) for name, (bench, _) in chosen.items())) as running:
        for name, (bench, _) in chosen.items():
            print(f"== {name}", flush=True)
            worst = max(worst, bench.run(running, options[name]) or 0)
    return worst


if __name__ == "__main__":
    sys.exit(main())
