"""`python -m tests.chaos.long`: the proof, run after run, until 10,000 intents were made; then all figures together.

Each run has a portal and a simulator of its own: in minutes the kills alone use up what Tradovate grants of
reconnections in an hour (protocol notes, "Limits"), and the portal keeps to that.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from typing import Any, Final

from tests.mortal import die_with_parent

# Figures of a run that are seconds: how long an order was unknown at most after the faults, and how long nobody could
# say what had become of one, also while it was not called unknown yet.
DOUBT: Final = "longest doubt after the faults, s"
OPEN: Final = "longest until clear after the faults, s"


def main() -> int:
    die_with_parent()
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.long", description=__doc__)
    parser.add_argument("--intents", type=int, default=10_000, help="make so many (%(default)s)")
    parser.add_argument("--trials", type=int, default=200, help="files or turns at the desk in each run (%(default)s)")
    parser.add_argument("--postgres", metavar="URL", help="a PostgreSQL server to use instead of SQLite")
    options = parser.parse_args()
    command = [sys.executable, "-m", "tests.chaos", "--two", "--parallel", "60", "--trials", str(options.trials)]
    command += ["--postgres", options.postgres] if options.postgres else []
    total: Counter[str] = Counter()
    longest, failed = {DOUBT: 0.0, OPEN: 0.0}, 0
    while total["intents"] < options.intents:
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        total["runs"] += 1
        if run.returncode:
            failed += 1
            tell(run.stdout)
        if (figures := figures_of(run.stdout)) is None:
            return 1
        total.update(counted(figures))
        longest = {name: max(seconds, figures[name]) for name, seconds in longest.items()}
        tell(json.dumps(dict(total) | longest | {"failed runs": failed}))
    return int(failed > 0)


def figures_of(told: str) -> dict[str, Any] | None:
    """What a run has printed of its figures; None when it ended before that."""
    begin = told.find("{")
    return json.JSONDecoder().raw_decode(told[begin:])[0] if begin >= 0 else None


def counted(figures: dict[str, Any]) -> dict[str, int]:
    """What can be added up: the plain numbers, the kills, and what the comparison with the ledger has found."""
    plain = {name: number for name, number in figures.items() if isinstance(number, int)}
    return plain | {"kills": sum(figures["kills"].values()), "stuck": len(figures["stuck"])}


def summary(figures: dict[str, Any], database: str) -> str:
    """A run in one line."""
    counts = counted(figures)
    told = [
        f"{counts['trials']} trials in {counts['seconds']} s, {counts['intents']} intents, {counts['sent']} sent",
        f"{counts['were unknown']} answers lost, {counts['were not at the broker']} of these not at the broker",
        f"{counts['kills']} kills; sent twice {counts['sent twice']}, lost {counts['lost']}",
        f"never answered {counts['never answered']}",
        f"longest doubt {figures[DOUBT]} s, longest until clear {figures[OPEN]} s",
    ]
    return f"{database}: {', '.join(told)}"


def tell(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
