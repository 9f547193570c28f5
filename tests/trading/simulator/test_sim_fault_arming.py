"""When faults strike: for whom, where, how often, by chance and seed; and how they are armed and seen."""

import re
from fnmatch import fnmatchcase
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.fault_kinds import KINDS, Front
from trading.simulator.faults import FaultRequest, Faults, read_fault

from . import manual
from .conftest import NO_TLS, Api, open_socket
from .faulty import STATUSES, closing


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
        ({"kind": "lose_reply", "captcha": True}, "no option captcha"),
        ({"kind": "modify_ignored", "entity": "order"}, "no option entity"),
        ({"kind": "unknown_entities", "route": "order/placeorder"}, "no option route"),
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
    for wrong in (
        "",
        "slow:seconds",
        "slow:seconds=soon",
        "kick:user=trader",
        "bye:seconds=1",
    ):
        with pytest.raises(ValueError, match=r"fault|option|seconds"):
            read_fault(wrong)


def test_faults_of_the_configuration_are_armed_from_the_start() -> None:
    with serve(Config(manual_clock=True, faults=(read_fault("rate_limit:route=account/list"),))) as simulator:
        trader = Api(simulator, "trader")
        assert trader.http.get("/v1/account/list").status_code == 429
        assert trader.get("account/list")


def test_the_manual_names_every_kind() -> None:
    named = set(re.findall(r"`(\w+)`", manual.TEXT)) | {f"error_{status}_after" for status in STATUSES}
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


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_can_be_armed_for_some_times_by_chance_and_for_a_place(kind: str) -> None:
    fronts = KINDS[kind].fronts
    where = {"entity": "fill"} if fronts & Front.EVENT else {"route": "order/*"}
    faults = Faults(7)
    fault = faults.arm(FaultRequest(kind=kind, times=2, probability=0.5, seed=3, **where))
    assert not FaultRequest(kind=kind, user="trader", times=2).at_once
    front = next(one for one in Front if one & fronts and one is not Front.USER)
    name = "fill" if fronts & Front.EVENT else "order/modifyorder"
    assert not faults.take(front, "somewhere/else")
    struck = [faults.take(front, name) is not None for _ in range(40)]
    assert (struck.count(True), fault.met) == (2, 2)


@pytest.mark.parametrize("kind", ["kick", "shutdown", "expire_tokens", "evict"])
@pytest.mark.parametrize("over", ["REST", "socket"])
def test_what_happens_to_a_user_waits_for_the_request_it_is_armed_for(
    sim: RunningSimulator, trader: Api, pro: Api, kind: str, over: str
) -> None:
    with open_socket(sim, trader.token) as mine, open_socket(sim, pro.token) as other:
        sim.control.fault(kind, "account/list", times=1)
        assert mine.ask("position/list")["s"] == 200
        if over == "REST":
            answer = trader.http.get("/v1/account/list").status_code
            assert answer == (200 if kind in ("kick", "shutdown") else 401)
        elif kind == "expire_tokens":
            assert mine.ask("account/list")["s"] == 200, "as a socket outlives its token"
        else:
            mine.send("account/list\n77\n\n")
        if kind == "expire_tokens":
            assert trader.http.get("/v1/position/list").status_code == 401
            assert mine.ask("position/list")["s"] == 200
        else:
            code, _ = closing(mine)
            assert code == (None if kind == "kick" else 1000)
            alive = trader.http.get("/v1/position/list").status_code
            assert alive == (401 if kind == "evict" else 200)
        assert other.ask("account/list")["s"] == 200
        assert sim.control.faults() == []
