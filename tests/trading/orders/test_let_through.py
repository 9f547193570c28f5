"""While trading is stopped an order goes out that is known to do nothing but close a position, and no other one."""

import datetime as dt
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.utils import timezone

from accounts.models import Connection, User
from tests.trading.cast import posts
from tests.trading.orders.pressing import at_once, contract_id, received
from trading.models import Account, KillSwitchAction, OrderIntent
from trading.orders import desk, facts, gateway, intents, kill_switch, let_through, looks, position_exits
from trading.orders.facts import AccountFacts, Facts, OrderFacts, PositionFacts
from trading.orders.prices import Distance, Unit
from trading.orders.spec import LinkedOrder, OrderSpec
from trading.orders.states import State
from trading.simulator import RunningSimulator

STOPPED = "Trading is stopped by you: only exits and cancels go through."
TICKS = Distance(Decimal(40), Unit.TICKS)
Tell = Callable[..., None]


@pytest.fixture
def tell(account: Account, symbol: str) -> Tell:
    """Have the hub say what the account holds of the symbol, and how many contracts working orders would sell."""

    def tell(net: int, *sells: int | None, age: float = 0.0, is_whole: bool = True) -> None:
        number = contract_id(symbol)
        told = Facts(
            heard_at=timezone.now() - dt.timedelta(seconds=age),
            accounts=[AccountFacts(id=account.tradovate_id)],
            positions=[PositionFacts(account_id=account.tradovate_id, contract_id=number, net_pos=net)],
            orders=[
                OrderFacts(id=order, account_id=account.tradovate_id, contract_id=number, action="Sell", left=left)
                for order, left in enumerate(sells, start=1)
            ],
            is_whole=is_whole,
        )
        facts._client().set(facts.key(account.connection_id), facts.encode(told))

    return tell


@pytest.fixture
def long(simulator: RunningSimulator, user: User, account: Account, symbol: str, tell: Tell) -> None:
    """The account holds two contracts, and its trader has stopped trading."""
    simulator.control.price(symbol, 5000)
    entry = OrderSpec(account_id=account.pk, symbol=symbol, action="Buy", order_qty=2)
    assert desk.place(user, entry, "click:entry").succeeded
    tell(2)
    kill_switch.throw(user, user=user)


def sell(account: Account, symbol: str, qty: int = 2, **terms: Any) -> OrderSpec:
    return OrderSpec(account_id=account.pk, symbol=symbol, action="Sell", order_qty=qty, **terms)


def net(account: Account, symbol: str) -> int:
    return looks.net_position(account, contract_id(symbol))


@pytest.mark.parametrize("price", [5011, 4989])
def test_exits_that_are_added_go_out_and_only_close(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, long: None, price: int
) -> None:
    outcome = position_exits.add_exits(user, account.pk, contract_id(symbol), TICKS, TICKS, "click:1")
    assert outcome.succeeded, outcome.words
    simulator.control.price(symbol, price)
    assert net(account, symbol) == 0
    assert looks.open_orders(account.connection, {account.tradovate_id}) == []


def test_a_plain_closing_order_and_a_protective_stop_go_out(
    user: User, account: Account, symbol: str, long: None
) -> None:
    stop = sell(account, symbol, 1, order_type="Stop", stop_price=Decimal(4990))
    assert desk.place(user, stop, "click:1").succeeded
    assert desk.place(user, sell(account, symbol, 1), "click:2").succeeded
    assert net(account, symbol) == 1


def test_nobody_waits_for_redis_with_a_transaction_open(
    user: User, account: Account, symbol: str, long: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others who trade would wait with it, and with SQLite whoever writes anything."""
    read, inside = facts.read, []

    def reading(connection_id: int) -> Facts | None:
        inside.append(database.in_atomic_block)
        return read(connection_id)

    monkeypatch.setattr(facts, "read", reading)
    assert desk.place(user, sell(account, symbol, 1), "click:1").succeeded
    waiting = intents.create(sell(account, symbol, 1), "click:2")
    assert gateway.submit(waiting.pk) == State.ACCEPTED
    assert len(inside) > 2
    assert not any(inside)


OTHERS: dict[str, Callable[[Tell], object]] = {
    "more than is held": lambda tell: tell(1),
    "nothing is held": lambda tell: tell(0),
    "the other side is held": lambda tell: tell(-2),
    "an exit works already": lambda tell: tell(2, 1),
    "how much an exit may still sell is not known": lambda tell: tell(2, None),
    "not all can be read": lambda tell: tell(2, is_whole=False),
    "nobody has heard lately": lambda tell: tell(2, age=20),
    "nothing is known": lambda tell: facts._client().flushdb(),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_may_open_or_flip_or_is_not_known_to_close_is_refused(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, long: None, tell: Tell, what: str
) -> None:
    OTHERS[what](tell)
    outcome = desk.place(user, sell(account, symbol), "click:1")
    assert outcome.refused
    assert STOPPED in outcome.words
    waiting = intents.create(sell(account, symbol), "click:2")
    with pytest.raises(gateway.CannotSend, match="only exits and cancels"):
        gateway.submit(waiting.pk)
    assert len(posts(simulator)) == 1


def test_a_trader_is_told_why_an_order_does_not_count_as_an_exit(
    user: User, account: Account, symbol: str, long: None, tell: Tell
) -> None:
    tell(2, 2)
    words = desk.place(user, sell(account, symbol), "click:1").words
    assert f"{STOPPED} 2 of 2 contracts have an order that closes them already: cancel that first" in words
    tell(2, age=60)
    words = desk.place(user, sell(account, symbol), "click:2").words
    assert "is not known just now, so no order counts as an exit: flatten the position instead." in words


def test_an_order_that_sends_others_when_it_fills_is_no_exit(
    user: User, account: Account, symbol: str, long: None
) -> None:
    again = (LinkedOrder(action="Buy", order_type="Limit", price=Decimal(4900)),)
    spec = sell(account, symbol, 1, order_type="Limit", price=Decimal(5010), triggers=again)
    assert STOPPED in desk.place(user, spec, "click:1").words
    with pytest.raises(gateway.CannotSend, match="only exits and cancels"):
        gateway.submit(intents.create(spec, "click:2").pk)


def test_what_is_under_way_counts(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, long: None
) -> None:
    first = intents.create(sell(account, symbol, 1), "click:1")
    assert intents.claim(first.pk)  # on its way, and the hub knows nothing of it
    assert desk.place(user, sell(account, symbol, 2), "click:2").refused
    assert desk.place(user, sell(account, symbol, 1), "click:3").succeeded
    assert desk.place(user, sell(account, symbol, 1), "click:4").refused
    assert len(posts(simulator)) == 2


def test_of_exits_at_the_same_time_no_more_go_out_than_close_the_position(
    user: User, account: Account, symbol: str, long: None
) -> None:
    keys, lock = iter(range(10)), threading.Lock()

    def press() -> desk.Outcome:
        with lock:
            key = f"click:{next(keys)}"
        return desk.place(user, sell(account, symbol), key)

    at_once(4, press)
    assert net(account, symbol) == 0


def test_a_position_that_is_gone_when_the_order_could_go_keeps_it_back(
    simulator: RunningSimulator, account: Account, symbol: str, long: None, tell: Tell
) -> None:
    def claim(intent_id: int) -> int:
        attempt = intents.claim(intent_id)
        assert attempt
        tell(0)
        return attempt

    with pytest.raises(gateway.CannotSend, match="only exits and cancels"):
        gateway.submit(intents.create(sell(account, symbol), "click:1").pk, claim)
    assert len(posts(simulator)) == 1


def test_a_files_line_waits_though_it_only_closes(account: Account, symbol: str, long: None) -> None:
    line = intents.create(sell(account, symbol), "file:1:1")
    with pytest.raises(gateway.CannotSend, match="only exits and cancels"):
        gateway.submit(line.pk)
    line.refresh_from_db()
    assert line.state == State.CREATED


def test_while_working_orders_are_being_cancelled_no_exit_is_placed_that_would_go_with_them(
    user: User, account: Account, symbol: str, long: None
) -> None:
    kill_switch.throw(user, user=user, cancel=True)
    outcome = desk.place(user, sell(account, symbol), "click:1")
    assert "are being cancelled just now" in outcome.words
    assert not outcome.succeeded
    KillSwitchAction.objects.update(state=KillSwitchAction.State.DONE)
    assert desk.place(user, sell(account, symbol), "click:2").succeeded


def test_a_position_is_not_turned_around_and_its_stop_stays(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, long: None
) -> None:
    stop = sell(account, symbol, order_type="Stop", stop_price=Decimal(4990))
    assert desk.place(user, stop, "click:stop").succeeded
    outcome = desk.reverse(user, account.pk, contract_id(symbol), "click:1")
    assert outcome.refused
    assert STOPPED in outcome.words
    assert received(simulator, "order/cancelorder") == []
    [working] = looks.open_orders(account.connection, {account.tradovate_id})
    assert (working.action, working.finished) == ("Sell", False)
    assert net(account, symbol) == 2


def test_of_one_traders_connections_the_other_one_trades_on(
    user: User, intent: OrderIntent, connection: Connection
) -> None:
    other = Connection.objects.create(user=user, environment="demo", tradovate_user_id=7, name="other")
    kill_switch.throw(user, connection=other)
    assert kill_switch.stopped(other.pk)
    assert not kill_switch.stopped(connection.pk)
    assert let_through.forbids(intent) == ""
    assert gateway.submit(intent.pk) == State.ACCEPTED
