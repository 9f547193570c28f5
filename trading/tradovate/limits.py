"""How many requests Tradovate still takes: rolling-hour budgets per user and per network, counted on our side.

Pure arithmetic: `stores` keeps the counts, `budgets` holds requests back, `priorities` says which.

Figures: per user 5000 requests an hour of any kind, for which Tradovate plans 80 a minute; how they are shared out is
ours. The limits per network (IPv4 /24) and route are what Tradovate tells its partners. Source: official Access text,
Request Rate Limits And Time Penalty, which explains them without figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .priorities import Priority

# While Tradovate says no and not for how long, one request finds out whether it still does: first after so many
# seconds, then after twice as many each time, up to the most. A refusal may be over at once, and a desk that waits an
# hour for nothing shows no fills.
PROBE_FIRST = 5.0
PROBE_MOST = 300.0
# How long Tradovate refuses when it does not say (official Access text: a period of time; measured: up to an hour).
BLOCK_SECONDS = 3600.0

_SLICES = 60


@dataclass(frozen=True)
class Pace:
    """How fast reads may follow each other once `begins_at` requests of the window are used.

    One every `interval` seconds on average, `burst` of them at once; a read waits for its turn for at most `patience`
    seconds, else it is refused. What is no read, and what went before that, counts too: it uses up the burst, not more.
    """

    interval: float
    burst: int
    begins_at: int
    patience: float


@dataclass(frozen=True)
class Limit:
    """At most `most` requests in any `seconds`, of which a priority may use up to its share (all when it has none)."""

    name: str
    most: int
    seconds: float = 3600.0
    shares: Mapping[Priority, int] = field(default_factory=dict, hash=False)
    failures_only: bool = False
    pace: Pace | None = None

    def up_to(self, priority: Priority) -> int:
        """Return where requests of this priority stop."""
        return self.shares.get(priority, self.most)

    @property
    def longest_block(self) -> float:
        """Seconds for which Tradovate refuses at most when it does not say for how long."""
        return min(BLOCK_SECONDS, self.seconds)

    @property
    def slice_seconds(self) -> float:
        """Time is counted in slices of this length."""
        return self.seconds / _SLICES


# 200 of the hour are left to exits and cancels alone; modifications may go 100 further than entries, because they guard
# positions; reads stop 200 before entries do, so that an order still finds room when looking has used up its own. Below
# half of the hour a burst of reads (a long order file) costs nobody anything.
USER = Limit(
    "user",
    5000,
    shares={Priority.READ: 4500, Priority.ENTRY: 4700, Priority.MODIFY: 4800},
    pace=Pace(interval=60 / 80, burst=80, begins_at=2500, patience=5.0),
)
ROUTES: Mapping[str, Limit] = {
    "auth/accesstokenrequest": Limit("auth/accesstokenrequest", 5, failures_only=True),
    "auth/me": Limit("auth/me", 10, failures_only=True),
    "auth/renewaccesstoken": Limit("auth/renewaccesstoken", 15, shares={Priority.READ: 12}),
    "user/syncrequest": Limit("user/syncrequest", 300),
    "order/dryrun": Limit("order/dryrun", 500),
}


@dataclass(frozen=True)
class Budget:
    """What is left of a limit now. `wait` is the seconds until one more request may go, 0.0 when one may.

    `blocked` says that Tradovate itself refused lately; one request may go now and then all the same, to find out.
    `delay` is the seconds that a read which may go has to wait for its turn first. `usage` is what it was reckoned from
    at the time `now` (seconds).
    """

    limit: Limit
    used: int
    wait: float
    blocked: bool = False
    delay: float = 0.0
    usage: Usage = field(kw_only=True, repr=False, compare=False)
    now: float = field(kw_only=True, repr=False, compare=False)

    def as_of(self, priority: Priority) -> Budget:
        """Return the same budget as requests of another priority find it."""
        return self.usage.at(self.limit, self.now, priority)

    @property
    def remaining(self) -> int:
        """Requests that still fit, never less than 0."""
        return max(0, self.limit.most - self.used)


@dataclass(frozen=True)
class Usage:
    """Requests counted by slice of time: pairs of slice number and count, oldest first.

    Until `blocked_until` (seconds) Tradovate refuses; the next request that may find out goes at `probe_at`, the one
    after it `pause` seconds later. `due` is when the requests so far would all have gone, one at a time at the pace.
    """

    slices: tuple[tuple[int, int], ...] = ()
    blocked_until: float = 0.0
    probe_at: float = 0.0
    pause: float = PROBE_FIRST
    due: float = 0.0

    def at(self, limit: Limit, now: float, priority: Priority | None = None) -> Budget:
        """Return the budget at `now` (seconds) as requests of this priority find it (of the whole limit when None).

        A slice counts until all of it is older than the window: too careful by up to a slice, never too bold.
        """
        most = limit.most if priority is None else limit.up_to(priority)
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
        delay, pace = 0.0, limit.pace
        if pace is not None and priority == Priority.READ and used >= pace.begins_at:
            delay = max(0.0, self.due - (pace.burst - 1) * pace.interval - now)
            # Nobody stands in a line that long: whoever comes back then finds its end.
            wait = max(wait, delay - pace.patience)
        return Budget(limit, used, wait, blocked, delay, usage=self, now=now)

    def plus(self, limit: Limit, now: float, priority: Priority | None = None) -> Usage:
        """Return the usage with one more request at `now`."""
        current = int(now // limit.slice_seconds)
        live, due = self._live(limit, now), self.due
        if limit.pace is not None:
            due = max(now, self.due) + limit.pace.interval
            if priority != Priority.READ or sum(count for _, count in live) < limit.pace.begins_at:
                due = max(self.due, min(due, now + limit.pace.burst * limit.pace.interval))
        if live and live[-1][0] >= current:
            return replace(self, slices=(*live[:-1], (live[-1][0], live[-1][1] + 1)), due=due)
        return replace(self, slices=(*live, (current, 1)), due=due)

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
