"""The turn of the trading day as trading.orders.reconcile has it, 17:00 in Chicago of every day of the week: who has
not heard of an order by then never does, as the broker serves nothing of the day before, and a ledger has lost what
was just compared with it."""

from __future__ import annotations

import datetime as dt
import time

from trading.simulator.clock import SESSION_END_HOUR, chicago, from_chicago

# trading.orders.reconcile.DAY_MARGIN, and a second.
DOUBT = dt.timedelta(seconds=61)
# Seconds that a test needs, about.
ROOM = 60.0


def wait_out(room: float) -> None:
    """Wait for the day's turn when what needs `room` seconds would be within DOUBT of it, and until DOUBT is over: so
    near to it nothing proves that an order is not there. That takes `longest(room)` seconds at most."""
    now = dt.datetime.now(dt.UTC)
    local = chicago(now - DOUBT)
    turn = local.replace(hour=SESSION_END_HOUR, minute=0, second=0, microsecond=0)
    if turn <= local:
        turn += dt.timedelta(days=1)
    over = from_chicago(turn) + DOUBT
    if now + dt.timedelta(seconds=longest(room)) >= over:
        time.sleep((over - now).total_seconds())


def longest(room: float) -> float:
    """The seconds that `wait_out` may take."""
    return room + 2 * DOUBT.total_seconds()
