"""Which access tokens to renew now: one queue for all connections. Pure.

Tradovate allows a network fifteen `auth/renewaccesstoken` an hour, of which the queue uses twelve, one every five
minutes. Tokens that end close together are therefore begun with earlier, so that the last of them is still in time. A
refresh token costs none of that: it is used first, and only shortly before the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

# How long before the end a renewal begins at the latest: enough for several attempts.
AHEAD = timedelta(minutes=15)
SPACING = timedelta(minutes=5)


@dataclass(frozen=True)
class Waiting:
    """A connection whose access token ends at `ends_at`; `by_refresh_token` says that it need not stand in line,
    `comes_first` that others must not make it miss its turn."""

    connection_id: int
    ends_at: datetime
    by_refresh_token: bool
    comes_first: bool = False


def due(waiting: Iterable[Waiting], now: datetime) -> list[Waiting]:
    """Those whose turn it is, in the order in which to renew them."""
    ordered = sorted(waiting, key=lambda one: (one.ends_at, one.connection_id))
    begin: datetime | None = None
    turns = []
    for one in reversed([one for one in ordered if not one.by_refresh_token]):
        latest = one.ends_at - AHEAD
        begin = latest if begin is None else min(latest, begin - SPACING)
        if begin <= now:
            turns.append(one)
    turns.reverse()
    if begin is not None and begin < now - AHEAD:
        # There are more than the hour has calls for: somebody's token ends before its turn.
        turns.sort(key=lambda one: not one.comes_first)
    free = [one for one in ordered if one.by_refresh_token and one.ends_at - AHEAD <= now]
    return free + turns
