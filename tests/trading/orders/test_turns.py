"""Limits hold for orders that are made in the same instant: each of them was good when it was looked at."""

import dataclasses
import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from accounts.models import User
from tests.trading.cast import contracts_of, posts
from tests.trading.orders.pressing import at_once, bought, contract_id, limit, order_ids, pair, received
from trading.files import execute, preview
from trading.models import Account, OrderFile, OrderIntent, TradingLimit
from trading.orders import desk, facts, intents, pretrade
from trading.orders.desk import NewTerms
from trading.orders.facts import AccountFacts, ContractFacts, Facts, OrderFacts, PositionFacts
from trading.orders.spec import LinkedOrder, OrderSpec
from trading.orders.states import State
from trading.simulator import RunningSimulator

ES = ContractFacts(id=1, product_id=1, product="ES")


def known(account: Account, **more: Any) -> None:
    """The hub tells of the account: flat unless `more` says otherwise."""
    told = Facts(heard_at=timezone.now(), accounts=[AccountFacts(id=account.tradovate_id)], position_limits=[], **more)
    facts._client().set(facts.key(account.connection_id), facts.encode(told))


def vetted_together(monkeypatch: pytest.MonkeyPatch, name: str = "vet", count: int = 2) -> None:
    """So many orders have all passed their checks before the first of them is made."""
    vet, together = getattr(pretrade, name), threading.Barrier(count)

    def wait_for_the_others(*args: Any, **terms: Any) -> pretrade.Vetted:
        vetted = vet(*args, **terms)
        together.wait(30)
        return vetted

    monkeypatch.setattr(pretrade, name, wait_for_the_others)


def after_vetting(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], Any]) -> None:
    """Something happens between the checks of the next order and its making."""
    vet = pretrade.vet

    def overtaken(*args: Any) -> pretrade.Vetted:
        monkeypatch.setattr(pretrade, "vet", vet)
        vetted = vet(*args)
        happens()
        return vetted

    monkeypatch.setattr(pretrade, "vet", overtaken)


def pressed(count: int, press: Callable[[str], Any]) -> list[Any]:
    """What threads get that press at the same time, each with a form of its own."""
    keys = iter([f"click:{number}" for number in range(count)])
    return at_once(count, lambda: press(next(keys)))


@pytest.mark.parametrize(("most", "sent"), [(3, 1), (4, 2)])
def test_of_orders_that_arrive_together_go_out_as_many_as_a_position_limit_leaves(
    simulator: RunningSimulator,
    user: User,
    account: Account,
    symbol: str,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    sent: int,
) -> None:
    known(account)
    TradingLimit.objects.create(user=user, max_position=most)
    vetted_together(monkeypatch)
    outcomes = pressed(2, lambda key: desk.place(user, limit(account, symbol), key))
    assert len(posts(simulator)) == OrderIntent.objects.count() == sent
    refused = [outcome for outcome in outcomes if not outcome.succeeded]
    assert len(refused) == 2 - sent
    assert all(one.refused and "ES could become 4 contracts long" in one.words for one in refused)


@pytest.mark.parametrize("at_the_same_time", [True, False])
def test_what_is_on_its_way_in_another_month_counts_towards_the_limit_of_its_product(
    simulator: RunningSimulator,
    user: User,
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    *,
    at_the_same_time: bool,
) -> None:
    """The hub has told of neither yet."""
    known(account)
    TradingLimit.objects.create(user=user, max_position=1, product="ES")
    months = [name for name, has_expired in contracts_of(account.connection, "ES").items() if not has_expired][-2:]
    wishes = [limit(account, month, qty=1) for month in months]
    for wish in wishes:
        assert not pretrade.vet(wish).refuses
    waiting = iter(wishes)
    if at_the_same_time:
        vetted_together(monkeypatch)
        outcomes = pressed(2, lambda key: desk.place(user, next(waiting), key))
    else:
        outcomes = [desk.place(user, wish, f"click:{number}") for number, wish in enumerate(wishes)]
    assert sorted(outcome.refused for outcome in outcomes) == [False, True]
    assert len(posts(simulator)) == 1
    assert "ES could become 2 contracts long" in " ".join(outcome.words for outcome in outcomes)


def test_the_same_press_twice_is_told_of_its_one_order_although_two_would_exceed_the_limit(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(account)
    TradingLimit.objects.create(user=user, max_position=3)
    vetted_together(monkeypatch)
    outcomes = at_once(2, lambda: desk.place(user, limit(account, symbol), "click:1"))
    assert len(posts(simulator)) == 1
    assert all(outcome.succeeded for outcome in outcomes), outcomes


def test_of_changes_that_together_exceed_a_position_limit_one_goes_out(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = []
    for key in ("click:a", "click:b"):
        [placed] = desk.place(user, limit(account, symbol, qty=1), key).intents
        ids.append(placed.order_id_at_broker or 0)
    working = [
        OrderFacts(id=one, account_id=account.tradovate_id, contract_id=ES.id, action="Buy", left=1) for one in ids
    ]
    known(account, orders=working, contracts=[ES])
    TradingLimit.objects.create(user=user, max_position=4)
    vetted_together(monkeypatch, "vet_change")
    waiting = iter(ids)
    outcomes = pressed(
        2, lambda key: desk.modify(user, account.pk, next(waiting), NewTerms(order_qty=3), f"{key}:more")
    )
    assert len(received(simulator, "order/modifyorder")) == 1
    assert sorted(outcome.refused for outcome in outcomes) == [False, True]


def test_an_order_is_raised_from_what_tradovate_has_although_the_hub_has_not_told_it_yet(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    known(account)
    TradingLimit.objects.create(user=user, max_position=4)
    [placed] = desk.place(user, limit(account, symbol), "click:1").intents
    raised = [
        desk.modify(user, account.pk, placed.order_id_at_broker or 0, NewTerms(order_qty=qty), f"click:{qty}")
        for qty in (4, 6)
    ]
    assert [outcome.refused for outcome in raised] == [False, True]
    assert "ES could become 6 contracts long" in raised[1].words
    assert len(received(simulator, "order/modifyorder")) == 1


def test_both_sides_of_a_pair_count_before_the_hub_has_heard_of_it(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    known(account)
    TradingLimit.objects.create(user=user, max_position=1)
    assert desk.place(user, pair(account, symbol), "click:1").succeeded
    for action in ("Buy", "Sell"):
        spec = OrderSpec(account_id=account.pk, symbol=symbol, action=action, order_qty=1)
        outcome = desk.place(user, spec, f"click:{action}")
        assert outcome.refused
        assert "ES could become 2 contracts" in outcome.words
    assert posts(simulator) == []


def order_of_its_own(user: User, account: Account, spec: OrderSpec) -> int:
    [placed] = desk.place(user, spec, "click:resting").intents
    return placed.order_id_at_broker or 0


def lost_too_much(user: User, account: Account, symbol: str) -> None:
    """The day's loss is reached with two contracts held: only exits go out."""
    bought(user, account, symbol)
    mine, key = account.tradovate_id, contract_id(symbol)
    lost = AccountFacts(id=mine, cash=Decimal(9000), realized_pnl=Decimal(-900), open_pnl=Decimal(0))
    told = Facts(
        heard_at=timezone.now(),
        accounts=[lost],
        positions=[PositionFacts(account_id=mine, contract_id=key, net_pos=2)],
        orders=[
            OrderFacts(id=order_id, account_id=mine, contract_id=key, action="Buy", left=0)
            for order_id in order_ids(account)
            if order_id
        ],
        position_limits=[],
    )
    facts._client().set(facts.key(account.connection_id), facts.encode(told))
    TradingLimit.objects.create(user=user, daily_loss=Decimal(500))


def test_of_exits_that_together_exceed_the_position_one_goes_out_once_the_days_loss_is_reached(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost_too_much(user, account, symbol)
    vetted_together(monkeypatch)
    target = dataclasses.replace(limit(account, symbol, "9000"), action="Sell")
    outcomes = pressed(2, lambda key: desk.place(user, target, key))
    assert sorted(outcome.refused for outcome in outcomes) == [False, True]
    assert len(posts(simulator)) == 2
    [refused] = [outcome for outcome in outcomes if outcome.refused]
    assert "2 of 2 contracts have an order that closes them already" in refused.words


def test_an_entry_is_not_moved_once_the_days_loss_is_reached_and_what_closes_is(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    entry = order_of_its_own(user, account, limit(account, symbol))
    exits = LinkedOrder(action="Sell", order_type="Stop", stop_price=Decimal(3000))
    target = dataclasses.replace(limit(account, symbol, "9000"), action="Sell", other=exits)
    lost_too_much(user, account, symbol)
    [*legs] = desk.place(user, target, "click:exits").intents
    refused = desk.modify(user, account.pk, entry, NewTerms(price=Decimal(4500)), "click:1")
    assert "only orders that reduce a position go out" in refused.words
    assert refused.refused
    assert desk.modify(user, account.pk, entry, NewTerms(order_qty=1), "click:2").succeeded, "less of it is less risk"
    [_, stop] = [intent.order_id_at_broker or 0 for intent in legs]
    moved = desk.modify(user, account.pk, stop, NewTerms(stop_price=Decimal(3100)), "click:3")
    assert moved.succeeded, moved.words


def test_an_exit_that_has_filled_in_part_is_moved_once_the_days_loss_is_reached(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    """A change says how many contracts an order has in all: what is left of it is what it may still trade."""
    lost_too_much(user, account, symbol)
    target = dataclasses.replace(limit(account, symbol, "9000"), action="Sell")
    [placed] = desk.place(user, target, "click:target").intents
    order_id = placed.order_id_at_broker or 0
    known = facts.read(account.connection_id)
    assert known is not None
    mine, key = account.tradovate_id, contract_id(symbol)

    def tell(filled: int) -> None:
        held = PositionFacts(account_id=mine, contract_id=key, net_pos=1)
        exits = OrderFacts(id=order_id, account_id=mine, contract_id=key, action="Sell", left=2 - filled, filled=filled)
        told = msgspec.structs.replace(known, positions=[held], orders=[*known.orders, exits])
        facts._client().set(facts.key(account.connection_id), facts.encode(told))

    tell(0)
    assert (
        "only orders that reduce" in desk.modify(user, account.pk, order_id, NewTerms(price=Decimal(8990)), "c:1").words
    )
    tell(1)
    moved = desk.modify(user, account.pk, order_id, NewTerms(price=Decimal(8990)), "click:2")
    assert moved.succeeded, moved.words
    raised = desk.modify(user, account.pk, order_id, NewTerms(order_qty=3), "click:3")
    assert raised.refused, "one more is one that is not held"


def test_an_exit_beside_a_closing_in_doubt_is_none(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    lost_too_much(user, account, symbol)
    simulator.control.fault("lose_reply", "order/liquidateposition")
    [closing] = desk.flatten(user, account.pk, contract_id(symbol), "click:1").intents
    assert closing.state == State.UNKNOWN
    spec = dataclasses.replace(limit(account, symbol, "9000"), action="Sell")
    outcome = desk.place(user, spec, "click:2")
    assert outcome.refused
    assert "2 of 2 contracts have an order that closes them already" in outcome.words
    OrderIntent.objects.filter(pk=closing.pk).update(state=State.ABSENT)
    assert desk.place(user, spec, "click:3").succeeded


def test_an_order_counts_the_file_that_was_confirmed_after_its_checks(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(account)
    TradingLimit.objects.create(user=user, max_position=3)
    file = preview.upload(account, "orders.txt", f"{symbol} 2".encode())
    assert file.state == OrderFile.State.READY
    after_vetting(monkeypatch, lambda: execute.confirm(file.pk, user))
    outcome = desk.place(user, limit(account, symbol), "click:1")
    assert outcome.refused
    assert "ES could become 4 contracts long" in outcome.words
    assert posts(simulator) == []


@pytest.mark.parametrize(("state", "counts"), [("queued", True), ("executing", True), ("stopped", False)])
def test_the_lines_of_a_long_file_count_until_they_are_sent(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, state: str, counts: bool
) -> None:
    known(account)
    TradingLimit.objects.create(user=user, max_position=3)
    file = preview.upload(account, "orders.txt", f"{symbol} 2".encode())
    assert execute.confirm(file.pk, user)
    OrderFile.objects.update(state=state)
    confirmed = timezone.now() - timedelta(minutes=3)
    OrderIntent.objects.update(created_at=confirmed, changed_at=confirmed)
    outcome = desk.place(user, limit(account, symbol), "click:1")
    assert outcome.refused is counts, outcome.words
    assert len(posts(simulator)) == (0 if counts else 1)


def test_what_is_put_aside_meanwhile_keeps_nothing_back(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(account)
    TradingLimit.objects.create(user=user, max_position=3)

    def put_aside() -> None:
        other = intents.create(limit(account, symbol), "click:2")
        assert intents.give_up(other.pk, "never sent")

    after_vetting(monkeypatch, put_aside)
    assert desk.place(user, limit(account, symbol), "click:1").succeeded
