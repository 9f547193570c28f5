"""What a reconnect finds: what was missed is told apart from what was wrong."""

from datetime import timedelta
from decimal import Decimal

import msgspec

from tests.trading.sync.entities import ACCOUNT, CASH, NOON, book, fee, fill, order, position
from trading.sync.book import Book
from trading.sync.comparison import Differences, compare, compare_rows
from trading.sync.mirror import EarlierFill
from trading.sync.rows import Row
from trading.tradovate.entities import (
    Account,
    AccountRiskStatus,
    Command,
    OrderVersion,
    SyncSnapshot,
    TradeDate,
    UserAccountAutoLiq,
)


def words(kept: list, fresh: list) -> str:
    return compare(book(*kept).mirror, book(*fresh).mirror).words


def test_the_same_is_no_difference_whenever_tradovate_looked_at_it() -> None:
    later = msgspec.structs.replace(CASH, timestamp=NOON + timedelta(hours=1))
    assert words([CASH, position(2), order("Working")], [later, position(2, seconds=5), order("Working")]) == ""


def test_what_came_while_the_socket_was_down_was_missed() -> None:
    more = msgspec.structs.replace(CASH, amount=Decimal(1), timestamp=NOON + timedelta(minutes=1))
    found = words(
        [CASH, position(2), order("Working")],
        [more, position(0, seconds=60), order("Filled"), fill(90), fee(90), ACCOUNT],
    )
    assert found == "missed: 1 CashBalance, 1 Fill, 1 FillFee, 1 Order, 1 Position"


def test_what_tradovate_does_not_have_or_has_older_was_wrong() -> None:
    assert words([CASH, order("Filled"), fill(90)], [CASH, order("Filled")]) == "wrong: 1 Fill"
    assert words([order("Filled")], [order("Working")]) == "wrong: 1 Order"
    assert words([position(2, seconds=9)], [position(1)]) == "wrong: 1 Position"


def test_what_a_new_day_no_longer_serves_is_not_wrong() -> None:
    tomorrow = msgspec.structs.replace(CASH, id=71, trade_date=TradeDate(year=2026, month=11, day=23))
    assert words([CASH, order("Filled"), fill(90)], [CASH, tomorrow]) == "missed: 1 CashBalance"


def test_what_is_there_no_longer_is_counted_whatever_the_day() -> None:
    assert words([CASH, position(2)], [CASH]) == "missed: 1 Position"
    assert words([CASH, position(0)], [CASH]) == ""
    tomorrow = msgspec.structs.replace(CASH, id=71, trade_date=TradeDate(year=2026, month=11, day=23))
    assert words([CASH, order("Working")], [CASH, tomorrow]) == "missed: 1 CashBalance, 1 Order"


def test_what_tradovate_s_risk_desk_has_done_meanwhile_is_counted() -> None:
    status, limits = AccountRiskStatus(id=7, admin_action="Normal"), UserAccountAutoLiq(id=7)
    locked = msgspec.structs.replace(status, admin_action="LiquidateImmediately")
    stricter = msgspec.structs.replace(limits, daily_loss_auto_liq=Decimal(500))
    found = words([CASH, status, limits], [CASH, locked, stricter])
    assert found == "missed: 1 AccountRiskStatus, 1 UserAccountAutoLiq"


def test_terms_that_no_snapshot_tells_were_not_wrong() -> None:
    """They were asked for (enquiries.keep_terms)."""
    placed, change = (OrderVersion(id=key, order_id=50, order_qty=key, order_type="Limit") for key in (50, 60))
    refused = Command(id=60, order_id=50, command_type="Modify", command_status="RiskRejected")
    working, kept = order("Working"), [CASH, order("Working"), placed, change, refused]
    assert words([CASH, working, placed, change], [CASH, working]) == ""
    assert words(kept, [CASH, working, change, refused]) == ""
    assert words(kept, [CASH, working, placed, refused]) == "wrong: 1 OrderVersion"
    # An order of yesterday that was changed today: a snapshot has the change alone.
    assert words([CASH, working, placed, change], [CASH, working, change]) == ""


def test_an_account_that_was_taken_away_is_missed_and_what_it_had_was_not_wrong() -> None:
    version = OrderVersion(id=60, order_id=50, order_qty=2, order_type="Limit")
    command = Command(id=60, order_id=50, command_type="New", command_status="ExecutionStopped")
    kept = book(CASH, position(2), order("Filled"), fill(90), fee(90), version, command)
    cash = msgspec.structs.replace(CASH, id=72, account_id=8)
    fresh = Book.load(SyncSnapshot(accounts=[Account(id=8, name="DEMO8")], cash_balances=[cash]))
    found = compare(kept.mirror, fresh.mirror)
    assert (found.missed["Account"], found.wrong) == (2, {})
    assert compare_rows(shown(kept), fresh, NOON).wrong == {}
    assert compare_rows(shown(kept), fresh, NOON).missed["account"] == 2


def test_rows_that_another_process_has_shown_are_compared_without_what_the_market_moves() -> None:
    kept, fresh = book(CASH, position(2), order("Working")), book(CASH, position(2), order("Filled"), fill(90))
    fresh.mark([])
    found = compare_rows(shown(kept), fresh, NOON)
    assert found.words == "missed: 1 done, 1 fill, 1 order"
    assert compare_rows(shown(kept), kept, NOON) == Differences()


def shown(kept: Book) -> dict[str, Row]:
    """What a process has shown that is gone now, with what its successor says of itself."""
    return {**kept.rows, "upstream": {"state": "connecting", "last_message_at": "—"}}


def test_what_another_process_has_shown_and_tradovate_never_had_was_wrong() -> None:
    fresh = book(CASH, position(2), order("Working"))
    for made_up, kind in (
        (fill(90, order_id=49), "fill"),
        (order("Filled"), "done"),
        (order("Working", key=51), "order"),
    ):
        found = compare_rows(shown(book(CASH, position(2), order("Working"), made_up)), fresh, NOON)
        assert found.words == f"wrong: 1 {kind}"


def test_a_fill_that_the_exchange_has_busted_was_not_wrong() -> None:
    fresh = book(CASH, order("Filled"), fill(90, active=False))
    assert compare_rows(shown(book(CASH, order("Filled"), fill(90))), fresh, NOON).wrong == {}


def test_what_is_no_longer_served_on_the_next_day_was_not_wrong() -> None:
    before, fresh = book(CASH, order("Filled"), fill(90)), book(CASH)
    assert compare_rows(shown(before), fresh, NOON + timedelta(days=3)).wrong == {}


def test_what_an_order_filled_on_earlier_days_was_not_missed() -> None:
    """A fresh book has it from the journal, a moment later."""
    before, fresh = book(CASH, order("Working"), fill(91)), book(CASH, order("Working"), fill(91))
    before.recall([EarlierFill(80, 50, 2, Decimal(5001))])
    assert compare_rows(shown(before), fresh, NOON) == Differences()
    assert compare_rows(shown(fresh), before, NOON).words == "missed: 1 order"


def test_a_cash_figure_is_late_or_wrong_by_tradovate_s_own_times() -> None:
    later = msgspec.structs.replace(CASH, amount=Decimal(1), timestamp=NOON + timedelta(minutes=1))
    other = msgspec.structs.replace(CASH, amount=Decimal(2))
    for told, served, words in (
        (CASH, later, "missed: 1 cash"),
        (later, CASH, "wrong: 1 cash"),
        (other, CASH, "wrong: 1 cash"),
        (CASH, msgspec.structs.replace(CASH, timestamp=NOON + timedelta(hours=1)), ""),
    ):
        found = compare_rows(shown(book(ACCOUNT, told)), book(ACCOUNT, served), NOON)
        assert found.words == words
