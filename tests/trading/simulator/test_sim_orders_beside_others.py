"""Risk checks of orders beside those that work, wait or are changed: nothing leads past the limits of an account."""

from decimal import Decimal
from typing import Any

import pytest

from trading.simulator import entities as e
from trading.simulator.requests import ModifyOrder
from trading.simulator.risk_entities import UserAccountPositionLimit, UserAccountRiskParameter

from .conftest import ESZ6
from .desk import ACCOUNT, SENDER, Desk

LATER = "2026-11-18T15:30:00.000Z"


def resting(desk: Desk, action: str, price: int, qty: int = 1) -> Any:
    return desk.order(desk.place(action, qty, orderType="Limit", price=price).order_id)


def modify(desk: Desk, order: e.Order, qty: int, price: int) -> Any:
    asked = ModifyOrder(order_id=order.id, order_qty=qty, order_type="Limit", price=Decimal(price), time_in_force="Day")
    return desk.broker.modify(SENDER, asked)


def kind(desk: Desk, order: e.Order) -> str:
    return next(one.order_type for one in desk.store.all(e.OrderVersion) if one.order_id == order.id) or ""


def test_exits_that_open_together_need_margin() -> None:
    desk = Desk(cash=-70_000)
    margin = desk.simulation.catalog.listings[ESZ6].spec.margin
    assert margin < desk.ledger.cash < 2 * margin
    desk.place("Buy", 1)
    orders = [resting(desk, "Sell", 6900) for _ in range(4)]
    assert [order.ord_status for order in orders] == ["Working", "Working", "Rejected", "Rejected"]
    desk.price("6950")
    assert desk.net == -1


def test_a_position_can_be_closed_beside_its_exit_whatever_the_account_is_worth() -> None:
    desk = Desk(cash=-70_000)
    desk.place("Buy", 1)
    resting(desk, "Sell", 6900)
    desk.price("6650")
    assert desk.ledger.cash - 10_000 < desk.simulation.catalog.listings[ESZ6].spec.margin
    assert desk.order(desk.place("Sell", 1).order_id).ord_status == "Filled"
    assert desk.net == 0


@pytest.mark.parametrize(
    ("action", "reason"),
    [("LockTradingImmediately", "TradingLocked"), ("LiquidateOnlyModeImmediately", "LiquidationOnly")],
)
def test_an_order_cannot_be_changed_into_a_trade_that_the_account_must_not_make(action: str, reason: str) -> None:
    desk = Desk(cash=1_000_000)
    order = resting(desk, "Buy", 6800)
    desk.impose(action)
    assert modify(desk, order, 5, 6850).failure_reason == reason
    assert (desk.net, order.ord_status) == (0, "Working")


def test_an_order_of_a_restricted_account_cannot_be_changed() -> None:
    desk = Desk(cash=1_000_000)
    order = resting(desk, "Buy", 6800)
    account = desk.store.get(e.Account, ACCOUNT)
    assert account is not None
    account.restricted = True
    assert modify(desk, order, 1, 6850).failure_reason == "TradingLocked"


def test_an_order_cannot_grow_over_what_one_order_may_have() -> None:
    desk = Desk(cash=1_000_000)
    limit = UserAccountPositionLimit(
        id=7, account_id=ACCOUNT, active=True, total_by="Overall", exposed_limit=30, description="Most"
    )
    parameter = UserAccountRiskParameter(id=8, user_account_position_limit_id=7, max_opening_order_qty=2)
    for entity in (limit, parameter):
        desk.store.put(entity, user_id=1001, account_id=ACCOUNT)
    assert desk.place("Buy", 3).failure_reason == "MaxOrderQtyLimitReached"
    order = resting(desk, "Buy", 6800, qty=2)
    assert modify(desk, order, 3, 6800).failure_reason == "MaxOrderQtyLimitReached"
    assert modify(desk, order, 1, 6800).command_id


@pytest.mark.parametrize(
    ("action", "end"), [("LockTradingImmediately", "Rejected"), ("LiquidateOnlyModeImmediately", "Canceled")]
)
def test_an_order_that_waits_for_its_time_meets_the_account_as_it_is_then(action: str, end: str) -> None:
    desk = Desk(cash=1_000_000)
    order = desk.order(desk.place("Buy", 1, activationTime=LATER).order_id)
    desk.act(action)
    desk.simulation.advance(3600)
    assert (desk.net, order.ord_status) == (0, end)
    reports = [one for one in desk.store.all(e.ExecutionReport) if one.order_id == order.id]
    assert [one.exec_type for one in reports] == ["Suspended", end]


def test_a_late_rejection_says_why() -> None:
    desk = Desk(cash=1_000_000)
    order = desk.order(desk.place("Buy", 1, activationTime=LATER).order_id)
    desk.act("LockTradingImmediately")
    desk.simulation.advance(3600)
    reports = [one for one in desk.store.all(e.ExecutionReport) if one.order_id == order.id]
    assert (reports[-1].ord_status, reports[-1].reject_reason is not None) == ("Rejected", True)


def test_a_refused_change_is_not_what_an_exit_shrinks_from() -> None:
    desk = Desk(cash=1_000_000)
    entry = {"orderQty": 2, "orderType": "Market"}
    desk.strategy("Buy", entry, {"qty": 2, "profitTarget": 10, "stopLoss": -10})
    stop = next(
        one
        for one in desk.store.all(e.Order)
        if one.ord_status == "Working" and one.oco_id and kind(desk, one) == "Stop"
    )
    asked = ModifyOrder(order_id=stop.id, order_qty=2, order_type="Stop", stop_price=Decimal(6800), time_in_force="GTC")
    assert desk.broker.modify(SENDER, asked).command_id
    desk.simulation.feed.market(ESZ6).level_size = 1
    desk.price("6860.25")
    versions = [one for one in desk.store.all(e.OrderVersion) if one.order_id == stop.id]
    assert [(one.order_qty, one.stop_price) for one in versions] == [(2, 6840), (2, 6800), (1, 6840)]


@pytest.mark.parametrize("quantities", [(1, 1, 1), (2, 2), (2, 1, 2)])
def test_exits_of_a_liquidate_only_account_never_open_together(quantities: tuple[int, ...]) -> None:
    desk = Desk(cash=1_000_000)
    desk.place("Buy", 2)
    desk.act("LiquidateOnlyModeImmediately")
    orders = [resting(desk, "Sell", 6900, qty) for qty in quantities]
    assert {order.ord_status for order in orders} == {"Working"}
    desk.price("6950")
    assert desk.net == 0
    assert not desk.broker.execution.waiting()


def test_exits_whose_time_comes_at_once_never_open_together() -> None:
    desk = Desk(cash=1_000_000)
    desk.place("Buy", 2)
    orders = [desk.order(desk.place("Sell", 2, activationTime=LATER).order_id) for _ in range(2)]
    desk.act("LiquidateOnlyModeImmediately")
    desk.simulation.advance(3600)
    assert [order.ord_status for order in orders] == ["Filled", "Canceled"]
    assert desk.net == 0


def test_a_liquidate_only_position_that_shrinks_keeps_its_stop_for_the_rest() -> None:
    desk = Desk(cash=1_000_000)
    desk.place("Buy", 3)
    stop = desk.order(desk.place("Sell", 3, orderType="Stop", stopPrice=6800).order_id)
    desk.act("LiquidateOnlyModeImmediately")
    assert desk.order(desk.place("Sell", 1).order_id).ord_status == "Filled"
    assert stop.ord_status == "Working"
    assert [one.order_qty for one in desk.store.all(e.OrderVersion) if one.order_id == stop.id] == [3, 2]
    desk.price("6790")
    assert (desk.net, stop.ord_status) == (0, "Filled")


@pytest.mark.parametrize("action", ["LiquidateOnlyModeImmediately", "Normal"])
def test_liquidate_only_takes_working_entries_out_at_once(action: str) -> None:
    desk = Desk(cash=1_000_000)
    entry = resting(desk, "Buy", 6800)
    desk.act(action)
    desk.price("6750")
    filled = action == "Normal"
    assert (desk.net, entry.ord_status) == ((1, "Filled") if filled else (0, "Canceled"))
