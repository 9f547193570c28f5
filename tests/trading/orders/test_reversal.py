"""A position is turned around only as far as it is known: an order of it that trades meanwhile makes it another one."""

import dataclasses
import time
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from tests.trading.orders.pressing import bought, bracket, contract_id, elsewhere, ended_as, limit, received
from trading.models import Account, OrderIntent
from trading.orders import desk, exits, looks, position_exits, reports
from trading.orders.prices import Distance
from trading.orders.spec import OrderSpec
from trading.simulator import RunningSimulator
from trading.tradovate.entities import Order


@pytest.mark.parametrize(
    ("traded", "behind"),
    [
        (2, ["net_position"]),
        (1, ["net_position"]),
        (2, ["net_position", "filled_today"]),
    ],
)
def test_a_target_that_trades_while_it_is_cancelled_is_seen_whatever_else_is_behind(
    simulator: RunningSimulator,
    user: User,
    account: Account,
    symbol: str,
    monkeypatch: pytest.MonkeyPatch,
    traded: int,
    behind: list[str],
) -> None:
    """Tradovate's lists may be some milliseconds apart: orders are not positions."""
    simulator.control.price(symbol, 5000)
    bought(user, account, symbol)
    target = OrderSpec(
        account_id=account.pk, symbol=symbol, action="Sell", order_qty=2, order_type="Limit", price=Decimal(5010)
    )
    [placed] = desk.place(user, target, "click:1").intents
    number, cleared, net_position = contract_id(symbol), desk.clear, looks.net_position

    def overtaken(*about: Any) -> exits.Cleared:
        simulator.control.liquidity(symbol, traded)
        simulator.control.price(symbol, 5010.25)
        simulator.control.price(symbol, 5000)
        return cleared(*about)

    monkeypatch.setattr(desk, "clear", overtaken)
    as_before = {"net_position": lambda *_: 2, "filled_today": lambda _, orders: dict.fromkeys(orders, 0)}
    for look in behind:
        monkeypatch.setattr(looks, look, as_before[look])
    outcome = desk.reverse(user, account.pk, number, "click:2")
    assert not outcome.succeeded
    assert f"Nothing was reversed. Order {placed.order_id_at_broker} traded" in outcome.words
    assert len(received(simulator, "order/placeorder")) == 2
    assert net_position(account, number) == 2 - traded


def test_a_target_that_traded_before_the_press_keeps_no_reversal_back(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    simulator.control.price(symbol, 5000)
    bought(user, account, symbol)
    target = OrderSpec(
        account_id=account.pk, symbol=symbol, action="Sell", order_qty=2, order_type="Limit", price=Decimal(5010)
    )
    [placed] = desk.place(user, target, "click:1").intents
    simulator.control.liquidity(symbol, 1)
    simulator.control.price(symbol, 5010.25)
    simulator.control.liquidity(symbol, None)
    simulator.control.price(symbol, 5000)
    reports.observe_order(account.connection_id, placed.order_id_at_broker or 0, "Working", 1, Decimal(5010))
    assert looks.net_position(account, contract_id(symbol)) == 1
    outcome = desk.reverse(user, account.pk, contract_id(symbol), "click:2")
    assert outcome.succeeded, outcome.words
    assert looks.net_position(account, contract_id(symbol)) == -1


@pytest.mark.parametrize("press", ["reverse", "cancel_all"])
def test_the_exits_of_a_strategy_which_do_not_end_together_are_not_waited_for(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch, press: str
) -> None:
    simulator.control.price(symbol, 5000)
    assert desk.place(user, bracket(account, symbol), "click:1").succeeded
    number = contract_id(symbol)
    assert len(looks.open_orders(account.connection, {account.tradovate_id})) == 2
    about = {"reverse": (number, "click:2"), "cancel_all": ("click:2",)}[press]
    monkeypatch.setattr(exits, "WAIT_FOR_END", 30.0)
    began = time.monotonic()
    outcome = getattr(desk, press)(user, account.pk, *about)
    assert time.monotonic() - began < exits.WAIT_FOR_END / 2
    assert outcome.succeeded, outcome.words
    assert looks.open_orders(account.connection, {account.tradovate_id}) == []
    assert looks.net_position(account, number) == (-1 if press == "reverse" else 1)
    assert len(received(simulator, "order/cancelorder")) == 2


def test_an_order_that_stays_linked_and_does_not_end_with_the_other_one_is_cancelled_soon(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A strategy's entry that has filled in part: its exits hang on it, and close what it has opened."""
    simulator.control.price(symbol, 5000)
    simulator.control.liquidity(symbol, 1)
    rests = {"order_type": "Limit", "price": Decimal(5000)}
    entry = dataclasses.replace(bracket(account, symbol, qty=3), **rests)
    assert desk.place(user, entry, "click:1").succeeded
    number = contract_id(symbol)
    assert looks.net_position(account, number) == 1
    assert len(looks.open_orders(account.connection, {account.tradovate_id})) == 3
    monkeypatch.setattr(exits, "WAIT_FOR_END", 30.0)
    began = time.monotonic()
    outcome = desk.cancel_all(user, account.pk, "click:2")
    assert time.monotonic() - began < exits.WAIT_FOR_END / 2
    assert outcome.succeeded, outcome.words
    assert looks.open_orders(account.connection, {account.tradovate_id}) == []


def test_where_its_fills_cannot_be_read_nothing_is_turned_around(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought(user, account, symbol)
    rests = OrderSpec(
        account_id=account.pk, symbol=symbol, action="Buy", order_qty=2, order_type="Limit", price=Decimal(4000)
    )
    assert desk.place(user, rests, "click:1").succeeded
    cleared = desk.clear

    def overtaken(*about: Any) -> exits.Cleared:
        simulator.control.fault("error_500", "fill/ldeps")
        return cleared(*about)

    monkeypatch.setattr(desk, "clear", overtaken)
    assert "Nothing was reversed." in desk.reverse(user, account.pk, contract_id(symbol), "click:2").words
    assert looks.net_position(account, contract_id(symbol)) == 2


def test_an_order_whose_end_says_nothing_may_have_traded(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`Completed` is the end of a filled order, too, and its fills and the position may be told later."""
    bought(user, account, symbol)
    [placed] = desk.place(user, limit(account, symbol), "click:1").intents
    ended_as(monkeypatch, "Completed")
    outcome = desk.reverse(user, account.pk, contract_id(symbol), "click:2")
    assert not outcome.succeeded
    assert f"Nothing was reversed. Order {placed.order_id_at_broker} has ended and may have traded" in outcome.words
    assert looks.net_position(account, contract_id(symbol)) == 2


@pytest.mark.parametrize("rests", [True, False])
@pytest.mark.parametrize("listed", [True, False])
def test_exits_of_another_tab_that_go_out_meanwhile_stop_it(
    simulator: RunningSimulator,
    user: User,
    account: Account,
    symbol: str,
    monkeypatch: pytest.MonkeyPatch,
    rests: bool,
    listed: bool,
) -> None:
    """Whether Tradovate's list has them yet or not."""
    bought(user, account, symbol)
    if rests:
        assert desk.place(user, limit(account, symbol), "click:1").succeeded
    number, cleared, orders_in = contract_id(symbol), desk.clear, looks.orders_in
    before = orders_in(account, number)

    def overtaken(*about: Any) -> exits.Cleared:
        done = cleared(*about)
        away = Distance(Decimal(10))
        assert position_exits.add_exits(user, account.pk, number, away, away, "click:other-tab").succeeded
        return done

    monkeypatch.setattr(desk, "clear", overtaken)
    if not listed:
        monkeypatch.setattr(looks, "orders_in", lambda *_: before)
    outcome = desk.reverse(user, account.pk, number, "click:2")
    assert not outcome.succeeded
    assert "Nothing was reversed." in outcome.words
    assert ("was placed meanwhile" if listed else "Another order in") in outcome.words
    assert looks.net_position(account, number) == 2


def test_an_order_of_another_tab_that_filled_meanwhile_stops_it_though_the_lists_are_behind(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought(user, account, symbol)
    number, net_position = contract_id(symbol), looks.net_position
    before = looks.orders_in(account, number)

    def listed(*_: Any) -> list[Order]:
        if not OrderIntent.objects.filter(source_key="click:other-tab").exists():
            sold = OrderSpec(account_id=account.pk, symbol=symbol, action="Sell", order_qty=2)
            assert desk.place(user, sold, "click:other-tab").succeeded
        return before

    monkeypatch.setattr(looks, "orders_in", listed)
    monkeypatch.setattr(looks, "net_position", lambda *_: 2)
    outcome = desk.reverse(user, account.pk, number, "click:2")
    assert not outcome.succeeded
    assert "Another order in" in outcome.words
    assert net_position(account, number) == 0


@pytest.mark.parametrize("terms", [{}, {"order_type": "Limit", "price": Decimal(9000)}])
def test_an_order_of_another_program_that_came_meanwhile_stops_it(
    simulator: RunningSimulator,
    user: User,
    account: Account,
    symbol: str,
    monkeypatch: pytest.MonkeyPatch,
    terms: dict[str, Any],
) -> None:
    """One that has traded stops it even where the list of positions is behind."""
    bought(user, account, symbol)
    number, cleared, net_position = contract_id(symbol), desk.clear, looks.net_position
    other = []

    def overtaken(*about: Any) -> exits.Cleared:
        other.append(elsewhere(account, symbol, "Sell", 2, **terms))
        return cleared(*about)

    monkeypatch.setattr(desk, "clear", overtaken)
    monkeypatch.setattr(looks, "net_position", lambda *_: 2)
    outcome = desk.reverse(user, account.pk, number, "click:2")
    assert not outcome.succeeded
    assert f"Nothing was reversed. Order {other[0]} was placed meanwhile." in outcome.words
    assert net_position(account, number) == (2 if terms else 0)


def test_where_the_orders_cannot_be_read_again_nothing_is_turned_around(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought(user, account, symbol)
    cleared = desk.clear

    def overtaken(*about: Any) -> exits.Cleared:
        simulator.control.fault("error_500", "order/list")
        return cleared(*about)

    monkeypatch.setattr(desk, "clear", overtaken)
    assert "Nothing was reversed." in desk.reverse(user, account.pk, contract_id(symbol), "click:2").words
    assert looks.net_position(account, contract_id(symbol)) == 2
