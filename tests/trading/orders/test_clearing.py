"""A thrown kill switch cancels and closes what is at Tradovate, in rounds, and nothing twice."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.utils import timezone

from accounts.models import Connection, User
from tests.trading.cast import listed, sign_in
from tests.trading.orders.pressing import bought, bracket, elsewhere, limit
from trading import tasks
from trading.models import Account, KillSwitch, KillSwitchAction, OrderIntent
from trading.orders import clearing, desk, gateway, intents, kill_switch, looks, reconcile, reports
from trading.orders.spec import OrderSpec
from trading.orders.states import State
from trading.orders.wishes import Liquidation
from trading.simulator import RunningSimulator

PRO = (3, 4)  # the working orders and open positions that `pro` begins with


@pytest.fixture
def connection(transactional_db: None, simulator: RunningSimulator) -> Connection:
    """The trader with five accounts, positions and working orders."""
    return sign_in(simulator, "pro")


@pytest.fixture
def user(connection: Connection) -> User:
    return connection.user


def at_broker(simulator: RunningSimulator, connection: Connection) -> tuple[int, int]:
    """(working orders, open positions) of the trader at Tradovate."""
    entities = simulator.control.ledger()["entities"]
    mine = set(connection.accounts.values_list("tradovate_id", flat=True))
    working = [x for x in entities["order"] if x["accountId"] in mine and x["ordStatus"] == "Working"]
    held = [x for x in entities["position"] if x["accountId"] in mine and x["netPos"]]
    return len(working), len(held)


def do_round(action: KillSwitchAction) -> KillSwitchAction:
    """As the sweep does when the time has come."""
    KillSwitchAction.objects.filter(pk=action.pk).update(look_at=timezone.now())
    clearing.carry_out(action.pk)
    action.refresh_from_db()
    return action


def finished(action: KillSwitchAction) -> KillSwitchAction:
    for _ in range(6):
        if do_round(action).state != "working":
            return action
    raise AssertionError(f"still {action.state}: {action.words}")


def wanted(user: User, **asked: bool) -> KillSwitchAction:
    return kill_switch.throw(user, user=user, **asked).actions.get()


def test_working_orders_are_cancelled_and_positions_kept(
    simulator: RunningSimulator, connection: Connection, user: User
) -> None:
    assert at_broker(simulator, connection) == PRO
    action = finished(wanted(user, cancel=True))
    assert (action.state, action.words) == ("done", "Done: 3 orders cancelled.")
    assert at_broker(simulator, connection) == (0, PRO[1])


def test_positions_are_closed_too_when_that_is_asked_for(
    simulator: RunningSimulator, connection: Connection, user: User
) -> None:
    action = finished(wanted(user, flatten=True))
    assert action.state == "done"
    assert "4 positions closed" in action.words
    assert at_broker(simulator, connection) == (0, 0)
    sent = Counter((intent.kind, intent.symbol, intent.account_id) for intent in OrderIntent.objects.all())
    assert {count for (kind, *_), count in sent.items() if kind == "liquidate"} == {1}


def test_with_nothing_there_it_is_done_at_once(simulator: RunningSimulator, connection: Connection) -> None:
    flat = sign_in(simulator, "trader")
    action = finished(wanted(flat.user, flatten=True))
    assert (action.state, action.words) == ("done", "Done: There was nothing to do.")
    assert at_broker(simulator, connection) == PRO


def test_nothing_is_done_before_the_accounts_are_known(
    simulator: RunningSimulator, connection: Connection, user: User
) -> None:
    """As right after the first sign-in, or when one was opened while no socket was up."""
    accounts = list(connection.accounts.all())
    connection.accounts.all().delete()
    action = do_round(wanted(user, flatten=True))
    assert (action.state, action.words.strip()) == ("working", "Found 5 accounts not told here yet.")
    Account.objects.bulk_create(accounts[1:])
    for _ in range(4):
        do_round(action)
    assert action.state == "working"
    assert "Found 1 account not told here yet. 3 positions closed" in action.words
    accounts[0].save(force_insert=True)
    assert finished(action).state == "done"
    assert at_broker(simulator, connection) == (0, 0)


def test_of_a_trader_without_an_account_it_is_done(simulator: RunningSimulator, connection: Connection) -> None:
    action = finished(wanted(sign_in(simulator, "empty").user, flatten=True))
    assert (action.state, action.words) == ("done", "Done: There was nothing to do.")


def test_positions_can_be_closed_after_orders_were_cancelled(
    simulator: RunningSimulator, connection: Connection, user: User
) -> None:
    finished(wanted(user, cancel=True))
    assert finished(wanted(user, flatten=True)).state == "done"
    assert at_broker(simulator, connection) == (0, 0)


def test_a_position_that_is_wanted_after_all_were_closed_stays_when_only_orders_are_cancelled(
    simulator: RunningSimulator, connection: Connection, user: User
) -> None:
    assert finished(wanted(user, flatten=True)).state == "done"
    elsewhere(connection.accounts.first(), listed(connection, "ES"), "Buy", 1)
    assert finished(wanted(user, cancel=True)).state == "done"
    assert at_broker(simulator, connection) == (0, 1)


def test_positions_that_are_being_closed_still_are_when_only_orders_are_cancelled(
    simulator: RunningSimulator, connection: Connection, user: User
) -> None:
    wanted(user, flatten=True)
    assert finished(wanted(user, cancel=True)).state == "done"
    assert at_broker(simulator, connection) == (0, 0)


@pytest.mark.parametrize("asked", ["cancel", "flatten"])
def test_a_round_whose_worker_was_killed_is_taken_up_and_repeats_nothing(
    simulator: RunningSimulator, connection: Connection, user: User, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    action = wanted(user, **{asked: True})
    with monkeypatch.context() as killed:
        killed.setattr(clearing, "_write", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            clearing.carry_out(action.pk)
    assert clearing.due() == [], "it may still be at work"
    KillSwitchAction.objects.update(look_at=timezone.now() - timedelta(seconds=1))
    assert clearing.due() == [action.pk]
    assert finished(action).state == "done"
    assert at_broker(simulator, connection) == (0, 0 if asked == "flatten" else PRO[1])
    targets = Counter(OrderIntent.objects.filter(kind="cancel").values_list("target_order_id", flat=True))
    assert set(targets.values()) <= {1}
    assert OrderIntent.objects.filter(kind="liquidate").count() == (PRO[1] if asked == "flatten" else 0)


def closing_of_before(account: Account, key: str = "click:before", **was: Any) -> OrderIntent:
    """A closing of the account's only position that somebody asked for before."""
    [position] = looks.open_positions(account.connection, {account.tradovate_id})
    symbol = looks.symbol(account.connection, position.contract_id)
    wish = Liquidation(account_id=account.pk, contract_id=position.contract_id, symbol=symbol)
    intent = intents.create(wish, key)
    OrderIntent.objects.filter(pk=intent.pk).update(**was)
    return intent


@pytest.fixture
def holder(simulator: RunningSimulator) -> Account:
    """An account that holds two contracts."""
    flat = sign_in(simulator, "trader")
    account = flat.accounts.get()
    bought(flat.user, account, listed(flat, "ES"))
    return account


@pytest.mark.parametrize(
    "left",
    [
        {"state": State.UNKNOWN},
        {"state": State.ACCEPTED, "order_id_at_broker": 77},
        {"state": State.WORKING, "order_id_at_broker": 77},
    ],
)
def test_a_closing_of_an_earlier_day_whose_end_nobody_learnt_keeps_no_position_open(
    simulator: RunningSimulator, connection: Connection, holder: Account, left: dict[str, Any]
) -> None:
    then = timezone.now() - timedelta(days=3)
    closing_of_before(holder, **left, changed_at=then, created_at=then)
    assert finished(wanted(holder.connection.user, flatten=True)).state == "done"
    assert at_broker(simulator, holder.connection) == (0, 0)


def test_a_closing_that_its_worker_never_sent_is_sent_when_the_round_is_taken_up(
    simulator: RunningSimulator, connection: Connection, holder: Account
) -> None:
    action = wanted(holder.connection.user, flatten=True)
    [position] = looks.open_positions(holder.connection, {holder.tradovate_id})
    key = f"kill:{action.switch_id}:{holder.connection_id}:0:flatten:{holder.pk}:{position.contract_id}"
    made = closing_of_before(holder, key, changed_at=timezone.now() - clearing.LEASE)
    assert do_round(action).state == "working"
    assert at_broker(simulator, holder.connection) == (0, 0)
    made.refresh_from_db()
    assert made.state == State.ACCEPTED


def test_a_closing_that_waits_for_the_market_is_not_sent_once_more(
    simulator: RunningSimulator, connection: Connection, holder: Account
) -> None:
    [position] = looks.open_positions(holder.connection, {holder.tradovate_id})
    symbol = looks.symbol(holder.connection, position.contract_id)
    simulator.control.liquidity(symbol, 0)
    assert desk.flatten(holder.connection.user, holder.pk, position.contract_id, "click:flat").succeeded
    OrderIntent.objects.filter(kind="liquidate").update(changed_at=timezone.now() - timedelta(minutes=1))
    assert do_round(wanted(holder.connection.user, flatten=True)).state == "working"
    assert OrderIntent.objects.filter(kind="liquidate").count() == 1
    simulator.control.liquidity(symbol, None)
    simulator.control.price(symbol, 5000)
    assert finished(KillSwitchAction.objects.get()).state == "done"
    assert at_broker(simulator, holder.connection) == (0, 0)


def test_two_workers_do_one_round(simulator: RunningSimulator, connection: Connection, user: User) -> None:
    action = wanted(user, flatten=True)
    start, told = threading.Barrier(3), []

    def work() -> None:
        start.wait()
        try:
            told.append(clearing.carry_out(action.pk))
        finally:
            database.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert sorted(told, key=str) == [connection.pk, None, None]


def test_an_order_that_was_on_its_way_when_the_switch_was_thrown_is_found_later(
    simulator: RunningSimulator, user: User
) -> None:
    flat = sign_in(simulator, "trader")
    account = flat.accounts.get()
    spec = OrderSpec(
        account_id=account.pk,
        symbol=listed(flat, "ES"),
        action="Buy",
        order_qty=1,
        order_type="Limit",
        price=Decimal(4000),
    )
    simulator.control.fault("lose_reply", "order/placeorder")
    intent = intents.create(spec, "click:1")
    assert gateway.submit(intent.pk) == State.UNKNOWN
    action = wanted(flat.user, cancel=True)
    assert "1 order still unanswered" in do_round(action).words
    reconcile.look(flat.pk)
    assert finished(action).state == "done"
    assert at_broker(simulator, flat) == (0, 0)


@pytest.mark.parametrize("look", ["open_positions", "open_orders"])
def test_an_order_that_is_answered_while_a_round_looks_is_found_by_a_later_one(
    simulator: RunningSimulator, user: User, monkeypatch: pytest.MonkeyPatch, look: str
) -> None:
    flat = sign_in(simulator, "trader")
    account, symbol = flat.accounts.get(), listed(flat, "ES")
    terms: dict[str, Any] = {} if look == "open_positions" else {"order_type": "Limit", "price": Decimal(4000)}
    spec = OrderSpec(account_id=account.pk, symbol=symbol, action="Buy", order_qty=1, **terms)
    intent = intents.create(spec, "click:1")
    assert intents.claim(intent.pk)
    action = wanted(flat.user, flatten=True)
    after_the_list(monkeypatch, look, lambda: reports.accept(intent.pk, elsewhere(account, symbol, "Buy", 1, **terms)))
    assert do_round(action).state == "working"
    assert at_broker(simulator, flat) in [(1, 0), (0, 1)]
    assert finished(action).state == "done"
    assert at_broker(simulator, flat) == (0, 0)


def test_an_order_that_fills_between_the_looks_of_a_round_is_closed_by_the_next(
    simulator: RunningSimulator, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat = sign_in(simulator, "trader")
    symbol = listed(flat, "ES")
    elsewhere(flat.accounts.get(), symbol, "Buy", 1, order_type="Limit", price=Decimal(4000))
    action = wanted(flat.user, flatten=True)
    after_the_list(monkeypatch, "open_positions", lambda: simulator.control.price(symbol, 3990))
    assert do_round(action).state == "working"
    assert at_broker(simulator, flat) == (0, 1)
    assert finished(action).state == "done"
    assert at_broker(simulator, flat) == (0, 0)


def after_the_list(monkeypatch: pytest.MonkeyPatch, look: str, happens: Callable[[], object]) -> None:
    """It happens when this list was read once, and before anything else is."""
    looked = getattr(looks, look)

    def read(*about: Any) -> Any:
        found = looked(*about)
        monkeypatch.setattr(looks, look, looked)
        happens()
        return found

    monkeypatch.setattr(looks, look, read)


def test_a_strategy_of_which_no_entry_is_known_yet_is_waited_for(simulator: RunningSimulator, user: User) -> None:
    flat = sign_in(simulator, "trader")
    intent = intents.create(bracket(flat.accounts.get(), listed(flat, "ES")), "click:1")
    intents.claim(intent.pk)
    reports.accept(intent.pk, strategy_id=77)
    action = wanted(flat.user, flatten=True)
    assert "1 order still unanswered" in do_round(action).words
    reports.name_entry(intent.pk, 78)
    assert finished(action).state == "done"


def test_what_tradovate_refuses_is_said_and_tried_again(
    simulator: RunningSimulator, connection: Connection, user: User
) -> None:
    account = connection.accounts.order_by("pk").first()
    simulator.control.refuse(account.tradovate_id, "SessionClosed")
    action = do_round(wanted(user, flatten=True))
    assert action.state == "working"
    assert "Last refusal: Close " in action.words
    assert finished(action).state == "done"
    assert at_broker(simulator, connection) == (0, 0)


def test_while_tradovate_is_away_it_waits_and_says_so_and_in_the_end_gives_up(
    simulator: RunningSimulator, connection: Connection, user: User
) -> None:
    simulator.control.fault("error_500", route="position/list", times=2)
    action = do_round(wanted(user, flatten=True))
    assert action.state == "working"
    assert action.look_at > timezone.now()
    assert "Tradovate could not be asked" in action.words
    KillSwitchAction.objects.update(wanted_at=timezone.now() - timedelta(minutes=11))
    assert do_round(action).state == "ended"
    assert "Given up, look at Tradovate" in action.words
    # Pressing again begins anew.
    assert finished(wanted(user, flatten=True)).state == "done"


def test_the_release_ends_what_was_not_done(simulator: RunningSimulator, connection: Connection, user: User) -> None:
    action = wanted(user, cancel=True)
    kill_switch.release(action.switch_id, user, timezone.now())
    assert do_round(action).state == "ended"
    KillSwitchAction.objects.update(state="working")
    assert do_round(action).state == "ended"
    assert "released" in action.words
    assert at_broker(simulator, connection) == PRO


@pytest.mark.parametrize("look", ["open_positions", "open_orders"])
def test_a_release_while_a_round_is_at_work_leaves_what_is_there_since(
    simulator: RunningSimulator,
    connection: Connection,
    holder: Account,
    monkeypatch: pytest.MonkeyPatch,
    look: str,
) -> None:
    user, looked = holder.connection.user, getattr(looks, look)
    action = wanted(user, flatten=look == "open_positions", cancel=True)

    def released(*about: Any) -> Any:
        monkeypatch.setattr(looks, look, looked)
        kill_switch.release(action.switch_id, user, timezone.now())
        assert desk.place(user, limit(holder, listed(holder.connection, "ES"), qty=1), "click:since").succeeded
        return looked(*about)

    monkeypatch.setattr(looks, look, released)
    assert do_round(action).state == "ended"
    assert "released" in action.words
    assert at_broker(simulator, holder.connection) == (1, 1)
    assert not OrderIntent.objects.filter(source_key__startswith="kill:").exists()


def test_everybody_at_once(simulator: RunningSimulator, connection: Connection) -> None:
    other = sign_in(simulator, "trader")
    desk.place(
        other.user,
        OrderSpec(account_id=other.accounts.get().pk, symbol=listed(other, "ES"), action="Buy", order_qty=1),
        "click:1",
    )
    switch = kill_switch.throw(User.objects.create_superuser("sam"), by_staff=True, flatten=True)
    assert switch.actions.count() == 2
    for _ in range(5):
        KillSwitchAction.objects.update(look_at=timezone.now())
        tasks.carry_out_kill_switches()
    assert {action.state for action in KillSwitch.objects.get().actions.all()} == {"done"}
    for trader in (connection, other):
        assert at_broker(simulator, trader) == (0, 0)
