"""`python -m tests.chaos`: order files and clicks while everything is killed, and then the count.

Prints its figures; the exit status is 1 when one order was sent twice, lost, or left in doubt.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

from tests.bench.processes import fresh_database
from tests.browser.stack import last_words
from tests.chaos import portal as portals
from tests.chaos.monkey import WATCHER, Monkey
from tests.mortal import die_with_parent

PRODUCTS = ("MES", "MNQ", "MCL", "MGC")
# The share of trials at the desk; the others are order files.
CLICKS = 0.6
# Single orders that are sent together just before the faults end, so that some are unknown then.
LAST = 10
# After the settle time (5 s) the next round (every 2 s) looks.
RESOLVED_WITHIN = timedelta(seconds=10)
# An order whose sender was killed is called unknown once no sender can be at it any more (the nursery's waits): 15 s,
# and what the sweep and a busy machine need.
CLEAR_WITHIN = timedelta(seconds=33)
QUIET = 40.0  # seconds for what was interrupted last to be cleared up


def main() -> int:
    die_with_parent()
    options = _options()
    with ExitStack() as cleanup:
        database_url = fresh_database(options.postgres, cleanup, WATCHER) if options.postgres else ""
        roles = portals.TWO_OF_EACH if options.two else portals.ROLES
        portal = cleanup.enter_context(portals.running(database_url, options.seed, roles))
        import django

        # The monkey leaves the connections of this process alone.
        os.environ["PGAPPNAME"] = WATCHER
        django.setup()
        return _trial(portal, os.environ["DATABASE_URL"], options)


def _trial(portal: portals.Portal, database_url: str, options: argparse.Namespace) -> int:
    from django.utils import timezone

    from tests.chaos import audit, clicks, long, traders, warden
    from tests.chaos.audit import OPEN
    from trading.models import IntentTransition, OrderIntent, Upstream

    symbols = portals.front_months(portal, PRODUCTS)
    people = [traders.Trader(portal, name, symbols) for name in ("trader", "pro")]
    for person in people:
        person.sign_in()
    desks = [(person, account) for person in people for account in person.wait_for_accounts()]
    dice_of_last = [random.Random(f"last {number}") for number in range(LAST)]
    last = [clicks.Desk(*desks[number % len(desks)], symbols, dice) for number, dice in enumerate(dice_of_last)]
    monkey = Monkey(portal, database_url, options.seed, IntentTransition.objects.count)
    guard = warden.Warden([traders.Trader(portal, person.name, symbols) for person in people], options.seed)
    began = time.monotonic()
    monkey.begin()
    guard.begin()
    stuck = []

    def trial(number: int) -> None:
        dice = random.Random(options.seed * 1_000_003 + number)
        person, account = dice.choice(desks)
        try:
            if dice.random() < CLICKS:
                clicks.Desk(person, account, symbols, dice).trade()
            else:
                person.trade(account.pk, dice)
        except traders.Stuck as trouble:
            stuck.append(str(trouble))

    with ThreadPoolExecutor(options.parallel) as pool:
        list(pool.map(trial, range(options.trials)))
    guard.stop()
    left = monkey.stop(lambda: clicks.leave_in_doubt(last))
    faults_ended, in_doubt = timezone.now(), clicks.in_doubt()
    portal.wait_until_up()
    deadline = time.monotonic() + QUIET + CLEAR_WITHIN.total_seconds()
    while OrderIntent.objects.filter(state__in=OPEN).exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    # The journal and the last fills arrive once the hub is back.
    deadline = time.monotonic() + QUIET
    while any((found := audit.disagreements(portal.truth())).values()) and time.monotonic() < deadline:
        time.sleep(0.5)
    found["lost"] += clicks.without_intents(left)
    found["sent while stopped"] = audit.sent_while_stopped(portal.truth(), guard.thrown)
    doubt, unclear = audit.longest_doubt(faults_ended), audit.longest_open(faults_ended)
    reached = IntentTransition.objects.filter(to_state="submitting").count()
    figures = {
        "trials": options.trials,
        "seconds": round(time.monotonic() - began),
        "intents": OrderIntent.objects.count(),
        "sent": reached,
        "were unknown": IntentTransition.objects.filter(to_state="unknown").count(),
        "unknown when the faults ended": in_doubt,
        "were not at the broker": IntentTransition.objects.filter(to_state="absent").count(),
        "kinds": dict(Counter(OrderIntent.objects.values_list("kind", flat=True))),
        "states": dict(Counter(OrderIntent.objects.values_list("state", flat=True))),
        "kills": portal.kills,
        "faults met": dict(+monkey.met),
        "faults met by looks": dict(+monkey.met_by_looks),
        "kill switch thrown": len(guard.thrown),
        "died by themselves": portal.died,
        "answers": dict(sum((person.answers for person in people), Counter())),
        "traders": audit.decided() | dict(sum((person.did for person in people), Counter())),
        long.DOUBT: round(doubt.total_seconds(), 1),
        long.OPEN: round(unclear.total_seconds(), 1),
        "stuck": stuck,
        **{kind: len(cases) for kind, cases in found.items()},
    }
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    for kind, cases in found.items():
        for case in cases[:10]:
            sys.stdout.write(f"{kind}: {case}\n")
    failed = bool(stuck) or any(found.values()) or doubt > RESOLVED_WITHIN or unclear > CLEAR_WITHIN
    if failed:
        for upstream in Upstream.objects.order_by("pk"):
            sys.stdout.write(f"{upstream.connection}: {upstream.state} since {upstream.since}, {upstream.detail}\n")
        sys.stderr.write(last_words(portal.directory) + "\n")
    return int(failed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--trials", type=int, default=200, help="files or turns at the desk (%(default)s)")
    parser.add_argument("--parallel", type=int, default=24, help="trials at the same time (%(default)s)")
    parser.add_argument("--two", action="store_true", help="two processes of most kinds, as several machines have")
    return portals.parsed(parser)


if __name__ == "__main__":
    sys.exit(main())
