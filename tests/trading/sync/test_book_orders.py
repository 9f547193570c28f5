"""The book's orders and fills, and what the journal keeps of them."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from tests.trading.sync.entities import ACCOUNT, CASH, DECEMBER, ES, ESZ6, NOON, book, fee, fill, order, position, told
from trading.sync.book import Book
from trading.sync.comparison import differing
from trading.sync.mirror import EarlierFill
from trading.sync.recording import cash_entries, records
from trading.sync.records import (
    CashEntryRecord,
    CashRecord,
    ContractRecord,
    FillRecord,
    OrderRecord,
    OrderVersionRecord,
    PositionRecord,
)
from trading.tradovate.entities import (
    CashBalanceLog,
    Command,
    CommandReport,
    CommandType,
    Contract,
    ExecutionReport,
    Fill,
    Order,
    OrderStrategy,
    OrderStrategyLink,
    OrderVersion,
    SyncSnapshot,
    TradeDate,
    UnknownEntity,
)
from trading.tradovate.frames import PropsEvent, UnknownEvent


def test_a_finished_order_stays_for_the_day_with_what_became_of_it() -> None:
    made = book(order("Working"))
    made.apply(told(Command(id=40, order_id=50, command_type="New", command_status="Pending", cl_ord_id="tp-1")))
    assert made.rows["order:50"]["source"] == "portal"
    report = CommandReport(id=41, command_id=40, command_status="RiskRejected", reject_reason="NoQuote", text="Closed")
    made.apply(told(report))
    changes = made.apply(told(order("Rejected")))
    assert changes.gone == ["order:50"]
    assert "Closed" in changes.rows["done:50"]["reason"]
    assert changes.rows["done:50"]["status"] == "Rejected"
    elsewhere = Command(id=42, order_id=51, command_type="New", command_status="Pending")
    made.apply(told(order("Filled", 51), fill(90, order_id=51)))
    assert made.rows["done:51"]["source"] == ""
    made.apply(told(elsewhere))
    assert (made.rows["done:51"]["source"], made.rows["done:51"]["average"]) == ("elsewhere", "5000.00")
    tomorrow = TradeDate(year=2026, month=11, day=23)
    made.apply(told(msgspec.structs.replace(CASH, trade_date=tomorrow, timestamp=NOON + timedelta(days=3))))
    assert "done:51" not in made.rows


def test_a_fill_may_come_before_its_order() -> None:
    made = book()
    early = made.apply(told(fill(90, 2), kind="Created"))
    assert (early.rows["fill:90"]["account"], early.rows["fill:90"]["symbol"]) == ("—", "ESZ6")
    later = made.apply(told(order("Working"), kind="Created"))
    assert later.rows["fill:90"]["account"] == "DEMO7"
    assert later.rows["order:50"]["filled"] == "2"


def test_a_fill_is_of_the_trade_date_that_tradovate_tells_or_else_of_its_time() -> None:
    evening = NOON.replace(hour=23)  # of a Friday
    made = book(fill(90, timestamp=evening), fill(91, timestamp=evening, trade_date=None))
    assert [made.rows[key]["trade_date"] for key in ("fill:90", "fill:91")] == ["2026-11-20", "2026-11-23"]


def test_while_an_accounts_fills_cannot_all_be_told_its_fees_are_not_known() -> None:
    """Whose fill it is its order says: until then it may be any account's."""
    made = book(CASH, order("Filled"), fill(90), fee(90))
    assert made.rows["account:7"]["fees"] == "1.72"
    early = made.apply(told(fill(91, order_id=51), kind="Created"))
    assert early.rows["account:7"]["fees"] == "—"
    made.apply(told(fee(91)))
    assert made.rows["account:7"]["fees"] == "—"
    assert made.apply(told(order("Filled", 51))).rows["account:7"]["fees"] == "3.44"
    made.apply(told(fill(92, order_id=52)))
    assert made.apply(told(fill(92, order_id=52, active=False))).rows["account:7"]["fees"] == "3.44"


def test_an_order_shows_its_newest_terms_until_it_is_finished() -> None:
    made = book(order("Working"))
    assert (made.rows["order:50"]["qty"], made.rows["order:50"]["version_id"]) == ("—", "")
    made.apply(told(OrderVersion(id=61, order_id=50, order_qty=3, order_type="Limit", price=Decimal(4999))))
    made.apply(told(OrderVersion(id=60, order_id=50, order_qty=9, order_type="Limit", price=Decimal(1))))
    row = made.rows["order:50"]
    assert (row["qty"], row["price"], row["stop"], row["type"]) == ("3", "4999.00", "—", "Limit")
    assert made.apply(told(order("Canceled"))).gone == ["order:50"]
    assert made.apply(told(order("Working"))).rows == {}  # a late repeat


def test_a_change_that_was_refused_leaves_the_order_on_the_terms_that_it_had() -> None:
    """Its version comes with its command, and may come again after it was refused."""
    placed = OrderVersion(id=60, order_id=50, order_qty=2, order_type="Limit", price=Decimal(5000))
    wanted = msgspec.structs.replace(placed, id=61, order_qty=3, price=Decimal(5001))
    made = book(order("Working"), placed, wanted)
    made.apply(told(Command(id=61, order_id=50, command_type="Modify", command_status="Pending")))
    assert (made.rows["order:50"]["price"], made.rows["order:50"]["version_id"]) == ("5001.00", "61")
    changes = made.apply(told(CommandReport(id=62, command_id=61, command_status="ExecutionRejected")))
    assert (changes.rows["order:50"]["qty"], changes.rows["order:50"]["price"]) == ("2", "5000.00")
    assert changes.rows["order:50"]["version_id"] == "60"
    kept = records(made.mirror, changes.touched)
    [now] = [one for one in kept if isinstance(one, OrderRecord)]
    assert (now.version_id, now.order_qty, now.price) == (60, 2, Decimal(5000))
    [refused] = [one for one in kept if isinstance(one, OrderVersionRecord)]
    assert (refused.id, refused.refused) == (61, True)
    made.apply(told(msgspec.structs.replace(wanted, text="again")))
    assert made.rows["order:50"]["price"] == "5000.00"
    made.apply(told(msgspec.structs.replace(placed, id=63, order_qty=1)))
    assert made.rows["order:50"]["qty"] == "1"


def test_a_refused_change_is_known_by_its_command_alone() -> None:
    placed = OrderVersion(id=60, order_id=50, order_qty=2, order_type="Limit", price=Decimal(5000))
    made = book(order("Working"), placed, msgspec.structs.replace(placed, id=61, order_qty=3))
    made.apply(told(Command(id=61, order_id=50, command_type="Modify", command_status="RiskRejected")))
    assert made.rows["order:50"]["qty"] == "2"


def test_a_refused_change_is_not_the_terms_of_an_order_whose_own_are_not_told() -> None:
    """Of an order of an earlier day Tradovate may tell the change of today and not what it was placed with."""
    wanted = OrderVersion(id=61, order_id=50, order_qty=2, order_type="Limit", price=Decimal(5002))
    made = book(order("Working"), wanted)
    assert (made.rows["order:50"]["qty"], made.mirror.untold()) == ("2", set())
    made.apply(told(Command(id=61, order_id=50, command_type="Modify", command_status="ExecutionRejected")))
    assert (made.rows["order:50"]["qty"], made.mirror.untold()) == ("—", {50})
    made.learn([OrderVersion(id=50, order_id=50, order_qty=5, order_type="Limit", price=Decimal(5000))])
    assert (made.rows["order:50"]["qty"], made.mirror.untold()) == ("5", set())


def test_an_order_that_was_refused_itself_shows_what_it_asked_for() -> None:
    asked = OrderVersion(id=60, order_id=50, order_qty=2, order_type="Limit", price=Decimal(5000))
    refused = Command(id=60, order_id=50, command_type="New", command_status="ExecutionRejected")
    made = book(order("Rejected"), asked, refused)
    assert made.rows["done:50"]["price"] == "5000.00"


def test_an_order_says_which_strategy_sent_it() -> None:
    link = OrderStrategyLink(id=5, order_strategy_id=4, order_id=50, label="")
    assert book(order("Working"), link).rows["order:50"]["strategy_id"] == "4"


def test_why_a_strategy_failed_is_told_beside_its_orders() -> None:
    """An entry whose exits could not be placed works on without them."""
    links = [OrderStrategyLink(id=n, order_strategy_id=4, order_id=n, label="") for n in (50, 51)]
    failed = OrderStrategy(id=4, account_id=7, status="ExecutionFailed", failure_message="TooManyLegs of this one")
    done = msgspec.structs.replace(order("Filled"), id=51)
    made = book(order("Working"), done, *links)
    assert "reason" not in made.rows["order:50"]
    changes = made.apply(told(failed))
    assert set(changes.rows) == {"order:50", "done:51"}
    assert changes.rows["order:50"]["reason"] == changes.rows["done:51"]["reason"]
    assert "TooManyLegs of this one" in changes.rows["order:50"]["reason"]


def test_a_busted_fill_is_gone_and_no_longer_counted() -> None:
    made = book(order("Working"), fill(90, 2), fill(91, 1))
    changes = made.apply(told(fill(90, 2, active=False)))
    assert changes.gone == ["fill:90"]
    assert changes.rows["order:50"]["filled"] == "1"


def test_what_an_order_filled_on_earlier_days_counts_and_counts_once() -> None:
    made = book(order("Working"), OrderVersion(id=60, order_id=50, order_qty=9, order_type="Limit"), fill(90, 1))
    assert made.mirror.not_all_filled() == {50}
    earlier = [EarlierFill(80, 50, 2, Decimal("4998.50000000")), EarlierFill(90, 50, 1, Decimal(5000))]
    changes = made.recall(earlier)
    assert changes.rows.keys() == {"order:50"}
    assert (changes.rows["order:50"]["filled"], changes.rows["order:50"]["average"]) == ("3", "4999.00")
    assert made.apply(told(fill(91, 1))).rows["order:50"]["filled"] == "4"
    assert made.apply(told(fill(90, 1, active=False))).rows["order:50"]["filled"] == "3"
    fresh = Book.load(SyncSnapshot(accounts=[ACCOUNT], orders=[order("Working")], fills=[fill(91)]), made)
    assert fresh.rows["order:50"]["filled"] == "4"
    assert fresh.recall(earlier[:1]).rows["order:50"]["filled"] == "3"


def test_what_was_recalled_of_an_order_that_has_filled_since_is_recalled_again_after_a_reconnect() -> None:
    terms = OrderVersion(id=60, order_id=50, order_qty=5, order_type="Limit")
    monday = [EarlierFill(80, 50, 3, Decimal(4998))]
    made = book(order("Filled"), terms, fill(90, 2))
    made.recall(monday)
    snapshot = SyncSnapshot(accounts=[ACCOUNT], orders=[order("Filled")], order_versions=[terms], fills=[fill(90, 2)])
    fresh = Book.load(snapshot, made)
    assert fresh.rows["done:50"]["filled"] == "5"
    assert fresh.mirror.not_all_filled() == {50}
    assert fresh.recall(monday).rows == {}


def test_an_order_that_has_filled_all_of_its_contracts_has_filled_none_before() -> None:
    made = book(order("Filled"), OrderVersion(id=60, order_id=50, order_qty=2, order_type="Limit"), fill(90, 2))
    assert not made.mirror.not_all_filled()


def test_only_todays_fills_are_shown() -> None:
    tomorrow = TradeDate(year=2026, month=11, day=23)
    made = book(order("Filled"), fill(90))
    assert "fill:90" in made.rows
    changes = made.apply(told(fill(91, trade_date=tomorrow)))
    assert changes.gone == ["fill:90"]
    assert "fill:91" in changes.rows


def test_a_repeat_changes_nothing_and_an_older_state_is_ignored() -> None:
    made = book(CASH, position(2, seconds=5))
    assert made.apply(told(position(2, seconds=5))) == made.apply(told(position(9, seconds=1)))
    assert made.rows["position:71"]["qty"] == "2"


def test_a_deleted_entity_is_gone_even_when_only_its_id_is_told() -> None:
    made = book(position(2))
    bare = UnknownEntity(entity_type="position", data={"id": 71}, problem="missing fields")
    assert made.apply(PropsEvent("position", "Deleted", (bare,))).gone == ["position:71"]
    assert made.apply(PropsEvent("position", "Deleted", (bare,))).gone == []


def test_an_account_that_is_taken_away_leaves_the_page() -> None:
    changes = book().apply(PropsEvent("account", "Deleted", (ACCOUNT,)))
    assert changes.gone == [f"account:{ACCOUNT.id}"]


def test_arrays_unknown_types_and_other_events_are_taken_as_they_are() -> None:
    made = book()
    stranger = UnknownEntity(entity_type="kalshiMarket", data={"id": 1})
    assert made.apply(PropsEvent("kalshiMarket", "Created", (stranger,))).rows == {}
    assert made.apply(UnknownEvent("weather", {"rain": True})).rows == {}
    assert made.apply(told(fill(90), fill(91))).rows.keys() >= {"fill:90", "fill:91"}


def test_what_cannot_be_read_is_known_by_its_kind_and_id_until_it_can() -> None:
    odd = UnknownEntity(entity_type="fill", data={"id": 90}, problem="Expected `int`, got `str` - at `$.qty`")
    stranger = UnknownEntity(entity_type="userPromoCode", data={"id": 3}, problem="Expected `int`")
    unknown = UnknownEntity(entity_type="kalshiMarket", data={"id": 4})
    made = Book.load(SyncSnapshot(accounts=[ACCOUNT], misfits=[odd, stranger]))
    for one in (odd, stranger, unknown):
        assert made.apply(PropsEvent(one.entity_type, "Updated", (one, one))).rows == {}
    assert made.unread == {("fill", 90): odd.problem}
    made.apply(PropsEvent("order", "Updated", (msgspec.structs.replace(odd, entity_type="order"),)))
    made.apply(told(fill(90)))
    assert made.unread.keys() == {("order", 90)}
    made.apply(PropsEvent("order", "Deleted", (UnknownEntity(entity_type="order", data={"id": 90}),)))
    assert not made.unread


def test_what_events_refer_to_is_named_until_it_is_learned_step_by_step() -> None:
    made = Book.load(SyncSnapshot(accounts=[ACCOUNT]))
    made.apply(told(position(1)))
    assert made.rows["position:71"]["symbol"] == "#3"
    for step in (ESZ6, DECEMBER, ES):
        assert made.mirror.missing() == {(type(step), step.id)}
        made.learn([step])
    assert made.mirror.missing() == set()
    assert made.rows["position:71"]["symbol"] == "ESZ6"


def test_what_was_written_without_a_symbol_is_written_again_with_it() -> None:
    made = Book.load(SyncSnapshot(accounts=[ACCOUNT], orders=[order("Working")], fills=[fill(90)]))
    assert {record.symbol for record in records(made.mirror, made.all_to_write()) if hasattr(record, "symbol")} == {
        "#3"
    }
    changes = made.learn([ESZ6])
    assert {(Order, 50), (Fill, 90)} <= changes.touched
    again = records(made.mirror, changes.touched)
    assert {record.symbol for record in again if hasattr(record, "symbol")} == {"ESZ6"}


def test_what_shows_in_the_rows_that_pages_lack_is_written_first() -> None:
    fills = [fill(90), fill(91)]
    made = Book.load(SyncSnapshot(accounts=[ACCOUNT], contracts=[ESZ6], orders=[order("Working")], fills=fills))
    seen = {key: row for key, row in made.rows.items() if key != "fill:91"}
    first = made.to_write_first(differing(seen, made.rows))
    assert (Fill, 91) in first
    assert made.all_to_write() - first == {(Fill, 90)}


def test_an_orders_record_has_its_fills_sums_and_why_it_was_refused() -> None:
    made = book(order("Rejected"), fill(90, 1, "5000"), fill(91, 2, "5001.5"))
    made.apply(told(Command(id=40, order_id=50, command_type="New", command_status="RiskRejected", cl_ord_id="tp-1")))
    changes = made.apply(
        told(CommandReport(id=41, command_id=40, command_status="RiskRejected", reject_reason="NoQuote", text="Closed"))
    )
    assert changes.touched == {(Order, 50), (OrderVersion, 40)}
    (record,) = records(made.mirror, changes.touched)
    assert isinstance(record, OrderRecord)
    assert (record.filled_qty, record.average_price) == (3, Decimal(5001))
    assert record.reject_reason.startswith("There is no price for this contract just now")
    assert record.reject_reason.endswith("Tradovate says: Closed (NoQuote)")


@pytest.mark.parametrize("status", ["Filled", "Canceled"])
@pytest.mark.parametrize("asks", [CommandType.MODIFY, CommandType.CANCEL])
def test_why_a_change_or_cancellation_was_refused_is_not_why_its_order_ended(status: str, asks: CommandType) -> None:
    refused = {"reject_reason": "NoQuote", "text": "Closed"}
    made = book(order("Working"), Command(id=40, order_id=50, command_type="New", command_status="AtExecution"))
    made.apply(told(Command(id=42, order_id=50, command_type=asks, command_status="Pending")))
    made.apply(told(CommandReport(id=43, command_id=42, command_status="ExecutionRejected", **refused)))
    made.apply(told(ExecutionReport(id=44, command_id=42, order_id=50, account_id=7, exec_type="Rejected", **refused)))
    changes = made.apply(told(order(status)))
    assert changes.rows["done:50"]["reason"] == ""
    [record] = [one for one in records(made.mirror, changes.touched) if isinstance(one, OrderRecord)]
    assert record.reject_reason == ""


def test_a_day_that_no_calendar_has_is_none_and_hides_nothing_of_the_day() -> None:
    """What cannot be kept without its day is left out."""
    nonsense = TradeDate(year=2026, month=13, day=31)
    made = book(fill(90), order("Filled"))
    entities = fill(91, trade_date=nonsense), msgspec.structs.replace(CASH, trade_date=nonsense)
    for entity in (*entities, msgspec.structs.replace(position(2), trade_date=nonsense)):
        [*kept] = records(made.mirror, made.apply(told(entity)).touched)
        days = [one.trade_date for one in kept if isinstance(one, FillRecord)]
        assert days == [None] * isinstance(entity, Fill)
        assert not any(isinstance(one, CashRecord | PositionRecord) for one in kept)
    assert {"fill:90", "fill:91"} <= made.rows.keys()
    made.apply(told(fill(92)))
    assert {"fill:90", "fill:91", "fill:92"} <= made.rows.keys()
    (line,) = cash_entries([CashBalanceLog(id=1, account_id=7, trade_date=nonsense)])
    assert isinstance(line, CashEntryRecord)
    assert line.trade_date is None


def test_a_contract_is_written_once_its_product_is_known() -> None:
    made = Book.load(SyncSnapshot(contracts=[ESZ6], contract_maturities=[DECEMBER]))
    assert records(made.mirror, {(Contract, 3)}) == []
    changes = made.learn([ES])
    (record,) = records(made.mirror, changes.touched)
    assert isinstance(record, ContractRecord)
    assert (record.name, record.product.value_per_point) == ("ESZ6", Decimal(50))
