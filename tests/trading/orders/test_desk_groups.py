"""Linked orders from the desk: one message, and an intent for every order that comes of it."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from tests.trading.cast import order_of
from tests.trading.orders.pressing import contract_id, mirrored, received, settled
from trading.models import Account, OrderIntent
from trading.orders import desk, gateway, looks, reports
from trading.orders.prices import Distance, Unit
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
from trading.tradovate.errors import TradovateError


def test_a_pair_is_two_intents_with_an_order_each(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    pair = one_cancels_other(buy_limit(symbol, 1, "4000"), buy_stop(symbol, 1, "20000")).set_account(account.pk)
    outcome = desk.place(user, pair.build(), "click:1")
    assert [intent.kind for intent in outcome.intents] == ["oco", "leg"]
    assert [intent.state for intent in outcome.intents] == [State.ACCEPTED] * 2
    orders = [order_of(simulator, intent.cl_ord_id) for intent in outcome.intents]
    assert [intent.order_id_at_broker for intent in outcome.intents] == orders
    assert desk.place(user, pair.build(), "click:1").intents == outcome.intents
    assert len(received(simulator, "order/placeoco")) == 1


def test_an_entry_with_two_exits_is_three_intents(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    exits = one_cancels_other(sell_limit(symbol, 1, "4010"), sell_stop(symbol, 1, "3990"))
    group = first_triggers_second(buy_limit(symbol, 1, "4000"), exits).set_account(account.pk).build()
    outcome = desk.place(user, group, "click:1")
    assert [intent.kind for intent in outcome.intents] == ["oso", "leg", "leg"]
    orders = [order_of(simulator, intent.cl_ord_id) for intent in outcome.intents]
    assert [intent.order_id_at_broker for intent in outcome.intents] == orders
    settled(account)
    entry, *legs = OrderIntent.objects.order_by("pk")
    assert [one.state for one in (entry, *legs)] == [State.WORKING] * 3
    assert not any(leg.transitions.filter(step="exchange").exists() for leg in legs)


@pytest.mark.parametrize(("traded", "words"), [(0, ""), (1, "1 contract has"), (2, "2 contracts have")])
def test_cancelling_an_entry_says_which_contracts_it_leaves_without_exits(
    traded: int, words: str, simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    exits = one_cancels_other(sell_limit(symbol, 3, "5010"), sell_stop(symbol, 3, "4990"))
    group = first_triggers_second(buy_limit(symbol, 3, "5000"), exits).set_account(account.pk).build()
    simulator.control.price(symbol, 5000)
    simulator.control.liquidity(symbol, traded)
    entry, *legs = desk.place(user, group, "click:1").intents
    order_id = entry.order_id_at_broker or 0
    mirrored(account, symbol, order_id, order_qty=3)
    for leg in legs:
        number = leg.order_id_at_broker or 0
        mirrored(account, symbol, number, status="Suspended", parent_id_at_broker=order_id)
    for status in ("Suspended", "Suspended", "Canceled"):
        # Asked once more, and after its exits have ended with it.
        account.connection.orders.filter(parent_id_at_broker=order_id).update(status=status)
        outcome = desk.cancel(user, account.pk, order_id, "click:2")
        assert outcome.succeeded
        assert [one.severity for one in outcome.findings] == (["warning"] if traded else [])
        assert ("Its exits end with it" in outcome.words) is bool(traded)
        assert words in outcome.words
    assert len(received(simulator, "order/cancelorder")) == 1
    assert not looks.open_orders(account.connection, {account.tradovate_id})
    assert looks.net_position(account, contract_id(symbol)) == traded


def test_a_cancellation_that_an_entry_overtakes_leaves_nothing_without_exits(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tradovate has taken it, and all contracts fill before it takes effect: their exits work."""
    group = first_triggers_second(buy_limit(symbol, 3, "4000"), sell_limit(symbol, 3, "5010")).set_account(account.pk)
    entry, leg = desk.place(user, group.build(), "click:1").intents
    order_id = entry.order_id_at_broker or 0
    mirrored(account, symbol, order_id, order_qty=3)
    mirrored(account, symbol, leg.order_id_at_broker or 0, status="Suspended", parent_id_at_broker=order_id)
    monkeypatch.setattr(looks, "filled_qty", lambda *_: 3)
    outcome = desk.cancel(user, account.pk, order_id, "click:2")
    assert outcome.succeeded
    assert "exits" not in outcome.words


def test_a_cancellation_that_comes_too_late_says_nothing_of_exits(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    group = first_triggers_second(buy_limit(symbol, 1, "5000"), sell_limit(symbol, 1, "5010")).set_account(account.pk)
    simulator.control.price(symbol, 5000)
    entry, leg = desk.place(user, group.build(), "click:1").intents
    order_id = entry.order_id_at_broker or 0
    mirrored(account, symbol, leg.order_id_at_broker or 0, status="Suspended", parent_id_at_broker=order_id)
    outcome = desk.cancel(user, account.pk, order_id, "click:2")
    assert outcome.intents[0].state == State.REJECTED
    assert "exits" not in outcome.words


def test_a_lost_answer_leaves_the_whole_group_unknown(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    simulator.control.fault("lose_reply", "order/placeoso")
    group = first_triggers_second(buy_limit(symbol, 1, "4000"), sell_limit(symbol, 1, "4010")).set_account(account.pk)
    outcome = desk.place(user, group.build(), "click:1")
    assert [intent.state for intent in outcome.intents] == [State.UNKNOWN] * 2
    for intent in outcome.intents:
        reports.observe_command(account.connection_id, intent.cl_ord_id, order_of(simulator, intent.cl_ord_id))
    assert {intent.state for intent in OrderIntent.objects.all()} == {State.ACCEPTED}


@pytest.mark.parametrize("statuses", [[], ["Rejected"]])
def test_a_group_of_which_the_stream_tells_before_the_refusal_is_refused_as_a_whole(
    simulator: RunningSimulator,
    user: User,
    account: Account,
    symbol: str,
    monkeypatch: pytest.MonkeyPatch,
    statuses: list[str],
) -> None:
    refuse = gateway._refuse

    def told_late(claimed: Any, refusal: TradovateError) -> None:
        reports.observe_command(account.connection_id, claimed.intent.cl_ord_id, 55)
        for status in statuses:
            reports.observe_order(account.connection_id, 55, status)
        refuse(claimed, refusal)

    monkeypatch.setattr(gateway, "_refuse", told_late)
    simulator.control.refuse(account.tradovate_id, "SessionClosed")
    group = first_triggers_second(buy_limit(symbol, 1, "4000"), sell_limit(symbol, 1, "4010")).set_account(account.pk)
    outcome = desk.place(user, group.build(), "click:1")
    assert [intent.state for intent in outcome.intents] == [State.REJECTED] * 2
    assert all(intent.reason for intent in outcome.intents)


def test_a_bracket_knows_its_strategy_and_its_entry(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    exits = Bracket(order_qty=1, profit_target=Distance(Decimal(40), Unit.TICKS), stop_loss=Distance(Decimal(10)))
    spec = OrderSpec(
        account_id=account.pk, symbol=symbol, action="Buy", order_qty=1, order_type="Limit", price=Decimal(4000),
        brackets=(exits,),
    )  # fmt: skip
    [intent] = desk.place(user, spec, "click:1").intents
    intent.refresh_from_db()
    assert intent.state == State.ACCEPTED
    entities = simulator.control.ledger()["entities"]
    [strategy] = entities["orderStrategy"]
    assert (intent.strategy_id_at_broker, intent.cl_ord_id) == (strategy["id"], strategy["uuid"])
    assert intent.order_id_at_broker == entities["orderStrategyLink"][0]["orderId"]
    assert '"profitTarget":10' in strategy["params"].replace(" ", "").replace("10.00", "10")


def test_a_bracket_that_is_refused_says_why(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    simulator.control.refuse(account.tradovate_id, "SessionClosed")
    spec = OrderSpec(
        account_id=account.pk, symbol=symbol, action="Buy", order_qty=1,
        brackets=(Bracket(order_qty=1, stop_loss=Distance(Decimal(10))),),
    )  # fmt: skip
    [intent] = desk.place(user, spec, "click:1").intents
    assert intent.state == State.REJECTED
    assert intent.reason
