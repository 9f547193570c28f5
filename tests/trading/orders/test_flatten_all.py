"""Flatten all looks again: what traded while it closed and cancelled is closed too, once, or told."""

import time
from typing import Any

import pytest

from accounts.models import User
from tests.trading.cast import listed
from tests.trading.orders.pressing import bought, bracket, contract_id, elsewhere, limit, received
from trading.models import Account, Contract
from trading.orders import closing, desk, exits, gateway, looks
from trading.simulator import RunningSimulator

LIQUIDATE = "order/liquidateposition"


def resting(user: User, account: Account, qty: int = 3) -> str:
    """The symbol of another contract than the tests' own, in which an order to buy rests just below the market."""
    cl = listed(account.connection, "CL")
    assert desk.place(user, limit(account, cl, "59.90", qty), "click:rests").succeeded
    return cl


def trades(simulator: RunningSimulator, symbol: str, qty: int) -> None:
    """So many contracts of the resting order trade."""
    simulator.control.liquidity(symbol, qty)
    simulator.control.price(symbol, "59.90")
    simulator.control.price(symbol, "60.10")
    simulator.control.liquidity(symbol, None)


@pytest.fixture
def cl(simulator: RunningSimulator, user: User, account: Account) -> str:
    symbol = listed(account.connection, "CL")
    simulator.control.price(symbol, "60.10")
    return resting(user, account)


@pytest.mark.parametrize("qty", [1, 3])
def test_what_an_entry_bought_while_it_was_cancelled_is_closed_too(
    simulator: RunningSimulator, user: User, account: Account, monkeypatch: pytest.MonkeyPatch, cl: str, qty: int
) -> None:
    clear = exits.clear

    def overtaken(*about: Any) -> exits.Cleared:
        monkeypatch.setattr(exits, "clear", clear)
        trades(simulator, cl, qty)
        return clear(*about)

    monkeypatch.setattr(exits, "clear", overtaken)
    outcome = desk.flatten_all(user, None, "click:out")
    assert looks.open_positions(account.connection, {account.tradovate_id}) == []
    assert len(received(simulator, LIQUIDATE)) == 1
    # What was filled before it could be cancelled is told.
    assert outcome.succeeded is (qty == 1), outcome.words


def test_no_way_out_waits_for_a_slow_answer_that_is_only_told_of(
    simulator: RunningSimulator, user: User, account: Account, monkeypatch: pytest.MonkeyPatch, cl: str
) -> None:
    """What the orders have filled: neither the cancellations nor the closing of what traded meanwhile hang on it."""
    clear = exits.clear

    def overtaken(*about: Any) -> exits.Cleared:
        trades(simulator, cl, 1)
        return clear(*about)

    monkeypatch.setattr(exits, "clear", overtaken)
    simulator.control.fault("slow_before", "fill/ldeps", seconds=3, times=9)
    submit_all, began, took = gateway.submit_all, time.monotonic(), []

    def noted(intent_ids: Any) -> Any:
        took.extend([time.monotonic() - began] * len(intent_ids))
        return submit_all(intent_ids)

    monkeypatch.setattr(gateway, "submit_all", noted)
    outcome = desk.flatten_all(user, None, "click:out")
    assert outcome.succeeded, outcome.words
    assert [len(received(simulator, route)) for route in ("order/cancelorder", LIQUIDATE)] == [1, 1]
    assert len(took) == 2
    assert max(took) < 2.5


def test_no_way_out_waits_long_for_the_name_of_its_contract(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    bought(user, account, symbol)
    number = contract_id(symbol)
    Contract.objects.filter(name=symbol).delete()
    simulator.control.fault("slow_before", "contract/item", seconds=5, times=9)
    began = time.monotonic()
    outcome = desk.flatten_all(user, None, "click:out")
    assert time.monotonic() - began < 4
    assert outcome.succeeded, outcome.words
    assert f"Close contract {number}" in outcome.words
    assert looks.net_position(account, number) == 0


def test_what_an_order_had_filled_before_it_was_cancelled_leaves_nothing_in_doubt(
    simulator: RunningSimulator, user: User, account: Account, cl: str
) -> None:
    trades(simulator, cl, 1)
    elsewhere(account, cl, "Sell", 1)
    for fill in simulator.control.ledger()["entities"]["fill"]:
        account.connection.fills.create(
            tradovate_id=fill["id"], order_id_at_broker=fill["orderId"], symbol=cl, action=fill["action"],
            qty=fill["qty"], price=fill["price"], at=fill["timestamp"],
        )  # fmt: skip
    outcome = desk.flatten_all(user, None, "click:out")
    assert [intent.kind for intent in outcome.intents] == ["cancel"]
    assert outcome.succeeded, outcome.words


@pytest.mark.parametrize("with_bracket", [False, True])
def test_what_filled_between_the_looks_is_closed_too(
    simulator: RunningSimulator,
    user: User,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    cl: str,
    with_bracket: bool,
) -> None:
    """It is in neither list: no position when those were read, no working order when these were."""
    look = looks.open_positions

    def overtaken(*about: Any) -> Any:
        monkeypatch.setattr(looks, "open_positions", look)
        found = look(*about)
        trades(simulator, cl, 3)
        if with_bracket:
            # Its exits work, and are in no list of before.
            simulator.control.price(cl, "60.10")
            assert desk.place(user, bracket(account, cl), "click:bracket").succeeded
        return found

    monkeypatch.setattr(looks, "open_positions", overtaken)
    outcome = desk.flatten_all(user, None, "click:out")
    assert outcome.intents
    assert outcome.succeeded, outcome.words
    assert looks.open_positions(account.connection, {account.tradovate_id}) == []
    assert looks.open_orders(account.connection, {account.tradovate_id}) == []
    assert len(received(simulator, LIQUIDATE)) == 1


@pytest.mark.parametrize("unread", [False, True])
def test_an_entry_that_traded_while_it_was_cancelled_is_told_where_no_position_shows_yet(
    simulator: RunningSimulator,
    user: User,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    cl: str,
    unread: bool,
) -> None:
    clear = exits.clear

    def overtaken(*about: Any) -> exits.Cleared:
        trades(simulator, cl, 1)
        if unread:
            simulator.control.fault("error_500", "fill/ldeps")
        return clear(*about)

    monkeypatch.setattr(exits, "clear", overtaken)
    monkeypatch.setattr(looks, "open_positions", lambda *_: [])
    outcome = desk.flatten_all(user, None, "click:out")
    assert not outcome.succeeded
    assert ("may have traded" if unread else "traded while it was cancelled") in outcome.words
    assert received(simulator, LIQUIDATE) == []


@pytest.mark.parametrize("behind", [2, 99])
def test_a_list_of_positions_that_is_behind_closes_nothing_twice(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch, behind: int
) -> None:
    bought(user, account, symbol)
    as_before, look = looks.open_positions(account.connection, {account.tradovate_id}), looks.open_positions
    answers = iter([as_before] * behind)
    monkeypatch.setattr(looks, "open_positions", lambda *about: next(answers, None) or look(*about))
    outcome = desk.flatten_all(user, None, "click:out")
    assert len(received(simulator, LIQUIDATE)) == 1
    assert look(account.connection, {account.tradovate_id}) == []
    assert outcome.succeeded is (behind == 2)
    assert (f"There is a position in {symbol} though it was closed" in outcome.words) is (behind == 99)


def test_a_position_that_is_there_again_after_its_closing_is_told(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry that traded while Tradovate closed the position and cancelled its orders."""
    bought(user, account, symbol)
    close_all = closing.close_all

    def overtaken(*about: Any) -> Any:
        monkeypatch.setattr(closing, "close_all", close_all)
        made = close_all(*about)
        elsewhere(account, symbol, "Buy", 1)
        return made

    monkeypatch.setattr(closing, "close_all", overtaken)
    outcome = desk.flatten_all(user, None, "click:out")
    assert not outcome.succeeded
    assert f"There is a position in {symbol} though it was closed" in outcome.words
    assert len(received(simulator, LIQUIDATE)) == 1


def test_where_tradovate_cannot_be_asked_again_what_was_done_is_told_and_that_more_may_be_left(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought(user, account, symbol)
    close_all = closing.close_all

    def overtaken(*about: Any) -> Any:
        made = close_all(*about)
        simulator.control.fault("error_500", "order/list")
        return made

    monkeypatch.setattr(closing, "close_all", overtaken)
    outcome = desk.flatten_all(user, None, "click:out")
    assert [intent.kind for intent in outcome.intents] == ["liquidate"]
    assert not outcome.succeeded
    assert "what is left is not known" in outcome.words
    assert "nothing could be done" not in outcome.words
