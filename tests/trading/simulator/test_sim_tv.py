"""The TradingView-style dialect at HTTP level, held to the examples and rules of "Tradovate APIs Reference"."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading.simulator import DEFAULT_TRADERS, Config, RunningSimulator, serve
from trading.simulator.limits import REAL
from trading.simulator.tv_orders import smart_type

from .conftest import NO_TLS, START, Api, Socket

ACCOUNT = "D1001001"
LIMIT = {
    "instrument": "ESZ6",
    "qty": "1",
    "side": "Buy",
    "type": "Limit",
    "limitPrice": "6800",
    "durationType": "Day",
}


class Tv:
    """A signed-in user of the dialect."""

    def __init__(self, simulator: RunningSimulator, name: str = "trader") -> None:
        self.api = Api(simulator, name)
        headers = {"Authorization": f"Bearer {self.api.token}"}
        self.http = httpx.Client(
            base_url=simulator.url + "/tv", timeout=30, trust_env=False, verify=NO_TLS, headers=headers
        )

    def ask(self, method: str, path: str, **more: Any) -> Any:
        return self.http.request(method, f"{path}?locale=en", **more).json()

    def good(self, method: str, path: str, **more: Any) -> Any:
        answer = self.ask(method, path, **more)
        assert answer["s"] == "ok", answer
        return answer["d"]

    def place(self, **fields: str) -> Any:
        return self.ask("POST", f"/accounts/{ACCOUNT}/orders", data=LIMIT | fields)

    def order(self, order_id: str) -> Any:
        return self.good("GET", f"/accounts/{ACCOUNT}/orders/{order_id}")

    def error(self, method: str, path: str, **more: Any) -> tuple[int | None, str]:
        answer = self.ask(method, path, **more)
        assert set(answer) <= {"s", "errmsg", "errorCode"}
        assert answer["s"] == "error"
        return answer.get("errorCode"), answer["errmsg"]


@pytest.fixture
def tv(sim: RunningSimulator) -> Tv:
    return Tv(sim)


def test_authorize_answers_a_token_that_works(sim: RunningSimulator, tv: Tv) -> None:
    found = tv.good("GET", "/authorize")
    assert set(found) == {"accessToken", "userId", "userName", "expirationTime"}
    assert (found["userId"], found["userName"]) == (1001, "trader")
    assert found["expirationTime"].endswith("Z")
    tv.http.headers["Authorization"] = f"Bearer {found['accessToken']}"
    assert tv.good("GET", "/accounts")
    native = httpx.Client(base_url=sim.url, trust_env=False, verify=NO_TLS, headers=tv.http.headers)
    assert native.get("/v1/auth/renewaccesstoken").json()["userId"] == 1001


@pytest.mark.parametrize("token", ["", "Bearer nonsense", "Basic abc"])
def test_without_a_valid_token_nothing_is_answered(tv: Tv, token: str) -> None:
    tv.http.headers["Authorization"] = token
    for path in ("/authorize", "/accounts", f"/accounts/{ACCOUNT}/state", "/quotes"):
        response = tv.http.get(path)
        assert response.status_code == 401
        assert response.json() == {"s": "error", "errmsg": "Invalid token", "errorCode": 1001}


def test_an_expired_token_is_invalid(sim: RunningSimulator, tv: Tv) -> None:
    sim.control.fault("expire_tokens", user="trader")
    assert tv.error("GET", "/accounts") == (1001, "Invalid token")


def test_accounts(tv: Tv) -> None:
    [account] = tv.good("GET", "/accounts")
    assert account == {
        "id": "D1001001",
        "name": "DEMO1001001",
        "userId": 1001,
        "accountType": "Demo",
        "active": True,
        "clearingHouseId": 1,
        "riskCategoryId": 1,
        "autoLiqProfileId": 1,
        "marginAccountType": "Speculator",
    }


@pytest.mark.parametrize("account", ["D1002001", "D99", "1001001", "X1001001", "D", "D" + "9" * 40, "nonsense"])
def test_an_account_that_is_not_ones_own_is_not_found(tv: Tv, account: str) -> None:
    for method, path in (("GET", "state"), ("GET", "orders"), ("GET", "positions"), ("GET", "orders/5")):
        assert tv.error(method, f"/accounts/{account}/{path}") == (1002, "Account not found")
    assert tv.error("POST", f"/accounts/{account}/orders", data=LIMIT) == (1002, "Account not found")


def test_the_state_adds_up_before_and_after_a_trade(sim: RunningSimulator, tv: Tv) -> None:
    path = f"/accounts/{ACCOUNT}/state"
    before = tv.good("GET", path)
    assert set(before) == {
        "accountId",
        "netLiquidatingValue",
        "cashBalance",
        "openRealizedPl",
        "realizedPl",
        "unrealizedPl",
        "totalMargin",
        "availableMargin",
        "riskLevel",
        "timestamp",
    }
    assert (before["accountId"], before["cashBalance"], before["riskLevel"]) == (ACCOUNT, 100_000, "Low")
    tv.place(type="Market", qty="2")
    sim.control.price("ESZ6", "6852.25")
    held = tv.good("GET", path)
    assert held["unrealizedPl"] == 225
    assert held["netLiquidatingValue"] == round(held["cashBalance"] + 225, 2)
    assert held["totalMargin"] > 0
    assert held["availableMargin"] == round(held["netLiquidatingValue"] - held["totalMargin"], 2)
    tv.place(type="Market", qty="2", side="Sell")
    after = tv.good("GET", path)
    assert after["realizedPl"] == after["openRealizedPl"] == 200
    assert (after["unrealizedPl"], after["totalMargin"]) == (0, 0)


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


def test_positions(sim: RunningSimulator, tv: Tv) -> None:
    assert tv.good("GET", f"/accounts/{ACCOUNT}/positions") == []
    tv.place(type="Market", side="Sell", qty="2")
    sim.control.price("ESZ6", "6848.75")
    [position] = tv.good("GET", f"/accounts/{ACCOUNT}/positions")
    assert isinstance(position.pop("id"), str)
    assert position == {
        "accountId": ACCOUNT,
        "contractId": "ESZ6",
        "timestamp": "2026-11-18T15:00:00.000Z",
        "netPos": -2,
        "avgPrice": 6849.75,
        "netPrice": 6849.75,
        "bought": 0,
        "boughtValue": 0,
        "sold": 2,
        "soldValue": 13699.5,
        "prevPos": 0,
        "prevPrice": 0,
        "unrealizedPl": 100,
    }


def test_quotes(tv: Tv) -> None:
    found = tv.http.get("/quotes", params={"locale": "en", "symbols": "ESZ6,XXZ9, NQZ6"}).json()["d"]
    assert [quote["k"] for quote in found] == ["ESZ6", "NQZ6"]
    values = found[0]["v"]
    assert set(values) == {"lp", "ask", "bid", "volume", "high", "low", "open", "timestamp"}
    assert (values["bid"], values["ask"], values["lp"]) == (6849.75, 6850, 6850)
    assert values["low"] <= values["lp"] <= values["high"]
    assert tv.error("GET", "/quotes")[0] == 1004


def test_who_has_no_market_data_gets_no_quotes() -> None:
    blind = replace(DEFAULT_TRADERS[0], market_data="None")
    with serve(Config(manual_clock=True, start=START, traders=(blind,))) as simulator:
        assert Tv(simulator).http.get("/quotes", params={"symbols": "ESZ6"}).json() == {"s": "ok", "d": []}


def test_what_does_not_exist_answers_in_the_envelope(tv: Tv) -> None:
    for method, path, status in (("GET", "/nothing", 404), ("DELETE", "/accounts", 405), ("PATCH", "/quotes", 405)):
        response = tv.http.request(method, path)
        assert (response.status_code, response.json()["s"]) == (status, "error")


def test_on_its_own_host_it_needs_no_prefix(sim: RunningSimulator, tv: Tv) -> None:
    client = httpx.Client(base_url=sim.url, trust_env=False, verify=NO_TLS, headers=tv.http.headers)
    for host, name, kind in (
        ("tv-demo.tradovateapi.com", ACCOUNT, "Demo"),
        ("tv-live.tradovateapi.com:8443", "L1001001", "Live"),
    ):
        [account] = client.get("/accounts?locale=en", headers={"Host": host}).json()["d"]
        assert (account["id"], account["accountType"]) == (name, kind)
        assert client.get("/nothing", headers={"Host": host}).json()["s"] == "error"
    assert client.get("/accounts").status_code == 404
    assert client.get("/accounts", headers={"Host": "demo.tradovateapi.com"}).status_code == 404


def test_faults_meet_the_dialect_too(sim: RunningSimulator, tv: Tv) -> None:
    sim.control.fault("error_503", "tv/quotes")
    assert tv.http.get("/quotes?symbols=ESZ6").status_code == 503
    sim.control.fault("lose_reply", "tv/placeorder")
    with pytest.raises(httpx.RemoteProtocolError):
        tv.place()
    order = tv.good("GET", f"/accounts/{ACCOUNT}/orders")[0]["id"]
    sim.control.fault("modify_ignored")
    tv.good("PUT", f"/accounts/{ACCOUNT}/orders/{order}", data={"id": order, "qty": "5", "durationType": "Day"})
    assert tv.order(order)["qty"] == 1


@pytest.fixture
def limited() -> Iterator[RunningSimulator]:
    with serve(Config(manual_clock=True, start=START, limits=replace(REAL, tv_per_minute=3))) as running:
        yield running


def test_an_account_may_ask_so_often_a_minute(limited: RunningSimulator) -> None:
    tv = Tv(limited, "pro")
    path = "/accounts/D1002001/state"
    assert [tv.http.get(path).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert tv.http.get(path).json()["s"] == "error"
    assert tv.http.get("/accounts/D1002002/state").status_code == 200
    assert tv.http.get("/accounts").status_code == 200
    limited.control.advance(61)
    assert tv.http.get(path).status_code == 200
    assert REAL.tv_per_minute == 100


@pytest.fixture(scope="module")
def lasting() -> Iterator[Tv]:
    """One simulator for many examples."""
    with serve(Config(seed=7, manual_clock=True, start=START)) as running:
        yield Tv(running)


VALUES = st.sampled_from(["", "1", "0", "-1", "6800", "6800.1", "1e999999", "NaN", "sNaN", "-Infinity", "Buy", "Limit"])
FORMS = st.dictionaries(
    st.sampled_from(["instrument", "qty", "side", "type", "limitPrice", "stopPrice", "durationType", "stopLoss", "id"]),
    VALUES | st.text(max_size=8),
    max_size=9,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(FORMS, st.sampled_from(["POST", "PUT"]), st.text(max_size=6))
def test_whatever_comes_in_is_answered_in_the_envelope(
    lasting: Tv, form: dict[str, str], method: str, order: str
) -> None:
    base = {"instrument": "ESZ6", "qty": "1", "side": "Buy", "durationType": "Day"}
    path = f"/accounts/{ACCOUNT}/orders" + (f"/{quote(order, safe='')}" if method == "PUT" else "")
    response = lasting.http.request(method, path, data=base | form)
    assert response.status_code in (200, 404, 405)
    answer = response.json()
    assert answer["s"] in ("ok", "error")
    assert ("errmsg" in answer) is (answer["s"] == "error")
