"""The user socket over a real connection: frames, heartbeats, authorization, requests, quotes, ends."""

import json
import socket as sockets
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from websockets.sync.client import connect

from trading.simulator import Config, RunningSimulator, serve

from .conftest import ESZ6, START, Api, Socket, open_socket
from .faulty import closing

SILENCE = 1.5  # seconds


@pytest.fixture
def hasty() -> Iterator[RunningSimulator]:
    """A simulator that heart-beats every tenth of a second, and soon loses its patience."""
    config = Config(manual_clock=True, start=START, heartbeat_seconds=0.1, silence_seconds=SILENCE, socket_queue=20)
    with serve(config) as running:
        yield running


def test_a_socket_opens_authorizes_and_serves_rest_operations(sim: RunningSimulator, trader: Api) -> None:
    with open_socket(sim) as socket:
        socket.send(f"authorize\n0\n\n{trader.token}")
        assert socket.receive() == 'a[{"s":200,"i":0}]'
        accounts = socket.ask("account/list")
        assert accounts["d"] == trader.get("account/list")
        assert socket.ask("contract/find", query="name=ESZ6")["d"]["id"] == ESZ6
        assert socket.ask("Contract/Item", {"id": ESZ6})["d"]["name"] == "ESZ6"


@pytest.mark.parametrize("login_field", ["accessToken", "mdAccessToken"])
def test_either_token_quoted_or_not_authorizes(sim: RunningSimulator, trader: Api, login_field: str) -> None:
    with open_socket(sim) as socket:
        assert socket.ask("authorize", f'"{trader.login[login_field]}"') == {"s": 200, "i": 1}


def test_a_bad_token_is_denied_and_may_be_followed_by_a_good_one(sim: RunningSimulator, trader: Api) -> None:
    with open_socket(sim) as socket:
        assert socket.ask("authorize", "wrong") == {"s": 401, "i": 1, "d": "Access is denied"}
        assert socket.ask("account/list") == {"s": 401, "i": 2, "d": "Access is denied"}
        assert socket.ask("authorize", trader.token)["s"] == 200


def test_a_socket_outlives_its_token_and_takes_a_new_one(sim: RunningSimulator, trader: Api) -> None:
    with open_socket(sim, trader.token) as socket:
        renewed = trader.get("auth/renewaccesstoken")["accessToken"]
        sim.control.fault("expire_tokens", user="trader")
        assert socket.ask("account/list")["s"] == 200
        assert socket.ask("authorize", renewed)["s"] == 401
        assert socket.ask("authorize", Api(sim, "trader").token)["s"] == 200


def test_a_socket_that_was_authorized_anew_belongs_to_the_new_session(sim: RunningSimulator, trader: Api) -> None:
    second = Api(sim, "trader")
    with open_socket(sim, trader.token) as moved, open_socket(sim, trader.token) as stayed:
        assert moved.ask("authorize", second.token)["s"] == 200
        Api(sim, "trader")
        assert stayed.message()[0]["e"] == "shutdown", "the oldest session has ended"
        assert moved.ask("account/list")["s"] == 200


def test_errors_of_the_router_are_texts_and_those_of_business_are_objects(sim: RunningSimulator, trader: Api) -> None:
    with open_socket(sim, trader.token) as socket:
        assert socket.ask("md/subscribeNothing", {"symbol": "ESZ6"}) == {
            "s": 404,
            "i": 2,
            "d": "Not found: md/subscribenothing",
        }
        assert socket.ask("order/item", query="id=x")["s"] == 400
        assert socket.ask("account/list", "{broken")["s"] == 400
        refused = socket.ask("order/cancelorder", {"orderId": 1})
        assert (refused["s"], refused["d"]["failureReason"]) == (200, "UnknownReason")


def test_pretty_printed_bodies_and_repeated_ids_are_fine(sim: RunningSimulator, trader: Api) -> None:
    with open_socket(sim, trader.token) as socket:
        body = json.dumps({"accountId": 1001001, "action": "Buy", "symbol": "ESZ6", "orderQty": 1}, indent=2)
        for _ in range(2):
            socket.send("order/placeorder\n7\nundefined\n" + body[:-2] + ',\n  "orderType": "Market"\n}')
            [reply] = socket.message()
            assert reply["i"] == 7
            assert reply["d"]["orderId"]


@pytest.mark.parametrize("frame", ["junk", "", "[1,2]", "a\nb\nc"])
def test_garbage_closes_with_bye(sim: RunningSimulator, trader: Api, frame: str) -> None:
    with open_socket(sim, trader.token) as socket:
        socket.send(frame)
        assert closing(socket) == (1000, "Bye")


def test_a_binary_frame_closes_with_bye(sim: RunningSimulator) -> None:
    with open_socket(sim) as socket:
        socket.connection.send(b"\x00\x01")
        assert closing(socket) == (1000, "Bye")


def test_who_does_not_authorize_in_time_is_closed() -> None:
    with (
        serve(Config(manual_clock=True, start=START, authorize_seconds=0.3)) as running,
        open_socket(running) as socket,
    ):
        assert closing(socket) == (1000, "Bye")


def test_heartbeats_come_when_nothing_else_does_and_silence_is_cut(hasty: RunningSimulator) -> None:
    trader = Api(hasty, "trader")
    with open_socket(hasty, trader.token) as socket:
        began = time.monotonic()
        while time.monotonic() < began + 2 * SILENCE:  # kept by our own heartbeats
            socket.send("[]")
            assert socket.receive() == "h"
        assert closing(socket) == (1000, "Bye")


def test_a_half_open_socket_says_nothing_any_more(hasty: RunningSimulator) -> None:
    trader = Api(hasty, "trader")
    with open_socket(hasty, trader.token) as socket:
        hasty.control.fault("half_open", user="trader")
        socket.send("account/list\n5")
        with suppress(TimeoutError):
            while socket.receive(0.3) == "h":  # what was on its way
                pass
        with pytest.raises(TimeoutError):
            socket.receive(0.3)


def test_a_third_session_shuts_the_oldest_sessions_sockets(sim: RunningSimulator) -> None:
    first = Api(sim, "trader")
    with open_socket(sim, first.token) as socket:
        second = Api(sim, "trader")
        with open_socket(sim, second.token) as other:
            Api(sim, "trader")
            [notice] = socket.message()
            assert (notice["e"], notice["d"]["reasonCode"]) == ("shutdown", "ConnectionQuotaReached")
            assert closing(socket) == (1000, "Bye")
            assert other.ask("account/list")["s"] == 200


def test_a_kicked_socket_is_cut_without_a_word(sim: RunningSimulator, trader: Api) -> None:
    with open_socket(sim, trader.token) as socket:
        sim.control.fault("kick", user="trader")
        assert closing(socket) == (None, "")


def test_the_server_announces_its_end_and_does_not_wait_for_anyone() -> None:
    with ExitStack() as running:
        simulator = running.enter_context(serve(Config(manual_clock=True)))
        trader = Api(simulator, "trader")
        with open_socket(simulator, trader.token) as socket:
            began = time.monotonic()
            running.close()
            assert time.monotonic() - began < 5
            [notice] = socket.message()
            assert (notice["e"], notice["d"]["reasonCode"]) == ("shutdown", "Maintenance")
            assert closing(socket) == (1000, "Bye")


def test_a_client_that_does_not_read_loses_its_socket_and_delays_nobody() -> None:
    with serve(Config(manual_clock=True, socket_queue=20, silence_seconds=600)) as simulator:
        slow, quick = Api(simulator, "trader"), Api(simulator, "trader")
        raw = sockets.socket()
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", int(simulator.url.rpartition(":")[2])))
        with connect(
            simulator.websocket_url, compression=None, proxy=None, sock=raw, max_queue=1, close_timeout=0.1
        ) as connection:
            lazy = Socket(connection)
            lazy.receive()
            lazy.ask("authorize", slow.token)
            lazy.ask("user/syncrequest", {"users": [slow.user_id]})
            with open_socket(simulator, quick.token) as socket:
                socket.ask("user/syncrequest", {"users": [quick.user_id]})
                for _ in range(100):
                    simulator.control.emit("trader", 500, batch=500, wait=True)
                    received = 0
                    while received < 500:
                        received += len(socket.message())
                    if len(simulator.control.sockets()) == 1:
                        break
                assert len(simulator.control.sockets()) == 1
                assert socket.ask("account/list")["s"] == 200
