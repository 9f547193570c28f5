"""How much of the hour's requests to Tradovate a trader has used, for the desk's first paint and its socket alike."""

from __future__ import annotations

import datetime as dt
import math

from trading.sync.rows import Row
from trading.tradovate.limits import Budget
from trading.tradovate.priorities import Priority, clock_time

# The share of the hour's requests from which on the gauge warns.
LOW = 0.8


def gauge_row(budget: Budget) -> Row:
    """The gauge of a user's budget: `state` is ok, low or spent, `words` say what that means and are empty when ok."""
    most = budget.limit.most
    row = {"used": str(budget.used), "most": str(most), "text": f"{budget.used:,} of {most:,}"}
    entries = budget.as_of(Priority.ENTRY)
    if budget.blocked:
        words = f"Tradovate takes no more requests: Tradeport looks nothing up for up to {_minutes(budget.wait)}, and"
        return row | {"state": "spent", "words": f"{words} new orders are refused until then. {_EXITS}"}
    if entries.wait > 0:
        words = "The hour's requests to Tradovate are nearly used up, and the rest is kept for exits: new orders are"
        room = clock_time(dt.datetime.now(dt.UTC), entries.wait)
        return row | {"state": "spent", "words": f"{words} refused, next room at {room}. {_EXITS}"}
    if budget.used >= budget.limit.up_to(Priority.READ):
        words = "The hour's requests to Tradovate are nearly used up: Tradeport looks nothing up for up to"
        return row | {"state": "spent", "words": f"{words} {_minutes(budget.wait)}. {_ORDERS}"}
    if budget.used >= LOW * most:
        reads, orders = budget.limit.up_to(Priority.READ), budget.limit.up_to(Priority.ENTRY)
        words = f"after {reads:,} Tradeport looks nothing up for a while, after {orders:,} new orders are refused"
        return row | {"state": "low", "words": f"Many requests to Tradovate this hour: {words}. {_EXITS}"}
    return row | {"state": "ok", "words": ""}


_ORDERS = "Orders and cancels go out all the same."
_EXITS = "Exits and cancels go out all the same."


def _minutes(seconds: float) -> str:
    minutes = max(1, math.ceil(seconds / 60))
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
