"""The book's money: marks, profit and loss, margin, limits and equity, as pages show them."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from tests.trading.sync.entities import (
    ACCOUNT,
    CASH,
    DECEMBER,
    ES,
    ESZ6,
    NOON,
    book,
    fee,
    fill,
    order,
    position,
    quote,
    told,
)
from trading.sync.book import Book
from trading.sync.equity import EquitySampler
from trading.sync.fact_sheet import facts_of
from trading.sync.recording import records
from trading.sync.records import AccountRecord
from trading.tradovate.entities import (
    Account,
    AccountRiskStatus,
    FillFee,
    Level,
    MarginSnapshot,
    Quote,
    QuoteEntries,
    SyncSnapshot,
    TradeDate,
    UserAccountAutoLiq,
)


def test_open_and_day_profit_and_net_liquidation_are_exact() -> None:
    made = book(CASH, position(-3), MarginSnapshot(id=7, total_used_margin=Decimal(6600), timestamp=NOON))
    changes = made.mark([quote("4990.50")])
    # (4990.50 - 5000.25) x 50 x -3
    assert changes.rows["position:71"]["open_pnl"] == "+1,462.50"
    row = changes.rows["account:7"]
    assert row["open_pnl"] == "+1,462.50"
    assert row["day_pnl"] == "+1,450.00"
    assert row["net_liq"] == "101,462.60"
    assert row["cash"] == "100,000.10"
    assert row["margin_used"] == "6,600.00"
    assert (changes.rows["position:71"]["side"], changes.rows["position:71"]["qty"]) == ("Short", "3")


@pytest.mark.parametrize(("net", "open_pnl", "net_liq"), [(2, "+125.00", "101,150.10"), (-1, "-62.50", "99,425.10")])
def test_an_option_is_worth_its_price_for_its_premium_is_out_of_cash_already(
    net: int, open_pnl: str, net_liq: str
) -> None:
    made = book(msgspec.structs.replace(ES, product_type="Options"), CASH, position(net, "10.25"))
    made.mark([quote("11.50")])
    row = made.rows["account:7"]
    # (11.50 - 10.25) x 50 a contract; and cash + 11.50 x 50 a contract
    assert (row["open_pnl"], row["net_liq"]) == (open_pnl, net_liq)
    assert made.equity(NOON)[0].net_liq == facts_of(made, NOON).accounts[0].net_liq == Decimal(net_liq.replace(",", ""))


@pytest.mark.parametrize(
    ("tick_size", "value_per_point", "bought", "mark", "net", "open_pnl"),
    [
        # ZN: halves of 32nds. 6J: 12.5 million yen. NG, GC, MBT and a bond in 32nds.
        ("0.015625", "1000", "110.484375", "110.515625", 3, "+93.75"),
        ("0.0000005", "12500000", "0.0066215", "0.0066205", -2, "+25.00"),
        ("0.001", "10000", "3.141", "3.139", 1, "-20.00"),
        ("0.1", "100", "2033.366666666667", "2033.1", 3, "-80.00"),
        ("5", "0.1", "91235", "91210", -7, "+17.50"),
        ("0.03125", "1000", "117.25", "117.28125", -1, "-31.25"),
    ],
)
def test_open_profit_is_exact_whatever_the_tick(
    tick_size: str, value_per_point: str, bought: str, mark: str, net: int, open_pnl: str
) -> None:
    product = msgspec.structs.replace(ES, tick_size=Decimal(tick_size), value_per_point=Decimal(value_per_point))
    made = book(product, CASH, position(net, bought))
    made.mark([quote(mark)])
    assert made.rows["position:71"]["open_pnl"] == made.rows["account:7"]["open_pnl"] == open_pnl
    assert made.rows["position:71"]["mark"] == mark


def test_before_the_first_closed_trade_of_a_session_nothing_is_realized() -> None:
    """Tradovate leaves the figure out then (guide, CashBalance, CashBalanceSnapshot)."""
    unsaid = msgspec.structs.replace(CASH, realized_pnl=None)
    made = book(unsaid, position(2), UserAccountAutoLiq(id=7, daily_loss_auto_liq=Decimal(500)))
    made.mark([quote("4999.25")])
    row = made.rows["account:7"]
    assert (row["open_pnl"], row["day_pnl"], row["day_net"], row["loss_left"]) == ("-100.00",) * 3 + ("400.00",)


def left(made: Book) -> tuple[str, str, str, str]:
    row = made.rows["account:7"]
    return row["loss_left"], row["loss_limit"], row["drawdown_left"], row["drawdown_limit"]


def test_margin_in_use_leaves_an_excess() -> None:
    made = book(CASH, MarginSnapshot(id=7, total_used_margin=Decimal(6600), timestamp=NOON))
    assert made.rows["account:7"]["excess"] == "93,400.10"
    assert book(CASH).rows["account:7"]["excess"] == "—"


def test_what_may_still_be_lost_before_tradovate_acts_is_told_as_limits_and_figures_change() -> None:
    made = book(CASH)
    assert left(made) == ("—",) * 4
    limits = {"daily_loss_auto_liq": Decimal(-600), "daily_loss_liq_only": Decimal(500), "weekly_loss_auto_liq": 1}
    made.apply(told(UserAccountAutoLiq(id=7, **limits, trailing_max_drawdown=Decimal(2000))))
    assert left(made) == ("487.50", "500.00", "—", "2,000.00")
    changes = made.apply(told(AccountRiskStatus(id=7, max_net_liq=Decimal(101000))))
    assert changes.rows["account:7"]["drawdown_left"] == "1,000.10"
    made.apply(told(AccountRiskStatus(id=7, max_net_liq=Decimal(101000), min_net_liq=Decimal(98500))))
    assert left(made)[2] == "1,500.10"
    made.apply(told(fill(90), order("Filled"), position(1)))
    made.apply(told(fee(90)))
    made.mark([quote("4980.25")])
    # 20 points lost and 1.72 of fees, besides the 12.50 before
    assert left(made) == ("-514.22", "500.00", "500.10", "2,000.00")
    made.apply(told(fill(91, order_id=999)))
    assert made.rows["account:7"]["fees"] == "—"
    assert left(made)[0] == "-514.22", "the fees that are known are lost all the same"
    made.apply(told(UserAccountAutoLiq(id=7, daily_loss_auto_liq=Decimal(0))))
    assert left(made) == ("—",) * 4


def test_a_drawdowns_level_stops_where_tradovate_says() -> None:
    made = book(CASH, AccountRiskStatus(id=7, max_net_liq=Decimal(110000)))
    limits = {"trailing_max_drawdown": Decimal(2000), "trailing_max_drawdown_limit": Decimal(99000)}
    made.apply(told(UserAccountAutoLiq(id=7, **limits)))
    assert left(made)[2] == "1,000.10"


def test_what_is_not_known_is_a_dash_and_never_zero() -> None:
    row = book().rows["account:7"]
    assert (row["cash"], row["net_liq"], row["day_pnl"], row["margin_used"]) == ("—",) * 4
    unmarked = book(CASH, position(1)).rows
    assert (unmarked["position:71"]["mark"], unmarked["position:71"]["open_pnl"]) == ("—", "—")
    assert (unmarked["account:7"]["net_liq"], unmarked["account:7"]["day_pnl"]) == ("—", "—")
    assert unmarked["account:7"]["cash"] == "100,000.10"


def test_without_a_live_quote_what_is_known_of_prices_stands_in_and_says_so() -> None:
    def shown(made: Book) -> tuple[str, str, str, str]:
        row = made.rows["position:71"]
        return row["mark"], row["mark_source"], row["open_pnl"], made.rows["account:7"]["estimate"]

    carried = msgspec.structs.replace(position(2), prev_price=Decimal("4990.25"), prev_pos=2)
    made = book(CASH, carried)
    assert shown(made) == ("4990.25", "previous day", "-1,000.00", "1")
    made.apply(told(fill(90, price="5001.25", timestamp=NOON)))
    assert shown(made) == ("5001.25", "last fill", "+100.00", "1")
    made.apply(told(fill(89, price="5555", timestamp=NOON - timedelta(seconds=1))))
    assert shown(made)[0] == "5001.25"
    made.mark([quote("5010.25", at=NOON + timedelta(seconds=1))])
    assert shown(made) == ("5010.25", "", "+1,000.00", "")
    changes = made.unmark({3})
    assert changes.rows["position:71"]["mark_source"] == "last quote"
    assert shown(made) == ("5010.25", "last quote", "+1,000.00", "1")
    made.apply(told(fill(91, price="5011.25", timestamp=NOON + timedelta(seconds=2))))
    assert shown(made)[:2] == ("5011.25", "last fill")
    made.apply(told(fill(91, price="5011.25", timestamp=NOON + timedelta(seconds=2), active=False)))
    assert shown(made)[:2] == ("5010.25", "last quote")


def test_after_a_reconnect_the_last_quote_stands_in_until_quotes_come_again() -> None:
    day = [fill(90, price="5001.25", timestamp=NOON), position(2), CASH]
    made = book(*day)
    made.mark([quote("5010.25", at=NOON + timedelta(seconds=1))])
    snapshot = SyncSnapshot(products=[ES], contract_maturities=[DECEMBER], contracts=[ESZ6], accounts=[ACCOUNT])
    fresh = Book.load(msgspec.structs.replace(snapshot, fills=day[:1], positions=day[1:2], cash_balances=day[2:]), made)
    row = fresh.rows["position:71"]
    assert (row["mark"], row["mark_source"], row["open_pnl"]) == ("5010.25", "last quote", "+1,000.00")
    assert fresh.rows["account:7"]["estimate"] == "1"
    # None of it is a price to check an order by.
    assert fresh.marks.live() == []
    fresh.mark([quote("5010.25", at=NOON + timedelta(seconds=1))])
    assert fresh.rows["position:71"]["mark_source"] == ""


def test_a_delayed_quote_marks_as_one_and_only_while_nothing_newer_is_known() -> None:
    def shown() -> tuple[str, str, str]:
        return (
            made.rows["position:71"]["mark"],
            made.rows["position:71"]["mark_source"],
            made.rows["account:7"]["estimate"],
        )

    made = book(CASH, position(2), fill(90, price="5001.25", timestamp=NOON))
    made.mark([quote("4990.25", at=NOON - timedelta(minutes=10))], are_late=True)
    assert shown() == ("5001.25", "last fill", "1")
    made.mark([quote("4990.25", at=NOON + timedelta(seconds=1))], are_late=True)
    assert shown() == ("4990.25", "delayed", "1")
    assert (made.late_symbols(), made.marks.live()) == (["ESZ6"], [])
    made.apply(told(fill(91, price="5011.25", timestamp=NOON + timedelta(seconds=2))))
    assert shown() == ("5011.25", "last fill", "1")
    # The trader's subscription is a real-time one from now on.
    made.mark([quote("4990.25", at=NOON + timedelta(seconds=1))])
    assert shown() == ("4990.25", "", "")
    assert made.late_symbols() == []


def test_the_days_profit_is_told_before_and_after_its_fees() -> None:
    made = book(CASH, order("Filled"), position(0))
    assert (made.rows["account:7"]["fees"], made.rows["account:7"]["day_net"]) == ("0.00", "-12.50")
    made.apply(told(fill(90)))
    assert (made.rows["account:7"]["fees"], made.rows["account:7"]["day_net"]) == ("—", "—")
    changes = made.apply(told(fee(90)))
    assert changes.touched == {(FillFee, 90)}
    assert changes.rows["fill:90"]["fee"] == "1.72"
    row = changes.rows["account:7"]
    assert (row["day_pnl"], row["fees"], row["day_net"]) == ("-12.50", "1.72", "-14.22")
    made.apply(told(fee(91), fill(91)))
    assert made.rows["account:7"]["fees"] == "3.44"
    made.apply(told(fill(91, active=False)))
    assert made.rows["account:7"]["fees"] == "1.72"


def test_what_was_gained_on_an_earlier_day_is_none_of_todays() -> None:
    made = book(CASH, UserAccountAutoLiq(id=7, daily_loss_auto_liq=Decimal(500)))
    assert (made.rows["account:7"]["day_pnl"], left(made)[0]) == ("-12.50", "487.50")
    # Another account's cash tells that the next day has begun.
    other = Account(id=8, name="DEMO8")
    made.apply(told(other))
    tomorrow = TradeDate(year=2026, month=11, day=23)
    made.apply(told(msgspec.structs.replace(CASH, id=71, account_id=8, trade_date=tomorrow)))
    assert (made.rows["account:7"]["day_pnl"], left(made)[0]) == ("0.00", "500.00")
    assert made.rows["account:7"]["cash"] == "100,000.10"
    assert made.rows["account:8"]["day_pnl"] == "-12.50"


def test_a_flat_position_is_gone_and_needs_no_quote() -> None:
    made = book(CASH, position(2))
    assert made.open_contracts() == {3}
    changes = made.apply(told(position(0, seconds=1)))
    assert changes.gone == ["position:71"]
    assert changes.rows["account:7"]["net_liq"] == "100,000.10"
    assert made.open_contracts() == set()


def test_the_settlement_marks_until_the_first_trade() -> None:
    made = book(CASH, position(1))
    entries = QuoteEntries(settlement_price=Level(price=Decimal("5001.25")), bid=Level(price=Decimal(1)))
    made.mark([Quote(contract_id=3, timestamp=NOON, entries=entries)])
    assert made.rows["position:71"]["open_pnl"] == "+50.00"
    made.mark([quote("5000.25")])
    assert made.rows["position:71"]["open_pnl"] == "0.00"


def test_equity_is_sampled_once_a_minute_and_only_when_it_has_changed() -> None:
    made, sampler = book(CASH, position(0)), EquitySampler()

    def sampled(seconds: int) -> list[tuple[int, str]]:
        found = sampler.sample(made, NOON + timedelta(seconds=seconds))
        return [(int((one.at - NOON).total_seconds()), str(one.net_liq)) for one in found]

    assert sampled(20) == [(0, "100000.10")]
    made.apply(told(position(2, seconds=1)))
    made.mark([quote("5001.25")])
    assert sampled(59) == []
    assert sampled(61) == [(0, "100100.10")]
    assert sampled(125) == []
    made.unmark({3})
    assert sampled(185) == [(120, "100100.10")]  # an estimate now
    made.apply(told(msgspec.structs.replace(CASH, amount=Decimal(5), timestamp=NOON + timedelta(seconds=9))))
    assert sampled(305) == [(240, "105.00")]


@pytest.mark.parametrize("why", ["restricted", "readonly", "futures_disabled"])
def test_an_account_that_may_not_trade_futures_is_kept_as_locked(why: str) -> None:
    made = book(msgspec.structs.replace(ACCOUNT, **{why: True}))
    [kept] = records(made.mirror, [(Account, 7)])
    assert isinstance(kept, AccountRecord)
    assert (kept.readonly, kept.closed) == (True, False)
    assert made.rows["account:7"]["tradable"] == ""
