"""An intent is made once, moves only forwards, and keeps every step."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import ProtectedError, QuerySet
from django.utils import timezone

from accounts.models import Connection, User
from trading.models import Account, Fill, IntentTransition, Order, OrderIntent
from trading.orders import intents, reports
from trading.orders.spec import OrderSpec
from trading.orders.states import State
from trading.orders.templates import buy_limit, first_triggers_second, one_cancels_other, sell_limit, sell_stop
from trading.orders.wishes import Cancellation

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection() -> Connection:
    user = User.objects.create_user("sim:1")
    return Connection.objects.create(user=user, environment="sim", tradovate_user_id=1, name="trader")


@pytest.fixture
def account(connection: Connection) -> Account:
    return Account.objects.create(connection=connection, tradovate_id=7, name="DEMO7")


@pytest.fixture
def intent(account: Account) -> OrderIntent:
    return intents.create(OrderSpec(account_id=account.pk, symbol="ESZ6", action="Buy", order_qty=3), "file:x:1")


def accepted(intent: OrderIntent, order_id: int = 55) -> OrderIntent:
    assert intents.claim(intent.pk)
    assert reports.accept(intent.pk, order_id)
    intent.refresh_from_db()
    return intent


def state(intent: OrderIntent) -> str:
    intent.refresh_from_db()
    return intent.state


def test_the_same_source_key_makes_one_intent(account: Account, intent: OrderIntent) -> None:
    spec = OrderSpec(account_id=account.pk, symbol="ESZ6", action="Buy", order_qty=3)
    again = intents.create(spec, "file:x:1")
    other = intents.create(spec, "file:x:2")
    assert again == intent
    assert other.cl_ord_id != intent.cl_ord_id
    assert len(intent.cl_ord_id) <= 64
    assert OrderIntent.objects.count() == 2


def test_a_source_key_is_not_lent_to_another_order(account: Account, intent: OrderIntent) -> None:
    with pytest.raises(intents.SourceKeyReused):
        intents.create(OrderSpec(account_id=account.pk, symbol="ESZ6", action="Sell", order_qty=3), "file:x:1")


def test_a_price_with_more_zeros_is_the_same_order(account: Account) -> None:
    terms = {"account_id": account.pk, "symbol": "ESZ6", "action": "Buy", "order_qty": 3, "order_type": "Limit"}
    first = intents.create(OrderSpec(**terms, price=Decimal("5000.5")), "click:1")
    assert intents.create(OrderSpec(**terms, price=Decimal("5000.50")), "click:1") == first
    with pytest.raises(intents.SourceKeyReused):
        intents.create(OrderSpec(**terms, price=Decimal("5000.50"), text="another"), "click:1")


def test_linked_orders_travel_with_the_first_one_until_the_broker_has_them(account: Account) -> None:
    pair = one_cancels_other(sell_limit("ESZ6", 1, "5010"), sell_stop("ESZ6", 1, "4990")).set_account(account.pk)
    lead = intents.create(pair.build(), "click:1")
    assert intents.create(pair.build(), "click:1") == lead
    [leg] = lead.legs.all()
    assert (lead.kind, leg.kind, leg.cl_ord_id) == ("oco", "leg", f"{lead.cl_ord_id}-1")
    assert (leg.action, leg.order_type, leg.stop_price) == ("Sell", "Stop", Decimal(4990))
    assert intents.claim(leg.pk) == 0
    assert intents.claim(lead.pk) == 1
    assert state(leg) == State.SUBMITTING
    intents.transition(lead.pk, {State.SUBMITTING}, State.UNKNOWN, "no answer", reason="no answer")
    assert (state(leg), leg.reason) == (State.UNKNOWN, "no answer")
    assert reports.accept(lead.pk, 55, legs={1: 56})
    assert (state(leg), leg.order_id_at_broker, leg.reason) == (State.ACCEPTED, 56, "")
    reports.observe_order(lead.connection_id, 55, "Canceled")
    assert (state(lead), state(leg)) == (State.CANCELLED, State.ACCEPTED)
    reports.observe_order(lead.connection_id, 56, "Filled", 1, Decimal(4990))
    assert state(leg) == State.FILLED


def test_a_refusal_is_that_of_the_linked_orders_too(account: Account) -> None:
    pair = one_cancels_other(sell_limit("ESZ6", 1, "5010"), sell_stop("ESZ6", 1, "4990")).set_account(account.pk)
    lead = intents.create(pair.build(), "click:1")
    [leg] = lead.legs.all()
    intents.claim(lead.pk)
    intents.transition(lead.pk, {State.SUBMITTING}, State.REJECTED, "no margin", reason="no margin")
    assert (state(leg), leg.reason) == (State.REJECTED, "no margin")


@pytest.mark.parametrize("told", [State.SUBMITTING, State.UNKNOWN, State.ABSENT])
def test_a_refusal_takes_along_what_the_leads_command_left_behind(account: Account, told: State) -> None:
    pair = one_cancels_other(sell_limit("ESZ6", 1, "5010"), sell_stop("ESZ6", 1, "4990")).set_account(account.pk)
    lead = intents.create(pair.build(), "click:1")
    [leg] = lead.legs.all()
    intents.claim(lead.pk)
    assert reports.observe_command(lead.connection_id, lead.cl_ord_id, 55) == [lead.pk]
    OrderIntent.objects.filter(pk=leg.pk).update(state=told)
    intents.transition(lead.pk, {State.ACCEPTED}, State.REJECTED, "no margin", reason="no margin")
    assert (state(leg), leg.reason) == (State.REJECTED, "no margin")


def test_a_refusal_leaves_a_linked_order_that_the_broker_has(account: Account) -> None:
    pair = one_cancels_other(sell_limit("ESZ6", 1, "5010"), sell_stop("ESZ6", 1, "4990")).set_account(account.pk)
    lead = intents.create(pair.build(), "click:1")
    [leg] = lead.legs.all()
    intents.claim(lead.pk)
    for one, order_id in ((lead, 55), (leg, 56)):
        reports.observe_command(lead.connection_id, one.cl_ord_id, order_id)
    intents.transition(lead.pk, {State.ACCEPTED}, State.REJECTED, "no margin", reason="no margin")
    assert state(leg) == State.ACCEPTED


def test_a_leg_that_the_reply_does_not_name_is_looked_for(account: Account) -> None:
    pair = one_cancels_other(sell_limit("ESZ6", 1, "5010"), sell_stop("ESZ6", 1, "4990")).set_account(account.pk)
    lead = intents.create(pair.build(), "click:1")
    [leg] = lead.legs.all()
    intents.claim(lead.pk)
    reports.accept(lead.pk, 55, legs={1: None})
    assert state(leg) == State.UNKNOWN


def test_every_step_has_its_time(account: Account) -> None:
    received = timezone.now() - timedelta(seconds=3)
    checked = timezone.now() - timedelta(seconds=2)
    spec = OrderSpec(account_id=account.pk, symbol="ESZ6", action="Buy", order_qty=3)
    intent = intents.create(spec, "click:1", received_at=received, checked_at=checked)
    accepted(intent)
    at_exchange = timezone.now()
    reports.observe_order(intent.connection_id, 55, "PendingNew", at=at_exchange)
    reports.observe_order(intent.connection_id, 55, "PendingNew")
    reports.observe_order(intent.connection_id, 55, "Filled", 3, Decimal(5000))
    for _ in range(2):
        intents.seen(intent.connection_id, [55, 56])
    steps = {step.step: step for step in intent.transitions.all()}
    assert list(steps) == [
        *("received", "checked", "queued", "sent", "acknowledged", "exchange", "filled", "seen"),
    ]
    assert (steps["received"].at, steps["checked"].at) == (received, checked)
    milliseconds = at_exchange.microsecond // 1000
    assert f"Tradovate's time {at_exchange:%H:%M:%S}.{milliseconds:03d} UTC" in steps["exchange"].detail
    intent.refresh_from_db()
    assert intent.version == intent.transitions.exclude(step__in=IntentTransition.BESIDE).count() == 4
    assert intent.transitions.count() == 8


def test_orders_are_noted_as_seen_in_the_order_in_which_answers_lock_them(account: Account) -> None:
    """Of a lead and its legs PostgreSQL would end one of the two otherwise."""
    spec = OrderSpec(account_id=account.pk, symbol="ESZ6", action="Buy", order_qty=3)
    made = [intents.create(spec, f"click:{number}").pk for number in (57, 56, 55)]
    for number, pk in enumerate(reversed(made), start=55):
        intents.claim(pk)
        reports.accept(pk, number)
    intents.seen(account.connection_id, [55, 56, 57])
    noted = QuerySet(IntentTransition).filter(step="seen").order_by("pk")
    assert list(noted.values_list("intent", flat=True)) == made


def test_an_order_that_fills_at_once_was_at_the_exchange(intent: OrderIntent) -> None:
    accepted(intent)
    reports.observe_order(intent.connection_id, 55, "Filled", 3, Decimal(5000))
    assert [step.step for step in intent.transitions.all()][-2:] == ["exchange", "filled"]


def test_an_orders_end_settles_its_cancellation(intent: OrderIntent) -> None:
    accepted(intent)
    made = []
    for number, order_id in enumerate((55, 56)):
        wish = Cancellation(account_id=intent.account_id, order_id=order_id)
        made.append(intents.create(wish, f"click:{number}"))
        intents.claim(made[-1].pk)
        reports.accept(made[-1].pk, command_id=90 + number)
    reports.observe_order(intent.connection_id, 55, "Canceled")
    reports.observe_order(intent.connection_id, 56, "Filled", 1, Decimal(5000))
    assert [state(one) for one in made] == [State.DONE, State.INEFFECTIVE]
    assert "filled before it could be cancelled" in made[1].reason


def test_an_orders_end_settles_a_cancellation_whose_answer_was_lost(intent: OrderIntent) -> None:
    accepted(intent)
    lost = intents.create(Cancellation(account_id=intent.account_id, order_id=55), "click:1")
    intents.claim(lost.pk)
    intents.transition(lost.pk, {State.SUBMITTING}, State.UNKNOWN, reason="no answer")
    reports.observe_order(intent.connection_id, 55, "Working")
    assert state(lost) == State.UNKNOWN
    reports.observe_order(intent.connection_id, 55, "Canceled")
    assert (state(lost), lost.reason) == (State.DONE, "")


def test_only_a_file_lets_what_was_not_sent_wait(account: Account, intent: OrderIntent) -> None:
    spec = OrderSpec(account_id=account.pk, symbol="ESZ6", action="Buy", order_qty=1)
    click = intents.create(spec, "click:1")
    assert intents.give_up_unsent(timezone.now() - timedelta(minutes=1)) == []
    assert intents.give_up_unsent(timezone.now()) == [click.pk]
    assert (state(click), state(intent)) == (State.CANCELLED, State.CREATED)


def test_only_the_first_claim_takes_it(intent: OrderIntent) -> None:
    assert intents.claim(intent.pk)
    assert not intents.claim(intent.pk)
    assert state(intent) == State.SUBMITTING


def test_a_step_that_the_table_does_not_know_is_an_error(intent: OrderIntent) -> None:
    with pytest.raises(ValueError, match="cannot go from"):
        intents.transition(intent.pk, {State.UNKNOWN}, State.CREATED)


def test_every_step_is_kept_with_its_detail(intent: OrderIntent) -> None:
    accepted(intent)
    reports.observe_order(intent.connection_id, 55, "Filled", 3, Decimal("5000.25"))
    steps = list(IntentTransition.objects.values_list("from_state", "to_state", "detail"))
    assert [step[:2] for step in steps] == [
        ("created", "created"),
        ("created", "submitting"),
        ("submitting", "accepted"),
        ("accepted", "accepted"),
        ("accepted", "filled"),
    ]
    assert "3 of 3" in steps[-1][2]
    intent.refresh_from_db()
    assert (intent.version, intent.filled_qty, intent.average_price) == (4, 3, Decimal("5000.25"))


def test_late_and_repeated_reports_change_nothing(intent: OrderIntent) -> None:
    accepted(intent)
    assert reports.observe_order(intent.connection_id, 55, "Working", 1, Decimal(5000)) == [intent.pk]
    assert reports.observe_order(intent.connection_id, 55, "Filled", 3, Decimal(5001)) == [intent.pk]
    assert reports.observe_order(intent.connection_id, 55, "Filled", 3, Decimal(5001)) == []
    assert reports.observe_order(intent.connection_id, 55, "Working", 1, Decimal(5000)) == []
    assert reports.observe_order(intent.connection_id, 55, "Canceled", 3, Decimal(5001)) == []
    intent.refresh_from_db()
    assert (intent.state, intent.filled_qty, intent.average_price) == (State.FILLED, 3, Decimal(5001))


def test_a_fill_that_comes_after_the_cancel_is_counted(intent: OrderIntent) -> None:
    accepted(intent)
    reports.observe_order(intent.connection_id, 55, "Canceled", 0, None, "cancelled by the trader")
    assert reports.observe_order(intent.connection_id, 55, "Canceled", 2, Decimal(5000)) == [intent.pk]
    intent.refresh_from_db()
    assert (intent.state, intent.filled_qty, intent.reason) == (State.CANCELLED, 2, "cancelled by the trader")


def test_the_same_order_id_of_another_connection_is_not_ours(intent: OrderIntent) -> None:
    accepted(intent)
    assert reports.observe_order(intent.connection_id + 1, 55, "Filled", 3, Decimal(5000)) == []
    assert reports.observe_command(intent.connection_id + 1, intent.cl_ord_id, 55) == []


def test_a_status_that_nobody_knows_says_nothing(intent: OrderIntent) -> None:
    accepted(intent)
    assert reports.observe_order(intent.connection_id, 55, "Quantum") == []
    assert state(intent) == State.ACCEPTED


def test_completed_counts_once_all_fills_are_here(intent: OrderIntent) -> None:
    accepted(intent)
    assert reports.observe_order(intent.connection_id, 55, "Completed", 1, Decimal(5000)) == [intent.pk]
    assert state(intent) == State.ACCEPTED
    assert reports.observe_order(intent.connection_id, 55, "Completed", 3, Decimal(5000)) == [intent.pk]
    assert state(intent) == State.FILLED


def test_completed_counts_for_an_order_of_which_contracts_were_taken_off(intent: OrderIntent) -> None:
    accepted(intent)
    broker = {"connection_id": intent.connection_id, "symbol": "ESZ6", "action": "Buy", "at": timezone.now()}
    order = Order.objects.create(tradovate_id=55, account_id_at_broker=7, status="Completed", order_qty=3, **broker)
    Fill.objects.create(tradovate_id=1, order_id_at_broker=55, qty=2, price=Decimal(5000), **broker)
    assert reports.observe_order(intent.connection_id, 55, "Completed", 2, Decimal(5000)) == [intent.pk]
    assert reports.observe_missed() == []
    assert state(intent) == State.ACCEPTED
    Order.objects.filter(pk=order.pk).update(order_qty=2)
    assert reports.observe_missed() == [intent.pk]
    assert reports.observe_missed() == []
    assert state(intent) == State.FILLED


def test_completed_waits_for_the_contracts_that_an_order_got_later(intent: OrderIntent) -> None:
    accepted(intent)
    broker = {"connection_id": intent.connection_id, "symbol": "ESZ6", "action": "Buy", "at": timezone.now()}
    Order.objects.create(tradovate_id=55, account_id_at_broker=7, status="Completed", order_qty=4, **broker)
    assert reports.observe_order(intent.connection_id, 55, "Completed", 3, Decimal(5000)) == [intent.pk]
    assert state(intent) == State.ACCEPTED
    assert reports.observe_order(intent.connection_id, 55, "Completed", 4, Decimal(5000)) == [intent.pk]
    assert state(intent) == State.FILLED


def test_the_command_resolves_an_unknown_and_catches_up_with_the_journal(intent: OrderIntent) -> None:
    intents.claim(intent.pk)
    intents.transition(intent.pk, {State.SUBMITTING}, State.UNKNOWN, reason="no answer")
    broker = {"connection_id": intent.connection_id, "symbol": "ESZ6", "action": "Buy", "at": timezone.now()}
    Order.objects.create(tradovate_id=55, account_id_at_broker=7, status="Filled", **broker)
    Fill.objects.create(tradovate_id=1, order_id_at_broker=55, qty=1, price=Decimal(5000), **broker)
    Fill.objects.create(tradovate_id=2, order_id_at_broker=55, qty=2, price=Decimal("5000.75"), **broker)

    assert reports.observe_command(intent.connection_id, intent.cl_ord_id, 55) == [intent.pk]

    intent.refresh_from_db()
    assert (intent.state, intent.filled_qty, intent.average_price) == (State.FILLED, 3, Decimal("5000.5"))
    assert intent.reason == ""
    assert intent.version == IntentTransition.objects.exclude(step__in=IntentTransition.BESIDE).count() == 5
    assert reports.observe_command(intent.connection_id, intent.cl_ord_id, 55) == []


@pytest.mark.parametrize("meanwhile", ["nothing", "the journal", "the stream"])
def test_an_accepted_intent_is_at_once_what_the_database_has(intent: OrderIntent, meanwhile: str) -> None:
    assert intents.claim(intent.pk)
    intent.refresh_from_db()
    if meanwhile == "the journal":
        broker = {"connection_id": intent.connection_id, "symbol": "ESZ6", "action": "Buy", "at": timezone.now()}
        Order.objects.create(tradovate_id=55, account_id_at_broker=7, status="Canceled", **broker)
    if meanwhile == "the stream":
        assert reports.accept(intent.pk, 55)
    assert reports.accept(intent, 55) is (meanwhile != "the stream")
    names = [field.attname for field in OrderIntent._meta.concrete_fields]
    kept = OrderIntent.objects.get(pk=intent.pk)
    assert {name: getattr(intent, name) for name in names} == {name: getattr(kept, name) for name in names}
    assert kept.state == (State.CANCELLED if meanwhile == "the journal" else State.ACCEPTED)
    assert kept.transitions.filter(step=IntentTransition.Step.ACKNOWLEDGED).count() == 1


def test_only_an_abandoned_submission_becomes_unknown(intent: OrderIntent) -> None:
    assert intents.give_up_waiting(timezone.now() + timedelta(hours=1)) == []
    intents.claim(intent.pk)
    assert intents.give_up_waiting(timezone.now() - timedelta(seconds=60)) == []
    assert intents.give_up_waiting(timezone.now() + timedelta(seconds=1)) == [intent.pk]
    assert state(intent) == State.UNKNOWN
    assert "not be sent again" in intent.reason


def test_an_end_that_nobody_told_the_intent_is_found(intent: OrderIntent) -> None:
    accepted(intent)
    assert reports.observe_missed() == []
    broker = {"connection_id": intent.connection_id, "symbol": "ESZ6", "action": "Buy", "at": timezone.now()}
    Order.objects.create(tradovate_id=55, account_id_at_broker=7, status="Filled", **broker)
    Fill.objects.create(tradovate_id=1, order_id_at_broker=55, qty=3, price=Decimal(5000), **broker)
    assert reports.observe_missed() == [intent.pk]
    assert reports.observe_missed() == []
    assert state(intent) == State.FILLED
    assert intent.filled_qty == 3


def test_a_cancellation_whose_orders_end_nobody_told_is_settled(intent: OrderIntent) -> None:
    cancellation = intents.create(Cancellation(account_id=intent.account_id, order_id=77), "click:1")
    intents.claim(cancellation.pk)
    reports.accept(cancellation.pk, command_id=90)
    broker = {"connection_id": intent.connection_id, "symbol": "ESZ6", "action": "Buy", "at": timezone.now()}
    Order.objects.create(tradovate_id=77, account_id_at_broker=7, status="Canceled", **broker)
    assert reports.observe_missed() == [cancellation.pk]
    assert reports.observe_missed() == []
    assert state(cancellation) == State.DONE


def test_the_history_cannot_be_rewritten(intent: OrderIntent) -> None:
    step = intent.transitions.get()
    step.detail = "something else"
    with pytest.raises(TypeError, match="append-only"):
        step.save()
    with pytest.raises(TypeError, match="append-only"):
        step.delete()
    with pytest.raises(TypeError, match="append-only"):
        intent.transitions.update(detail="something else")
    with pytest.raises(TypeError, match="append-only"):
        IntentTransition.objects.filter(intent=intent).delete()
    with pytest.raises(ProtectedError):
        intent.delete()
    assert intent.transitions.get().detail == ""


def test_the_same_key_is_the_same_order_at_tradovate_also_after_its_rows_are_lost(account: Account) -> None:
    """So that a database that was restored from a backup recognises what it has sent."""
    exits = one_cancels_other(sell_limit("ESZ6", 1, "4010"), sell_stop("ESZ6", 1, "3990"))
    spec = first_triggers_second(buy_limit("ESZ6", 1, "4000"), exits).set_account(account.pk).build()

    def named(key: str) -> list[str]:
        lead = intents.create(spec, key)
        return [lead.cl_ord_id, *lead.legs.order_by("pk").values_list("cl_ord_id", flat=True)]

    before = named("file:1:1")
    for model in (IntentTransition, OrderIntent):
        QuerySet(model).delete()
    other = named("file:1:2")
    assert named("file:1:1") == before
    assert len({*before, *other}) == 6


def test_words_that_are_longer_than_their_room_are_cut_and_not_refused(account: Account) -> None:
    """SQLite would take them, PostgreSQL refuses the whole step."""
    spec = OrderSpec(account_id=account.pk, symbol="ESZ6", action="Buy", order_qty=3)
    intent = intents.create(spec, "click:long")
    assert intents.give_up(intent.pk, "x" * 300)
    intent.refresh_from_db()
    assert intent.reason == "x" * 255
    assert intents.remark(intent, "y" * 300)
    assert not intents.remark(OrderIntent.objects.get(pk=intent.pk), "y" * 300)
