"""Whether the account's margin is enough for an order, and what earlier lines of a file leave of it."""

import sys
from dataclasses import replace
from decimal import Decimal
from types import FrameType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.orders.situations import (
    ACCOUNT,
    ES_FACTS,
    NQ_FACTS,
    facts,
    found,
    limit,
    listed,
    money,
    order,
    position_limit,
    rich,
    sent,
    situation,
    spec,
)
from trading.orders.checks import Finding, Situation, check
from trading.orders.facts import ContractFacts, PositionFacts
from trading.orders.spec import OrderSpec
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


LISTINGS = {
    one.symbol: one
    for one in (
        listed(),
        listed(symbol="ESH7", counts_as=msgspec.structs.replace(ES_FACTS, id=33)),
        listed(symbol="NQZ6", counts_as=NQ_FACTS, margin=Decimal(30_000)),
        listed(symbol="CLZ6", counts_as=ContractFacts(id=34, product_id=3, product="CL", exchange_id=8), margin=None),
    )
}
LIMITS = [
    position_limit(id=number, total_by=total_by, long_limit=6, short_limit=5, exposed_limit=4, exchange_id=exchange)
    for number, (total_by, exchange) in enumerate(
        [("Contract", None), ("Product", 7), ("ContractGroup", None), ("Exchange", None), ("Overall", 7), (None, None)]
    )
]
some = st.integers(-4, 4)


def holding(net: dict[str, int]) -> Situation:
    """So many contracts are held, orders for ESZ6 work, and all of NQZ6 is being closed."""
    ids = {symbol: listing.id for symbol, listing in LISTINGS.items()}
    known = facts(
        positions=[PositionFacts(account_id=ACCOUNT, contract_id=ids[symbol], net_pos=net[symbol]) for symbol in net],
        contracts=[listing.counts_as for listing in LISTINGS.values()],
        position_limits=LIMITS,
        working=(order(1, "Sell", 2), order(2, "Buy", 1)),
    )
    closing = replace(sent(closes=True), symbol="NQZ6")
    return situation(limit(max_position=3), facts=known, sent=(closing,), contract_ids=ids)


def met(one: OrderSpec, where: Situation) -> list[Finding]:
    return [finding for finding in check(one, where) if finding.field != "margin"]


@given(
    held=st.fixed_dictionaries(dict.fromkeys(LISTINGS, some)),
    lines=st.lists(st.tuples(st.sampled_from(list(LISTINGS)), some.filter(bool)), max_size=8),
)
def test_a_line_meets_what_the_account_holds_once_those_before_it_have_traded(
    held: dict[str, int], lines: list[tuple[str, int]]
) -> None:
    where, net = holding(held), dict(held)
    for symbol, qty in lines:
        where = replace(where, listing=LISTINGS[symbol])
        line = spec("Buy" if qty > 0 else "Sell", abs(qty))
        assert met(line, where) == met(line, replace(holding(net), listing=LISTINGS[symbol]))
        where = where.after(line)
        net[symbol] += qty
    more = {symbol: max(0, abs(net[symbol]) - abs(held[symbol])) for symbol in net}
    needed = sum(qty * (LISTINGS[symbol].margin or 0) for symbol, qty in more.items())
    assert where.holdings.promised == (None if more["CLZ6"] else needed)
    assert where.without([99]).holdings == where.holdings, "added up anew"


def test_a_line_costs_no_more_for_those_before_it() -> None:
    def calls(lines: int) -> int:
        """Of functions, to check a file with so many lines."""
        count = 0

        def counted(_frame: FrameType, event: str, _arg: object) -> None:
            nonlocal count
            count += event == "call"

        where = situation(limit(max_position=9999), facts=rich(position_limits=[position_limit(exposed_limit=9999)]))
        before = sys.getprofile()
        sys.setprofile(counted)
        try:
            for number in range(lines):
                contract = ContractFacts(id=100 + number, product_id=number, product=f"P{number}")
                where = replace(where, listing=listed(counts_as=contract))
                check(spec(), where)
                where = where.after(spec())
        finally:
            sys.setprofile(before)
        return count

    assert calls(200) < 2.1 * calls(100)
