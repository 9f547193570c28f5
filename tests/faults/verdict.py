"""Whether a run has shown that everything is told, and whether everything happened that it is to be shown by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.chaos.portal import TWO_OF_EACH

# Figures that say what must not be, and what must have been.
WRONG = (
    *("fills missed", "cash lines told otherwise", "wrong in a book", "errors of screens"),
    *("died by themselves", "gave up"),
)
WANTED = ("fills while the broker was away", "missed by a book while no socket was open")


def shortcomings(figures: dict[str, Any], *, within: float, taken: float, back: float, hangs: bool) -> list[str]:
    """What a run's figures fall short of, in words. In seconds: `within` everything is to be right again, `taken` is
    what another sync process may need to take over, `back` everything to be connected again; with `hangs` pages have
    stopped reading."""
    found = [f"{name}: {figures[name]}" for name in WRONG if figures[name]]
    found += [f"{name}: none" for name in WANTED if not figures[name]]
    found += [f"no event met {kind}" for kind, times in figures["met by events"].items() if not times]
    found += [f"{name} was not killed" for name in (*TWO_OF_EACH, "redis") if name not in figures["kills"]]
    # Of each trader one page hangs, and falls so far behind that a snapshot has to bring it up.
    if hangs and figures["snapshots for pages that hung"] < 2:
        found.append("pages that hung got no snapshot")
    for phase in figures["phases"]:
        found += [f"{phase['name']}: {words}" for words in _of_phase(phase, within, taken, back)]
    return found


def _of_phase(phase: dict[str, Any], within: float, taken: float, back: float) -> Iterator[str]:
    if not phase["fills"]:
        yield "nothing was filled"
    if max(phase["told"], phase["equal"]) > within:
        yield "late to be right again"
    if phase["back"] > back + phase["grace"]:
        yield "late to be connected again"
    if "sync" in phase["name"] and phase["taken"] is None:
        yield "nobody took over"
    if (phase["taken"] or 0.0) > taken:
        yield "late to be taken over"
