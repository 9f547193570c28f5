"""No order of a Market Replay leaves the portal: not by any door, and not to the account of which it has the id."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from accounts import renewal
from accounts.models import Connection, User
from tests.trading.orders.pressing import bracket, limit, pair, with_exits
from tests.trading.signed_in import replay_of
from trading.files import execute, preview
from trading.models import Account, OrderFile, OrderIntent
from trading.orders import desk, gateway, intents, pretrade, resend
from trading.orders.checks import WATCHING_ONLY
from trading.orders.position_exits import add_exits, to_break_even
from trading.orders.prices import Distance
from trading.orders.states import State
from trading.orders.wishes import Cancellation, Liquidation, Modification, Wish
from trading.simulator import RunningSimulator


@pytest.fixture
def replay(account: Account) -> Account:
    """The account of a replay, and the worst of all: at Tradovate it would have the id and the name of the real one."""
    connection = replay_of(account.connection)
    return Account.objects.create(connection=connection, tradovate_id=account.tradovate_id, name=account.name)


WISHES: dict[str, Callable[[Account, str], Wish]] = {
    "order": limit,
    "OCO": pair,
    "OSO": with_exits,
    "bracket": bracket,
    "change": lambda account, symbol: Modification(order_id=1, becomes=limit(account, symbol)),
    "cancel": lambda account, symbol: Cancellation(account_id=account.pk, order_id=1, symbol=symbol),
    "close": lambda account, symbol: Liquidation(account_id=account.pk, contract_id=1, symbol=symbol),
}


def nothing_arrived(simulator: RunningSimulator) -> bool:
    return simulator.control.ledger()["received"] == []


@pytest.mark.parametrize("kind", WISHES)
def test_the_gateway_sends_nothing_of_any_kind(
    simulator: RunningSimulator, replay: Account, symbol: str, kind: str
) -> None:
    intent = gateway.submit_new(replay, WISHES[kind](replay, symbol), "click:replay-1234567890")
    intent.refresh_from_db()
    assert (intent.state, intent.reason) == (State.CANCELLED, WATCHING_ONLY)
    waiting = intents.create(WISHES[kind](replay, symbol), "file:replay:1")
    with pytest.raises(gateway.CannotSend, match="for watching"):
        gateway.submit(waiting.pk)
    gateway.submit_all([waiting.pk])
    assert nothing_arrived(simulator)


@pytest.mark.parametrize("kind", WISHES)
def test_it_does_so_even_when_somebody_has_a_token(
    simulator: RunningSimulator, replay: Account, symbol: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = replay.connection.source
    assert source is not None
    monkeypatch.setattr(renewal, "token_of", lambda _: source.tokens.access_token)  # type: ignore[union-attr]
    gateway.submit_new(replay, WISHES[kind](replay, symbol), "click:replay-1234567890")
    assert nothing_arrived(simulator)


@pytest.mark.parametrize("kind", WISHES)
def test_there_is_no_token_even_when_nobody_knows_that_it_is_a_replay(
    simulator: RunningSimulator, replay: Account, symbol: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "is_replay", False)
    intent = gateway.submit_new(replay, WISHES[kind](replay, symbol), "click:replay-1234567890")
    intent.refresh_from_db()
    assert intent.state == State.CANCELLED
    assert "signed out" in intent.reason
    assert nothing_arrived(simulator)


@pytest.mark.parametrize(
    "press",
    [
        lambda user, replay, symbol, key: desk.place(user, limit(replay, symbol), key),
        lambda user, replay, symbol, key: desk.modify(user, replay.pk, 1, desk.NewTerms(order_qty=2), key),
        lambda user, replay, symbol, key: desk.cancel(user, replay.pk, 1, key),
        lambda user, replay, symbol, key: desk.reverse(user, replay.pk, 1, key),
        lambda user, replay, symbol, key: desk.cancel_all(user, replay.pk, key),
        lambda user, replay, symbol, key: desk.flatten(user, replay.pk, 1, key),
        lambda user, replay, symbol, key: desk.flatten_all(user, replay.pk, key),
        lambda user, replay, symbol, key: to_break_even(user, replay.pk, 1, key),
        lambda user, replay, symbol, key: add_exits(user, replay.pk, 1, Distance(Decimal(4)), None, key),
    ],
    ids=["place", "modify", "cancel", "reverse", "cancel-all", "flatten", "flatten-all", "break-even", "exits"],
)
def test_every_press_is_refused_and_says_why(
    simulator: RunningSimulator, user: User, replay: Account, symbol: str, press: Callable[..., desk.Outcome]
) -> None:
    outcome = press(user, replay, symbol, "click:replay-1234567890")
    assert outcome.refused
    assert WATCHING_ONLY in outcome.words
    assert nothing_arrived(simulator)
    assert not OrderIntent.objects.exists()


def test_presses_for_all_accounts_are_about_the_real_ones(
    simulator: RunningSimulator, user: User, account: Account, replay: Account, symbol: str
) -> None:
    assert not desk.place(user, limit(account, symbol), "click:real-12345678901").refused
    outcome = desk.flatten_all(user, None, "click:flatten-1234567890")
    assert {intent.account_id for intent in outcome.intents} == {account.pk}
    assert "REPLAY" not in outcome.words


def test_the_checks_say_so_too(replay: Account, symbol: str) -> None:
    errors = [one.message for one in pretrade.vet(limit(replay, symbol)).findings if one.is_error]
    assert WATCHING_ONLY in errors


def test_no_file_is_taken_for_it(user: User, replay: Account, symbol: str) -> None:
    assert replay not in Account.objects.tradable()
    file = preview.upload(replay, "orders.txt", f"{symbol} 2\n".encode())
    assert file.state != OrderFile.State.READY
    with pytest.raises(execute.CannotConfirm):
        execute.confirm(file.pk, user)


def test_the_lines_of_a_file_that_came_to_be_its_stay_here(
    simulator: RunningSimulator, user: User, account: Account, replay: Account, symbol: str
) -> None:
    file = preview.upload(account, "orders.txt", f"{symbol} 2\n".encode())
    assert execute.confirm(file.pk, user)
    OrderFile.objects.update(account=replay)
    OrderIntent.objects.update(account=replay, connection=replay.connection)
    execute.run(file.pk, lambda _: None)
    file.refresh_from_db()
    assert file.state == OrderFile.State.STOPPED
    assert WATCHING_ONLY in file.stop_reason
    assert set(OrderIntent.objects.values_list("state", flat=True)) == {State.CREATED}
    assert nothing_arrived(simulator)


def test_an_order_of_it_that_is_not_at_tradovate_is_not_sent_again(
    simulator: RunningSimulator, user: User, replay: Account, symbol: str
) -> None:
    intent = intents.create(limit(replay, symbol), "click:replay-1234567890")
    OrderIntent.objects.filter(pk=intent.pk).update(state=State.ABSENT)
    with pytest.raises(resend.CannotDecide):
        resend.again(user, intent.pk)
    assert nothing_arrived(simulator)
