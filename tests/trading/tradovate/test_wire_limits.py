"""Budgets: the hour rolls, reads stop in time, orders never do, whatever the store does."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.tradovate import Budgets, Tradovate, request_access_token
from trading.tradovate.entities import AccessTokenRequest, CancelOrder
from trading.tradovate.errors import ApiError, BudgetSpent, RateLimited
from trading.tradovate.limits import ROUTES, USER, Budget, Limit, MemoryStore, Usage

from .conftest import HttpScript

HOUR = 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@given(
    st.lists(st.floats(0, 400, allow_nan=False), max_size=60),
    st.integers(1, 8),
)
def test_no_window_of_any_hour_holds_more_than_the_limit(pauses: list[float], most: int) -> None:
    limit, usage, now, sent = Limit("x", most, seconds=1000), Usage(), 5000.0, []
    for pause in pauses:
        now += pause
        budget = usage.at(limit, now)
        assert (budget.wait == 0.0) == (budget.used < most) == (budget.remaining > 0)
        if budget.remaining:
            usage = usage.plus(limit, now)
            sent.append(now)
        else:
            assert usage.at(limit, now + budget.wait).remaining > 0
    assert all(sum(start <= moment < start + 1000 for moment in sent) <= most for start in sent)
    assert len(usage.slices) <= 62


async def test_reads_stop_before_the_hour_is_used_up_and_go_on_later() -> None:
    clock, store = Clock(), MemoryStore()
    budgets = Budgets(store, network="n", user=7, clock=clock)
    for _ in range(USER.most - USER.reserve):
        await budgets.before("GET", "order/list")
    with pytest.raises(BudgetSpent, match="user") as spent:
        await budgets.before("GET", "order/list")
    assert isinstance(spent.value, RateLimited)
    assert spent.value.retry_after is not None
    assert HOUR < spent.value.retry_after <= HOUR + USER.slice_seconds
    for _ in range(300):
        await budgets.before("POST", "order/cancelorder")
    await budgets.counted()
    user, *_ = await budgets.remaining()
    assert (user.used, user.remaining) == (5100, 0)
    await Budgets(store, network="n", user=8, clock=clock).before("GET", "order/list")
    clock.now += spent.value.retry_after
    await budgets.before("GET", "order/list")


async def test_a_route_is_shared_by_all_users_of_a_network() -> None:
    clock, store = Clock(), MemoryStore()
    for user in range(15):
        await Budgets(store, network="a", user=user, clock=clock).before("GET", "auth/renewaccesstoken")
    late = Budgets(store, network="a", user=99, clock=clock)
    with pytest.raises(BudgetSpent, match="auth/renewaccesstoken"):
        await late.before("GET", "auth/renewaccesstoken")
    await Budgets(store, network="b", user=99, clock=clock).before("GET", "auth/renewaccesstoken")
    left = {budget.limit.name: budget.remaining for budget in await late.remaining()}
    assert left == {
        "user": 4999, "auth/accesstokenrequest": 5, "auth/me": 10, "auth/renewaccesstoken": 0,
        "user/syncrequest": 300, "order/dryrun": 500,
    }  # fmt: skip
    assert left.keys() == {"user", *ROUTES}


class BrokenStore:
    """Fails, or never answers."""

    def __init__(self, *, hangs: bool) -> None:
        self.hangs = hangs

    async def take(self, key: str, limit: Limit, now: float, most: int | None) -> Budget:
        if self.hangs:
            await asyncio.Event().wait()
        raise ConnectionError("no store")

    async def look(self, key: str, limit: Limit, now: float) -> Budget:
        return await self.take(key, limit, now, None)


async def test_a_broken_store_stops_nothing_and_orders_do_not_wait_for_it(http: HttpScript) -> None:
    for _ in range(2):
        http.answer({"commandId": 5})
    http.answer([])
    hanging = Budgets(BrokenStore(hangs=True), network="n", user=7)
    async with Tradovate(http.hosts, "tok", budgets=hanging) as t, asyncio.timeout(0.9):
        assert (await t.order.cancel(CancelOrder(order_id=3))).command_id == 5
    failing = Budgets(BrokenStore(hangs=False), network="n", user=7)
    async with Tradovate(http.hosts, "tok", budgets=failing) as t:
        assert (await t.order.cancel(CancelOrder(order_id=3))).command_id == 5
        assert await t.order.list() == []
    await failing.counted()
    await hanging.counted()


async def test_the_client_sends_no_read_beyond_its_budget_but_cancels(http: HttpScript) -> None:
    clock, store = Clock(), MemoryStore()
    for _ in range(USER.most):
        await store.take("user:7", USER, clock.now, None)
    http.answer({"commandId": 5})
    budgets = Budgets(store, network="n", user=7, clock=clock)
    async with Tradovate(http.hosts, "tok", budgets=budgets) as t:
        with pytest.raises(BudgetSpent):
            await t.order.list()
        assert (await t.order.cancel(CancelOrder(order_id=3))).command_id == 5
    assert [request.path for request in http.requests] == ["/v1/order/cancelorder"]


async def test_wrong_passwords_are_counted_and_right_ones_are_not(http: HttpScript) -> None:
    clock = Clock()
    budgets = Budgets(MemoryStore(), network="n", clock=clock)
    wrong = AccessTokenRequest(name="anna", password="p")
    http.answer({"accessToken": "tok", "expirationTime": "2026-11-20T14:30:00Z"})
    await request_access_token(http.hosts, wrong, budgets=budgets)
    for _ in range(5):
        http.answer({"errorText": "Incorrect username or password."})
        with pytest.raises(ApiError, match="Incorrect"):
            await request_access_token(http.hosts, wrong, budgets=budgets)
        await budgets.counted()
    with pytest.raises(BudgetSpent):
        await request_access_token(http.hosts, wrong, budgets=budgets)
    assert len(http.requests) == 6
