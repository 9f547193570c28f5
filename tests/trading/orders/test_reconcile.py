"""A lost answer is looked up in the broker's own records; what is not there is said to be so only when that is sure."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from django.db import connections
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Connection
from tests.trading.cast import order_of, orders_at_broker, posts, sign_in
from trading import tasks
from trading.models import Account, IntentTransition, OrderIntent, Upstream
from trading.orders import as_code, contracts, gateway, intents, lookup, protection, reconcile, reports
from trading.orders.spec import OrderSpec
from trading.orders.states import State
from trading.simulator import RunningSimulator
from trading.sync import intent_rows
from trading.tradovate.budgets import Budgets
from trading.tradovate.entities import Command
from trading.tradovate.transport import Transport

ROUTE = "order/placeorder"


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settle time is over as soon as it begins."""
    monkeypatch.setattr(reconcile, "SETTLE", timedelta(0))


def unknown(simulator: RunningSimulator, intent: OrderIntent, fault: str) -> None:
    simulator.control.fault(fault, ROUTE)
    assert gateway.submit(intent.pk) == State.UNKNOWN


def now(intent: OrderIntent) -> OrderIntent:
    intent.refresh_from_db()
    return intent


def test_an_order_that_arrived_is_found_with_its_fills(simulator: RunningSimulator, intent: OrderIntent) -> None:
    unknown(simulator, intent, "lose_reply")
    assert reconcile.look(intent.connection_id) == [intent.pk]
    assert (now(intent).state, intent.filled_qty) == (State.FILLED, 2)
    assert intent.order_id_at_broker == order_of(simulator, intent.cl_ord_id)
    fills = [
        fill for fill in simulator.control.ledger()["entities"]["fill"] if fill["orderId"] == intent.order_id_at_broker
    ]
    assert intent.average_price == sum(fill["qty"] * Decimal(str(fill["price"])) for fill in fills) / 2
    assert intent.reason == ""


def test_an_order_that_rests_is_found_working(simulator: RunningSimulator, account: Account, symbol: str) -> None:
    spec = OrderSpec(
        account_id=account.pk, symbol=symbol, action="Buy", order_qty=1, order_type="Limit", price=Decimal(4000)
    )
    intent = intents.create(spec, "test:rests")
    unknown(simulator, intent, "error_500_after")
    reconcile.look(intent.connection_id)
    assert (now(intent).state, intent.filled_qty) == (State.WORKING, 0)


def test_an_order_that_was_refused_is_found_with_the_reason(
    simulator: RunningSimulator, account: Account, symbol: str
) -> None:
    spec = OrderSpec(account_id=account.pk, symbol=symbol, action="Buy", order_qty=40)
    intent = intents.create(spec, "test:too-much")
    unknown(simulator, intent, "lose_reply")
    reconcile.look(intent.connection_id)
    assert now(intent).state == State.REJECTED
    assert "margin" in intent.reason


@pytest.mark.usefixtures("settled")
def test_an_order_that_is_not_there_is_never_sent_by_itself(simulator: RunningSimulator, intent: OrderIntent) -> None:
    unknown(simulator, intent, "reset_before")
    assert reconcile.look(intent.connection_id) == [intent.pk]
    assert now(intent).state == State.ABSENT
    assert gateway.submit(intent.pk) == State.ABSENT
    assert orders_at_broker(simulator) == []
    assert intents.want_again(intent.pk)
    assert gateway.submit(intent.pk) == State.ACCEPTED
    assert orders_at_broker(simulator) == [(intent.cl_ord_id, "Buy", 2)]


def test_not_there_does_not_count_before_the_settle_time_is_over(
    simulator: RunningSimulator, intent: OrderIntent
) -> None:
    unknown(simulator, intent, "reset_before")
    OrderIntent.objects.update(changed_at=timezone.now() - reconcile.SETTLE + timedelta(seconds=2))
    assert reconcile.look(intent.connection_id) == []
    assert now(intent).state == State.UNKNOWN
    assert reconcile.due(intent.changed_at + reconcile.SETTLE) == [intent.connection_id], (
        "the look that counts is on time"
    )


@pytest.mark.usefixtures("settled")
def test_an_order_that_shows_up_after_all_is_taken(simulator: RunningSimulator, intent: OrderIntent) -> None:
    unknown(simulator, intent, "reset_before")
    reconcile.look(intent.connection_id)
    assert reports.observe_command(intent.connection_id, intent.cl_ord_id, 77) == [intent.pk]
    assert (now(intent).state, intent.order_id_at_broker) == (State.ACCEPTED, 77)


@pytest.mark.usefixtures("settled")
def test_what_moved_during_the_look_is_left_alone(
    simulator: RunningSimulator, intent: OrderIntent, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown(simulator, intent, "reset_before")
    search = lookup.search

    async def slow(*arguments: object) -> object:
        found = await search(*arguments)
        await OrderIntent.objects.filter(pk=intent.pk).aupdate(version=intent.version + 9)
        return found

    monkeypatch.setattr(lookup, "search", slow)
    assert reconcile.look(intent.connection_id) == []
    assert now(intent).state == State.UNKNOWN


@pytest.mark.usefixtures("settled")
def test_while_tradovate_is_away_nothing_is_concluded(simulator: RunningSimulator, intent: OrderIntent) -> None:
    unknown(simulator, intent, "lose_reply")
    simulator.control.fault("error_500", "command/list")
    assert reconcile.look(intent.connection_id) == []
    assert now(intent).state == State.UNKNOWN
    assert reconcile.look(intent.connection_id) == [intent.pk]


@pytest.mark.usefixtures("settled")
def test_a_trader_who_signed_out_is_not_looked_for(
    simulator: RunningSimulator, connection: Connection, intent: OrderIntent
) -> None:
    unknown(simulator, intent, "lose_reply")
    connection.forget_tokens()
    assert reconcile.look(intent.connection_id) == []
    assert now(intent).state == State.UNKNOWN


@pytest.mark.usefixtures("settled")
def test_another_trading_day_proves_nothing(simulator: RunningSimulator, intent: OrderIntent) -> None:
    unknown(simulator, intent, "reset_before")
    yesterday = timezone.now() - timedelta(days=1)
    assert QuerySet(IntentTransition).filter(intent=intent, to_state=State.SUBMITTING).update(at=yesterday) == 1
    version = now(intent).version
    assert reconcile.look(intent.connection_id) == [intent.pk], "open pages are told"
    assert now(intent).state == State.UNKNOWN
    assert "statement" in intent.reason
    assert intent.version > version, "or they would take it for what they know"
    assert "look at your statement" in intent_rows.words(intent)
    assert "is looking for it" not in intent_rows.words(intent)
    assert reconcile.look(intent.connection_id) == [], "once"


@pytest.mark.usefixtures("settled")
def test_on_a_holiday_what_was_sent_before_five_proves_nothing_after_it(
    simulator: RunningSimulator, intent: OrderIntent
) -> None:
    """Thanksgiving and Friday are one trade date; whether Tradovate shows Thursday's orders until then is not known."""
    unknown(simulator, intent, "reset_before")
    sent_at = datetime.fromisoformat("2026-11-26T16:50-06:00")
    QuerySet(IntentTransition).filter(intent=intent, to_state=State.SUBMITTING).update(at=sent_at)
    with time_machine.travel("2026-11-26T17:05-06:00", tick=False):
        reconcile.look(intent.connection_id)
    assert now(intent).state == State.UNKNOWN


def test_looks_come_soon_at_first_and_then_less_often(simulator: RunningSimulator, intent: OrderIntent) -> None:
    unknown(simulator, intent, "reset_before")
    since = now(intent).changed_at
    assert reconcile.due(since + timedelta(seconds=4)) == []
    assert reconcile.due(since + timedelta(seconds=5)) == [intent.connection_id]
    looks, moment = 0, since
    while moment < since + timedelta(hours=1):
        moment += timedelta(seconds=1)
        if reconcile.due(moment):
            looks += 1
            OrderIntent.objects.update(looked_at=moment)
    assert 20 < looks < 100


@pytest.mark.parametrize("trouble", ["error_503_after", "garbage"])
def test_looks_that_tradovate_does_not_answer_put_none_off(
    simulator: RunningSimulator, intent: OrderIntent, trouble: str
) -> None:
    """After an outage of forty minutes what never arrived is clear within half a minute, at once where the hub had lost
    Tradovate as well, and the looks before have left most of the trader's requests."""
    unknown(simulator, intent, "reset_before")
    simulator.control.fault(trouble, "command/list", probability=1)
    began, looks = now(intent).changed_at, []
    with time_machine.travel(began, tick=False) as clock:
        for after in range(6, 2402, 2):
            clock.move_to(began + timedelta(seconds=after))
            if reconcile.due(timezone.now()):
                assert reconcile.look(intent.connection_id) == []
                looks.append(after)
        assert [later - earlier for earlier, later in pairwise(looks)][:9] == [6] * 9
        assert {later - earlier for earlier, later in pairwise(looks[20:])} == {30}
        simulator.control.fault("clear")
        clock.move_to(began + timedelta(seconds=looks[-1] + 8))
        assert reconcile.due(timezone.now()) == []
        upstream = Upstream.objects.create(
            connection=intent.connection, state="up", since=timezone.now(), synced_at=timezone.now()
        )
        assert reconcile.due(timezone.now()) == [intent.connection_id]
        upstream.delete()
        clock.move_to(began + timedelta(seconds=looks[-1] + 30))
        assert reconcile.due(timezone.now()) == [intent.connection_id]
        reconcile.look(intent.connection_id)
    assert now(intent).state == State.ABSENT


@pytest.mark.usefixtures("settled")
def test_who_waits_for_tradovate_keeps_no_connection_to_the_database(
    simulator: RunningSimulator, intent: OrderIntent, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown(simulator, intent, "reset_before")
    search, connected = lookup.search, []
    database = connections["default"]

    async def searching(*about: Any) -> Any:
        connected.append(database.connection)
        return await search(*about)

    monkeypatch.setattr(lookup, "search", searching)
    assert reconcile.look(intent.connection_id) == [intent.pk]
    assert connected == [None]


@pytest.mark.parametrize(
    "look",
    [
        lambda account: contracts.look_up(account.connection, ["NQH7"]),
        lambda account: contracts.has_product(account.connection, "GC"),
        protection.read,
        lambda account: as_code.order_code(account.connection),
    ],
)
def test_nor_does_who_waits_for_what_a_page_shows(
    account: Account, intent: OrderIntent, look: Callable[[Account], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gateway.submit(intent.pk) == State.ACCEPTED
    before, connected = Budgets.before, []
    database = connections["default"]

    async def sending(self: Budgets, *about: Any, **options: Any) -> None:
        connected.append(database.connection)
        await before(self, *about, **options)

    monkeypatch.setattr(Budgets, "before", sending)
    look(account)
    assert set(connected) == {None}


@pytest.mark.parametrize("news", ["signed_in_at", "renewed_at", "synced_at"])
def test_looks_from_before_another_answer_could_come_put_none_off(
    connection: Connection, intent: OrderIntent, news: str
) -> None:
    since, looked_at = timezone.now() - timedelta(hours=1), timezone.now()
    OrderIntent.objects.update(state=State.UNKNOWN, changed_at=since, looked_at=looked_at)
    before, after = (looked_at + timedelta(seconds=seconds) for seconds in (-1, 1))
    soon = looked_at + timedelta(seconds=5)
    Upstream.objects.create(connection=connection, state="up", since=before, synced_at=before)
    assert reconcile.due(soon) == []
    if news == "synced_at":
        Upstream.objects.update(synced_at=after)
    else:
        Connection.objects.update(**{news: after})
    assert reconcile.due(soon) == [connection.pk]


@pytest.mark.usefixtures("settled")
def test_who_is_signed_out_is_not_asked_for_again_and_again(
    simulator: RunningSimulator, connection: Connection, intent: OrderIntent
) -> None:
    unknown(simulator, intent, "lose_reply")
    OrderIntent.objects.update(changed_at=timezone.now() - timedelta(hours=1))
    connection.forget_tokens()
    assert reconcile.look(intent.connection_id) == []
    assert reconcile.due(timezone.now() + timedelta(minutes=4)) == []


@pytest.mark.usefixtures("settled")
def test_while_a_look_goes_on_none_is_due(
    simulator: RunningSimulator, intent: OrderIntent, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown(simulator, intent, "reset_before")
    ask, due = reconcile.ask, []

    def asked(*question: Any) -> Any:
        due.extend(reconcile.due(timezone.now()))
        return ask(*question)

    monkeypatch.setattr(reconcile, "ask", asked)
    assert reconcile.due(timezone.now()) == [intent.connection_id]
    assert reconcile.look(intent.connection_id) == [intent.pk]
    assert due == []


def test_every_look_sends_nothing(simulator: RunningSimulator, intent: OrderIntent) -> None:
    unknown(simulator, intent, "lose_reply")
    for _ in range(3):
        reconcile.look(intent.connection_id)
    assert len(posts(simulator)) == 1


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("changed_since", [False, True], ids=["nothing", "a change of the order"])
def test_a_list_that_was_cut_short_does_not_pass_for_not_there(
    simulator: RunningSimulator, intent: OrderIntent, monkeypatch: pytest.MonkeyPatch, changed_since: bool
) -> None:
    unknown(simulator, intent, "lose_reply")
    order_id = order_of(simulator, intent.cl_ord_id)
    for number in range(3):
        later = intents.create(intents.spec_of(intent), f"test:later:{number}")
        gateway.submit(later.pk)
    change = Command(id=1, order_id=order_id, timestamp=timezone.now(), command_type="Modify", command_status="Pending")

    get = Transport.get

    async def cut_short(self: Transport, path: str, *arguments: Any) -> Any:
        if path.lower() == "command/list":
            return [change] if changed_since else []
        return await get(self, path, *arguments)

    monkeypatch.setattr(Transport, "get", cut_short)
    monkeypatch.setattr(lookup, "ORDERS_AT_A_TIME", 1)
    assert reconcile.look(intent.connection_id) == [intent.pk]
    assert (now(intent).state, intent.order_id_at_broker) == (State.FILLED, order_id)


@pytest.mark.parametrize(("status", "then"), [("OnHold", State.ACCEPTED), ("RiskRejected", State.REJECTED)])
def test_an_order_that_is_not_served_is_told_by_its_command(
    simulator: RunningSimulator, intent: OrderIntent, monkeypatch: pytest.MonkeyPatch, status: str, then: State
) -> None:
    """`order/items` leaves out what Tradovate does not know."""
    unknown(simulator, intent, "lose_reply")
    order_id = order_of(simulator, intent.cl_ord_id)
    placed = Command(
        id=1,
        order_id=order_id,
        timestamp=timezone.now(),
        cl_ord_id=intent.cl_ord_id,
        command_type="New",
        command_status=status,
    )
    served = {"command/list": [placed], "order/items": []}
    get = Transport.get

    async def answer(self: Transport, path: str, *arguments: Any) -> Any:
        return served[path.lower()] if path.lower() in served else await get(self, path, *arguments)

    monkeypatch.setattr(Transport, "get", answer)
    assert reconcile.look(intent.connection_id) == [intent.pk]
    assert now(intent).state == then
    assert intent.order_id_at_broker == (order_id if then == State.ACCEPTED else None)


def test_a_fault_with_one_traders_orders_keeps_nobody_elses_unknown(
    simulator: RunningSimulator, intent: OrderIntent, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown(simulator, intent, "lose_reply")
    look, looked = reconcile.look, []

    def faulty(connection_id: int) -> list[int]:
        looked.append(connection_id)
        return look(connection_id) if connection_id == intent.connection_id else 1 // 0

    monkeypatch.setattr(reconcile, "look", faulty)
    other = sign_in(simulator, "pro").pk
    monkeypatch.setattr(reconcile, "due", lambda *_: [other, intent.connection_id])
    with pytest.raises(tasks.Undone):
        tasks.reconcile_orders()
    assert set(looked) == {other, intent.connection_id}
    assert now(intent).state == State.FILLED


@pytest.mark.parametrize(("sent_at", "then"), [("17:00:20", State.UNKNOWN), ("17:02:00", State.ABSENT)])
def test_a_clock_that_is_some_seconds_fast_at_the_days_end_proves_nothing(
    intent: OrderIntent, sent_at: str, then: State
) -> None:
    """A portal that takes 16:59:50 for 17:00:20 sends on the old day and looks on the new one."""
    intents.claim(intent.pk)
    intents.transition(intent.pk, {State.SUBMITTING}, State.UNKNOWN)
    at = datetime.fromisoformat(f"2026-11-24T{sent_at}-06:00")
    QuerySet(IntentTransition).filter(intent=intent, to_state=State.SUBMITTING).update(at=at)
    OrderIntent.objects.update(changed_at=at)
    with time_machine.travel(datetime.fromisoformat("2026-11-24T17:05:00-06:00"), tick=False):
        reconcile._resolve(now(intent), None, timezone.now())
    assert now(intent).state == then
