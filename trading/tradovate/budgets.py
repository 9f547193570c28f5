"""Requests counted as they are sent, and held back before Tradovate refuses them.

What may be held back is refused at once when its share of the budget is spent (see priorities), or when Tradovate has
said so itself. Exits and cancels are counted and never wait, neither for a budget nor for the store.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

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
from .limits import BLOCK_SECONDS, ROUTES, USER, Budget, Limit
from .priorities import Priority, priority_of, refusal
from .stores import Store

log = logging.getLogger(__name__)

T = TypeVar("T")

_STORE_TIMEOUT = 1.0
# An order that asks the store first goes without its answer sooner.
_ORDER_TIMEOUT = 0.25
# For so many seconds a store that failed is not asked again.
_STORE_REST = 2.0
# Answers that only a server which takes requests gives.
_HANDLED = (ApiError, NotFound, OrderRejected)


class Budgets:
    """The budgets of one user on one network.

    `network` names the /24 that Tradovate sees us come from; `user` is Tradovate's user id, None before sign-in.
    `priority` is that of each request that states none itself; with None, reads are READ and whatever may trade goes.
    `user_limit` is what a user may ask of the API that is meant. `sleep` waits for a read's turn (seconds).
    """

    def __init__(
        self,
        store: Store,
        *,
        network: str,
        user: int | None = None,
        priority: Priority | None = None,
        user_limit: Limit = USER,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._network = network
        self._user = user
        self._priority = priority
        self._user_limit = user_limit
        self._sleep = sleep
        self._blocked: set[Limit] = set()
        self._refusals = 0
        self._rests_until = 0.0
        self._counting: set[asyncio.Task[object]] = set()

    @asynccontextmanager
    async def request(
        self, method: str, route: str, *, with_ticket: bool = False, priority: Priority | None = None
    ) -> AsyncIterator[None]:
        """Count the request ("GET", "order/list") that is sent inside, and learn from how it ends.

        Raises BudgetSpent before it is sent, as `before` does. `with_ticket` repeats one that a penalty delayed: it
        does not wait for the others' penalty.
        """
        await self.before(method, route, with_ticket=with_ticket, priority=priority)
        refusals = self._refusals
        try:
            yield
        except TradovateError as error:
            self.failed(route, error)
            if isinstance(error, _HANDLED):
                self._succeeded(route, refusals)
            raise
        self._succeeded(route, refusals)

    async def before(
        self, method: str, route: str, *, with_ticket: bool = False, priority: Priority | None = None
    ) -> None:
        """Count a request that is about to be sent. Raises BudgetSpent if it must not be; a read may wait for its turn.

        Exits and cancels, and what may be one, are counted while they are sent; so is what renews a token, for without
        one no position is closed.
        """
        limit = ROUTES.get(route)
        rank = priority_of(method, route, priority or self._priority, can_wait=limit is not None)
        asks = method == "GET" or limit is not None
        goes = rank.always_goes or route.startswith("auth/")
        if self._user is not None and not goes:
            if limit is not None and not with_ticket:
                # What the route holds back is no request of the user.
                await self._hold_back(limit, rank, asks=asks, count=False)
            await self._hold_back(self._user_limit, rank, asks=asks)
        if limit is not None and not (with_ticket and limit.failures_only):
            await self._hold_back(limit, rank, asks=asks, always=with_ticket)
        if self._user is not None and goes:
            self._later(self._take(self._user_limit, None))

    def failed(self, route: str, error: TradovateError) -> None:
        """Learn from a failure: a 429 spends the user's budget, a penalty the route's; some limits count failures."""
        limit = ROUTES.get(route)
        if isinstance(error, BudgetSpent):
            return
        if isinstance(error, RateLimited) and self._user is not None:
            self._block(self._user_limit, error.retry_after)
        elif isinstance(error, PenaltyImposed) and limit is not None:
            self._block(limit, BLOCK_SECONDS if error.captcha else error.seconds)
        if limit is not None and limit.failures_only and not isinstance(error, NotSent):
            self._later(self._take(limit, None))

    def _succeeded(self, route: str, refusals: int) -> None:
        """Learn that Tradovate takes requests, unless it has refused one since this was sent."""
        if refusals != self._refusals:
            return
        limits = {self._user_limit, ROUTES.get(route, self._user_limit)}
        # An order is counted while it is sent: that Tradovate refuses may be learnt after it has been taken.
        if self._counting or self._blocked & limits:
            self._later(self._lift(limits, tuple(self._counting)))

    async def of_user(self) -> Budget:
        """Return the user's budget as reads find it. Raises what the store raises, and ValueError without a user."""
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

    async def _hold_back(
        self, limit: Limit, rank: Priority, *, asks: bool, always: bool = False, count: bool = True
    ) -> None:
        if limit.failures_only or not count:
            budget = await self._if_it_answers(self._store.look(self._key(limit), limit, rank))
        else:
            budget = await self._take(limit, None if always else rank)
        if budget is None or always:
            return
        if budget.wait > 0:
            raise BudgetSpent(limit.name, budget.wait, _words(budget, rank, asks=asks))
        if budget.delay > 0:
            await self._sleep(budget.delay)

    async def _take(self, limit: Limit, rank: Priority | None) -> Budget | None:
        patience = _STORE_TIMEOUT if rank in (None, Priority.READ) else _ORDER_TIMEOUT
        budget = await self._if_it_answers(self._store.take(self._key(limit), limit, rank), patience)
        if budget is not None and budget.blocked:
            self._blocked.add(limit)
        return budget

    async def _lift(self, limits: set[Limit], counting: tuple[asyncio.Task[object], ...]) -> None:
        if counting:
            await asyncio.wait(counting)
        for limit in self._blocked & limits:
            self._blocked.discard(limit)
            await self._if_it_answers(self._store.unblock(self._key(limit), limit))

    def _block(self, limit: Limit, seconds: float | None) -> None:
        longest = limit.longest_block if seconds is None else seconds
        log.warning("Tradovate refuses requests (%s); reads pause for up to %.0f seconds.", limit.name, longest)
        self._blocked.add(limit)
        self._refusals += 1
        self._later(self._if_it_answers(self._store.block(self._key(limit), limit, seconds)))

    def _later(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._counting.add(task)
        task.add_done_callback(self._counting.discard)

    async def _if_it_answers(self, question: Coroutine[Any, Any, T], patience: float = _STORE_TIMEOUT) -> T | None:
        """Return the store's answer; None when it fails or takes long, because counting must not stop trading."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._rests_until:
            question.close()
            return None
        try:
            async with asyncio.timeout(patience):
                return await question
        except Exception as error:  # noqa: BLE001 - whatever ails a store, of which this library knows nothing
            log.warning("Requests to Tradovate are not counted just now: %s", type(error).__name__)
            self._rests_until = loop.time() + _STORE_REST
            return None


def _words(budget: Budget, rank: Priority, *, asks: bool) -> str:
    """Return why the user's budget refuses a request; a route's refusal says so itself."""
    return "" if budget.limit.name in ROUTES else refusal(budget, rank, dt.datetime.now(dt.UTC), asks=asks)
