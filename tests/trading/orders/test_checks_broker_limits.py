"""Tradovate's own limits: positions, sizes and months that its risk settings allow."""

import datetime as dt
from typing import Any

import pytest

from tests.trading.orders.situations import (
    ACCOUNT,
    NOW,
    NQ_FACTS,
    facts,
    found,
    listed,
    money,
    position_limit,
    rich,
    situation,
    spec,
)
from trading.orders.broker_limits import in_words
from trading.orders.checks import Situation
from trading.tradovate.entities import AccountRiskStatus, UserAccountRiskParameter


def broker(limits: list[Any], parameters: list[Any] = [], **changes: Any) -> Situation:  # noqa: B006 - never changed
    return situation(facts=rich(position_limits=limits, risk_parameters=parameters, **changes))


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"exposed_limit": 2}, [("error", "position")]),
        ({"long_limit": 2}, [("error", "position")]),
        ({"short_limit": 2}, []),
        ({"exposed_limit": 3}, []),
        ({"exposed_limit": 2, "active": False}, []),
        ({"exposed_limit": 2, "account_id": 9}, []),
        ({"exposed_limit": 2, "product_id": 2}, []),
        ({"exposed_limit": 2, "product_id": 1}, [("error", "position")]),
        ({"exposed_limit": 6, "total_by": "Overall"}, [("error", "position")]),
        ({"exposed_limit": 6, "total_by": "Exchange"}, [("error", "position")]),
        ({"exposed_limit": 6, "total_by": "Product"}, []),
        ({"exposed_limit": 7, "total_by": "Overall"}, []),
    ],
)
def test_tradovates_position_limits_add_up_what_they_name(terms: dict, expected: list) -> None:
    assert found(spec("Buy", 3), broker([position_limit(**terms)], other=4)) == expected
    assert found(spec("Sell", 1), broker([position_limit(**terms)], net=9)) == [], "an exit passes"


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"max_opening_order_qty": 2}, [("error", "order_qty")]),
        ({"max_opening_order_qty": 3}, []),
        ({"max_closing_order_qty": 2}, []),
        ({"max_back_month": 1}, []),
        ({"pre_expiration_days": 20}, [("error", "symbol")]),
        ({"pre_expiration_days": 10}, []),
        ({"max_opening_order_qty": 2, "contract_id": 99}, []),
    ],
)
def test_tradovates_risk_parameters(terms: dict, expected: list) -> None:
    parameter = UserAccountRiskParameter(id=5, user_account_position_limit_id=1, **terms)
    assert found(spec("Buy", 3), broker([position_limit(exposed_limit=99)], [parameter])) == expected


def test_a_back_month_too_far_ahead_is_refused() -> None:
    parameter = UserAccountRiskParameter(id=5, user_account_position_limit_id=1, max_back_month=1)
    far = listed(expires=dt.datetime(2027, 3, 19, tzinfo=dt.UTC))
    where = situation(
        listing=far, facts=rich(position_limits=[position_limit(exposed_limit=9)], risk_parameters=[parameter])
    )
    assert found(spec(), where) == [("error", "symbol")]


def test_a_soft_limit_warns_and_a_closing_order_too_large_is_told_to_split() -> None:
    soft = UserAccountRiskParameter(id=5, user_account_position_limit_id=1, hard_limit=False, max_closing_order_qty=2)
    assert found(spec("Buy", 3), broker([position_limit(exposed_limit=2)], [soft])) == [("warning", "position")]
    assert found(spec("Sell", 3), broker([position_limit(exposed_limit=2)], [soft], net=3)) == [
        ("warning", "order_qty")
    ]


def test_limits_that_tradovate_has_not_told_yet_are_said() -> None:
    assert found(spec(), situation(facts=facts(position_limits=None))) == [("note", "position")]


def test_what_a_held_contract_counts_towards_is_known_from_the_facts() -> None:
    assert NQ_FACTS in situation().holdings.counts_as.values()


@pytest.mark.parametrize(("minutes", "words"), [(0, ["The account may only reduce positions."]), (1, [])])
def test_an_account_is_left_exits_only_from_the_time_on_that_tradovate_names(minutes: int, words: list[str]) -> None:
    status = AccountRiskStatus(id=ACCOUNT, liquidate_only=NOW + dt.timedelta(minutes=minutes))
    assert in_words(facts(), money(status=status), {}, NOW) == words
