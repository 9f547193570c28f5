"""Order types that wait for a price, and orders that end at a time, over the wire and over a restart."""

from pathlib import Path
from typing import Any

import pytest

from trading.simulator import Config, RunningSimulator, serve

from .conftest import START, Api
from .shapes import problems


def version(trader: Api, order: int) -> Any:
    """The order's latest version."""
    found = trader.get("orderVersion/deps", masterid=order)[-1]
    assert problems("orderVersion", found) == []
    return found


@pytest.mark.parametrize(
    ("terms", "wakes_at", "fills_at"),
    [
        ({"orderType": "MIT", "price": 6840}, "6840.00", 6840),
        ({"orderType": "LimitIfTouched", "price": 6840.5, "limitIfTouchedPrice": 6840}, "6839.00", 6839),
    ],
)
def test_an_if_touched_order_shows_its_prices_and_fills_when_touched(
    sim: RunningSimulator, trader: Api, terms: dict[str, Any], wakes_at: str, fills_at: float
) -> None:
    order = trader.place("Buy", 1, **terms)["orderId"]
    shown = version(trader, order)
    assert {name: shown.get(name) for name in terms} == terms
    assert "stopPrice" not in shown
    sim.control.price("ESZ6", "6840.25")
    assert trader.order(order)["ordStatus"] == "Working"
    sim.control.price("ESZ6", wakes_at)
    assert trader.order(order)["ordStatus"] == "Filled"
    assert trader.fills(order)[0]["price"] == fills_at


@pytest.mark.parametrize(
    ("action", "terms", "waits", "beyond", "nearly", "there"),
    [
        ("Buy", {"orderType": "StopLimit", "stopPrice": 6860, "price": 6861}, "6859.75", "6865", "6861.25", "6855"),
        ("Sell", {"orderType": "StopLimit", "stopPrice": 6840, "price": 6839}, "6840.25", "6835", "6839", "6845"),
        (
            "Buy",
            {"orderType": "LimitIfTouched", "limitIfTouchedPrice": 6840, "price": 6838},
            "6840.25",
            "6840",
            "6838.25",
            "6830",
        ),
        (
            "Sell",
            {"orderType": "LimitIfTouched", "limitIfTouchedPrice": 6860, "price": 6862},
            "6859.75",
            "6860",
            "6862",
            "6870",
        ),
    ],
)
def test_a_woken_limit_order_waits_for_its_price_and_gets_it(
    sim: RunningSimulator,
    trader: Api,
    action: str,
    terms: dict[str, Any],
    waits: str,
    beyond: str,
    nearly: str,
    there: str,
) -> None:
    order = trader.place(action, 1, **terms)["orderId"]
    assert {name: version(trader, order).get(name) for name in terms} == terms
    for price in (waits, beyond, nearly):
        sim.control.price("ESZ6", price)
        assert (trader.order(order)["ordStatus"], trader.fills(order)) == ("Working", []), price
    sim.control.price("ESZ6", there)
    assert trader.order(order)["ordStatus"] == "Filled"
    assert [(fill["qty"], fill["price"]) for fill in trader.fills(order)] == [(1, terms["price"])]


@pytest.mark.parametrize(
    ("action", "terms", "away", "beyond", "nearly", "there", "moved"),
    [
        ("Buy", {"stopPrice": 6860, "price": 6861}, "6840", "6855", "6851.25", "6845", 6851),
        ("Buy", {"pegDifference": 10, "price": 6861}, "6840", "6855", "6851.25", "6845", 6851),
        ("Sell", {"stopPrice": 6840, "price": 6839}, "6860", "6845", "6849", "6855", 6849),
        ("Sell", {"pegDifference": -10, "price": 6839}, "6860", "6845", "6849", "6855", 6849),
    ],
)
def test_a_trailing_stop_limit_waits_for_the_price_that_followed_its_stop(
    sim: RunningSimulator,
    trader: Api,
    action: str,
    terms: dict[str, Any],
    away: str,
    beyond: str,
    nearly: str,
    there: str,
    moved: float,
) -> None:
    order = trader.place(action, 1, orderType="TrailingStopLimit", **terms)["orderId"]
    for price in (away, beyond, nearly):
        sim.control.price("ESZ6", price)
        assert (trader.order(order)["ordStatus"], trader.fills(order)) == ("Working", []), price
    sim.control.price("ESZ6", there)
    assert trader.order(order)["ordStatus"] == "Filled"
    assert [(fill["qty"], fill["price"]) for fill in trader.fills(order)] == [(1, moved)]


@pytest.mark.parametrize("terms", [{"stopPrice": 6840}, {"pegDifference": 10}, {"pegDifference": -10}])
def test_a_trailing_stop_sells_ten_points_below_the_top(sim: RunningSimulator, trader: Api, terms: dict) -> None:
    order = trader.place("Sell", 1, orderType="TrailingStop", **terms)["orderId"]
    assert {name: version(trader, order).get(name) for name in terms} == terms
    for price in ("6860.00", "6850.25", "6855.00"):
        sim.control.price("ESZ6", price)
    assert trader.order(order)["ordStatus"] == "Working"
    sim.control.price("ESZ6", "6850.00")
    assert trader.fills(order)[0]["price"] == 6849.75


def test_only_the_quantity_of_a_trailing_stop_can_change(sim: RunningSimulator, trader: Api) -> None:
    order = trader.place("Sell", 1, orderType="TrailingStop", stopPrice=6840)["orderId"]
    sim.control.price("ESZ6", "6860.00")
    change = {"orderId": order, "orderQty": 2, "orderType": "TrailingStop"}
    refused = trader.post("order/modifyorder", **change, stopPrice=6845)
    assert refused["failureReason"] == "TrailingStopNonOrderQtyModify"
    assert "commandId" in trader.post("order/modifyorder", **change)
    assert "commandId" in trader.post("order/modifyorder", **{**change, "orderQty": 3}, stopPrice=6840)
    sim.control.price("ESZ6", "6850.00")
    assert sum(fill["qty"] for fill in trader.fills(order)) == 3


def test_a_stop_can_become_a_trailing_stop_and_back(sim: RunningSimulator, trader: Api) -> None:
    order = trader.place("Sell", 1, orderType="Stop", stopPrice=6840)["orderId"]
    change = {"orderId": order, "orderQty": 1}
    assert "commandId" in trader.post("order/modifyorder", **change, orderType="TrailingStop", pegDifference=5)
    sim.control.price("ESZ6", "6860.00")
    assert "commandId" in trader.post("order/modifyorder", **change, orderType="Stop", stopPrice=6830)
    sim.control.price("ESZ6", "6855.00")
    assert trader.order(order)["ordStatus"] == "Working"
    sim.control.price("ESZ6", "6830.00")
    assert trader.order(order)["ordStatus"] == "Filled"


def test_a_gtd_order_lives_over_the_day_and_ends_at_its_time(sim: RunningSimulator, trader: Api) -> None:
    terms = {"orderType": "Limit", "price": 6000, "timeInForce": "GTD", "expireTime": "2026-11-19T15:00:00Z"}
    order = trader.place("Buy", 1, **terms)["orderId"]
    assert version(trader, order)["expireTime"] == "2026-11-19T15:00:00.000Z"
    assert trader.get("marginSnapshot/list")[0]["totalUsedMargin"] > 0
    sim.control.advance(24 * 3600 - 60)
    trader = Api(sim, "trader")
    assert trader.order(order)["ordStatus"] == "Working"
    sim.control.advance(120)
    assert trader.order(order)["ordStatus"] == "Expired"
    assert trader.get("marginSnapshot/list")[0]["totalUsedMargin"] == 0


def test_a_modification_keeps_or_moves_the_end(sim: RunningSimulator, trader: Api) -> None:
    terms = {"orderType": "Limit", "price": 6000, "timeInForce": "GTD"}
    order = trader.place("Buy", 1, **terms, expireTime="2026-11-18T16:00:00Z")["orderId"]
    change = {"orderId": order, "orderQty": 2, **terms}
    assert "commandId" in trader.post("order/modifyorder", **change)
    assert version(trader, order)["expireTime"] == "2026-11-18T16:00:00.000Z"
    assert "commandId" in trader.post("order/modifyorder", **change, expireTime="2026-11-18T17:00:00Z")
    sim.control.advance(3601)
    assert trader.order(order)["ordStatus"] == "Working"
    sim.control.advance(3600)
    assert Api(sim, "trader").order(order)["ordStatus"] == "Expired"


def test_waiting_orders_go_on_after_a_restart(tmp_path: Path) -> None:
    config = Config(seed=7, manual_clock=True, start=START, state_path=tmp_path / "state.json")
    with serve(config) as simulator:
        simulator.control.price("ESZ6", "6850.00")
        trader = Api(simulator, "trader")
        trailing = trader.place("Sell", 1, orderType="TrailingStop", stopPrice=6840)["orderId"]
        end = "2026-11-18T15:30:00Z"
        ending = trader.place("Buy", 1, orderType="Limit", price=6000, timeInForce="GTD", expireTime=end)["orderId"]
        simulator.control.price("ESZ6", "6860.00")
    with serve(config) as simulator:
        trader = Api(simulator, "trader")
        simulator.control.price("ESZ6", "6850.00")
        assert trader.order(trailing)["ordStatus"] == "Filled"
        simulator.control.advance(3600)
        assert trader.order(ending)["ordStatus"] == "Expired"
