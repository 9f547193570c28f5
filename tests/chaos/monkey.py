"""What goes wrong: processes are killed, the database cuts its connections or locks, the broker's answers get lost."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from itertools import product
from typing import TypeVar
from urllib.parse import urlsplit

import psycopg

from tests.chaos.portal import Portal

T = TypeVar("T")

# How often each is the next to be killed, in relation to the others, once each was killed.
WEIGHTS = {"files": 4, "worker": 2, "web": 3, "sync": 3, "database": 2, "beat": 1, "redis": 1}
# Between two kills the portal gets on by so many steps of its orders, however slow the machine is...
STEPS = (1, 25)
# ... unless nothing moves for so many seconds, twice as many each time that nothing did: on a busy machine what was
# killed needs that long to come back.
PATIENCE = 6.0
MOST_PATIENCE = 48.0
ABSENCE = (0.0, 0.5)  # seconds until what was killed comes back
# What the broker does to an order on its way, and to a look for it, and the share of them that meet it.
BROKER_FAULTS = {
    "lose_reply": 0.05,
    "reset_before": 0.05,
    "error_500": 0.03,
    "error_503_after": 0.03,
    "rate_limit": 0.02,
    "penalty": 0.02,
    "garbage": 0.03,
    "slow": 0.03,
    "slow_before": 0.03,
}
# The name under which PostgreSQL knows the process that watches.
WATCHER = "chaos"
ROUTES = (
    *("order/placeorder", "order/placeoco", "order/placeoso", "orderstrategy/startorderstrategy"),
    *("order/modifyorder", "order/cancelorder", "order/liquidateposition"),
)
# What is looked through for those whose answers were lost.
LOOKS = ("command/list", "order/list")
# Of the changes that are accepted, some 35 in 200 trials, the share that changes nothing.
IGNORED = 0.5
# Longer than the portal waits for an answer in this test, shorter than the time it lets an order settle.
SLOW_SECONDS = 3.0


class Monkey:
    """Breaks a portal again and again until it is told to stop, from a thread of its own. `steps` counts what the
    portal has done so far; `met` counts the orders that met the broker's faults, by kind, and `met_by_looks` the looks
    for them, once all is over."""

    def __init__(self, portal: Portal, database_url: str, seed: int, steps: Callable[[], int]) -> None:
        self._portal = portal
        self._steps = steps
        self._random = random.Random(seed)
        self._break_database = _database_breaker(database_url)
        self._unharmed = self._random.sample(list(WEIGHTS), len(WEIGHTS))
        self._patience = PATIENCE
        self.met: Counter[str] = Counter()
        self.met_by_looks: Counter[str] = Counter()
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, name="monkey")
        self.failure: Exception | None = None

    def begin(self) -> None:
        for route, (kind, share) in product((*ROUTES, *LOOKS), BROKER_FAULTS.items()):
            options = {"seconds": SLOW_SECONDS} if kind.startswith("slow") else {}
            options |= {"seconds": 1.0} if kind == "penalty" else {}
            seed = self._random.randrange(2**31)
            self._portal.control("faults", kind=kind, route=route, probability=share, seed=seed, **options)
        self._portal.control("faults", kind="modify_ignored", probability=IGNORED, seed=self._random.randrange(2**31))
        self._thread.start()

    def stop(self, last: Callable[[], T]) -> T:
        """Nothing goes wrong any more, and everything that was killed is back; but of the single orders that `last`
        places before that some lose their answers and the others are lost. Returns what `last` does, and raises what
        stopped the monkey."""
        self._enough.set()
        self._thread.join()
        for fault in self._portal.faults():
            met = self.met_by_looks if fault["route"] in LOOKS else self.met
            met[fault["kind"]] += fault["met"]
        self._portal.control("faults", kind="clear")
        if self.failure is not None:
            raise self.failure
        self._portal.control("faults", kind="lose_reply", route=ROUTES[0], times=5)
        self._portal.control("faults", kind="reset_before", route=ROUTES[0], probability=1)
        left = last()
        self._portal.control("faults", kind="clear")
        return left

    def _run(self) -> None:
        try:
            while self._got_on():
                self._strike()
        except Exception as failure:  # noqa: BLE001 - raised again in the thread that asks
            self.failure = failure

    def _got_on(self) -> bool:
        """Wait for the portal to get on; False when it is enough."""
        before = self._steps()
        until = before + self._random.randint(*STEPS)
        deadline = time.monotonic() + self._patience
        while self._steps() < until and time.monotonic() < deadline:
            if self._enough.wait(0.1):
                return False
        self._patience = PATIENCE if self._steps() > before else min(2 * self._patience, MOST_PATIENCE)
        return not self._enough.is_set()

    def _strike(self) -> None:
        self._portal.revive()
        (drawn,) = self._random.choices(list(WEIGHTS), list(WEIGHTS.values()))
        victim = self._unharmed.pop() if self._unharmed else drawn
        if victim == "database":
            self._portal.kills[victim] = self._portal.kills.get(victim, 0) + 1
            self._break_database(self._random.uniform(*ABSENCE))
            return
        process = self._random.choice(self._portal.processes(victim))
        self._portal.kill(process)
        time.sleep(self._random.uniform(*ABSENCE))
        self._portal.start(process)


def _database_breaker(url: str) -> Callable[[float], None]:
    """PostgreSQL ends every connection; SQLite is locked for so many seconds."""
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")

        def lock(seconds: float) -> None:
            with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                time.sleep(seconds)
                connection.execute("ROLLBACK")

        return lock
    name = urlsplit(url).path.lstrip("/")

    def terminate(_: float) -> None:
        with psycopg.connect(url.rpartition("/")[0] + "/postgres", autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND application_name <> %s",
                [name, WATCHER],
            )

    return terminate
