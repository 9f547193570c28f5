"""How many requests Tradovate still takes: rolling-hour budgets per user and per network, counted on our side.

Pure arithmetic: `stores` keeps the counts, `budgets` holds requests back.

Figures: per user 5000 requests an hour of any kind, of which reads leave 200 to orders (80 a minute); the limits per
network (IPv4 /24) and route are what Tradovate tells its partners. Source: official Access text, Request Rate Limits
And Time Penalty, which explains them without figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

# While Tradovate says no and not for how long, one request finds out whether it still does: first after so many
# seconds, then after twice as many each time, up to the most. A refusal may be over at once, and a desk that waits an
# hour for nothing shows no fills.
PROBE_FIRST = 5.0
PROBE_MOST = 300.0
# How long Tradovate refuses when it does not say (official Access text: a period of time; measured: up to an hour).
BLOCK_SECONDS = 3600.0

_SLICES = 60


@dataclass(frozen=True)
class Limit:
    """At most `most` requests in any `seconds`; those that may be held back stop at `most - reserve`."""

    name: str
    most: int
    seconds: float = 3600.0
    reserve: int = 0
    failures_only: bool = False

    @property
    def ordinary(self) -> int:
        """Where those that may be held back stop."""
        return self.most - self.reserve

    @property
    def longest_block(self) -> float:
        """Seconds for which Tradovate refuses at most when it does not say for how long."""
        return min(BLOCK_SECONDS, self.seconds)

    @property
    def slice_seconds(self) -> float:
        """Time is counted in slices of this length."""
        return self.seconds / _SLICES


USER = Limit("user", 5000, reserve=200)
ROUTES: Mapping[str, Limit] = {
    "auth/accesstokenrequest": Limit("auth/accesstokenrequest", 5, failures_only=True),
    "auth/me": Limit("auth/me", 10, failures_only=True),
    "auth/renewaccesstoken": Limit("auth/renewaccesstoken", 15, reserve=3),
    "user/syncrequest": Limit("user/syncrequest", 300),
    "order/dryrun": Limit("order/dryrun", 500),
}


@dataclass(frozen=True)
class Budget:
    """What is left of a limit now. `wait` is the seconds until one more request may go, 0.0 when one may.

    `blocked` says that Tradovate itself refused lately; one request may go now and then all the same, to find out.
    """

    limit: Limit
    used: int
    wait: float
    blocked: bool = False

    @property
    def remaining(self) -> int:
        """Requests that still fit, never less than 0."""
        return max(0, self.limit.most - self.used)


@dataclass(frozen=True)
class Usage:
    """Requests counted by slice of time: pairs of slice number and count, oldest first.

    Until `blocked_until` (seconds) Tradovate refuses; the next request that may find out goes at `probe_at`, the one
    after it `pause` seconds later.
    """

    slices: tuple[tuple[int, int], ...] = ()
    blocked_until: float = 0.0
    probe_at: float = 0.0
    pause: float = PROBE_FIRST

    def at(self, limit: Limit, now: float, *, most: int | None = None) -> Budget:
        """Return the budget at `now` (seconds), towards `most` requests (the whole limit when None).

        A slice counts until all of it is older than the window: too careful by up to a slice, never too bold.
        """
        most = limit.most if most is None else most
        live = self._live(limit, now)
        used = sum(count for _, count in live)
        surplus, wait = used - most + 1, 0.0
        for number, count in live:
            if surplus <= 0:
                break
            surplus -= count
            wait = max(0.0, (number + 1) * limit.slice_seconds + limit.seconds - now)
        # With a budget of nothing, one more never fits; a whole window is as good an answer as any.
        wait = limit.seconds if surplus > 0 else wait
        blocked = self.blocked_until > now
        if blocked:
            wait = max(wait, min(self.probe_at, self.blocked_until) - now)
        return Budget(limit, used, wait, blocked)

    def plus(self, limit: Limit, now: float) -> Usage:
        """Return the usage with one more request at `now`."""
        current = int(now // limit.slice_seconds)
        live = self._live(limit, now)
        if live and live[-1][0] >= current:
            return replace(self, slices=(*live[:-1], (live[-1][0], live[-1][1] + 1)))
        return replace(self, slices=(*live, (current, 1)))

    def probed(self, now: float) -> Usage:
        """Return the usage after a request that went although Tradovate refuses, to find out."""
        return replace(self, probe_at=now + self.pause, pause=min(PROBE_MOST, 2 * self.pause))

    def blocked(self, limit: Limit, now: float, seconds: float | None) -> Usage:
        """Return the usage after Tradovate refused for `seconds`, or without saying for how long when they are None."""
        if seconds is not None:
            return replace(self, blocked_until=now + seconds, probe_at=now + seconds, pause=PROBE_FIRST)
        until = now + limit.longest_block
        if self.blocked_until > now:
            return replace(self, blocked_until=until)
        return replace(self, blocked_until=until, probe_at=now + PROBE_FIRST, pause=2 * PROBE_FIRST)

    def unblocked(self) -> Usage:
        """Return the usage after Tradovate took a request."""
        return replace(self, blocked_until=0.0, probe_at=0.0, pause=PROBE_FIRST)

    def _live(self, limit: Limit, now: float) -> tuple[tuple[int, int], ...]:
        return tuple(one for one in self.slices if (one[0] + 1) * limit.slice_seconds + limit.seconds > now)
