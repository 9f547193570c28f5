"""Budgets of requests: a user's, and an address's with penalty tickets."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.limits import GENEROUS, REAL, Limits, network

from .conftest import START, Api, open_socket

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
    assert (REAL.per_user, REAL.per_address["auth/renewaccesstoken"], REAL.per_address["user/syncrequest"]) == (
        5000,
        15,
        300,
    )
    assert GENEROUS.per_user == 500_000
    assert network("203.0.113.7") == network("203.0.113.200") != network("203.0.114.7")
    assert network("testclient") == "testclient"
