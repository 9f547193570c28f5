"""What a trader's click comes to: sent once, answered in words, and nobody else's accounts."""

import asyncio
import dataclasses
from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

import pytest

from accounts.models import User
from tests.trading.cast import listed, order_of, orders_at_broker, posts, sign_in
from tests.trading.orders.pressing import (
    at_once,
    bought,
    bracket,
    change_elsewhere,
    contract_id,
    limit,
    order_ids,
    received,
    refusing,
    version_of,
    versions_of,
)
from trading.models import Account, OrderIntent, TradingLimit
from trading.orders import checks, contracts, desk, in_force, looks, lookup, position_exits, pretrade, reports, turns
from trading.orders.desk import NewTerms
from trading.orders.spec import OrderSpec
from trading.orders.states import State
from trading.simulator import RunningSimulator
from trading.tradovate import Tradovate
from trading.tradovate.entities import OrderVersion

ROUTE = "order/placeorder"


def test_a_click_is_placed_once_and_says_so(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    outcome = desk.place(user, limit(account, symbol), "click:1")
    again = desk.place(user, limit(account, symbol), "click:1")
    assert outcome.succeeded
    assert f"Buy 2 {symbol}: accepted." in outcome.words
    assert outcome.intents == again.intents
    [sent] = posts(simulator)
    assert sent["isAutomated"] is False
    assert [step.step for step in outcome.intents[0].transitions.all()] == [
        *("received", "checked", "queued", "sent", "acknowledged"),
    ]


def test_the_outcome_of_a_click_is_what_the_database_has(user: User, account: Account, symbol: str) -> None:
    spec = limit(account, symbol)
    [told] = desk.place(user, spec, "click:1").intents
    assert told.order_id_at_broker
    kept = OrderIntent.objects.get()
    names = [field.attname for field in OrderIntent._meta.concrete_fields]
    assert {name: getattr(told, name) for name in names} == {name: getattr(kept, name) for name in names}


def test_what_is_no_click_is_automated(simulator: RunningSimulator, user: User, account: Account, symbol: str) -> None:
    assert desk.place(user, limit(account, symbol), "signal:1").succeeded
    assert posts(simulator)[0]["isAutomated"] is True


def test_the_same_click_in_four_threads_sends_one_order(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    outcomes = at_once(4, lambda: desk.place(user, limit(account, symbol), "click:1"))
    assert len(posts(simulator)) == 1
    assert [[intent.state for intent in outcome.intents] for outcome in outcomes] == [[State.ACCEPTED]] * 4


def test_a_repeat_is_told_of_the_first_although_the_checks_would_refuse_a_second_one(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vet, spec = pretrade.vet, limit(account, symbol)

    def overtaken(*_: object) -> pretrade.Vetted:
        monkeypatch.setattr(pretrade, "vet", vet)
        desk.place(user, spec, "click:1")
        problem = checks.error("position", "With this order ES could become 4 contracts long.")
        return pretrade.Vetted((problem,), turns.Gate(), contracts.Looked({}))

    monkeypatch.setattr(pretrade, "vet", overtaken)
    outcome = desk.place(user, spec, "click:1")
    assert not outcome.refused
    assert outcome.succeeded, outcome.words
    assert len(posts(simulator)) == 1


def test_an_order_may_be_moved_although_it_is_larger_than_a_limit_that_came_after_it(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    [placed] = desk.place(user, limit(account, symbol), "click:1").intents
    TradingLimit.objects.create(user=user, max_order_qty=1)
    order_id = placed.order_id_at_broker or 0
    assert desk.modify(user, account.pk, order_id, NewTerms(price=Decimal(3990)), "click:2").succeeded
    more = desk.modify(user, account.pk, order_id, NewTerms(order_qty=3), "click:3")
    assert "your limit is 1 in one order" in more.words


def test_a_price_between_two_ticks_is_refused_with_its_neighbours(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    outcome = desk.place(user, limit(account, symbol, "4000.10"), "click:1")
    assert outcome.refused
    assert "nearest 4000.00 or 4000.25" in outcome.words
    assert not OrderIntent.objects.exists()


def test_somebody_elses_account_does_not_exist(
    simulator: RunningSimulator, account: Account, symbol: str, transactional_db: None
) -> None:
    stranger = User.objects.create_user("sim:99")
    assert desk.place(stranger, limit(account, symbol), "click:1").refused
    assert desk.cancel(stranger, account.pk, 1, "click:2").refused
    assert posts(simulator) == []


def test_the_same_order_in_another_account_is_no_repeat(
    simulator: RunningSimulator, transactional_db: None, symbol: str
) -> None:
    pro = sign_in(simulator, "pro")
    one, other = pro.accounts.order_by("pk")[:2]
    assert desk.place(pro.user, limit(one, symbol), "click:1").succeeded

    def repeats(account: Account) -> list[str]:
        return [found.message for found in pretrade.vet(limit(account, symbol)).findings if "two" in found.message]

    assert "was made" in repeats(one)[0]
    assert repeats(other) == []


def test_a_key_that_comes_with_another_order_sends_nothing(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    desk.place(user, limit(account, symbol), "click:1")
    outcome = desk.place(user, limit(account, symbol, qty=3), "click:1")
    assert outcome.refused
    assert "begin anew" in outcome.words
    assert len(posts(simulator)) == 1


def test_a_key_of_another_account_changes_nothing(
    simulator: RunningSimulator, transactional_db: None, symbol: str
) -> None:
    pro = sign_in(simulator, "pro")
    one, other = pro.accounts.order_by("pk")[:2]
    assert desk.place(pro.user, limit(one, symbol), "api:1").succeeded
    outcome = desk.modify(pro.user, other.pk, 99, NewTerms(order_qty=1), "api:1")
    assert outcome.refused
    assert "begin anew" in outcome.words
    assert received(simulator, "order/modifyorder") == []


@pytest.mark.parametrize("fault", ["rate_limit", "penalty", "expire_token"])
def test_a_click_that_certainly_had_no_effect_never_goes_out_later(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, fault: str
) -> None:
    desk.place(user, limit(account, symbol), "click:warm")
    simulator.control.fault(fault, ROUTE)
    outcome = desk.place(user, limit(account, symbol), "click:1")
    assert [intent.state for intent in outcome.intents] == [State.CANCELLED]
    assert outcome.intents[0].reason
    assert desk.place(user, limit(account, symbol), "click:1").intents == outcome.intents
    assert len(orders_at_broker(simulator)) == 1


def test_a_lost_answer_is_unknown_and_not_repeated(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    simulator.control.fault("lose_reply", ROUTE)
    outcome = desk.place(user, limit(account, symbol), "click:1")
    assert outcome.intents[0].state == State.UNKNOWN
    assert not outcome.succeeded
    assert desk.place(user, limit(account, symbol), "click:1").intents == outcome.intents
    assert len(orders_at_broker(simulator)) == 1


def test_a_cancellation_has_an_intent_of_its_own_and_is_done_when_the_order_is_gone(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    [placed] = desk.place(user, limit(account, symbol), "click:1").intents
    order_id = order_of(simulator, placed.cl_ord_id)
    outcome = desk.cancel(user, account.pk, order_id, "click:2")
    [cancellation] = outcome.intents
    assert (cancellation.kind, cancellation.state) == ("cancel", State.ACCEPTED)
    assert cancellation.command_id_at_broker
    assert desk.cancel(user, account.pk, order_id, "click:2").intents == outcome.intents
    reports.observe_order(account.connection_id, order_id, "Canceled")
    cancellation.refresh_from_db()
    placed.refresh_from_db()
    assert (placed.state, cancellation.state) == (State.CANCELLED, State.DONE)


def test_a_cancellation_that_comes_too_late_is_rejected(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    market = OrderSpec(account_id=account.pk, symbol=symbol, action="Buy", order_qty=1)
    [placed] = desk.place(user, market, "click:1").intents
    outcome = desk.cancel(user, account.pk, placed.order_id_at_broker or 0, "click:2")
    assert outcome.intents[0].state == State.REJECTED
    assert "TooLate" in outcome.words


def test_a_change_repeats_what_it_does_not_change(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    spec = dataclasses.replace(limit(account, symbol), time_in_force="GTC", text="desk 4")
    [placed] = desk.place(user, spec, "click:1").intents
    order_id = placed.order_id_at_broker or 0
    outcome = desk.modify(user, account.pk, order_id, NewTerms(price=Decimal("4001.25")), "click:2")
    [change] = outcome.intents
    assert (change.kind, change.state, change.target_order_id) == ("modify", State.ACCEPTED, order_id)
    version = version_of(simulator, order_id)
    assert (version["orderQty"], version["timeInForce"], version["text"]) == (2, "GTC", "desk 4")
    assert Decimal(str(version["price"])) == Decimal("4001.25")
    again = desk.modify(user, account.pk, order_id, NewTerms(price=Decimal("4001.25")), "click:2")
    assert again.intents == outcome.intents
    assert len(received(simulator, "order/modifyorder")) == 1
    other = desk.modify(user, account.pk, order_id, NewTerms(price=Decimal(3000)), "click:2")
    assert other.refused


@pytest.fixture
def stop_of_three(simulator: RunningSimulator, user: User, account: Account, symbol: str) -> int:
    """The stop of a bracket strategy, for three contracts that were bought at 5000."""
    simulator.control.price(symbol, 5000)
    assert desk.place(user, bracket(account, symbol, 3), "click:1").succeeded
    working = looks.open_orders(account.connection, {account.tradovate_id})
    [stop] = [one.id for one in working if version_of(simulator, one.id)["orderType"] == "Stop"]
    return stop


def while_it_is_checked(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], Any]) -> None:
    """Something happens between the look at an order and the change of it."""
    vet = pretrade.vet_change

    def overtaken(*about: Any) -> pretrade.Vetted:
        monkeypatch.setattr(pretrade, "vet_change", vet)
        happens()
        return vet(*about)

    monkeypatch.setattr(pretrade, "vet_change", overtaken)


@pytest.mark.parametrize("way", ["modify", "break even"])
def test_a_stop_that_gets_back_the_contracts_which_its_target_has_just_sold_is_told(
    simulator: RunningSimulator,
    user: User,
    account: Account,
    symbol: str,
    monkeypatch: pytest.MonkeyPatch,
    stop_of_three: int,
    way: str,
) -> None:
    """Tradovate made it smaller when the target traded, and the change repeats what it had before."""

    def the_target_trades() -> None:
        simulator.control.liquidity(symbol, 1)
        simulator.control.price(symbol, 5010.25)
        assert version_of(simulator, stop_of_three)["orderQty"] == 2

    def press() -> desk.Outcome:
        if way == "modify":
            return desk.modify(user, account.pk, stop_of_three, NewTerms(stop_price=Decimal(4996)), "click:2")
        return position_exits.to_break_even(user, account.pk, contract_id(symbol), "click:2")

    while_it_is_checked(monkeypatch, the_target_trades)
    first, again = press(), press()
    assert version_of(simulator, stop_of_three)["orderQty"] == 3
    for outcome in (first, again):
        assert not outcome.succeeded
        assert f"Order {stop_of_three} had been changed to 2 contracts meanwhile, and is for 3 again" in outcome.words
    assert len(received(simulator, "order/modifyorder")) == 1


@pytest.mark.parametrize("terms", [NewTerms(stop_price=Decimal(4996)), NewTerms(order_qty=2)])
def test_a_change_that_puts_nothing_back_is_told_as_such(
    simulator: RunningSimulator, user: User, account: Account, stop_of_three: int, terms: NewTerms
) -> None:
    for number in range(2):
        for _ in ("first", "again"):
            outcome = desk.modify(user, account.pk, stop_of_three, terms, f"click:change:{number}")
            assert outcome.succeeded, outcome.words
            assert "meanwhile" not in outcome.words


@pytest.mark.parametrize(("qty", "is_told"), [(1, True), (2, False)])
def test_another_programs_number_of_contracts_that_a_change_takes_back_is_told(
    simulator: RunningSimulator,
    user: User,
    account: Account,
    symbol: str,
    monkeypatch: pytest.MonkeyPatch,
    qty: int,
    is_told: bool,
) -> None:
    [placed] = desk.place(user, limit(account, symbol), "click:1").intents
    order_id = placed.order_id_at_broker or 0
    while_it_is_checked(monkeypatch, lambda: change_elsewhere(account, order_id, order_qty=qty, price=Decimal(3990)))
    outcome = desk.modify(user, account.pk, order_id, NewTerms(price=Decimal(3980)), "click:2")
    assert outcome.succeeded is not is_told, outcome.words
    assert (
        f"Order {order_id} had been changed to 1 contract meanwhile, and is for 2 again" in outcome.words
    ) is is_told


def test_where_an_orders_terms_cannot_be_read_after_a_change_it_is_said(
    simulator: RunningSimulator,
    user: User,
    account: Account,
    symbol: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [placed] = desk.place(user, limit(account, symbol), "click:1").intents
    order_id = placed.order_id_at_broker or 0
    while_it_is_checked(monkeypatch, lambda: simulator.control.fault("error_500", "orderversion/deps"))
    outcome = desk.modify(user, account.pk, order_id, NewTerms(price=Decimal(3980)), "click:2")
    assert [intent.state for intent in outcome.intents] == [State.ACCEPTED]
    assert "is not known" in outcome.words
    assert not outcome.succeeded


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (NewTerms(price=Decimal("4000.10")), "nearest 4000.00 or 4000.25"),
        (NewTerms(order_type="Stop"), "needs a stopPrice"),
        (NewTerms(order_qty=0), "at least 1 contract"),
    ],
)
def test_a_change_is_checked_like_an_order(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, terms: NewTerms, words: str
) -> None:
    [placed] = desk.place(user, limit(account, symbol), "click:1").intents
    outcome = desk.modify(user, account.pk, placed.order_id_at_broker or 0, terms, "click:2")
    assert outcome.refused
    assert words in outcome.words
    assert received(simulator, "order/modifyorder") == []


def test_an_iceberg_gets_more_contracts_than_it_shows(
    simulator: RunningSimulator, user: User, account: Account
) -> None:
    shown = dataclasses.replace(limit(account, listed(account.connection, "MES")), max_show=2)
    [placed] = desk.place(user, shown, "click:1").intents
    order_id = placed.order_id_at_broker or 0
    outcome = desk.modify(user, account.pk, order_id, NewTerms(order_qty=3), "click:2")
    assert outcome.succeeded, outcome.words
    version = version_of(simulator, order_id)
    assert (version["orderQty"], version["maxShow"]) == (3, 2)


def test_a_finished_order_cannot_be_changed(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    bought(user, account, symbol)
    [order_id] = order_ids(account)
    outcome = desk.modify(user, account.pk, order_id or 0, NewTerms(order_qty=3), "click:2")
    assert outcome.refused
    assert "filled" in outcome.words


@pytest.mark.parametrize("reported", [True, False])
def test_a_change_repeats_nothing_that_an_earlier_one_was_refused_for(
    simulator: RunningSimulator,
    user: User,
    account: Account,
    symbol: str,
    monkeypatch: pytest.MonkeyPatch,
    reported: bool,
) -> None:
    """The exchange refuses another time in force, and the order stays what it was. A report may say so, or only the
    command itself."""
    if not reported:
        monkeypatch.setattr(lookup, "of_commands", refusing(()))
    [placed] = desk.place(user, limit(account, symbol), "click:1").intents
    order_id = placed.order_id_at_broker or 0
    change_elsewhere(account, order_id, order_qty=1, price=Decimal(3990), time_in_force="GTC")
    assert desk.modify(user, account.pk, order_id, NewTerms(price=Decimal(3980)), "click:2").succeeded
    now = version_of(simulator, order_id)
    assert (now["price"], now["orderQty"], now["timeInForce"]) == (3980, 2, "Day")


def test_an_order_that_was_never_changed_costs_no_question_about_refusals() -> None:
    """Its only terms have its own id."""
    asked_nothing = cast(Tradovate, object())
    version = OrderVersion(id=7, order_id=7, order_qty=1, order_type="Market")
    assert 7 not in asyncio.run(in_force.refused(asked_nothing, [version]))


def test_an_order_of_which_only_refused_terms_are_known_is_not_changed(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands on earlier ones, which Tradovate does not show: a change that repeats others would bring them back."""
    [placed] = desk.place(user, limit(account, symbol), "click:1").intents
    order_id = placed.order_id_at_broker or 0
    assert desk.modify(user, account.pk, order_id, NewTerms(price=Decimal(3990)), "click:2").succeeded
    monkeypatch.setattr(lookup, "of_commands", refusing(versions_of(simulator, order_id)))
    outcome = desk.modify(user, account.pk, order_id, NewTerms(order_qty=1), "click:3")
    assert outcome.refused
    assert f"Tradovate shows no terms of order {order_id}." in outcome.words
    assert len(received(simulator, "order/modifyorder")) == 1
