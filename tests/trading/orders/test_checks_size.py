"""How much an order may be: the limits of one order and of the position, and what is an exit."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.orders.situations import (
    NOW,
    facts,
    found,
    limit,
    limited,
    money,
    order,
    position_limit,
    rich,
    sent,
    situation,
    spec,
)
from trading.orders.checks import Situation, check
from trading.orders.checks.exposure import Exposure
from trading.orders.limits import strictest
from trading.orders.spec import LinkedOrder


@pytest.mark.parametrize(
    ("qty", "own", "words"),
    [
        (50, None, ""),
        (51, None, "exceed this portal's limit of 50"),
        (5, 5, ""),
        (6, 5, "your limit is 5 in one order (each account, each product)"),
        (51, 60, "exceed this portal's limit of 50"),
    ],
)
def test_one_order_has_a_largest_size(qty: int, own: int | None, words: str) -> None:
    limits = [limit(max_order_qty=own)] if own else []
    said = [finding for finding in check(spec(qty=qty), situation(*limits, facts=rich())) if finding.is_error]
    assert len(said) == bool(words)
    assert not words or words in said[0].message


def test_an_exit_may_be_larger_than_one_order_should_be() -> None:
    own = situation(limit(max_order_qty=5), facts=rich(net=-80))
    assert found(spec("Buy", 80), own) == [("warning", "order_qty")]
    assert found(spec("Buy", 81), own) == [("error", "order_qty")]


@pytest.mark.parametrize(
    ("where", "qty", "is_too_much"),
    [
        ({}, 3, False),
        ({}, 4, True),
        ({"net": 2}, 1, False),
        ({"net": 2}, 2, True),
        ({"net": -2}, 5, False),
        ({"working": (order(1, "Buy", 2),)}, 2, True),
        ({"working": (order(1, "Sell", 2),)}, 3, False),
        ({"working": (order(1, "Buy", 2, oco_id=2), order(2, "Buy", 2, oco_id=1))}, 1, False),
        ({"other": 3}, 3, False),
    ],
)
def test_the_position_that_may_come_of_it_has_a_limit(where: dict, qty: int, is_too_much: bool) -> None:
    own = situation(limit(max_position=3), facts=rich(**where))
    assert found(spec("Buy", qty), own) == ([("error", "position")] if is_too_much else [])


def test_both_sides_of_a_pair_count_and_one_side_counts_once() -> None:
    breakout = spec(
        "Buy",
        3,
        order_type="Stop",
        stop_price=Decimal(5010),
        other=LinkedOrder(action="Sell", order_type="Stop", stop_price=Decimal(4990)),
    )
    assert found(breakout, situation(limit(max_position=3), facts=rich())) == []
    assert found(breakout, situation(limit(max_position=3), facts=rich(net=-1))) == [("error", "position")]
    exits = spec(
        "Sell",
        3,
        order_type="Limit",
        price=Decimal(5010),
        other=LinkedOrder(action="Sell", order_type="Stop", stop_price=Decimal(4990)),
    )
    assert found(exits, situation(limit(max_position=1), facts=rich(net=3))) == []
    assert found(exits, situation(limit(max_position=3), facts=rich())) == []


@pytest.mark.parametrize("shown", [(), (1,), (2,), (1, 2)])
def test_a_pair_under_way_counts_on_its_sides_whatever_the_hub_has_heard_of_it(shown: tuple[int, ...]) -> None:
    """The broker shows its orders one after the other."""

    def with_pair(*sides: str) -> Situation:
        ours = tuple(
            sent(side, 2, order_id=number, intent_id=10 + number, pair=11) for number, side in enumerate(sides, 1)
        )
        working = tuple(order(number, sides[number - 1], 2) for number in shown)
        return situation(limit(max_position=2), facts=rich(net=0, working=working), sent=ours)

    breakout, exits = with_pair("Buy", "Sell"), with_pair("Sell", "Sell")
    assert found(spec("Sell", 1), breakout) == found(spec("Buy", 1), breakout) == [("error", "position")]
    assert found(spec("Sell", 1), exits) == [("error", "position")]
    assert found(spec("Buy", 2), exits) == []
    held = replace(exits, facts=rich(net=3, working=tuple(exits.facts.orders)))
    assert held.is_exit(spec("Sell", 1))
    assert not held.is_exit(spec("Sell", 2))


def test_what_a_fill_sends_on_the_same_side_comes_on_top() -> None:
    entry = {"order_type": "Limit", "price": Decimal(4999)}
    again = LinkedOrder(action="Buy", order_type="Limit", price=Decimal(4990))
    closes = LinkedOrder(action="Sell", order_type="Limit", price=Decimal(5010))
    where = situation(limit(max_position=3), facts=rich())
    assert found(spec("Buy", 2, triggers=(again,), **entry), where) == [("error", "position")]
    assert found(spec("Buy", 3, triggers=(closes,), **entry), where) == []


def test_an_order_under_way_counts_until_the_broker_shows_it() -> None:
    own = {"sent": (sent(qty=3, order_id=7, seconds=20),)}
    assert found(spec(qty=1), situation(limit(max_position=3), facts=rich(), **own)) == [("error", "position")]
    shown = rich(working=(order(7, "Buy", 0),))
    assert found(spec(qty=1), situation(limit(max_position=3), facts=shown, **own)) == []


@pytest.mark.parametrize(("ago", "counts"), [(1, True), (20, False)])
def test_an_order_that_has_ended_counts_until_the_figures_are_those_after_it(ago: float, counts: bool) -> None:
    """The hub names the newest orders only: in a busy minute one that has filled is not among them any more."""
    ended = NOW - dt.timedelta(seconds=ago)
    over = (sent("Sell", 2, seconds=40, order_id=7, ended_at=ended),)
    where = situation(limit(max_position=3), facts=rich(net=3), sent=over)
    assert where.is_exit(spec("Sell", 3)) is not counts
    closed = situation(facts=rich(net=3), sent=(sent("", 0, order_id=8, closes=True, ended_at=ended),))
    assert closed.is_exit(spec("Sell", 3)) is not counts
    bought = (sent("Buy", 2, seconds=40, order_id=7, ended_at=ended),)
    refused = found(spec("Buy", 1), situation(limit(max_position=3), facts=rich(net=2), sent=bought))
    assert refused == ([("error", "position")] if counts else [])


def test_a_position_beyond_its_limit_may_become_smaller_but_not_larger() -> None:
    own = situation(limit(max_position=3), facts=rich(net=10))
    assert found(spec("Sell", 10), own) == []
    assert found(spec("Buy", 1), own) == [("error", "position")]
    assert found(spec("Sell", 14), own) == [("error", "position")]
    assert found(spec("Sell", 12), own) == [], "the other side stays within the limit"


quantities = st.integers(-30, 30)


@given(net=quantities, qty=st.integers(1, 30), action=st.sampled_from(["Buy", "Sell"]))
def test_an_exit_is_what_leaves_less_on_the_same_side(net: int, qty: int, action: str) -> None:
    after = net + (qty if action == "Buy" else -qty)
    leaves_less = net != 0 and abs(after) < abs(net) and after * net >= 0
    assert situation(facts=facts(net=net)).is_exit(spec(action, qty)) is leaves_less


@given(held=st.integers(1, 30), working=st.integers(0, 30), sent_too=st.integers(0, 30), qty=st.integers(1, 30))
def test_exits_that_together_exceed_the_position_are_none_any_more(
    held: int, working: int, sent_too: int, qty: int
) -> None:
    under_way = (sent("Sell", sent_too),) if sent_too else ()
    where = situation(facts=facts(net=held, working=(order(1, "Sell", working), order(2, "Buy", 3))), sent=under_way)
    assert where.is_exit(spec("Sell", qty)) is (working + sent_too + qty <= held)


def test_a_pair_of_exits_that_works_counts_once() -> None:
    pair = (order(1, "Sell", 2, oco_id=2), order(2, "Sell", 2, oco_id=1))
    where = situation(facts=facts(net=3, working=pair))
    assert where.is_exit(spec("Sell", 1))
    assert not where.is_exit(spec("Sell", 2))


def test_beside_an_order_whose_contracts_nobody_knows_nothing_is_an_exit() -> None:
    """The stop of an earlier day may come without its terms: both would trade, and turn the position around."""
    lost = facts(net=2, working=(order(7, "Sell", None),), accounts=[money(realized_pnl=Decimal(-900))])
    where = situation(limit(daily_loss=Decimal(500)), facts=lost)
    loss, unknown = sorted(check(spec("Sell", 2), where), key=lambda finding: finding.severity.value)
    assert "How much of order 7 may still trade is not known: cancel it, or flatten" in loss.message
    assert "7 (orders) is not known and was not counted" in unknown.message
    assert where.without([7]).is_exit(spec("Sell", 2))
    assert situation(facts=facts(net=2, working=(order(7, "Buy", None),))).is_exit(spec("Sell", 2))
    assert situation(facts=facts(net=2, working=(order(7, "Sell", None, contract_id=32),))).is_exit(spec("Sell", 2))


def test_an_order_of_ours_whose_terms_the_hub_has_not_heard_yet_counts_as_it_was_sent() -> None:
    where = situation(facts=facts(net=3, working=(order(7, "Sell", None),)), sent=(sent("Sell", 2, order_id=7),))
    assert where.is_exit(spec("Sell", 1))
    assert not where.is_exit(spec("Sell", 2))


def test_a_change_that_may_not_be_taken_does_not_say_what_an_order_has() -> None:
    lost = facts(net=5, working=(order(7, "Sell", None),))
    assert not situation(facts=lost, sent=(sent("Sell", 1, changes=7),)).is_exit(spec("Sell", 4))
    # ... but what Tradovate itself has just said of it does.
    where = situation(facts=lost, sent=(sent("Sell", 3, order_id=7, changes=7),))
    assert where.is_exit(spec("Sell", 2))
    assert not where.is_exit(spec("Sell", 3))


@given(net=quantities, buys=st.integers(0, 30), sells=st.integers(0, 30), qty=st.integers(1, 30))
def test_the_largest_position_is_one_that_fills_can_reach(net: int, buys: int, sells: int, qty: int) -> None:
    exposure = Exposure(net, buys, sells)
    reachable = [net + bought - sold for bought in (0, buys) for sold in (0, sells)]
    assert exposure.long == max(0, *reachable)
    assert exposure.short == max(0, *(-one for one in reachable))
    assert exposure.with_order(spec("Buy", qty)).long == max(0, net + buys + qty)
    assert exposure.with_order(spec("Buy", qty)).short == exposure.short


@given(
    net=quantities,
    qty=st.integers(1, 30),
    action=st.sampled_from(["Buy", "Sell"]),
    own=st.integers(0, 20),
    lost=st.integers(0, 2000),
    price=st.integers(3000, 7000),
)
def test_an_exit_is_never_forbidden_by_money_or_size(
    net: int, qty: int, action: str, own: int, lost: int, price: int
) -> None:
    broke = money(cash=Decimal(0), realized_pnl=Decimal(-lost))
    where = situation(
        limit(max_position=own, max_order_qty=own or None, daily_loss=Decimal(500), collar_ticks=4),
        facts=facts(accounts=[broke], net=net, position_limits=[position_limit(exposed_limit=own)]),
    )
    one = limited(action, str(price)) if qty == 1 else spec(action, qty)
    if where.is_exit(one):
        assert not any(finding.is_error for finding in check(one, where))


limits_of_somebody = st.builds(
    limit,
    product=st.sampled_from(["", "ES", "NQ"]),
    account_id=st.sampled_from([None, 1, 2]),
    set_by=st.sampled_from(["trader", "staff"]),
    max_order_qty=st.none() | st.integers(1, 50),
    daily_loss=st.none() | st.integers(1, 5000).map(Decimal),
)


@given(limits=st.lists(limits_of_somebody, max_size=6), more=limits_of_somebody)
def test_another_limit_never_loosens_what_holds(limits: list, more: Any) -> None:
    def figures(some: list) -> tuple[float, float]:
        # What hangs on an account's name is not looked up here.
        for one in some:
            one._state.fields_cache["account"] = None
        rules = strictest(some, 1, "ES", NOW)
        qty, loss = rules.max_order_qty, rules.daily_loss
        return (qty.value if qty else float("inf"), float(loss.value) if loss else float("inf"))

    before, after = figures(limits), figures([*limits, more])
    assert all(one <= other for one, other in zip(after, before, strict=True))
    applies = more.account_id in (None, 1) and more.product in ("", "ES")
    if not applies:
        assert after == before
