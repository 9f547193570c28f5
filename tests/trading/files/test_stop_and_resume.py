"""What stops a file, and under which limits the rest of it is resumed."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import Connection, User
from tests.trading.cast import posts, sign_in, use_up
from tests.trading.files.conftest import ROUTE, Run, nobody, now, sent, states
from trading.files import execute, preview, stock
from trading.models import Account, Contract, OrderFile, TradingLimit
from trading.orders import facts, kill_switch, reconcile
from trading.orders.facts import AccountFacts, Facts, PositionFacts
from trading.orders.states import State
from trading.simulator import RunningSimulator
from trading.sync import intent_rows
from trading.tradovate import Priority
from trading.tradovate.limits import USER


def test_a_limit_that_was_set_meanwhile_holds_for_the_lines_that_are_resumed(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run
) -> None:
    assert execute.stop(queued.pk, user, nobody)
    rule = TradingLimit.objects.create(user=user, max_order_qty=1)
    with pytest.raises(execute.CannotConfirm, match=r"^Nothing was sent\. Line 1: 2 contracts: your limit is 1"):
        execute.resume(queued.pk, user)
    assert now(queued).state == OrderFile.State.STOPPED
    rule.delete()
    assert execute.resume(queued.pk, user)
    run(queued.pk)
    assert states(queued) == [State.ACCEPTED] * 3


def test_a_check_that_keeps_the_rest_of_a_half_sent_file_back_does_not_say_that_nothing_was_sent(
    queued: OrderFile, user: User
) -> None:
    execute.run(queued.pk, lambda _: bool(execute.stop(queued.pk, user, nobody)))
    assert states(queued) == [State.ACCEPTED, State.CREATED, State.CREATED]
    TradingLimit.objects.create(user=user, max_order_qty=1)
    with pytest.raises(execute.CannotConfirm, match=r"^Nothing more was sent\. Line 2: 3 contracts: your limit is 1"):
        execute.resume(queued.pk, user)


def test_what_tradovate_never_got_was_not_sent(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "SETTLE", timedelta(0))
    simulator.control.fault("reset_before", ROUTE)
    run(queued.pk)
    stock.resolved(reconcile.look(queued.account.connection_id), nobody)
    assert states(queued) == [State.ABSENT, State.CREATED, State.CREATED]
    TradingLimit.objects.create(user=user, max_order_qty=1)
    with pytest.raises(execute.CannotConfirm, match=r"^Nothing was sent\. Line 1: 2 contracts: your limit is 1"):
        execute.resume(queued.pk, user)


def test_a_line_that_waits_in_a_stopped_file_is_not_about_to_be_sent(queued: OrderFile, user: User) -> None:
    assert execute.stop(queued.pk, user, nobody)
    waiting = queued.lines.get(number=1).intent
    assert waiting.state == State.CREATED
    assert intent_rows.words(waiting) == f"{waiting.described}: not sent; it waits in its order file."


def known(account: Account, symbol: str, net: int, realized: int = 0) -> None:
    """The hub tells what is held, and the day's result in dollars."""
    mine, contract = account.tradovate_id, Contract.objects.get(name=symbol)
    told = Facts(
        heard_at=timezone.now(),
        accounts=[AccountFacts(id=mine, cash=Decimal(50000), realized_pnl=Decimal(realized), open_pnl=Decimal(0))],
        positions=[PositionFacts(account_id=mine, contract_id=contract.tradovate_id, net_pos=net)],
        position_limits=[],
    )
    facts._client().set(facts.key(account.connection_id), facts.encode(told))


def test_a_line_that_closes_a_position_is_resumed_although_the_days_loss_is_reached(
    simulator: RunningSimulator, account: Account, user: User, symbols: list[str], run: Run
) -> None:
    file = preview.upload(account, "close.txt", f"{symbols[0]} -2".encode())
    known(account, symbols[0], net=2, realized=-900)
    assert execute.confirm(file.pk, user)
    assert execute.stop(file.pk, user, nobody)
    TradingLimit.objects.create(user=user, daily_loss=Decimal(500))
    assert execute.resume(file.pk, user)
    run(file.pk)
    assert sent(simulator) == [("Sell", 2)]


@pytest.mark.usefixtures("counts_matter")
@pytest.mark.parametrize(("held", "words"), [(2, ""), (0, "Nothing was looked up. Next room at")])
def test_a_line_that_closes_a_position_finds_room_where_its_file_has_to_be_looked_up_first(
    simulator: RunningSimulator, account: Account, user: User, symbols: list[str], run: Run, held: int, words: str
) -> None:
    file = preview.upload(account, "close.txt", f"{symbols[0]} -2".encode())
    assert execute.confirm(file.pk, user)
    OrderFile.objects.update(uploaded_at=timezone.now() - timedelta(hours=1))
    known(account, symbols[0], net=held)
    use_up(account.connection, USER.up_to(Priority.MODIFY))
    run(file.pk)
    assert sent(simulator) == [("Sell", 2)] * bool(held)
    assert words in now(file).stop_reason


def test_what_tradovate_does_not_have_meets_the_position_limit_when_it_is_resumed(
    simulator: RunningSimulator, account: Account, user: User, symbols: list[str], run: Run, monkeypatch
) -> None:
    monkeypatch.setattr(reconcile, "SETTLE", timedelta(0))
    file = preview.upload(account, "one.txt", f"{symbols[0]} 2".encode())
    assert execute.confirm(file.pk, user)
    simulator.control.fault("reset_before", ROUTE)
    run(file.pk)
    stock.resolved(reconcile.look(account.connection_id), nobody)
    assert states(file) == [State.ABSENT]
    TradingLimit.objects.create(user=user, max_position=3)
    known(account, symbols[0], net=2)
    with pytest.raises(execute.CannotConfirm, match="ES could become 4 contracts long"):
        execute.resume(file.pk, user)
    known(account, symbols[0], net=1)
    assert execute.resume(file.pk, user)
    run(file.pk)
    assert sent(simulator) == [("Buy", 2)]


def test_a_lost_sign_in_stops_and_signing_in_again_resumes(
    simulator: RunningSimulator, queued: OrderFile, user: User
) -> None:
    told = 0

    def sign_out_after_the_first(line_id: int) -> None:
        nonlocal told
        told += 1
        if told == 2:
            simulator.control.fault("expire_tokens", user="trader")

    execute.run(queued.pk, sign_out_after_the_first)
    assert now(queued).state == OrderFile.State.STOPPED
    assert "Line 2 was not sent" in queued.stop_reason
    assert "Sign in again" in queued.stop_reason
    assert states(queued) == [State.ACCEPTED, State.CREATED, State.CREATED]

    sign_in(simulator)
    assert execute.resume(queued.pk, user)
    execute.run(queued.pk, nobody)
    assert states(queued) == [State.ACCEPTED] * 3
    assert sent(simulator) == [("Buy", 2), ("Sell", 3), ("Buy", 1)]


def test_stopped_by_the_trader_sends_nothing_more(simulator: RunningSimulator, queued: OrderFile, user: User) -> None:
    def stop_at_once(line_id: int) -> None:
        execute.stop(queued.pk, user, nobody)

    execute.run(queued.pk, stop_at_once)
    assert now(queued).state == OrderFile.State.STOPPED
    assert sent(simulator) == [("Buy", 2)]
    assert states(queued) == [State.ACCEPTED, State.CREATED, State.CREATED]


@pytest.mark.parametrize("is_last", [False, True])
@pytest.mark.parametrize(("fault", "became"), [("rate_limit", State.CANCELLED), ("reset_before", State.UNKNOWN)])
def test_a_line_that_is_on_its_way_when_the_rest_is_given_up_is_given_up_with_it(
    simulator: RunningSimulator,
    account: Account,
    user: User,
    symbols: list[str],
    fault: str,
    became: State,
    is_last: bool,
) -> None:
    text = "".join(f"{symbol} 1\n" for symbol in symbols[: 1 if is_last else 2])
    file = preview.upload(account, "rest.txt", text.encode())
    execute.confirm(file.pk, user)
    simulator.control.fault(fault, ROUTE)

    def give_up_at_once(_: int) -> None:
        if execute.stop(file.pk, user, nobody):
            assert execute.discard(file.pk, user, nobody)
            assert execute.discard(file.pk, user, nobody), "pressed twice"

    execute.run(file.pk, give_up_at_once)
    assert sent(simulator) == []
    assert states(file) == [became, *([] if is_last else [State.CANCELLED])]
    assert now(file).state == OrderFile.State.FINISHED
    nothing_given_up = is_last and became == State.UNKNOWN
    assert file.stop_reason == ("" if nothing_given_up else "The lines that had not been sent were given up.")


def test_an_unreachable_broker_stops_with_nothing_in_doubt(
    queued: OrderFile, user: User, run: Run, settings, simulator: RunningSimulator
) -> None:
    settings.SIMULATOR_URL = "http://127.0.0.1:9"
    Connection.objects.update(api_hosts={})
    run(queued.pk)
    assert now(queued).state == OrderFile.State.STOPPED
    assert "nothing was sent" in queued.stop_reason
    assert states(queued) == [State.CREATED] * 3

    settings.SIMULATOR_URL = simulator.url
    execute.resume(queued.pk, user)
    run(queued.pk)
    assert sent(simulator) == [("Buy", 2), ("Sell", 3), ("Buy", 1)]


def test_a_file_is_written_and_confirmed_while_a_kill_switch_is_thrown_and_waits(
    simulator: RunningSimulator, account: Account, user: User, symbols: list[str], run: Run
) -> None:
    kill_switch.throw(user, user=user)
    file = preview.upload(account, "later.txt", f"{symbols[0]} 1\n".encode())
    assert file.state == OrderFile.State.READY
    assert execute.confirm(file.pk, user)
    run(file.pk)
    assert now(file).state == OrderFile.State.STOPPED
    assert "Trading is stopped by you" in file.stop_reason
    assert posts(simulator) == []


def test_a_kill_switch_stops_a_file_and_its_release_lets_it_be_resumed(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run
) -> None:
    switch = kill_switch.throw(user, user=user)
    run(queued.pk)
    assert now(queued).state == OrderFile.State.STOPPED
    assert queued.stop_reason == ("Line 1 was not sent. Trading is stopped by you: only exits and cancels go through.")
    assert states(queued) == [State.CREATED] * 3
    # Resumed too early it stops again, for the same reason.
    assert execute.resume(queued.pk, user)
    run(queued.pk)
    assert now(queued).state == OrderFile.State.STOPPED
    assert posts(simulator) == []
    kill_switch.release(switch.pk, user, timezone.now())
    assert execute.resume(queued.pk, user)
    run(queued.pk)
    assert now(queued).state == OrderFile.State.FINISHED
    assert sent(simulator) == [("Buy", 2), ("Sell", 3), ("Buy", 1)]
