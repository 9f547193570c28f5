"""docs/simulator.md, to compare it with what the simulator does."""

from itertools import takewhile
from pathlib import Path

TEXT = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text()


def table(*heading: str) -> list[list[str]]:
    """The rows of the table whose first columns are headed so, as texts without their backticks."""
    lines = TEXT.splitlines()
    [head] = [number for number, line in enumerate(lines) if line.startswith(f"| {' | '.join(heading)} |")]
    rows = takewhile(lambda line: line.startswith("|"), lines[head + 2 :])
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in rows]
