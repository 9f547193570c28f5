"""The TradingView-style dialect at HTTP level, held to the examples and rules of "Tradovate APIs Reference"."""

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from trading.simulator import DEFAULT_TRADERS, Config, RunningSimulator, serve
from trading.simulator.limits import REAL

from .conftest import NO_TLS, START, Tv
from .dialect import ACCOUNT, LIMIT


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
    tv.good("PUT", f"/accounts/{ACCOUNT}/orders/{order}", data={"id": order, "qty": "4", "durationType": "Day"})
    assert tv.order(order)["qty"] == 1


@pytest.mark.parametrize(
    ("route", "seen"), [("tv/modifyorder", [3, 3]), ("order/modifyorder", [1, 4]), ("tv/*", [3, 3]), ("*", [1, 4])]
)
def test_a_modification_is_ignored_on_the_route_it_is_armed_for(
    sim: RunningSimulator, tv: Tv, route: str, seen: list[int]
) -> None:
    order = tv.place()["d"]["orderId"]
    sim.control.fault("modify_ignored", route)
    change = {"orderId": int(order), "orderQty": 3, "orderType": "Limit", "price": 6800}
    assert "commandId" in tv.api.post("order/modifyorder", **change)
    native = tv.order(order)["qty"]
    tv.good("PUT", f"/accounts/{ACCOUNT}/orders/{order}", data={"id": order, "qty": "4", "durationType": "Day"})
    assert [native, tv.order(order)["qty"]] == seen
    assert sim.control.faults() == []


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
@example({}, "PUT", "\n0")
@example({}, "PUT", "0\n")
@example({}, "PUT", "/")
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
