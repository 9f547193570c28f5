"""Every field of PlaceOrder and ModifyOrder does what it says, or is refused: combinations, activation times, maxShow,
and what a modification must repeat."""

from pathlib import Path
from typing import Any

import pytest

from trading.simulator import Config, RunningSimulator, serve

from .conftest import START, Api
from .shapes import problems

LIMIT = {"orderType": "Limit", "price": 6840}
SOON, LATER = "2026-11-18T15:10:00Z", "2026-11-18T15:20:00Z"

pytestmark = pytest.mark.usefixtures("ten_on_every_level")


def reports(trader: Api, order: int) -> list[tuple[str, str, str | None]]:
    """(command type, status, reject reason) of an order's command reports."""
    found = []
    for command in trader.get("command/deps", masterid=order):
        assert problems("command", command) == []
        for report in trader.get("commandReport/deps", masterid=command["id"]):
            assert problems("commandReport", report) == []
            found.append((command["commandType"], report["commandStatus"], report.get("rejectReason")))
    return found


def executions(trader: Api, order: int) -> list[tuple[str, str, int]]:
    """(execution type, order status, contracts traded so far) of an order's execution reports."""
    rows = [row for row in trader.get("executionReport/list") if row["orderId"] == order]
    assert [problem for row in rows for problem in problems("executionReport", row)] == []
    return [(row["execType"], row["ordStatus"], row["cumQty"]) for row in rows]


@pytest.mark.parametrize("tif", ["IOC", "FOK"])
@pytest.mark.parametrize(
    "terms",
    [
        {"orderType": "Stop", "stopPrice": 6860},
        {"orderType": "StopLimit", "stopPrice": 6860, "price": 6861},
        {"orderType": "MIT", "price": 6840},
        {"orderType": "LimitIfTouched", "price": 6840, "limitIfTouchedPrice": 6841},
        {"orderType": "TrailingStop", "pegDifference": 5},
        {"orderType": "TrailingStopLimit", "stopPrice": 6860, "price": 6861},
    ],
)
def test_an_order_that_waits_for_a_price_cannot_be_at_once(trader: Api, terms: dict[str, Any], tif: str) -> None:
    assert trader.place("Buy", 1, **terms, timeInForce=tif)["failureReason"] == "Unsupported"
    for lasting in ("Day", "GTC"):
        assert "orderId" in trader.place("Buy", 1, **terms, timeInForce=lasting)
    assert "orderId" in trader.place("Buy", 1, **terms, timeInForce="GTD", expireTime=SOON)


@pytest.mark.parametrize(
    ("action", "terms"),
    [
        ("Buy", {"orderType": "Stop", "stopPrice": 6849.75}),
        ("Sell", {"orderType": "Stop", "stopPrice": 6850.25}),
        ("Buy", {"orderType": "StopLimit", "stopPrice": 6840, "price": 6841}),
        ("Sell", {"orderType": "TrailingStop", "stopPrice": 6860}),
    ],
)
def test_a_stop_belongs_on_its_own_side_of_the_market(trader: Api, action: str, terms: dict[str, Any]) -> None:
    assert trader.place(action, 1, **terms)["failureReason"] == "InvalidPrice"
    assert trader.get("order/list") == []


@pytest.mark.parametrize(
    ("action", "terms", "fills_at"),
    [
        ("Buy", {"orderType": "Stop", "price": 6860}, "6860.00"),
        ("Buy", {"orderType": "MIT", "stopPrice": 6840}, "6840.00"),
        ("Sell", {"orderType": "MIT", "price": 6860}, "6860.00"),
    ],
)
def test_the_price_that_wakes_may_come_in_either_field(
    sim: RunningSimulator, trader: Api, action: str, terms: dict[str, Any], fills_at: str
) -> None:
    order = trader.place(action, 1, **terms)["orderId"]
    shown = trader.get("orderVersion/deps", masterid=order)[0]
    assert {name: shown.get(name) for name in terms} == terms
    sim.control.price("ESZ6", "6850.25")
    assert trader.order(order)["ordStatus"] == "Working"
    sim.control.price("ESZ6", fills_at)
    assert trader.order(order)["ordStatus"] == "Filled"


@pytest.mark.parametrize(
    "terms",
    [
        {**LIMIT, "maxShow": 3},
        {**LIMIT, "activationTime": "at noon"},
        {**LIMIT, "activationTime": LATER, "timeInForce": "GTD", "expireTime": SOON},
        {"orderType": "Limit", "price": "NaN"},
        {"orderType": "Limit", "price": "Infinity"},
        {"orderType": "Limit", "price": 1e300},
        {"orderType": "Limit", "price": "-1e999999999"},
        {"orderType": "Limit", "price": "1e-999999999"},
        {**LIMIT, "activationTime": "9999-12-31T23:59:59-14:00"},
        {**LIMIT, "timeInForce": "GTD", "expireTime": "0001-01-01T00:00:00+14:00"},
        {"orderType": "TrailingStop", "pegDifference": "sNaN"},
    ],
)
def test_values_that_cannot_be_meant_are_refused(trader: Api, terms: dict[str, Any]) -> None:
    assert trader.place("Buy", 2, **terms)["failureReason"] in ("Unsupported", "InvalidPrice")


def test_what_is_sent_is_shown_on_the_version_and_the_command(trader: Api) -> None:
    terms = {**LIMIT, "stopPrice": 6700, "maxShow": 1, "text": "mine", "timeInForce": "GTC"}
    order = trader.place("Buy", 2, **terms, customTag50="desk", clOrdId="c-1", activationTime=SOON)["orderId"]
    version = trader.get("orderVersion/deps", masterid=order)[0]
    assert problems("orderVersion", version) == []
    assert {name: version.get(name) for name in terms} == terms
    command = trader.get("command/deps", masterid=order)[0]
    sent = command["customTag50"], command["clOrdId"], command["activationTime"], command["isAutomated"]
    assert sent == ("desk", "c-1", "2026-11-18T15:10:00.000Z", True)


def test_a_resting_order_trades_no_more_at_a_time_than_it_shows(sim: RunningSimulator, trader: Api) -> None:
    order = trader.place("Buy", 4, **LIMIT, maxShow=3)["orderId"]
    for traded in (3, 4):
        sim.control.price("ESZ6", "6840.00")
        assert sum(fill["qty"] for fill in trader.fills(order)) == traded


def test_an_order_waits_suspended_for_its_activation_time(sim: RunningSimulator, trader: Api) -> None:
    order = trader.place("Buy", 1, activationTime=SOON, timeInForce="GTD", expireTime=LATER, **LIMIT)["orderId"]
    sim.control.price("ESZ6", "6840.00")
    assert trader.order(order)["ordStatus"] == "Suspended"
    assert trader.get("marginSnapshot/list")[0]["totalUsedMargin"] == 0
    sim.control.price("ESZ6", "6900.00")
    sim.control.advance(601)
    assert trader.order(order)["ordStatus"] == "Working"
    assert trader.get("marginSnapshot/list")[0]["totalUsedMargin"] == 22400
    sim.control.advance(600)
    assert trader.order(order)["ordStatus"] == "Expired"
    assert [status for _, status, _ in reports(trader, order)] == ["RiskPassed", "ExecutionSuspended", "AtExecution"]
    assert executions(trader, order) == [
        ("Suspended", "Suspended", 0),
        ("New", "Working", 0),
        ("Expired", "Expired", 0),
    ]


def test_an_order_that_the_account_cannot_carry_at_its_time_is_rejected(sim: RunningSimulator, trader: Api) -> None:
    order = trader.place("Buy", 4, **LIMIT, activationTime=SOON)["orderId"]
    trader.place("Buy", 4)
    sim.control.advance(601)
    assert trader.order(order)["ordStatus"] == "Rejected"
    assert reports(trader, order)[-1] == ("New", "RiskRejected", "NotEnoughLiquidity")


def test_a_pair_is_activated_together(sim: RunningSimulator, trader: Api) -> None:
    body = {"symbol": "ESZ6", "orderQty": 1, "action": "Buy", "activationTime": SOON, **LIMIT}
    pair = trader.post("order/placeoco", **body, other={"action": "Sell", "orderType": "Limit", "price": 6860})
    ids = [pair["orderId"], pair["ocoId"]]
    assert [trader.order(number)["ordStatus"] for number in ids] == ["Suspended", "Suspended"]
    sim.control.advance(601)
    assert [trader.order(number)["ordStatus"] for number in ids] == ["Working", "Working"]
    sim.control.price("ESZ6", "6840.00")
    assert [trader.order(number)["ordStatus"] for number in ids] == ["Filled", "Canceled"]


def test_a_parent_with_an_activation_time_keeps_its_children(sim: RunningSimulator, trader: Api) -> None:
    stop = {"action": "Sell", "orderType": "Stop", "stopPrice": 6830}
    body = {"symbol": "ESZ6", "orderQty": 1, "action": "Buy", "orderType": "Market", "activationTime": SOON}
    reply = trader.post("order/placeoso", **body, bracket1=stop)
    sim.control.advance(601)
    assert trader.order(reply["orderId"])["ordStatus"] == "Filled"
    assert trader.order(reply["oso1Id"])["ordStatus"] == "Working"


def test_commands_wait_for_their_activation_time_one_at_a_time(sim: RunningSimulator, trader: Api) -> None:
    order = trader.place("Buy", 1, **LIMIT)["orderId"]
    change = {"orderId": order, "orderQty": 2, **LIMIT}
    assert "commandId" in trader.post("order/modifyorder", **change, activationTime=SOON)
    refused = trader.post("order/modifyorder", **change)
    assert refused["failureReason"] == "AnotherCommandPending"
    assert "commandId" in trader.post("order/cancelorder", orderId=order, activationTime=LATER)
    assert len(trader.get("orderVersion/deps", masterid=order)) == 1
    sim.control.price("ESZ6", "6900.00")
    sim.control.advance(601)
    assert trader.get("orderVersion/deps", masterid=order)[-1]["orderQty"] == 2
    assert trader.order(order)["ordStatus"] == "Working"
    sim.control.advance(600)
    assert trader.order(order)["ordStatus"] == "Canceled"
    waited = [("Modify", "OnHold", None), ("Cancel", "OnHold", None)]
    assert [row for row in reports(trader, order) if row[1] == "OnHold"] == waited


def test_a_command_whose_order_is_gone_at_its_time_is_too_late(sim: RunningSimulator, trader: Api) -> None:
    order = trader.place("Buy", 1, **LIMIT)["orderId"]
    trader.post("order/cancelorder", orderId=order, activationTime=SOON)
    sim.control.price("ESZ6", "6840.00")
    sim.control.advance(601)
    assert trader.order(order)["ordStatus"] == "Filled"
    assert reports(trader, order)[-1] == ("Cancel", "ExecutionRejected", "TooLate")


def test_an_activation_time_on_a_modification_wakes_a_suspended_order(sim: RunningSimulator, trader: Api) -> None:
    target = {"orderType": "Limit", "price": 6860}
    body = {"symbol": "ESZ6", "orderQty": 1, "action": "Buy", **LIMIT, "bracket1": {"action": "Sell", **target}}
    reply = trader.post("order/placeoso", **body)
    change = {"orderId": reply["oso1Id"], "orderQty": 1, **target}
    trader.post("order/modifyorder", **change, activationTime=SOON)
    assert trader.order(reply["oso1Id"])["ordStatus"] == "Suspended"
    sim.control.price("ESZ6", "6855.00")
    sim.control.advance(601)
    assert trader.order(reply["oso1Id"])["ordStatus"] != "Suspended"
    assert trader.order(reply["orderId"])["ordStatus"] == "Working"


@pytest.mark.parametrize("tif", [None, "Day", "GTD", "IOC"])
def test_the_exchange_refuses_another_time_in_force(sim: RunningSimulator, trader: Api, tif: str | None) -> None:
    order = trader.place("Buy", 1, **LIMIT, timeInForce="GTC")["orderId"]
    change = {"orderId": order, "orderQty": 2, "orderType": "Limit", "price": 6845, "expireTime": LATER}
    assert "commandId" in trader.post("order/modifyorder", **change, **({"timeInForce": tif} if tif else {}))
    assert reports(trader, order)[-1] == ("Modify", "ExecutionRejected", "OtherExecutionRelated")
    assert executions(trader, order)[-1] == ("Rejected", "Working", 0)
    sim.control.price("ESZ6", "6845.00")
    assert trader.order(order)["ordStatus"] == "Working"
    sim.control.price("ESZ6", "6840.00")
    assert [(fill["qty"], fill["price"]) for fill in trader.fills(order)] == [(1, 6840)]


def test_a_modification_that_the_account_cannot_carry_changes_nothing(trader: Api) -> None:
    order = trader.place("Buy", 1, **LIMIT)["orderId"]
    assert "commandId" in trader.post("order/modifyorder", orderId=order, orderQty=5, **LIMIT)
    assert reports(trader, order)[-1] == ("Modify", "RiskRejected", "NotEnoughLiquidity")
    assert trader.order(order)["ordStatus"] == "Working"
    assert trader.get("orderVersion/deps", masterid=order)[-1]["orderQty"] == 1


KINDS = {
    "Market": {},
    "Limit": {"price": 6840},
    "Stop": {"stopPrice": 6860},
    "StopLimit": {"stopPrice": 6860, "price": 6861},
    "MIT": {"price": 6840},
    "LimitIfTouched": {"price": 6840, "limitIfTouchedPrice": 6841},
    "TrailingStop": {"stopPrice": 6860},
    "TrailingStopLimit": {"stopPrice": 6860, "price": 6861},
}


@pytest.mark.parametrize("becomes", sorted(KINDS))
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"Market"}))
def test_an_order_of_any_kind_can_become_one_of_any_other(trader: Api, kind: str, becomes: str) -> None:
    order = trader.place("Buy", 1, orderType=kind, **KINDS[kind])["orderId"]
    reply = trader.post("order/modifyorder", orderId=order, orderQty=2, orderType=becomes, **KINDS[becomes])
    assert problems("commandResult", reply) == []
    assert "commandId" in reply
    version = trader.get("orderVersion/deps", masterid=order)[-1]
    assert (version["orderType"], version["orderQty"]) == (becomes, 2)
    assert executions(trader, order)[1] == ("Replaced", "Working", 0)
    assert trader.order(order)["ordStatus"] == ("Filled" if becomes == "Market" else "Working")


def test_what_waits_for_its_time_waits_over_a_restart(tmp_path: Path) -> None:
    config = Config(seed=7, manual_clock=True, start=START, state_path=tmp_path / "state.json")
    with serve(config) as simulator:
        simulator.control.price("ESZ6", "6850.00")
        trader = Api(simulator, "trader")
        waiting = trader.place("Buy", 1, orderType="Limit", price=6000, activationTime=SOON)["orderId"]
        resting = trader.place("Buy", 1, orderType="Limit", price=6000)["orderId"]
        trader.post("order/cancelorder", orderId=resting, activationTime=SOON)
    with serve(config) as simulator:
        simulator.control.advance(601)
        trader = Api(simulator, "trader")
        assert trader.order(waiting)["ordStatus"] == "Working"
        assert trader.order(resting)["ordStatus"] == "Canceled"
