"""A Market Replay's connection holds no tokens, and whoever asks for them gets none."""

import pytest
from django.db import IntegrityError
from django.utils import timezone

from accounts import oauth, renewal
from accounts.models import Connection, Environment, User
from accounts.tokens import Tokens
from tests.trading.signed_in import person, replay_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def trader() -> Connection:
    return person("pat", 1)


@pytest.fixture
def replay(trader: Connection) -> Connection:
    return replay_of(trader)


def test_it_says_replay_and_belongs_to_the_realm_of_its_source(trader: Connection, replay: Connection) -> None:
    assert replay.get_environment_display() == "REPLAY"
    assert (replay.holder, trader.holder) == (trader, trader)
    for signed_in_to in (Environment.LIVE, Environment.DEMO, Environment.SIM):
        assert signed_in_to.replay.is_replay
        assert signed_in_to.replay.label == "REPLAY"
        assert signed_in_to.replay.realm == signed_in_to.realm


def test_nobody_gets_a_token_or_a_host_for_it(replay: Connection) -> None:
    with pytest.raises(renewal.SignedOut):
        renewal.access_token(replay.pk)
    with pytest.raises(renewal.SignedOut):
        renewal.token_of(replay)
    with pytest.raises(ValueError, match="not a valid Environment"):
        _ = replay.hosts


def test_the_database_lets_it_keep_none(replay: Connection) -> None:
    with pytest.raises(IntegrityError):
        replay.store_tokens(Tokens("stolen"), timezone.now())


@pytest.mark.parametrize("environment", ["sim-replay", "replay"])
def test_a_replay_without_a_source_is_refused(trader: Connection, environment: str) -> None:
    with pytest.raises(IntegrityError):
        Connection.objects.create(user=trader.user, environment=environment, tradovate_user_id=1, name="pat")


def test_no_other_environment_has_a_source(trader: Connection) -> None:
    with pytest.raises(IntegrityError):
        Connection.objects.create(user=trader.user, environment="live", source=trader, tradovate_user_id=1, name="pat")


def test_it_may_be_looked_at_for_as_long_as_its_source_is_signed_in(trader: Connection, replay: Connection) -> None:
    assert set(Connection.objects.reachable()) == {trader, replay}
    assert set(Connection.objects.authorised()) == {trader}
    trader.forget_tokens()
    assert not Connection.objects.reachable().exists()


def test_nobody_signs_in_to_a_replay(settings) -> None:
    settings.TRADOVATE_ENVIRONMENTS = ["replay", "sim"]
    assert oauth.configured() == [Environment.SIM]


def test_another_traders_replay_is_not_seen(replay: Connection) -> None:
    assert not Connection.objects.visible_to(User.objects.create(username="bo")).reachable().exists()
