"""What real clients send and the service puts up with, at the socket level (protocol notes, "WebSocket frames")."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.params import gathered, read_struct
from trading.simulator.requests import LiquidatePositions, PlaceOso

from .conftest import START, Api, Socket, open_socket

SNAPSHOT = {"accountId": 1001001}


@pytest.fixture(scope="module")
def sim() -> Iterator[RunningSimulator]:
    """One simulator for all."""
    with serve(Config(seed=7, manual_clock=True, start=START, history=False)) as running:
        yield running


@pytest.fixture
def authorized(sim: RunningSimulator, trader: Api) -> Iterator[Socket]:
    with open_socket(sim, trader.token) as socket:
        yield socket


def reply_to(socket: Socket, frame: str) -> dict[str, Any]:
    socket.send(frame)
    [message] = socket.message()
    return dict(message)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(SNAPSHOT, indent=2),
        "\n\n" + json.dumps(SNAPSHOT) + "\n\n",
        json.dumps(SNAPSHOT, indent="\t").replace("\n", "\r\n"),
        json.dumps({**SNAPSHOT, "comment": "two\nlines"}),
    ],
)
def test_newlines_in_a_body(authorized: Socket, body: str) -> None:
    reply = reply_to(authorized, f"cashBalance/getCashBalanceSnapshot\n7\n\n{body}")
    assert (reply["s"], reply["i"], reply["d"]["totalCashValue"]) == (200, 7, 100_000)


@pytest.mark.parametrize("frame", ['authorize\n1\n\n"{}"', "authorize\n1\nundefined\n{}", "Authorize\n1\n\n {} \n"])
@pytest.mark.parametrize("field", ["accessToken", "mdAccessToken"])
def test_a_token_may_be_quoted_or_surrounded(sim: RunningSimulator, trader: Api, frame: str, field: str) -> None:
    with open_socket(sim) as socket:
        assert reply_to(socket, frame.format(trader.login[field])) == {"s": 200, "i": 1}


@pytest.mark.parametrize(
    "frame",
    [
        "account/list\n3\nundefined\nundefined",
        "account/list\n3\nundefined\n",
        "account/list\n3\n\nundefined",
        "account/list\n3\n\nnull",
        "account/list\n3\n\n{}",
    ],
)
def test_the_literal_undefined(authorized: Socket, frame: str) -> None:
    assert reply_to(authorized, frame)["d"][0]["id"] == 1001001


@pytest.mark.parametrize(
    "frame", ["account/list\n3", "account/list\n3\n", "account/list\n3\n\n", "account/list\r\n3\r\n"]
)
def test_fields_that_are_missing(authorized: Socket, frame: str) -> None:
    reply = reply_to(authorized, frame)
    assert (reply["i"], reply["d"][0]["id"]) == (3, 1001001)


@pytest.mark.parametrize("endpoint", ["cashBalance/list", "CASHBALANCE/LIST", "/cashBalance/list", "cashbalance/List/"])
def test_camel_case(authorized: Socket, endpoint: str) -> None:
    assert reply_to(authorized, f"{endpoint}\n3\n\n")["d"][0]["accountId"] == 1001001


def test_extra_fields_and_numbers_as_text(authorized: Socket) -> None:
    body = {"accountId": "1001001", "extra": {"deep": [1]}, "p-ticket": ""}
    assert "totalCashValue" in authorized.ask("cashBalance/getcashbalancesnapshot", body)["d"]


@pytest.mark.parametrize("number", [0, 1, 2**31, 999_999_999_999])
def test_any_id(authorized: Socket, number: int) -> None:
    assert reply_to(authorized, f"account/list\n{number}\n\n")["i"] == number


def test_ids_may_repeat_and_jump_and_replies_keep_the_order(authorized: Socket) -> None:
    for number in (5, 5, 0, 5, 3):
        authorized.send(f"account/list\n{number}\n\n")
    assert [authorized.message()[0]["i"] for _ in range(5)] == [5, 5, 0, 5, 3]


def test_heartbeats_between_requests_are_no_requests(authorized: Socket) -> None:
    for frame in ("[]", " [] ", "[]"):
        authorized.send(frame)
    assert reply_to(authorized, "account/list\n3\n\n")["s"] == 200


def test_query_and_body_come_together_and_the_body_wins(authorized: Socket) -> None:
    frame = f"cashBalance/getcashbalancesnapshot\n1\naccountId=1002001&x=%20\n{json.dumps(SNAPSHOT)}"
    assert "totalCashValue" in reply_to(authorized, frame)["d"]
    assert "totalCashValue" in reply_to(authorized, "cashBalance/getcashbalancesnapshot\n2\nAccountID=1001001\n")["d"]


def test_a_refused_request_leaves_the_socket_open(authorized: Socket) -> None:
    assert reply_to(authorized, "account/item\n1\n\n{")["s"] == 400
    assert reply_to(authorized, "account/item\n2\nid=x\n")["s"] == 400
    assert reply_to(authorized, "no/such\n3\n\n") == {"s": 404, "i": 3, "d": "Not found: no/such"}
    assert reply_to(authorized, "account/list\n4\n\n")["s"] == 200


@given(st.dictionaries(st.sampled_from(["positions", "admin", "isAutomated", "customTag50", "x"]), st.text()))
def test_any_text_is_read_or_refused(params: dict[str, str]) -> None:
    try:
        read = read_struct(params, LiquidatePositions)
    except ValueError:
        return
    assert all(isinstance(number, int) for number in read.positions)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(["accountId", "symbol", "orderQty", "price", "bracket1"], JSON))
)
def test_any_json_is_read_or_refused(params: dict[str, Any]) -> None:
    fine = {"action": "Buy", "symbol": "ESZ6", "orderQty": 1, "orderType": "Market"}
    bracket = {"bracket1": {"action": "Sell", "orderType": "Limit", "price": "1.25"}}
    try:
        order = read_struct({**fine, **bracket, **params}, PlaceOso)
    except ValueError:
        return
    assert order.order_qty > 0
    assert order.price is None or order.price.is_finite()


@given(st.lists(st.tuples(st.sampled_from("ab"), st.text(max_size=3))))
def test_a_name_that_comes_again_makes_a_list(pairs: list[tuple[str, str]]) -> None:
    params = gathered(pairs)
    for name in "ab":
        values = [value for key, value in pairs if key == name]
        assert params.get(name, []) == (values[0] if len(values) == 1 else values)
