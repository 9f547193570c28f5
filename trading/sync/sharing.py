"""How sync processes share connections evenly without talking to each other. Pure: no I/O, no clock.

Every process computes the same quotas from the same figures; the quotas add up to all connections. What a process takes
is decided by the lease, so that processes which see different figures for a moment do no harm.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

# A connection that is free for this long is anybody's: who should have taken it cannot.
PATIENCE = 5.0  # seconds
# Moving a connection costs a sync request and a moment without news, so unevenness that pages bring by coming and
# going is borne: up to a quarter of a share.
BORNE = 4


@dataclass(frozen=True)
class Plan:
    """Connections to take, the longest free first, and those to give away."""

    take: list[int]
    give: list[int]


def quota(me: str, members: Collection[str], connections: int) -> int:
    """How many of so many connections are for the member `me`: equal shares, and one more for the first few."""
    ordered = sorted({me, *members})
    share, more = divmod(connections, len(ordered))
    return share + (ordered.index(me) < more)


def plan(
    me: str, members: Collection[str], mine: Collection[int], free: Mapping[int, float], others: int, *, even_out: bool
) -> Plan:
    """What to do now. `free` says for how many seconds each free connection has been free, `others` how many the other
    members hold. `even_out`: give away all that is beyond the quota, because somebody has joined."""
    most = quota(me, members, len(mine) + len(free) + others)
    by_age = sorted(free, key=lambda one: (-free[one], one))
    room = max(0, most - len(mine))
    take = by_age[:room] + [one for one in by_age[room:] if free[one] >= PATIENCE]
    surplus = len(mine) - most
    borne = 0 if even_out else max(1, most // BORNE)
    give = sorted(mine)[-surplus:] if surplus > borne else []
    return Plan(take, give)
