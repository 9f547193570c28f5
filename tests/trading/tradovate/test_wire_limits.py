"""Budgets: the hour rolls, reads stop in time, orders never do, whatever the store and Tradovate say."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.tradovate import Budgets, MemoryStore, Priority, Tradovate, request_access_token
from trading.tradovate.entities import AccessTokenRequest, CancelOrder, SyncRequest
from trading.tradovate.errors import (
    ApiError,
    BudgetSpent,
    NotFound,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    PenaltyImposed,
    RateLimited,
    TradovateError,
)
from trading.tradovate.limits import BLOCK_SECONDS, PROBE_FIRST, PROBE_MOST, ROUTES, USER, Budget, Limit, Usage

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


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> MemoryStore:
    return MemoryStore(clock)


@pytest.fixture
def budgets(store: MemoryStore) -> Budgets:
    """The budgets of user 7 on network "n"."""
    return Budgets(store, network="n", user=7)


async def spend(store: MemoryStore, count: int) -> None:
    for _ in range(count):
        await store.take("user:7", USER, None)


async def test_reads_stop_before_the_hour_is_used_up_and_go_on_later(
    clock: Clock, store: MemoryStore, budgets: Budgets
) -> None:
    await spend(store, USER.up_to(Priority.READ))
    words = r"4,500 of 5,000 .* are used; the rest is kept for orders\. Nothing was looked up\. Next room at"
    with pytest.raises(BudgetSpent, match=words) as spent:
        await budgets.before("GET", "order/list")
    assert isinstance(spent.value, RateLimited)
    assert spent.value.retry_after is not None
    assert HOUR < spent.value.retry_after <= HOUR + USER.slice_seconds
    for _ in range(600):
        await budgets.before("POST", "order/cancelorder")
    await budgets.counted()
    user = await budgets.of_user()
    assert (user.used, user.remaining) == (5100, 0)
    await Budgets(store, network="n", user=8).before("GET", "order/list")
    clock.now += spent.value.retry_after
    await budgets.before("GET", "order/list")


async def test_a_route_is_shared_by_all_users_of_a_network(store: MemoryStore) -> None:
    for user in range(12):
        await Budgets(store, network="a", user=user).before("GET", "auth/renewaccesstoken")
    late = Budgets(store, network="a", user=99)
    with pytest.raises(BudgetSpent, match="auth/renewaccesstoken"):
        await late.before("GET", "auth/renewaccesstoken")
    await Budgets(store, network="a", user=98, priority=Priority.EXIT).before("GET", "auth/renewaccesstoken")
    await Budgets(store, network="b", user=97).before("GET", "auth/renewaccesstoken")
    left = {budget.limit.name: budget.remaining for budget in await late.of_network()}
    assert left == {
        "auth/accesstokenrequest": 5, "auth/me": 10, "auth/renewaccesstoken": 2,
        "user/syncrequest": 300, "order/dryrun": 500,
    }  # fmt: skip
    assert left.keys() == ROUTES.keys()
    assert (await late.of_user()).remaining == 5000
    with pytest.raises(ValueError, match="nobody"):
        await Budgets(store, network="a").of_user()


class BrokenStore:
    """Fails, or never answers."""

    def __init__(self, *, hangs: bool) -> None:
        self.hangs = hangs
        self.asked = 0

    async def take(self, key: str, limit: Limit, priority: Priority | None) -> Budget:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        raise ConnectionError("no store")

    async def look(self, key: str, limit: Limit, priority: Priority = Priority.READ) -> Budget:
        return await self.take(key, limit, None)

    async def block(self, key: str, limit: Limit, seconds: float) -> None:
        await self.take(key, limit, None)

    async def unblock(self, key: str, limit: Limit) -> None:
        await self.take(key, limit, None)


async def test_a_broken_store_stops_nothing_and_orders_do_not_wait_for_it(http: HttpScript) -> None:
    for _ in range(2):
        http.answer({"commandId": 5})
    http.answer([])
    hanging = Budgets(BrokenStore(hangs=True), network="n", user=7)
    async with Tradovate(http.hosts, "tok", budgets=hanging) as t:
        assert (await t.order.cancel(CancelOrder(order_id=3))).command_id == 5
        assert hanging._counting
    failing = Budgets(BrokenStore(hangs=False), network="n", user=7)
    async with Tradovate(http.hosts, "tok", budgets=failing) as t:
        assert (await t.order.cancel(CancelOrder(order_id=3))).command_id == 5
        assert await t.order.list() == []


async def test_a_broken_store_is_left_alone_for_a_moment(caplog: pytest.LogCaptureFixture) -> None:
    store = BrokenStore(hangs=False)
    budgets = Budgets(store, network="n", user=7)
    for _ in range(5):
        await budgets.before("GET", "order/list")
    assert store.asked == 1
    assert caplog.text.count("not counted") == 1


async def test_the_client_sends_no_read_beyond_its_budget_but_cancels(
    http: HttpScript, store: MemoryStore, budgets: Budgets
) -> None:
    await spend(store, USER.most)
    http.answer({"commandId": 5})
    async with Tradovate(http.hosts, "tok", budgets=budgets) as t:
        with pytest.raises(BudgetSpent):
            await t.order.list()
        assert (await t.order.cancel(CancelOrder(order_id=3))).command_id == 5
    assert [request.path for request in http.requests] == ["/v1/order/cancelorder"]


async def test_wrong_passwords_are_counted_and_right_ones_are_not(http: HttpScript, store: MemoryStore) -> None:
    budgets = Budgets(store, network="n")
    wrong = AccessTokenRequest(name="anna", password="p")
    http.answer({"accessToken": "tok", "expirationTime": "2026-11-20T14:30:00Z"})
    await request_access_token(http.hosts, wrong, budgets=budgets)
    for _ in range(5):
        http.answer({"errorText": "Incorrect username or password."})
        with pytest.raises(ApiError, match="Incorrect"):
            await request_access_token(http.hosts, wrong, budgets=budgets)
    with pytest.raises(BudgetSpent):
        await request_access_token(http.hosts, wrong, budgets=budgets)
    assert len(http.requests) == 6


async def test_what_was_never_sent_is_no_failure(store: MemoryStore) -> None:
    budgets = Budgets(store, network="n")
    for _ in range(6):
        with pytest.raises(NotSent):
            async with budgets.request("POST", "auth/accesstokenrequest"):
                raise NotSent("no network")
    await budgets.counted()
    assert {budget.used for budget in await budgets.of_network()} == {0}


async def test_a_429_stops_reads_of_all_processes_and_no_order(
    http: HttpScript, store: MemoryStore, budgets: Budgets
) -> None:
    http.answer(b"", status=429)
    http.answer(b"", status=429)
    async with Tradovate(http.hosts, "tok", budgets=budgets) as t:
        with pytest.raises(RateLimited):
            await t.order.list()
        with pytest.raises(RateLimited):
            await t.order.cancel(CancelOrder(order_id=3))
    other = Budgets(store, network="n", user=7)
    with pytest.raises(BudgetSpent) as spent:
        await other.before("GET", "order/list")
    assert spent.value.retry_after == PROBE_FIRST
    assert (await other.of_user()).blocked
    await other.before("POST", "order/cancelorder")
    await other.counted()
    assert len(http.requests) == 2


async def test_a_spent_budget_does_not_keep_the_token_from_being_renewed(store: MemoryStore, budgets: Budgets) -> None:
    await spend(store, USER.most)
    budgets.failed("order/list", RateLimited())
    await budgets.counted()
    await budgets.before("GET", "auth/renewaccesstoken")
    await budgets.counted()
    assert (await budgets.of_user()).used == USER.most + 1


async def test_after_a_429_one_read_at_a_time_finds_out_whether_it_still_holds(
    clock: Clock, store: MemoryStore, budgets: Budgets
) -> None:
    budgets.failed("order/list", RateLimited())
    await budgets.counted()
    clock.now += PROBE_FIRST
    async with budgets.request("GET", "order/list"):
        with pytest.raises(BudgetSpent):
            await Budgets(store, network="n", user=7).before("GET", "order/list")
    await budgets.counted()
    assert not (await budgets.of_user()).blocked
    await Budgets(store, network="n", user=7).before("GET", "order/list")


async def test_while_a_429_holds_it_is_asked_about_less_and_less_often(clock: Clock, budgets: Budgets) -> None:
    began, asked = clock.now, []
    budgets.failed("order/list", RateLimited())
    await budgets.counted()
    while clock.now < began + 1500:
        clock.now += 1
        try:
            await budgets.before("GET", "order/list")
        except BudgetSpent:
            continue
        asked.append(clock.now - began)
        budgets.failed("order/list", RateLimited())
        await budgets.counted()
    assert asked[:6] == [5, 15, 35, 75, 155, 315]
    assert {later - sooner for sooner, later in pairwise(asked[6:])} == {PROBE_MOST}


async def test_nothing_is_asked_before_the_time_that_tradovate_named(clock: Clock, budgets: Budgets) -> None:
    budgets.failed("order/list", RateLimited(40))
    await budgets.counted()
    clock.now += 39
    with pytest.raises(BudgetSpent):
        await budgets.before("GET", "order/list")
    clock.now += 1
    await budgets.before("GET", "order/list")


async def test_a_429_ends_with_its_hour_or_its_own_word(clock: Clock, budgets: Budgets) -> None:
    for error, seconds in ((RateLimited(), BLOCK_SECONDS), (RateLimited(12), 12)):
        budgets.failed("order/list", error)
        await budgets.counted()
        assert (await budgets.of_user()).blocked
        clock.now += seconds
        assert not (await budgets.of_user()).blocked
        await budgets.before("GET", "order/list")


async def test_an_order_that_goes_through_proves_that_a_429_is_over(
    http: HttpScript, store: MemoryStore, budgets: Budgets
) -> None:
    await store.block("user:7", USER, 3600)
    http.answer({"commandId": 5})
    http.answer([])
    async with Tradovate(http.hosts, "tok", budgets=budgets) as t:
        await t.order.cancel(CancelOrder(order_id=3))
        await budgets.counted()
        assert await t.order.list() == []


async def test_what_was_sent_before_a_429_does_not_end_it(budgets: Budgets) -> None:
    async with budgets.request("GET", "order/list"):
        with pytest.raises(RateLimited):
            async with budgets.request("GET", "fill/list"):
                raise RateLimited
    await budgets.counted()
    assert (await budgets.of_user()).blocked


@pytest.mark.parametrize("answer", [ApiError("no"), OrderRejected("TooLate"), NotFound("no such order")])
async def test_a_refusal_of_another_kind_ends_a_429_and_no_answer_does_not(
    store: MemoryStore, budgets: Budgets, answer: TradovateError
) -> None:
    await store.block("user:7", USER, 3600)
    for error in (OutcomeUnknown("no answer"), asyncio.CancelledError()):
        with pytest.raises(type(error)):
            async with budgets.request("POST", "order/cancelorder"):
                raise error
        await budgets.counted()
        assert (await budgets.of_user()).blocked
    with pytest.raises(type(answer)):
        async with budgets.request("POST", "order/cancelorder"):
            raise answer
    await budgets.counted()
    assert not (await budgets.of_user()).blocked


async def test_a_spent_user_does_not_spend_the_networks_sync_requests(store: MemoryStore, budgets: Budgets) -> None:
    await spend(store, USER.most)
    for _ in range(3):
        with pytest.raises(BudgetSpent, match="5,000 of 5,000"):
            await budgets.before("POST", "user/syncrequest")
    assert {budget.used for budget in await budgets.of_network()} == {0}


async def test_what_the_network_holds_back_is_no_request_of_the_user(store: MemoryStore, budgets: Budgets) -> None:
    budgets.failed("user/syncrequest", PenaltyImposed("ticket", 40))
    budgets.failed("order/list", RateLimited())
    await budgets.counted()
    store.clock.now += 2 * PROBE_FIRST  # the user's next request may find out whether the 429 still holds
    for _ in range(3):
        with pytest.raises(BudgetSpent, match="user/syncrequest"):
            await budgets.before("POST", "user/syncrequest")
    assert (await budgets.of_user()).used == 0
    await budgets.before("GET", "order/list")


async def test_that_is_learnt_however_slow_the_store_is(store: MemoryStore) -> None:
    await store.block("user:7", USER, 3600)

    class Slow(MemoryStore):
        async def take(self, key: str, limit: Limit, priority: Priority | None) -> Budget:
            await asyncio.sleep(0.05)
            return await store.take(key, limit, priority)

        async def unblock(self, key: str, limit: Limit) -> None:
            await store.unblock(key, limit)

    budgets = Budgets(Slow(), network="n", user=7)
    async with budgets.request("POST", "order/placeorder"):
        pass
    await budgets.counted()
    assert not (await store.look("user:7", USER)).blocked


async def test_a_penalty_stops_the_route_for_the_network_and_not_who_has_the_ticket(
    http: HttpScript, clock: Clock, store: MemoryStore, budgets: Budgets
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await budgets.counted()
        clock.now += seconds - 1
        with pytest.raises(BudgetSpent):
            await Budgets(store, network="n", user=8).before("POST", "user/syncrequest")

    http.answer({"p-ticket": "t1cket", "p-time": 20})
    http.answer({"users": []})
    async with Tradovate(http.hosts, "tok", budgets=budgets, patience=30, sleep=sleep) as t:
        await t.user.sync_request(SyncRequest(users=[7]))
    assert waits == [20]
    assert not any(budget.blocked for budget in await budgets.of_network())
    sync = {budget.limit.name: budget.used for budget in await budgets.of_network()}["user/syncrequest"]
    assert (sync, (await budgets.of_user()).used) == (2, 2)


async def test_a_read_that_succeeds_says_nothing_about_a_penalised_route(budgets: Budgets) -> None:
    budgets.failed("user/syncrequest", PenaltyImposed("t1cket", 60))
    await budgets.counted()
    async with budgets.request("GET", "order/list"):
        pass
    await budgets.counted()
    with pytest.raises(BudgetSpent, match="user/syncrequest"):
        await budgets.before("POST", "user/syncrequest")
