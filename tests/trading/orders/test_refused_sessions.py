"""A session that Tradovate ends early: the trader is told at once what to do, and no order goes out twice."""

import pytest
from django.utils import timezone

from accounts import renewal
from accounts.models import Connection
from tests.accounts.conftest import Browser
from tests.trading.cast import listed, orders_at_broker, posts
from trading.models import Account, OrderIntent, Upstream
from trading.orders import contracts, gateway, intents, reconcile
from trading.orders.spec import OrderSpec
from trading.orders.states import State
from trading.simulator import RunningSimulator


def test_an_order_that_meets_an_ended_session_is_not_sent_and_says_sign_in(
    simulator: RunningSimulator, intent: OrderIntent
) -> None:
    simulator.control.fault("expire_tokens", user="trader")
    for _ in range(2):
        with pytest.raises(gateway.SignInNeeded, match="Sign in again"):
            gateway.submit(intent.pk)
    intent.refresh_from_db()
    assert intent.state == State.CREATED
    assert len(posts(simulator)) <= 1
    assert orders_at_broker(simulator) == []


def test_an_order_that_was_refused_for_itself_does_not_end_the_session(
    simulator: RunningSimulator, connection: Connection, intent: OrderIntent
) -> None:
    simulator.control.fault("expire_token", "order/placeorder")
    with pytest.raises(gateway.CannotSend):
        gateway.submit(intent.pk)
    assert renewal.access_token(connection.pk) == connection.tokens.access_token
    assert gateway.submit(intent.pk) == State.ACCEPTED


def test_symbols_and_lost_orders_tell_of_an_ended_session_too(
    simulator: RunningSimulator, connection: Connection, intent: OrderIntent
) -> None:
    simulator.control.fault("expire_tokens", user="trader")
    with pytest.raises(contracts.SignInNeeded):
        contracts.look_up(connection, ["ZZZ9"])
    with pytest.raises(renewal.TokenExpired):
        renewal.access_token(connection.pk)
    with pytest.raises(reconcile.CannotLook, match="Sign in again"):
        reconcile.find(connection, [intent])


def test_with_a_refresh_token_the_session_is_renewed_and_the_order_waits_for_its_owner(
    transactional_db: None, simulator: RunningSimulator
) -> None:
    Browser().sign_in()
    connection = Connection.objects.get()
    account, _ = Account.objects.get_or_create(connection=connection, tradovate_id=1001001, name="DEMO1001001")
    spec = OrderSpec(account_id=account.pk, symbol=listed(connection, "ES"), action="Buy", order_qty=2)
    intent = intents.create(spec, "file:test:1")
    simulator.control.fault("expire_tokens", user="trader")
    with pytest.raises(gateway.CannotSend, match="It is renewed now") as told:
        gateway.submit(intent.pk)
    assert not isinstance(told.value, gateway.SignInNeeded)
    assert orders_at_broker(simulator) == []
    assert gateway.submit(intent.pk) == State.ACCEPTED
    assert len(orders_at_broker(simulator)) == 1


def test_a_session_that_another_login_took_is_not_taken_back_by_an_order(
    simulator: RunningSimulator, connection: Connection, intent: OrderIntent
) -> None:
    Upstream.objects.create(connection=connection, state=Upstream.State.EVICTED, since=timezone.now())
    simulator.control.fault("expire_tokens", user="trader")
    with pytest.raises(gateway.CannotSend, match="Reconnect on the desk"):
        gateway.submit(intent.pk)
    connection.refresh_from_db()
    assert connection.renewal_error == ""
