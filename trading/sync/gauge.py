"""How much of the hour's requests to Tradovate a trader has used, for the desk's first paint and its socket alike."""

from __future__ import annotations

import math

from trading.sync.rows import Row
from trading.tradovate.limits import Budget

# The share of the hour's requests from which on the gauge warns.
LOW = 0.8


def gauge_row(budget: Budget) -> Row:
    """The gauge of a user's budget: `state` is ok, low or spent, `words` say what that means and are empty when ok."""
    most = budget.limit.most
    row = {"used": str(budget.used), "most": str(most), "text": f"{budget.used:,} of {most:,}"}
    if budget.blocked or budget.wait > 0:
        why = "Tradovate takes no more requests" if budget.blocked else "The hour's requests to Tradovate are used up"
        words = f"{why}: Tradeport looks nothing up for up to {_minutes(budget.wait)}. {_ORDERS}"
        return row | {"state": "spent", "words": words}
    if budget.used >= LOW * most:
        pause = f"after {budget.limit.ordinary:,} Tradeport looks nothing up for a while"
        return row | {"state": "low", "words": f"Many requests to Tradovate this hour: {pause}. {_ORDERS}"}
    return row | {"state": "ok", "words": ""}


_ORDERS = "Orders and cancels go out all the same."


def _minutes(seconds: float) -> str:
    minutes = max(1, math.ceil(seconds / 60))
    return "1 minute" if minutes == 1 else f"{minutes} minutes"
