"""Ways out: every order and position has its own intent, is sent once, and what is left is told."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError

from accounts.models import User
from tests.trading.cast import listed, posts
from tests.trading.orders.pressing import at_once, bought, contract_id, elsewhere, limit, received, settled
from trading.models import Account, OrderIntent
from trading.orders import desk, exits, gateway, intents, looks
from trading.orders.desk import NewTerms
from trading.orders.prices import Distance
from trading.orders.spec import Bracket, OrderSpec
from trading.orders.states import State
from trading.orders.templates import (
    buy_limit,
    buy_stop,
    first_triggers_second,
    one_cancels_other,
    sell_limit,
    sell_stop,
)
from trading.simulator import RunningSimulator


def test_all_orders_are_cancelled_with_an_intent_each(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    desk.place(user, limit(account, symbol), "click:1")
    pair = one_cancels_other(buy_limit(symbol, 1, "4000"), buy_stop(symbol, 1, "20000")).set_account(account.pk)
    desk.place(user, pair.build(), "click:2")
    exits = one_cancels_other(sell_limit(symbol, 1, "4010"), sell_stop(symbol, 1, "3990"))
    desk.place(user, first_triggers_second(buy_limit(symbol, 1, "4000"), exits).set_account(account.pk).build(), "c:3")
    outcome = desk.cancel_all(user, None, "click:4")
    assert outcome.succeeded, outcome.words
    assert "6 working orders found" in outcome.words
    # Of a pair one, and of a group the entry: the others end with them.
    assert [intent.state for intent in outcome.intents] == [State.DONE] * 3
    assert {i.state for i in OrderIntent.objects.exclude(kind="cancel")} == {State.CANCELLED}
    assert desk.cancel_all(user, None, "click:4").words == "There is no working order."
    assert len(received(simulator, "order/cancelorder")) == 3


def test_a_cancellation_whose_answer_is_lost_is_told_and_not_repeated(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exits, "WAIT_FOR_END", 0.5)
    desk.place(user, limit(account, symbol), "click:1")
    simulator.control.fault("error_503", "order/cancelorder")
    outcome = desk.cancel_all(user, account.pk, "click:2")
    assert not outcome.succeeded
    assert [intent.state for intent in outcome.intents] == [State.UNKNOWN]
    assert "Not cancelled yet" in outcome.words
    desk.cancel_all(user, account.pk, "click:2")
    assert len(received(simulator, "order/cancelorder")) == 0
    assert desk.cancel_all(user, account.pk, "click:3").succeeded


def test_a_position_is_closed_and_its_orders_go_with_it(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    bought(user, account, symbol)
    desk.place(user, limit(account, symbol), "click:1")
    outcome = desk.flatten(user, account.pk, contract_id(symbol), "click:2")
    [closing] = outcome.intents
    assert (closing.kind, closing.state) == ("liquidate", State.ACCEPTED)
    assert looks.net_position(account, contract_id(symbol)) == 0
    assert looks.open_orders(account.connection, {account.tradovate_id}) == []
    [sent] = received(simulator, "order/liquidateposition")
    assert sent["customTag50"] == closing.cl_ord_id
    settled(account)
    closing.refresh_from_db()
    assert closing.state == State.FILLED
    desk.flatten(user, account.pk, contract_id(symbol), "click:2")
    assert len(received(simulator, "order/liquidateposition")) == 1
    again = desk.flatten(user, account.pk, contract_id(symbol), "click:3")
    assert again.intents[0].state == State.DONE
    assert "no position to close" in again.words


@pytest.mark.parametrize("press", ["flatten", "flatten_all"])
def test_a_repeat_that_learns_the_contracts_name_is_told_of_the_same_closing(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch, press: str
) -> None:
    bought(user, account, symbol)
    simulator.control.liquidity(symbol, 0)
    about = (user, account.pk, contract_id(symbol)) if press == "flatten" else (user, account.pk)
    with monkeypatch.context() as unasked:
        unasked.setattr(exits, "_name", lambda *_: "contract 55")
        first = getattr(desk, press)(*about, "click:2")
    again = getattr(desk, press)(*about, "click:2")
    assert again.intents == first.intents
    assert len(received(simulator, "order/liquidateposition")) == 1


def test_everything_is_closed_and_cancelled(simulator: RunningSimulator, user: User, account: Account) -> None:
    es, nq = listed(account.connection, "ES"), listed(account.connection, "NQ")
    bought(user, account, es, key="click:es")
    bought(user, account, nq, 1, key="click:nq")
    cl = listed(account.connection, "CL")
    desk.place(user, limit(account, cl, "10"), "click:cl")
    outcome = desk.flatten_all(user, None, "click:out")
    assert outcome.succeeded, outcome.words
    assert sorted(intent.kind for intent in outcome.intents) == ["cancel", "liquidate", "liquidate"]
    assert looks.open_positions(account.connection, {account.tradovate_id}) == []
    assert looks.open_orders(account.connection, {account.tradovate_id}) == []
    assert desk.flatten_all(user, None, "click:out2").words == "There is no position and no working order."


@pytest.mark.parametrize("where", ["made", "sent", "answered"])
def test_a_fault_with_one_position_keeps_no_other_one_open(
    simulator: RunningSimulator, user: User, account: Account, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    for product in ("ES", "NQ"):
        bought(user, account, listed(account.connection, product), 1, key=f"click:{product}")
    first, second = (one.contract_id for one in looks.open_positions(account.connection, {account.tradovate_id}))
    room, name = {
        "made": (intents, "create"),
        "sent": (gateway, "_message"),
        "answered": (gateway, "_accept"),
    }[where]
    works = getattr(room, name)

    def faulty(about: Any, *more: Any, **named: Any) -> Any:
        intent = getattr(about, "intent", about)
        contract = getattr(intent, "contract_id", 0) or intent.spec.get("contract_id")
        if contract == (second if where == "made" else first):
            raise OperationalError("the server closed the connection unexpectedly")
        return works(about, *more, **named)

    monkeypatch.setattr(room, name, faulty)
    with pytest.raises(OperationalError):
        desk.flatten_all(user, None, "click:out")
    held = {one.contract_id for one in looks.open_positions(account.connection, {account.tradovate_id})}
    assert held == {"made": {second}, "sent": {first}, "answered": set()}[where]
    other = OrderIntent.objects.get(kind="liquidate", spec__contract_id=first if where == "made" else second)
    assert other.state == State.ACCEPTED


def test_a_closing_that_waits_for_the_market_is_not_cancelled_with_the_orders(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exits, "WAIT_FOR_END", 0.5)
    bought(user, account, symbol)
    desk.place(user, limit(account, listed(account.connection, "CL"), "10"), "click:cl")
    simulator.control.liquidity(symbol, 0)
    outcome = desk.flatten_all(user, None, "click:out")
    assert sorted((one.kind, one.state) for one in outcome.intents) == [
        ("cancel", State.DONE),
        ("liquidate", State.ACCEPTED),
    ]
    [closing] = looks.open_orders(account.connection, {account.tradovate_id})
    assert closing.id in {one.order_id_at_broker for one in outcome.intents}
    simulator.control.liquidity(symbol, None)
    simulator.control.price(symbol, 5000)
    assert looks.net_position(account, contract_id(symbol)) == 0


def test_a_position_is_turned_around_once_its_orders_are_gone(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    bought(user, account, symbol)
    desk.place(user, limit(account, symbol), "click:1")
    number = contract_id(symbol)
    outcome = desk.reverse(user, account.pk, number, "click:2")
    assert outcome.succeeded, outcome.words
    assert [(intent.kind, intent.state) for intent in outcome.intents] == [
        ("cancel", State.DONE),
        ("order", State.ACCEPTED),
    ]
    assert looks.net_position(account, number) == -2
    desk.reverse(user, account.pk, number, "click:2")
    assert looks.net_position(account, number) == -2


def test_a_position_is_not_turned_around_while_an_order_of_it_works(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exits, "WAIT_FOR_END", 0.5)
    bought(user, account, symbol)
    [placed] = desk.place(user, limit(account, symbol), "click:1").intents
    simulator.control.fault("error_500", "order/cancelorder")
    number = contract_id(symbol)
    outcome = desk.reverse(user, account.pk, number, "click:2")
    assert not outcome.succeeded
    assert "Nothing was reversed" in outcome.words
    assert str(placed.order_id_at_broker) in outcome.words
    assert looks.net_position(account, number) == 2
    assert "nothing is reversed yet" in desk.reverse(user, account.pk, number, "click:2").words
    assert looks.net_position(account, number) == 2


def test_of_two_reversals_at_the_same_time_one_is_told_that_the_position_is_being_changed(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought(user, account, symbol)
    number, moved = contract_id(symbol), desk._moved

    def overtaken(*about: Any) -> str:
        monkeypatch.setattr(desk, "_moved", moved)
        said = moved(*about)
        assert desk.reverse(user, account.pk, number, "click:other-tab").succeeded
        return said

    monkeypatch.setattr(desk, "_moved", overtaken)
    outcome = desk.reverse(user, account.pk, number, "click:2")
    assert looks.net_position(account, number) == -2
    assert not outcome.succeeded
    assert "Nothing was reversed" in outcome.words


def test_there_is_nothing_to_turn_around_without_a_position(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    desk.place(user, limit(account, symbol), "click:1")
    outcome = desk.reverse(user, account.pk, contract_id(symbol), "click:2")
    assert outcome.refused
    assert "no position" in outcome.words


def test_a_trader_who_is_signed_out_is_told(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    bought(user, account, symbol)
    account.connection.forget_tokens()
    number = contract_id(symbol)
    assert desk.place(user, limit(account, symbol), "click:1").refused
    assert "Sign in" in desk.flatten(user, account.pk, number, "click:2").words
    assert "Sign in" in desk.cancel_all(user, account.pk, "click:3").words
    assert "Sign in" in desk.reverse(user, account.pk, number, "click:4").words


def _bracket(account: Account, symbol: str) -> OrderSpec:
    return dataclasses.replace(
        limit(account, symbol), brackets=(Bracket(order_qty=1, stop_loss=Distance(Decimal(10))),)
    )


def _pair(account: Account, symbol: str) -> OrderSpec:
    pair = one_cancels_other(buy_limit(symbol, 1, "4000"), buy_stop(symbol, 1, "20000"))
    return pair.set_account(account.pk).build()


# What is pressed, by the route that it takes: with the user, the account, its symbol and an order of it.
VERBS = {
    "order/placeoco": lambda u, a, s, o: desk.place(u, _pair(a, s), "click:x"),
    "orderstrategy/startorderstrategy": lambda u, a, s, o: desk.place(u, _bracket(a, s), "click:x"),
    "order/modifyorder": lambda u, a, s, o: desk.modify(u, a.pk, o, NewTerms(price=Decimal(3999)), "click:x"),
    "order/cancelorder": lambda u, a, s, o: desk.cancel(u, a.pk, o, "click:x"),
    "order/liquidateposition": lambda u, a, s, o: desk.flatten(u, a.pk, contract_id(s), "click:x"),
}


@pytest.fixture
def order_id(user: User, account: Account, symbol: str) -> int:
    """A working order, beside a position in the same contract."""
    bought(user, account, symbol)
    [placed] = desk.place(user, limit(account, symbol), "click:order").intents
    return placed.order_id_at_broker or 0


@dataclass
class Verb:
    """What is pressed, and the route that it takes."""

    route: str
    press: Callable[[], Any]


@pytest.fixture(params=VERBS)
def verb(request: pytest.FixtureRequest, user: User, account: Account, symbol: str, order_id: int) -> Verb:
    return Verb(request.param, lambda: VERBS[request.param](user, account, symbol, order_id))


def test_a_lost_answer_is_unknown_whatever_was_asked_and_nothing_is_repeated(
    simulator: RunningSimulator, verb: Verb
) -> None:
    simulator.control.fault("lose_reply", verb.route)
    outcome = verb.press()
    assert {intent.state for intent in outcome.intents} == {State.UNKNOWN}
    assert verb.press().intents == outcome.intents
    assert len(received(simulator, verb.route)) == 1


def test_what_had_no_effect_is_put_aside_whatever_was_asked(simulator: RunningSimulator, verb: Verb) -> None:
    simulator.control.fault("rate_limit", verb.route)
    outcome = verb.press()
    assert {intent.state for intent in outcome.intents} == {State.CANCELLED}
    assert all(intent.reason for intent in outcome.intents)
    assert not outcome.succeeded
    verb.press()
    assert received(simulator, verb.route) == []


def test_pressed_in_three_threads_it_is_sent_once_whatever_was_asked(simulator: RunningSimulator, verb: Verb) -> None:
    outcomes = at_once(3, verb.press)
    assert len(received(simulator, verb.route)) == 1
    assert len({outcome.intents for outcome in outcomes}) == 1


def test_a_reversal_pressed_in_three_threads_reverses_once(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, order_id: int
) -> None:
    at_once(3, lambda: desk.reverse(user, account.pk, contract_id(symbol), "click:x"))
    assert looks.net_position(account, contract_id(symbol)) == -2
    markets = [one for one in posts(simulator) if one["orderType"] == "Market"]
    assert len(markets) == 2
    assert len(received(simulator, "order/cancelorder")) == 1


@pytest.mark.parametrize(("action", "net"), [("Sell", 0), ("Sell", -1), ("Buy", 2)])
def test_a_position_that_moves_while_its_orders_are_cancelled_is_not_turned_around(
    simulator: RunningSimulator,
    user: User,
    account: Account,
    symbol: str,
    monkeypatch: pytest.MonkeyPatch,
    action: str,
    net: int,
) -> None:
    bought(user, account, symbol, qty=1)
    desk.place(user, limit(account, symbol, qty=1), "click:1")
    number, cleared = contract_id(symbol), desk.clear

    def overtaken(*about: Any) -> exits.Cleared:
        elsewhere(account, symbol, action, abs(net - 1))
        return cleared(*about)

    monkeypatch.setattr(desk, "clear", overtaken)
    outcome = desk.reverse(user, account.pk, number, "click:2")
    assert not outcome.succeeded
    assert f"Nothing was reversed. While its orders were cancelled the position went from 1 to {net}" in outcome.words
    assert looks.net_position(account, number) == net
    assert "nothing is reversed yet" in desk.reverse(user, account.pk, number, "click:2").words
    assert looks.net_position(account, number) == net


def test_a_short_position_is_turned_around_into_as_many_long(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    sold = OrderSpec(account_id=account.pk, symbol=symbol, action="Sell", order_qty=2)
    assert desk.place(user, sold, "click:sell").succeeded
    stop = OrderSpec(
        account_id=account.pk, symbol=symbol, action="Buy", order_qty=2, order_type="Stop", stop_price=Decimal(20000)
    )
    assert desk.place(user, stop, "click:stop").succeeded
    number = contract_id(symbol)
    outcome = desk.reverse(user, account.pk, number, "click:2")
    assert outcome.succeeded, outcome.words
    assert looks.net_position(account, number) == 2
    assert looks.open_orders(account.connection, {account.tradovate_id}) == []


def test_where_the_position_cannot_be_read_again_nothing_is_turned_around(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought(user, account, symbol)
    number, cleared = contract_id(symbol), desk.clear

    def overtaken(*about: Any) -> exits.Cleared:
        simulator.control.fault("error_500", "position/list")
        return cleared(*about)

    monkeypatch.setattr(desk, "clear", overtaken)
    assert "Nothing was reversed." in desk.reverse(user, account.pk, number, "click:2").words
    assert looks.net_position(account, number) == 2
