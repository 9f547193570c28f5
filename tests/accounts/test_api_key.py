"""Signing in with a Tradovate password and an API key: who is let in, as whom, and what Tradovate is asked."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import renewal
from accounts.models import AuditEvent, Connection, Installation, User
from accounts.renewal import Outcome
from accounts.sign_in import current_connection
from accounts.signals import connection_opened
from tests.accounts.conftest import LET_IN, PASSWORD, SECRET, press
from trading.tradovate import device_id

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("api_keys_on")]


def test_signing_in_makes_the_person_whom_oauth_would_find(
    browser, second_browser, simulator, settings, django_capture_on_commit_callbacks
) -> None:
    opened: list[Connection] = []

    def receive(sender, connection, **_) -> None:
        opened.append(connection)

    connection_opened.connect(receive)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            response = press(browser.client, name="Pro", password="pro-pass", secret=settings.SIMULATOR_CLIENT_SECRET)
    finally:
        connection_opened.disconnect(receive)

    assert (response.status_code, response.url) == (302, "/")
    connection = Connection.objects.get()
    assert browser.user_id == connection.user_id
    assert (connection.environment, connection.name, connection.signed_in_by) == ("sim", "pro", "api-key")
    assert connection.tokens is not None
    assert connection.tokens.refresh_token is None
    assert connection.tokens.access_token not in connection.sealed_tokens
    assert connection.api_hosts["live"] in simulator.url
    assert opened == [connection]
    assert not connection.user.has_usable_password()
    assert list(AuditEvent.objects.values_list("kind", "ip_address", "detail")) == [
        ("signed-in", "127.0.0.1", "API key")
    ]
    assert current_connection(connection.user, browser.client.session) == connection

    second_browser.sign_in("pro")

    assert second_browser.user_id == browser.user_id
    assert Connection.objects.get().signed_in_by == "oauth"


def test_what_oauth_told_of_a_person_stays(browser, simulator, settings) -> None:
    browser.sign_in("pro")
    press(browser.client, name="pro", password="pro-pass", secret=settings.SIMULATOR_CLIENT_SECRET)

    connection = Connection.objects.get()
    assert (connection.full_name, connection.email) == ("Priya Prop", "pro@simulator.example")
    assert connection.user.first_name == "Priya Prop"


def test_the_session_key_changes(browser, simulator) -> None:
    browser.press_sign_in()
    before = browser.client.session.session_key

    press(browser.client, name="trader", password="trader-pass", secret="")

    assert browser.client.session.session_key != before
    assert not browser.client.session.exists(before)


def test_the_session_renews_itself_until_it_has_ended(browser, simulator, time_machine) -> None:
    press(browser.client, name="trader", password="trader-pass", secret="")
    connection = Connection.objects.get()
    first = connection.tokens.access_token

    assert renewal.renew(connection.pk) is Outcome.RENEWED
    second = renewal.access_token(connection.pk)
    assert second != first

    time_machine.move_to(timezone.now() + timedelta(hours=2))
    with pytest.raises(renewal.TokenExpired, match="Sign in again"):
        renewal.access_token(connection.pk)


def test_what_is_sent_is_what_the_document_asks_for(browser, scripted) -> None:
    scripted.script("/auth/accesstokenrequest", LET_IN)

    assert press(browser.client).status_code == 302

    [sent] = scripted.asked("/auth/accesstokenrequest")
    assert sent == {
        "name": "Seven",
        "password": PASSWORD,
        "appId": "My desk",
        "appVersion": "1.0",
        "deviceId": device_id(bytes(Installation.objects.get().device_key), "seven"),
        "cid": "8",
        "sec": SECRET,
        "authorization": None,
    }
    # Who it is stands in the reply: /auth/me, of which few are allowed, is left alone.
    assert scripted.asked("/auth/me") == []


def test_a_reply_that_does_not_say_who_it_is_leaves_that_to_auth_me(browser, scripted) -> None:
    scripted.script("/auth/accesstokenrequest", {k: v for k, v in LET_IN.items() if k not in ("userId", "name")})
    scripted.script("/auth/me", {"userId": 7, "name": "seven", "fullName": "Sven Seven"})

    assert press(browser.client).status_code == 302
    assert Connection.objects.get().full_name == "Sven Seven"


@pytest.mark.parametrize("switch", [{"is_active": False}, {"is_staff": True}, {"is_superuser": True}])
def test_who_is_switched_off_or_staff_does_not_get_in(browser, simulator, switch) -> None:
    login = {"name": "trader", "password": "trader-pass", "secret": ""}
    press(browser.client, **login)
    browser.client.post("/accounts/sign-out/")
    User.objects.update(**switch)

    assert press(browser.client, **login).status_code == 403
    assert browser.user_id is None
    assert not Connection.objects.authorised().exists()


@pytest.mark.parametrize(
    ("asked", "goes"),
    [("/files/", "/files/"), ("https://evil.example/", "/"), ("//evil.example/", "/"), ("javascript:alert(1)", "/")],
)
def test_next_leads_to_own_pages_only(browser, scripted, asked, goes) -> None:
    scripted.script("/auth/accesstokenrequest", LET_IN)

    assert press(browser.client, next=asked).url == goes
