"""The benchmark of the stream runs, and loses nothing on either path; its timings are for people to read."""

import subprocess
import sys

from django.conf import settings


def test_both_paths_deliver_every_event() -> None:
    options = ("--browsers", "2", "--seconds", "1", "--rounds", "1")
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.bench_stream", *options],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    table = [line.split() for line in done.stdout.splitlines()[2:]]
    assert [(*row[1:-5], row[-2], row[-1]) for row in table] == [("bare", "relay", "40", "0"), ("Tradeport", "40", "0")]
