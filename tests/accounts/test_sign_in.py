"""Who gets in by Tradovate's OAuth, with what, and who does not."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test import Client
from django.utils import timezone

from accounts import oauth
from accounts.access import switch_off
from accounts.models import AuditEvent, Connection, User
from accounts.sign_in import current_connection
from accounts.sign_out import sign_out
from accounts.signals import connection_opened
from tests.accounts.conftest import ME, TOKEN, nobody_is_in, query
from trading.tradovate import Environment, Hosts

pytestmark = pytest.mark.django_db


def test_the_page_offers_each_configured_environment_by_name(client, settings) -> None:
    settings.TRADOVATE_ENVIRONMENTS = ["live", "sim"]
    settings.TRADOVATE_CLIENT_ID = settings.TRADOVATE_CLIENT_SECRET = "vendor"

    page = client.get("/accounts/sign-in/")

    text = page.content.decode()
    assert text.count("Sign in with Tradovate") == 2
    assert 'value="live"' in text
    assert ">LIVE<" in text
    assert ">SIM<" in text
    assert 'value="demo"' not in text
    # Browsers hold the redirect after a form to form-action as well.
    form_action = page.headers["Content-Security-Policy"].partition("form-action")[2].partition(";")[0]
    assert form_action.split() == ["'self'", "https://trader.tradovate.com", settings.SIMULATOR_URL]


def test_signing_in_makes_a_person_with_a_connection_that_is_theirs(
    browser, simulator, django_capture_on_commit_callbacks
) -> None:
    opened: list[Connection] = []

    def receive(sender, connection, **_) -> None:
        opened.append(connection)

    connection_opened.connect(receive)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            response = browser.sign_in("pro")
    finally:
        connection_opened.disconnect(receive)

    assert response.status_code == 302
    assert response.url == "/"
    connection = Connection.objects.get()
    assert browser.user_id == connection.user_id
    assert (connection.environment, connection.name, connection.full_name) == ("sim", "pro", "Priya Prop")
    assert connection.tokens is not None
    assert connection.tokens.refresh_token
    assert connection.tokens.access_token not in connection.sealed_tokens
    assert connection.api_hosts["live"] in simulator.url
    assert opened == [connection]
    assert not connection.user.is_staff
    assert not connection.user.has_usable_password()
    assert connection.user.username == f"sim:{connection.tradovate_user_id}"
    assert list(AuditEvent.objects.values_list("kind", "ip_address")) == [("signed-in", "127.0.0.1")]
    assert current_connection(connection.user, browser.client.session) == connection


def test_the_authorization_request_offers_pkce_state_and_nonce(browser, simulator) -> None:
    asked = query(browser.press_sign_in())

    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 30
    assert asked["nonce"]
    assert asked["redirect_uri"] == "http://127.0.0.1/accounts/sign-in/callback/"
    assert query(browser.press_sign_in())["state"] != asked["state"]


def test_the_session_key_changes_at_sign_in(browser, simulator) -> None:
    callback = browser.walk(browser.press_sign_in())
    before = browser.client.session.session_key

    browser.return_to(callback)

    assert browser.client.session.session_key != before
    assert not browser.client.session.exists(before)


def test_the_same_person_again_keeps_one_user_and_one_connection(browser, second_browser, simulator) -> None:
    browser.sign_in()
    first = Connection.objects.get().sealed_tokens
    second_browser.sign_in()

    assert User.objects.count() == 1
    assert Connection.objects.get().sealed_tokens != first
    assert browser.user_id == second_browser.user_id


def test_signing_in_as_somebody_else_in_the_same_browser_switches(browser, simulator) -> None:
    browser.sign_in("trader")
    first = browser.user_id
    browser.sign_in("pro")

    assert browser.user_id not in (None, first)
    connection = Connection.objects.get(name="pro")
    assert current_connection(connection.user, browser.client.session) == connection
    assert current_connection(User.objects.get(pk=first), browser.client.session) is None


@pytest.mark.parametrize(
    ("asked", "goes"),
    [
        ("/files/", "/files/"),
        ("http://127.0.0.1/files/", "http://127.0.0.1/files/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("foo", "/"),
    ],
)
def test_next_leads_to_own_pages_only(browser, simulator, asked, goes) -> None:
    assert browser.sign_in(next_url=asked).url == goes


def test_the_live_button_leads_to_tradovates_own_page(browser, settings) -> None:
    settings.TRADOVATE_ENVIRONMENTS = ["live"]
    settings.TRADOVATE_CLIENT_ID, settings.TRADOVATE_CLIENT_SECRET = "vendor", "vendors-secret"

    url = browser.press_sign_in(environment="live")

    assert url.startswith("https://trader.tradovate.com/oauth?")
    assert query(url)["client_id"] == "vendor"
    assert "vendors-secret" not in url


def test_whoever_fails_all_the_time_does_not_bury_the_trail(client, simulator, time_machine) -> None:
    def fail(times: int, address: str) -> list[str]:
        before = AuditEvent.objects.count()
        for _ in range(times):
            answer = client.get("/accounts/sign-in/callback/?state=none&code=none", REMOTE_ADDR=address)
            assert answer.status_code == 400
        return list(AuditEvent.objects.order_by("id").values_list("detail", flat=True)[before:])

    kept = fail(25, "192.0.2.1")
    assert len(kept) == 20
    assert set(kept[:-1]) == {"OAuth: state"}
    assert kept[-1] == "OAuth: state; more of this hour from there are in the log only"
    assert fail(1, "192.0.2.2") == ["OAuth: state"]
    for number in range(5):
        fail(5, f"2001:db8:0:1::{number:x}")
    assert AuditEvent.objects.count() == 20 + 1 + 20
    time_machine.move_to(timezone.now() + timedelta(seconds=3601))
    assert fail(1, "192.0.2.1") == ["OAuth: state"]


def test_tradovates_user_is_one_person_in_live_and_demo_but_not_in_the_simulator(
    browser, scripted, settings, monkeypatch
) -> None:
    # LIVE and DEMO have hosts of their own; here they all stand on loopback.
    monkeypatch.setattr(oauth, "default_hosts", lambda _: Hosts.default(Environment.SIM, scripted.url))
    settings.TRADOVATE_ENVIRONMENTS = ["live", "demo", "sim"]
    settings.TRADOVATE_CLIENT_ID = settings.TRADOVATE_CLIENT_SECRET = "vendor"
    scripted.script("/auth/oauthtoken", TOKEN)
    scripted.script("/auth/me", ME)
    people = {}
    for environment in ("live", "demo", "sim"):
        state = query(browser.press_sign_in(environment=environment))["state"]
        assert browser.return_to(f"/accounts/sign-in/callback/?code=c&state={state}").status_code == 302
        people[environment] = browser.user_id

    assert people["live"] == people["demo"] != people["sim"]
    assert Connection.objects.authorised().count() == 3


@pytest.mark.parametrize("switch", [{"is_active": False}, {"is_staff": True}, {"is_superuser": True}])
def test_who_is_switched_off_or_staff_does_not_get_in_through_tradovate(browser, simulator, switch) -> None:
    browser.sign_in()
    browser.client.post("/accounts/sign-out/")
    User.objects.update(**switch)

    assert browser.sign_in().status_code == 403
    nobody_is_in(browser)
    # Support looks for it at that person.
    assert AuditEvent.objects.get(kind="sign-in-failed").user == User.objects.get()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", [sign_out, lambda user: switch_off(user, "by support")], ids=["sign-out", "switch-off"])
def test_a_sign_in_under_way_undoes_no_end_of_the_access(
    browser, second_browser, simulator, monkeypatch, end: Callable[[User], object]
) -> None:
    browser.sign_in()
    user = User.objects.get()
    read = Connection.objects.get_or_create

    def ending() -> None:
        try:
            end(User.objects.get())
        finally:
            database.close()

    ender = threading.Thread(target=ending)

    def begin_end(**fields: object) -> object:
        ender.start()
        # Done by then, unless it waits for the sign-in to be committed.
        ender.join(1)
        return read(**fields)

    monkeypatch.setattr(Connection.objects, "get_or_create", begin_end)
    second_browser.sign_in()
    ender.join(30)

    assert not Connection.objects.authorised().exists()
    assert User.objects.get().is_active == (end is sign_out)
    for each in (browser, second_browser):
        assert not each.client.get("/accounts/sign-in/").wsgi_request.user.is_authenticated
    assert user.password != User.objects.get().password


def test_the_form_needs_its_csrf_token_and_a_known_environment(simulator) -> None:
    strict = Client(enforce_csrf_checks=True, SERVER_NAME="127.0.0.1")
    assert strict.post("/accounts/sign-in/", {"environment": "sim"}).status_code == 403
    assert Client().post("/accounts/sign-in/", {"environment": "live"}).status_code == 400
    assert Client().post("/accounts/sign-in/").status_code == 400


def test_logs_at_debug_hold_no_secret(browser, simulator, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    authorize = browser.press_sign_in()
    [pending] = [value for key, value in browser.client.session.items() if key.startswith("_state_")]
    caplog.clear()  # what the test's own httpx wrote
    callback = browser.walk(authorize)
    walked = len(caplog.text)
    browser.return_to(callback)
    used = browser.return_to(callback)

    assert used.status_code == 400
    tokens = Connection.objects.get().tokens
    secrets = [
        query(callback)["code"],
        pending["data"]["code_verifier"],
        tokens.access_token,
        tokens.refresh_token,
        "only-for-tests",
    ]
    ours = caplog.text[walked:] + "".join(AuditEvent.objects.values_list("detail", flat=True))
    assert [secret for secret in secrets if secret in ours] == []


@pytest.mark.parametrize(
    ("reported", "kept"),
    [("192.0.2.7", "192.0.2.7"), ("2001:db8::7", "2001:db8::7"), ("fe80::1%eth0", "fe80::1"), ("192.0.2.7:443", None)],
)
def test_an_address_that_is_none_keeps_nobody_from_signing_in(browser, simulator, reported, kept) -> None:
    browser.client.defaults["REMOTE_ADDR"] = reported

    assert browser.sign_in().status_code == 302
    assert AuditEvent.objects.get(kind=AuditEvent.Kind.SIGNED_IN).ip_address == kept
