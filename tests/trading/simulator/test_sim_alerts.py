"""Signals: of users' alerts when their expression becomes true, and of accounts whose alert limits are reached."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.alerts import read
from trading.simulator.people_entities import AdminAlertSignal, Alert, AlertSignal

from .conftest import START, Api, Socket, open_socket
from .desk import ACCOUNT, Desk

NAME = "DEMO1001001"


def condition(what: str, op: str, than: float, subject: str) -> dict[str, Any]:
    return {"l": what, "op": op, "r": str(than), "rf": f"{than:g}", "subj": subject}


def expression(*conditions: dict[str, Any], how: str | None = None) -> str:
    return json.dumps({"conditions": conditions} | ({"conjuction": how} if how else {}))


@pytest.fixture
def synced(sim: RunningSimulator, trader: Api) -> Iterator[Socket]:
    with open_socket(sim, trader.token) as socket:
        socket.ask("user/syncrequest", {"users": [trader.user_id]})
        yield socket


def signals(api: Api) -> list[dict[str, Any]]:
    return api.get("alertSignal/list")


def test_an_alert_signals_when_its_expression_becomes_true_and_again_after_it_was_false(
    sim: RunningSimulator, trader: Api, pro: Api, synced: Socket
) -> None:
    change = sim.control.market("ESZ6")
    above = expression(condition("percentChange", ">", 2, "ESZ6"))
    alert = trader.post("alert/createalert", expression=above, triggerLimits=2)["alert"]
    sim.control.price("ESZ6", change["last"])
    assert signals(trader) == []
    sim.control.price("ESZ6", change["last"] + 500)
    [signal] = signals(trader)
    assert (signal["alertId"], signal["isRead"], signal["text"]) == (alert["id"], False, "ESZ6: percentChange > 2")
    sim.control.advance(5)
    assert len(signals(trader)) == 1, "once while it stays true"
    seen = synced.props("alertSignal")
    assert seen[-1]["entity"]["alertId"] == alert["id"]
    sim.control.price("ESZ6", change["last"])
    sim.control.price("ESZ6", change["last"] + 500)
    assert len(signals(trader)) == 2
    now = trader.get("alert/item", id=alert["id"])
    assert (now["status"], now["triggeredCounter"]) == ("TriggeredOut", 2)
    sim.control.price("ESZ6", change["last"])
    sim.control.price("ESZ6", change["last"] + 500)
    assert len(signals(trader)) == 2
    assert signals(pro) == []


def test_a_signal_is_marked_as_read_and_a_reset_alert_waits_again(sim: RunningSimulator, trader: Api) -> None:
    rich = expression(condition("cashAmount", ">", 1, NAME))
    which = {"alertId": trader.post("alert/createalert", expression=rich, message="Rich")["alert"]["id"]}
    sim.control.advance(1)
    [signal] = trader.get("alertSignal/deps", masterid=which["alertId"])
    assert signal["text"] == "Rich"
    assert (
        trader.post("alert/markreadalertsignal", **which, alertSignalId=signal["id"])["alert"]["id"] == which["alertId"]
    )
    assert trader.get("alertSignal/item", id=signal["id"])["isRead"] is True
    assert trader.post("alert/resetalert", **which)["alert"]["triggeredCounter"] == 0
    sim.control.advance(1)
    assert len(signals(trader)) == 2
    assert trader.post("alert/dismissalert", **which)["alert"]["status"] == "Inactive"
    sim.control.advance(5)
    assert len(signals(trader)) == 2


@pytest.mark.parametrize(
    ("how", "conditions", "expected"),
    [
        ("OR", [("cashAmount", "<", 1, NAME), ("posOpenPLUsd", ">", 900, f"{NAME}|ESZ6")], 1),
        ("OR", [("cashAmount", "<", 1, NAME), ("posOpenPLUsd", ">", 900, "[object Object]|ESZ6")], 1),
        ("AND", [("cashAmount", "<", 1, NAME), ("posOpenPLUsd", ">", 900, f"{NAME}|ESZ6")], 0),
        (None, [("cashAmount", ">", 1, NAME), ("posOpenPLUsd", ">", 900, f"{NAME}|ESZ6")], 1),
        (None, [("cashAmount", ">", 1, "DEMO1002001")], 0),
        (None, [("posOpenPLUsd", ">", 900, f"{NAME}|NQZ6")], 0),
        (None, [("sunshine", ">", 1, NAME)], 0),
        (None, [("percentChange", ">", -99, "NOPE9")], 0),
    ],
)
def test_conditions_are_those_of_the_guides_example(how: str | None, conditions: list[Any], expected: int) -> None:
    desk = Desk()
    store, alerts = desk.store, desk.simulation.alerts
    text = expression(*(condition(*one) for one in conditions), how=how)
    store.put(Alert(id=7, timestamp="", user_id=1001, status="Active", expression=text), user_id=1001)
    desk.place("Buy", 1)
    desk.price("6850")
    assert not list(store.all(AlertSignal)) or expected == 0
    desk.price("6870")
    alerts.sweep()
    assert len(list(store.all(AlertSignal))) == expected


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "nonsense", '{"conditions":[]}', '{"conditions":[{"l":"cashAmount"}]}']
)
def test_an_expression_of_another_form_is_kept_and_never_true(sim: RunningSimulator, trader: Api, text: str) -> None:
    assert read(text) is None
    alert = trader.post("alert/createalert", expression=text)["alert"]
    sim.control.advance(2)
    assert trader.get("alert/item", id=alert["id"])["status"] == "Active"


@given(st.text(max_size=200) | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(json.dumps))
def test_no_expression_breaks_the_market(text: str) -> None:
    read(text)


def test_an_alert_ends_with_its_time(sim: RunningSimulator, trader: Api) -> None:
    rich = expression(condition("cashAmount", ">", 1, NAME))
    until = "2026-11-18T14:00:00Z"
    alert = trader.post("alert/createalert", expression=rich, validUntil=until)["alert"]
    sim.control.advance(1)
    assert trader.get("alert/item", id=alert["id"])["status"] == "Expired"
    assert signals(trader) == []


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        ({"dailyLossAlert": 500}, "daily loss"),
        ({"dailyLossPercentageAlert": 0.5}, "daily loss in percent"),
        ({"marginPercentageAlert": 20}, "margin in percent"),
    ],
)
def test_an_alert_limit_signals_once_when_it_is_reached(
    sim: RunningSimulator, trader: Api, synced: Socket, limits: dict[str, float], name: str
) -> None:
    trader.post("userAccountAutoLiq/create", id=ACCOUNT, **limits)
    sim.control.advance(1)
    assert trader.get("adminAlertSignal/list") == []
    trader.place("Buy", 2)
    sim.control.price("ESZ6", "6840.00")
    sim.control.advance(3)
    [signal] = trader.get("adminAlertSignal/list")
    assert (signal["relatedToAccountId"], signal["relatedToUserId"], signal["emailSent"]) == (ACCOUNT, 1001, False)
    [alert] = trader.get("adminAlert/items", ids=signal["adminAlertId"])
    assert alert["name"] == name
    assert signal["text"].startswith(f"{NAME}: {name}: ")
    assert synced.props("adminAlertSignal")[-1]["entity"]["id"] == signal["id"]
    assert trader.get("accountRiskStatus/item", id=ACCOUNT)["adminAction"] == "Normal"

    taken = trader.post("adminAlertSignal/takealertsignalownership", adminAlertSignalId=signal["id"])
    assert taken["adminAlertSignal"]["ownedByAdminId"] == 1001
    done = trader.post("adminAlertSignal/completealertsignal", adminAlertSignalId=signal["id"])
    assert done["adminAlertSignal"]["completed"]
    stranger = Api(sim, "pro")
    assert "errorText" in stranger.post("adminAlertSignal/completealertsignal", adminAlertSignalId=signal["id"])


def test_a_limit_that_was_left_signals_again() -> None:
    desk = Desk()
    desk.limit(dailyLossAlert=500)
    desk.place("Buy", 2)
    for price in ("6840", "6839", "6850", "6840"):
        desk.price(price)
    assert len(list(desk.store.all(AdminAlertSignal))) == 2


def test_a_restart_tells_nobody_again(tmp_path: Path) -> None:
    config = Config(seed=7, manual_clock=True, start=START, state_path=tmp_path / "state.json")
    with serve(config) as simulator:
        api = Api(simulator, "trader")
        simulator.control.price("ESZ6", "6850.00")
        api.post("alert/createalert", expression=expression(condition("cashAmount", ">", 1, NAME)))
        api.post("userAccountAutoLiq/create", id=ACCOUNT, dailyLossAlert=100)
        api.place("Buy", 2)
        simulator.control.price("ESZ6", "6840.00")
        before = len(signals(api)), len(api.get("adminAlertSignal/list"))
    with serve(config) as simulator:
        api = Api(simulator, "trader")
        simulator.control.advance(2)
        assert (len(signals(api)), len(api.get("adminAlertSignal/list"))) == before == (1, 1)
