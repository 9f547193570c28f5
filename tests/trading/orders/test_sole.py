"""A position is closed, turned around or given exits by one press at a time, whatever the number of tabs."""

import dataclasses
import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from tests.trading.cast import listed
from tests.trading.orders.pressing import at_once, bought, contract_id, limit, received, settled
from trading.models import Account, KillSwitchAction, OrderIntent, TradingLimit
from trading.orders import clearing, closing, desk, facts, intents, kill_switch, looks, position_exits
from trading.orders.desk import NewTerms
from trading.orders.facts import AccountFacts, ContractFacts, Facts, OrderFacts, PositionFacts
from trading.orders.prices import Distance
from trading.orders.spec import OrderSpec
from trading.orders.states import State
from trading.orders.wishes import Liquidation, Modification
from trading.simulator import RunningSimulator

LIQUIDATE = "order/liquidateposition"


def together(*presses: Callable[[], Any]) -> list[Any]:
    """What different presses at the same time get."""
    waiting = list(presses)
    return at_once(len(presses), lambda: waiting.pop()())


def heard_of(intent: OrderIntent, seconds: float) -> None:
    """It was made, and anything was heard of it, so many seconds ago."""
    at = timezone.now() - timedelta(seconds=seconds)
    OrderIntent.objects.filter(pk=intent.pk).update(created_at=at, changed_at=at)


def test_two_flattens_of_one_position_close_it_once_and_say_the_same(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    bought(user, account, symbol)
    key = contract_id(symbol)
    outcomes = together(*(lambda tab=tab: desk.flatten(user, account.pk, key, f"click:{tab}") for tab in range(3)))
    assert len(received(simulator, LIQUIDATE)) == 1
    assert looks.net_position(account, key) == 0
    assert len({outcome.intents for outcome in outcomes}) == 1
    assert all(outcome.succeeded for outcome in outcomes)


def test_a_press_that_is_put_aside_is_in_no_other_ones_way(
    user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third press would be told of it, which sent nothing."""
    bought(user, account, symbol)
    key, pressed_at = contract_id(symbol), timezone.now()
    [first] = desk.flatten(user, account.pk, key, "click:1", received_at=pressed_at).intents
    give_up, waiting = intents.give_up, []

    def looked_at(*arguments: Any) -> bool:
        together(lambda: waiting.extend(OrderIntent.objects.filter(state=State.CREATED)))
        return give_up(*arguments)

    monkeypatch.setattr(intents, "give_up", looked_at)
    monkeypatch.setattr(closing, "_left_open", lambda *_: False)
    wish = Liquidation(account_id=account.pk, contract_id=key, symbol=symbol)
    second = closing.close(account, wish, "click:2", pressed_at)
    assert second.intent_id == first.pk
    assert OrderIntent.objects.get(source_key="click:2").state == State.CANCELLED
    assert not waiting


def test_a_press_that_was_delivered_twice_puts_the_closing_that_it_made_not_aside(
    user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought(user, account, symbol)
    key, pressed_at = contract_id(symbol), timezone.now()
    desk.flatten(user, account.pk, key, "click:1", received_at=pressed_at)
    wish = Liquidation(account_id=account.pk, contract_id=key, symbol=symbol)

    def made_meanwhile(*_: Any) -> bool:
        intents.create(wish, "click:2", received_at=pressed_at)
        return False

    monkeypatch.setattr(closing, "_left_open", made_meanwhile)
    closing.close(account, wish, "click:2", pressed_at)
    assert OrderIntent.objects.get(source_key="click:2").state == State.CREATED


@pytest.mark.parametrize(("seconds", "sent"), [(2, 1), (11, 2)])
def test_a_closing_of_which_nothing_was_heard_for_ten_seconds_is_in_no_other_ones_way(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, seconds: float, sent: int
) -> None:
    bought(user, account, symbol)
    simulator.control.fault("lose_reply", LIQUIDATE)
    [lost] = desk.flatten(user, account.pk, contract_id(symbol), "click:1").intents
    assert lost.state == State.UNKNOWN
    heard_of(lost, seconds)
    desk.flatten(user, account.pk, contract_id(symbol), "click:2")
    assert len(received(simulator, LIQUIDATE)) == sent


def test_a_flatten_that_came_before_a_reversal_does_not_close_what_that_has_opened(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    bought(user, account, symbol)
    key, pressed_at = contract_id(symbol), timezone.now()
    assert desk.reverse(user, account.pk, key, "click:1").succeeded
    settled(account)
    assert OrderIntent.objects.get(source_key="click:1:reversal").state == State.FILLED
    desk.flatten(user, account.pk, key, "click:2", received_at=pressed_at)
    assert received(simulator, LIQUIDATE) == []
    assert looks.net_position(account, key) == -2


def test_flatten_all_beside_a_flatten_closes_the_position_once(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    bought(user, account, symbol)
    key = contract_id(symbol)
    together(
        lambda: desk.flatten(user, account.pk, key, "click:1"),
        lambda: desk.flatten_all(user, account.pk, "click:2"),
        lambda: desk.flatten_all(user, None, "click:3"),
    )
    assert len(received(simulator, LIQUIDATE)) == 1
    assert looks.net_position(account, key) == 0


def test_a_position_that_is_being_closed_keeps_no_other_one_from_being_closed(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a closing has ended is looked up; however long that takes, the others are on their way."""
    for number, name in enumerate((symbol, listed(account.connection, "MES"))):
        bought(user, account, name, qty=1, key=f"click:buy:{number}")
    both = looks.open_positions(account.connection, {account.tradovate_id})
    assert len(both) == 2
    # The one that is being closed comes last.
    both.sort(key=lambda position: position.contract_id == contract_id(symbol))
    assert desk.flatten(user, account.pk, contract_id(symbol), "click:1").succeeded
    monkeypatch.setattr(looks, "open_positions", lambda *_: both)
    sent_when_looked: list[int] = []

    def look(*_: Any) -> list[Any]:
        sent_when_looked.append(len(received(simulator, LIQUIDATE)))
        return []

    monkeypatch.setattr(looks, "orders", look)
    desk.flatten_all(user, account.pk, "click:2")
    assert sent_when_looked[0] == 2


def test_a_flatten_while_a_reversal_is_on_its_way_leaves_it_to_that(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    bought(user, account, symbol)
    key = contract_id(symbol)
    simulator.control.fault("slow_before", "order/placeorder", seconds=2)
    reversal = threading.Thread(target=lambda: at_once(1, lambda: desk.reverse(user, account.pk, key, "click:1")))
    reversal.start()
    while not OrderIntent.objects.filter(source_key="click:1:reversal", state=State.SUBMITTING).exists():
        assert reversal.is_alive()
    outcome = desk.flatten(user, account.pk, key, "click:2")
    reversal.join(30)
    assert received(simulator, LIQUIDATE) == []
    assert looks.net_position(account, key) == -2
    assert [intent.source_key for intent in outcome.intents] == ["click:1:reversal"]
    assert "is being turned around already" in outcome.words


def test_a_position_that_was_turned_around_is_flattened_at_once(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    """Nobody has told us yet how the reversal ended: Tradovate is asked."""
    bought(user, account, symbol)
    key = contract_id(symbol)
    assert desk.reverse(user, account.pk, key, "click:1").succeeded
    assert looks.net_position(account, key) == -2
    assert desk.flatten(user, account.pk, key, "click:2").succeeded
    assert looks.net_position(account, key) == 0


def test_the_kill_switch_does_not_close_what_is_being_closed(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    bought(user, account, symbol)
    kill_switch.throw(user, user=user, flatten=True)
    [action] = KillSwitchAction.objects.all()
    together(
        lambda: desk.flatten(user, account.pk, contract_id(symbol), "click:1"),
        lambda: clearing.carry_out(action.pk),
    )
    assert len(received(simulator, LIQUIDATE)) == 1
    assert looks.net_position(account, contract_id(symbol)) == 0


def test_a_position_that_was_opened_after_a_flatten_is_flattened_at_once(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    """Nobody has told us yet how the first closing ended: Tradovate is asked."""
    for number in range(2):
        bought(user, account, symbol, key=f"click:buy:{number}")
        assert desk.flatten(user, account.pk, contract_id(symbol), f"click:{number}").succeeded
        assert looks.net_position(account, contract_id(symbol)) == 0
    assert len(received(simulator, LIQUIDATE)) == 2


def test_a_second_press_that_arrives_once_more_does_not_close_what_was_opened_since(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    bought(user, account, symbol)
    key = contract_id(symbol)
    desk.flatten(user, account.pk, key, "click:1")
    desk.flatten(user, account.pk, key, "click:2")
    bought(user, account, symbol, key="click:anew")
    again = desk.flatten(user, account.pk, key, "click:2")
    assert [intent.state for intent in again.intents] == [State.CANCELLED]
    assert "is being closed already" in again.words
    assert len(received(simulator, LIQUIDATE)) == 1
    assert looks.net_position(account, key) == 2


def test_exits_that_are_added_in_two_tabs_are_one_pair(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought(user, account, symbol)
    look, both_looked = position_exits._refuse_second_exits, threading.Barrier(2)

    def wait_for_the_other(*args: Any) -> None:
        look(*args)
        both_looked.wait(30)

    monkeypatch.setattr(position_exits, "_refuse_second_exits", wait_for_the_other)
    distances = Distance(Decimal(10)), Distance(Decimal(5))

    def add(key: str) -> desk.Outcome:
        return position_exits.add_exits(user, account.pk, contract_id(symbol), *distances, key)

    outcomes = together(lambda: add("click:1"), lambda: add("click:2"))
    assert len(received(simulator, "order/placeoco")) == 1
    assert sorted(outcome.refused for outcome in outcomes) == [False, True]
    [refused] = [outcome for outcome in outcomes if outcome.refused]
    assert f"Another order in {symbol} is under way" in refused.words


@pytest.mark.parametrize(("filled", "kept_back"), [(0, False), (1, True)])
def test_exits_are_kept_back_by_an_order_that_traded_meanwhile_before_it_was_cancelled(
    user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch, filled: int, kept_back: bool
) -> None:
    """Another tab's: the exits would be for more than is held."""
    bought(user, account, symbol)
    look = position_exits._refuse_second_exits

    def meanwhile(*args: Any) -> None:
        look(*args)
        spec = OrderSpec(account_id=account.pk, symbol=symbol, action="Sell", order_qty=2, time_in_force="IOC")
        made = intents.create(spec, "click:other-tab")
        OrderIntent.objects.filter(pk=made.pk).update(
            state=State.CANCELLED, filled_qty=filled, changed_at=timezone.now()
        )

    monkeypatch.setattr(position_exits, "_refuse_second_exits", meanwhile)
    outcome = position_exits.add_exits(user, account.pk, contract_id(symbol), None, Distance(Decimal(5)), "click:1")
    assert outcome.refused is kept_back
    assert (f"Another order in {symbol} is under way" in outcome.words) is kept_back


def test_of_two_changes_that_saw_the_same_order_none_takes_the_other_one_back(
    simulator: RunningSimulator, user: User, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change says all of an order anew: somebody's new price would bring back what another one took off."""
    [placed] = desk.place(user, limit(account, listed(account.connection, "MES"), qty=3), "click:order").intents
    order_id = placed.order_id_at_broker or 0
    look, both_looked = looks.standing, threading.Barrier(2)

    def wait_for_the_other(*args: Any) -> looks.Standing:
        standing = look(*args)
        both_looked.wait(30)
        return standing

    both = [NewTerms(order_qty=1), NewTerms(price=Decimal(4010))]
    with monkeypatch.context() as together_only:
        together_only.setattr(looks, "standing", wait_for_the_other)
        outcomes = together(
            *(lambda at=at: (at, desk.modify(user, account.pk, order_id, both[at], f"click:{at}")) for at in (0, 1))
        )
    [(done, _)] = [one for one in outcomes if one[1].succeeded]
    [(late, refused)] = [one for one in outcomes if one[1].refused]
    assert f"Another change of order {order_id} is under way" in refused.words
    assert desk.modify(user, account.pk, order_id, both[late], "click:again").succeeded
    version = looks.standing(account.connection, order_id).version
    assert (version.order_qty, version.price, done + late) == (1, 4010, 1)


def test_a_change_that_follows_an_answered_one_is_not_kept_back(user: User, account: Account) -> None:
    [placed] = desk.place(user, limit(account, listed(account.connection, "MES"), qty=3), "click:order").intents
    for number in range(3):
        moved = NewTerms(price=Decimal(4010 + number))
        assert desk.modify(user, account.pk, placed.order_id_at_broker or 0, moved, f"click:{number}").succeeded


@pytest.mark.parametrize(("seconds", "goes"), [(2, False), (11, True)])
def test_a_change_whose_sender_was_not_heard_of_for_ten_seconds_keeps_no_other_one_back(
    user: User, account: Account, seconds: float, goes: bool
) -> None:
    spec = limit(account, listed(account.connection, "MES"), qty=3)
    [placed] = desk.place(user, spec, "click:order").intents
    order_id = placed.order_id_at_broker or 0
    begun = intents.create(Modification(order_id=order_id, becomes=dataclasses.replace(spec, order_qty=2)), "click:1")
    assert intents.claim(begun.pk)
    heard_of(begun, seconds)
    assert desk.modify(user, account.pk, order_id, NewTerms(price=Decimal(4010)), "click:2").succeeded is goes


def test_exits_are_not_kept_back_by_an_entry_that_is_in_doubt(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    bought(user, account, symbol)
    simulator.control.fault("lose_reply", "order/placeorder")
    assert desk.place(user, limit(account, symbol), "click:lost").intents[0].state == State.UNKNOWN
    stop = Distance(Decimal(5))
    assert position_exits.add_exits(user, account.pk, contract_id(symbol), None, stop, "click:1").succeeded


def test_a_reversal_does_not_count_the_orders_that_it_cancels_towards_the_position_limit(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    bought(user, account, symbol)
    key = contract_id(symbol)
    stop = OrderSpec(
        account_id=account.pk, symbol=symbol, action="Sell", order_qty=2, order_type="Stop", stop_price=Decimal(3000)
    )
    [working] = desk.place(user, stop, "click:stop").intents
    mine = account.tradovate_id
    told = Facts(
        heard_at=timezone.now(),
        accounts=[AccountFacts(id=mine)],
        contracts=[ContractFacts(id=key, product_id=1, product="ES")],
        positions=[PositionFacts(account_id=mine, contract_id=key, net_pos=2)],
        orders=[
            OrderFacts(id=one.order_id_at_broker or 0, account_id=mine, contract_id=key, action=one.action, left=left)
            for one, left in ((OrderIntent.objects.get(source_key="click:buy"), 0), (working, 2))
        ],
        position_limits=[],
    )
    facts._client().set(facts.key(account.connection_id), facts.encode(told))
    TradingLimit.objects.create(user=user, max_position=1)
    assert "ES could become 2 contracts short" in desk.reverse(user, account.pk, key, "click:1").words
    TradingLimit.objects.update(max_position=2)
    assert desk.reverse(user, account.pk, key, "click:2").succeeded
    assert looks.net_position(account, key) == -2
