"""`python -m tests.faults`: everything that can break does, while traders trade; then who tells what is counted.

One of the traders' desks is open in Chromium as well, where there is one. Prints its figures. The exit status is 1 when
a fill was missed (one that is told later than `--within` says is), when anything was told otherwise than it is, or took
longer than that to be right again, and when something did not happen that this is to be shown by.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from contextlib import ExitStack
from typing import Any

from tests.bench.processes import fresh_database
from tests.browser.stack import last_words
from tests.chaos import portal as portals
from tests.faults.verdict import shortcomings
from tests.mortal import die_with_parent

TRADERS = ("trader", "pro")


def main() -> int:
    die_with_parent()
    options = _options()
    with ExitStack() as cleanup:
        database_url = fresh_database(options.postgres, cleanup) if options.postgres else ""
        portal = cleanup.enter_context(portals.running(database_url, options.seed, portals.TWO_OF_EACH))
        import django

        django.setup()
        figures = asyncio.run(_play(portal, options))
        sys.stdout.write(_table(figures) + "\n" + json.dumps(figures) + "\n")
        found = shortcomings(
            figures, within=options.within, taken=options.taken, back=options.back, hangs=not options.no_hang
        )
        if found:
            sys.stderr.write(f"{last_words(portal.directory)}\n" + "\n".join(found) + "\n")
        return int(bool(found))


async def _play(portal: portals.Portal, options: argparse.Namespace) -> dict[str, Any]:
    from tests.chaos.traders import Trader
    from tests.faults.elsewhere import Elsewhere
    from tests.faults.plan import Plan
    from tests.faults.run import Run

    symbols = await asyncio.to_thread(portals.front_months, portal, ("MES", "MNQ"))
    cookies = {}
    for name in TRADERS:
        person = Trader(portal, name, symbols)
        await asyncio.to_thread(person.sign_in)
        await asyncio.to_thread(person.wait_for_accounts)
        cookies[name] = person.cookie
    traders = [Elsewhere(portal.simulator, name, symbols, options.seed) for name in TRADERS]
    plan = Plan(
        options.events,
        options.per_second,
        options.drop,
        options.browsers,
        options.seed,
        options.within,
        hangs=not options.no_hang,
    )
    try:
        return await Run(portal, plan, traders, cookies).play()
    finally:
        for trader in traders:
            await trader.close()


def _table(figures: dict[str, Any]) -> str:
    """The phases, for people."""
    heads = ("taken over after", "connected again after", "its fills told in", "all equal, trading over, in")
    lines = [f"{'while':<32} {'fills':>6}" + "".join(f"{head:>29}" for head in heads)]
    for phase in figures["phases"]:
        times = (phase["taken"], phase["back"], phase["told"], phase["equal"])
        told = "".join(f"{'':>29}" if one is None else f"{one:>27.2f} s" for one in times)
        lines.append(f"{phase['name']:<32} {phase['fills']:>6}{told}")
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--events", type=int, default=1500, help="events in all, at least (%(default)s)")
    parser.add_argument("--per-second", type=float, default=25, help="requests of each trader (%(default)s)")
    parser.add_argument("--drop", type=float, default=5, help="seconds without the broker (%(default)s)")
    parser.add_argument("--browsers", type=int, default=2, help="of each trader at each web process (%(default)s)")
    parser.add_argument("--within", type=float, default=20, help="seconds for everything to be right (%(default)s)")
    parser.add_argument("--taken", type=float, default=20, help="seconds until another sync took over (%(default)s)")
    parser.add_argument("--back", type=float, default=60, help="seconds for all to be connected again (%(default)s)")
    parser.add_argument("--no-hang", action="store_true", help="no page stops reading")
    return portals.parsed(parser)


if __name__ == "__main__":
    sys.exit(main())
