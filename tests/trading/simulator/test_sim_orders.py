"""Orders over the wire: what is accepted, what is refused and why, and what happens to the account."""

from decimal import Decimal
from typing import Any

import pytest

from trading.simulator import RunningSimulator

from .conftest import ESZ6, Api, Socket
from .shapes import problems

pytestmark = pytest.mark.usefixtures("ten_on_every_level")


def test_a_market_order_fills_and_leaves_a_position(trader: Api) -> None:
    reply = trader.place("Buy", 2, clOrdId="mine-1")
    assert problems("placeOrderResult", reply) == []
    order = trader.order(reply["orderId"])
    assert (order["ordStatus"], order["action"], order["contractId"]) == ("Filled", "Buy", ESZ6)
    assert [(fill["qty"], fill["price"]) for fill in trader.fills(order["id"])] == [(2, 6850)]
    position = trader.get("position/list")[0]
    assert (position["netPos"], position["netPrice"], position["bought"], position["boughtValue"]) == (
        2,
        6850,
        2,
        13700,
    )
    command = trader.get("command/deps", masterid=order["id"])[0]
    assert (command["clOrdId"], command["isAutomated"], command["commandType"]) == ("mine-1", True, "New")
    assert "price" not in order


def test_a_round_trip_is_booked_to_the_cent(sim: RunningSimulator, trader: Api) -> None:
    trader.place("Buy", 2)
    sim.control.price("ESZ6", "6855.00")
    trader.place("Sell", 2)
    # sold at the bid, one tick below: (6854.75 - 6850) x 2 x 50, less four sides at 1.38 + 0.10 + 0.02 + 0.39
    balance = trader.balance()
    assert Decimal(str(balance["realizedPnL"])) == Decimal("475.00")
    assert Decimal(str(balance["amount"])) == Decimal(100000) + Decimal("475.00") - 4 * Decimal("1.89")
    pair = trader.get("fillPair/list")[0]
    assert [fill["finallyPaired"] for fill in trader.get("fill/list")] == [2, 2]
    assert (pair["qty"], pair["buyPrice"], pair["sellPrice"]) == (2, 6850, 6854.75)
    assert trader.get("position/list")[0]["netPos"] == 0
    assert "netPrice" not in trader.get("position/list")[0]


def test_a_big_order_fills_in_parts_over_levels_and_steps(sim: RunningSimulator, trader: Api) -> None:
    sim.control.account(1001001, deposit=10_000_000)
    order = trader.place("Buy", 70)["orderId"]
    assert [fill["price"] for fill in trader.fills(order)] == [6850, 6850.25, 6850.5, 6850.75, 6851]
    assert trader.order(order)["ordStatus"] == "Working"
    sim.control.advance(0.5)
    assert sum(fill["qty"] for fill in trader.fills(order)) == 70
    assert trader.order(order)["ordStatus"] == "Filled"


def test_the_events_of_a_market_order_come_in_order(trader: Api, socket: Socket) -> None:
    trader.place("Buy", 1)
    trader.place("Sell", 1)
    seen = socket.props("fillPair")
    first = [f"{event['entityType']} {event['eventType']}" for event in seen]
    for event in seen:
        entities = event["entity"] if isinstance(event["entity"], list) else [event["entity"]]
        assert [problem for entity in entities for problem in problems(event["entityType"], entity)] == []
    expected = [
        "order Created",
        "command Created",
        "orderVersion Created",
        "commandReport Created",
        "command Updated",
        "executionReport Created",
        "order Updated",
        "fill Created",
        "fillFee Created",
        "executionReport Created",
        "order Updated",
        "position Created",
        "cashBalance Updated",
        "marginSnapshot Updated",
    ]
    steps = iter(first)
    assert all(step in steps for step in expected), first
    assert first[:3] == ["product Created", "contractMaturity Created", "contract Created"]
    statuses = [event["entity"]["ordStatus"] for event in seen if event["entityType"] == "order"]
    assert statuses[:3] == ["PendingNew", "Working", "Filled"]
    reports = [event["entity"]["commandStatus"] for event in seen if event["entityType"] == "commandReport"]
    assert reports[:2] == ["RiskPassed", "AtExecution"]


def test_the_same_client_order_id_twice_makes_two_orders(trader: Api) -> None:
    first, second = (trader.place("Buy", 1, clOrdId="same")["orderId"] for _ in range(2))
    assert first != second
    assert [command["clOrdId"] for command in trader.get("command/list")] == ["same", "same"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"symbol": "ESF7"}, "InvalidContract"),
        ({"symbol": "ESU6"}, "InvalidContract"),
        ({"symbol": "nonsense"}, "InvalidContract"),
        ({"orderType": "Limit"}, "InvalidPrice"),
        ({"orderType": "Limit", "price": 6850.1}, "InvalidPrice"),
        ({"orderType": "Limit", "price": -1}, "InvalidPrice"),
        ({"orderType": "Stop", "stopPrice": 6850.1}, "InvalidPrice"),
        ({"orderType": "StopLimit", "price": 6850}, "InvalidPrice"),
        ({"orderQty": 251}, "MaxOrderQtyLimitReached"),
        ({"orderType": "MIT"}, "InvalidPrice"),
        ({"orderType": "LimitIfTouched", "price": 6840}, "InvalidPrice"),
        ({"orderType": "LimitIfTouched", "limitIfTouchedPrice": 6840}, "InvalidPrice"),
        ({"orderType": "TrailingStop"}, "InvalidPrice"),
        ({"orderType": "TrailingStop", "pegDifference": 0}, "InvalidPrice"),
        ({"orderType": "TrailingStop", "pegDifference": 0.1}, "InvalidPrice"),
        ({"orderType": "TrailingStopLimit", "pegDifference": 5}, "InvalidPrice"),
        ({"orderType": "QTS"}, "Unsupported"),
        ({"timeInForce": "GTD"}, "Unsupported"),
        ({"timeInForce": "GTD", "expireTime": "soon"}, "Unsupported"),
        ({"timeInForce": "GTD", "expireTime": "2026-11-18T14:59:59Z"}, "Unsupported"),
        ({"orderType": "Limit", "price": 6850, "timeInForce": "Sometime"}, "Unsupported"),
        ({"accountId": 1002001}, "UnknownReason"),
        ({"accountId": 77}, "UnknownReason"),
    ],
)
def test_refused_orders_say_why_and_leave_no_trace(trader: Api, changes: dict[str, Any], reason: str) -> None:
    body = {"accountId": 1001001, "symbol": "ESZ6", "action": "Buy", "orderQty": 1, "orderType": "Market", **changes}
    reply = trader.post("order/placeorder", **body)
    assert problems("placeOrderResult", reply) == []
    assert reply["failureReason"] == reason
    assert reply["failureText"]
    assert "orderId" not in reply
    assert trader.get("order/list") == []


@pytest.mark.parametrize(
    "changes", [{"orderQty": 0}, {"orderQty": "two"}, {"action": "Hold"}, {"symbol": None}, {"clOrdId": "x" * 65}]
)
def test_malformed_orders_are_bad_requests(trader: Api, changes: dict[str, Any]) -> None:
    body = {"accountId": 1001001, "symbol": "ESZ6", "action": "Buy", "orderQty": 1, "orderType": "Market", **changes}
    assert trader.http.post("/v1/order/placeorder", json=body).status_code == 400
    assert trader.http.post("/v1/order/placeorder", content=b"{").status_code == 400


@pytest.mark.parametrize(("change", "reason"), [("closed", "AccountClosed"), ("restricted", "TradingLocked")])
def test_an_account_that_must_not_trade(sim: RunningSimulator, trader: Api, change: str, reason: str) -> None:
    sim.control.account(1001001, **{change: True})
    assert trader.place("Buy", 1)["failureReason"] == reason


def test_an_order_over_the_margin_is_accepted_and_then_rejected_by_risk(trader: Api, socket: Socket) -> None:
    order = trader.place("Buy", 5)["orderId"]
    seen = socket.props("order", ordStatus="Rejected")
    report = next(event["entity"] for event in seen if event["entityType"] == "commandReport")
    assert (report["commandStatus"], report["rejectReason"]) == ("RiskRejected", "NotEnoughLiquidity")
    assert "112000.00 USD needed" in report["text"]
    assert trader.order(order)["ordStatus"] == "Rejected"
    assert trader.fills(order) == []


def test_an_order_that_reduces_needs_no_margin(sim: RunningSimulator, trader: Api) -> None:
    trader.place("Buy", 4)
    sim.control.account(1001001, deposit=-90_000)
    assert trader.order(trader.place("Buy", 1)["orderId"])["ordStatus"] == "Rejected"
    assert trader.order(trader.place("Sell", 4)["orderId"])["ordStatus"] == "Filled"


def test_an_account_may_be_named(trader: Api) -> None:
    body = {"symbol": "ESZ6", "action": "Buy", "orderQty": 1, "orderType": "Market"}
    assert "orderId" in trader.post("order/placeorder", accountSpec="demo1001001", **body)
    assert "orderId" in trader.post("order/placeorder", **body)
    assert "failureReason" in trader.post("order/placeorder", accountSpec="DEMO1002001", **body)


def test_working_orders_use_margin(trader: Api) -> None:
    trader.place("Buy", 1, orderType="Limit", price=6800)
    snapshot = trader.get("marginSnapshot/list")[0]
    assert (snapshot["totalUsedMargin"], snapshot["positionMargin"]) == (22400, 0)


def test_a_limit_order_rests_and_is_cancelled(trader: Api) -> None:
    order = trader.place("Buy", 1, orderType="Limit", price=6800, timeInForce="GTC")["orderId"]
    assert trader.order(order)["ordStatus"] == "Working"
    version = trader.get("orderVersion/deps", masterid=order)[0]
    assert (version["price"], version["orderQty"], version["orderType"], version["timeInForce"]) == (
        6800,
        1,
        "Limit",
        "GTC",
    )
    reply = trader.post("order/cancelorder", orderId=order, clOrdId="bye")
    assert problems("commandResult", reply) == []
    assert trader.order(order)["ordStatus"] == "Canceled"
    commands = trader.get("command/deps", masterid=order)
    assert [(c["commandType"], c.get("clOrdId")) for c in commands] == [("New", None), ("Cancel", "bye")]
    assert commands[-1]["id"] == reply["commandId"]
    assert trader.get("marginSnapshot/list")[0]["totalUsedMargin"] == 0


def test_a_finished_order_is_too_late_to_cancel_or_modify(trader: Api) -> None:
    order = trader.place("Buy", 1)["orderId"]
    change = {"orderId": order, "orderQty": 2, "orderType": "Limit", "price": 6800}
    assert trader.post("order/cancelorder", orderId=order)["failureReason"] == "TooLate"
    assert trader.post("order/modifyorder", **change)["failureReason"] == "TooLate"


def test_a_modified_order_works_by_its_new_version(sim: RunningSimulator, trader: Api) -> None:
    order = trader.place("Buy", 1, orderType="Limit", price=6800)["orderId"]
    change = {"orderId": order, "orderQty": 2, "orderType": "Limit", "price": 6840, "timeInForce": "Day"}
    reply = trader.post("order/modifyorder", **change)
    assert problems("commandResult", reply) == []
    versions = trader.get("orderVersion/deps", masterid=order)
    assert [(v["orderQty"], v["price"]) for v in versions] == [(1, 6800), (2, 6840)]
    sim.control.price("ESZ6", "6840.00")
    assert [(fill["qty"], fill["price"]) for fill in trader.fills(order)] == [(2, 6840)]
    assert trader.post("order/modifyorder", **{**change, "price": 6840.1})["failureReason"] == "TooLate"


def test_a_bad_modification_changes_nothing(trader: Api) -> None:
    order = trader.place("Buy", 1, orderType="Limit", price=6800)["orderId"]
    bad = trader.post("order/modifyorder", orderId=order, orderQty=1, orderType="Limit", price=6800.1)
    assert bad["failureReason"] == "InvalidPrice"
    assert len(trader.get("orderVersion/deps", masterid=order)) == 1


def test_a_stop_order_waits_for_its_price(sim: RunningSimulator, trader: Api) -> None:
    order = trader.place("Sell", 1, orderType="Stop", stopPrice=6840)["orderId"]
    sim.control.price("ESZ6", "6840.25")
    assert trader.order(order)["ordStatus"] == "Working"
    sim.control.price("ESZ6", "6840.00")
    assert trader.order(order)["ordStatus"] == "Filled"
    assert trader.fills(order)[0]["price"] == 6839.75


@pytest.mark.parametrize(("tif", "filled", "status"), [("IOC", 10, "Canceled"), ("FOK", 0, "Canceled")])
def test_orders_that_do_not_wait(sim: RunningSimulator, trader: Api, tif: str, filled: int, status: str) -> None:
    sim.control.account(1001001, deposit=1_000_000)
    order = trader.place("Sell", 12, orderType="Limit", price=6849.75, timeInForce=tif)["orderId"]
    assert sum(fill["qty"] for fill in trader.fills(order)) == filled
    assert trader.order(order)["ordStatus"] == status


def test_liquidating_cancels_what_works_and_closes_the_position(trader: Api) -> None:
    trader.place("Buy", 2)
    resting = trader.place("Buy", 1, orderType="Limit", price=6800)["orderId"]
    reply = trader.post("order/liquidateposition", accountId=1001001, contractId=ESZ6, admin=False)
    assert problems("placeOrderResult", reply) == []
    assert trader.order(resting)["ordStatus"] == "Canceled"
    assert trader.order(reply["orderId"])["ordStatus"] == "Filled"
    assert trader.get("position/list")[0]["netPos"] == 0
    assert trader.post("order/liquidateposition", accountId=1001001, contractId=ESZ6, admin=False) == {}


def test_positions_are_liquidated_by_their_ids(trader: Api) -> None:
    trader.place("Buy", 2)
    trader.place("Sell", 3, "MESZ6")
    ids = [position["id"] for position in trader.get("position/list")]
    assert trader.post("order/liquidatepositions", positions=ids, admin=False) == {"ok": True}
    assert [position["netPos"] for position in trader.get("position/list")] == [0, 0]


def test_nobody_acts_on_anothers_orders_or_positions(trader: Api, pro: Api) -> None:
    theirs = next(order for order in pro.get("order/list") if order["ordStatus"] == "Working")
    held = next(position for position in pro.get("position/list") if position["netPos"])
    before = pro.get("order/list"), pro.get("position/list")
    change = {"orderId": theirs["id"], "orderQty": 9, "orderType": "Limit", "price": 6800}
    close = {"accountId": held["accountId"], "contractId": held["contractId"], "admin": False}
    for reply in (
        trader.post("order/cancelorder", orderId=theirs["id"]),
        trader.post("order/modifyorder", **change),
        trader.post("order/liquidateposition", **close),
    ):
        assert (reply["failureReason"], reply["failureText"]) == ("UnknownReason", "Access is denied")
    assert trader.post("order/liquidatepositions", positions=[held["id"]], admin=False)["ok"] is False
    assert (pro.get("order/list"), pro.get("position/list")) == before


def test_a_new_day_ends_day_orders_and_carries_positions_over(sim: RunningSimulator, trader: Api) -> None:
    trader.place("Buy", 2)
    day = trader.place("Buy", 1, orderType="Limit", price=6000)["orderId"]
    good = trader.place("Buy", 1, orderType="Limit", price=6000, timeInForce="GTC")["orderId"]
    amount = trader.balance()["amount"]
    sim.control.advance(9 * 3600)
    trader = Api(sim, "trader")
    assert trader.http.get(f"/v1/order/item?id={day}").status_code == 404
    assert [order["id"] for order in trader.get("order/list")] == [good]
    assert len(trader.get("command/list")) == 1
    assert trader.get("fill/list") == []
    position = trader.get("position/list")[0]
    assert (position["netPos"], position["prevPos"], position["prevPrice"], position["bought"]) == (2, 2, 6850, 0)
    assert position["tradeDate"] == {"year": 2026, "month": 11, "day": 19}
    balance = trader.balance()
    assert (balance["amountSOD"], balance["amount"], balance["realizedPnL"]) == (amount, amount, 0)


def test_a_contract_that_expires_is_closed_at_the_market(seldom: RunningSimulator) -> None:
    trader = Api(seldom, "trader")
    trader.place("Buy", 2, "CLF7")
    resting = trader.place("Buy", 1, "CLF7", orderType="Limit", price=40, timeInForce="GTC")["orderId"]
    seldom.control.advance(7 * 24 * 3600)
    assert Api(seldom, "trader").get("position/list")[0]["netPos"] == 2
    for days in (7, 7, 7, 6):  # to the day after 21 December, its last: Christmas is no business day
        seldom.control.advance(days * 24 * 3600)
    trader = Api(seldom, "trader")
    assert trader.get("position/list")[0]["netPos"] == 0
    assert trader.order(resting)["ordStatus"] == "Canceled"
    assert trader.place("Buy", 1, "CLF7")["failureReason"] == "InvalidContract"
    assert trader.order(trader.place("Buy", 1, "CLG7")["orderId"])["ordStatus"] == "Filled"


def test_the_cash_snapshot_marks_open_positions(sim: RunningSimulator, trader: Api) -> None:
    order = trader.place("Buy", 2)["orderId"]
    bought = sum(fill["price"] * fill["qty"] for fill in trader.fills(order)) / 2
    sim.control.price("ESZ6", "6860.00")
    snapshot = trader.post("cashBalance/getcashbalancesnapshot", accountId=1001001)
    assert snapshot["openPnL"] == (6860 - bought) * 2 * 50
    assert snapshot["netLiq"] == pytest.approx(snapshot["totalCashValue"] + snapshot["openPnL"])
    assert trader.post("cashBalance/getcashbalancesnapshot", accountId=1002001) == {"errorText": "Access is denied"}


def test_demo_money_can_be_added_to_ones_own_account(trader: Api) -> None:
    snapshot = trader.post("cashBalance/changedemobalance", accountId=1001001, cashChange=500.25)
    assert snapshot["totalCashValue"] == trader.balance()["amount"] == 100_500.25
    assert "errorText" in trader.post("cashBalance/changedemobalance", accountId=1002001, cashChange=1)
