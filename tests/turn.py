"""The turn of the trading day as trading.orders.reconcile has it, 17:00 in Chicago of every day of the week: who has
not heard of an order by then never does, as the broker serves nothing of the day before, and a ledger has lost what
was just compared with it."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import Final

import pytest

from trading.simulator.clock import SESSION_END_HOUR, chicago, from_chicago

# trading.orders.reconcile.DAY_MARGIN, and a second.
DOUBT = dt.timedelta(seconds=61)
# Seconds that a test needs, about, and the longest module of those that walk the pages of one portal.
ROOM = 60.0
ROOM_OF_MODULE = 240.0
# The last module whose tests have one portal.
_SHARING: Final = pytest.StashKey[Path]()


def wait_out_for(item: pytest.Item) -> None:
    """Give a test one trading day for the simulator that it meets; where the tests of a module share a portal, the
    module gets one for all, before the first of them."""
    asked = getattr(item, "fixturenames", ())
    if "portal" in asked:
        if item.config.stash.get(_SHARING, None) != item.path:
            item.config.stash[_SHARING] = item.path
            wait_out(ROOM_OF_MODULE)
    elif "simulator" in asked:
        wait_out(ROOM)


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
