"""The benchmarks of the stream and of pages run, and lose nothing; their timings are for people to read."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.bench.bench_stream import ONE_STALLED, RELAY, TRADEPORT, judged, show
from tests.bench.sockets import Result
from tests.browser import chromium

# All benchmarks run in the set-up of the first test that asks what they told.
pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def told() -> dict[str, list[str]]:
    """What each benchmark has printed, all of them on one stack (tests.bench.small)."""
    names = ["page", "stream", "choice"]
    if chromium.executable():
        names.append("dom")
    if Path("/proc/self/stat").exists():
        names.append("hub")
    command = [sys.executable, "-m", "tests.bench.small", *names]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    _, *parts = re.split(r"^== (\w+)\n", done.stdout, flags=re.MULTILINE)
    return {name: text.splitlines() for name, text in zip(parts[::2], parts[1::2], strict=True)}


def table(lines: list[str]) -> list[list[str]]:
    """The rows below two lines of heading, as words."""
    return [line.split() for line in lines[2:]]


def test_both_paths_deliver_every_event(told: dict[str, list[str]]) -> None:
    rows = [line.split() for line in told["stream"][2:] if not line.startswith(" ")]
    # (path, events, lost) of the browsers of one trader, the burst, those beside one that hangs, and the users
    assert [(row[-6], *map(int, row[-2:])) for row in rows] == [
        *(("relay", 16, 0), ("Tradeport", 16, 0)),
        *(("relay", 2000, 0), ("Tradeport", 2000, 0)),
        *(("relay", 8, 0), ("Tradeport", 8, 0), ("stalled", 8, 0)),
        *(("relay", 4, 0), ("Tradeport", 4, 0)),
    ]


def test_every_server_and_fan_out_is_measured_beside_the_relay(told: dict[str, list[str]]) -> None:
    rows = [line.split() for line in told["choice"][2:]]
    paths = [(row[-6], *map(int, row[-2:])) for row in rows[:-2]]
    names = ("relay", "uvicorn", "granian", "subscription", "layer")
    # Of a burst the channel layer may lose some, which is why it was not chosen.
    assert paths[:5] == [(name, 4, 0) for name in names]
    assert [name for name, *_ in paths[5:]] == list(names)
    assert paths[5:9] == [(name, 20, 0) for name in names[:4]]
    assert [row[0] for row in rows[-2:]] == ["uvicorn:", "granian:"]


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


def test_the_desk_s_first_paint_is_timed_beside_an_empty_page(told: dict[str, list[str]]) -> None:
    rows = table(told["page"])
    assert [row[0] for row in rows] == ["1", "2"]
    assert all(float(row[3]) > 0 for row in rows)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="what a process uses is read from Linux's /proc")
def test_the_hub_s_idle_sockets_stay_open(told: dict[str, list[str]]) -> None:
    (row,) = table(told["hub"])
    assert row[-1] == "0"


@pytest.mark.browser
def test_fills_are_timed_up_to_the_page_in_chromium(told: dict[str, list[str]]) -> None:
    chromium.asked_for()
    (row,) = table(told["dom"])
    assert row[2:] == ["5", "0"]
