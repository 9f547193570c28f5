"""Each fault does what its name says, as often as it was armed, and only where: what the caller sees, and what the
ledger says happened."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from trading.simulator import Config, RunningSimulator, serve

from .conftest import Api, open_socket
from .faulty import ORDER, ROUTE, STATUSES, come_to, orders, post

CLOCKS = timedelta(milliseconds=20)
"""How far the clock that stamps orders and the one that waits may be apart."""

# requests over REST


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


def test_no_reply_leaves_an_order_and_an_open_connection(sim: RunningSimulator, trader: Api) -> None:
    sim.control.fault("no_reply", ROUTE)
    with pytest.raises(httpx.ReadTimeout):
        post(trader, timeout=0.3)
    assert come_to(sim, 1)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(("after", "left"), [("", 0), ("_after", 1)])
def test_server_errors_before_and_after_acting(
    sim: RunningSimulator, trader: Api, status: int, after: str, left: int
) -> None:
    sim.control.fault(f"error_{status}{after}", ROUTE)
    assert post(trader).status_code == status
    assert orders(sim) == left
    assert trader.get("account/list")


def test_too_many_requests_have_an_empty_body(sim: RunningSimulator, trader: Api) -> None:
    sim.control.fault("rate_limit", ROUTE)
    answer = post(trader)
    assert (answer.status_code, answer.text, orders(sim)) == (429, "", 0)


@pytest.mark.parametrize("captcha", [False, True])
def test_a_penalty(sim: RunningSimulator, trader: Api, captcha: bool) -> None:
    sim.control.fault("penalty", "auth/renewaccesstoken", seconds=17, captcha=captcha)
    reply = trader.get("auth/renewaccesstoken")
    assert (reply["p-time"], reply["p-captcha"]) == (17, captcha)
    assert reply["p-ticket"]
    assert "accessToken" in trader.get("auth/renewaccesstoken", **{"p-ticket": reply["p-ticket"]})


def test_slow_is_slow_and_others_do_not_wait(sim: RunningSimulator, trader: Api, pro: Api) -> None:
    sim.control.fault("slow", ROUTE, seconds=5)
    with pytest.raises(httpx.ReadTimeout):
        post(trader, timeout=0.3)
    assert come_to(sim, 1)
    assert pro.get("account/list")


def test_slow_before_holds_the_order_back(sim: RunningSimulator, trader: Api) -> None:
    sim.control.fault("slow_before", ROUTE, seconds=3600)
    with pytest.raises(httpx.ReadTimeout):
        post(trader, timeout=0.3)
    assert orders(sim) == 0


@pytest.mark.parametrize("over", ["REST", "socket"])
@pytest.mark.parametrize("kind", ["slow", "slow_before"])
def test_a_slow_answer_is_good_and_comes_after_its_time(kind: str, over: str) -> None:
    wait = timedelta(seconds=0.4)
    with serve(Config(seed=7, history=False)) as simulator:
        trader = Api(simulator, "trader")
        with open_socket(simulator, trader.token) as socket:
            simulator.control.fault(kind, ROUTE, seconds=wait.total_seconds())
            asked = datetime.now(UTC)
            reply = post(trader).json() if over == "REST" else socket.ask(ROUTE, ORDER)["d"]
            answered = datetime.now(UTC)
        [made] = [
            datetime.fromisoformat(order["timestamp"])
            for order in simulator.control.ledger()["entities"]["order"]
            if order["id"] == reply["orderId"]
        ]
    # when the order was made tells when the ledger had it
    if kind == "slow":
        assert answered - made >= wait - CLOCKS
    else:
        assert made - asked >= wait - CLOCKS


def test_an_unreadable_reply(sim: RunningSimulator, trader: Api) -> None:
    sim.control.fault("garbage", ROUTE)
    answer = post(trader)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match="Expecting"):
        answer.json()
    assert orders(sim) == 1


def test_half_a_reply(sim: RunningSimulator, trader: Api) -> None:
    sim.control.fault("partial_body", ROUTE)
    with trader.http.stream("POST", f"/v1/{ROUTE}", json=ORDER) as answer:
        parts = answer.iter_raw()
        assert (answer.status_code, next(parts)[:3]) == (200, b'{"o')
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
            next(parts)
    assert orders(sim) == 1


def test_a_token_that_expires_in_between(sim: RunningSimulator, trader: Api) -> None:
    sim.control.fault("expire_token", "*")
    assert trader.http.get("/v1/account/list").status_code == 401
    assert trader.get("account/list")
    assert sim.control.fault("expire_tokens", user="trader")["count"] == 2
    assert trader.http.get("/v1/account/list").status_code == 401


def test_a_host_that_moved_sends_elsewhere(sim: RunningSimulator, trader: Api) -> None:
    sim.control.fault("host_moved", ROUTE, times=2)
    answer = trader.http.post(f"/v1/{ROUTE}?locale=en", json=ORDER)
    port = sim.host.partition(":")[2]
    assert (answer.status_code, answer.headers["Location"]) == (307, f"http://localhost:{port}/v1/{ROUTE}?locale=en")
    assert orders(sim) == 0
    followed = trader.http.post(f"/v1/{ROUTE}", json=ORDER, follow_redirects=True)
    assert followed.status_code == 401  # httpx drops the token on the way to another host, as most do
    sim.control.fault("host_moved", ROUTE, to="demo-b.example.test:8443")
    assert post(trader).headers["Location"] == f"http://demo-b.example.test:8443/v1/{ROUTE}"


def test_a_modification_that_is_accepted_and_ignored(sim: RunningSimulator, trader: Api) -> None:
    order = trader.place("Buy", 1, orderType="Limit", price=6800)["orderId"]
    sim.control.fault("modify_ignored")
    change = {"orderId": order, "orderQty": 2, "orderType": "Limit", "price": 6810}
    assert "commandId" in trader.post("order/modifyorder", **change)
    assert len(trader.get("orderVersion/deps", masterid=order)) == 1
    trader.post("order/modifyorder", **change)
    assert len(trader.get("orderVersion/deps", masterid=order)) == 2


def test_a_modification_that_is_under_way_for_a_while(sim: RunningSimulator, trader: Api) -> None:
    order = trader.place("Buy", 1, orderType="Limit", price=6800)["orderId"]
    sim.control.fault("modify_pending", seconds=60)
    change = {"orderId": order, "orderQty": 2, "orderType": "Limit", "price": 6810}
    command = trader.post("order/modifyorder", **change)["commandId"]

    def seen() -> tuple[str, str, int]:
        status = trader.get("order/item", id=order)["ordStatus"]
        versions = trader.get("orderVersion/deps", masterid=order)
        return status, trader.get("command/item", id=command)["commandStatus"], len(versions)

    assert seen() == ("PendingReplace", "Pending", 2)
    assert trader.post("order/modifyorder", **change)["failureReason"] == "AnotherCommandPending"
    sim.control.advance(60)
    assert seen() == ("Working", "AtExecution", 2)


def test_the_exchange_of_codes_meets_faults_too(sim: RunningSimulator, trader: Api) -> None:
    sim.control.fault("rate_limit", "auth/oauthtoken")
    answer = trader.http.post("/auth/oauthtoken", data={"grant_type": "refresh_token"})
    assert (answer.status_code, answer.text) == (429, "")


# requests on a socket


# the opening of a socket


# open sockets, at once


# when faults strike
