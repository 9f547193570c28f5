"""How many requests Tradovate still takes: rolling-hour budgets per user and per network, counted on our side.

The arithmetic is pure; where the counts are kept is a `Store` (see stores), so that all processes of a portal can
share one. Reads and routes with a limit of their own are held back when their budget is spent, or when Tradovate has
said so itself; orders and cancels are counted and never wait, neither for a budget nor for the store.

Figures: per user 5000 requests an hour of any kind, of which reads leave 200 to orders (80 a minute); the limits per
network (IPv4 /24) and route are what Tradovate tells its partners. Source: official Access text, Request Rate Limits
And Time Penalty, which explains them without figures.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from .errors import (
    ApiError,
    BudgetSpent,
    NotFound,
    NotSent,
    OrderRejected,
    PenaltyImposed,
    RateLimited,
    TradovateError,
)

T = TypeVar("T")

log = logging.getLogger(__name__)

# While Tradovate says no, one request in so many seconds finds out whether it still does.
PROBE_EVERY = 300.0
# How long Tradovate refuses when it does not say (official Access text: a period of time; measured: up to an hour).
BLOCK_SECONDS = 3600.0

_SLICES = 60
_STORE_TIMEOUT = 1.0
_STORE_REST = 2.0
# Answers that only a server which takes requests gives.
_HANDLED = (ApiError, NotFound, OrderRejected)


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

    Until `blocked_until` (seconds) Tradovate refuses; the next request that may find out goes at `probe_at`.
    """

    slices: tuple[tuple[int, int], ...] = ()
    blocked_until: float = 0.0
    probe_at: float = 0.0

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
        return replace(self, probe_at=now + PROBE_EVERY)

    def blocked(self, now: float, seconds: float) -> Usage:
        """Return the usage after Tradovate refused for `seconds`."""
        return replace(self, blocked_until=now + seconds, probe_at=now + PROBE_EVERY)

    def unblocked(self) -> Usage:
        """Return the usage after Tradovate took a request."""
        return replace(self, blocked_until=0.0, probe_at=0.0)

    def _live(self, limit: Limit, now: float) -> tuple[tuple[int, int], ...]:
        return tuple(one for one in self.slices if (one[0] + 1) * limit.slice_seconds + limit.seconds > now)


class Store(Protocol):
    """Where usage is kept, and whose clock counts. All is atomic for a key; an error lets the request through."""

    async def take(self, key: str, limit: Limit, most: int | None) -> Budget:
        """Count one request if one may go towards `most` (always when None); return the budget from before it."""
        ...

    async def look(self, key: str, limit: Limit) -> Budget:
        """Return the budget as those that may be held back find it, without counting anything."""
        ...

    async def block(self, key: str, limit: Limit, seconds: float) -> None:
        """Keep that Tradovate refuses for `seconds`."""
        ...

    async def unblock(self, key: str, limit: Limit) -> None:
        """Forget that it refused."""
        ...


class Budgets:
    """The budgets of one user on one network.

    `network` names the /24 that Tradovate sees us come from; `user` is Tradovate's user id, None before sign-in.
    `urgent` may use the reserve of a limit, too. `user_limit` is what a user may ask of the API that is meant.
    """

    def __init__(
        self,
        store: Store,
        *,
        network: str,
        user: int | None = None,
        urgent: bool = False,
        user_limit: Limit = USER,
    ) -> None:
        self._store = store
        self._network = network
        self._user = user
        self._urgent = urgent
        self._user_limit = user_limit
        self._blocked: set[Limit] = set()
        self._rests_until = 0.0
        self._counting: set[asyncio.Task[object]] = set()

    @asynccontextmanager
    async def request(self, method: str, route: str, *, with_ticket: bool = False) -> AsyncIterator[None]:
        """Count the request ("GET", "order/list") that is sent inside, and learn from how it ends.

        Raises BudgetSpent before it is sent, as `before` does. `with_ticket` repeats one that a penalty delayed: it
        does not wait for the others' penalty.
        """
        await self.before(method, route, with_ticket=with_ticket)
        try:
            yield
        except TradovateError as error:
            self.failed(route, error)
            raise
        self.succeeded(route)

    async def before(self, method: str, route: str, *, with_ticket: bool = False) -> None:
        """Count a request that is about to be sent. Raises BudgetSpent if it must not be.

        Only reads and the routes of ROUTES are held back. Everything else may close a position, and a token that is
        not renewed closes none: it is counted while it is sent.
        """
        limit = ROUTES.get(route)
        if limit is not None and not (with_ticket and limit.failures_only):
            await self._hold_back(limit, always=with_ticket)
        if self._user is not None:
            if (method == "GET" or limit is not None) and not route.startswith("auth/"):
                await self._hold_back(self._user_limit)
            else:
                self._later(self._take(self._user_limit, None))

    def failed(self, route: str, error: TradovateError) -> None:
        """Learn from a failure: a 429 spends the user's budget, a penalty the route's; some limits count failures."""
        limit = ROUTES.get(route)
        if isinstance(error, BudgetSpent):
            return
        if isinstance(error, RateLimited) and self._user is not None:
            whole = min(BLOCK_SECONDS, self._user_limit.seconds)
            self._block(self._user_limit, whole if error.retry_after is None else error.retry_after)
        elif isinstance(error, PenaltyImposed) and limit is not None:
            self._block(limit, BLOCK_SECONDS if error.captcha else error.seconds)
        elif isinstance(error, _HANDLED):
            self.succeeded(route)
        if limit is not None and limit.failures_only and not isinstance(error, NotSent):
            self._later(self._take(limit, None))

    def succeeded(self, route: str) -> None:
        """Learn that Tradovate takes requests again."""
        limits = {self._user_limit, ROUTES.get(route, self._user_limit)}
        # An order is counted while it is sent: that Tradovate refuses may be learnt after it has been taken.
        if self._counting or self._blocked & limits:
            self._later(self._lift(limits, tuple(self._counting)))

    async def of_user(self) -> Budget:
        """Return the user's budget as it stands. Raises what the store raises, and ValueError without a user."""
        if self._user is None:
            raise ValueError("These budgets are of nobody in particular.")
        return await self._store.look(self._key(self._user_limit), self._user_limit)

    async def of_network(self) -> list[Budget]:
        """Return the budgets of the network's routes as they stand. Raises what the store raises."""
        return [await self._store.look(self._key(limit), limit) for limit in ROUTES.values()]

    async def counted(self) -> None:
        """Wait until all that was sent has been counted."""
        await asyncio.gather(*self._counting)

    def _key(self, limit: Limit) -> str:
        if limit is self._user_limit:
            return f"{limit.name}:{self._user}"
        return f"network:{self._network}:{limit.name}"

    async def _hold_back(self, limit: Limit, *, always: bool = False) -> None:
        most = limit.most if self._urgent else limit.ordinary
        if limit.failures_only:
            budget = await self._if_it_answers(self._store.look(self._key(limit), limit))
        else:
            budget = await self._take(limit, None if always else most)
        if budget is not None and budget.wait > 0 and not always:
            raise BudgetSpent(limit.name, budget.wait)

    async def _take(self, limit: Limit, most: int | None) -> Budget | None:
        budget = await self._if_it_answers(self._store.take(self._key(limit), limit, most))
        if budget is not None and budget.blocked:
            self._blocked.add(limit)
        return budget

    async def _lift(self, limits: set[Limit], counting: tuple[asyncio.Task[object], ...]) -> None:
        if counting:
            await asyncio.wait(counting)
        for limit in self._blocked & limits:
            self._blocked.discard(limit)
            await self._if_it_answers(self._store.unblock(self._key(limit), limit))

    def _block(self, limit: Limit, seconds: float) -> None:
        log.warning("Tradovate refuses requests (%s); reads pause for up to %.0f seconds.", limit.name, seconds)
        self._blocked.add(limit)
        self._later(self._if_it_answers(self._store.block(self._key(limit), limit, seconds)))

    def _later(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._counting.add(task)
        task.add_done_callback(self._counting.discard)

    async def _if_it_answers(self, question: Coroutine[Any, Any, T]) -> T | None:
        """Return the store's answer; None when it fails or takes long, because counting must not stop trading."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._rests_until:
            question.close()
            return None
        try:
            async with asyncio.timeout(_STORE_TIMEOUT):
                return await question
        except Exception as error:  # noqa: BLE001 - whatever ails a store, of which this library knows nothing
            log.warning("Requests to Tradovate are not counted just now: %s", type(error).__name__)
            self._rests_until = loop.time() + _STORE_REST
            return None
