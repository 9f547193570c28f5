"""The benchmarks of the wire and of orders run and lose nothing; their figures are for people to read."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.bench.bench_idle import parser

POSTGRES_URL = os.environ.get("TEST_DATABASE_URL", "")
MOST_KIB = 1024
"""Of memory for an idle connection; it takes a small part of that."""


def table(module: str, *options: str) -> list[list[str]]:
    """The rows that a benchmark prints below its two lines of heading, as words."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.bench.{module}", *options],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()[2:]]


def test_entities_are_decoded_both_ways() -> None:
    rows = table("bench_decode", "--count", "20", "--rounds", "1")
    assert {"order", "fill", "position", "whole"} <= {row[0] for row in rows}
    assert all(float(row[-1]) > 0 for row in rows)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="what a process uses is read from Linux's /proc")
def test_idle_sockets_stay_open() -> None:
    rows = table("bench_idle", "--connections", "40", "--seconds", "0.2")
    assert [(row[0], row[-1]) for row in rows] == [("client", "0"), ("simulator", "0")]
    for _, memory, cpu, _ in rows:
        assert 0 < float(memory) < MOST_KIB
        assert 0 <= float(cpu) < 100
    assert parser().parse_args([]).connections == 500


def test_every_order_fills_either_way() -> None:
    rows = table("bench_orders", "--orders", "20", "--rounds", "1")
    assert [(row[0], row[1], row[-1]) for row in rows] == [("REST", "20", "0"), ("socket", "20", "0")]


@pytest.mark.parametrize(
    "database",
    [
        pytest.param([], id="SQLite"),
        pytest.param(
            ["--postgres", POSTGRES_URL],
            id="PostgreSQL",
            marks=[
                pytest.mark.postgres,
                pytest.mark.skipif(not POSTGRES_URL, reason="NOT RUN: TEST_DATABASE_URL names no PostgreSQL"),
            ],
        ),
    ],
)
def test_orders_go_out_the_portals_way_and_bare(database: list[str]) -> None:
    rows = table("bench_overhead", "--orders", "5", *database)
    assert [row[0] for row in rows] == ["bare-POST", "Tradeport"]
    assert all(float(row[1]) > 0 for row in rows)


def test_without_postgresql_it_is_said_and_the_others_go_on() -> None:
    command = [
        sys.executable,
        "-m",
        "tests.bench.bench_overhead",
        "--postgres",
        "postgres://nobody:secret@127.0.0.1:1/none",
    ]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.partition(";")[0]) == (0, "NOT RUN: orders on PostgreSQL")
    assert "secret" not in done.stdout + done.stderr


def test_without_chromium_it_is_said() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "CHROMIUM"} | {"PATH": "/nonexistent"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.bench_dom"],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout[:9]) == (0, "NOT RUN: ")


def test_make_bench_runs_them_all() -> None:
    (listed,) = re.findall(r"^BENCHES := (.*)$", (settings.BASE_DIR / "Makefile").read_text(), re.MULTILINE)
    there = {path.stem.removeprefix("bench_") for path in (settings.BASE_DIR / "tests" / "bench").glob("bench_*.py")}
    assert sorted(listed.split()) == sorted(there)
