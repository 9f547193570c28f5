"""Orders of the TradingView-style dialect: every type, exits, changes, and what is refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.tv_orders import smart_type

from .conftest import START, Socket, Tv
from .dialect import ACCOUNT, LIMIT


def test_a_limit_order_is_placed_read_and_seen_by_everybody(sim: RunningSimulator, tv: Tv, socket: Socket) -> None:
    placed = tv.place()
    assert placed["s"] == "ok"
    order = placed["d"]
    assert order == {
        "orderId": order["orderId"],
        "accountId": ACCOUNT,
        "instrument": "ESZ6",
        "qty": 1,
        "side": "Buy",
        "orderType": "Limit",
        "limitPrice": 6800,
        "status": "Working",
        "timestamp": "2026-11-18T15:00:00.000Z",
    }
    assert isinstance(order["orderId"], str)
    expected = {**order, "filledQty": 0, "avgFillPrice": 0, "updateTime": order["timestamp"]}
    expected["id"] = expected.pop("orderId")
    assert tv.order(order["orderId"]) == expected
    assert tv.good("GET", f"/accounts/{ACCOUNT}/orders") == [expected]
    assert socket.props("order", ordStatus="Working")[-1]["entity"]["id"] == int(order["orderId"])
    assert tv.api.order(int(order["orderId"]))["ordStatus"] == "Working"
    [received] = sim.control.ledger()["received"]
    assert (received["route"], received["params"]["limitPrice"]) == ("tv/placeorder", "6800")


def test_an_order_of_the_native_api_is_seen_in_the_dialect(tv: Tv) -> None:
    native = tv.api.place("Sell", 3, orderType="StopLimit", price=6700, stopPrice=6710)["orderId"]
    found = tv.order(str(native))
    assert (found["orderType"], found["limitPrice"], found["stopPrice"], found["qty"]) == ("StopLimit", 6700, 6710, 3)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"type": "Market"}, "Market"),
        ({"type": "Stop", "stopPrice": "6900"}, "Stop"),
        ({"type": "StopLimit", "stopPrice": "6900", "limitPrice": "6901"}, "StopLimit"),
        ({"durationType": "GTC"}, "Limit"),
    ],
)
def test_every_type_is_taken(tv: Tv, fields: dict[str, str], kind: str) -> None:
    placed = tv.place(**fields)["d"]
    assert placed["orderType"] == kind
    assert ("limitPrice" in placed, "stopPrice" in placed) == (
        kind in ("Limit", "StopLimit"),
        kind in ("Stop", "StopLimit"),
    )


def test_a_market_order_is_filled_at_once(tv: Tv) -> None:
    found = tv.order(tv.place(type="Market")["d"]["orderId"])
    assert (found["status"], found["filledQty"], found["avgFillPrice"]) == ("Filled", 1, 6850)


@pytest.mark.parametrize(("duration", "status"), [("IOC", "Cancelled"), ("FOK", "Cancelled"), ("Day", "Working")])
def test_what_cannot_trade_at_once_lapses_or_waits(tv: Tv, duration: str, status: str) -> None:
    assert tv.place(durationType=duration)["d"]["status"] == status


def test_the_documents_stop_order_with_both_exits(sim: RunningSimulator, tv: Tv) -> None:
    parent = tv.place(type="Stop", stopPrice="6860", limitPrice="", stopLoss="6840", takeProfit="6900")["d"]["orderId"]

    def states() -> list[tuple[str, str, str]]:
        return [(o["orderType"], o["side"], o["status"]) for o in tv.good("GET", f"/accounts/{ACCOUNT}/orders")]

    assert states() == [("Stop", "Buy", "Working"), ("Limit", "Sell", "Queued"), ("Stop", "Sell", "Queued")]
    sim.control.price("ESZ6", "6861")
    assert tv.order(parent)["status"] == "Filled"
    assert states()[1:] == [("Limit", "Sell", "Working"), ("Stop", "Sell", "Working")]
    sim.control.price("ESZ6", "6839")
    assert states()[1:] == [("Limit", "Sell", "Cancelled"), ("Stop", "Sell", "Filled")]
    assert tv.good("GET", f"/accounts/{ACCOUNT}/positions") == []


def test_one_exit_alone(tv: Tv) -> None:
    tv.place(type="Market", stopLoss="6800")
    assert [order["status"] for order in tv.good("GET", f"/accounts/{ACCOUNT}/orders")] == ["Filled", "Working"]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"instrument": ""}, "instrument"),
        ({"instrument": "XXZ6"}, "XXZ6"),
        ({"qty": ""}, "qty"),
        ({"qty": "0"}, "qty"),
        ({"qty": "one"}, "qty"),
        ({"qty": "1.5"}, "qty"),
        ({"qty": "9999"}, "250"),
        ({"side": "Hold"}, "side"),
        ({"side": ""}, "side"),
        ({"type": "Magic"}, "type"),
        ({"durationType": ""}, "durationType"),
        ({"durationType": "Forever"}, "durationType"),
        ({"limitPrice": ""}, "limitPrice"),
        ({"limitPrice": "6800.10"}, "tick"),
        ({"limitPrice": "NaN"}, "tick"),
        ({"limitPrice": "Infinity"}, "tick"),
        ({"limitPrice": "cheap"}, "limitPrice"),
        ({"type": "Stop"}, "stopPrice"),
        ({"type": "StopLimit"}, "stopPrice"),
        ({"stopLoss": "6801"}, "stopLoss"),
        ({"takeProfit": "6799"}, "takeProfit"),
        ({"takeProfit": "6900.1"}, "takeProfit"),
        ({"type": "", "limitPrice": ""}, "type"),
    ],
)
def test_an_invalid_order_is_1004_and_leaves_nothing(
    sim: RunningSimulator, tv: Tv, fields: dict[str, str], named: str
) -> None:
    code, text = tv.error("POST", f"/accounts/{ACCOUNT}/orders", data=LIMIT | fields)
    assert code == 1004
    assert named in text
    assert [order for order in tv.api.get("order/list") if order["ordStatus"] != "Rejected"] == []


def test_a_body_that_is_not_a_form_is_1004(tv: Tv) -> None:
    code, text = tv.error("POST", f"/accounts/{ACCOUNT}/orders", json=LIMIT)
    assert code == 1004
    assert "x-www-form-urlencoded" in text


def test_too_little_margin_is_1003(tv: Tv) -> None:
    code, _ = tv.error("POST", f"/accounts/{ACCOUNT}/orders", data=LIMIT | {"qty": "200", "type": "Market"})
    assert code == 1003
    assert [order["status"] for order in tv.good("GET", f"/accounts/{ACCOUNT}/orders")] == ["Rejected"]


def test_a_closed_market_is_1005() -> None:
    saturday = START.replace(day=21)
    with serve(Config(manual_clock=True, start=saturday, session_hours=True)) as simulator:
        code, _ = Tv(simulator).error("POST", f"/accounts/{ACCOUNT}/orders", data=LIMIT)
    assert code == 1005


@pytest.mark.parametrize(
    ("side", "target", "kind"),
    [("Buy", "6840", "Limit"), ("Buy", "6860", "Stop"), ("Sell", "6860", "Limit"), ("Sell", "6840", "Stop")],
)
@pytest.mark.parametrize("field", ["limitPrice", "stopPrice"])
def test_without_a_type_it_is_chosen_by_the_documents_rule(
    tv: Tv, side: str, target: str, kind: str, field: str
) -> None:
    fields = {"type": "", "side": side, "limitPrice": "", "stopPrice": "", field: target}
    placed = tv.place(**fields)["d"]
    assert (placed["orderType"], placed["status"]) == (kind, "Working")
    assert placed["limitPrice" if kind == "Limit" else "stopPrice"] == float(target)


PRICES = st.decimals(1, 10_000, places=2)


@given(st.sampled_from(["Buy", "Sell"]), PRICES, PRICES)
def test_the_chosen_type_never_trades_at_a_worse_price_at_once(side: str, target: Decimal, market: Decimal) -> None:
    kind = smart_type(side, target, market)
    better = target <= market if side == "Buy" else target >= market
    assert kind == ("Limit" if better else "Stop")


def test_an_update_changes_what_it_names_and_keeps_the_rest(tv: Tv) -> None:
    order = tv.place(qty="2")["d"]["orderId"]
    path = f"/accounts/{ACCOUNT}/orders/{order}"
    answer = tv.good("PUT", path, data={"id": order, "limitPrice": "6810", "durationType": "Day"})
    assert answer == {"orderId": order, "updated": True}
    assert (tv.order(order)["limitPrice"], tv.order(order)["qty"]) == (6810, 2)
    tv.good("PUT", path, data={"id": order, "qty": "3", "durationType": "GTC"})
    assert (tv.order(order)["limitPrice"], tv.order(order)["qty"]) == (6810, 3)
    assert tv.api.get("orderVersion/deps", masterid=order)[-1]["timeInForce"] == "GTC"


def test_an_update_moves_the_exits(tv: Tv) -> None:
    order = tv.place(stopLoss="6790", takeProfit="6900")["d"]["orderId"]
    path = f"/accounts/{ACCOUNT}/orders/{order}"
    tv.good("PUT", path, data={"id": order, "durationType": "Day", "stopLoss": "6780", "takeProfit": "6910"})
    _, target, loss = tv.good("GET", f"/accounts/{ACCOUNT}/orders")
    assert (target["limitPrice"], loss["stopPrice"]) == (6910, 6780)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"id": "5"}, "5"),
        ({"id": ""}, "id"),
        ({"durationType": ""}, "durationType"),
        ({"stopPrice": "6790"}, "stopPrice"),
        ({"limitPrice": "6800.1"}, "tick"),
        ({"qty": "0"}, "qty"),
        ({"stopLoss": "6790"}, "stopLoss"),
    ],
)
def test_a_wrong_update_is_1004_and_changes_nothing(tv: Tv, fields: dict[str, str], named: str) -> None:
    order = tv.place()["d"]["orderId"]
    before = tv.order(order)
    form = {"id": order, "limitPrice": "6810", "durationType": "Day"} | fields
    code, text = tv.error("PUT", f"/accounts/{ACCOUNT}/orders/{order}", data=form)
    assert code == 1004
    assert named in text
    assert tv.order(order) == before


def test_cancelling_once_and_too_late(tv: Tv) -> None:
    order = tv.place()["d"]["orderId"]
    assert tv.ask("DELETE", f"/accounts/{ACCOUNT}/orders/{order}") == {"s": "ok"}
    assert tv.order(order)["status"] == "Cancelled"
    filled = tv.place(type="Market")["d"]["orderId"]
    late = tv.ask("DELETE", f"/accounts/{ACCOUNT}/orders/{filled}")
    assert late == {"s": "error", "errmsg": "Too late to cancel - order already filled"}
    form = {"id": filled, "qty": "2", "durationType": "Day"}
    assert tv.ask("PUT", f"/accounts/{ACCOUNT}/orders/{filled}", data=form)["errmsg"].startswith("Too late to update")


@pytest.mark.parametrize("order", ["1", "nonsense", "9" * 40])
def test_an_order_of_nobody_or_somebody_else_is_not_found(tv: Tv, order: str) -> None:
    for method in ("GET", "DELETE"):
        assert tv.error(method, f"/accounts/{ACCOUNT}/orders/{order}") == (1004, "Order not found")


def test_an_order_of_another_account_of_mine_is_not_found(sim: RunningSimulator) -> None:
    pro = Tv(sim, "pro")
    order = pro.api.place("Buy", 1, accountId=1002002, orderType="Limit", price=6800)["orderId"]
    assert pro.good("GET", f"/accounts/D1002002/orders/{order}")["accountId"] == "D1002002"
    assert pro.error("GET", f"/accounts/D1002001/orders/{order}") == (1004, "Order not found")
