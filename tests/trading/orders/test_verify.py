"""What was accepted is looked at again: whether it took effect, was refused later, or changed nothing."""

from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from accounts.models import User
from tests.trading.orders.pressing import (
    bracket,
    change_elsewhere,
    has_become,
    limit,
    mirrored,
    now,
    received,
    refusing,
    settled,
    version_of,
    versions_of,
)
from trading import tasks
from trading.models import Account, OrderIntent
from trading.orders import desk, intents, kill_switch, let_through, lookup, reconcile, reports, verify
from trading.orders.desk import NewTerms
from trading.orders.states import State
from trading.orders.wishes import Modification
from trading.simulator import RunningSimulator
from trading.sync import intent_rows
from trading.tradovate import Tradovate


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settle time is over as soon as it begins."""
    monkeypatch.setattr(reconcile, "SETTLE", timedelta(0))


@pytest.fixture
def resting(user: User, account: Account, symbol: str) -> int:
    """An order for two contracts that waits far below the market; its id."""
    [intent] = desk.place(user, limit(account, symbol), "click:rests").intents
    settled(account)
    assert intent.order_id_at_broker
    return intent.order_id_at_broker


def changed(user: User, account: Account, order_id: int, key: str = "click:1", **terms: object) -> OrderIntent:
    [intent] = desk.modify(user, account.pk, order_id, NewTerms(**terms), key).intents  # type: ignore[arg-type]
    assert intent.state == State.ACCEPTED
    return intent


def test_a_change_that_took_is_done(simulator: RunningSimulator, user: User, account: Account, resting: int) -> None:
    intent = changed(user, account, resting, price=Decimal(4001))
    assert verify.due(timezone.now()) == [account.connection_id]
    assert verify.look(account.connection_id) == [intent.pk]
    assert now(intent).state == State.DONE
    assert verify.due(timezone.now()) == []


def test_a_change_that_was_ignored_is_said_to_have_changed_nothing(
    simulator: RunningSimulator, user: User, account: Account, resting: int
) -> None:
    simulator.control.fault("modify_ignored")
    intent = changed(user, account, resting, price=Decimal(4001))
    verify.look(account.connection_id)
    has_become(intent, State.INEFFECTIVE, "still stands: 2 at 4000")
    assert version_of(simulator, resting)["price"] == 4000


def test_what_an_order_still_stands_at_is_nothing_that_the_exchange_refused(
    simulator: RunningSimulator, user: User, account: Account, resting: int
) -> None:
    change_elsewhere(account, resting, order_qty=1, price=Decimal(3990), time_in_force="GTC")
    simulator.control.fault("modify_ignored")
    intent = changed(user, account, resting, price=Decimal(4001))
    verify.look(account.connection_id)
    has_become(intent, State.INEFFECTIVE, "still stands: 2 at 4000")


def test_before_the_settle_time_is_over_nothing_is_concluded(
    simulator: RunningSimulator, user: User, account: Account, resting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "SETTLE", timedelta(seconds=60))
    simulator.control.fault("modify_ignored")
    intent = changed(user, account, resting, price=Decimal(4001))
    assert verify.due(timezone.now()) == []
    assert verify.look(account.connection_id) == []
    assert now(intent).state == State.ACCEPTED


def test_a_change_that_took_longer_than_anybody_waited_is_done_after_all(
    simulator: RunningSimulator, user: User, account: Account, resting: int
) -> None:
    simulator.control.fault("modify_ignored")
    intent = changed(user, account, resting, price=Decimal(4001))
    verify.look(account.connection_id)
    told = verify.observe_answer(account.connection_id, intent.cl_ord_id, 99, took=True)
    assert told == [intent.pk]
    assert (now(intent).state, now(intent).reason) == (State.DONE, "")


def test_a_change_that_is_under_way_is_waited_for(
    simulator: RunningSimulator, user: User, account: Account, resting: int
) -> None:
    simulator.control.fault("modify_pending", seconds=10)
    intent = changed(user, account, resting, price=Decimal(4001))
    assert verify.look(account.connection_id) == []
    assert now(intent).state == State.ACCEPTED
    simulator.control.advance(10)
    assert verify.look(account.connection_id) == [intent.pk]
    assert now(intent).state == State.DONE


def test_a_change_that_is_refused_after_a_while_is_refused(
    simulator: RunningSimulator, user: User, account: Account, resting: int
) -> None:
    simulator.control.fault("modify_pending", seconds=10)
    intent = changed(user, account, resting, order_qty=49)
    assert verify.look(account.connection_id) == []
    simulator.control.advance(10)
    verify.look(account.connection_id)
    has_become(intent, State.REJECTED, "margin")


def test_a_change_of_which_nothing_is_said_for_long_says_so_once_and_is_still_waited_for(
    simulator: RunningSimulator, user: User, account: Account, resting: int
) -> None:
    simulator.control.fault("modify_pending", seconds=10)
    intent = changed(user, account, resting, order_qty=1)
    OrderIntent.objects.filter(pk=intent.pk).update(changed_at=timezone.now() - verify.LONG_UNDER_WAY)
    assert verify.look(account.connection_id) == [intent.pk]
    has_become(intent, State.ACCEPTED, "has not said what came of the change")
    assert intent_rows.level(now(intent)) == "warning"
    assert intent_rows.words(now(intent)).endswith("Look at the order before you rely on it.")
    assert now(intent).version > intent.version
    assert verify.look(account.connection_id) == []
    simulator.control.advance(10)
    verify.look(account.connection_id)
    assert (now(intent).state, now(intent).reason) == (State.DONE, "")


def test_a_reduction_that_hangs_is_not_undone_while_trading_is_stopped(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, resting: int
) -> None:
    """It may land after whatever is changed next: an order for two that it makes one of must not become two again."""
    mirrored(account, symbol, resting, price=Decimal(4000))
    simulator.control.fault("modify_pending", seconds=600)
    reduction = changed(user, account, resting, order_qty=1)
    OrderIntent.objects.filter(pk=reduction.pk).update(changed_at=timezone.now() - verify.LONG_UNDER_WAY)
    verify.look(account.connection_id)
    kill_switch.throw(user, user=user)
    again = intents.create(Modification(order_id=resting, becomes=limit(account, symbol, qty=2)), "click:2")
    assert "only exits and cancels" in let_through.forbids(again)


def test_a_change_of_an_order_that_ended_while_it_was_under_way_changed_nothing(
    simulator: RunningSimulator, user: User, account: Account, resting: int
) -> None:
    simulator.control.fault("modify_pending", seconds=600)
    intent = changed(user, account, resting, price=Decimal(4001))
    desk.cancel(user, account.pk, resting, "click:cancel")
    verify.look(account.connection_id)
    has_become(intent, State.INEFFECTIVE, "cancelled before it could be changed")


@pytest.mark.parametrize("seemed", [State.DONE, State.INEFFECTIVE])
def test_a_refusal_that_comes_late_overrules_what_a_change_seemed_to_have_become(
    user: User, account: Account, resting: int, seemed: State
) -> None:
    intent = changed(user, account, resting, price=Decimal(4001))
    OrderIntent.objects.filter(pk=intent.pk).update(state=seemed)
    assert verify.observe_answer(account.connection_id, intent.cl_ord_id, 99, refusal="No margin.") == [intent.pk]
    has_become(intent, State.REJECTED, "No margin.")


def test_a_cancellation_that_is_done_stays_so(
    simulator: RunningSimulator, user: User, account: Account, resting: int
) -> None:
    [intent] = desk.cancel(user, account.pk, resting, "click:1").intents
    verify.look(account.connection_id)
    assert verify.observe_answer(account.connection_id, intent.cl_ord_id, 99, refusal="Too late.") == []
    assert now(intent).state == State.DONE


def test_a_change_that_was_refused_after_it_was_accepted_says_why(
    simulator: RunningSimulator, user: User, account: Account, resting: int
) -> None:
    intent = changed(user, account, resting, order_qty=49)
    verify.look(account.connection_id)
    has_become(intent, State.REJECTED, "margin")


def test_of_two_changes_each_is_judged_by_itself(
    simulator: RunningSimulator, user: User, account: Account, resting: int
) -> None:
    first = changed(user, account, resting, "click:1", price=Decimal(4001))
    second = changed(user, account, resting, "click:2", price=Decimal(4002))
    simulator.control.fault("modify_ignored")
    third = changed(user, account, resting, "click:3", price=Decimal(4003))
    verify.look(account.connection_id)
    assert [now(one).state for one in (first, second, third)] == [State.DONE, State.DONE, State.INEFFECTIVE]


def test_a_change_of_an_order_that_ended_meanwhile_says_so(
    simulator: RunningSimulator, user: User, account: Account, resting: int
) -> None:
    simulator.control.fault("modify_ignored")
    intent = changed(user, account, resting, price=Decimal(4001))
    desk.cancel(user, account.pk, resting, "click:cancel")
    verify.look(account.connection_id)
    has_become(intent, State.INEFFECTIVE, "cancelled before it could be changed")


def test_a_cancellation_is_done_when_its_order_has_ended(
    simulator: RunningSimulator, user: User, account: Account, resting: int
) -> None:
    [intent] = desk.cancel(user, account.pk, resting, "click:1").intents
    assert intent.pk in verify.look(account.connection_id)
    assert now(intent).state == State.DONE


def test_a_cancellation_that_comes_too_late_says_so(
    simulator: RunningSimulator, user: User, account: Account, resting: int
) -> None:
    desk.cancel(user, account.pk, resting, "click:1")
    [late] = desk.cancel(user, account.pk, resting, "click:2").intents
    assert late.state == State.REJECTED
    assert "Too late" in late.reason


def test_the_entry_of_a_strategy_that_nobody_could_ask_for_is_found(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    simulator.control.fault("error_500", "orderstrategylink/deps")
    [intent] = desk.place(user, bracket(account, symbol), "click:1").intents
    assert (intent.state, intent.order_id_at_broker) == (State.ACCEPTED, None)
    verify.look(account.connection_id)
    assert (now(intent).state, now(intent).filled_qty) == (State.FILLED, 1)


def test_a_strategy_that_failed_before_its_entry_says_why(account: Account, symbol: str, user: User) -> None:
    intent = next(iter(desk.place(user, bracket(account, symbol), "click:1").intents))
    OrderIntent.objects.filter(pk=intent.pk).update(state=State.ACCEPTED, order_id_at_broker=None)
    verify.observe_strategy(account.connection_id, intent.cl_ord_id, 5, None, "The market is closed.")
    assert (now(intent).state, now(intent).reason) == (State.REJECTED, "The market is closed.")


def test_while_tradovate_is_away_nothing_is_concluded_and_looks_become_seldom(
    simulator: RunningSimulator, user: User, account: Account, resting: int
) -> None:
    intent = changed(user, account, resting, price=Decimal(4001))
    simulator.control.fault("error_500", "commandreport/ldeps")
    assert verify.look(account.connection_id) == []
    assert now(intent).state == State.ACCEPTED
    since = now(intent).changed_at
    OrderIntent.objects.filter(pk=intent.pk).update(looked_at=since + timedelta(hours=1))
    assert verify.due(since + timedelta(hours=1, minutes=4)) == []
    assert verify.due(since + timedelta(hours=1, minutes=5)) == [account.connection_id]


def test_looks_that_tradovate_does_not_answer_put_none_off(
    simulator: RunningSimulator, user: User, account: Account, resting: int
) -> None:
    intent = changed(user, account, resting, price=Decimal(4001))
    OrderIntent.objects.filter(pk=intent.pk).update(changed_at=timezone.now() - timedelta(minutes=40))
    simulator.control.fault("error_500", "commandreport/ldeps")
    assert verify.look(account.connection_id) == []
    assert verify.due(timezone.now()) == []
    assert verify.due(timezone.now() + timedelta(seconds=8)) == [account.connection_id]


def test_a_change_that_only_its_command_says_was_refused_is_refused(
    simulator: RunningSimulator, user: User, account: Account, resting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent = changed(user, account, resting, order_qty=49)
    monkeypatch.setattr(lookup, "of_commands", lambda _: {})
    verify.look(account.connection_id)
    has_become(intent, State.REJECTED, "says no more")


def test_an_order_of_which_only_refused_terms_are_known_still_stands_as_it_was(
    simulator: RunningSimulator, user: User, account: Account, resting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.control.fault("modify_ignored")
    intent = changed(user, account, resting, price=Decimal(4001))
    monkeypatch.setattr(lookup, "of_commands", refusing(versions_of(simulator, resting)))
    verify.look(account.connection_id)
    has_become(intent, State.INEFFECTIVE, "still stands: as it was")


def test_terms_that_name_no_time_in_force_are_good_for_the_day(
    simulator: RunningSimulator, user: User, account: Account, resting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OrderVersion.timeInForce need not be there (openapi.json). Nothing else says here that the change took effect."""
    intent = changed(user, account, resting, price=Decimal(4001))

    class Terse(Tradovate):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            versions, reports = self.order_version, self.execution_report
            monkeypatch.setattr(versions, "ldeps", answering(versions.ldeps, time_in_force=None))
            monkeypatch.setattr(reports, "ldeps", answering(reports.ldeps, exec_type="New"))

    monkeypatch.setattr(reconcile, "Tradovate", Terse)
    verify.look(account.connection_id)
    assert now(intent).state == State.DONE


def answering(ask: Callable[..., Awaitable[list[Any]]], **terms: object) -> Callable[..., Awaitable[list[Any]]]:
    """The same question, whose answers say this instead."""

    async def answer(ids: Collection[int]) -> list[Any]:
        return [msgspec.structs.replace(one, **terms) for one in await ask(ids)]

    return answer


def test_the_task_looks_at_all_of_it_and_sends_nothing(
    simulator: RunningSimulator, user: User, account: Account, resting: int
) -> None:
    """What beat rings every few seconds, also when the portal has just started."""
    intent = changed(user, account, resting, price=Decimal(4001))
    simulator.control.fault("lose_reply", "order/cancelorder")
    [lost] = desk.cancel(user, account.pk, resting, "click:2").intents
    assert lost.state == State.UNKNOWN
    tasks.reconcile_orders()
    tasks.reconcile_orders()
    assert (now(intent).state, now(lost).state) == (State.DONE, State.DONE)
    assert len(received(simulator, "order/cancelorder")) == 1


def test_the_stream_tells_an_answer_before_the_reply_does(user: User, account: Account, resting: int) -> None:
    intent = changed(user, account, resting, price=Decimal(4001))
    OrderIntent.objects.filter(pk=intent.pk).update(state=State.SUBMITTING, command_id_at_broker=None)
    verify.observe_answer(account.connection_id, intent.cl_ord_id, 99, refusal="No margin.")
    assert (now(intent).state, now(intent).command_id_at_broker, now(intent).reason) == (
        State.REJECTED,
        99,
        "No margin.",
    )
    assert not reports.accept(intent.pk, command_id=99)
