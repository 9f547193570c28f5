"""What is written down at each step of an order's life: command reports and execution reports, in their order."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from trading.simulator import entities as e
from trading.simulator.requests import CancelOrder, LiquidatePosition, ModifyOrder, PlaceOco, PlaceOso

from .conftest import ESZ6
from .desk import ACCOUNT, SENDER, Desk

TAKEN = [("New", "RiskPassed"), ("New", "AtExecution")]
LIMIT = {"orderType": "Limit", "price": 6840}


@pytest.fixture
def desk() -> Desk:
    return Desk(cash=10_000_000)


def reports(desk: Desk, order_id: int | None) -> list[tuple[str, str]]:
    """(command type, command status) of an order's command reports."""
    commands = {one.id: one for one in desk.store.all(e.Command) if one.order_id == order_id}
    found = [one for one in desk.store.all(e.CommandReport) if one.command_id in commands]
    return [(commands[one.command_id].command_type, one.command_status) for one in found]


def executions(desk: Desk, order_id: int | None) -> list[tuple[Any, ...]]:
    """(execution type, order status, traded so far, average price) of an order's execution reports."""
    found = [one for one in desk.store.all(e.ExecutionReport) if one.order_id == order_id]
    return [(one.exec_type, one.ord_status, one.cum_qty, one.avg_px) for one in found]


def asked(shape: Any, **body: Any) -> Any:
    return msgspec.convert({"accountId": ACCOUNT, "symbol": "ESZ6", **body}, shape, strict=False)


def test_an_order_that_fills_in_two_steps(desk: Desk) -> None:
    order = desk.place("Buy", 12, **LIMIT).order_id
    desk.price("6840")
    desk.price("6840")
    assert reports(desk, order) == TAKEN
    average = Decimal(6840)
    assert executions(desk, order) == [
        ("New", "Working", 0, None),
        ("Trade", "Working", 10, average),
        ("Trade", "Filled", 12, average),
    ]
    trades = [one for one in desk.store.all(e.ExecutionReport) if one.exec_type == "Trade"]
    assert [(one.last_qty, one.last_px) for one in trades] == [(10, average), (2, average)]
    assert [one.exec_ref_id for one in trades] == [str(fill.id) for fill in desk.store.all(e.Fill)]


def test_an_average_price_over_levels(desk: Desk) -> None:
    order = desk.place("Buy", 15).order_id
    last = executions(desk, order)[-1]
    assert last == ("Trade", "Filled", 15, (10 * Decimal(6850) + 5 * Decimal("6850.25")) / 15)


def test_what_an_ioc_order_cannot_trade_is_cancelled(desk: Desk) -> None:
    order = desk.place("Buy", 12, orderType="Limit", price=6850, timeInForce="IOC").order_id
    assert [row[:3] for row in executions(desk, order)] == [
        ("New", "Working", 0),
        ("Trade", "Working", 10),
        ("Canceled", "Canceled", 10),
    ]


def test_a_modified_and_cancelled_order(desk: Desk) -> None:
    order = desk.place("Buy", 1, **LIMIT).order_id
    desk.broker.modify(SENDER, asked(ModifyOrder, orderId=order, orderQty=2, **LIMIT))
    cancelled = desk.broker.cancel(SENDER, CancelOrder(order_id=order or 0)).command_id
    changes = [(kind, status) for kind in ("Modify", "Cancel") for status in ("RiskPassed", "AtExecution")]
    assert reports(desk, order) == TAKEN + changes
    assert [row[:2] for row in executions(desk, order)] == [
        ("New", "Working"),
        ("Replaced", "Working"),
        ("Canceled", "Canceled"),
    ]
    last = list(desk.store.all(e.ExecutionReport))[-1]
    assert last.command_id == cancelled


def test_an_order_that_risk_rejects_has_no_execution(desk: Desk) -> None:
    order = desk.place("Buy", 250, symbol="GCZ6").order_id
    desk.simulation.booking.deposit(ACCOUNT, Decimal(-10_000_000))
    late = desk.place("Buy", 250, symbol="GCZ6").order_id
    assert reports(desk, order) == TAKEN
    assert (reports(desk, late), executions(desk, late)) == ([("New", "RiskRejected")], [])
    report = list(desk.store.all(e.CommandReport))[-1]
    assert (report.reject_reason, report.ord_status) == ("NotEnoughLiquidity", "Rejected")


def test_the_legs_of_a_pair(desk: Desk) -> None:
    other = {"action": "Sell", "orderType": "Limit", "price": 6860}
    pair = desk.broker.place_oco(SENDER, asked(PlaceOco, action="Buy", orderQty=1, **LIMIT, other=other))
    desk.price("6840")
    assert [row[0] for row in executions(desk, pair.order_id)] == ["New", "Trade"]
    assert [row[0] for row in executions(desk, pair.oco_id)] == ["New", "Canceled"]
    assert reports(desk, pair.oco_id) == TAKEN


def test_a_child_is_suspended_and_then_sent(desk: Desk) -> None:
    stop = {"action": "Sell", "orderType": "Stop", "stopPrice": 6830}
    family = desk.broker.place_oso(SENDER, asked(PlaceOso, action="Buy", orderQty=1, **LIMIT, bracket1=stop))
    desk.price("6840")
    assert reports(desk, family.oso1_id) == [
        ("New", "RiskPassed"),
        ("New", "ExecutionSuspended"),
        ("New", "AtExecution"),
    ]
    assert [row[:2] for row in executions(desk, family.oso1_id)] == [("Suspended", "Suspended"), ("New", "Working")]


def test_an_order_that_outlives_its_time_expires_without_a_command(desk: Desk) -> None:
    order = desk.place("Buy", 1, **LIMIT, timeInForce="GTD", expireTime="2026-11-18T15:10:00Z").order_id
    desk.price("6900")
    desk.simulation.clock.advance(601)
    desk.broker.sweep()
    assert reports(desk, order) == TAKEN
    assert executions(desk, order)[-1] == ("Expired", "Expired", 0, None)


@pytest.mark.parametrize("admin", [False, True])
def test_a_liquidation_cancels_by_command_and_closes_by_order(desk: Desk, admin: bool) -> None:
    desk.place("Buy", 2)
    resting = desk.place("Buy", 1, **LIMIT).order_id
    if admin:
        desk.act("LiquidateImmediately")
    else:
        desk.broker.liquidate(SENDER, LiquidatePosition(account_id=ACCOUNT, contract_id=ESZ6, admin=False))
    assert reports(desk, resting) == [*TAKEN, ("Cancel", "RiskPassed"), ("Cancel", "AtExecution")]
    closing = list(desk.store.all(e.Order))[-1]
    command = next(one for one in desk.store.all(e.Command) if one.order_id == closing.id)
    assert (closing.admin, closing.action, command.is_automated) == (admin, "Sell", admin)
    assert reports(desk, closing.id) == TAKEN
    assert [row[:3] for row in executions(desk, closing.id)] == [("New", "Working", 0), ("Trade", "Filled", 2)]


def test_the_exits_of_a_strategy(desk: Desk) -> None:
    desk.strategy(
        "Buy", {"orderQty": 12, "orderType": "Limit", "price": 6840}, {"qty": 12, "profitTarget": 5, "stopLoss": -5}
    )
    desk.price("6840")
    desk.price("6840")
    desk.price("6845.25")
    orders = {link.label: link.order_id for link in desk.store.all(e.OrderStrategyLink)}
    grown = [("Modify", "RiskPassed"), ("Modify", "AtExecution")]
    assert reports(desk, orders["Target1"]) == reports(desk, orders["Stop1"]) == TAKEN + grown
    assert [row[:3] for row in executions(desk, orders["Target1"])] == [
        ("New", "Working", 0),
        ("Replaced", "Working", 0),
        ("Trade", "Working", 10),
    ]
    assert [row[0] for row in executions(desk, orders["Stop1"])] == ["New", "Replaced", "Replaced"]
    assert [one.order_qty for one in desk.store.all(e.OrderVersion) if one.order_id == orders["Stop1"]] == [10, 12, 2]
