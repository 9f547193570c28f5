"""What a change could not do, cancelling and placing anew does: never are both orders at work."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from tests.trading.orders.pressing import (
    at_once,
    ended_as,
    limit,
    pair,
    received,
    settled,
    version_of,
    with_exits,
)
from trading.models import Account, Fill, OrderIntent
from trading.orders import desk, exits, kill_switch, looks, reconcile, replace, verify
from trading.orders.desk import NewTerms
from trading.orders.replace import cancel_and_replace
from trading.orders.states import State
from trading.simulator import RunningSimulator


def order_id(intent: OrderIntent) -> int:
    assert intent.order_id_at_broker
    return intent.order_id_at_broker


def placed(user: User, account: Account, spec: Any) -> OrderIntent:
    intent = desk.place(user, spec, "click:rests").intents[0]
    settled(account)
    return intent


@pytest.fixture
def ignored(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> OrderIntent:
    """A change to 4001 that was accepted and changed nothing, of an order for two contracts at 4000."""
    monkeypatch.setattr(reconcile, "SETTLE", timedelta(0))
    resting = placed(user, account, limit(account, symbol))
    return changed_nothing(simulator, user, account, order_id(resting))


def changed_nothing(simulator: RunningSimulator, user: User, account: Account, number: int) -> OrderIntent:
    simulator.control.fault("modify_ignored")
    [change] = desk.modify(user, account.pk, number, NewTerms(price=Decimal(4001)), "click:change").intents
    verify.look(account.connection_id)
    change.refresh_from_db()
    assert change.state == State.INEFFECTIVE
    return change


def statuses(simulator: RunningSimulator) -> list[str]:
    """How the portal's orders stand at the broker."""
    ours = set(OrderIntent.objects.values_list("order_id_at_broker", flat=True))
    orders = simulator.control.ledger()["entities"]["order"]
    return [order["ordStatus"] for order in orders if order["id"] in ours]


def test_the_order_is_cancelled_and_then_placed_with_the_new_terms(
    simulator: RunningSimulator, user: User, ignored: OrderIntent
) -> None:
    outcome = cancel_and_replace(user, ignored.pk, "click:1")
    assert outcome.succeeded, outcome.words
    [cancelled, anew] = outcome.intents
    assert (cancelled.state, anew.state) == (State.DONE, State.ACCEPTED)
    assert statuses(simulator) == ["Canceled", "Working"]
    assert version_of(simulator, order_id(anew))["price"] == 4001


def test_an_order_that_was_changed_since_is_not_placed_with_the_terms_of_before(
    simulator: RunningSimulator, user: User, account: Account, ignored: OrderIntent
) -> None:
    """It would have the contracts again that the later change has taken off."""
    number = ignored.target_order_id or 0
    assert desk.modify(user, account.pk, number, NewTerms(order_qty=1), "click:later").succeeded
    outcome = cancel_and_replace(user, ignored.pk, "click:1")
    assert outcome.refused
    assert "was changed since. Nothing was cancelled" in outcome.words
    assert statuses(simulator) == ["Working"]
    assert version_of(simulator, number)["orderQty"] == 1


def test_pressed_three_times_at_once_it_places_one_order(
    simulator: RunningSimulator, user: User, ignored: OrderIntent
) -> None:
    at_once(3, lambda: cancel_and_replace(user, ignored.pk, "click:1"))
    assert len(received(simulator, "order/placeorder")) == 2
    assert statuses(simulator) == ["Canceled", "Working"]


def test_pressed_in_two_tabs_it_places_one_order(
    simulator: RunningSimulator, user: User, ignored: OrderIntent, monkeypatch: pytest.MonkeyPatch
) -> None:
    clear = replace.clear

    def overtaken(*about: Any) -> exits.Cleared:
        monkeypatch.setattr(replace, "clear", clear)
        assert cancel_and_replace(user, ignored.pk, "click:other-tab").succeeded
        return clear(*about)

    monkeypatch.setattr(replace, "clear", overtaken)
    cancel_and_replace(user, ignored.pk, "click:1")
    assert len(received(simulator, "order/placeorder")) == 2
    assert statuses(simulator) == ["Canceled", "Working"]
    assert State.ACCEPTED in {one.state for one in cancel_and_replace(user, ignored.pk, "click:1").intents}


@pytest.mark.parametrize("group", [with_exits, pair])
def test_an_order_that_belongs_with_others_is_not_replaced_alone(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch, group: Any
) -> None:
    monkeypatch.setattr(reconcile, "SETTLE", timedelta(0))
    first = placed(user, account, group(account, symbol))
    change = changed_nothing(simulator, user, account, order_id(first))
    outcome = cancel_and_replace(user, change.pk, "click:1")
    assert outcome.refused
    assert "belongs with others" in outcome.words
    assert received(simulator, "order/cancelorder") == []


def test_while_trading_is_stopped_the_order_is_not_taken_away(
    simulator: RunningSimulator, user: User, ignored: OrderIntent
) -> None:
    kill_switch.throw(user, user=user)
    outcome = cancel_and_replace(user, ignored.pk, "click:1")
    assert outcome.refused
    assert "Nothing was cancelled. Trading is stopped by you" in outcome.words
    assert received(simulator, "order/cancelorder") == []
    assert statuses(simulator) == ["Working"]


def test_while_the_order_may_still_work_nothing_is_placed(
    simulator: RunningSimulator, user: User, ignored: OrderIntent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exits, "WAIT_FOR_END", 0.3)
    simulator.control.fault("reset_before", "order/cancelorder")
    outcome = cancel_and_replace(user, ignored.pk, "click:1")
    assert not outcome.succeeded
    assert "Nothing was placed" in outcome.words
    assert statuses(simulator) == ["Working"]
    again = cancel_and_replace(user, ignored.pk, "click:1")
    assert "the new order is not placed yet" in again.words
    assert len(received(simulator, "order/placeorder")) == 1


def test_what_has_ended_or_took_effect_is_not_replaced(
    simulator: RunningSimulator, user: User, account: Account, ignored: OrderIntent
) -> None:
    desk.cancel(user, account.pk, ignored.target_order_id or 0, "click:cancel")
    assert "nothing to replace" in cancel_and_replace(user, ignored.pk, "click:1").words
    OrderIntent.objects.filter(pk=ignored.pk).update(state=State.DONE)
    assert "nothing to replace" in cancel_and_replace(user, ignored.pk, "click:2").words
    assert len(received(simulator, "order/placeorder")) == 1


def test_somebody_elses_change_does_not_exist(user: User, ignored: OrderIntent) -> None:
    stranger = User.objects.create_user("sim:stranger")
    with pytest.raises(OrderIntent.DoesNotExist):
        cancel_and_replace(stranger, ignored.pk, "click:1")


def fill(simulator: RunningSimulator, symbol: str, qty: int) -> None:
    """The market comes to 4000 with so many contracts, and leaves."""
    simulator.control.liquidity(symbol, qty)
    simulator.control.price(symbol, 4000)
    simulator.control.price(symbol, 5000)


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Once the order was looked at, and before it is cancelled, something happens."""
    clear = replace.clear

    def overtaken(*about: Any) -> exits.Cleared:
        happens()
        return clear(*about)

    monkeypatch.setattr(replace, "clear", overtaken)


def filled(simulator: RunningSimulator, number: int) -> int:
    fills = simulator.control.ledger()["entities"].get("fill", [])
    return sum(one["qty"] for one in fills if one["orderId"] == number)


@pytest.mark.parametrize("late", [False, True])
def test_what_the_old_order_has_filled_is_not_placed_again(
    simulator: RunningSimulator,
    user: User,
    account: Account,
    symbol: str,
    ignored: OrderIntent,
    monkeypatch: pytest.MonkeyPatch,
    late: bool,
) -> None:
    if late:
        meanwhile(monkeypatch, lambda: fill(simulator, symbol, 1))
    else:
        fill(simulator, symbol, 1)
    outcome = cancel_and_replace(user, ignored.pk, "click:1")
    assert outcome.succeeded, outcome.words
    assert filled(simulator, ignored.target_order_id or 0) == 1
    anew = version_of(simulator, order_id(outcome.intents[-1]))
    assert (anew["orderQty"], anew["price"]) == (1, 4001)


def test_what_filled_on_an_earlier_day_is_not_placed_again(
    simulator: RunningSimulator, user: User, symbol: str, ignored: OrderIntent
) -> None:
    """Tradovate serves the fills of the present day only, and an order that is good till cancelled outlasts it."""
    yesterday = timezone.now() - timedelta(days=1)
    of_order = {"connection": ignored.connection, "order_id_at_broker": ignored.target_order_id, "symbol": symbol}
    for number, active in ((1, True), (2, False)):
        Fill.objects.create(
            tradovate_id=number, action="Buy", qty=1, price=Decimal(4000), active=active, at=yesterday, **of_order
        )
    outcome = cancel_and_replace(user, ignored.pk, "click:1")
    assert outcome.succeeded, outcome.words
    assert version_of(simulator, order_id(outcome.intents[-1]))["orderQty"] == 1


def test_of_an_order_that_fills_while_it_is_cancelled_nothing_is_placed(
    simulator: RunningSimulator, user: User, symbol: str, ignored: OrderIntent, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, lambda: fill(simulator, symbol, 2))
    outcome = cancel_and_replace(user, ignored.pk, "click:1")
    assert not outcome.succeeded
    assert f"Order {ignored.target_order_id} had filled already: nothing was placed." in outcome.words
    assert len(received(simulator, "order/placeorder")) == 1


@pytest.mark.parametrize(
    ("status", "words"),
    [("Filled", "had filled already: nothing was placed."), ("Completed", "may have traded: nothing was placed.")],
)
def test_of_an_order_whose_fills_are_told_late_nothing_is_placed(
    simulator: RunningSimulator,
    user: User,
    symbol: str,
    ignored: OrderIntent,
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    words: str,
) -> None:
    ended_as(monkeypatch, status)
    monkeypatch.setattr(looks, "filled_qty", lambda *_: 0)
    meanwhile(monkeypatch, lambda: fill(simulator, symbol, 2))
    outcome = cancel_and_replace(user, ignored.pk, "click:1")
    assert not outcome.succeeded
    assert f"Order {ignored.target_order_id} " in outcome.words
    assert words in outcome.words
    assert len(received(simulator, "order/placeorder")) == 1


def test_when_its_fills_cannot_be_read_nothing_is_placed(
    simulator: RunningSimulator, user: User, symbol: str, ignored: OrderIntent
) -> None:
    fill(simulator, symbol, 1)
    simulator.control.fault("error_500", "fill/deps")
    outcome = cancel_and_replace(user, ignored.pk, "click:1")
    assert not outcome.succeeded
    assert "is cancelled, and nothing was placed: its fills could not be read." in outcome.words
    assert len(received(simulator, "order/placeorder")) == 1
    assert statuses(simulator) == ["Canceled"]


def test_a_new_order_that_is_refused_is_told_beside_the_old_one_that_is_gone(
    simulator: RunningSimulator, user: User, account: Account, ignored: OrderIntent
) -> None:
    simulator.control.refuse(account.tradovate_id, "RiskCheckTimeout")
    outcome = cancel_and_replace(user, ignored.pk, "click:1")
    assert not outcome.succeeded
    [cancelled, anew] = outcome.intents
    assert (cancelled.state, anew.state) == (State.DONE, State.REJECTED)
    assert anew.reason
    assert anew.reason in outcome.words


def test_an_iceberg_shows_no_more_than_is_left_of_it(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "SETTLE", timedelta(0))
    iceberg = dataclasses.replace(limit(account, symbol, qty=3), max_show=2)
    change = changed_nothing(simulator, user, account, order_id(placed(user, account, iceberg)))
    fill(simulator, symbol, 2)
    outcome = cancel_and_replace(user, change.pk, "click:1")
    assert outcome.succeeded, outcome.words
    anew = version_of(simulator, order_id(outcome.intents[-1]))
    assert (anew["orderQty"], anew["maxShow"]) == (1, 1)


def test_a_change_that_was_refused_does_not_cost_the_order_that_works(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    resting = placed(user, account, limit(account, symbol))
    simulator.control.refuse(account.tradovate_id, "RiskCheckTimeout")
    [change] = desk.modify(user, account.pk, order_id(resting), NewTerms(price=Decimal(4001)), "click:change").intents
    assert change.state == State.REJECTED
    assert not replace.offered(change)
    outcome = cancel_and_replace(user, change.pk, "click:1")
    assert outcome.refused
    assert "nothing to replace" in outcome.words
    assert statuses(simulator) == ["Working"]
