"""The book: whatever order events come in, it ends as a fresh snapshot would show it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trading.sync.book import Book
from trading.sync.records import ContractRecord, OrderRecord, records
from trading.tradovate.entities import (
    Account,
    CashBalance,
    Command,
    CommandReport,
    Contract,
    ContractMaturity,
    Entity,
    Fill,
    Level,
    MarginSnapshot,
    Order,
    OrderVersion,
    Position,
    Product,
    Quote,
    QuoteEntries,
    SyncSnapshot,
    TradeDate,
    UnknownEntity,
)
from trading.tradovate.frames import PropsEvent, UnknownEvent

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = TradeDate(year=2026, month=11, day=20)
ES = Product(id=1, name="ES", value_per_point=Decimal(50), tick_size=Decimal("0.25"), description="E-mini S&P 500")
DECEMBER = ContractMaturity(id=2, product_id=1, expiration_month=202612, expiration_date=NOON + timedelta(days=28))
ESZ6 = Contract(id=3, name="ESZ6", contract_maturity_id=2)
ACCOUNT = Account(id=7, name="DEMO7")
CASH = CashBalance(
    id=70, account_id=7, amount=Decimal("100000.10"), realized_pnl=Decimal("-12.5"), trade_date=TODAY, timestamp=NOON
)


def position(net: int, price: str = "5000.25", seconds: int = 0) -> Position:
    at = NOON + timedelta(seconds=seconds)
    return Position(id=71, account_id=7, contract_id=3, net_pos=net, net_price=Decimal(price), timestamp=at)


def order(status: str, key: int = 50) -> Order:
    return Order(id=key, account_id=7, contract_id=3, action="Buy", ord_status=status, timestamp=NOON)


def fill(key: int, qty: int = 1, price: str = "5000", *, order_id: int = 50, **more: Any) -> Fill:
    terms = {"contract_id": 3, "action": "Buy", "timestamp": NOON, "trade_date": TODAY, **more}
    return Fill(id=key, order_id=order_id, qty=qty, price=Decimal(price), **terms)


def told(*entities: Entity, kind: str = "Updated") -> PropsEvent:
    name = type(entities[0]).__name__
    return PropsEvent(name[0].lower() + name[1:], kind, entities)


def book(*more: Entity) -> Book:
    made = Book.load(SyncSnapshot(products=[ES], contract_maturities=[DECEMBER], contracts=[ESZ6], accounts=[ACCOUNT]))
    for entity in more:
        made.apply(told(entity))
    return made


def quote(price: str, contract_id: int = 3) -> Quote:
    entries = QuoteEntries(trade=Level(price=Decimal(price), size=Decimal(1)))
    return Quote(contract_id=contract_id, timestamp=NOON, entries=entries)


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


def test_what_is_not_known_is_a_dash_and_never_zero() -> None:
    row = book().rows["account:7"]
    assert (row["cash"], row["net_liq"], row["day_pnl"], row["margin_used"]) == ("—",) * 4
    unmarked = book(CASH, position(1)).rows
    assert (unmarked["position:71"]["mark"], unmarked["position:71"]["open_pnl"]) == ("—", "—")
    assert (unmarked["account:7"]["net_liq"], unmarked["account:7"]["day_pnl"]) == ("—", "—")
    assert unmarked["account:7"]["cash"] == "100,000.10"


def test_marks_that_stopped_are_unknown_again() -> None:
    made = book(CASH, position(2))
    made.mark([quote("5010")])
    changes = made.unmark()
    assert changes.rows["position:71"]["mark"] == "—"
    assert changes.rows["account:7"]["net_liq"] == "—"


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


def test_a_fill_may_come_before_its_order() -> None:
    made = book()
    early = made.apply(told(fill(90, 2), kind="Created"))
    assert (early.rows["fill:90"]["account"], early.rows["fill:90"]["symbol"]) == ("—", "ESZ6")
    later = made.apply(told(order("Working"), kind="Created"))
    assert later.rows["fill:90"]["account"] == "DEMO7"
    assert later.rows["order:50"]["filled"] == "2"


def test_an_order_shows_its_newest_terms_until_it_is_finished() -> None:
    made = book(order("Working"))
    assert made.rows["order:50"]["qty"] == "—"
    made.apply(told(OrderVersion(id=61, order_id=50, order_qty=3, order_type="Limit", price=Decimal(4999))))
    made.apply(told(OrderVersion(id=60, order_id=50, order_qty=9, order_type="Limit", price=Decimal(1))))
    row = made.rows["order:50"]
    assert (row["qty"], row["price"], row["stop"], row["type"]) == ("3", "4999.00", "—", "Limit")
    assert made.apply(told(order("Canceled"))).gone == ["order:50"]
    assert made.apply(told(order("Working"))).rows == {}  # a late repeat


def test_a_busted_fill_is_gone_and_no_longer_counted() -> None:
    made = book(order("Working"), fill(90, 2), fill(91, 1))
    changes = made.apply(told(fill(90, 2, active=False)))
    assert changes.gone == ["fill:90"]
    assert changes.rows["order:50"]["filled"] == "1"


def test_only_todays_fills_are_shown() -> None:
    tomorrow = TradeDate(year=2026, month=11, day=23)
    made = book(order("Filled"), fill(90))
    assert "fill:90" in made.rows
    changes = made.apply(told(fill(91, trade_date=tomorrow)))
    assert changes.gone == ["fill:90"]
    assert list(changes.rows) == ["fill:91"]


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
    assert made.apply(told(fill(90), fill(91))).rows.keys() == {"fill:90", "fill:91"}


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


def test_an_orders_record_has_its_fills_sums_and_why_it_was_refused() -> None:
    made = book(order("Rejected"), fill(90, 1, "5000"), fill(91, 2, "5001.5"))
    made.apply(told(Command(id=40, order_id=50, command_type="New", command_status="RiskRejected", cl_ord_id="tp-1")))
    changes = made.apply(
        told(CommandReport(id=41, command_id=40, command_status="RiskRejected", reject_reason="NoQuote", text="Closed"))
    )
    assert changes.touched == {(Order, 50)}
    (record,) = records(made.mirror, changes.touched)
    assert isinstance(record, OrderRecord)
    assert (record.filled_qty, record.average_price) == (3, Decimal(5001))
    assert record.reject_reason == "Closed (NoQuote)"


def test_a_contract_is_written_once_its_product_is_known() -> None:
    made = Book.load(SyncSnapshot(contracts=[ESZ6], contract_maturities=[DECEMBER]))
    assert records(made.mirror, {(Contract, 3)}) == []
    changes = made.learn([ES])
    (record,) = records(made.mirror, changes.touched)
    assert isinstance(record, ContractRecord)
    assert (record.name, record.product.value_per_point) == ("ESZ6", Decimal(50))


# What one trading day brings, as histories of entities: each list is one entity's states, oldest first.
def histories() -> st.SearchStrategy[list[list[Entity]]]:
    def orders(key: int) -> st.SearchStrategy[list[Entity]]:
        ends = st.sampled_from([[], ["Working"], ["Working", "Filled"], ["Canceled"], ["Working", "Rejected"]])
        return ends.map(lambda rest: [order(status, key) for status in ["PendingNew", *rest]])

    def positions() -> st.SearchStrategy[list[Entity]]:
        nets = st.lists(st.integers(-5, 5), min_size=1, max_size=5)
        return nets.map(lambda found: [position(net, seconds=n) for n, net in enumerate(found)])

    def balances() -> st.SearchStrategy[list[Entity]]:
        amounts = st.lists(st.integers(0, 10**7), min_size=1, max_size=5)
        return amounts.map(
            lambda found: [
                CashBalance(
                    id=70,
                    account_id=7,
                    amount=Decimal(cents) / 100,
                    realized_pnl=Decimal(0),
                    trade_date=TODAY,
                    timestamp=NOON + timedelta(seconds=n),
                )
                for n, cents in enumerate(found)
            ]
        )

    version = OrderVersion(id=60, order_id=50, order_qty=2, order_type="Limit", price=Decimal(5000))
    fills = st.lists(st.integers(90, 99), unique=True, max_size=4).map(lambda keys: [[fill(key)] for key in keys])
    return st.tuples(orders(50), orders(51), positions(), balances(), fills).map(
        lambda day: [*day[:4], *day[4], [version], [ES], [DECEMBER], [ESZ6], [ACCOUNT]]
    )


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_events_in_any_order_with_duplicates_end_as_a_fresh_snapshot(data: st.DataObject) -> None:
    day = data.draw(histories())
    states = [state for history in day for state in history]
    shuffled = data.draw(st.permutations(states))
    repeated = data.draw(st.lists(st.sampled_from(shuffled), max_size=10))
    made = Book()
    shown: dict[str, dict[str, str]] = {}
    for event in [told(entity) for entity in [*shuffled, *repeated]]:
        changes = made.apply(event)
        shown.update(changes.rows)
        for key in changes.gone:
            del shown[key]
    made.mark([quote("5003.75")])
    fresh = Book()
    fresh.learn([history[-1] for history in day])
    fresh.mark([quote("5003.75")])
    assert made.rows == fresh.rows
    assert {key: row for key, row in shown.items() if key not in made.rows} == {}


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(19_000, 21_000)), min_size=2, max_size=20))
def test_a_repeated_walk_of_positions_and_marks_tells_only_differences(steps: list[tuple[int, int]]) -> None:
    made = book(CASH)
    shown = dict(made.rows)
    for number, (net, ticks) in enumerate(steps):
        for changes in (made.apply(told(position(net, seconds=number))), made.mark([quote(str(Decimal(ticks) / 4))])):
            assert all(shown.get(key) != row for key, row in changes.rows.items())
            shown.update(changes.rows)
            for key in changes.gone:
                del shown[key]
    assert shown == made.rows
