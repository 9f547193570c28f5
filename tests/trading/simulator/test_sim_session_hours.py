"""Session hours as an option: nothing trades in the halt and at the weekend, and orders are refused."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.hours import is_open

from .conftest import ESZ6, Api
from .shapes import problems

BEFORE_THE_HALT = datetime(2026, 11, 18, 21, 50, tzinfo=UTC)  # Wednesday, 15:50 in Chicago


@pytest.fixture
def keeping_hours() -> Iterator[RunningSimulator]:
    config = Config(seed=7, manual_clock=True, start=BEFORE_THE_HALT, session_hours=True, history=False)
    with serve(config) as running:
        running.control.price("ESZ6", "6850.00")
        yield running


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2026-11-18T21:59:59", True),  # Wednesday 15:59:59
        ("2026-11-18T22:00:00", False),
        ("2026-11-18T22:59:59", False),
        ("2026-11-18T23:00:00", True),
        ("2026-11-20T21:59:59", True),  # Friday
        ("2026-11-20T23:30:00", False),
        ("2026-11-21T15:00:00", False),
        ("2026-11-22T22:59:59", False),  # Sunday
        ("2026-11-22T23:00:00", True),
        ("2026-07-15T20:59:59", True),  # summer: 15:59:59
        ("2026-07-15T21:00:00", False),
    ],
)
def test_the_hours(moment: str, opens: bool) -> None:
    assert is_open("Index", datetime.fromisoformat(moment).replace(tzinfo=UTC)) is opens


def test_nothing_is_taken_or_traded_in_the_halt(keeping_hours: RunningSimulator) -> None:
    trader = Api(keeping_hours, "trader")
    terms = {"orderType": "Limit", "price": 6800}
    resting = trader.place("Buy", 1, **terms, timeInForce="GTC")["orderId"]
    other = trader.place("Buy", 1, **terms)["orderId"]
    keeping_hours.control.advance(900)
    last = keeping_hours.control.market("ESZ6")["last"]
    keeping_hours.control.advance(600)
    assert keeping_hours.control.market("ESZ6")["last"] == last
    keeping_hours.control.price("ESZ6", "6790.00")
    assert trader.order(resting)["ordStatus"] == "Working"
    assert trader.place("Buy", 1)["failureReason"] == "SessionClosed"
    change = {"orderId": resting, "orderQty": 2, **terms}
    assert trader.post("order/modifyorder", **change)["failureReason"] == "SessionClosed"
    tried = {"contractId": ESZ6, "action": "Buy", "orderQty": 1, "orderType": "Market"}
    assert trader.post("order/dryrun", accountId=1001001, orders=[tried])["rejectReason"] == "SessionClosed"
    assert "commandId" in trader.post("order/cancelorder", orderId=other)
    keeping_hours.control.advance(2760)
    assert trader.order(resting)["ordStatus"] == "Filled"
    assert trader.order(trader.place("Buy", 1)["orderId"])["ordStatus"] == "Filled"


def test_products_tell_their_hours(keeping_hours: RunningSimulator, trader: Api) -> None:
    product = trader.get("product/find", name="ES")["id"]
    by_default = trader.get("productSession/deps", masterid=product)
    assert [problems("productSession", session) for session in by_default] == [[]]
    assert by_default[0]["allDay"] is True
    session = Api(keeping_hours, "trader").get("productSession/item", id=product)
    assert (session["allDay"], session["openTime"], session["closeTime"]) == (
        False,
        {"hour": 17, "minute": 0},
        {"hour": 16, "minute": 0},
    )


def test_each_product_keeps_its_own_hours(keeping_hours: RunningSimulator) -> None:
    trader = Api(keeping_hours, "trader")
    refused = trader.place("Buy", 1, "ZCH7")
    assert (refused["failureReason"], refused["failureText"]) == (
        "SessionClosed",
        "ZCH7 is closed. It opens Wednesday 19:00 in Chicago.",
    )
    assert trader.order(trader.place("Buy", 1)["orderId"])["ordStatus"] == "Filled"
    corn = trader.get("product/find", name="ZC")["id"]
    session = trader.get("productSession/item", id=corn)
    assert (session["openTime"], session["startTime"], session["closeTime"]) == (
        {"hour": 19, "minute": 0},
        {"hour": 8, "minute": 30},
        {"hour": 13, "minute": 20},
    )
    before = keeping_hours.control.market("ZCH7")["last"]
    keeping_hours.control.advance(300)
    assert keeping_hours.control.market("ZCH7")["last"] == before
