"""Whether the contract trades: known, not expired, in session, on its tick; and the repeated order."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.trading.orders.situations import ES_FACTS, NOW, NQ, facts, found, listed, only, order, sent, situation, spec
from trading.orders.checks import CHECKS_OF_CHANGE, CHECKS_OF_RESUMED, check
from trading.orders.facts import OrderFacts
from trading.orders.spec import LinkedOrder

SATURDAY = dt.datetime(2026, 12, 5, 15, tzinfo=dt.UTC)
CHRISTMAS = dt.datetime(2026, 12, 25, 15, tzinfo=dt.UTC)
LABOR_DAY = dt.datetime(2026, 9, 7, 18, tzinfo=dt.UTC)


def at(moment: dt.datetime, **changes: object):
    later = dt.datetime(2027, 3, 19, tzinfo=dt.UTC)
    marks = facts().marks
    current = facts(heard_at=moment, marks=[type(marks[0])(contract_id=31, price=Decimal(5000), at=moment)], net=2)
    return situation(now=moment, facts=current, listing=listed(expires=later, **changes))


def test_an_unknown_contract_names_others_like_it() -> None:
    finding = only(spec(), situation(listing=None, near=("ESH7", "ESM7")))
    assert finding.is_error
    assert finding.message == "Tradovate knows no contract ESZ6. Did you mean ESH7 or ESM7?"


def test_a_contract_that_could_not_be_looked_up_is_no_error() -> None:
    finding = only(spec(), situation(listing=None, unasked="Tradovate does not answer."))
    assert finding.severity == "warning"
    assert "could not be looked up" in finding.message


def test_an_expired_contract_names_the_front_month() -> None:
    finding = only(spec(), situation(listing=listed(expires=NOW), front_month="ESH7"))
    assert finding.is_error
    assert "ESZ6 expired on 2026-12-02. The front month is ESH7." in finding.message


def test_past_the_first_intent_date_is_a_warning() -> None:
    assert found(spec(), situation(listing=listed(first_intent=NOW))) == [("warning", "symbol")]
    assert found(spec(), situation(listing=listed(first_intent=NOW + dt.timedelta(1)))) == []


@pytest.mark.parametrize(("status", "remarks"), [("Verified", 0), ("ReadyToTrade", 0), ("Locked", 1), ("Inactive", 1)])
def test_a_product_that_tradovate_has_set_aside_is_a_warning(status: str, remarks: int) -> None:
    aside = listed(counts_as=msgspec.structs.replace(ES_FACTS, status=status))
    assert found(spec(), situation(listing=aside)) == [("warning", "symbol")] * remarks


@pytest.mark.parametrize(
    ("terms", "severity"),
    [
        ({}, "error"),
        ({"order_type": "Limit", "price": Decimal(4999), "time_in_force": "IOC"}, "error"),
        ({"order_type": "Limit", "price": Decimal(4999), "time_in_force": "FOK"}, "error"),
        ({"order_type": "Limit", "price": Decimal(4999)}, "warning"),
        ({"order_type": "Stop", "stop_price": Decimal(5001), "time_in_force": "GTC"}, "warning"),
    ],
)
def test_a_closed_market_takes_nothing_that_cannot_wait(terms: dict, severity: str) -> None:
    finding = only(spec(**terms), at(SATURDAY))
    assert (finding.severity, finding.field) == (severity, "session")
    assert "ES is closed: Tradovate refuses orders until Sunday, 2026-12-06 17:00 in Chicago." in finding.message


def test_nobody_is_kept_in_a_position_by_a_schedule() -> None:
    assert found(spec("Sell", 2), at(SATURDAY)) == [("warning", "session")]


def test_a_holiday_is_named() -> None:
    finding = only(spec(), at(CHRISTMAS))
    assert finding.is_error
    assert "closed for Christmas Day: Tradovate refuses orders until Sunday, 2026-12-27 17:00" in finding.message


def test_an_early_halt_is_only_probable() -> None:
    finding = only(spec(), at(LABOR_DAY))
    assert finding.severity == "warning"
    assert "probably stopped early for Labor Day" in finding.message


def test_what_trades_all_day_has_no_weekend() -> None:
    listing = at(SATURDAY).listing
    assert listing is not None
    assert listing.hours is not None
    assert found(spec(), at(SATURDAY, hours=replace(listing.hours, all_day=True))) == []


def test_unknown_hours_are_said() -> None:
    assert found(spec(), situation(listing=listed(hours=None))) == [("note", "session")]
    assert found(spec(), situation(listing=listed(exchange="EUREX"))) == [("note", "session")]


def test_a_price_beside_the_tick_is_an_error() -> None:
    assert found(spec(order_type="Limit", price=Decimal("4999.10")), situation()) == [("error", "price")]
    assert found(spec(order_type="Limit", price=Decimal("4999.25")), situation()) == []


@pytest.mark.parametrize(
    ("before", "repeats"),
    [
        (sent(seconds=0), True),
        (sent(seconds=10), True),
        (sent(seconds=11), False),
        (sent("Sell"), False),
        (sent(qty=2), False),
        (replace(sent(), symbol="ESH7"), False),
    ],
)
def test_the_same_order_again_within_ten_seconds_is_a_warning(before: object, repeats: bool) -> None:
    again = found(spec(), situation(sent=(before,)))
    assert again == ([("warning", "order_qty")] if repeats else [])


def elsewhere(action: str = "Buy", left: int = 1, seconds: float = 3, **changes: Any) -> OrderFacts:
    """An order for ES that was placed in Tradovate's own app."""
    told = {"at": NOW - dt.timedelta(seconds=seconds), "is_elsewhere": True, **changes}
    return msgspec.structs.replace(order(7, action, left), **told)


@pytest.mark.parametrize(
    ("before", "repeats"),
    [
        (elsewhere(), True),
        (elsewhere(seconds=10), True),
        (elsewhere(seconds=-2), True),
        (elsewhere(left=0, filled=1), True),
        (elsewhere(seconds=11), False),
        (elsewhere(seconds=-3600), False),
        (elsewhere("Sell"), False),
        (elsewhere(left=2), False),
        (elsewhere(left=0), False),
        (elsewhere(contract_id=NQ), False),
        (elsewhere(account_id=1002), False),
        (elsewhere(at=None), False),
        (elsewhere(is_elsewhere=False), False),
    ],
)
def test_so_is_one_that_was_made_elsewhere_within_ten_seconds(before: OrderFacts, repeats: bool) -> None:
    where = situation(facts=facts(working=(before,)))
    assert found(spec(), where) == ([("warning", "order_qty")] if repeats else [])
    if repeats:
        assert "s ago in DEMO1001, outside Tradeport" in only(spec(), where).message


def test_an_order_of_ours_is_told_as_such_though_tradovate_tells_of_it_without_our_mark() -> None:
    where = situation(sent=(sent(order_id=7),), facts=facts(working=(elsewhere(),)))
    assert "outside" not in only(spec(), where).message
    closing = sent(action="", qty=0, order_id=7, closes=True)
    assert found(spec(), situation(sent=(closing,), facts=facts(working=(elsewhere(left=0, filled=1),)))) == []


@pytest.mark.parametrize(("minutes", "passed"), [(-60 * 24, True), (0, True), (1, False)])
def test_an_order_that_lasts_until_a_date_has_some_of_it_left(minutes: int, passed: bool) -> None:
    until = NOW + dt.timedelta(minutes=minutes)
    order = spec(order_type="Limit", price=Decimal(5000), time_in_force="GTD", expire_time=until)
    assert found(order, situation()) == ([("error", "expire_time")] if passed else [])
    other = LinkedOrder(action="Sell", order_type="Limit", price=Decimal(5010), time_in_force="GTD", expire_time=until)
    pair = spec(order_type="Limit", price=Decimal(4990), other=other)
    assert found(pair, situation()) == ([("error", "other.expire_time")] if passed else [])


def test_a_date_that_has_passed_is_told_with_what_to_do() -> None:
    order = spec(order_type="Limit", price=Decimal(5000), time_in_force="GTD", expire_time=NOW)
    words = "expireTime 2026-12-02 15:00 UTC has passed: choose a later one, or another time in force."
    assert only(order, situation()).message == words
    for checks in (CHECKS_OF_CHANGE, CHECKS_OF_RESUMED):
        assert words in [finding.message for finding in check(order, situation(), checks)]
