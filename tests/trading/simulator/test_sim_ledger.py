"""Whatever is traded, the account adds up to the cent."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trading.simulator.ledger import CENT, Ledger

TICK_VALUES = [Decimal("12.50"), Decimal(5), Decimal("1.25"), Decimal("7.8125"), Decimal("15.625"), Decimal("31.25")]

fills = st.lists(
    st.tuples(st.booleans(), st.integers(1, 50), st.integers(1, 100_000), st.integers(0, 2)), min_size=1, max_size=40
)


def run(trades: list[tuple[bool, int, int, int]], tick_values: list[Decimal]) -> tuple[Ledger, list]:
    ledger = Ledger.opened(1, Decimal(100_000))
    pairs = []
    for number, (buy, qty, price, contract) in enumerate(trades):
        holding = ledger.holding(contract, tick_values[contract])
        pairs += ledger.apply(holding, number, buy=buy, qty=qty, price=price, fee=Decimal("0.87") * qty)
    return ledger, pairs


@given(fills, st.lists(st.sampled_from(TICK_VALUES), min_size=3, max_size=3))
def test_cash_is_deposit_plus_booked_pairs_minus_fees(trades, tick_values) -> None:
    ledger, pairs = run(trades, tick_values)
    fees = sum(Decimal("0.87") * qty for _, qty, _, _ in trades)
    assert ledger.realized == sum((pair.pnl for pair in pairs), Decimal(0))
    assert ledger.cash == Decimal(100_000) + ledger.realized - fees
    assert ledger.cash == ledger.cash.quantize(CENT)


@given(fills, st.integers(1, 100_000))
def test_cash_and_open_value_are_what_every_fill_is_worth_at_the_mark(trades, mark) -> None:
    tick_values = [Decimal("12.50"), Decimal(5), Decimal("0.50")]  # whole cents: nothing is ever rounded
    ledger, _ = run(trades, tick_values)
    worth = sum((mark - price) * (qty if buy else -qty) * tick_values[c] for buy, qty, price, c in trades)
    fees = sum(Decimal("0.87") * qty for _, qty, _, _ in trades)
    opened = sum(holding.open_pnl(mark) for holding in ledger.holdings.values())
    assert ledger.cash + opened == Decimal(100_000) + worth - fees


@given(fills, st.integers(0, 40))
def test_net_is_bought_minus_sold_plus_what_was_carried_over(trades, cut) -> None:
    ledger, _ = run(trades[:cut], [Decimal(5)] * 3)
    ledger.close_day(new_week=False)
    for number, (buy, qty, price, contract) in enumerate(trades[cut:], start=cut):
        holding = ledger.holding(contract, Decimal(5))
        ledger.apply(holding, number, buy=buy, qty=qty, price=price, fee=Decimal(0))
    for holding in ledger.holdings.values():
        assert holding.net == holding.bought - holding.sold + holding.prev_net
        assert sum(lot.qty for lot in holding.lots) == abs(holding.net)


@given(fills)
def test_pairs_close_the_oldest_lot_first_and_no_fill_twice(trades) -> None:
    one = [(buy, qty, price, 0) for buy, qty, price, _ in trades]
    _, pairs = run(one, [Decimal(5)] * 3)
    used: dict[int, int] = {}
    for pair in pairs:
        for fill_id in (pair.buy_fill_id, pair.sell_fill_id):
            used[fill_id] = used.get(fill_id, 0) + pair.qty
        assert one[pair.buy_fill_id][0]
        assert not one[pair.sell_fill_id][0]
        assert (pair.buy_price, pair.sell_price) == (one[pair.buy_fill_id][2], one[pair.sell_fill_id][2])
    assert all(qty <= one[fill_id][1] for fill_id, qty in used.items())
    opened = [min(pair.buy_fill_id, pair.sell_fill_id) for pair in pairs]
    assert opened == sorted(opened)


def test_a_pair_is_worth_its_ticks() -> None:
    _, pairs = run([(True, 2, 27_400, 0), (False, 3, 27_404, 0)], [Decimal("12.50")] * 3)
    assert [(pair.qty, pair.pnl) for pair in pairs] == [(2, Decimal("100.00"))]


def test_half_cents_are_rounded_once_for_each_pair() -> None:
    ledger, pairs = run([(True, 1, 100, 0), (False, 1, 101, 0)], [Decimal("7.8125")] * 3)
    assert pairs[0].pnl == Decimal("7.81")
    assert ledger.realized == Decimal("7.81")


def test_a_day_that_is_opened_again_holds_what_was_carried_over() -> None:
    ledger = Ledger.opened(1, Decimal(10_000))
    holding = ledger.holding(7, Decimal("12.5"))
    for number, price in enumerate((100, 101, 103), start=1):
        ledger.apply(holding, number, buy=True, qty=1, price=price, fee=Decimal(1))
    ledger.close_day(new_week=False)
    carried = ledger.cash, holding.net, holding.cost
    ledger.apply(holding, 4, buy=False, qty=5, price=110, fee=Decimal(2))
    ledger.reopen_day(9)
    assert (ledger.cash, holding.net, holding.cost) == carried
    assert (ledger.realized, ledger.week_realized, ledger.fees, holding.sold) == (0, 0, 0, 0)
    assert sum(lot.qty for lot in holding.lots) == 3
