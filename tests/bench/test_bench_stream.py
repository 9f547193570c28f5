"""The benchmarks of the stream and of pages run, and lose nothing; their timings are for people to read."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.bench.bench_stream import ONE_STALLED, RELAY, TRADEPORT, judged, show
from tests.bench.sockets import Result
from tests.bench.test_bench_wire import table
from tests.browser import chromium


def test_both_paths_deliver_every_event() -> None:
    options = (
        "--browsers",
        "2",
        "--seconds",
        "0.4",
        "--rounds",
        "1",
        "--burst",
        "40",
        "--stalled",
        "1",
        "--users",
        "2",
    )
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.bench_stream", *options],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = [line.split() for line in done.stdout.splitlines()[2:] if not line.startswith(" ")]
    # (path, events, lost) of the browsers of one trader, the burst, those beside one that hangs, and the users
    assert [(row[-6], *map(int, row[-2:])) for row in told] == [
        *(("relay", 16, 0), ("Tradeport", 16, 0)),
        *(("relay", 2000, 0), ("Tradeport", 2000, 0)),
        *(("relay", 8, 0), ("Tradeport", 8, 0), ("stalled", 8, 0)),
        *(("relay", 4, 0), ("Tradeport", 4, 0)),
    ]


def test_an_event_that_is_lost_on_any_path_is_counted_and_the_rule_of_the_one_that_hangs_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = {RELAY: Result([1.0, 2.0]), TRADEPORT: Result([1.0, 2.0], 3), ONE_STALLED: Result([2.0, 2.3], 4)}
    assert show("two", results) == 7
    assert (
        "p99 beside one that hangs / without it: 1.15, NOT WITHIN the 10% that it may be more"
        in capsys.readouterr().out
    )
    assert judged(1.1).startswith("within")
    assert show("two", {RELAY: Result([1.0]), TRADEPORT: Result([1.0])}) == 0


def test_the_desk_s_first_paint_is_timed_beside_an_empty_page() -> None:
    rows = table("bench_page", "--requests", "2", "--accounts", "2")
    assert [row[0] for row in rows] == ["1", "2"]
    assert all(float(row[3]) > 0 for row in rows)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="what a process uses is read from Linux's /proc")
def test_the_hub_s_idle_sockets_stay_open() -> None:
    (row,) = table("bench_hub", "--sockets", "3", "--seconds", "0.2", "--settle", "0.2")
    assert row[-1] == "0"


@pytest.mark.browser
def test_fills_are_timed_up_to_the_page_in_chromium() -> None:
    if not chromium.executable():
        pytest.skip(chromium.MISSING)
    (row,) = table("bench_dom", "--events", "5", "--per-second", "20")
    assert row[2:] == ["5", "0"]
