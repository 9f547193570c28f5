"""How many requests Tradovate still takes: rolling-hour budgets per user and per network, counted on our side.

The arithmetic is pure; where the counts are kept is a `Store`, so that all processes of a portal can share one. Reads
and routes with a limit of their own are held back when their budget is spent; orders and cancels are counted and
never wait, neither for a budget nor for the store.

Figures: per user 5000 requests an hour of any kind, of which reads leave 200 to orders (80 a minute); the limits per
network (IPv4 /24) and route are what Tradovate tells its partners. Source: official Access text, Request Rate Limits
And Time Penalty, which explains them without figures.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from .errors import BudgetSpent

_SLICES = 60
_STORE_TIMEOUT = 1.0


@dataclass(frozen=True)
class Limit:
    """At most `most` requests in any `seconds`; those that may be held back stop at `most - reserve`."""

    name: str
    most: int
    seconds: float = 3600.0
    reserve: int = 0
    failures_only: bool = False

    @property
    def slice_seconds(self) -> float:
        """Time is counted in slices of this length."""
        return self.seconds / _SLICES


USER = Limit("user", 5000, reserve=200)
ROUTES: Mapping[str, Limit] = {
    "auth/accesstokenrequest": Limit("auth/accesstokenrequest", 5, failures_only=True),
    "auth/me": Limit("auth/me", 10, failures_only=True),
    "auth/renewaccesstoken": Limit("auth/renewaccesstoken", 15),
    "user/syncrequest": Limit("user/syncrequest", 300),
    "order/dryrun": Limit("order/dryrun", 500),
}


@dataclass(frozen=True)
class Budget:
    """What is left of a limit now. `wait` is the seconds until one more request fits, 0.0 when one does."""

    limit: Limit
    used: int
    wait: float

    @property
    def remaining(self) -> int:
        """Requests that still fit, never less than 0."""
        return max(0, self.limit.most - self.used)


@dataclass(frozen=True)
class Usage:
    """Requests counted by slice of time: pairs of slice number and count, oldest first."""

    slices: tuple[tuple[int, int], ...] = ()

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
        return Budget(limit, used, limit.seconds if surplus > 0 else wait)

    def plus(self, limit: Limit, now: float) -> Usage:
        """Return the usage with one more request at `now`."""
        current = int(now // limit.slice_seconds)
        live = self._live(limit, now)
        if live and live[-1][0] >= current:
            return Usage((*live[:-1], (live[-1][0], live[-1][1] + 1)))
        return Usage((*live, (current, 1)))

    def _live(self, limit: Limit, now: float) -> tuple[tuple[int, int], ...]:
        return tuple(one for one in self.slices if (one[0] + 1) * limit.slice_seconds + limit.seconds > now)


class Store(Protocol):
    """Where usage is kept. Both methods are atomic for a key; what they raise lets the request through."""

    async def take(self, key: str, limit: Limit, now: float, most: int | None) -> Budget:
        """Count one request if fewer than `most` are (always when None); return the budget from before it."""
        ...

    async def look(self, key: str, limit: Limit, now: float) -> Budget:
        """Return the budget without counting anything."""
        ...


@dataclass
class MemoryStore:
    """Keeps usage in this process."""

    _usage: dict[str, Usage] = field(default_factory=dict)

    async def take(self, key: str, limit: Limit, now: float, most: int | None) -> Budget:
        """Store.take; atomic because it never waits."""
        usage = self._usage.get(key, Usage())
        budget = usage.at(limit, now, most=most)
        if most is None or budget.used < most:
            self._usage[key] = usage.plus(limit, now)
        return budget

    async def look(self, key: str, limit: Limit, now: float) -> Budget:
        """Store.look."""
        return self._usage.get(key, Usage()).at(limit, now)


class Budgets:
    """The budgets of one user on one network. `clock` gives seconds that all users of the store agree on.

    `network` names the /24 that Tradovate sees us come from; `user` is Tradovate's user id, None before sign-in.
    """

    def __init__(
        self, store: Store, *, network: str, user: int | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._network = network
        self._user = user
        self._clock = clock
        self._counting: set[asyncio.Task[Budget | None]] = set()

    async def before(self, method: str, route: str) -> None:
        """Count a request ("GET", "order/list") that is about to be sent. Raises BudgetSpent if it must not be.

        Only reads and the routes of ROUTES are held back. Everything else may close a position: it is counted while
        it is sent.
        """
        may_wait = method == "GET" or route in ROUTES
        if (limit := ROUTES.get(route)) is not None:
            await self._hold_back(self._key(limit), limit)
        if self._user is not None:
            if may_wait:
                await self._hold_back(self._key(USER), USER)
            else:
                self._count(USER)

    def failed(self, route: str) -> None:
        """Count a failure of a route whose limit is on failures only."""
        limit = ROUTES.get(route)
        if limit is not None and limit.failures_only:
            self._count(limit)

    async def remaining(self) -> list[Budget]:
        """Return all budgets as they stand, the user's first. Raises what the store raises."""
        limits = ([USER] if self._user is not None else []) + list(ROUTES.values())
        now = self._clock()
        return [await self._store.look(self._key(limit), limit, now) for limit in limits]

    async def counted(self) -> None:
        """Wait until all that was sent has been counted."""
        await asyncio.gather(*self._counting)

    def _key(self, limit: Limit) -> str:
        return f"user:{self._user}" if limit is USER else f"network:{self._network}:{limit.name}"

    async def _hold_back(self, key: str, limit: Limit) -> None:
        now, most = self._clock(), limit.most - limit.reserve
        if limit.failures_only:
            budget = await _if_it_answers(self._store.look(key, limit, now))
        else:
            budget = await _if_it_answers(self._store.take(key, limit, now, most))
        if budget is not None and budget.used >= most:
            raise BudgetSpent(limit.name, budget.wait)

    def _count(self, limit: Limit) -> None:
        task = asyncio.create_task(_if_it_answers(self._store.take(self._key(limit), limit, self._clock(), None)))
        self._counting.add(task)
        task.add_done_callback(self._counting.discard)


async def _if_it_answers(question: Coroutine[Any, Any, Budget]) -> Budget | None:
    """Return the store's answer; None when it fails or takes long, because counting must not stop trading."""
    try:
        async with asyncio.timeout(_STORE_TIMEOUT):
            return await question
    except Exception:  # noqa: BLE001 - whatever ails a store, of which this library knows nothing
        return None
