"""Faults of events: doubled, batched, in arrays, unknown, out of order; and that none is ever lost by them."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.simulator import RunningSimulator
from trading.simulator.entities import raw
from trading.simulator.fault_events import STRANGERS, EventFaults
from trading.simulator.faults import FaultRequest, Faults
from trading.simulator.store import Event

from .conftest import Api, Socket, open_socket


def details(socket: Socket, last: str = "marginSnapshot") -> list[Any]:
    """All `props` details until the account's margin is reported after a trade."""
    seen: list[Any] = []
    while not any(detail["entityType"] == last for detail in seen):
        seen += [event["d"] for event in socket.message() if event.get("e") == "props"]
    return seen


def names(found: list[Any]) -> list[str]:
    return [detail["entityType"] for detail in found]


def test_duplicated_events(sim: RunningSimulator, trader: Api, socket: Socket) -> None:
    sim.control.fault("duplicate_events", times=3)
    trader.place("Buy", 1)
    seen = names(socket.props("command"))
    assert seen[:6] == ["product", "product", "contractMaturity", "contractMaturity", "contract", "contract"]


def test_only_fills_are_duplicated(sim: RunningSimulator, trader: Api, socket: Socket) -> None:
    sim.control.fault("duplicate_events", entity="fill")
    trader.place("Buy", 1)
    found = details(socket)
    fills = [detail["entity"]["id"] for detail in found if detail["entityType"] == "fill"]
    assert len(fills) == 2
    assert len(set(fills)) == 1
    assert len(sim.control.ledger()["entities"]["fill"]) == 1 + fills_of_others(sim)
    assert names(found).count("fillFee") == 1


def fills_of_others(sim: RunningSimulator) -> int:
    entities = sim.control.ledger()["entities"]
    mine = {order["id"] for order in entities["order"] if order["accountId"] == 1001001}
    return sum(fill["orderId"] not in mine for fill in entities["fill"])


def test_entities_in_arrays(sim: RunningSimulator, trader: Api, socket: Socket) -> None:
    sim.control.fault("array_entities", times=1000)
    trader.place("Buy", 1)
    found = details(socket)
    assert all(isinstance(detail["entity"], list) for detail in found)
    plain = [one["id"] for detail in found if detail["entityType"] == "commandReport" for one in detail["entity"]]
    assert plain == [report["id"] for report in trader.get("commandReport/list")]


@pytest.mark.parametrize("body", [{"users": [1001]}, {"accounts": [1001001], "entityTypes": ["order"]}])
def test_types_that_nobody_asked_for(sim: RunningSimulator, trader: Api, body: dict[str, Any]) -> None:
    with open_socket(sim, trader.token) as socket:
        socket.ask("user/syncrequest", body)
        sim.control.fault("unknown_entities", times=2)
        trader.place("Buy", 1)
        seen = names(socket.props("order", ordStatus="Filled"))
        strangers = [name for name in seen if name in STRANGERS]
        assert len(strangers) == 2
        assert set(seen) - set(strangers) >= {"order"}


def test_batched_events_travel_in_one_frame(sim: RunningSimulator, trader: Api, socket: Socket) -> None:
    trader.place("Buy", 1)
    details(socket)
    sim.control.fault("batch_events", times=30, seconds=30)
    for _ in range(4):
        trader.place("Buy", 1, orderType="Limit", price=6000)
    batched = socket.message()
    assert len(batched) >= 30
    assert Counter(names([event["d"] for event in batched]))["orderVersion"] >= 3


def test_batched_events_wait_no_longer_than_told(sim: RunningSimulator, trader: Api, socket: Socket) -> None:
    sim.control.fault("batch_events", times=100_000, seconds=0.05)
    trader.place("Buy", 1)
    assert "marginSnapshot" in names(details(socket))


def test_events_out_of_order_across_types(sim: RunningSimulator, trader: Api, socket: Socket) -> None:
    trader.place("Buy", 1)
    usual = names(details(socket))
    sim.control.fault("reorder_events", times=1000, seed=5)
    trader.place("Buy", 1)
    found = details(socket, "marginSnapshot")
    assert names(found) != [name for name in usual if name not in ("product", "contractMaturity", "contract")]
    statuses = [detail["entity"]["ordStatus"] for detail in found if detail["entityType"] == "order"]
    assert statuses == ["PendingNew", "Working", "Filled"]


TYPES = st.sampled_from(["order", "fill", "position", "cashBalance"])
ARMED = st.lists(
    st.tuples(
        st.sampled_from(["duplicate_events", "batch_events", "array_entities", "unknown_entities", "reorder_events"]),
        st.integers(1, 20),
        st.floats(0.1, 1),
        st.integers(0, 9),
    ),
    max_size=5,
)


@given(st.lists(st.lists(TYPES, max_size=8), max_size=8), ARMED)
def test_whatever_is_armed_no_event_is_lost_or_out_of_order_in_its_type(
    flushes: list[list[str]], armed: list[tuple[str, int, float, int]]
) -> None:
    faults = Faults(1)
    for kind, times, probability, seed in armed:
        faults.arm(FaultRequest(kind=kind, times=times, probability=probability, seed=seed))
    room = EventFaults(faults)
    sent: list[tuple[str, int]] = []
    out: list[Event] = []
    for flush in flushes:
        events = []
        for name in flush:
            sent.append((name, len(sent)))
            events.append(Event(1, 1, name, "Updated", raw({"id": len(sent) - 1})))
        out += room.passing(events)
    out += room.release()
    arrived: list[tuple[str, int]] = []
    for event in out:
        decoded = json.loads(bytes(event.entity))
        if event.entity_type in STRANGERS:
            continue
        for entity in decoded if isinstance(decoded, list) else [decoded]:
            if (event.entity_type, entity["id"]) not in arrived:
                arrived.append((event.entity_type, entity["id"]))
    for name in {name for name, _ in sent}:
        assert [one for one in arrived if one[0] == name] == [one for one in sent if one[0] == name]
