"""The journal in a real database: nothing twice, nothing lost, nothing held up."""

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import InternalError, OperationalError
from django.utils import timezone

from accounts.models import Connection, User
from trading.models import (
    Account,
    CashBalance,
    Contract,
    Fill,
    Order,
    OrderIntent,
    OrderLine,
    OrderVersion,
    Position,
    Product,
    Upstream,
)
from trading.sync import intent_rows, writing
from trading.sync.journal import Entry, Journal
from trading.sync.records import (
    AccountRecord,
    CashRecord,
    ContractRecord,
    FillRecord,
    OrderRecord,
    OrderVersionRecord,
    PositionRecord,
    ProductRecord,
    UpstreamRecord,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PRODUCT = ProductRecord(1, "ES", "E-mini S&P 500", Decimal("0.25"), Decimal(50))
CONTRACT = ContractRecord(3, "ESZ6", NOON, None, PRODUCT)
ACCOUNT = AccountRecord(7, "DEMO7", readonly=False, closed=False)


def order(status: str = "Working", filled: int = 0, key: int = 50, **more: Any) -> OrderRecord:
    average = Decimal("5000.333333333333333333") if filled else None
    terms = {
        "symbol": "ESZ6",
        "order_qty": 3,
        "order_type": "Limit",
        "price": Decimal(5001),
        "time_in_force": "Day",
        "version_id": 60,
    }
    return OrderRecord(
        id=key,
        account_id=7,
        action="Buy",
        status=status,
        stop_price=None,
        reject_reason="",
        at=NOON,
        filled_qty=filled,
        average_price=average,
        **(terms | more),
    )


def fill(
    key: int, order_id: int = 50, qty: int = 1, price: Decimal = Decimal("5000.25"), *, active: bool = True
) -> FillRecord:
    return FillRecord(key, order_id, "ESZ6", "Buy", qty, price, active, NOON)


@pytest.fixture
def connection(transactional_db) -> Connection:
    user = User.objects.create(username="sim:1")
    return Connection.objects.create(user=user, environment="sim", tradovate_user_id=1, name="one")


@pytest.fixture
def entries(connection):
    return lambda *records: [Entry(connection.pk, "sim", record) for record in records]


def test_a_batch_written_twice_is_there_once(connection, entries) -> None:
    cash = CashRecord(7, date(2026, 11, 20), Decimal("100.10"), Decimal(0), NOON)
    upstream = UpstreamRecord("up", "", NOON)
    batch = entries(fill(90), fill(91), order(), ACCOUNT, CONTRACT, cash, upstream)
    assert writing.write(batch) == writing.write(batch) == []
    for model in (Account, CashBalance, Contract, Order, Product, Upstream):
        assert model.objects.count() == 1
    assert Fill.objects.count() == 2
    assert Contract.objects.get().product.name == "ES"


def test_a_product_that_is_told_without_its_currency_keeps_the_one_that_is_known(connection, entries) -> None:
    kept = []
    for currency in ("EUR", "", "GBP", ""):
        writing.write(entries(replace(CONTRACT, product=replace(PRODUCT, currency=currency))))
        kept.append(Product.objects.get().currency)
    assert kept == ["EUR", "EUR", "GBP", "GBP"]


def test_what_has_the_longest_name_that_tradovate_gives_is_kept(connection, entries) -> None:
    """Contract.name and Product.name of openapi.json: PostgreSQL refuses what is longer than its column."""
    name = "N" * 64
    product, position = replace(PRODUCT, name=name), PositionRecord(40, 7, name, NOON.date(), 1, None, 1, 0, NOON)
    records = [replace(fill(90), symbol=name), order(symbol=name), replace(CONTRACT, name=name, product=product)]
    journal = Journal()
    journal.put(connection.pk, "sim", [*records, position])
    assert journal.flush()
    journal.close()
    for model in (Fill, Order, Position):
        assert list(model.objects.values_list("symbol", flat=True)) == [name]
    assert Contract.objects.values_list("name", "product__name").get() == (name, name)


def test_an_upsert_keeps_the_newest(connection, entries) -> None:
    writing.write(entries(order(), ACCOUNT))
    writing.write(entries(order("Filled"), AccountRecord(7, "DEMO7", readonly=False, closed=True)))
    assert Order.objects.get().status == "Filled"
    assert Account.objects.get().closed


def test_when_the_day_was_read_is_kept_by_a_process_that_has_not_read_it_yet(connection, entries) -> None:
    later = NOON + timedelta(minutes=1)
    for record in (UpstreamRecord("idle", "", NOON, synced_at=NOON), UpstreamRecord("connecting", "", later)):
        writing.write(entries(record))
    assert Upstream.objects.values_list("state", "since", "synced_at").get() == ("connecting", later, NOON)


def test_what_a_process_writes_that_was_stopped_for_long_takes_no_newer_state_s_place(connection, entries) -> None:
    """Its successor has written the newer one meanwhile: by the broker's versions and times."""
    day, later = date(2026, 11, 20), NOON + timedelta(seconds=5)

    def position(net: int, at: datetime) -> PositionRecord:
        return PositionRecord(40, 7, "ESZ6", day, net, Decimal(5000), net, 0, at)

    def cash(amount: int, at: datetime) -> CashRecord:
        return CashRecord(7, day, Decimal(amount), Decimal(0), at)

    old = [
        *(order(), order(key=51), order("PendingNew", key=52), order(key=53)),
        *(position(1, NOON), cash(100, NOON), fill(90), UpstreamRecord("up", "", NOON, synced_at=NOON)),
    ]
    new = [
        order("Canceled", order_qty=5, version_id=61),
        order(order_qty=4, price=Decimal(5002), version_id=61, key=51),
        *(order("Working", key=52), order("Filled", key=53)),
        *(position(2, later), cash(90, later), fill(90, active=False)),
        UpstreamRecord("evicted", "", later, synced_at=later),
    ]
    for batch in (old, new, old):
        writing.write(entries(*batch))
    told = {one.tradovate_id: (one.status, one.order_qty, one.price) for one in Order.objects.all()}
    unchanged = {52: ("Working", 3, 5001), 53: ("Filled", 3, 5001)}
    assert told == {50: ("Canceled", 5, 5001), 51: ("Working", 4, 5002)} | unchanged
    assert (Position.objects.get().net_pos, Position.objects.get().at) == (2, later)
    assert CashBalance.objects.get().amount == 90
    assert not Fill.objects.get().active
    assert Upstream.objects.values_list("state", "since", "synced_at").get() == ("evicted", later, later)


def test_an_order_that_comes_without_its_terms_keeps_those_that_are_known(connection, entries) -> None:
    writing.write(entries(order(version_id=61)))
    bare = {"order_qty": None, "order_type": "", "price": None, "time_in_force": "", "version_id": None}
    writing.write(entries(order("Filled", **bare)))
    kept = Order.objects.get()
    assert (kept.status, kept.order_qty, kept.order_type, kept.price) == ("Filled", 3, "Limit", 5001)
    assert (kept.time_in_force, kept.version_id_at_broker) == ("Day", 61)


def test_terms_that_were_refused_give_way_to_those_before_them_for_good(connection, entries) -> None:
    """They were the order's until that was known; who was stopped meanwhile writes them again."""

    def version(key: int, *, refused: bool) -> OrderVersionRecord:
        terms = (50, 3, "Limit", Decimal(5001), None, None, None, None, "Day", None, "", NOON)
        return OrderVersionRecord(key, *terms, refused=refused)

    asked = entries(version(60, refused=False), order(version_id=60, order_qty=4))
    corrected = entries(order(version_id=59), version(60, refused=True))
    told = []
    for batch in (entries(order(version_id=59)), asked, corrected, asked, entries(order(version_id=58, order_qty=1))):
        writing.write(batch)
        told.append(Order.objects.values_list("version_id_at_broker", "order_qty").get())
    assert told == [(59, 3), (60, 4), (59, 3), (59, 3), (59, 3)]
    assert OrderVersion.objects.get().refused
    writing.write(entries(order("Filled", version_id=61, order_qty=5)))
    assert Order.objects.values_list("version_id_at_broker", "order_qty", "status").get() == (61, 5, "Filled")


def test_terms_that_come_again_without_their_command_keep_the_time_that_is_known(connection, entries) -> None:
    """Of an order good till cancelled, say, whose command was of an earlier day."""

    def version(qty: int, at: datetime | None) -> OrderVersionRecord:
        return OrderVersionRecord(60, 50, qty, "Limit", Decimal(5001), None, None, None, None, "GTC", None, "", at)

    begun = timezone.now()
    told = []
    # Its command comes after it at first, and never again.
    for record in (version(1, None), version(2, NOON), version(3, None)):
        writing.write(entries(record))
        told.append(OrderVersion.objects.values_list("order_qty", "at").get())
    assert told[0][1] >= begun
    assert told[1:] == [(2, NOON), (3, NOON)]


def test_a_fill_keeps_the_rate_that_was_told_with_it_first(connection, entries) -> None:
    for rate in (None, Decimal("1.1"), Decimal("1.2"), None):
        writing.write(entries(replace(fill(90), rate=rate)))
    assert Fill.objects.get().rate == Decimal("1.1")


def test_a_fill_is_kept_before_its_order_is_known(connection, entries) -> None:
    writing.write(entries(fill(90, order_id=999)))
    assert Fill.objects.get().order_id_at_broker == 999


def test_the_same_id_of_another_connection_is_another_row(connection, entries) -> None:
    other = Connection.objects.create(
        user=User.objects.create(username="sim:2"), environment="sim", tradovate_user_id=2, name="two"
    )
    writing.write([*entries(order(), fill(90)), Entry(other.pk, "sim", order()), Entry(other.pk, "sim", fill(90))])
    assert Order.objects.count() == Fill.objects.count() == 2


@pytest.fixture
def intent(connection, entries) -> OrderIntent:
    """Of three contracts, accepted as order 50."""
    writing.write(entries(ACCOUNT))
    return OrderIntent.objects.create(
        connection=connection,
        account=Account.objects.get(),
        source_key="k",
        cl_ord_id="tp-1",
        spec={},
        symbol="ESZ6",
        action="Buy",
        order_qty=3,
        state=OrderIntent.State.ACCEPTED,
        order_id_at_broker=50,
    )


def test_an_intent_learns_of_its_fills_and_late_news_does_not_move_it_back(intent, entries) -> None:
    writing.write(entries(order("Filled", filled=3)))
    writing.write(entries(order("Working", filled=1)))
    intent.refresh_from_db()
    assert (intent.state, intent.filled_qty) == (OrderIntent.State.FILLED, 3)
    assert intent.average_price == Decimal("5000.33333333")


def test_a_busted_fill_is_taken_back_and_the_order_stays_ended(intent, entries) -> None:
    writing.write(entries(fill(90, qty=2, price=Decimal(5000)), fill(91, price=Decimal(5003)), order("Filled", 3)))
    intent.refresh_from_db()
    assert (intent.filled_qty, intent.average_price) == (3, Decimal(5001))
    writing.write(entries(fill(91, active=False), order("Filled", 2)))
    intent.refresh_from_db()
    assert (intent.state, intent.filled_qty, intent.average_price) == (OrderIntent.State.FILLED, 2, Decimal(5000))


def test_fills_of_an_earlier_day_count_though_the_broker_serves_only_todays(intent, entries) -> None:
    writing.write(entries(fill(90, price=Decimal(5000)), order("Working", 1)))
    # The next day, after a fresh snapshot: an order that stayed, and two contracts of this day.
    writing.write(entries(fill(95, qty=2, price=Decimal(5003)), order("Filled", 2)))
    intent.refresh_from_db()
    assert (intent.state, intent.filled_qty, intent.average_price) == (OrderIntent.State.FILLED, 3, Decimal(5002))


def test_a_database_that_is_away_delays_and_loses_nothing(connection, entries) -> None:
    failures = [OperationalError("database is locked")] * 3

    def write(batch: list[Entry]) -> list[int]:
        if failures:
            raise failures.pop()
        return writing.write(batch)

    journal = Journal(write)
    journal.put(connection.pk, "sim", [fill(90), order()])
    assert journal.flush()
    journal.close()
    assert (Fill.objects.count(), Order.objects.count(), failures) == (1, 1, [])


@pytest.mark.parametrize("state", ["25P03", "25006"])
def test_what_postgresql_tells_as_an_error_of_ours_loses_nothing(connection, state: str) -> None:
    """It has ended a session that stood still, or takes no writes for a while, as a standby does."""

    class Refused(Exception):
        sqlstate = state

    failures = [Refused]

    def write(batch: list[Entry]) -> list[int]:
        if failures:
            raise InternalError from failures.pop()
        return writing.write(batch)

    journal = Journal(write)
    journal.put(connection.pk, "sim", [fill(90)])
    assert journal.flush()
    journal.close()
    assert Fill.objects.count() == 1


def test_news_that_cannot_be_told_do_not_end_the_writing(intent, monkeypatch) -> None:
    def tell(_: list[int]) -> None:
        raise OrderLine.DoesNotExist("its file was deleted meanwhile")

    monkeypatch.setattr(intent_rows, "tell", tell)
    journal = Journal()
    journal.put(intent.connection_id, "sim", [order("Filled", filled=3)])
    assert journal.flush()
    journal.put(intent.connection_id, "sim", [fill(93)])
    assert journal.flush(patience=2)
    journal.close()
    assert Fill.objects.count() == 1


def test_newer_states_replace_what_waits(connection) -> None:
    written: list[Entry] = []
    gate = threading.Event()

    def write(batch: list[Entry]) -> list[int]:
        gate.wait(10)
        written.extend(batch)
        return []

    journal = Journal(write)
    journal.put(1, "sim", [fill(90)])
    for filled in range(1000):
        journal.put(1, "sim", [order(filled=filled)])
    gate.set()
    assert journal.flush()
    journal.close()
    assert [entry.record for entry in written if isinstance(entry.record, OrderRecord)][-1].filled_qty == 999
    assert len(written) <= 3


def test_a_failed_write_does_not_bring_an_older_state_back() -> None:
    assert written_after_a_failure(order("Working"), [order("Filled")]) == [order("Filled")]


def test_what_came_during_a_failed_write_keeps_its_order() -> None:
    """An order's new state after the account that came before it."""
    assert written_after_a_failure(order("Working"), [ACCOUNT, order("Filled")]) == [ACCOUNT, order("Filled")]


def written_after_a_failure(first: OrderRecord, then: list[Any]) -> list[Any]:
    """What is written when the write of `first` fails and `then` comes meanwhile."""
    started, gate = threading.Event(), threading.Event()
    written: list[Any] = []

    def write(batch: list[Entry]) -> list[int]:
        if not started.is_set():
            started.set()
            gate.wait(10)
            raise OperationalError("database is locked")
        written.extend(entry.record for entry in batch)
        return []

    journal = Journal(write)
    journal.put(1, "sim", [first])
    started.wait(10)
    journal.put(1, "sim", then)
    gate.set()
    assert journal.flush()
    journal.close()
    return written


def test_a_record_that_cannot_be_written_does_not_hold_up_the_others(connection) -> None:
    journal = Journal()
    impossible = FillRecord(92, 50, "ESZ6", "Buy", 1, Decimal("NaN"), True, NOON)
    journal.put(connection.pk, "sim", [fill(90), impossible, fill(91)])
    assert journal.flush()
    journal.put(connection.pk, "sim", [fill(93)])
    assert journal.flush()
    journal.close()
    assert set(Fill.objects.values_list("tradovate_id", flat=True)) == {90, 91, 93}
