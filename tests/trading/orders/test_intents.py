"""An intent is made once, moves only forwards, and keeps every step."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import Connection, User
from trading.models import Account, Fill, IntentTransition, Order, OrderIntent
from trading.orders import intents
from trading.orders.spec import OrderSpec
from trading.orders.states import State
from trading.orders.templates import one_cancels_other, sell_limit, sell_stop

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
    assert intents.accept(intent.pk, order_id)
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


def test_linked_orders_are_not_taken_for_single_ones(account: Account) -> None:
    pair = one_cancels_other(sell_limit("ESZ6", 1, "5010"), sell_stop("ESZ6", 1, "4990")).set_account(account.pk)
    with pytest.raises(ValueError, match="Linked orders"):
        intents.create(pair.build(), "click:1")
    assert not OrderIntent.objects.exists()


def test_only_the_first_claim_takes_it(intent: OrderIntent) -> None:
    assert intents.claim(intent.pk)
    assert not intents.claim(intent.pk)
    assert state(intent) == State.SUBMITTING


def test_a_step_that_the_table_does_not_know_is_an_error(intent: OrderIntent) -> None:
    with pytest.raises(ValueError, match="cannot go from"):
        intents.transition(intent.pk, {State.UNKNOWN}, State.CREATED)


def test_every_step_is_kept_with_its_detail(intent: OrderIntent) -> None:
    accepted(intent)
    intents.observe_order(intent.connection_id, 55, "Filled", 3, Decimal("5000.25"))
    steps = list(IntentTransition.objects.values_list("from_state", "to_state", "detail"))
    assert [step[:2] for step in steps] == [
        ("created", "submitting"),
        ("submitting", "accepted"),
        ("accepted", "filled"),
    ]
    assert "3 of 3" in steps[-1][2]
    intent.refresh_from_db()
    assert (intent.version, intent.filled_qty, intent.average_price) == (3, 3, Decimal("5000.25"))


def test_late_and_repeated_reports_change_nothing(intent: OrderIntent) -> None:
    accepted(intent)
    assert intents.observe_order(intent.connection_id, 55, "Working", 1, Decimal(5000)) == [intent.pk]
    assert intents.observe_order(intent.connection_id, 55, "Filled", 3, Decimal(5001)) == [intent.pk]
    assert intents.observe_order(intent.connection_id, 55, "Filled", 3, Decimal(5001)) == []
    assert intents.observe_order(intent.connection_id, 55, "Working", 1, Decimal(5000)) == []
    assert intents.observe_order(intent.connection_id, 55, "Canceled", 3, Decimal(5001)) == []
    intent.refresh_from_db()
    assert (intent.state, intent.filled_qty, intent.average_price) == (State.FILLED, 3, Decimal(5001))


def test_a_fill_that_comes_after_the_cancel_is_counted(intent: OrderIntent) -> None:
    accepted(intent)
    intents.observe_order(intent.connection_id, 55, "Canceled", 0, None, "cancelled by the trader")
    assert intents.observe_order(intent.connection_id, 55, "Canceled", 2, Decimal(5000)) == [intent.pk]
    intent.refresh_from_db()
    assert (intent.state, intent.filled_qty, intent.reason) == (State.CANCELLED, 2, "cancelled by the trader")


def test_the_same_order_id_of_another_connection_is_not_ours(intent: OrderIntent) -> None:
    accepted(intent)
    assert intents.observe_order(intent.connection_id + 1, 55, "Filled", 3, Decimal(5000)) == []
    assert intents.observe_command(intent.connection_id + 1, intent.cl_ord_id, 55) == []


def test_a_status_that_nobody_knows_says_nothing(intent: OrderIntent) -> None:
    accepted(intent)
    assert intents.observe_order(intent.connection_id, 55, "Quantum") == []
    assert state(intent) == State.ACCEPTED


def test_completed_counts_once_all_fills_are_here(intent: OrderIntent) -> None:
    accepted(intent)
    assert intents.observe_order(intent.connection_id, 55, "Completed", 1, Decimal(5000)) == [intent.pk]
    assert state(intent) == State.ACCEPTED
    assert intents.observe_order(intent.connection_id, 55, "Completed", 3, Decimal(5000)) == [intent.pk]
    assert state(intent) == State.FILLED


def test_the_command_resolves_an_unknown_and_catches_up_with_the_journal(intent: OrderIntent) -> None:
    intents.claim(intent.pk)
    intents.transition(intent.pk, {State.SUBMITTING}, State.UNKNOWN, reason="no answer")
    broker = {"connection_id": intent.connection_id, "symbol": "ESZ6", "action": "Buy", "at": timezone.now()}
    Order.objects.create(tradovate_id=55, account_id_at_broker=7, status="Filled", **broker)
    Fill.objects.create(tradovate_id=1, order_id_at_broker=55, qty=1, price=Decimal(5000), **broker)
    Fill.objects.create(tradovate_id=2, order_id_at_broker=55, qty=2, price=Decimal("5000.75"), **broker)

    assert intents.observe_command(intent.connection_id, intent.cl_ord_id, 55) == [intent.pk]

    intent.refresh_from_db()
    assert (intent.state, intent.filled_qty, intent.average_price) == (State.FILLED, 3, Decimal("5000.5"))
    assert intent.reason == ""
    assert intent.version == IntentTransition.objects.count() == 4
    assert intents.observe_command(intent.connection_id, intent.cl_ord_id, 55) == []


def test_only_an_abandoned_submission_becomes_unknown(intent: OrderIntent) -> None:
    assert intents.give_up_waiting(timezone.now() + timedelta(hours=1)) == []
    intents.claim(intent.pk)
    assert intents.give_up_waiting(timezone.now() - timedelta(seconds=60)) == []
    assert intents.give_up_waiting(timezone.now() + timedelta(seconds=1)) == [intent.pk]
    assert state(intent) == State.UNKNOWN
    assert "not be sent again" in intent.reason


def test_an_end_that_nobody_told_the_intent_is_found(intent: OrderIntent) -> None:
    accepted(intent)
    assert intents.observe_missed() == []
    broker = {"connection_id": intent.connection_id, "symbol": "ESZ6", "action": "Buy", "at": timezone.now()}
    Order.objects.create(tradovate_id=55, account_id_at_broker=7, status="Filled", **broker)
    Fill.objects.create(tradovate_id=1, order_id_at_broker=55, qty=3, price=Decimal(5000), **broker)
    assert intents.observe_missed() == [intent.pk]
    assert intents.observe_missed() == []
    assert state(intent) == State.FILLED
    assert intent.filled_qty == 3
