"""What has no room is refused at once and in words; exits and cancels always go; reads keep Tradovate's pace."""

import asyncio
import re

import pytest

from trading.tradovate import Budgets, MemoryStore, Priority, Tradovate
from trading.tradovate.entities import (
    CancelOrder,
    LiquidatePosition,
    ModifyOrder,
    PlaceOrder,
    StartOrderStrategy,
)
from trading.tradovate.errors import BudgetSpent, RateLimited
from trading.tradovate.limits import PROBE_FIRST, USER

from .conftest import HttpScript

ENTRY = PlaceOrder(account_id=7, action="Buy", symbol="ESZ6", order_qty=1, order_type="Market")
CHANGE = ModifyOrder(order_id=3, order_qty=1, order_type="Limit")
CLOSE = LiquidatePosition(account_id=7, contract_id=5, admin=False)
ORDER = ("POST", "order/placeorder")


class Clock:
    """Seconds, and a sleep that makes them pass."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> MemoryStore:
    return MemoryStore(clock)


@pytest.fixture
def budgets(store: MemoryStore, clock: Clock) -> Budgets:
    return Budgets(store, network="n", user=7, sleep=clock.sleep)


async def spend(store: MemoryStore, upto: int) -> None:
    while (await store.look("user:7", USER)).used < upto:
        await store.take("user:7", USER, None)


async def test_each_priority_leaves_room_to_those_above_it(store: MemoryStore, budgets: Budgets) -> None:
    stops = []
    for used in (4499, 4500, 4700, 4800, 5000, 6000):
        await spend(store, used)
        going = []
        for priority in Priority:
            try:
                await budgets.before(*ORDER, priority=priority)
            except BudgetSpent:
                continue
            going.append(priority.name)
            await budgets.counted()
        stops.append(going)
    assert stops == [
        ["READ", "ENTRY", "MODIFY", "CANCEL", "EXIT"],
        ["ENTRY", "MODIFY", "CANCEL", "EXIT"],
        ["MODIFY", "CANCEL", "EXIT"],
        ["CANCEL", "EXIT"],
        ["CANCEL", "EXIT"],
        ["CANCEL", "EXIT"],
    ]


async def test_an_entry_without_room_is_refused_at_once_and_says_when_there_is_some(
    store: MemoryStore, budgets: Budgets, clock: Clock
) -> None:
    await spend(store, 4700)
    with pytest.raises(BudgetSpent) as spent:
        await budgets.before(*ORDER, priority=Priority.ENTRY)
    assert re.fullmatch(
        r"4,700 of 5,000 requests of this hour are used; the rest is kept for exits\. "
        r"This order was not sent\. Next room at \d\d:\d\d UTC\.",
        str(spent.value),
    )
    await spend(store, 4800)
    with pytest.raises(BudgetSpent, match="This change was not sent"):
        await budgets.before("POST", "order/modifyorder", priority=Priority.MODIFY)
    with pytest.raises(BudgetSpent, match=r"the rest is kept for exits\. Nothing was looked up"):
        await budgets.before("GET", "command/list", priority=Priority.MODIFY)
    assert clock.slept == []
    clock.now += spent.value.retry_after or 0
    await budgets.before(*ORDER, priority=Priority.ENTRY)


async def test_the_client_refuses_entries_and_changes_and_lets_every_way_out_go(
    http: HttpScript, store: MemoryStore, budgets: Budgets
) -> None:
    await spend(store, 4800)
    http.answer({"commandId": 5})
    http.answer({"orderId": 6})
    http.answer({"orderId": 8})
    strategy = StartOrderStrategy(account_id=7, symbol="ESZ6", order_strategy_type_id=2, action="Buy", params="{}")
    async with Tradovate(http.hosts, "tok", budgets=budgets) as t:
        for refused in (
            t.order.place(ENTRY, priority=Priority.ENTRY),
            t.order.modify(CHANGE, priority=Priority.MODIFY),
            t.order_strategy.start(strategy, priority=Priority.ENTRY),
        ):
            with pytest.raises(BudgetSpent, match="kept for exits"):
                await refused
        assert http.requests == []
        await t.order.cancel(CancelOrder(order_id=3))
        await t.order.liquidate_position(CLOSE)
        await t.order.place(ENTRY, priority=Priority.EXIT)
    assert [request.path for request in http.requests] == [
        "/v1/order/cancelorder",
        "/v1/order/liquidateposition",
        "/v1/order/placeorder",
    ]


async def test_a_way_out_goes_whatever_its_budgets_are_for(http: HttpScript, store: MemoryStore) -> None:
    await spend(store, 5000)
    http.answer({"commandId": 5})
    for_entries = Budgets(store, network="n", user=7, priority=Priority.ENTRY)
    async with Tradovate(http.hosts, "tok", budgets=for_entries) as t:
        with pytest.raises(BudgetSpent, match="This order was not sent"):
            await t.order.place(ENTRY)
        assert (await t.order.cancel(CancelOrder(order_id=3))).command_id == 5


async def test_after_a_429_entries_wait_for_the_probe_and_exits_do_not(
    http: HttpScript, store: MemoryStore, clock: Clock, budgets: Budgets
) -> None:
    budgets.failed("order/list", RateLimited())
    await budgets.counted()
    other = Budgets(store, network="n", user=7)
    with pytest.raises(BudgetSpent, match=r"takes no more of your requests .* only exits and cancels are tried"):
        await other.before(*ORDER, priority=Priority.ENTRY)
    async with other.request("POST", "order/cancelorder"):
        with pytest.raises(RateLimited):
            async with other.request("POST", "order/liquidateposition"):
                raise RateLimited
    await other.counted()
    with pytest.raises(BudgetSpent):
        await other.before(*ORDER, priority=Priority.ENTRY)
    clock.now += 2 * PROBE_FIRST
    async with other.request("GET", "order/list"):
        with pytest.raises(BudgetSpent):
            await budgets.before(*ORDER, priority=Priority.ENTRY)
    await other.counted()
    await budgets.before(*ORDER, priority=Priority.ENTRY)


async def test_reads_come_at_once_until_half_of_the_hour_is_used(budgets: Budgets, clock: Clock) -> None:
    for _ in range(400):
        await budgets.before("GET", "order/list")
    assert clock.slept == []


async def test_then_they_keep_to_eighty_a_minute_and_orders_wait_for_nothing(
    store: MemoryStore, budgets: Budgets, clock: Clock
) -> None:
    await spend(store, 2500)
    clock.now += 600
    began = clock.now
    for _ in range(80 + 80):
        await budgets.before("GET", "order/list")
    assert clock.now - began == pytest.approx(60)
    assert set(clock.slept) == {0.75}
    for _ in range(200):
        await budgets.before(*ORDER, priority=Priority.ENTRY)
    assert len(clock.slept) == 80
    # Orders do not put reads off any further than that they take their turns one by one.
    await budgets.before("GET", "order/list")
    assert clock.slept[80:] == [0.75]


async def test_a_read_far_back_in_the_line_is_refused_instead(store: MemoryStore, clock: Clock) -> None:
    await spend(store, 2500)
    clock.now += 600
    taken = [await store.take("user:7", USER, Priority.READ) for _ in range(100)]
    delays = [budget.delay for budget in taken if budget.wait == 0]
    assert (delays[:80], delays[80:]) == ([0.0] * 80, [0.75, 1.5, 2.25, 3.0, 3.75, 4.5])
    with pytest.raises(BudgetSpent, match=r"no faster for now, .* Next room at \d\d:\d\d:\d\d UTC"):
        await Budgets(store, network="n", user=7).before("GET", "order/list")


class HangingStore(MemoryStore):
    async def take(self, *arguments: object) -> object:  # type: ignore[override]
        await asyncio.Event().wait()


async def test_an_entry_does_not_wait_as_long_as_a_read_for_a_count_that_is_away(
    http: HttpScript, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading.tradovate.budgets._STORE_TIMEOUT", 3600)
    http.answer({"orderId": 6})
    away = Budgets(HangingStore(), network="n", user=7)
    async with Tradovate(http.hosts, "tok", budgets=away) as t:
        assert (await t.order.place(ENTRY, priority=Priority.ENTRY)).order_id == 6
