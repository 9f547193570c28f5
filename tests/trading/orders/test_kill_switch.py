"""While a kill switch is thrown nothing that adds risk reaches Tradovate, whoever sends it; exits and cancels do."""

import dataclasses
import datetime as dt
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db import connection as database
from django.utils import timezone

from accounts.models import AuditEvent, Connection, User
from tests.trading.cast import order_of, orders_at_broker, posts, sign_in
from tests.trading.orders.pressing import bought, mirrored
from tests.trading.stopping import environment_of
from trading.models import Account, Contract, KillSwitch, OrderIntent
from trading.orders import contracts, desk, facts, gateway, intents, kill_switch, let_through
from trading.orders.facts import Facts, OrderFacts, PositionFacts
from trading.orders.prices import Distance
from trading.orders.spec import OrderSpec
from trading.orders.states import Kind, State
from trading.orders.templates import bracket, buy_limit, first_triggers_second, one_cancels_other, sell_limit, sell_stop
from trading.orders.wishes import Cancellation, Liquidation, Modification, Wish
from trading.simulator import RunningSimulator

Target = Callable[[Connection], dict[str, object]]
TARGETS: dict[str, Target] = {
    "connection": lambda connection: {"connection": connection},
    "trader": lambda connection: {"user": connection.user},
    "everybody": lambda connection: {"by_staff": True},
}


@pytest.fixture
def user(connection: Connection) -> User:
    return connection.user


@pytest.fixture(params=TARGETS)
def throw(request: pytest.FixtureRequest, connection: Connection, user: User) -> Callable[[], KillSwitch]:
    """Throws the switch over the trader's connection in each of the ways there are."""
    return lambda: kill_switch.throw(user, **TARGETS[request.param](connection))


@pytest.fixture
def stop(user: User) -> Callable[[], KillSwitch]:
    return lambda: kill_switch.throw(user, user=user)


@pytest.mark.parametrize("kind", [*Kind, "something-new"])
def test_what_may_pass(kind: str) -> None:
    assert let_through.may_pass(kind) is (kind in ("cancel", "liquidate"))


@pytest.mark.parametrize(
    ("held", "change", "passes"),
    [
        (0, {"order_qty": 1}, True),
        (0, {"order_qty": 2}, True),
        (0, {"order_qty": 3}, False),
        (0, {"price": Decimal(4001)}, False),
        (0, {"price": Decimal(3999)}, False),
        (0, {"price": Decimal(3999), "order_qty": 1}, False),
        (0, {"order_type": "Market", "price": None}, False),
        (0, {"order_type": "Stop", "price": None, "stop_price": Decimal(4000)}, False),
        (0, {"time_in_force": "GTC"}, False),
        (-2, {"price": Decimal(4001)}, True),
        (-2, {"order_type": "Market", "price": None}, True),
        (-2, {"price": Decimal(4001), "order_qty": 1}, True),
        (-2, {"price": Decimal(4001), "order_qty": 3}, False),
        (-1, {"price": Decimal(4001)}, False),
        (2, {"price": Decimal(4001)}, False),
        (None, {"price": Decimal(4001)}, False),
        (None, {"order_qty": 1}, True),
    ],
)
def test_a_change_passes_that_takes_contracts_off_or_moves_an_exit(
    user: User, account: Account, symbol: str, held: int | None, change: dict[str, Any], passes: bool
) -> None:
    """Of an order to buy two at 4000; `held` is what the hub says of the position, None: nothing."""
    contracts.look_up(account.connection, [symbol])
    if held is not None:
        contract_id = Contract.objects.get(name=symbol).tradovate_id
        position = PositionFacts(account_id=account.tradovate_id, contract_id=contract_id, net_pos=held)
        told = Facts(heard_at=timezone.now(), positions=[position])
        facts._client().set(facts.key(account.connection_id), facts.encode(told))
    mirrored(account, symbol, 9, price=Decimal(4000))
    kill_switch.throw(user, user=user)
    before = OrderSpec(
        account_id=account.pk, symbol=symbol, action="Buy", order_qty=2, order_type="Limit", price=Decimal(4000)
    )
    becomes = dataclasses.replace(before, **change)
    intent = intents.create(Modification(order_id=9, becomes=becomes), "click:1")
    assert (let_through.forbids(intent) == "") is passes


@pytest.mark.parametrize(
    ("held", "filled", "passes"), [(-1, 1, True), (-1, 0, False), (0, 1, False), (1, 1, False), (-1, 2, False)]
)
def test_an_exit_that_has_filled_in_part_may_be_moved(
    user: User, account: Account, symbol: str, held: int, filled: int, passes: bool
) -> None:
    """What is left of it counts: a change says how many contracts it has in all."""
    contracts.look_up(account.connection, [symbol])
    contract_id = Contract.objects.get(name=symbol).tradovate_id
    mine = account.tradovate_id
    told = Facts(
        heard_at=timezone.now(),
        positions=[PositionFacts(account_id=mine, contract_id=contract_id, net_pos=held)],
        orders=[
            OrderFacts(id=9, account_id=mine, contract_id=contract_id, action="Buy", left=2 - filled, filled=filled)
        ],
    )
    facts._client().set(facts.key(account.connection_id), facts.encode(told))
    mirrored(account, symbol, 9, price=Decimal(4000))
    kill_switch.throw(user, user=user)
    becomes = OrderSpec(
        account_id=account.pk, symbol=symbol, action="Buy", order_qty=2, order_type="Limit", price=Decimal(4001)
    )
    intent = intents.create(Modification(order_id=9, becomes=becomes), "click:1")
    assert (let_through.forbids(intent) == "") is passes


@pytest.mark.parametrize("state", [State.DONE, State.UNKNOWN])
@pytest.mark.parametrize(
    ("told", "wanted", "passes"),
    [
        ({"order_qty": 1}, {}, False),
        ({"order_qty": 1}, {"order_qty": 1}, True),
        ({"price": Decimal(3990)}, {}, False),
        ({"price": Decimal(3990)}, {"order_qty": 1}, False),
    ],
    ids=["adds what was taken off", "takes off", "moves it back", "moves it back with less"],
)
def test_a_change_that_the_hub_has_not_told_yet_counts(
    user: User,
    account: Account,
    symbol: str,
    told: dict[str, Any],
    wanted: dict[str, Any],
    passes: bool,
    state: State,
) -> None:
    """Of an order to buy two at 4000, as the mirror still has it: the hub was away when it was changed."""
    mirrored(account, symbol, 9, price=Decimal(4000))
    before = OrderSpec(
        account_id=account.pk, symbol=symbol, action="Buy", order_qty=2, order_type="Limit", price=Decimal(4000)
    )

    def change(terms: dict[str, Any], key: str) -> OrderIntent:
        return intents.create(Modification(order_id=9, becomes=dataclasses.replace(before, **terms)), key)

    OrderIntent.objects.filter(pk=change(told, "click:1").pk).update(state=state)
    kill_switch.throw(user, user=user)
    assert (let_through.forbids(change(wanted, "click:2")) == "") is passes


def wishes(account: Account, symbol: str) -> Iterator[Wish]:
    entry = buy_limit(symbol, 1, "4000")
    for builder in (
        entry,
        one_cancels_other(entry, buy_limit(symbol, 1, "3990")),
        first_triggers_second(entry, one_cancels_other(sell_limit(symbol, 1, "9000"), sell_stop(symbol, 1, "3000"))),
        bracket(entry, profit_target=Distance(Decimal(10), "ticks"), stop_loss=Distance(Decimal(10), "ticks")),
    ):
        yield builder.set_account(account.pk).build()


def test_nothing_that_adds_risk_goes_out(
    simulator: RunningSimulator, account: Account, symbol: str, throw: Callable[[], KillSwitch]
) -> None:
    contracts.look_up(account.connection, [symbol])
    throw()
    for number, wish in enumerate(wishes(account, symbol)):
        intent = intents.create(wish, f"click:{number}")
        with pytest.raises(gateway.CannotSend, match=r"is stopped by .*: only exits and cancels go through"):
            gateway.submit(intent.pk)
        intent.refresh_from_db()
        assert intent.state == State.CANCELLED
        assert "only exits and cancels" in intent.reason
    assert {intent.kind for intent in OrderIntent.objects.filter(lead=None)} == {"order", "oco", "oso", "bracket"}
    assert posts(simulator) == orders_at_broker(simulator) == []


def test_a_click_is_told_who_stopped_it(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, stop: Callable[[], KillSwitch]
) -> None:
    stop()
    outcome = desk.place(user, OrderSpec(account_id=account.pk, symbol=symbol, action="Buy", order_qty=1), "click:1")
    assert outcome.refused
    assert "Trading is stopped by you: only exits and cancels go through." in outcome.words
    assert posts(simulator) == []


@pytest.mark.parametrize("others", [False, True])
def test_whom_a_switch_stops(
    simulator: RunningSimulator, connection: Connection, throw: Callable[[], KillSwitch], others: bool
) -> None:
    whose = sign_in(simulator, "pro") if others else connection
    switch = throw()
    over = not others or switch.scope == "global"
    assert bool(kill_switch.stopped(whose.pk)) is over
    assert KillSwitch.objects.thrown().over(whose.pk).exists() is over
    assert (switch in KillSwitch.objects.visible_to(whose.user)) is over
    assert (whose in switch.connections()) is over
    KillSwitch.objects.filter(pk=switch.pk).update(released_at=switch.thrown_at, released_by=switch.thrown_by)
    assert kill_switch.stopped(whose.pk) == ""


def test_cancels_exits_and_changes_to_less_go_out(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, throw: Callable[[], KillSwitch]
) -> None:
    spec = OrderSpec(
        account_id=account.pk, symbol=symbol, action="Buy", order_qty=2, order_type="Limit", price=Decimal(4000)
    )
    [placed] = desk.place(user, spec, "click:1").intents
    bought(user, account, symbol, qty=1)
    order_id = order_of(simulator, placed.cl_ord_id)
    mirrored(account, symbol, order_id, price=Decimal(4000))
    throw()

    def change(qty: int, key: str, price: int = 4000) -> State:
        becomes = dataclasses.replace(spec, order_qty=qty, price=Decimal(price))
        return gateway.submit(intents.create(Modification(order_id=order_id, becomes=becomes), key).pk)

    assert change(1, "click:3") == State.ACCEPTED
    with pytest.raises(gateway.CannotSend):
        change(3, "click:4")
    with pytest.raises(gateway.CannotSend, match="Of changes only those"):
        change(1, "click:7", price=4001)
    cancellation = Cancellation(account_id=account.pk, order_id=order_id, symbol=symbol)
    assert gateway.submit(intents.create(cancellation, "click:5").pk) == State.ACCEPTED
    contract_id = Contract.objects.get(name=symbol).tradovate_id
    closing = Liquidation(account_id=account.pk, contract_id=contract_id, symbol=symbol)
    assert gateway.submit(intents.create(closing, "click:6").pk) == State.ACCEPTED
    positions = simulator.control.ledger()["entities"]["position"]
    assert [position["netPos"] for position in positions if position["accountId"] == account.tradovate_id] == [0]


def test_others_trade_on_and_after_the_release_so_does_the_trader(
    simulator: RunningSimulator, intent: OrderIntent, user: User, stop: Callable[[], KillSwitch], symbol: str
) -> None:
    other = sign_in(simulator, "pro").accounts.first()
    theirs = intents.create(OrderSpec(account_id=other.pk, symbol=symbol, action="Buy", order_qty=1), "test:2")
    switch = stop()
    assert gateway.submit(theirs.pk) == State.ACCEPTED
    KillSwitch.objects.filter(pk=switch.pk).update(released_at=switch.thrown_at, released_by=user)
    assert gateway.submit(intent.pk) == State.ACCEPTED


def test_an_order_that_was_claimed_and_then_held_up_does_not_go_out(
    simulator: RunningSimulator, intent: OrderIntent, stop: Callable[[], KillSwitch]
) -> None:
    def claim(intent_id: int) -> int:
        attempt = intents.claim(intent_id)
        stop()
        return attempt

    with pytest.raises(gateway.CannotSend, match="stopped by you"):
        gateway.submit(intent.pk, claim)
    intent.refresh_from_db()
    assert intent.state == State.CREATED, "a line of a file waits"
    assert "stopped by you" in intent.transitions.last().detail
    assert posts(simulator) == []


def test_a_claim_that_is_committed_after_the_throw_does_not_go_out(
    simulator: RunningSimulator, intent: OrderIntent, stop: Callable[[], KillSwitch]
) -> None:
    def throwing() -> None:
        try:
            stop()
        finally:
            database.close()

    def claim(intent_id: int) -> int:
        thrower = threading.Thread(target=throwing)
        with transaction.atomic():
            # It has looked and seen nothing; on PostgreSQL the throw is committed before it. SQLite has one writer.
            attempt = intents.claim(intent_id)
            thrower.start()
            if database.vendor == "postgresql":
                thrower.join(30)
        thrower.join(30)
        return attempt

    with pytest.raises(gateway.CannotSend, match="stopped by you"):
        gateway.submit(intent.pk, claim)
    assert posts(simulator) == []


def test_a_throw_stops_other_threads_and_other_processes_at_once(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, settings, database_url: str
) -> None:
    """Two processes and two threads send without a pause. What they begin after the throw is nowhere at Tradovate."""
    contracts.look_up(account.connection, [symbol])
    command = [sys.executable, "-m", "tests.trading.stopping", str(account.pk), symbol]
    environment = environment_of(settings, database_url)
    senders = [
        subprocess.Popen([*command, name], env=environment, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    ended, refused = threading.Event(), threading.Semaphore(0)

    def send(name: str) -> None:
        try:
            number = 0
            while not ended.is_set():
                number += 1
                spec = OrderSpec(account_id=account.pk, symbol=symbol, action="Buy", order_qty=1)
                try:
                    gateway.submit(intents.create(spec, f"click:{name}:{number}").pk)
                except gateway.CannotSend:
                    refused.release()
        finally:
            database.close()

    threads = [threading.Thread(target=send, args=[name]) for name in ("three", "four")]
    try:
        for thread in threads:
            thread.start()
        for sender in senders:
            assert sender.stdout is not None
            assert [sender.stdout.readline().strip() for _ in range(3)] == ["sent"] * 3
        kill_switch.throw(user, user=user)
        newest = OrderIntent.objects.latest("pk").pk
        for sender in senders:
            assert any(line.strip() == "stopped" for line in iter(sender.stdout.readline, ""))
            assert [sender.stdout.readline().strip() for _ in range(3)] == ["stopped"] * 3
        for _ in range(6):
            assert refused.acquire(timeout=30)
    finally:
        ended.set()
        for sender in senders:
            sender.kill()
            sender.wait(10)
            sender.stdout.close()
        for thread in threads:
            thread.join(30)
    later = set(OrderIntent.objects.filter(pk__gt=newest).values_list("cl_ord_id", flat=True))
    assert len(later) >= 12
    assert later.isdisjoint(post["clOrdId"] for post in posts(simulator))


def test_a_trader_and_support_hold_one_switch_each_over_the_same(user: User) -> None:
    own = kill_switch.throw(user, user=user, reason="first")
    assert kill_switch.throw(user, user=user, reason="second") == own
    staff = kill_switch.throw(User.objects.create_superuser("sam"), by_staff=True, user=user)
    assert staff != own
    assert KillSwitch.objects.get(pk=own.pk).reason == "first"
    with pytest.raises(IntegrityError), transaction.atomic():
        KillSwitch.objects.create(scope="user", user=user, by_staff=False, thrown_by=user)
    with pytest.raises(IntegrityError), transaction.atomic():
        KillSwitch.objects.create(scope="global", user=user, by_staff=True, thrown_by=user)


def test_two_who_throw_at_the_same_time_throw_one_switch(user: User) -> None:
    start, thrown = threading.Barrier(3), []

    def press() -> None:
        start.wait()
        try:
            thrown.append(kill_switch.throw(user, user=user).pk)
        finally:
            database.close()

    threads = [threading.Thread(target=press) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert thrown == [KillSwitch.objects.get().pk] * 3
    assert AuditEvent.objects.filter(kind="trading-stopped").count() == 1


def test_what_a_press_makes_of_a_clearing_is_told_with_its_own_time(user: User) -> None:
    def at() -> dt.datetime:
        return switch.actions.get().changed_at

    switch = kill_switch.throw(user, user=user, cancel=True)
    for press in (
        lambda: kill_switch.throw(user, user=user, cancel=True),
        lambda: kill_switch.release(switch.pk, user, timezone.now()),
    ):
        switch.actions.update(changed_at=timezone.now() - dt.timedelta(seconds=45))
        pressed = timezone.now()
        press()
        assert at() >= pressed
    switch.refresh_from_db()
    assert at() == switch.released_at


def test_the_history_cannot_be_rewritten(user: User) -> None:
    switch = kill_switch.throw(user, user=user)
    with pytest.raises(TypeError):
        switch.save()
    with pytest.raises(TypeError):
        switch.delete()


def test_the_gate_is_one_query_and_exits_ask_nothing(
    intent: OrderIntent, django_assert_num_queries: Callable[..., object]
) -> None:
    with django_assert_num_queries(1):
        assert let_through.forbids(intent) == ""
    intent.kind = Kind.CANCEL
    with django_assert_num_queries(0):
        assert let_through.forbids(intent) == ""
