"""Faults of sockets: their requests, their opening, and open ones at once."""

import json
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.sync.client import connect

from trading.simulator import Config, RunningSimulator, serve

from .conftest import START, Api, open_socket
from .faulty import ORDER, ROUTE, STATUSES, closing, falls_silent, orders, post


@pytest.fixture
def hasty() -> Iterator[RunningSimulator]:
    """A simulator that sends heartbeats every tenth of a second."""
    with serve(Config(manual_clock=True, start=START, heartbeat_seconds=0.1, silence_seconds=5)) as running:
        yield running


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
