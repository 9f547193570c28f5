"""Order strategies with brackets over the wire: what is placed when, how it is linked, how a strategy ends, and a
restart in the middle of one."""

import json
from pathlib import Path
from typing import Any

import pytest

from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.entities import OrderStrategyLink

from .conftest import ESZ6, START, Api, Socket
from .desk import Desk
from .shapes import problems

MARKET = {"orderQty": 2, "orderType": "Market"}
LIMIT = {"orderQty": 2, "orderType": "Limit", "price": 6845}
BRACKET = {"qty": 2, "profitTarget": 10, "stopLoss": -5, "trailingStop": False}

pytestmark = pytest.mark.usefixtures("ten_on_every_level")


def start(api: Api, entry: Any = MARKET, *brackets: Any, action: str = "Buy", **more: Any) -> Any:
    """The reply to startorderstrategy."""
    body = {"accountId": api.user_id * 1000 + 1, "symbol": "ESZ6", "action": action, "orderStrategyTypeId": 2}
    params = json.dumps({"entryVersion": entry, "brackets": list(brackets) or [BRACKET]})
    reply = api.post("orderstrategy/startorderstrategy", **{**body, "params": params, "isAutomated": True, **more})
    assert problems("orderStrategyStatusResponse", reply) == []
    return reply


def begin(api: Api, entry: Any = MARKET, *brackets: Any, **more: Any) -> int:
    """The id of a strategy that has started."""
    reply = start(api, entry, *brackets, **more)
    assert "errorText" not in reply, reply
    assert problems("orderStrategy", reply["orderStrategy"]) == []
    return reply["orderStrategy"]["id"]


def status(api: Api, strategy: int) -> str:
    return api.get("orderstrategy/item", id=strategy)["status"]


def legs(api: Api, strategy: int) -> dict[str, list[int]]:
    """Order ids by label, in the order in which they were placed."""
    found: dict[str, list[int]] = {}
    for link in api.get("orderstrategylink/deps", masterid=strategy):
        assert problems("orderStrategyLink", link) == []
        found.setdefault(link["label"], []).append(link["orderId"])
    return found


def shown(api: Api, order: int) -> tuple[str, int, float | None]:
    """(status, contracts, price that matters) of an order."""
    version = api.get("orderVersion/deps", masterid=order)[-1]
    return api.order(order)["ordStatus"], version["orderQty"], version.get("price", version.get("stopPrice"))


def nothing_works(sim: RunningSimulator) -> bool:
    return sim.control.ledger()["working"] == sim.control.ledger()["strategies"] == []


@pytest.fixture
def quiet() -> Any:
    """A simulator in which nobody has traded yet."""
    with serve(Config(seed=7, manual_clock=True, start=START, history=False)) as running:
        running.control.price("ESZ6", "6850.00")
        running.control.liquidity("ESZ6", 10)
        yield running


@pytest.mark.parametrize(
    ("price", "ends"), [("6860.25", {"Target1": "Filled", "Stop1": "Canceled"}), ("6845.00", {"Stop1": "Filled"})]
)
def test_a_filled_entry_is_protected_and_the_strategy_ends_flat(quiet: RunningSimulator, price: str, ends: Any) -> None:
    trader = Api(quiet, "trader")
    strategy = begin(trader)
    placed = legs(trader, strategy)
    assert sorted(placed) == ["Entry", "Stop1", "Target1"]
    assert shown(trader, placed["Target1"][0]) == ("Working", 2, 6860)
    assert shown(trader, placed["Stop1"][0]) == ("Working", 2, 6845)
    target, stop = trader.order(placed["Target1"][0]), trader.order(placed["Stop1"][0])
    assert (target["ocoId"], stop["ocoId"]) == (stop["id"], target["id"])
    assert target["parentId"] == stop["parentId"] == placed["Entry"][0]
    assert status(trader, strategy) == "ActiveStrategy"
    quiet.control.price("ESZ6", price)
    for label, expected in ends.items():
        assert trader.order(placed[label][0])["ordStatus"] == expected
    assert status(trader, strategy) == "ExecutionFinished"
    assert trader.get("position/list")[0]["netPos"] == 0
    assert nothing_works(quiet)


def test_a_short_strategy_has_its_signs_the_other_way_round(sim: RunningSimulator, trader: Api) -> None:
    bracket = {"qty": 2, "profitTarget": -30, "stopLoss": 15}
    placed = legs(trader, begin(trader, MARKET, bracket, action="Sell"))
    assert shown(trader, placed["Target1"][0])[2] == 6849.75 - 30
    assert shown(trader, placed["Stop1"][0])[2] == 6849.75 + 15
    assert trader.order(placed["Stop1"][0])["action"] == "Buy"


def test_brackets_take_the_entrys_contracts_one_after_the_other(sim: RunningSimulator, trader: Api) -> None:
    first = {"qty": 1, "profitTarget": 5, "stopLoss": -5}
    runner = {"qty": 2, "profitTarget": 20, "stopLoss": -10}
    strategy = begin(trader, {"orderQty": 3, "orderType": "Market"}, first, runner)
    placed = legs(trader, strategy)
    assert [shown(trader, placed[label][0])[1] for label in ("Target1", "Stop1", "Target2", "Stop2")] == [1, 1, 2, 2]
    sim.control.price("ESZ6", "6855.25")
    assert status(trader, strategy) == "ActiveStrategy"
    assert trader.order(placed["Stop1"][0])["ordStatus"] == "Canceled"
    sim.control.price("ESZ6", "6840.00")
    assert status(trader, strategy) == "ExecutionFinished"
    assert trader.get("position/list")[0]["netPos"] == 0


def test_exits_grow_with_an_entry_that_fills_in_parts(sim: RunningSimulator, trader: Api) -> None:
    sim.control.account(1001001, deposit=1_000_000)
    strategy = begin(trader, {**LIMIT, "orderQty": 15}, {**BRACKET, "qty": 15})
    assert list(legs(trader, strategy)) == ["Entry"]
    for contracts in (10, 15):
        sim.control.price("ESZ6", "6845.00")
        placed = legs(trader, strategy)
        assert shown(trader, placed["Target1"][0]) == ("Working", contracts, 6855)
        assert shown(trader, placed["Stop1"][0]) == ("Working", contracts, 6840)
    reports = [row for row in trader.get("executionReport/list") if row["orderId"] == placed["Stop1"][0]]
    assert [row["execType"] for row in reports] == ["New", "Replaced"]


def test_what_a_target_trades_its_stop_loses(sim: RunningSimulator, trader: Api) -> None:
    sim.control.account(1001001, deposit=1_000_000)
    strategy = begin(trader, {"orderQty": 15, "orderType": "Market"}, {**BRACKET, "qty": 15})
    sim.control.price("ESZ6", "6860.25")
    placed = legs(trader, strategy)
    assert sum(fill["qty"] for fill in trader.fills(placed["Target1"][0])) == 10
    assert shown(trader, placed["Stop1"][0])[:2] == ("Working", 5)
    sim.control.price("ESZ6", "6845.00")
    assert trader.get("position/list")[0]["netPos"] == 0
    assert status(trader, strategy) == "ExecutionFinished"
    assert trader.order(placed["Target1"][0])["ordStatus"] == "Canceled"


def test_a_trailing_stop_follows_from_the_start(sim: RunningSimulator, trader: Api) -> None:
    strategy = begin(trader, MARKET, {"qty": 2, "profitTarget": 50, "stopLoss": -5, "trailingStop": True})
    stop = legs(trader, strategy)["Stop1"][0]
    version = trader.get("orderVersion/deps", masterid=stop)[0]
    assert (version["orderType"], version["stopPrice"], version["pegDifference"]) == ("TrailingStop", 6845, 5)
    sim.control.price("ESZ6", "6870.00")
    sim.control.price("ESZ6", "6865.00")
    assert trader.order(stop)["ordStatus"] == "Filled"
    assert status(trader, strategy) == "ExecutionFinished"


def test_an_auto_trail_begins_at_its_trigger_and_moves_in_steps(sim: RunningSimulator, trader: Api) -> None:
    trail = {"stopLoss": 4, "trigger": 10, "freq": 2}
    strategy = begin(trader, MARKET, {"qty": 2, "profitTarget": 50, "stopLoss": -5, "autoTrail": trail})
    stop = legs(trader, strategy)["Stop1"][0]
    where = []
    for price in ("6859.75", "6860.00", "6861.75", "6862.00", "6860.00"):
        sim.control.price("ESZ6", price)
        where.append(shown(trader, stop)[2])
    assert where == [6845, 6856, 6856, 6858, 6858]
    sim.control.price("ESZ6", "6858.00")
    assert trader.order(stop)["ordStatus"] == "Filled"


def test_interrupting_cancels_the_orders_and_keeps_the_position(sim: RunningSimulator, trader: Api) -> None:
    strategy = begin(trader)
    reply = trader.post("orderstrategy/interruptorderstrategy", orderStrategyId=strategy)
    assert problems("orderStrategyStatusResponse", reply) == []
    assert reply["orderStrategy"]["status"] == "ExecutionInterrupted"
    placed = legs(trader, strategy)
    assert [trader.order(placed[label][0])["ordStatus"] for label in ("Target1", "Stop1")] == ["Canceled", "Canceled"]
    assert trader.get("position/list")[0]["netPos"] == 2
    again = trader.post("orderstrategy/interruptorderstrategy", orderStrategyId=strategy)
    assert again == {"errorText": "No active order strategy", "failureReason": "TooLate"}


def test_interrupting_before_the_fill_cancels_the_entry(sim: RunningSimulator, trader: Api) -> None:
    strategy = begin(trader, LIMIT)
    trader.post("orderstrategy/interruptorderstrategy", orderStrategyId=strategy)
    assert trader.order(legs(trader, strategy)["Entry"][0])["ordStatus"] == "Canceled"
    sim.control.price("ESZ6", "6840.00")
    assert status(trader, strategy) == "ExecutionInterrupted"
    assert trader.get("fill/list") == []


def test_closing_the_position_by_hand_leaves_no_exit_behind(sim: RunningSimulator, trader: Api) -> None:
    strategy = begin(trader)
    trader.place("Sell", 2)
    assert status(trader, strategy) == "ExecutionFinished"
    placed = legs(trader, strategy)
    assert [trader.order(placed[label][0])["ordStatus"] for label in ("Target1", "Stop1")] == ["Canceled", "Canceled"]


@pytest.mark.parametrize("how", ["cancel", "liquidate"])
def test_a_strategy_whose_orders_somebody_takes_out_is_stopped(sim: RunningSimulator, trader: Api, how: str) -> None:
    strategy = begin(trader)
    placed = legs(trader, strategy)
    if how == "cancel":
        trader.post("order/cancelorder", orderId=placed["Target1"][0])
        assert trader.order(placed["Stop1"][0])["ordStatus"] == "Working"
        assert status(trader, strategy) == "ActiveStrategy"
        trader.post("order/cancelorder", orderId=placed["Stop1"][0])
    else:
        trader.post("order/liquidateposition", accountId=1001001, contractId=ESZ6, admin=False)
    assert status(trader, strategy) == "StoppedByUser"


def test_the_ends_of_strategies_that_never_fill(sim: RunningSimulator, trader: Api) -> None:
    cancelled = begin(trader, LIMIT)
    trader.post("order/cancelorder", orderId=legs(trader, cancelled)["Entry"][0])
    assert status(trader, cancelled) == "StoppedByUser"
    lapsed = begin(trader, {**LIMIT, "timeInForce": "IOC"})
    assert status(trader, lapsed) == "InactiveStrategy"
    too_big = start(trader, {"orderQty": 9, "orderType": "Market"}, {**BRACKET, "qty": 9})["orderStrategy"]
    assert too_big["status"] == "NotEnoughLiquidity"
    assert "Insufficient margin" in too_big["failureMessage"]
    sim.control.refuse(1001001, "RiskCheckTimeout", stage="execution")
    assert start(trader)["orderStrategy"]["status"] == "ExecutionFailed"


@pytest.mark.parametrize(
    ("changes", "entry", "bracket", "reason"),
    [
        ({"orderStrategyTypeId": 1}, MARKET, BRACKET, "Unsupported"),
        ({"symbol": "nonsense"}, MARKET, BRACKET, "InvalidContract"),
        ({"accountId": 1002001}, MARKET, BRACKET, "UnknownReason"),
        ({"params": ""}, MARKET, BRACKET, "UnknownReason"),
        ({"params": '{"brackets": []}'}, MARKET, BRACKET, "UnknownReason"),
        (
            {"params": '{"entryVersion": {"orderQty": 1, "orderType": "Market"}, "brackets": []}'},
            {},
            {},
            "UnknownReason",
        ),
        ({}, {"orderQty": 2}, BRACKET, "UnknownReason"),
        ({}, {**MARKET, "orderQty": 0}, BRACKET, "UnknownReason"),
        ({}, {**MARKET, "orderType": "Limit"}, BRACKET, "InvalidPrice"),
        ({}, {**MARKET, "orderQty": 251}, BRACKET, "MaxOrderQtyLimitReached"),
        ({}, MARKET, {**BRACKET, "stopLoss": 5}, "InvalidPrice"),
        ({}, MARKET, {**BRACKET, "profitTarget": -10}, "InvalidPrice"),
        ({}, MARKET, {**BRACKET, "profitTarget": 10.1}, "InvalidPrice"),
        ({}, MARKET, {**BRACKET, "profitTarget": "NaN"}, "InvalidPrice"),
        ({}, MARKET, {**BRACKET, "stopLoss": -6850}, "InvalidPrice"),
        ({}, MARKET, {**BRACKET, "stopLoss": "-1e999999999"}, "InvalidPrice"),
        ({}, MARKET, {**BRACKET, "qty": 10**30}, "UnknownReason"),
        ({"params": '{"entryVersion": ' + "[" * 4000}, MARKET, BRACKET, "UnknownReason"),
        ({}, MARKET, {"qty": 2, "profitTarget": 10, "trailingStop": True}, "UnknownReason"),
        ({}, MARKET, {**BRACKET, "autoTrail": {"stopLoss": 4, "trigger": 10, "freq": 0}}, "InvalidPrice"),
        (
            {},
            MARKET,
            {**BRACKET, "trailingStop": True, "autoTrail": {"stopLoss": 4, "trigger": 10, "freq": 1}},
            "AdvancedTrailingStopUnsupported",
        ),
    ],
)
def test_strategies_that_cannot_start_say_why_and_leave_no_trace(
    trader: Api, changes: Any, entry: Any, bracket: Any, reason: str
) -> None:
    reply = start(trader, entry, bracket, **changes)
    assert (reply["failureReason"], "orderStrategy" in reply) == (reason, False)
    assert reply["errorText"]
    assert trader.get("orderstrategy/list") == trader.get("order/list") == []


def test_params_are_a_text(trader: Api) -> None:
    body = {"symbol": "ESZ6", "action": "Buy", "orderStrategyTypeId": 2}
    asked = {**body, "params": {"entryVersion": MARKET, "brackets": [BRACKET]}}
    assert trader.http.post("/v1/orderstrategy/startorderstrategy", json=asked).status_code == 400


def test_nobody_touches_anothers_strategy(trader: Api, pro: Api) -> None:
    strategy = begin(trader)
    denied = {"errorText": "Access is denied", "failureReason": "UnknownReason"}
    assert pro.post("orderstrategy/interruptorderstrategy", orderStrategyId=strategy) == denied
    assert pro.post("orderstrategy/modifyorderstrategy", orderStrategyId=strategy, command="{}") == denied
    assert pro.get("orderstrategy/list") == pro.get("orderstrategylink/list") == []
    assert status(trader, strategy) == "ActiveStrategy"


def test_a_changed_strategy_moves_its_exits(sim: RunningSimulator, trader: Api) -> None:
    strategy = begin(trader)
    wanted = {"brackets": [{**BRACKET, "profitTarget": 20, "stopLoss": -8}]}
    reply = trader.post("orderstrategy/modifyorderstrategy", orderStrategyId=strategy, command=json.dumps(wanted))
    assert json.loads(reply["orderStrategy"]["params"])["brackets"][0]["profitTarget"] == 20
    placed = legs(trader, strategy)
    assert shown(trader, placed["Target1"][0]) == ("Working", 2, 6870)
    assert shown(trader, placed["Stop1"][0]) == ("Working", 2, 6842)


def test_a_changed_entry_and_its_brackets_fill_as_changed(sim: RunningSimulator, trader: Api) -> None:
    strategy = begin(trader, LIMIT)
    wanted = {"entryVersion": {**LIMIT, "orderQty": 1, "price": 6840}, "brackets": [{"qty": 1, "stopLoss": -2}]}
    trader.post("orderstrategy/modifyorderstrategy", orderStrategyId=strategy, command=json.dumps(wanted))
    sim.control.price("ESZ6", "6840.00")
    placed = legs(trader, strategy)
    assert sorted(placed) == ["Entry", "Stop1"]
    assert shown(trader, placed["Stop1"][0]) == ("Working", 1, 6838)


@pytest.mark.parametrize(("route", "price"), [("orderstrategy/modifyorderstrategy", 6845), ("order/modifyorder", 6840)])
def test_the_change_of_an_entry_is_ignored_on_its_own_route(
    sim: RunningSimulator, trader: Api, route: str, price: float
) -> None:
    strategy = begin(trader, LIMIT)
    sim.control.fault("modify_ignored", route)
    wanted = {"entryVersion": {**LIMIT, "price": 6840}}
    trader.post("orderstrategy/modifyorderstrategy", orderStrategyId=strategy, command=json.dumps(wanted))
    assert shown(trader, legs(trader, strategy)["Entry"][0])[2] == price


@pytest.mark.parametrize(
    "command",
    ["", "breakeven", "{}x", '{"brackets": []}', '{"brackets": [{"qty": 1, "stopLoss": -1}]}', '{"brackets": [1]}'],
)
def test_changes_that_do_not_fit_change_nothing(trader: Api, command: str) -> None:
    strategy = begin(trader)
    before = trader.get("orderstrategy/item", id=strategy)
    reply = trader.post("orderstrategy/modifyorderstrategy", orderStrategyId=strategy, command=command)
    assert reply["errorText"].startswith("Invalid or missed parameters")
    assert trader.get("orderstrategy/item", id=strategy) == before


def test_the_events_of_a_strategy(trader: Api, socket: Socket) -> None:
    strategy = begin(trader, uuid="one-of-mine", customTag50="desk")
    seen = socket.props("orderStrategyLink", label="Stop1")
    names = [event["entityType"] for event in seen]
    assert names.index("orderStrategy") < names.index("orderStrategyLink")
    shape = next(event["entity"] for event in seen if event["entityType"] == "orderStrategy")
    assert (shape["uuid"], shape["customTag50"], shape["senderId"]) == ("one-of-mine", "desk", trader.user_id)
    trader.place("Sell", 2)
    assert socket.props("orderStrategy", id=strategy, status="ExecutionFinished")
    snapshot = socket.ask("user/syncrequest", {"users": [trader.user_id]})["d"]
    assert [one["status"] for one in snapshot["orderStrategies"]] == ["ExecutionFinished"]
    assert [one["label"] for one in snapshot["orderStrategyLinks"]] == ["Entry", "Target1", "Stop1"]
    assert [(one["id"], one["enabled"]) for one in snapshot["orderStrategyTypes"]] == [(2, True)]


def test_day_exits_end_with_the_day_and_lasting_ones_go_on(sim: RunningSimulator, trader: Api) -> None:
    day = begin(
        trader, {"orderQty": 1, "orderType": "Market"}, {**BRACKET, "qty": 1, "profitTarget": 900, "stopLoss": -900}
    )
    lasting = begin(
        trader,
        {"orderQty": 1, "orderType": "Limit", "price": 6850, "timeInForce": "GTC"},
        {**BRACKET, "qty": 1, "profitTarget": 900, "stopLoss": -900},
    )
    sim.control.advance(9 * 3600)
    trader = Api(sim, "trader")
    assert [one["id"] for one in trader.get("orderstrategy/list")] == [lasting]
    assert {link["orderStrategyId"] for link in trader.get("orderstrategylink/list")} == {lasting}
    assert trader.http.get(f"/v1/orderstrategy/item?id={day}").status_code == 404
    assert trader.order(legs(trader, lasting)["Stop1"][0])["ordStatus"] == "Working"


def test_a_strategy_goes_on_after_a_restart(tmp_path: Path) -> None:
    config = Config(seed=7, manual_clock=True, start=START, history=False, state_path=tmp_path / "state.json")
    with serve(config) as simulator:
        simulator.control.price("ESZ6", "6850.00")
        strategy = begin(Api(simulator, "trader"), LIMIT)
    with serve(config) as simulator:
        simulator.control.price("ESZ6", "6845.00")
        trader = Api(simulator, "trader")
        assert sorted(legs(trader, strategy)) == ["Entry", "Stop1", "Target1"]
    with serve(config) as simulator:
        simulator.control.price("ESZ6", "6855.25")
        trader = Api(simulator, "trader")
        assert status(trader, strategy) == "ExecutionFinished"
        assert nothing_works(simulator)


def test_a_bracket_that_closes_at_once_leaves_the_others_protected() -> None:
    desk = Desk()
    walk = desk.simulation.feed.market(ESZ6).walk
    walk.last = walk.bid  # a stop one tick below the offer, where the entry fills, is reached
    near, far = {"qty": 1, "stopLoss": -0.25}, {"qty": 1, "stopLoss": -20}
    strategy = desk.strategy("Buy", MARKET, near, far).order_strategy
    exits = {link.label: desk.order(link.order_id).ord_status for link in desk.store.all(OrderStrategyLink)}
    assert exits == {"Entry": "Filled", "Stop1": "Filled", "Stop2": "Working"}
    assert (strategy.status, desk.net) == ("ActiveStrategy", 1)
