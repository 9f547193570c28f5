"""Tokens renewed by the refresh token or by themselves, against scripted answers and the simulator."""

import asyncio
import logging
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEvent, Connection
from accounts.renewal import RETRY_AFTER_TROUBLE, Outcome, access_token, lapsed, renew, renew_due
from accounts.sign_out import sign_out
from accounts.tokens import Tokens
from tests.accounts.conftest import DENIED, GRANTED, REFRESH, RENEW, kinds, renewed_reply
from trading.tradovate import Tradovate


@pytest.mark.django_db
def test_a_token_about_to_end_is_renewed_by_the_refresh_token(scripted, make_connection) -> None:
    scripted.script(REFRESH, GRANTED)
    connection = make_connection(left=0.9)

    assert access_token(connection.pk) == "access-1"

    connection.refresh_from_db()
    assert connection.tokens == Tokens("access-1", "refresh-1")
    assert connection.access_token_expires_at - timezone.now() > timedelta(minutes=79)
    assert connection.hosts.rest == "http://127.0.0.1:9/v1"
    assert connection.renewing_until is None
    assert kinds() == ["token-renewed"]
    [asked] = scripted.asked(REFRESH)
    assert (asked["grant_type"], asked["refresh_token"], asked["client_id"]) == (
        "refresh_token",
        "refresh-0",
        "tradeport",
    )


@pytest.mark.django_db
def test_a_reply_without_a_new_refresh_token_keeps_the_old_one(scripted, make_connection) -> None:
    scripted.script(REFRESH, {"access_token": "access-1", "expires_in": 60})
    connection = make_connection()
    ends = connection.refresh_token_expires_at

    assert renew(connection.pk) is Outcome.RENEWED

    connection.refresh_from_db()
    assert connection.tokens == Tokens("access-1", "refresh-0")
    assert connection.refresh_token_expires_at == ends


@pytest.mark.django_db
def test_without_a_refresh_token_the_access_token_renews_itself(scripted, make_connection) -> None:
    scripted.script(RENEW, renewed_reply())
    connection = make_connection(left=0.5, refreshable=False)

    assert access_token(connection.pk) == "access-1"
    assert scripted.asked(RENEW)[0]["authorization"] == "Bearer access-0"


@pytest.mark.django_db
def test_the_hosts_that_a_renewal_names_are_used_from_then_on(scripted, make_connection) -> None:
    moved = {"live": "127.0.0.1:7", "demo": "127.0.0.1:8", "mdDemo": "127.0.0.1:9"}
    scripted.script(RENEW, renewed_reply(apiHosts=moved))
    connection = make_connection(left=0.5, refreshable=False)

    assert renew(connection.pk) is Outcome.RENEWED

    connection.refresh_from_db()
    assert connection.tokens == Tokens("access-1", None)
    hosts = connection.hosts
    assert (hosts.auth, hosts.rest) == ("http://127.0.0.1:7", "http://127.0.0.1:8/v1")
    assert hosts.user_socket == "ws://127.0.0.1:8/v1/websocket"
    assert hosts.market_socket == "ws://127.0.0.1:9/v1/websocket"


@pytest.mark.django_db
def test_a_refused_refresh_token_falls_back_to_the_access_token(scripted, make_connection) -> None:
    scripted.script(REFRESH, DENIED)
    scripted.script(RENEW, renewed_reply())
    connection = make_connection(left=0.5)

    assert access_token(connection.pk) == "access-1"
    connection.refresh_from_db()
    assert connection.tokens == Tokens("access-1")
    assert connection.renewal_error == ""
    assert kinds() == ["renewal-failed", "token-renewed"]


@pytest.mark.django_db
def test_a_refresh_token_that_is_one_no_longer_is_asked_with_once(scripted, make_connection) -> None:
    scripted.script(REFRESH, DENIED)
    scripted.script(RENEW, b"", 503)
    connection = make_connection(left=5)
    assert renew(connection.pk) is Outcome.FAILED

    connection.refresh_from_db()
    assert connection.tokens == Tokens("access-0")
    assert lapsed() == set()

    Connection.objects.update(renew_after=None, access_token_expires_at=timezone.now())
    assert lapsed() == {connection.pk}
    assert renew_due() == 0
    assert renew(connection.pk) is Outcome.IMPOSSIBLE
    assert [path for path, _ in scripted.requests] == [REFRESH, RENEW]


@pytest.mark.django_db
def test_what_can_still_be_renewed_has_not_lapsed(make_connection) -> None:
    make_connection(1, left=-1)
    make_connection(2, left=1, refreshable=False)
    over, unreadable = make_connection(3, left=-1, refreshable=False), make_connection(4, left=-1)
    Connection.objects.filter(pk=unreadable.pk).update(sealed_tokens="gone:AAAA")

    assert lapsed() == {over.pk, unreadable.pk}


@pytest.mark.django_db
def test_a_failure_that_repeats_is_audited_once(scripted, make_connection) -> None:
    scripted.script(REFRESH, {"error": "invalid_client"}, 401)
    connection = make_connection(left=-1)
    for _ in range(3):
        assert renew(connection.pk) is Outcome.FAILED
        Connection.objects.update(renew_after=None)
    assert kinds() == ["renewal-failed"]

    scripted.replies.clear()
    scripted.script(REFRESH, GRANTED)
    assert renew(connection.pk) is Outcome.RENEWED
    scripted.replies.clear()
    scripted.script(REFRESH, {"error": "invalid_client"}, 401)
    scripted.script(RENEW, b"", 503)
    renew(connection.pk)
    assert kinds()[:3] == ["renewal-failed", "token-renewed", "renewal-failed"]


@pytest.mark.django_db
def test_each_way_that_goes_on_failing_in_its_own_words_is_audited_once(scripted, make_connection) -> None:
    scripted.script(REFRESH, {"error": "invalid_client"}, 401)
    scripted.script(RENEW, b"", 404)
    connection = make_connection()
    for _ in range(3):
        assert renew(connection.pk) is Outcome.FAILED
        Connection.objects.update(renew_after=None)
    assert kinds() == ["renewal-failed", "renewal-failed"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("reply", "status"),
    [(DENIED, 200), (DENIED, 400), ({}, 500), (b"<html>", 200), (b"", 429), ({"p-ticket": "t"}, 200)],
)
def test_a_failed_renewal_keeps_the_tokens(scripted, make_connection, reply, status) -> None:
    scripted.script(REFRESH, reply, status)
    scripted.script(RENEW, b"", 401)
    connection = make_connection(left=10)

    assert renew(connection.pk) is Outcome.FAILED

    connection.refresh_from_db()
    assert connection.tokens == Tokens("access-0", None if reply is DENIED else "refresh-0")
    assert access_token(connection.pk) == "access-0"
    assert connection.renewal_error
    assert "refresh-0" not in connection.renewal_error
    assert set(kinds()) == {"renewal-failed"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (b"", 429),
        ({"p-ticket": "t", "p-time": 3600}, 200),
        ({"p-ticket": "t", "p-time": 60, "p-captcha": True}, 200),
        (b"", 307),
        (b"", 404),
    ],
)
def test_a_refresh_that_did_nothing_leaves_it_to_the_access_token(scripted, make_connection, reply, status) -> None:
    scripted.script(REFRESH, reply, status)
    scripted.script(RENEW, renewed_reply())
    connection = make_connection(left=0.5)

    assert access_token(connection.pk) == "access-1"

    connection.refresh_from_db()
    assert connection.tokens == Tokens("access-1", "refresh-0")
    assert (connection.renew_after, connection.renewal_error) == (None, "")


@pytest.mark.django_db
def test_no_answer_does_not_spend_the_other_grant(scripted, make_connection) -> None:
    scripted.script(REFRESH, b"", 502)

    assert renew(make_connection().pk) is Outcome.FAILED
    assert scripted.asked(RENEW) == []


@pytest.mark.django_db
def test_a_token_about_to_end_renews_itself_though_the_refresh_is_not_answered(scripted, make_connection) -> None:
    scripted.script(REFRESH, b"", 502)
    scripted.script(RENEW, renewed_reply())
    connection = make_connection(left=0.9)

    assert renew(connection.pk) is Outcome.RENEWED

    connection.refresh_from_db()
    assert connection.tokens == Tokens("access-1", "refresh-0")


@pytest.mark.django_db
@pytest.mark.parametrize("refused", [401, 429])
def test_a_refresh_that_is_not_answered_is_soon_tried_again_though_the_access_token_is_refused(
    scripted, make_connection, refused
) -> None:
    scripted.script(REFRESH, b"", 502)
    scripted.script(RENEW, b"", refused)
    connection = make_connection(left=0.9)

    assert renew(connection.pk) is Outcome.FAILED

    connection.refresh_from_db()
    assert connection.renew_after <= timezone.now() + RETRY_AFTER_TROUBLE


@pytest.mark.django_db
def test_renew_due_renews_what_ends_soon_and_no_trouble_stops_it(scripted, make_connection, caplog) -> None:
    scripted.script(REFRESH, GRANTED)
    unreadable = make_connection(1, left=1)
    Connection.objects.filter(pk=unreadable.pk).update(sealed_tokens="gone:AAAA")
    signed_out = make_connection(2, left=1)
    sign_out(signed_out.user)
    due, later = make_connection(3, left=10), make_connection(4, left=70)

    assert renew_due() == 1
    assert f"Connection {unreadable.pk} cannot be renewed" in caplog.text

    due.refresh_from_db()
    later.refresh_from_db()
    assert due.tokens == Tokens("access-1", "refresh-1")
    assert later.tokens == Tokens("access-0", "refresh-0")


@pytest.mark.django_db
def test_nothing_secret_is_logged_or_audited(scripted, make_connection, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    scripted.script(REFRESH, DENIED)
    scripted.script(RENEW, renewed_reply())
    connection = make_connection(left=0.5)

    access_token(connection.pk)

    written = caplog.text + " ".join(AuditEvent.objects.values_list("detail", flat=True))
    for secret in ("access-0", "refresh-0", "access-1", "only-for-tests"):
        assert secret not in written


@pytest.mark.django_db
def test_what_tradovate_says_is_cut_off_where_it_repeats_a_token(scripted, make_connection, caplog) -> None:
    long = Tokens("access-" + "a" * 900, "refresh-" + "r" * 900)
    connection = make_connection()
    connection.store_tokens(long, timezone.now() + timedelta(minutes=80), timezone.now() + timedelta(days=1))
    scripted.script(REFRESH, {"error": f"unknown {long.refresh_token}"})
    scripted.script(RENEW, {"errorText": f"Session of {long.access_token} is over"})

    assert renew(connection.pk) is Outcome.FAILED

    connection.refresh_from_db()
    told = list(AuditEvent.objects.order_by("id").values_list("detail", flat=True))
    written = " ".join([caplog.text, connection.renewal_error, *told])
    assert "aaaa" not in written
    assert "rrrr" not in written
    assert [detail.partition(": ")[0] for detail in told] == ["refresh token", "renewaccesstoken"]
    assert "refused (unknown …" in written
    assert "Session of …" in written


@pytest.mark.django_db(transaction=True)
def test_against_the_simulator_refresh_tokens_rotate_and_renewed_tokens_work(browser, simulator) -> None:
    browser.sign_in()
    connection = Connection.objects.get()
    seen = {connection.tokens}
    for _ in range(3):
        Connection.objects.update(access_token_expires_at=timezone.now() + timedelta(seconds=5))
        token = access_token(connection.pk)
        connection.refresh_from_db()
        assert connection.tokens.access_token == token
        assert asyncio.run(whose(connection, token)) == connection.tradovate_user_id
        seen.add(connection.tokens)

    assert len({tokens.access_token for tokens in seen}) == 4
    assert len({tokens.refresh_token for tokens in seen}) == 4


@pytest.mark.django_db(transaction=True)
def test_against_the_simulator_an_access_token_renews_itself_until_it_has_ended(browser, simulator) -> None:
    browser.sign_in()
    connection = Connection.objects.get()
    ends = timezone.now() + timedelta(minutes=5)
    connection.store_tokens(Tokens(connection.tokens.access_token), ends, api_hosts=connection.api_hosts)

    assert renew(connection.pk) is Outcome.RENEWED
    connection.refresh_from_db()
    assert asyncio.run(whose(connection, connection.tokens.access_token)) == connection.tradovate_user_id
    assert connection.access_token_expires_at > ends

    simulator.control.advance(5000)
    assert renew(connection.pk) is Outcome.FAILED
    connection.refresh_from_db()
    assert connection.tokens is not None


async def whose(connection: Connection, token: str) -> int:
    async with Tradovate(connection.hosts, token) as tradovate:
        return (await tradovate.auth.me()).user_id
