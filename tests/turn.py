"""The turn of the trading day, 17:00 in Chicago: from then on the broker serves nothing of the day before, so that who
has not heard of an order by then never does, and a ledger has lost what was just compared with it."""

from __future__ import annotations

import datetime as dt
import time

from trading.simulator.clock import trading_day, trading_day_end


def wait_out(room: float) -> None:
    """Wait for the day's turn when it comes within `room` seconds, so that what needs as long has one day."""
    now = dt.datetime.now(dt.UTC)
    left = (trading_day_end(trading_day(now)) - now).total_seconds()
    if left <= room:
        time.sleep(left + 1)
