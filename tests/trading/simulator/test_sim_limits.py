"""Budgets of requests: a user's, and an address's with penalty tickets."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import httpx
import pytest

from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.limits import GENEROUS, REAL, Limits, network

from .conftest import ESZ6, NO_TLS, START, Api, open_socket

Start = Callable[[Limits | None], RunningSimulator]


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as running:
        yield lambda limits: running.enter_context(
            serve(Config(seed=7, manual_clock=True, start=START, limits=limits, history=False))
        )


def test_a_user_over_the_budget_gets_an_empty_429_for_an_hour(start: Start) -> None:
    simulator = start(Limits(per_user=3))
    trader, pro = Api(simulator, "trader"), Api(simulator, "pro")
    for _ in range(3):
        trader.get("account/list")
    response = trader.http.get("/v1/account/list")
    assert (response.status_code, response.content) == (429, b"")
    assert len(pro.get("account/list")) == 5
    simulator.control.advance(3601)
    assert len(trader.get("account/list")) == 1


def test_a_penalty_ends_with_its_ticket_after_its_time(start: Start) -> None:
    simulator = start(Limits(per_address={"auth/renewaccesstoken": 2}))
    trader = Api(simulator, "trader")
    for _ in range(2):
        trader.http.headers["Authorization"] = f"Bearer {trader.get('auth/renewaccesstoken')['accessToken']}"
    penalty = trader.get("auth/renewaccesstoken")
    assert (set(penalty), penalty["p-captcha"]) == ({"p-ticket", "p-time", "p-captcha"}, False)
    ticket = {"p-ticket": penalty["p-ticket"]}
    assert "p-ticket" in trader.get("auth/renewaccesstoken", **ticket), "too early"
    simulator.control.advance(penalty["p-time"])
    assert "accessToken" in trader.get("auth/renewaccesstoken", **ticket)
    trader = Api(simulator, "trader")
    assert "p-ticket" in trader.get("auth/renewaccesstoken", **ticket), "a ticket is good for one request"
    assert "p-ticket" in trader.post("auth/renewaccesstoken", **{"p-ticket": [1]}), "it can be no ticket"
    assert len(trader.get("account/list")) == 1


def test_only_failed_sign_ins_count(start: Start) -> None:
    simulator = start(Limits(per_address={"auth/accesstokenrequest": 2}))
    trader = [Api(simulator, "trader") for _ in range(4)][-1]
    wrong = {"name": "trader", "password": "wrong"}
    for _ in range(2):
        assert "errorText" in trader.post("auth/accesstokenrequest", **wrong)
    assert "p-ticket" in trader.post("auth/accesstokenrequest", **wrong)


def test_a_sync_over_the_budget_is_no_subscription(start: Start) -> None:
    simulator = start(Limits(per_address={"user/syncrequest": 1}))
    trader = Api(simulator, "trader")
    with open_socket(simulator, trader.token) as socket:
        assert "users" in socket.ask("user/syncrequest", {"users": [trader.user_id]})["d"]
    with open_socket(simulator, trader.token) as socket:
        assert "p-ticket" in socket.ask("user/syncrequest", {"users": [trader.user_id]})["d"]
        trader.place("Buy", 1)
        socket.ask("account/list")
        assert socket.events == []


def test_without_limits_nothing_is_counted(start: Start) -> None:
    trader = Api(start(None), "trader")
    wrong = {"name": "trader", "password": "wrong"}
    assert all("errorText" in trader.post("auth/accesstokenrequest", **wrong) for _ in range(20))


def test_the_figures() -> None:
    assert REAL.per_user == 5000
    assert REAL.per_address == {
        "auth/accesstokenrequest": 5,
        "auth/me": 10,
        "auth/renewaccesstoken": 15,
        "user/syncrequest": 300,
        "order/dryrun": 500,
    }
    assert (REAL.penalty_seconds, REAL.penalty_seconds_of) == (15, {"user/syncrequest": 3})
    assert (REAL.captcha_after, REAL.tv_per_minute) == (10, 100)
    assert (GENEROUS.per_user, GENEROUS.tv_per_minute) == (500_000, 10_000)
    assert GENEROUS.per_address == {route: most * 100 for route, most in REAL.per_address.items()}
    assert network("203.0.113.7") == network("203.0.113.200") != network("203.0.114.7")
    assert network("testclient") == "testclient"


def test_only_failures_of_auth_me_count_and_ten_are_allowed(start: Start) -> None:
    simulator = start(REAL)
    trader = Api(simulator, "trader")
    for _ in range(12):
        assert trader.get("auth/me")["userId"] == trader.user_id
    stranger = {"Authorization": "Bearer made-up"}
    failed = [trader.http.get("/v1/auth/me", headers=stranger).status_code for _ in range(10)]
    assert failed == [401] * 10
    assert trader.http.get("/v1/auth/me", headers=stranger).json()["p-time"] == 15
    assert "p-ticket" in trader.get("auth/me"), "whoever asks from there"
    simulator.control.advance(3601)
    assert trader.get("auth/me")["userId"] == trader.user_id


def test_every_dry_run_counts(start: Start) -> None:
    simulator = start(replace(REAL, per_address={"order/dryrun": 2}))
    trader, pro = Api(simulator, "trader"), Api(simulator, "pro")
    order = {"contractId": ESZ6, "action": "Buy", "orderQty": 1, "orderType": "Market"}
    for _ in range(2):
        assert "details" in trader.post("order/dryrun", accountId=1001001, orders=[order])
    assert "p-ticket" in pro.post("order/dryrun", accountId=1002001, orders=[order])
    assert "orderId" in trader.place("Buy", 1)


def test_a_network_shares_its_budget_and_another_one_has_its_own(start: Start) -> None:
    simulator = start(Limits(per_address={"auth/accesstokenrequest": 1}))
    wrong = {"name": "trader", "password": "wrong"}

    def sign_in_from(address: str) -> set[str]:
        transport = httpx.HTTPTransport(local_address=address, verify=NO_TLS)
        with httpx.Client(base_url=simulator.url, transport=transport) as http:
            return set(http.post("/v1/auth/accesstokenrequest", json=wrong).json())

    assert sign_in_from("127.0.0.1") == {"errorText"}
    assert "p-ticket" in sign_in_from("127.0.0.77")
    assert sign_in_from("127.0.1.1") == {"errorText"}
    assert "p-ticket" in sign_in_from("127.0.1.2")


def test_a_user_over_the_budget_is_told_on_a_socket_which_stays_open(start: Start) -> None:
    simulator = start(Limits(per_user=2))
    trader = Api(simulator, "trader")
    with open_socket(simulator, trader.token) as socket:
        assert [socket.ask("account/list")["s"] for _ in range(2)] == [200, 200]
        spent = socket.ask("account/list")
        assert (spent["s"], spent["d"]) == (429, "")
        assert trader.http.get("/v1/account/list").status_code == 429
        simulator.control.advance(3601)
        assert socket.ask("account/list")["s"] == 200


def test_a_penalty_takes_as_long_as_it_is_set_to(start: Start) -> None:
    simulator = start(Limits(per_address={"auth/renewaccesstoken": 0}, penalty_seconds=40))
    trader = Api(simulator, "trader")
    penalty = trader.get("auth/renewaccesstoken")
    ticket = {"p-ticket": penalty["p-ticket"]}
    assert penalty["p-time"] == 40
    simulator.control.advance(39)
    assert "p-ticket" in trader.get("auth/renewaccesstoken", **ticket)
    simulator.control.advance(1)
    assert "accessToken" in trader.get("auth/renewaccesstoken", **ticket)


def test_tokens_and_sessions_are_as_many_and_last_as_long_as_they_are_set_to() -> None:
    config = Config(seed=7, manual_clock=True, start=START, history=False, token_lifetime=600, sessions_per_user=3)
    with serve(config) as simulator:
        first, second, *_ = [Api(simulator, "trader") for _ in range(4)]
        assert first.http.get("/v1/account/list").status_code == 401
        assert second.login["expirationTime"] == "2026-11-18T15:10:00.000Z"
        simulator.control.advance(599)
        assert second.get("account/list")
        simulator.control.advance(1)
        assert second.http.get("/v1/account/list").status_code == 401


def test_who_asks_again_and_again_gets_a_captcha_and_waits_an_hour(start: Start) -> None:
    simulator = start(Limits(per_address={"auth/accesstokenrequest": 1}, captcha_after=2))
    trader = Api(simulator, "trader")
    wrong = {"name": "trader", "password": "wrong"}
    trader.post("auth/accesstokenrequest", **wrong)
    penalties = [trader.post("auth/accesstokenrequest", **wrong) for _ in range(3)]
    assert [one["p-captcha"] for one in penalties] == [False, False, True]
    assert penalties[-1]["p-time"] == 3600
    right = {"name": "trader", "password": "trader-pass"}
    simulator.control.advance(3500)
    assert trader.post("auth/accesstokenrequest", **right, **{"p-ticket": penalties[-1]["p-ticket"]})["p-captcha"]
    simulator.control.advance(200)
    assert "accessToken" in trader.post("auth/accesstokenrequest", **right)


def test_a_captcha_can_be_asked_for_at_once(start: Start) -> None:
    trader = Api(start(Limits(per_address={"auth/renewaccesstoken": 0}, captcha_after=0)), "trader")
    assert trader.get("auth/renewaccesstoken")["p-captcha"] is True


def test_a_sync_waits_three_seconds_only(start: Start) -> None:
    simulator = start(Limits(per_address={"user/syncrequest": 0}))
    trader = Api(simulator, "trader")
    penalty = trader.post("user/syncrequest", users=[1001])
    assert penalty["p-time"] == 3
    simulator.control.advance(3)
    assert "users" in trader.post("user/syncrequest", users=[1001], **{"p-ticket": penalty["p-ticket"]})


def test_failed_code_exchanges_can_be_limited_too(start: Start) -> None:
    trader = Api(start(Limits(per_address={"auth/oauthtoken": 1})), "trader")
    form = {"grant_type": "authorization_code", "code": "made-up", "client_id": "tradeport", "client_secret": "x"}
    assert trader.http.post("/auth/oauthtoken", data=form).json()["error"] == "invalid_client"
    assert "p-ticket" in trader.http.post("/auth/oauthtoken", data=form).json()


def test_a_user_keeps_the_newest_sockets() -> None:
    config = Config(seed=7, manual_clock=True, start=START, history=False, sockets_per_user=1)
    with serve(config) as simulator:
        trader, pro = Api(simulator, "trader"), Api(simulator, "pro")
        with (
            open_socket(simulator, trader.token) as first,
            open_socket(simulator, pro.token) as other,
            open_socket(simulator, trader.token) as second,
        ):
            [notice] = first.message()
            assert notice["d"] == {
                "reasonCode": "ConnectionQuotaReached",
                "reason": "Too many sockets of this user.",
            }
            assert second.ask("account/list")["s"] == other.ask("account/list")["s"] == 200


def test_an_address_gets_no_more_sockets_than_its_quota() -> None:
    config = Config(seed=7, manual_clock=True, start=START, history=False, sockets_per_address=1)
    with serve(config) as simulator:
        trader = Api(simulator, "trader")
        with open_socket(simulator, trader.token) as first:
            with open_socket(simulator) as second:
                assert second.message()[0]["d"]["reasonCode"] == "IPQuotaReached"
            with open_socket(simulator, trader.token, source="127.0.0.2") as neighbour:
                assert neighbour.ask("account/list")["s"] == 200
            assert first.ask("account/list")["s"] == 200


def test_live_trading_needs_a_verified_device_after_an_api_key_login() -> None:
    config = Config(
        seed=7, manual_clock=True, start=START, history=False, verified_devices=frozenset({"known-device"}), cid="8"
    )
    order = {"accountId": 1001001, "action": "Buy", "symbol": "ESZ6", "orderQty": 1, "orderType": "Market"}
    with serve(config) as simulator:
        trader = Api(simulator, "trader")
        denied = trader.http.post("/v1/order/placeorder", json=order)
        assert (denied.status_code, denied.text) == (401, "Access is denied")
        assert trader.get("order/list") == []
        demo = trader.http.post("/v1/order/placeorder", json=order, headers={"Host": "demo.tradovateapi.com"})
        assert "orderId" in demo.json()
        login = {"name": "trader", "password": "trader-pass", "deviceId": "known-device"}
        for cid in (9, None):
            reply = trader.post("auth/accesstokenrequest", **login, cid=cid)
            assert reply == {"errorText": "The app is not registered"}
        for cid in ("8", 8):
            reply = trader.post("auth/accesstokenrequest", **login, cid=cid)
        trader.http.headers["Authorization"] = f"Bearer {reply['accessToken']}"
        assert "orderId" in trader.post("order/placeorder", **order)


def test_a_third_login_ends_the_oldest_session_and_its_socket(start: Start) -> None:
    simulator = start(None)
    first = Api(simulator, "trader")
    with open_socket(simulator, first.token) as socket:
        second = Api(simulator, "trader")
        assert first.get("account/list") == second.get("account/list")
        Api(simulator, "trader")
        assert socket.message()[0]["d"]["reasonCode"] == "ConnectionQuotaReached"
    assert first.http.get("/v1/account/list").status_code == 401
    assert len(second.get("account/list")) == 1
