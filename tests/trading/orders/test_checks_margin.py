"""Whether the account's margin is enough for an order."""

from decimal import Decimal

import pytest

from tests.trading.orders.situations import (
    ACCOUNT,
    facts,
    found,
    limit,
    listed,
    money,
    order,
    position_limit,
    situation,
    spec,
)
from trading.tradovate.entities import MarginSnapshot, UserAccountRiskParameter


@pytest.mark.parametrize(
    ("qty", "where", "expected"),
    [
        (5, {}, []),
        (6, {}, [("warning", "margin")]),
        (5, {"working": (order(1, "Sell", 5),)}, []),
        (10, {"net": -5}, []),
        (5, {"net": -5}, []),
    ],
)
def test_margin_counts_what_the_order_adds(qty: int, where: dict, expected: list) -> None:
    assert found(spec("Buy", qty), situation(facts=facts(**where))) == expected


@pytest.mark.parametrize(
    ("terms", "qty", "remarks"),
    [
        ({"margin_dollar_value": Decimal(40_000)}, 2, 0),
        ({"margin_dollar_value": Decimal(40_000)}, 3, 1),
        ({"margin_percentage": Decimal(50)}, 2, 0),
        ({"margin_percentage": Decimal(50)}, 3, 1),
        ({"margin_percentage": Decimal(90), "margin_dollar_value": Decimal(30_000)}, 2, 1),
    ],
)
def test_tradovate_may_allow_less_margin_than_there_is(terms: dict, qty: int, remarks: int) -> None:
    parameter = UserAccountRiskParameter(id=5, user_account_position_limit_id=1, **terms)
    known = facts(position_limits=[position_limit(exposed_limit=99)], risk_parameters=[parameter])
    assert found(spec("Buy", qty), situation(facts=known)) == [("warning", "margin")] * remarks


def test_an_account_without_margin_opens_nothing() -> None:
    used = money(margin=MarginSnapshot(id=ACCOUNT, total_used_margin=Decimal(100_000)))
    broke = situation(facts=facts(accounts=[used], net=5))
    assert found(spec("Buy"), broke) == [("error", "margin")]
    assert found(spec("Sell", 5), broke) == []


def test_unknown_margin_is_said() -> None:
    assert found(spec(), situation(listing=listed(margin=None))) == [("note", "margin")]
    assert found(spec(), situation(facts=facts(accounts=[money(margin=None)]))) == [("note", "margin")]


def test_earlier_lines_of_a_file_use_up_margin_and_position() -> None:
    first = situation(limit(max_position=4))
    assert found(spec("Buy", 3), first) == []
    second = first.after(spec("Buy", 3))
    assert found(spec("Buy", 3), second) == [("error", "position"), ("warning", "margin")]
    assert found(spec("Sell", 3), second) == [], "it closes what the first line opens"


def test_earlier_lines_that_go_both_ways_use_up_what_they_come_to() -> None:
    """Of 100,000 dollars five contracts can be held."""
    one_is_held = situation().after(spec("Buy", 3)).after(spec("Sell", 2))
    assert found(spec("Buy", 4), one_is_held) == []
    assert found(spec("Buy", 5), one_is_held) == [("warning", "margin")]
    four_are_held = situation().after(spec("Sell", 1)).after(spec("Buy", 5))
    assert found(spec("Buy", 1), four_are_held) == []
    assert found(spec("Buy", 2), four_are_held) == [("warning", "margin")]
