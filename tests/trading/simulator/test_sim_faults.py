"""Each fault does what its name says, as often as it was armed, and only where."""

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from trading.simulator import RunningSimulator

from .conftest import Api, Socket, open_socket

ROUTE = "order/placeorder"


def orders(sim: RunningSimulator) -> int:
    """How many orders the trader really has."""
    return sum(order["accountId"] == 1001001 for order in sim.control.ledger()["entities"]["order"])


def test_a_lost_reply_leaves_an_order(sim: RunningSimulator, trader: Api) -> None:
    sim.control.fault("lose_reply", ROUTE)
    with pytest.raises(httpx.RemoteProtocolError):
        trader.place("Buy", 1, clOrdId="lost")
    assert orders(sim) == 1
    assert [command["clOrdId"] for command in trader.get("command/list")] == ["lost"]
    assert "orderId" in trader.place("Buy", 1)


def test_a_reset_before_leaves_none(sim: RunningSimulator, trader: Api) -> None:
    sim.control.fault("reset_before", "Order/PlaceOrder", times=2)
    for _ in range(2):
        with pytest.raises(httpx.RemoteProtocolError):
            trader.place("Buy", 1)
    assert orders(sim) == 0
    assert sim.control.ledger()["received"] == []
    trader.place("Buy", 1)
    assert orders(sim) == 1


@pytest.mark.parametrize(
    ("kind", "status", "left"), [("error_500", 500, 0), ("error_500_after", 500, 1), ("rate_limit", 429, 0)]
)
def test_statuses(sim: RunningSimulator, trader: Api, kind: str, status: int, left: int) -> None:
    sim.control.fault(kind, ROUTE)
    body = {"accountId": 1001001, "action": "Buy", "symbol": "ESZ6", "orderQty": 1, "orderType": "Market"}
    answer = trader.http.post("/v1/order/placeorder", json=body)
    assert answer.status_code == status
    assert (answer.text == "") is (kind == "rate_limit")
    assert orders(sim) == left
    assert trader.get("account/list")


@pytest.mark.parametrize("captcha", [False, True])
def test_a_penalty(sim: RunningSimulator, trader: Api, captcha: bool) -> None:
    sim.control.fault("penalty", "auth/renewaccesstoken", seconds=17, captcha=captcha)
    reply = trader.get("auth/renewaccesstoken")
    assert (reply["p-time"], reply["p-captcha"]) == (17, captcha)
    assert reply["p-ticket"]
    assert "accessToken" in trader.get("auth/renewaccesstoken")


def test_slow_is_slow_and_others_do_not_wait(sim: RunningSimulator, trader: Api, pro: Api) -> None:
    sim.control.fault("slow", ROUTE, seconds=5)
    with pytest.raises(httpx.ReadTimeout):
        trader.http.post(
            "/v1/order/placeorder",
            json={"accountId": 1001001, "action": "Buy", "symbol": "ESZ6", "orderQty": 1, "orderType": "Market"},
            timeout=0.3,
        )
    assert orders(sim) == 1
    assert pro.get("account/list")


def test_an_unreadable_reply(sim: RunningSimulator, trader: Api) -> None:
    sim.control.fault("garbage", "account/list")
    assert trader.http.get("/v1/account/list").content.startswith(b"<html>")


def test_a_token_that_expires_in_between(sim: RunningSimulator, trader: Api) -> None:
    sim.control.fault("expire_token", "*")
    assert trader.http.get("/v1/account/list").status_code == 401
    assert trader.get("account/list")
    sim.control.fault("expire_tokens", user="trader")
    assert trader.http.get("/v1/account/list").status_code == 401


def test_a_modification_that_is_accepted_and_ignored(sim: RunningSimulator, trader: Api) -> None:
    order = trader.place("Buy", 1, orderType="Limit", price=6800)["orderId"]
    sim.control.fault("modify_ignored")
    change = {"orderId": order, "orderQty": 2, "orderType": "Limit", "price": 6810}
    assert "commandId" in trader.post("order/modifyorder", **change)
    assert len(trader.get("orderVersion/deps", masterid=order)) == 1
    trader.post("order/modifyorder", **change)
    assert len(trader.get("orderVersion/deps", masterid=order)) == 2


def test_duplicated_events(sim: RunningSimulator, trader: Api, socket: Socket) -> None:
    sim.control.fault("duplicate_events", times=3)
    trader.place("Buy", 1)
    names = [event["entityType"] for event in socket.props("command")]
    assert names[:6] == ["product", "product", "contractMaturity", "contractMaturity", "contract", "contract"]


def test_the_socket_meets_the_same_faults(sim: RunningSimulator, trader: Api) -> None:
    body = {"accountId": 1001001, "action": "Buy", "symbol": "ESZ6", "orderQty": 1, "orderType": "Market"}
    with open_socket(sim, trader.token) as socket:
        sim.control.fault("error_500", ROUTE)
        assert socket.ask(ROUTE, body)["s"] == 500
        sim.control.fault("rate_limit", ROUTE)
        assert socket.ask(ROUTE, body)["s"] == 429
        sim.control.fault("lose_reply", ROUTE)
        with pytest.raises(ConnectionClosed):
            socket.ask(ROUTE, body)
    assert orders(sim) == 1


def test_the_exchange_of_codes_meets_faults_too(sim: RunningSimulator, trader: Api) -> None:
    sim.control.fault("rate_limit", "auth/oauthtoken")
    answer = trader.http.post("/auth/oauthtoken", data={"grant_type": "refresh_token"})
    assert (answer.status_code, answer.text) == (429, "")


def test_clear_disarms(sim: RunningSimulator, trader: Api) -> None:
    sim.control.fault("error_500", "*", times=100)
    sim.control.fault("clear")
    assert trader.get("account/list")


def test_unknown_faults_and_traders_are_refused(sim: RunningSimulator) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="no fault"):
        sim.control.fault("earthquake")
    with pytest.raises(httpx.HTTPStatusError, match="no trader"):
        sim.control.fault("kick", user="nobody")
