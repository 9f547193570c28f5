"""How far an order's price may be from the last: the collar, and exits that would trade with their entry."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.orders.situations import (
    ES,
    NOW,
    facts,
    found,
    limit,
    limited,
    only,
    rich,
    situation,
    spec,
)
from trading.orders.checks import check
from trading.orders.facts import MarkFacts
from trading.orders.spec import LinkedOrder


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (limited("Buy", "5002.50"), []),
        (limited("Buy", "5002.75"), [("error", "price")]),
        (limited("Buy", "4997.25"), [("warning", "price")]),
        (limited("Sell", "4997.25"), [("error", "price")]),
        (limited("Sell", "5002.75"), [("warning", "price")]),
        (spec("Buy", order_type="Stop", stop_price=Decimal(5003)), [("warning", "stop_price")]),
        (spec("Buy", order_type="Stop", stop_price=Decimal(4997)), [("error", "stop_price")]),
        (
            spec("Buy", order_type="StopLimit", stop_price=Decimal(5001), price=Decimal(5003)),
            [("warning", "price")],
        ),
        (spec("Buy"), []),
    ],
)
def test_the_collar_in_ticks(one: Any, expected: list) -> None:
    assert found(one, situation(limit(collar_ticks=10))) == expected


def test_the_collar_holds_for_the_other_order_of_a_pair_and_not_for_what_waits_for_a_fill() -> None:
    where = situation(limit(collar_ticks=10))
    through = LinkedOrder(action="Sell", order_type="Limit", price=Decimal(4900))
    at_rest = {"order_type": "Limit", "price": Decimal(4999)}
    assert found(spec("Buy", other=through, **at_rest), where) == [("error", "other.price")]
    entry = {"order_type": "Stop", "stop_price": Decimal(5100)}
    exits = (LinkedOrder(action="Sell", order_type="Stop", stop_price=Decimal(5080)),)
    warned = [("warning", "stop_price"), ("warning", "triggers[0].stop_price")]
    assert found(spec("Buy", triggers=exits, **entry), where) == warned


def test_the_collar_in_percent_and_the_one_that_everybody_has() -> None:
    assert found(limited("Buy", "5050"), situation(limit(collar_percent=Decimal(1)))) == []
    assert found(limited("Buy", "5050.25"), situation(limit(collar_percent=Decimal(1)))) == [("error", "price")]
    assert found(limited("Buy", "5500"), situation()) == []
    assert found(limited("Buy", "5500.25"), situation()) == [("warning", "price")]


def test_an_exit_is_not_held_back_by_its_price() -> None:
    assert found(limited("Sell", "4000"), situation(limit(collar_ticks=10), facts=facts(net=1))) == [
        ("warning", "price")
    ]


def test_an_old_price_warns_and_a_missing_one_is_said() -> None:
    old = [MarkFacts(contract_id=ES, price=Decimal(5000), at=NOW - dt.timedelta(minutes=3))]
    finding = only(limited("Buy", "5100"), situation(limit(collar_ticks=10), facts=facts(marks=old)))
    assert finding.severity == "warning"
    words = "price 5100.00 is 100.00 points from the last price, 5000.00 (an old one). Your limit"
    assert finding.message.startswith(words)
    far = spec("Sell", order_type="Stop", stop_price=Decimal("3000.5"))
    assert only(far, situation(limit(collar_ticks=10))).message.startswith("stopPrice 3000.50 is 1999.50 points")
    assert found(limited("Buy", "5100"), situation(facts=facts(marks=[]))) == [("note", "price")]


@given(ticks=st.integers(1, 400), away=st.integers(0, 800), action=st.sampled_from(["Buy", "Sell"]))
def test_the_collar_forbids_beyond_itself_and_nothing_within(ticks: int, away: int, action: str) -> None:
    aggressive = Decimal(away) / 4 * (1 if action == "Buy" else -1)
    one = limited(action, str(5000 + aggressive))
    errors = [finding for finding in check(one, situation(limit(collar_ticks=ticks))) if finding.is_error]
    assert bool(errors) is (away > ticks)


def target(action: str, price: int) -> LinkedOrder:
    return LinkedOrder(action=action, order_type="Limit", price=Decimal(price))


def stop(action: str, price: int) -> LinkedOrder:
    return LinkedOrder(action=action, order_type="Stop", stop_price=Decimal(price))


FIRST_TARGET, SECOND_STOP = "triggers[0].price", "triggers[1].stop_price"
AT_THE_MARKET = {"order_type": "Market"}
# The last price is 5000: these trade at once, at about that.
BOUGHT_AT_ONCE = {"order_type": "Limit", "price": Decimal(5030)}
SOLD_AT_ONCE = {"order_type": "Limit", "price": Decimal(4970)}


@pytest.mark.parametrize(
    ("action", "entry", "exits", "wrong"),
    [
        ("Buy", AT_THE_MARKET, [target("Sell", 5001), stop("Sell", 4999)], []),
        ("Buy", AT_THE_MARKET, [target("Sell", 4999), stop("Sell", 4990)], [FIRST_TARGET]),
        ("Buy", AT_THE_MARKET, [target("Sell", 5000)], [FIRST_TARGET]),
        ("Buy", AT_THE_MARKET, [target("Sell", 5010), stop("Sell", 5001)], [SECOND_STOP]),
        (
            "Buy",
            AT_THE_MARKET,
            [target("Sell", 4990), stop("Sell", 5010)],
            [FIRST_TARGET, SECOND_STOP],
        ),
        ("Buy", AT_THE_MARKET, [target("Buy", 4990)], []),
        ("Sell", AT_THE_MARKET, [target("Buy", 4999), stop("Buy", 5001)], []),
        ("Sell", AT_THE_MARKET, [target("Buy", 5001), stop("Buy", 5010)], [FIRST_TARGET]),
        ("Sell", AT_THE_MARKET, [target("Buy", 4990), stop("Buy", 4999)], [SECOND_STOP]),
        ("Buy", BOUGHT_AT_ONCE, [target("Sell", 5040), stop("Sell", 5010)], [SECOND_STOP]),
        ("Sell", SOLD_AT_ONCE, [target("Buy", 4960), stop("Buy", 4990)], [SECOND_STOP]),
        ("Buy", {"order_type": "Limit", "price": Decimal(4900)}, [target("Sell", 4950)], []),
        ("Buy", {"order_type": "Stop", "stop_price": Decimal(5100)}, [stop("Sell", 5050)], []),
    ],
)
def test_exits_of_what_fills_at_the_market_do_not_trade_with_it(
    action: str, entry: dict, exits: list[LinkedOrder], wrong: list[str]
) -> None:
    order = spec(action, 1, triggers=tuple(exits), **entry)
    assert found(order, situation(facts=rich())) == [("error", field) for field in wrong]


def test_an_exit_on_the_wrong_side_of_the_market_is_told_with_the_last_price() -> None:
    order = spec("Buy", 1, triggers=(target("Sell", 4990),))
    words = (
        "The target at 4990 must be above the last price, 5000: what is bought at the market would be closed at once."
    )
    assert only(order, situation(facts=rich())).message == words
    old = rich(marks=[MarkFacts(contract_id=ES, price=Decimal(5000), at=NOW - dt.timedelta(minutes=3))])
    finding = only(order, situation(facts=old))
    assert (finding.severity, finding.field) == ("warning", "triggers[0].price")
    assert "5000 (an old one)" in finding.message
    assert found(order, situation(facts=rich(marks=[]))) == [("note", "price")]


def test_an_order_that_may_fill_in_part_at_once_does_not_promise_its_exits() -> None:
    exits = {"order_type": "Limit", "price": Decimal(5000), "triggers": (target("Sell", 5010),)}
    where = situation(facts=rich())
    finding = only(spec("Buy", 3, time_in_force="IOC", **exits), where)
    assert (finding.severity, finding.field) == ("warning", "time_in_force")
    assert "then they have no exits" in finding.message
    for whole in (spec("Buy", 1, time_in_force="IOC", **exits), spec("Buy", 3, time_in_force="FOK", **exits)):
        assert found(whole, where) == []
