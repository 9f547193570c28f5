"""An id that a sender gives (a signal's, an Idempotency-Key): repeated it sends nothing, and it is nobody else's."""

import pytest

from accounts.models import User
from tests.trading.cast import posts, sign_in
from tests.trading.orders.pressing import at_once, limit
from trading.models import Account
from trading.orders import desk
from trading.orders.drafts import LONGEST_OUTSIDE_KEY, outside_key
from trading.orders.states import State
from trading.simulator import RunningSimulator

LONG = "alert-" * 1000
ODD = ["ES/long", "Größe 3 🚀", "a:b", "A-17", "17 ", "\ud83d", "\n", LONG, "#"]


@pytest.mark.parametrize("origin", ["signal", "api"])
@pytest.mark.parametrize("outside_id", ["1", "6b2f0c1e-6f4b-4d5c-9a53-b61d7a0f7c11", *ODD])
def test_the_same_id_again_gets_the_first_result(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, origin: str, outside_id: str
) -> None:
    key = outside_key(origin, user, outside_id)
    outcome = desk.place(user, limit(account, symbol), key)
    assert outcome.succeeded, outcome.words
    again = desk.place(user, limit(account, symbol), outside_key(origin, user, outside_id))
    assert again.succeeded
    assert again.intents == outcome.intents
    [sent] = posts(simulator)
    assert sent["isAutomated"] is True
    assert outcome.intents[0].source == origin


@pytest.mark.parametrize("origin", ["signal", "api"])
def test_the_same_id_in_two_threads_sends_one_order(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, origin: str
) -> None:
    key = outside_key(origin, user, "1")
    outcomes = at_once(2, lambda: desk.place(user, limit(account, symbol), key))
    assert len(posts(simulator)) == 1
    assert [[intent.state for intent in outcome.intents] for outcome in outcomes] == [[State.ACCEPTED]] * 2


def test_the_same_id_of_another_trader_is_another_order(
    simulator: RunningSimulator, user: User, account: Account, symbol: str
) -> None:
    other = sign_in(simulator, "pro")
    theirs = other.accounts.first()
    assert theirs is not None
    assert desk.place(user, limit(account, symbol), outside_key("signal", user, "1")).succeeded
    outcome = desk.place(other.user, limit(theirs, symbol), outside_key("signal", other.user, "1"))
    assert outcome.succeeded, outcome.words
    assert len(posts(simulator)) == 2


def test_each_account_follows_a_signal_once_and_a_trader_s_id_is_one_order_in_one_account(
    simulator: RunningSimulator, transactional_db: None, symbol: str
) -> None:
    pro = sign_in(simulator, "pro")
    both = list(pro.accounts.order_by("pk")[:2])
    for account in both * 2:
        assert desk.place(pro.user, limit(account, symbol), outside_key("signal", account, "1")).succeeded
    assert len(posts(simulator)) == 2
    first, second = (desk.place(pro.user, limit(one, symbol, qty=1), outside_key("api", pro.user, "1")) for one in both)
    assert first.succeeded
    assert "sent before with other contents" in second.words
    assert len(posts(simulator)) == 3


def test_no_two_ids_share_a_key() -> None:
    user, account = User(pk=7), Account(pk=7)
    hashed = outside_key("api", user, LONG).rpartition(":")[2]
    ids = ["1", "a", "a-1", *ODD, LONG + "x", hashed, hashed.removeprefix("#"), "x" * 48, "x" * 49]
    keys = [outside_key(origin, whose, one) for origin in ("api", "signal") for whose in (user, account) for one in ids]
    # Not when letters are taken for capitals either, as SQLite does where it looks for the beginning of a key.
    assert len({key.lower() for key in keys}) == len(keys)
    # The keys of a wish's steps begin with its own key and a colon.
    assert not any(longer.startswith(f"{key}:") for key in keys for longer in keys)


def test_every_key_is_short_enough_to_be_taken() -> None:
    largest = 2**63 - 1
    for one in ("x" * 48, "x" * 49, LONG):
        assert len(outside_key("signal", Account(pk=largest), one)) <= LONGEST_OUTSIDE_KEY


def test_an_empty_id_would_be_everybody_s() -> None:
    with pytest.raises(ValueError, match="at least one character"):
        outside_key("api", User(pk=7), "")
