"""The turn of the trading day, 17:00 in Chicago: from then on the broker serves nothing of the day before, so that who
has not heard of an order by then never does, and a ledger has lost what was just compared with it."""

from __future__ import annotations

import datetime as dt
import time

from trading.simulator.clock import trading_day, trading_day_end

# trading.orders.reconcile.DAY_MARGIN, and a second.
DOUBT = dt.timedelta(seconds=61)


def wait_out(room: float) -> None:
    """Wait for the day's turn when it comes within `room` seconds, so that what needs as long has one day, and until it
    is over beyond doubt: in the first minute of a day it proves nothing that an order is not there."""
    now = dt.datetime.now(dt.UTC)
    over = trading_day_end(trading_day(now - DOUBT)) + DOUBT
    if now + dt.timedelta(seconds=room) >= over - DOUBT:
        time.sleep((over - now).total_seconds())
