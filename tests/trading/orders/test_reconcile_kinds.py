"""Whatever it was that got no answer, it is found in the broker's records, or proven not to be there."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from tests.trading.cast import order_of, orders_at_broker
from tests.trading.orders.pressing import (
    bought,
    bracket,
    contract_id,
    has_become,
    limit,
    now,
    pair,
    received,
    settled,
    version_of,
    with_exits,
)
from trading.models import Account, OrderIntent
from trading.orders import desk, gateway, reconcile, resend
from trading.orders.desk import NewTerms
from trading.orders.states import Kind, State
from trading.simulator import RunningSimulator


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settle time is over as soon as it begins."""
    monkeypatch.setattr(reconcile, "SETTLE", timedelta(0))


def resting(user: User, account: Account, symbol: str) -> int:
    """An order that waits far below the market; its id."""
    [intent] = desk.place(user, limit(account, symbol), "click:rests").intents
    settled(account)
    assert intent.order_id_at_broker
    return intent.order_id_at_broker


def of_press(made: Any) -> OrderIntent:
    """The leading intent of an outcome that nobody answered."""
    [lead, *legs] = made.intents
    assert {lead.state, *(leg.state for leg in legs)} == {State.UNKNOWN}
    return lead


@dataclass
class Button:
    """What is pressed, and the route that it takes."""

    route: str
    press: Callable[[], Any]

    def pressed_in_vain(self, simulator: RunningSimulator, fault: str) -> OrderIntent:
        """Press it while a fault happens to its route; the leading intent, which nobody answered."""
        simulator.control.fault(fault, self.route)
        return of_press(self.press())


@pytest.fixture(params=[("order/placeoco", pair), ("order/placeoso", with_exits)], ids=["pair", "with exits"])
def group(request: pytest.FixtureRequest, user: User, account: Account, symbol: str) -> Button:
    route, spec = request.param
    return Button(route, lambda: desk.place(user, spec(account, symbol), "click:1"))


def test_a_group_is_found_with_all_its_legs(simulator: RunningSimulator, account: Account, group: Button) -> None:
    lead = group.pressed_in_vain(simulator, "lose_reply")
    reconcile.look(account.connection_id)
    family = [now(lead), *lead.legs.order_by("pk")]
    assert [one.order_id_at_broker for one in family] == [order_of(simulator, one.cl_ord_id) for one in family]
    assert {one.state for one in family} == {State.WORKING}
    assert len(received(simulator, group.route)) == 1


def test_a_group_that_is_not_there_is_absent_as_a_whole_and_sent_again_as_a_whole(
    simulator: RunningSimulator, user: User, account: Account, group: Button
) -> None:
    lead = group.pressed_in_vain(simulator, "reset_before")
    reconcile.look(account.connection_id)
    assert {now(lead).state, *lead.legs.values_list("state", flat=True)} == {State.ABSENT}
    resend.again(user, lead.pk)
    assert {now(lead).state, *lead.legs.values_list("state", flat=True)} == {State.ACCEPTED}
    assert len(orders_at_broker(simulator)) == 1 + lead.legs.count()


def test_a_strategy_is_found_by_its_uuid_with_its_entry(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    simulator.control.fault("lose_reply", "orderstrategy/startorderstrategy")
    intent = of_press(desk.place(user, bracket(account, symbol), "click:1"))
    assert reconcile.look(account.connection_id) == [intent.pk]
    [strategy] = simulator.control.ledger()["entities"]["orderStrategy"]
    assert now(intent).strategy_id_at_broker == strategy["id"]
    assert (now(intent).state, now(intent).filled_qty) == (State.FILLED, 1)


def test_a_strategy_whose_entry_was_refused_is_found_with_the_reason(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    simulator.control.fault("lose_reply", "orderstrategy/startorderstrategy")
    simulator.control.refuse(account.tradovate_id, "RiskCheckTimeout", stage="risk")
    intent = of_press(desk.place(user, bracket(account, symbol), "click:1"))
    reconcile.look(account.connection_id)
    has_become(intent, State.REJECTED, "risk check took too long")


def test_a_strategy_that_never_arrived_is_absent(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    simulator.control.fault("reset_before", "orderstrategy/startorderstrategy")
    intent = of_press(desk.place(user, bracket(account, symbol), "click:1"))
    reconcile.look(account.connection_id)
    assert now(intent).state == State.ABSENT


def change(user: User, account: Account, order_id: int) -> Any:
    return desk.modify(user, account.pk, order_id, NewTerms(price=Decimal(4001)), "click:1")


def cancellation(user: User, account: Account, order_id: int) -> Any:
    return desk.cancel(user, account.pk, order_id, "click:1")


@pytest.fixture(
    params=[("order/modifyorder", change), ("order/cancelorder", cancellation)], ids=["change", "cancellation"]
)
def command(request: pytest.FixtureRequest, user: User, account: Account, symbol: str) -> Button:
    """A command on an order that waits."""
    route, press = request.param
    order_id = resting(user, account, symbol)
    return Button(route, lambda: press(user, account, order_id))


def test_a_command_is_found_by_its_own_clordid(simulator: RunningSimulator, account: Account, command: Button) -> None:
    intent = command.pressed_in_vain(simulator, "lose_reply")
    reconcile.look(account.connection_id)
    commands = simulator.control.ledger()["entities"]["command"]
    own = next(one["id"] for one in commands if one.get("clOrdId") == intent.cl_ord_id)
    assert (now(intent).state, now(intent).command_id_at_broker) == (State.ACCEPTED, own)


def test_a_command_that_never_arrived_is_absent_and_sent_again_when_its_owner_wants_it(
    simulator: RunningSimulator, user: User, account: Account, command: Button
) -> None:
    intent = command.pressed_in_vain(simulator, "reset_before")
    reconcile.look(account.connection_id)
    assert now(intent).state == State.ABSENT
    assert gateway.submit(intent.pk) == State.ABSENT
    assert resend.again(user, intent.pk).state == State.ACCEPTED
    assert len(received(simulator, command.route)) == 1


def test_a_change_that_was_refused_after_it_had_been_taken_is_found_refused(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    order_id = resting(user, account, symbol)
    simulator.control.fault("lose_reply", "order/modifyorder")
    intent = of_press(desk.modify(user, account.pk, order_id, NewTerms(order_qty=49), "click:1"))
    reconcile.look(account.connection_id)
    has_become(intent, State.REJECTED, "margin")
    assert version_of(simulator, order_id)["orderQty"] == 2


def test_a_closing_is_found_by_its_tag(simulator: RunningSimulator, user: User, account: Account, symbol: str) -> None:
    bought(user, account, symbol)
    simulator.control.fault("lose_reply", "order/liquidateposition")
    intent = of_press(desk.flatten(user, account.pk, contract_id(symbol), "click:1"))
    assert intent.kind == Kind.LIQUIDATE
    reconcile.look(account.connection_id)
    assert (now(intent).state, now(intent).filled_qty) == (State.FILLED, 2)


def test_a_closing_that_never_arrived_is_absent(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    bought(user, account, symbol)
    simulator.control.fault("reset_before", "order/liquidateposition")
    intent = of_press(desk.flatten(user, account.pk, contract_id(symbol), "click:1"))
    reconcile.look(account.connection_id)
    assert now(intent).state == State.ABSENT


def test_one_look_finds_all_that_is_unknown(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    order_id = resting(user, account, symbol)
    for kind in ("placeorder", "placeoco", "placeoso", "modifyorder", "cancelorder"):
        simulator.control.fault("lose_reply", f"order/{kind}")
    for number, spec in enumerate((limit(account, symbol), pair(account, symbol), with_exits(account, symbol))):
        desk.place(user, spec, f"click:place:{number}")
    desk.modify(user, account.pk, order_id, NewTerms(price=Decimal(4001)), "click:modify")
    desk.cancel(user, account.pk, order_id, "click:cancel")
    assert OrderIntent.objects.filter(state=State.UNKNOWN).count() == 8
    assert len(reconcile.look(account.connection_id)) == 8
    assert not OrderIntent.objects.filter(state=State.UNKNOWN).exists()
