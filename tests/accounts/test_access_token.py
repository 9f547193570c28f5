"""The token that a connection may use now: as it is, renewed before it ends, or none."""

import pytest

from accounts import renewal
from accounts.models import Connection
from accounts.renewal import SignedOut, TokenExpired, access_token, token_of
from accounts.sign_out import sign_out
from accounts.tokens import Tokens
from tests.accounts.conftest import GRANTED, REFRESH


@pytest.mark.django_db
def test_a_token_with_a_minute_left_is_used_as_it_is(scripted, make_connection) -> None:
    assert access_token(make_connection(left=1.1).pk) == "access-0"
    assert scripted.requests == []


@pytest.mark.django_db
def test_the_token_of_a_row_that_was_read_just_now_costs_no_query(
    scripted, make_connection, django_assert_num_queries
) -> None:
    connection = Connection.objects.get(pk=make_connection(left=1.1).pk)
    with django_assert_num_queries(0):
        assert token_of(connection) == "access-0"


@pytest.mark.django_db
def test_the_token_of_an_older_row_is_read_anew(scripted, make_connection) -> None:
    connection = Connection.objects.get(pk=make_connection(left=1.1).pk)
    sign_out(connection.user)
    assert connection.read_at is not None
    connection.read_at -= renewal.JUST_READ
    with pytest.raises(SignedOut):
        token_of(connection)


@pytest.mark.django_db
def test_the_token_of_a_row_is_renewed_before_it_ends(scripted, make_connection) -> None:
    scripted.script(REFRESH, GRANTED)
    assert token_of(Connection.objects.get(pk=make_connection(left=0.9).pk)) == "access-1"


@pytest.mark.django_db
def test_an_ended_token_that_cannot_be_renewed_asks_for_a_sign_in(scripted, make_connection) -> None:
    connection = make_connection(left=-1, refreshable=False)

    with pytest.raises(TokenExpired, match="Sign in again"):
        access_token(connection.pk)
    assert scripted.requests == []
    connection.refresh_from_db()
    assert connection.tokens == Tokens("access-0")


@pytest.mark.django_db
def test_the_last_seconds_of_a_token_are_usable_when_nothing_better_can_be_had(scripted, make_connection) -> None:
    scripted.script(REFRESH, b"", 503)

    assert access_token(make_connection(left=0.5).pk) == "access-0"


@pytest.mark.django_db
def test_tokens_that_live_shorter_than_a_minute_do_not_renew_for_ever(scripted, make_connection) -> None:
    scripted.script(REFRESH, GRANTED | {"expires_in": 20})

    assert access_token(make_connection(left=0.2).pk) == "access-1"
    assert len(scripted.requests) == 1


@pytest.mark.django_db
def test_signed_out_and_unknown_connections_have_no_token(make_connection) -> None:
    connection = make_connection()
    sign_out(connection.user)

    for connection_id in (connection.pk, connection.pk + 1000):
        with pytest.raises(SignedOut):
            access_token(connection_id)


@pytest.mark.django_db
def test_a_row_copied_to_another_person_has_no_token(scripted, make_connection) -> None:
    mine, theirs = make_connection(1001), make_connection(1002)
    Connection.objects.filter(pk=theirs.pk).update(sealed_tokens=mine.sealed_tokens)

    with pytest.raises(TokenExpired, match="cannot be opened"):
        access_token(theirs.pk)


@pytest.mark.django_db
def test_tokens_go_to_no_host_that_somebody_wrote_into_the_database(make_connection, scripted) -> None:
    connection = make_connection(left=0.5)
    Connection.objects.update(api_hosts={"live": scripted.url.removeprefix("http://")})

    with pytest.raises(TokenExpired, match="Sign in again"):
        access_token(connection.pk)

    assert scripted.requests == []
