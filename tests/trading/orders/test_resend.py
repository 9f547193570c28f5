"""What Tradovate never got is sent again only as a new order would be: past every check."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from tests.trading.cast import listed, posts
from tests.trading.orders.pressing import bought, contract_id, has_become, limit, now, pair, received
from trading import tasks
from trading.models import Account, OrderIntent, TradingLimit
from trading.orders import desk, looks, position_exits, reconcile, resend
from trading.orders.desk import NewTerms
from trading.orders.prices import Distance
from trading.orders.states import State
from trading.simulator import RunningSimulator
from trading.sync import intent_rows


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settle time is over as soon as it begins."""
    monkeypatch.setattr(reconcile, "SETTLE", timedelta(0))


def absent(outcome: desk.Outcome, account: Account) -> OrderIntent:
    """The only intent of an outcome, once Tradovate's records do not have it."""
    reconcile.look(account.connection_id)
    [intent] = outcome.intents
    intent.refresh_from_db()
    assert intent.state == State.ABSENT
    return intent


def test_a_limit_that_was_set_meanwhile_holds_for_an_order_that_is_sent_again(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    simulator.control.fault("reset_before", "order/placeorder")
    intent = absent(desk.place(user, limit(account, symbol), "click:1"), account)
    rule = TradingLimit.objects.create(user=user, max_order_qty=1)
    with pytest.raises(resend.CannotDecide, match="your limit is 1 in one order"):
        resend.again(user, intent.pk)
    intent.refresh_from_db()
    assert intent.state == State.ABSENT
    assert posts(simulator) == []
    rule.delete()
    assert resend.again(user, intent.pk).state == State.ACCEPTED


def test_a_limit_that_was_set_meanwhile_holds_for_a_change_that_is_sent_again(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    [placed] = desk.place(user, limit(account, symbol), "click:1").intents
    simulator.control.fault("reset_before", "order/modifyorder")
    more = NewTerms(order_qty=4)
    intent = absent(desk.modify(user, account.pk, placed.order_id_at_broker or 0, more, "click:2"), account)
    TradingLimit.objects.create(user=user, max_order_qty=3)
    with pytest.raises(resend.CannotDecide, match="your limit is 3 in one order"):
        resend.again(user, intent.pk)
    assert received(simulator, "order/modifyorder") == []


def test_a_reversal_is_not_sent_again_by_itself(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    bought(user, account, symbol)
    simulator.control.fault("reset_before", "order/placeorder")
    outcome = desk.reverse(user, account.pk, contract_id(symbol), "click:1")
    intent = absent(outcome, account)
    assert desk.flatten(user, account.pk, contract_id(symbol), "click:2").succeeded
    with pytest.raises(resend.CannotDecide, match="reverse"):
        resend.again(user, intent.pk)
    assert looks.net_position(account, contract_id(symbol)) == 0


def test_exits_are_not_sent_again_when_their_position_may_be_gone(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    bought(user, account, symbol)
    simulator.control.fault("reset_before", "order/placeoco")

    def press(key: str) -> desk.Outcome:
        far = Distance(Decimal(500)), Distance(Decimal(500))
        return position_exits.add_exits(user, account.pk, contract_id(symbol), *far, key)

    press("click:1")
    reconcile.look(account.connection_id)
    lost = OrderIntent.objects.get(kind="oco")
    assert lost.state == State.ABSENT
    assert press("click:2").succeeded, "whoever adds them anew is not kept back"
    assert desk.flatten(user, account.pk, contract_id(symbol), "click:3").succeeded
    with pytest.raises(resend.CannotDecide, match="add its exits anew"):
        resend.again(user, lost.pk)
    assert looks.open_orders(account.connection, {account.tradovate_id}) == []
    assert resend.give_up(user, lost.pk).state == State.CANCELLED


def test_a_change_that_makes_nothing_larger_is_sent_again_whatever_the_limits(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    [placed] = desk.place(user, limit(account, symbol), "click:1").intents
    simulator.control.fault("reset_before", "order/modifyorder")
    moved = NewTerms(price=Decimal(3990))
    intent = absent(desk.modify(user, account.pk, placed.order_id_at_broker or 0, moved, "click:2"), account)
    TradingLimit.objects.create(user=user, max_order_qty=1)
    assert resend.again(user, intent.pk).state == State.ACCEPTED


def test_a_change_is_not_sent_again_when_its_order_was_changed_since(
    simulator: RunningSimulator, user: User, account: Account
) -> None:
    """It would bring back the contracts that the later one has taken off."""
    [placed] = desk.place(user, limit(account, listed(account.connection, "MES"), qty=3), "click:1").intents
    order_id = placed.order_id_at_broker or 0
    simulator.control.fault("reset_before", "order/modifyorder")
    intent = absent(desk.modify(user, account.pk, order_id, NewTerms(price=Decimal(3990)), "click:2"), account)
    assert desk.modify(user, account.pk, order_id, NewTerms(order_qty=1), "click:3").succeeded
    with pytest.raises(resend.CannotDecide, match="was changed since"):
        resend.again(user, intent.pk)
    version = looks.standing(account.connection, order_id).version
    assert (version.order_qty, version.price) == (1, 4000)


def test_a_change_is_not_sent_again_beside_another_one_that_overtakes_it(
    simulator: RunningSimulator, user: User, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    [placed] = desk.place(user, limit(account, listed(account.connection, "MES"), qty=3), "click:1").intents
    order_id, look = placed.order_id_at_broker or 0, looks.standing
    simulator.control.fault("reset_before", "order/modifyorder")
    intent = absent(desk.modify(user, account.pk, order_id, NewTerms(price=Decimal(3990)), "click:2"), account)

    def overtaken(*about: Any) -> looks.Standing:
        monkeypatch.setattr(looks, "standing", look)
        standing = look(*about)
        assert desk.modify(user, account.pk, order_id, NewTerms(order_qty=1), "click:3").succeeded
        return standing

    monkeypatch.setattr(looks, "standing", overtaken)
    with pytest.raises(resend.CannotDecide, match=f"Another change of order {order_id} is under way"):
        resend.again(user, intent.pk)
    version = look(account.connection, order_id).version
    assert (version.order_qty, version.price) == (1, 4000)
    has_become(intent, State.ABSENT, "")


def test_a_closing_is_not_sent_again_while_another_one_closes_the_position(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    bought(user, account, symbol)
    key = contract_id(symbol)
    simulator.control.fault("reset_before", "order/liquidateposition")
    intent = absent(desk.flatten(user, account.pk, key, "click:1"), account)
    assert desk.flatten(user, account.pk, key, "click:2").succeeded
    with pytest.raises(resend.CannotDecide, match="is being closed already"):
        resend.again(user, intent.pk)
    assert len(received(simulator, "order/liquidateposition")) == 1
    assert looks.net_position(account, key) == 0


def on_an_earlier_day(intent: OrderIntent) -> None:
    """It was sent and looked for two days ago."""
    OrderIntent.objects.filter(pk=intent.pk).update(changed_at=timezone.now() - timedelta(days=2))


def test_after_its_day_an_order_is_sent_again_once_its_trader_knows_that_no_look_proves_anything(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    simulator.control.fault("reset_before", "order/placeorder")
    intent = absent(desk.place(user, limit(account, symbol), "click:1"), account)
    assert "Tradovate never got it. Send it again" in intent_rows.words(now(intent))
    on_an_earlier_day(intent)
    with pytest.raises(resend.CannotDecide, match="nothing can be looked up any more: compare your statement"):
        resend.again(user, intent.pk)
    assert posts(simulator) == []
    words = intent_rows.words(now(intent))
    assert "did not have it on the trading day on which it was sent" in words
    assert words.endswith("compare your statement there before you decide. Send it again, or give it up.")
    assert resend.again(user, intent.pk).state == State.ACCEPTED


def test_who_has_read_that_the_day_is_over_presses_once(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    simulator.control.fault("reset_before", "order/placeorder", times=2)
    intent = absent(desk.place(user, limit(account, symbol), "click:1"), account)
    assert reconcile.remark_past() == [], "on its day"
    on_an_earlier_day(intent)
    version = now(intent).version
    tasks.reconcile_orders()
    has_become(intent, State.ABSENT, "nothing can be looked up any more")
    assert now(intent).version > version, "or pages would take it for what they know"
    assert reconcile.remark_past() == []
    assert resend.again(user, intent.pk).state == State.UNKNOWN
    reconcile.look(account.connection_id)
    has_become(intent, State.ABSENT, "Tradovate has no such order")
    assert reconcile.remark_past() == [], "it was looked for on the day on which it was sent last"


def test_an_order_that_is_given_up_after_its_day_is_not_said_to_be_missing_now(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    simulator.control.fault("reset_before", "order/placeorder")
    intent = absent(desk.place(user, limit(account, symbol), "click:1"), account)
    on_an_earlier_day(intent)
    given_up = resend.give_up(user, intent.pk)
    assert given_up.state == State.CANCELLED
    assert "is not at Tradovate" not in given_up.reason
    assert "on the day on which it was sent" in given_up.reason


def test_a_closing_of_an_earlier_day_closes_nothing_that_was_opened_since(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    bought(user, account, symbol)
    simulator.control.fault("reset_before", "order/liquidateposition")
    intent = absent(desk.flatten(user, account.pk, contract_id(symbol), "click:1"), account)
    on_an_earlier_day(intent)
    for _ in range(2):
        with pytest.raises(resend.CannotDecide, match="close it anew"):
            resend.again(user, intent.pk)
    assert received(simulator, "order/liquidateposition") == []


def test_a_change_is_sent_again_after_its_day_as_its_order_tells_what_became_of_it(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    [placed] = desk.place(user, limit(account, symbol), "click:1").intents
    simulator.control.fault("reset_before", "order/modifyorder")
    moved = NewTerms(price=Decimal(3990))
    intent = absent(desk.modify(user, account.pk, placed.order_id_at_broker or 0, moved, "click:2"), account)
    on_an_earlier_day(intent)
    assert reconcile.remark_past() == []
    assert resend.again(user, intent.pk).state == State.ACCEPTED


def test_a_leg_that_was_left_behind_is_given_up_and_never_sent_alone(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    lead, leg = desk.place(user, pair(account, symbol), "click:1").intents
    OrderIntent.objects.filter(pk=leg.pk).update(state=State.UNKNOWN, order_id_at_broker=None, cl_ord_id="tp-lost")
    reconcile.look(account.connection_id)
    has_become(leg, State.ABSENT, "give it up")
    with pytest.raises(resend.CannotDecide, match="not sent alone"):
        resend.again(user, leg.pk)
    assert resend.give_up(user, leg.pk).state == State.CANCELLED
    lead.refresh_from_db()
    assert lead.state == State.ACCEPTED


@pytest.mark.parametrize("decide", [resend.again, resend.give_up])
def test_a_leg_of_what_never_arrived_is_decided_about_with_its_lead(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, decide: Callable[[User, int], OrderIntent]
) -> None:
    simulator.control.fault("reset_before", "order/placeoco")
    lead, leg = desk.place(user, pair(account, symbol), "click:1").intents
    reconcile.look(account.connection_id)
    with pytest.raises(resend.CannotDecide, match="travels with another one"):
        decide(user, leg.pk)
    has_become(leg, State.ABSENT, "")
    assert resend.give_up(user, lead.pk).state == State.CANCELLED
    has_become(leg, State.CANCELLED, "")


@pytest.mark.parametrize("decide", [resend.again, resend.give_up])
def test_what_arrived_after_all_is_taken_over_with_its_legs_whatever_is_decided(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, decide: Callable[[User, int], OrderIntent]
) -> None:
    simulator.control.fault("lose_reply", "order/placeoco")
    lead, leg = desk.place(user, pair(account, symbol), "click:1").intents
    OrderIntent.objects.update(state=State.ABSENT)
    assert decide(user, lead.pk).state == State.WORKING
    has_become(leg, State.WORKING, "")
    assert len(received(simulator, "order/placeoco")) == 1


def test_a_leg_that_is_at_tradovate_is_not_given_up(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    _, leg = desk.place(user, pair(account, symbol), "click:1").intents
    OrderIntent.objects.filter(pk=leg.pk).update(state=State.ABSENT, order_id_at_broker=None)
    assert resend.give_up(user, leg.pk).state == State.WORKING


def test_nothing_is_given_up_unseen(simulator: RunningSimulator, user: User, account: Account, symbol: str) -> None:
    simulator.control.fault("reset_before", "order/placeorder")
    intent = absent(desk.place(user, limit(account, symbol), "click:1"), account)
    simulator.control.fault("error_500", "command/list")
    with pytest.raises(resend.CannotDecide, match="It was not given up: Tradovate's records could not be looked at"):
        resend.give_up(user, intent.pk)
    has_become(intent, State.ABSENT, "")
    assert resend.give_up(user, intent.pk).state == State.CANCELLED
