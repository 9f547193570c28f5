"""A token that Tradovate refuses before its end: renewed at once, or the trader is told at once to sign in again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEvent, Connection
from accounts.renewal import Outcome, SignedOut, TokenExpired, access_token, arefused, refused
from accounts.signals import connection_ended
from accounts.tokens import Tokens
from tests.accounts.conftest import DENIED, GRANTED, REFRESH, RENEW, at_once, wait_for

PROBE = "/account/list"


@pytest.fixture
def ended() -> list[int]:
    """The connections that were announced as ended."""
    found: list[int] = []

    def note(connection: Connection, **_: object) -> None:
        found.append(connection.pk)

    connection_ended.connect(note, weak=False)
    yield found
    connection_ended.disconnect(note)


def audited() -> list[tuple[str, str]]:
    return list(AuditEvent.objects.order_by("id").values_list("kind", "detail"))


@pytest.mark.django_db(transaction=True)
def test_a_token_that_is_over_is_renewed_by_the_refresh_token_at_once(scripted, make_connection, ended) -> None:
    scripted.script(PROBE, {}, 401)
    scripted.script(REFRESH, GRANTED)
    connection = make_connection()

    assert refused(connection.pk, "access-0") is Outcome.RENEWED

    assert access_token(connection.pk) == "access-1"
    assert [kind for kind, _ in audited()] == ["renewal-failed", "token-renewed"]
    connection.refresh_from_db()
    assert (connection.renewal_error, connection.renewing_until) == ("", None)
    assert ended == []


@pytest.mark.django_db(transaction=True)
def test_a_token_that_is_over_and_cannot_be_renewed_asks_for_a_sign_in_at_once(
    scripted, make_connection, ended
) -> None:
    scripted.script(PROBE, {}, 401)
    connection = make_connection(refreshable=False)
    assert access_token(connection.pk) == "access-0"

    assert refused(connection.pk, "access-0") is Outcome.IMPOSSIBLE

    with pytest.raises(TokenExpired, match="Sign in again"):
        access_token(connection.pk)
    assert not scripted.asked(RENEW), "a token that is over does not renew itself"
    connection.refresh_from_db()
    assert connection.tokens == Tokens("access-0")
    assert "another login" in connection.renewal_error
    assert audited() == [("renewal-failed", connection.renewal_error)]
    assert ended == [connection.pk]


@pytest.mark.django_db(transaction=True)
def test_a_refresh_token_that_is_refused_too_asks_for_a_sign_in(scripted, make_connection, ended) -> None:
    scripted.script(PROBE, {}, 401)
    scripted.script(REFRESH, DENIED)
    connection = make_connection()
    assert refused(connection.pk, "access-0") is Outcome.FAILED
    with pytest.raises(TokenExpired, match="Sign in again"):
        access_token(connection.pk)
    assert ended == [connection.pk]
    assert refused(connection.pk, "access-0") is Outcome.PACED
    assert len(scripted.requests) == 2


@pytest.mark.django_db(transaction=True)
def test_a_token_that_was_refused_for_what_was_asked_stays(scripted, make_connection, ended) -> None:
    scripted.script(PROBE, [])
    connection = make_connection()
    assert refused(connection.pk, "access-0") is Outcome.NOT_NEEDED
    assert access_token(connection.pk) == "access-0"
    connection.refresh_from_db()
    assert (connection.renewing_until, audited(), ended) == (None, [], [])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("status", [429, 503])
def test_without_a_clear_answer_nothing_is_concluded(scripted, make_connection, ended, status) -> None:
    scripted.script(PROBE, {}, status)
    connection = make_connection()
    assert refused(connection.pk, "access-0") is Outcome.FAILED
    assert access_token(connection.pk) == "access-0"
    connection.refresh_from_db()
    assert (connection.renewing_until, audited(), ended) == (None, [], [])


@pytest.mark.django_db
def test_a_token_that_others_have_replaced_is_no_matter(scripted, make_connection) -> None:
    assert refused(make_connection().pk, "access-older") is Outcome.RENEWED
    assert scripted.requests == []


@pytest.mark.django_db
def test_tradovate_is_left_alone_after_a_failed_renewal(scripted, make_connection) -> None:
    connection = make_connection()
    Connection.objects.update(renew_after=timezone.now() + timedelta(minutes=1))
    assert refused(connection.pk, "access-0") is Outcome.PACED
    assert scripted.requests == []


@pytest.mark.django_db
def test_who_is_signed_out_has_nothing_to_renew() -> None:
    with pytest.raises(SignedOut):
        refused(77, "access-0")


@pytest.mark.django_db(transaction=True)
def test_many_refusals_at_once_cause_one_look_and_one_renewal(scripted, make_connection) -> None:
    scripted.script(PROBE, {}, 401)
    scripted.script(REFRESH, GRANTED)
    connection = make_connection()
    found = at_once(8, lambda: refused(connection.pk, "access-0"))
    assert set(found) <= {Outcome.RENEWED, Outcome.BUSY}
    wait_for(lambda: access_token(connection.pk) == "access-1")
    assert [path for path, _ in scripted.requests] == [PROBE, REFRESH]


@pytest.mark.django_db(transaction=True)
async def test_the_async_twin_says_the_same(scripted, make_connection) -> None:
    from asgiref.sync import sync_to_async

    scripted.script(PROBE, [])
    connection = await sync_to_async(make_connection)()
    assert await arefused(connection.pk, "access-0") is Outcome.NOT_NEEDED
