"""Orders that cancel each other (OCO) and orders that send others (OSO), over the wire and over a restart."""

from pathlib import Path
from typing import Any

import pytest

from trading.simulator import Config, RunningSimulator, serve

from .conftest import START, Api, Socket
from .shapes import problems

TARGET = {"action": "Sell", "orderType": "Limit", "price": 6860}
STOP = {"action": "Sell", "orderType": "Stop", "stopPrice": 6840}
ENTRY = {"orderType": "Limit", "price": 6845}

pytestmark = pytest.mark.usefixtures("ten_on_every_level")


def oco(trader: Api, qty: int = 2, other: Any = STOP, **more: Any) -> list[int]:
    body = {"accountId": trader.user_id * 1000 + 1, "symbol": "ESZ6", "orderQty": qty, "isAutomated": True}
    reply = trader.post("order/placeoco", **{**body, **TARGET, **more}, other=other)
    assert set(reply) == {"orderId", "ocoId"}, reply
    return [reply["orderId"], reply["ocoId"]]


def oso(trader: Api, qty: int = 2, **more: Any) -> list[int]:
    body = {"accountId": trader.user_id * 1000 + 1, "symbol": "ESZ6", "orderQty": qty, "action": "Buy", **ENTRY}
    reply = trader.post("order/placeoso", **{**body, "bracket1": TARGET, "bracket2": STOP, **more})
    assert set(reply) == {"orderId", "oso1Id", "oso2Id"}, reply
    return [reply["orderId"], reply["oso1Id"], reply["oso2Id"]]


def statuses(trader: Api, ids: list[int]) -> list[str]:
    found = [trader.order(number) for number in ids]
    assert [problem for order in found for problem in problems("order", order)] == []
    return [order["ordStatus"] for order in found]


@pytest.mark.parametrize(("price", "ends"), [("6860.25", ["Filled", "Canceled"]), ("6840.00", ["Canceled", "Filled"])])
def test_the_leg_that_fills_cancels_the_other(sim: RunningSimulator, trader: Api, price: str, ends: list[str]) -> None:
    trader.place("Buy", 2)
    ids = oco(trader)
    assert statuses(trader, ids) == ["Working", "Working"]
    first, other = (trader.order(number) for number in ids)
    assert (first["ocoId"], other["ocoId"]) == (first["linkedId"], other["linkedId"]) == (ids[1], ids[0])
    sim.control.price("ESZ6", price)
    assert statuses(trader, ids) == ends
    assert trader.get("position/list")[0]["netPos"] == 0


def test_a_leg_that_fills_in_part_cancels_the_other_and_works_on(sim: RunningSimulator, trader: Api) -> None:
    sim.control.account(1001001, deposit=1_000_000)
    ids = oco(trader, qty=15)
    sim.control.price("ESZ6", "6860.25")
    assert statuses(trader, ids) == ["Working", "Canceled"]
    sim.control.price("ESZ6", "6860.25")
    assert statuses(trader, ids) == ["Filled", "Canceled"]


def test_cancelling_a_leg_cancels_the_other(trader: Api) -> None:
    ids = oco(trader)
    assert "commandId" in trader.post("order/cancelorder", orderId=ids[1])
    assert statuses(trader, ids) == ["Canceled", "Canceled"]
    assert trader.post("order/cancelorder", orderId=ids[0])["failureReason"] == "TooLate"


def test_a_leg_that_lapses_takes_the_other_along(trader: Api) -> None:
    ids = oco(trader, timeInForce="IOC")
    assert statuses(trader, ids) == ["Canceled", "Canceled"]


def test_only_one_of_two_linked_legs_needs_margin(trader: Api) -> None:
    oco(trader, qty=2)
    assert trader.get("marginSnapshot/list")[0]["totalUsedMargin"] == 2 * 22400


def test_children_wait_suspended_and_then_are_a_pair(sim: RunningSimulator, trader: Api, socket: Socket) -> None:
    ids = oso(trader)
    assert statuses(trader, ids) == ["Working", "Suspended", "Suspended"]
    assert [trader.order(number).get("parentId") for number in ids] == [None, ids[0], ids[0]]
    assert [trader.get("orderVersion/deps", masterid=number)[0]["orderQty"] for number in ids] == [2, 2, 2]
    assert trader.get("marginSnapshot/list")[0]["totalUsedMargin"] == 2 * 22400
    sim.control.price("ESZ6", "6860.25")  # the target's price, and nobody has bought yet
    assert statuses(trader, ids) == ["Working", "Suspended", "Suspended"]
    sim.control.price("ESZ6", "6845.00")
    assert statuses(trader, ids) == ["Filled", "Working", "Working"]
    sim.control.price("ESZ6", "6860.25")
    assert statuses(trader, ids) == ["Filled", "Filled", "Canceled"]
    assert trader.get("position/list")[0]["netPos"] == 0
    seen = socket.props("order", id=ids[1], ordStatus="Filled")
    told = [event["entity"]["ordStatus"] for event in seen if event["entity"].get("id") == ids[1]]
    assert told == ["PendingNew", "Suspended", "Working", "Filled"]
    reports = trader.get("commandReport/deps", masterid=trader.get("command/deps", masterid=ids[1])[0]["id"])
    assert [report["commandStatus"] for report in reports] == ["RiskPassed", "ExecutionSuspended", "AtExecution"]


def test_children_wait_until_all_of_the_parent_is_filled(sim: RunningSimulator, trader: Api) -> None:
    sim.control.account(1001001, deposit=1_000_000)
    ids = oso(trader, qty=15)
    sim.control.price("ESZ6", "6845.00")
    assert statuses(trader, ids) == ["Working", "Suspended", "Suspended"]
    sim.control.price("ESZ6", "6845.00")
    assert statuses(trader, ids) == ["Filled", "Working", "Working"]


def test_a_parent_that_is_cancelled_takes_its_children_along(trader: Api) -> None:
    ids = oso(trader)
    trader.post("order/cancelorder", orderId=ids[0])
    assert statuses(trader, ids) == ["Canceled"] * 3


def test_a_parent_that_is_rejected_rejects_its_children(trader: Api) -> None:
    ids = oso(trader, qty=9)
    assert statuses(trader, ids) == ["Rejected"] * 3
    report = trader.get("commandReport/deps", masterid=trader.get("command/deps", masterid=ids[1])[0]["id"])[0]
    assert (report["commandStatus"], report["rejectReason"]) == ("RiskRejected", "ParentRejected")


def test_one_bracket_alone(sim: RunningSimulator, trader: Api) -> None:
    body = {"symbol": "ESZ6", "orderQty": 1, "action": "Buy", "orderType": "Market"}
    reply = trader.post("order/placeoso", **body, bracket1=STOP)
    assert set(reply) == {"orderId", "oso1Id"}
    assert "ocoId" not in trader.order(reply["oso1Id"])
    assert statuses(trader, list(reply.values())) == ["Filled", "Working"]


def test_a_waiting_child_can_be_changed_or_taken_out(sim: RunningSimulator, trader: Api) -> None:
    ids = oso(trader)
    change = {"orderId": ids[2], "orderQty": 2, "orderType": "Stop", "stopPrice": 6830}
    assert "commandId" in trader.post("order/modifyorder", **change)
    assert "commandId" in trader.post("order/cancelorder", orderId=ids[1])
    assert statuses(trader, ids) == ["Working", "Canceled", "Suspended"]
    sim.control.price("ESZ6", "6840.00")
    assert statuses(trader, ids) == ["Filled", "Canceled", "Working"]
    sim.control.price("ESZ6", "6830.00")
    assert statuses(trader, ids) == ["Filled", "Canceled", "Filled"]


def test_children_follow_the_quantity_of_their_parent(sim: RunningSimulator, trader: Api) -> None:
    ids = oso(trader)
    trader.post("order/modifyorder", orderId=ids[0], orderQty=1, **ENTRY)
    assert [trader.get("orderVersion/deps", masterid=number)[-1]["orderQty"] for number in ids] == [1, 1, 1]
    for price in ("6845.00", "6840.00"):
        sim.control.price("ESZ6", price)
    assert statuses(trader, ids) == ["Filled", "Canceled", "Filled"]
    assert trader.get("position/list")[0]["netPos"] == 0


@pytest.mark.parametrize("bad", [{**STOP, "stopPrice": 6840.1}, {"action": "Sell", "orderType": "Limit"}])
def test_one_bad_leg_refuses_all(trader: Api, bad: dict[str, Any]) -> None:
    body = {"symbol": "ESZ6", "orderQty": 1, "action": "Buy", **ENTRY}
    assert trader.post("order/placeoco", **body, other=bad)["failureReason"] == "InvalidPrice"
    assert trader.post("order/placeoso", **body, bracket1=TARGET, bracket2=bad)["failureReason"] == "InvalidPrice"
    assert trader.get("order/list") == []


def test_liquidating_takes_waiting_children_out(trader: Api) -> None:
    trader.place("Buy", 1)
    ids = oso(trader)
    contract = trader.order(ids[0])["contractId"]
    trader.post("order/liquidateposition", accountId=1001001, contractId=contract, admin=False)
    assert statuses(trader, ids) == ["Canceled"] * 3


def test_links_hold_over_a_restart(tmp_path: Path) -> None:
    config = Config(seed=7, manual_clock=True, start=START, state_path=tmp_path / "state.json")
    with serve(config) as simulator:
        simulator.control.price("ESZ6", "6850.00")
        ids = oso(Api(simulator, "trader"))
    with serve(config) as simulator:
        trader = Api(simulator, "trader")
        assert statuses(trader, ids) == ["Working", "Suspended", "Suspended"]
        for price in ("6844.00", "6839.00"):
            simulator.control.price("ESZ6", price)
        assert statuses(trader, ids) == ["Filled", "Canceled", "Filled"]
