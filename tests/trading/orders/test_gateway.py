"""What the gateway makes of each answer, against the real simulator: sent once, and the state tells the truth."""

import asyncio
import dataclasses
import threading
import time
from concurrent.futures import Future
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from accounts.budgets import budgets
from accounts.models import Connection
from tests.trading.cast import order_of, orders_at_broker, posts, refuse_more
from trading.models import Account, OrderIntent
from trading.orders import contracts, gateway, intents, reports, warm, wire
from trading.orders.spec import WIRE_NAMES, OrderSpec
from trading.orders.states import State
from trading.orders.wire import Reply
from trading.simulator import RunningSimulator
from trading.tradovate.budgets import Budgets
from trading.tradovate.errors import OrderRejected

ROUTE = "order/placeorder"


def test_an_accepted_order_reaches_the_broker_as_it_was_meant(
    simulator: RunningSimulator, intent: OrderIntent, account: Account
) -> None:
    assert gateway.submit(intent.pk) == State.ACCEPTED

    intent.refresh_from_db()
    assert intent.order_id_at_broker
    assert orders_at_broker(simulator) == [(intent.cl_ord_id, "Buy", 2)]
    [sent] = posts(simulator)
    assert (sent["accountId"], sent["accountSpec"]) == (account.tradovate_id, account.name)
    assert (sent["symbol"], sent["orderType"], sent["timeInForce"]) == (intent.symbol, "Market", "Day")
    assert sent["isAutomated"] is True


@pytest.mark.parametrize(
    "terms",
    [
        {"order_type": "Limit", "price": Decimal(4000), "time_in_force": "GTC", "text": "desk 4"},
        {"order_type": "Stop", "stop_price": Decimal(20000)},
        {"order_type": "StopLimit", "stop_price": Decimal(20000), "price": Decimal("20000.25")},
        {"order_type": "MIT", "price": Decimal(4000)},
        {"order_type": "LimitIfTouched", "limit_if_touched_price": Decimal(4000), "price": Decimal("4000.25")},
        {"order_type": "TrailingStop", "stop_price": Decimal(20000)},
        {
            "order_type": "Limit", "price": Decimal(4000), "max_show": 1, "time_in_force": "GTD",
            "expire_time": timezone.now() + timedelta(days=3),
        },
    ],
    ids=lambda terms: terms["order_type"] + terms.get("time_in_force", ""),
)  # fmt: skip
def test_orders_of_every_type_reach_the_broker_as_they_were_meant(
    simulator: RunningSimulator, account: Account, symbol: str, terms: dict[str, Any]
) -> None:
    spec = OrderSpec(account_id=account.pk, symbol=symbol, action="Buy", order_qty=2, **terms)
    intent = intents.create(spec, "test:type")
    assert intents.spec_of(OrderIntent.objects.get()) == spec
    assert gateway.submit(intent.pk) == State.ACCEPTED
    order_id = order_of(simulator, intent.cl_ord_id)
    versions = simulator.control.ledger()["entities"]["orderVersion"]
    [version] = [one for one in versions if one["orderId"] == order_id]
    assert version["orderQty"] == 2
    assert (version["orderType"], version.get("text", "")) == (spec.order_type, spec.text)
    for field, name in WIRE_NAMES.items():
        if field in terms:
            assert Decimal(str(version[name])) == terms[field]


def test_an_intent_is_never_sent_twice(simulator: RunningSimulator, intent: OrderIntent) -> None:
    gateway.submit(intent.pk)
    assert gateway.submit(intent.pk) == State.ACCEPTED
    assert len(posts(simulator)) == 1


def test_a_refusal_is_rejected_with_the_reason_in_words(simulator: RunningSimulator, account: Account) -> None:
    spec = OrderSpec(account_id=account.pk, symbol="NOSUCH", action="Buy", order_qty=1)
    intent = intents.create(spec, "test:refused")
    assert gateway.submit(intent.pk) == State.REJECTED
    intent.refresh_from_db()
    assert "InvalidContract" in intent.reason


@pytest.mark.parametrize("fault", ["lose_reply", "error_500_after", "garbage"])
def test_a_lost_answer_is_unknown_and_the_command_resolves_it(
    simulator: RunningSimulator, intent: OrderIntent, fault: str
) -> None:
    simulator.control.fault(fault, ROUTE)
    assert gateway.submit(intent.pk) == State.UNKNOWN
    assert gateway.submit(intent.pk) == State.UNKNOWN
    assert [cl_ord_id for cl_ord_id, _, _ in orders_at_broker(simulator)] == [intent.cl_ord_id]

    order_id = order_of(simulator, intent.cl_ord_id)
    assert reports.observe_command(intent.connection_id, intent.cl_ord_id, order_id) == [intent.pk]
    intent.refresh_from_db()
    assert (intent.state, intent.order_id_at_broker) == (State.ACCEPTED, order_id)


@pytest.mark.parametrize("fault", ["reset_before", "error_500"])
def test_an_answer_that_proves_nothing_is_unknown_too(
    simulator: RunningSimulator, intent: OrderIntent, fault: str
) -> None:
    simulator.control.fault(fault, ROUTE)
    assert gateway.submit(intent.pk) == State.UNKNOWN
    intent.refresh_from_db()
    assert "not be sent again" in intent.reason


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("rate_limit", gateway.CannotSend),
        ("penalty", gateway.CannotSend),
        ("expire_token", gateway.CannotSend),
    ],
)
def test_what_certainly_had_no_effect_waits_as_before(
    simulator: RunningSimulator, intent: OrderIntent, fault: str, error: type[Exception]
) -> None:
    simulator.control.fault(fault, ROUTE)
    with pytest.raises(error):
        gateway.submit(intent.pk)
    intent.refresh_from_db()
    assert intent.state == State.CREATED
    assert orders_at_broker(simulator) == []


def test_nobody_listening_means_not_sent(intent: OrderIntent, settings) -> None:
    settings.SIMULATOR_URL = "http://127.0.0.1:9"
    intent.connection.api_hosts = {}
    intent.connection.save()
    with pytest.raises(gateway.CannotSend, match="nothing was sent"):
        gateway.submit(intent.pk)
    intent.refresh_from_db()
    assert intent.state == State.CREATED


def test_a_signed_out_trader_sends_nothing(
    simulator: RunningSimulator, connection: Connection, intent: OrderIntent
) -> None:
    connection.forget_tokens()
    with pytest.raises(gateway.SignInNeeded):
        gateway.submit(intent.pk)
    intent.refresh_from_db()
    assert (intent.state, intent.version) == (State.CREATED, 0)
    assert posts(simulator) == []


def test_two_threads_with_the_same_intent_send_one_order(simulator: RunningSimulator, intent: OrderIntent) -> None:
    start = threading.Barrier(4)

    def send() -> None:
        start.wait()
        try:
            gateway.submit(intent.pk)
        finally:
            database.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(posts(simulator)) == 1
    intent.refresh_from_db()
    assert intent.state == State.ACCEPTED


def test_a_session_sends_several_over_one_connection(
    simulator: RunningSimulator, connection: Connection, account: Account, symbol: str
) -> None:
    made = [
        intents.create(OrderSpec(account_id=account.pk, symbol=symbol, action="Sell", order_qty=n), f"test:{n}")
        for n in (1, 2, 3)
    ]
    assert [gateway.submit(intent.pk) for intent in made] == [State.ACCEPTED] * 3
    assert [quantity for _, _, quantity in orders_at_broker(simulator)] == [1, 2, 3]


def test_a_refused_order_that_the_broker_numbered_shows_its_fills(
    simulator: RunningSimulator, intent: OrderIntent, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise OrderRejected("RiskCheckTimeout", order_id=77)

    monkeypatch.setattr("trading.tradovate.operations.Orders.place", refuse)
    assert gateway.submit(intent.pk) == State.REJECTED
    assert reports.observe_order(intent.connection_id, 77, "Filled", 1, Decimal(5000)) == [intent.pk]
    intent.refresh_from_db()
    assert (intent.state, intent.filled_qty) == (State.REJECTED, 1)


def test_nothing_is_sent_inside_a_transaction(simulator: RunningSimulator, intent: OrderIntent) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
        gateway.submit(intent.pk)
    assert posts(simulator) == []
    intent.refresh_from_db()
    assert intent.state == State.CREATED


@pytest.mark.parametrize("given_up", [False, True])
def test_an_order_that_was_held_up_after_its_claim_is_not_sent_late(
    simulator: RunningSimulator, intent: OrderIntent, given_up: bool
) -> None:
    def claim_and_sleep(intent_id: int) -> int:
        taken = intents.claim(intent_id)
        clock.shift(120)
        if given_up:
            intents.give_up_waiting(timezone.now() - timedelta(seconds=60))
        return taken

    with (
        time_machine.travel(timezone.now()) as clock,
        pytest.raises(gateway.CannotSend, match="held up"),
    ):
        gateway.submit(intent.pk, claim_and_sleep)
    assert posts(simulator) == []
    intent.refresh_from_db()
    assert intent.state == (State.REJECTED if given_up else State.CREATED)


@pytest.mark.parametrize("then", [State.SUBMITTING, State.UNKNOWN])
def test_a_sender_that_wakes_up_late_leaves_the_next_attempt_alone(
    simulator: RunningSimulator, intent: OrderIntent, then: State
) -> None:
    def claim_and_be_overtaken(intent_id: int) -> int:
        attempt = intents.claim(intent_id)
        clock.shift(120)
        intents.give_up_waiting(timezone.now() - timedelta(seconds=75))
        intents.transition(intent_id, {State.UNKNOWN}, State.ABSENT)
        intents.want_again(intent_id)
        # Another worker, whose POST is on its way.
        assert intents.claim(intent_id) == attempt + 1
        if then == State.UNKNOWN:
            intents.transition(intent_id, {State.SUBMITTING}, State.UNKNOWN)
        return attempt

    with (
        time_machine.travel(timezone.now()) as clock,
        pytest.raises(gateway.CannotSend, match="held up"),
    ):
        gateway.submit(intent.pk, claim_and_be_overtaken)
    intent.refresh_from_db()
    assert intent.state == then


def test_an_order_that_was_held_up_on_its_way_to_the_wire_is_not_sent_late(
    simulator: RunningSimulator, intent: OrderIntent, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Budgets.before

    async def slowly(self: Budgets, method: str, route: str, **options: Any) -> None:
        clock.shift(120)
        await before(self, method, route, **options)

    monkeypatch.setattr(Budgets, "before", slowly)
    with time_machine.travel(timezone.now()) as clock, pytest.raises(gateway.CannotSend, match="held up"):
        gateway.submit(intent.pk)
    assert posts(simulator) == []


def test_an_order_for_which_nobody_waits_any_more_does_not_go_out(
    simulator: RunningSimulator, intent: OrderIntent, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, looked, ended = threading.Event(), threading.Event(), threading.Event()
    wait = warm.answer

    def look() -> tuple[float, str]:
        looking.set()
        looked.wait(10)
        return time.monotonic(), ""

    async def send(*args: Any) -> Reply:
        try:
            return await wire.send(*args)
        finally:
            ended.set()

    def give_up(post: Future[Reply]) -> Reply:
        assert looking.wait(10)
        return wait(post)

    monkeypatch.setattr(warm, "answer", give_up)
    monkeypatch.setattr(gateway, "_look_last", lambda claimed: dataclasses.replace(claimed.permit, look=look))
    monkeypatch.setattr(gateway, "send", send)
    monkeypatch.setattr(warm, "PATIENCE", 0.0)
    assert gateway.submit(intent.pk) == State.UNKNOWN
    looked.set()
    assert ended.wait(10)
    assert posts(simulator) == []


def _requests_of(connection: Connection) -> int:
    async def used() -> int:
        async with budgets(connection.environment, connection.tradovate_user_id) as own:
            return (await own.of_user()).used

    return asyncio.run(used())


@pytest.mark.usefixtures("counts_matter")
def test_an_order_is_counted(redis_url: str, connection: Connection, intent: OrderIntent) -> None:
    before = _requests_of(connection)
    assert gateway.submit(intent.pk) == State.ACCEPTED
    assert _requests_of(connection) == before + 1


@pytest.mark.usefixtures("counts_matter")
def test_once_tradovate_takes_no_more_requests_neither_a_look_up_goes_out_nor_what_is_not_known_to_close(
    redis_url: str, simulator: RunningSimulator, connection: Connection, intent: OrderIntent
) -> None:
    refuse_more(connection)
    with pytest.raises(contracts.ContractsUnavailable, match="used up"):
        contracts.look_up(connection, ["NQH7"])
    with pytest.raises(gateway.CannotSend, match="only exits and cancels are tried"):
        gateway.submit(intent.pk)
    assert posts(simulator) == []


def test_an_order_goes_out_without_redis(simulator: RunningSimulator, intent: OrderIntent, settings: Any) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    assert gateway.submit(intent.pk) == State.ACCEPTED
    assert len(posts(simulator)) == 1
