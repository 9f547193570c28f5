"""REST as clients really ask it: any case, any method, parameters anywhere; OAuth with and without /v1."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.operations import OPERATIONS

from .conftest import START, Api
from .test_sim_oauth import CALLBACK, Browser

ME = {"accountId": 1001001}


@pytest.fixture(scope="module")
def sim() -> Iterator[RunningSimulator]:
    """One simulator for all."""
    with serve(Config(seed=7, manual_clock=True, start=START, history=False)) as running:
        yield running


@pytest.mark.parametrize("path", ["/v1/Exchange/List", "/V1/EXCHANGE/LIST", "/v1/exchange/list/", "/v1//exchange/list"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_case_and_method_do_not_matter(trader: Api, path: str, method: str) -> None:
    answer = trader.http.request(method, path)
    assert [exchange["name"] for exchange in answer.json()] == ["CME", "CBOT", "NYMEX", "COMEX"]


@pytest.mark.parametrize(
    "path",
    ["/v1/Auth/RenewAccessToken", "/Auth/renewAccessToken", "/AUTH/RENEWACCESSTOKEN", "/v1/auth/renewaccesstoken"],
)
def test_a_token_is_renewed_with_and_without_v1(trader: Api, path: str) -> None:
    reply = trader.http.get(path).json()
    assert reply.keys() >= {"accessToken", "mdAccessToken", "expirationTime", "userId", "apiHosts", "hasFunded"}
    assert reply["expirationTime"].endswith("Z")


def test_every_operation_is_found_by_get_and_by_post_in_any_case(trader: Api) -> None:
    for route in OPERATIONS:
        if route in ("user/modifycredentials", "user/modifypassword") or route.startswith(("md/", "replay/")):
            continue
        for method in ("GET", "POST"):
            answer = trader.http.request(method, f"/v1/{route.upper()}")
            assert answer.status_code in (200, 400, 404, 401), (route, answer.status_code, answer.text)
            assert not answer.text.startswith(f"Not found: {route}"), route


@pytest.mark.parametrize(
    "asked",
    [
        {"method": "POST", "json": ME},
        {"method": "GET", "json": ME},
        {"method": "GET", "params": ME},
        {"method": "POST", "params": ME},
        {"method": "POST", "data": ME},
        {"method": "POST", "params": {"accountid": 1}, "json": ME},
        {"method": "POST", "params": {"accountId": 1002001}, "json": ME},
        {"method": "POST", "json": {"accountId": "1001001", "unknown": [1]}},
        {"method": "POST", "content": json.dumps(ME, indent=2), "headers": {"Content-Type": "text/plain"}},
        {
            "method": "POST",
            "content": json.dumps(ME),
            "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        },
        {"method": "POST", "params": ME, "content": "null"},
        {"method": "POST", "params": ME, "content": "undefined"},
    ],
)
def test_parameters_come_in_query_body_or_form_and_the_body_wins(trader: Api, asked: dict[str, Any]) -> None:
    answer = trader.http.request(url="/v1/cashBalance/getCashBalanceSnapshot", **asked)
    assert "totalCashValue" in answer.json(), answer.text


@pytest.mark.parametrize(
    "asked",
    [
        {"json": {"positions": [1], "admin": False}},
        {"params": {"positions": "1,2", "admin": "false"}},
        {"params": [("positions", "1"), ("positions", "2"), ("admin", "false")]},
        {"params": {"positions": "[1, 2]", "admin": "false"}},
        {"data": {"positions": "1", "admin": "true"}},
    ],
)
def test_lists_come_as_json_or_with_commas(trader: Api, asked: dict[str, Any]) -> None:
    answer = trader.http.post("/v1/order/liquidatepositions", **asked)
    assert answer.json() == {"ok": False, "errorText": "Access is denied"}


@pytest.mark.parametrize("body", ["{", "[1]", '"text"', "nonsense", '{"a":', "\x00\xff"])
def test_a_body_that_is_none_is_refused(trader: Api, body: str) -> None:
    answer = trader.http.post("/v1/account/list", content=body.encode("latin-1"))
    assert (answer.status_code, answer.text) == (400, "Invalid JSON: the body must be an object")


def test_a_bracket_order_fits_into_a_query(trader: Api) -> None:
    bracket = json.dumps({"action": "Sell", "orderType": "Limit", "price": 7000})
    query = {**ME, "action": "Buy", "symbol": "ESZ6", "orderQty": 1, "orderType": "Limit", "price": 6000}
    assert "oso1Id" in trader.http.get("/v1/order/placeOSO", params={**query, "bracket1": bracket}).json()


@pytest.mark.parametrize("path", ["/auth/oauthtoken", "/v1/auth/oauthtoken", "/Auth/OAuthToken", "/v1/AUTH/OAUTHTOKEN"])
@pytest.mark.parametrize("way", ["form", "basic", "json", "query"])
def test_a_code_is_exchanged_everywhere_and_every_way(sim: RunningSimulator, path: str, way: str) -> None:
    browser = Browser(sim)
    form = {"grant_type": "authorization_code", "code": browser.code(), "redirect_uri": CALLBACK}
    client = {"client_id": "tradeport", "client_secret": browser.secret}
    match way:
        case "form":
            answer = browser.http.post(path, data=form | client)
        case "json":
            answer = browser.http.post(path, json=form | client)
        case "query":
            answer = browser.http.get(path, params=form | client)
        case _:
            credentials = base64.b64encode(":".join(client.values()).encode()).decode()
            answer = browser.http.post(path, data=form, headers={"Authorization": f"Basic {credentials}"})
    assert answer.json()["token_type"] == "bearer"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("host", ["demo.tradovateapi.com", "demo.localhost:443"])
def test_me_is_for_the_live_host_alone(trader: Api, host: str) -> None:
    refused = trader.http.get("/v1/auth/me", headers={"Host": host}).json()
    assert "live host" in refused["errorText"]
    assert trader.http.get("/auth/me", headers={"Host": "live.tradovateapi.com"}).json()["userId"] == 1001
