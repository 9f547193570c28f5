"""`python -m tests.chaos`: order files while everything is killed, and then the count.

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
from urllib.parse import urlsplit, urlunsplit

import httpx
import psycopg

from tests.browser.stack import last_words
from tests.chaos import portal as portals
from tests.chaos.monkey import WATCHER, Monkey

PRODUCTS = ("MES", "MNQ", "MCL", "MGC")
RESOLVED_WITHIN = timedelta(seconds=10)
QUIET = 40.0  # seconds for what was interrupted last to be cleared up


def main() -> int:
    options = _options()
    with ExitStack() as cleanup:
        database_url = _fresh_database(options.postgres, cleanup) if options.postgres else ""
        portal = cleanup.enter_context(portals.running(database_url, options.seed))
        import django

        # The monkey leaves the connections of this process alone.
        os.environ["PGAPPNAME"] = WATCHER
        django.setup()
        return _trial(portal, os.environ["DATABASE_URL"], options)


def _trial(portal: portals.Portal, database_url: str, options: argparse.Namespace) -> int:
    from django.utils import timezone

    from tests.chaos import audit, traders
    from trading.models import IntentTransition, OrderIntent
    from trading.orders.states import UNANSWERED

    people = [traders.Trader(portal, name, _symbols(portal)) for name in ("trader", "pro")]
    for person in people:
        person.sign_in()
    desks = [(person, account) for person in people for account in person.wait_for_accounts()]
    monkey = Monkey(portal, database_url, options.seed, IntentTransition.objects.count)
    began = time.monotonic()
    monkey.begin()
    stuck = []

    def trial(number: int) -> None:
        dice = random.Random(options.seed * 1_000_003 + number)
        person, account = dice.choice(desks)
        try:
            person.trade(account, dice)
        except traders.Stuck as trouble:
            stuck.append(str(trouble))

    with ThreadPoolExecutor(options.parallel) as pool:
        list(pool.map(trial, range(options.trials)))
    monkey.stop()
    faults_ended = timezone.now()
    portal.wait_until_up()
    deadline = time.monotonic() + QUIET
    while OrderIntent.objects.filter(state__in=UNANSWERED).exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    # The journal and the last fills arrive once the hub is back.
    while any((found := audit.disagreements(portal.truth())).values()) and time.monotonic() < deadline:
        time.sleep(0.5)
    doubt = audit.longest_doubt(faults_ended)
    reached = IntentTransition.objects.filter(to_state="submitting").count()
    figures = {
        "trials": options.trials,
        "seconds": round(time.monotonic() - began),
        "intents": OrderIntent.objects.count(),
        "sent": reached,
        "were unknown": IntentTransition.objects.filter(to_state="unknown").count(),
        "were not at the broker": IntentTransition.objects.filter(to_state="absent").count(),
        "states": dict(Counter(OrderIntent.objects.values_list("state", flat=True))),
        "kills": portal.kills,
        "died by themselves": portal.died,
        "answers": dict(sum((Counter(person.answers) for person in people), Counter())),
        "longest doubt after the faults, s": round(doubt.total_seconds(), 1),
        "stuck": stuck,
        **{kind: len(cases) for kind, cases in found.items()},
    }
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    for kind, cases in found.items():
        for case in cases[:10]:
            sys.stdout.write(f"{kind}: {case}\n")
    failed = bool(stuck) or any(found.values()) or doubt > RESOLVED_WITHIN
    if failed:
        sys.stderr.write(last_words(portal.directory) + "\n")
    return int(failed)


def _symbols(portal: portals.Portal) -> list[str]:
    """The front months of PRODUCTS, read as the trader who has no account."""
    login = {"name": "empty", "password": "empty-pass"}
    with httpx.Client(base_url=f"{portal.simulator}/v1", trust_env=False) as client:
        token = client.post("/auth/accesstokenrequest", json=login).json()["accessToken"]
        client.headers["Authorization"] = f"Bearer {token}"
        names = []
        for product in PRODUCTS:
            found = client.get("/product/find", params={"name": product}).json()
            maturities = client.get("/contractmaturity/deps", params={"masterid": found["id"]}).json()
            front = next(row["id"] for row in maturities if row["isFront"])
            names.append(str(client.get("/contract/deps", params={"masterid": front}).json()[0]["name"]))
        return names


def _fresh_database(server: str, cleanup: ExitStack) -> str:
    """A PostgreSQL database of this run's own; dropped afterwards."""
    name = f"tradeport_chaos_{os.getpid()}"
    connection = cleanup.enter_context(psycopg.connect(server, autocommit=True, application_name=WATCHER))
    connection.execute(f'CREATE DATABASE "{name}"')
    cleanup.callback(connection.execute, f'DROP DATABASE "{name}" WITH (FORCE)')
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--trials", type=int, default=200, help="order files, three orders each (%(default)s)")
    parser.add_argument("--parallel", type=int, default=24, help="files at the same time (%(default)s)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="what goes wrong when")
    parser.add_argument("--postgres", metavar="URL", help="a PostgreSQL server to use instead of SQLite")
    options = parser.parse_args()
    sys.stdout.write(f"seed {options.seed}\n")
    sys.stdout.flush()
    return options


if __name__ == "__main__":
    sys.exit(main())
