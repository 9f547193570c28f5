"""Each fault does what its name says, as often as it was armed, and only where: what the caller sees, and what the
ledger says happened."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.sync.client import connect

from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.fault_kinds import KINDS, Front
from trading.simulator.faults import FaultRequest, Faults, read_fault

from .conftest import NO_TLS, START, Api, Socket, open_socket

ROUTE = "order/placeorder"
ORDER = {"accountId": 1001001, "action": "Buy", "symbol": "ESZ6", "orderQty": 1, "orderType": "Market"}
STATUSES = (500, 502, 503, 504)


@pytest.fixture
def hasty() -> Iterator[RunningSimulator]:
    """A simulator that sends heartbeats every tenth of a second."""
    with serve(Config(manual_clock=True, start=START, heartbeat_seconds=0.1, silence_seconds=5)) as running:
        yield running


def orders(sim: RunningSimulator) -> int:
    """How many orders the trader really has."""
    return sum(order["accountId"] == 1001001 for order in sim.control.ledger()["entities"]["order"])


def post(trader: Api, **more: Any) -> httpx.Response:
    return trader.http.post(f"/v1/{ROUTE}", json=ORDER, **more)


def closing(socket: Socket) -> tuple[int | None, str]:
    """Read until the socket ends; the code and reason of the close frame."""
    try:
        while True:
            socket.receive()
    except ConnectionClosed as closed:
        return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (None, "")


def falls_silent(socket: Socket) -> bool:
    """Read the heartbeats that were on their way; does nothing come after them?"""
    try:
        while socket.receive(0.4) == "h":
            pass
    except TimeoutError:
        return True
    return False


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
    assert orders(sim) == 1


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
    assert orders(sim) == 1
    assert pro.get("account/list")


def test_slow_before_holds_the_order_back(sim: RunningSimulator, trader: Api) -> None:
    sim.control.fault("slow_before", ROUTE, seconds=3600)
    with pytest.raises(httpx.ReadTimeout):
        post(trader, timeout=0.3)
    assert orders(sim) == 0


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


def test_the_exchange_of_codes_meets_faults_too(sim: RunningSimulator, trader: Api) -> None:
    sim.control.fault("rate_limit", "auth/oauthtoken")
    answer = trader.http.post("/auth/oauthtoken", data={"grant_type": "refresh_token"})
    assert (answer.status_code, answer.text) == (429, "")


# requests on a socket


def test_the_socket_meets_the_same_faults(sim: RunningSimulator, trader: Api) -> None:
    with open_socket(sim, trader.token) as socket:
        for status in STATUSES:
            sim.control.fault(f"error_{status}", ROUTE)
            assert socket.ask(ROUTE, ORDER)["s"] == status
        sim.control.fault("rate_limit", ROUTE)
        assert socket.ask(ROUTE, ORDER)["s"] == 429
        sim.control.fault("expire_token", ROUTE)
        assert socket.ask(ROUTE, ORDER)["s"] == 401
        sim.control.fault("penalty", ROUTE, seconds=3, captcha=True)
        assert socket.ask(ROUTE, ORDER)["d"]["p-captcha"] is True
        sim.control.fault("slow_before", ROUTE, seconds=0.01)
        assert orders(sim) == 0
        assert "orderId" in socket.ask(ROUTE, ORDER)["d"]
        sim.control.fault("error_503_after", ROUTE)
        assert socket.ask(ROUTE, ORDER)["s"] == 503
        sim.control.fault("slow", ROUTE, seconds=0.01)
        assert "orderId" in socket.ask(ROUTE, ORDER)["d"]
        assert orders(sim) == 3
        sim.control.fault("lose_reply", ROUTE)
        with pytest.raises(ConnectionClosed):
            socket.ask(ROUTE, ORDER)
    assert orders(sim) == 4


@pytest.mark.parametrize(("kind", "left"), [("reset_before", 0), ("bye", 0), ("evict", 0), ("half_open", 0)])
def test_a_request_that_ends_its_socket(sim: RunningSimulator, trader: Api, kind: str, left: int) -> None:
    with open_socket(sim, trader.token) as socket:
        sim.control.fault(kind, ROUTE)
        socket.send(f"{ROUTE}\n7\n\n{json.dumps(ORDER)}")
        if kind == "half_open":
            with pytest.raises(TimeoutError):
                socket.receive(0.3)
        else:
            assert closing(socket) == ((None, "") if kind == "reset_before" else (1000, "Bye"))
    assert orders(sim) == left
    assert trader.http.get("/v1/account/list").status_code == (401 if kind == "evict" else 200)


def test_an_answer_that_never_comes_or_cannot_be_read(sim: RunningSimulator, trader: Api) -> None:
    with open_socket(sim, trader.token) as socket:
        sim.control.fault("no_reply", ROUTE)
        socket.send(f"{ROUTE}\n90\n\n{json.dumps(ORDER)}")
        assert socket.ask("account/list")["s"] == 200
        sim.control.fault("garbage", ROUTE)
        socket.send(f"{ROUTE}\n91\n\n{json.dumps(ORDER)}")
        with pytest.raises(ValueError, match="Expecting"):
            socket.message()
        sim.control.fault("partial_body", ROUTE)
        socket.send(f"{ROUTE}\n92\n\n{json.dumps(ORDER)}")
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            socket.message()
        assert closing(socket) == (None, "")
    assert orders(sim) == 3


def test_market_data_and_authorize_meet_faults(sim: RunningSimulator, trader: Api) -> None:
    with open_socket(sim, trader.token) as socket:
        sim.control.fault("error_503", "md/*")
        assert socket.ask("md/subscribequote", {"symbol": "ESZ6"})["s"] == 503
        sim.control.fault("penalty", "md/subscribequote", seconds=2)
        assert socket.ask("md/subscribequote", {"symbol": "ESZ6"})["d"]["p-time"] == 2
        assert socket.ask("md/subscribequote", {"symbol": "ESZ6"})["d"]["mode"] == "RealTime"
        sim.control.fault("expire_token", "authorize")
        assert socket.ask("account/list")["s"] == 200
        assert socket.ask("authorize", trader.token)["s"] == 401
        assert socket.ask("authorize", trader.token)["s"] == 200


# the opening of a socket


@pytest.mark.parametrize(("kind", "status"), [("host_moved", 421), ("error_503", 503), ("rate_limit", 429)])
def test_the_opening_of_a_socket_is_refused(sim: RunningSimulator, kind: str, status: int) -> None:
    sim.control.fault(kind, "websocket")
    with pytest.raises(InvalidStatus) as refused, open_socket(sim):
        pass
    assert refused.value.response.status_code == status
    with open_socket(sim):
        pass


def test_the_opening_of_a_socket_is_reset_or_slow(sim: RunningSimulator) -> None:
    sim.control.fault("reset_before", "websocket")
    with pytest.raises(InvalidMessage), open_socket(sim):
        pass
    sim.control.fault("slow_before", "websocket", seconds=0.01)
    with open_socket(sim):
        assert sim.control.faults() == []


def test_a_socket_that_is_closed_or_mute_from_the_start(sim: RunningSimulator) -> None:
    sim.control.fault("bye", "websocket")
    with pytest.raises(ConnectionClosed) as ended, open_socket(sim):
        pass
    assert ended.value.rcvd is not None
    assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (1000, "Bye")
    sim.control.fault("half_open", "websocket")
    with (
        connect(sim.websocket_url, compression=None, proxy=None, close_timeout=0.1) as connection,
        pytest.raises(TimeoutError),
    ):
        connection.recv(0.3)


def test_any_route_means_neither_the_opening_nor_authorize(sim: RunningSimulator, trader: Api) -> None:
    sim.control.fault("error_500", "*")
    with open_socket(sim, trader.token) as socket:
        assert socket.ask("account/list")["s"] == 500


# open sockets, at once


def test_a_half_open_socket_neither_sends_nor_reads(hasty: RunningSimulator) -> None:
    trader = Api(hasty, "trader")
    with open_socket(hasty, trader.token) as socket:
        assert hasty.control.fault("half_open", user="trader")["count"] == 1
        socket.send(f"{ROUTE}\n5\n\n{json.dumps(ORDER)}")
        assert falls_silent(socket)
        assert orders(hasty) == 0
        assert len(hasty.control.sockets()) == 1
        assert trader.get("account/list")


def test_missing_heartbeats_while_answers_and_events_go_on(hasty: RunningSimulator) -> None:
    trader = Api(hasty, "trader")
    with open_socket(hasty, trader.token) as socket:
        socket.ask("user/syncrequest", {"users": [1001]})
        hasty.control.fault("no_heartbeat", user="trader")
        assert falls_silent(socket)
        assert socket.ask("account/list")["s"] == 200
        trader.place("Buy", 1)
        assert socket.props("order", ordStatus="Filled")


def test_a_session_that_is_evicted_hears_of_it_and_is_over(sim: RunningSimulator, trader: Api, pro: Api) -> None:
    with open_socket(sim, trader.token) as socket, open_socket(sim, pro.token) as other:
        assert sim.control.fault("evict", user="trader")["count"] == 1
        [notice] = socket.message()
        assert (notice["e"], notice["d"]["reasonCode"]) == ("shutdown", "ConnectionQuotaReached")
        assert closing(socket) == (1000, "Bye")
        assert other.ask("account/list")["s"] == 200
    assert trader.http.get("/v1/account/list").status_code == 401
    assert trader.http.get("/v1/auth/renewaccesstoken").status_code == 401


def test_an_eviction_by_a_rest_request(sim: RunningSimulator, trader: Api) -> None:
    sim.control.fault("evict", ROUTE)
    assert post(trader).status_code == 401
    assert trader.http.get("/v1/account/list").status_code == 401
    assert orders(sim) == 0


@pytest.mark.parametrize("reason", ["ConnectionQuotaReached", "IPQuotaReached", "Maintenance"])
def test_a_shutdown_notice_leaves_the_session(sim: RunningSimulator, trader: Api, reason: str) -> None:
    with open_socket(sim, trader.token) as socket:
        sim.control.fault("shutdown", user="trader", reason=reason)
        [notice] = socket.message()
        assert notice["d"]["reasonCode"] == reason
        assert closing(socket) == (1000, "Bye")
    assert trader.get("account/list")


def test_bye_and_kick(sim: RunningSimulator, trader: Api) -> None:
    for kind, end in (("bye", (1000, "Bye")), ("kick", (None, ""))):
        with open_socket(sim, trader.token) as socket:
            sim.control.fault(kind, user="trader")
            assert closing(socket) == end


# when faults strike


def test_a_fault_of_one_user_spares_the_others(sim: RunningSimulator, trader: Api, pro: Api) -> None:
    sim.control.fault("error_500", "*", user="pro", times=1)
    assert trader.get("account/list")
    assert pro.http.get("/v1/account/list").status_code == 500
    assert pro.get("account/list")


def pattern(sim: RunningSimulator, trader: Api, **options: Any) -> list[int]:
    sim.control.fault("clear")
    sim.control.fault("error_500", "account/list", probability=0.5, **options)
    return [trader.http.get("/v1/account/list").status_code for _ in range(40)]


def test_the_same_seed_gives_the_same_faults(sim: RunningSimulator, trader: Api) -> None:
    first = pattern(sim, trader, seed=3)
    assert first == pattern(sim, trader, seed=3)
    assert first != pattern(sim, trader, seed=4)
    assert 5 < first.count(500) < 35
    assert pattern(sim, trader, seed=3, times=2).count(500) == 2
    assert pattern(sim, trader) == pattern(sim, trader)


def test_clear_disarms_and_what_is_armed_can_be_seen(sim: RunningSimulator, trader: Api) -> None:
    sim.control.fault("error_500", "*", times=100)
    trader.http.get("/v1/account/list")
    assert sim.control.faults() == [{"kind": "error_500", "route": "*", "left": 99, "met": 1}]
    sim.control.fault("clear")
    assert trader.get("account/list")
    assert sim.control.faults() == []


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({"kind": "earthquake"}, "no fault 'earthquake'"),
        ({"kind": "kick", "user": "nobody"}, "no trader 'nobody'"),
        ({"kind": "kick"}, "needs a user"),
        ({"kind": "lose_reply", "captcha": True}, "no option captcha"),
        ({"kind": "modify_ignored", "route": "order/placeorder"}, "no option route"),
        ({"kind": "error_500", "route": "place order"}, "no route"),
        ({"kind": "error_500", "times": 0}, "times"),
        ({"kind": "error_500", "probability": 1.5}, "probability"),
        ({"kind": "slow", "seconds": -1}, "seconds"),
        ({"kind": "shutdown", "user": "trader", "reason": "Lunch"}, "reason"),
        ({"kind": "error_500", "twice": True}, "twice"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_reason(sim: RunningSimulator, asked: dict[str, Any], answer: str) -> None:
    with httpx.Client(trust_env=False, verify=NO_TLS) as http:
        refused = http.post(f"{sim.url}/control/faults", json=asked)
    assert refused.status_code == 400
    assert answer in refused.text


def test_faults_of_the_command_line_are_read() -> None:
    fault = read_fault("slow:route=order/*,seconds=0.5,probability=0.25,seed=7,times=3")
    assert (fault.route, fault.seconds, fault.probability, fault.seed, fault.times) == ("order/*", 0.5, 0.25, 7, 3)
    assert read_fault("penalty:captcha=true").captcha is True
    assert read_fault("host_moved:to=127.0.0.1:8181").to == "127.0.0.1:8181"
    for wrong in ("", "slow:seconds", "slow:seconds=soon", "kick:user=trader", "bye:seconds=1"):
        with pytest.raises(ValueError, match=r"fault|option|seconds"):
            read_fault(wrong)


def test_faults_of_the_configuration_are_armed_from_the_start() -> None:
    with serve(Config(manual_clock=True, faults=(read_fault("rate_limit:route=account/list"),))) as simulator:
        trader = Api(simulator, "trader")
        assert trader.http.get("/v1/account/list").status_code == 429
        assert trader.get("account/list")


def test_the_manual_names_every_kind() -> None:
    manual = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text()
    named = set(re.findall(r"`(\w+)`", manual)) | {f"error_{status}_after" for status in STATUSES}
    assert set(KINDS) <= named


ASKED = st.builds(
    FaultRequest,
    kind=st.sampled_from([name for name, kind in KINDS.items() if kind.fronts & Front.REST]),
    route=st.sampled_from(["order/*", "order/placeorder", "*", "account/list", "websocket"]),
    times=st.none() | st.integers(1, 5),
    probability=st.none() | st.floats(0.1, 1),
    seed=st.none() | st.integers(0, 5),
)
ROUTES = st.lists(st.sampled_from(["order/placeorder", "Order/CancelOrder", "account/list", "websocket"]), max_size=30)


@given(st.lists(ASKED, max_size=4), ROUTES, st.integers(0, 5))
def test_faults_strike_where_and_as_often_as_armed_and_the_same_again(
    asked: list[FaultRequest], routes: list[str], seed: int
) -> None:
    runs = []
    for _ in range(2):
        faults = Faults(seed)
        armed = [faults.arm(one) for one in asked]
        struck = [faults.take(Front.REST, route) for route in routes]
        runs.append([fault and fault.kind.name for fault in struck])
        for fault, one in zip(armed, asked, strict=True):
            mine = [route.lower() for route, met in zip(routes, struck, strict=True) if met is fault]
            assert len(mine) == fault.met
            assert len(mine) <= (one.times or (1 if one.probability is None else len(routes)))
            assert all(route != "websocket" or one.route == "websocket" for route in mine)
            assert all(fnmatchcase(route, one.route or "*") for route in mine)
        assert {id(fault) for fault in faults.armed()} == {id(fault) for fault in armed if fault.left != 0}
    assert runs[0] == runs[1]
