"""Once a trading day the socket of everybody who is signed in is opened, though nobody looks. Pure.

Tradovate serves the day's orders and fills on that day only (official guide, user/syncrequest); they are kept for good.

In the exchange's daily pause all of the day has happened and is still served. The visits are spread over it, because
sync requests are few.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta

from trading.orders.trading_days import CHICAGO

# CME Globex pauses from 16:00 to 17:00, Monday to Friday.
BEGIN, END = time(16, 5), time(16, 55)
SPREAD = 40  # minutes
FRIDAY = 4


def begin(now: datetime) -> datetime | None:
    """When the visits of this day began; None outside their time."""
    there = now.astimezone(CHICAGO)
    if there.weekday() > FRIDAY or not BEGIN <= there.time() < END:
        return None
    return there.replace(hour=BEGIN.hour, minute=BEGIN.minute, second=0, microsecond=0)


def is_due(connection_id: int, begun: datetime, now: datetime) -> bool:
    """Whether the visit of a connection has its turn."""
    return now >= begun + timedelta(minutes=connection_id % SPREAD)
