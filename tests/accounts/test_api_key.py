"""Signing in with a Tradovate password and an API key, against the simulator and against every answer there may be."""

import asyncio
import logging
import re
import sys
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import got_request_exception
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from django.views.debug import ExceptionReporter

from accounts import oauth, renewal
from accounts.budgets import budgets
from accounts.models import AuditEvent, Connection, Installation, SignInAttempt, User
from accounts.renewal import Outcome
from accounts.sign_in import current_connection
from accounts.signals import connection_opened
from trading.simulator import Config, serve
from trading.simulator.limits import REAL
from trading.tradovate import Environment, Hosts, device_id

pytestmark = pytest.mark.django_db

URL = "/accounts/sign-in/api-key/"
PASSWORD = "never-to-be-seen-again"
SECRET = "the-secret-of-the-key"
TYPED = {
    "environment": "sim",
    "name": "Seven",
    "password": PASSWORD,
    "app_id": "My desk",
    "app_version": "1.0",
    "cid": "8",
    "secret": SECRET,
}
LET_IN = {
    "accessToken": "the-access-token",
    "mdAccessToken": "the-md-token",
    "expirationTime": "2099-01-01T00:00:00.000Z",
    "userId": 7,
    "name": "seven",
}
WRONG = {"errorText": "Incorrect username or password. Please try again, noting that passwords are case-sensitive."}


@pytest.fixture(autouse=True)
def switched_on(settings) -> None:
    settings.API_KEY_ENVIRONMENTS = ["sim"]


def press(client: Client, **typed: str) -> HttpResponse:
    return client.post(URL, TYPED | typed)


def words(page: HttpResponse) -> str:
    return unescape(re.sub(r"\s+", " ", page.content.decode()))


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
    assert not Session.objects.filter(session_key=before).exists()


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


def test_nothing_that_was_typed_is_kept_or_shown(browser, scripted, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    scripted.script("/auth/accesstokenrequest", WRONG)
    scripted.script("/auth/accesstokenrequest", {"p-ticket": "the-ticket", "p-time": 15})
    scripted.script("/auth/accesstokenrequest", {"errorText": f"No {PASSWORD} and no {SECRET} here"})
    scripted.script("/auth/accesstokenrequest", LET_IN)
    pages, sessions = [], []
    for name in ("Seven", "Seven", "Eight", "Nine"):
        pages.append(press(browser.client, name=name).content.decode())
        sessions += [str(session.get_decoded()) for session in Session.objects.all()]
    rows = [*Connection.objects.values(), *AuditEvent.objects.values(), *User.objects.values()]
    rows += [*SignInAttempt.objects.values(), *Installation.objects.values()]

    assert Connection.objects.authorised().count() == 1
    everything = "".join([*pages, *sessions, *map(str, rows), caplog.text])
    assert [typed for typed in (PASSWORD, SECRET, "the-access-token", "the-md-token") if typed in everything] == []
    # What is no secret need not be typed again.
    assert 'value="My desk"' in pages[0]
    assert "the-ticket" not in "".join(pages)


@pytest.mark.parametrize("where", ["accounts.api_key.enter", "trading.tradovate.transport.answers.read"])
@pytest.mark.parametrize("debug", [False, True])
def test_a_failing_page_shows_no_secret_to_whoever_reads_the_error_report(
    browser, scripted, monkeypatch, settings, where, debug
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise ImproperlyConfigured("anything that is not meant to happen")

    settings.DEBUG = debug
    monkeypatch.setattr(where, breaks)
    scripted.script("/auth/accesstokenrequest", LET_IN)
    reports = []

    def keep(sender, request, **_) -> None:
        reporter = ExceptionReporter(request, *sys.exc_info())
        reports.append(reporter.get_traceback_text() + reporter.get_traceback_html())

    got_request_exception.connect(keep)
    try:
        browser.client.raise_request_exception = False
        page = press(browser.client)
        assert page.status_code == 500
    finally:
        got_request_exception.disconnect(keep)
    reports.append(page.content.decode())

    assert "not meant to happen" in reports[0]
    for report in reports:
        assert not [secret for secret in (PASSWORD, SECRET, LET_IN["accessToken"]) if secret in report]


@pytest.mark.parametrize(
    ("answer", "answered", "status", "title", "word"),
    [
        (WRONG, 200, 403, "Wrong name or password", "credentials"),
        ({"errorText": "The app is not registered"}, 200, 403, "does not know this API key", "app"),
        ({"errorText": "Your trial <has> ended"}, 200, 403, "Tradovate says: Your trial <has> ended", "refused"),
        (b'"Access is denied"', 401, 403, "Tradovate denied access", "denied"),
        ({"p-ticket": "t", "p-time": 75, "p-captcha": False}, 200, 429, "Try again in 1:15.", "penalty"),
        ({"p-ticket": "t", "p-time": 75, "p-captcha": True}, 200, 429, "in about an hour", "captcha"),
        (b"", 429, 503, "no more requests", "busy"),
        (b"", 503, 502, "did not answer", "unreachable"),
        (b"<html>busy</html>", 200, 502, "did not answer", "unreachable"),
        ({"userId": 7}, 200, 502, "did not answer", "unreachable"),
    ],
)
def test_every_answer_of_tradovate_ends_in_a_sentence(browser, scripted, answer, answered, status, title, word) -> None:
    scripted.script("/auth/accesstokenrequest", answer, answered)

    page = press(browser.client)

    assert page.status_code == status
    assert title in words(page)
    assert browser.user_id is None
    assert not Connection.objects.exists()
    assert list(AuditEvent.objects.values_list("kind", "ip_address", "detail")) == [
        ("sign-in-failed", "127.0.0.1", f"API key: {word}")
    ]


def test_a_device_that_live_does_not_know_is_told_what_to_do(browser, scripted, settings, monkeypatch) -> None:
    # LIVE has a host of its own; here it stands on loopback.
    monkeypatch.setattr(oauth, "default_hosts", lambda _: Hosts.default(Environment.SIM, scripted.url))
    settings.TRADOVATE_ENVIRONMENTS = settings.API_KEY_ENVIRONMENTS = ["live"]
    scripted.script("/auth/accesstokenrequest", b'"Access is denied"', 401)

    page = press(browser.client, environment="live")

    assert page.status_code == 403
    assert "has not verified this portal as your device" in words(page)
    assert "verified devices only" in words(page)


def test_before_live_the_page_speaks_of_devices(client, settings) -> None:
    settings.TRADOVATE_ENVIRONMENTS = settings.API_KEY_ENVIRONMENTS = ["demo"]
    assert "new device" not in words(client.get(URL, SERVER_NAME="127.0.0.1"))
    settings.TRADOVATE_ENVIRONMENTS = settings.API_KEY_ENVIRONMENTS = ["demo", "live"]
    page = client.get(URL, SERVER_NAME="127.0.0.1")
    assert "new device" in words(page)
    assert '<option value="live">LIVE</option>' in words(page)


def test_without_tradovate_there_is_a_page_and_no_traceback(browser, settings) -> None:
    settings.SIMULATOR_URL = "http://127.0.0.1:1"

    page = press(browser.client)

    assert page.status_code == 502
    assert "did not answer" in words(page)


def test_a_simulator_that_is_not_on_this_machine_is_the_portals_fault(browser, settings) -> None:
    settings.SIMULATOR_URL = "http://simulator.example"

    page = press(browser.client)

    assert page.status_code == 500
    assert "not set up for Tradovate" in words(page)
    assert not SignInAttempt.objects.exists()


def test_a_penalty_is_waited_for_and_its_ticket_sent_once(browser, scripted, time_machine) -> None:
    scripted.script("/auth/accesstokenrequest", {"p-ticket": "the-ticket", "p-time": 15})
    scripted.script("/auth/accesstokenrequest", WRONG)
    scripted.script("/auth/accesstokenrequest", LET_IN)
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    assert press(browser.client).status_code == 429

    time_machine.move_to(start + timedelta(seconds=10), tick=False)
    early = press(browser.client)
    assert early.status_code == 429
    assert "Try again in 0:05." in words(early)
    assert len(scripted.asked("/auth/accesstokenrequest")) == 1, "asked again before its time"

    time_machine.move_to(start + timedelta(seconds=15), tick=False)
    assert press(browser.client).status_code == 403
    assert press(browser.client).status_code == 302
    tickets = [sent.get("p-ticket") for sent in scripted.asked("/auth/accesstokenrequest")]
    assert tickets == [None, "the-ticket", None]


def test_a_penalty_that_the_simulator_imposes_is_sat_out_with_its_ticket(browser, settings, time_machine) -> None:
    secret = settings.SIMULATOR_CLIENT_SECRET
    with serve(Config(seed=7, manual_clock=True, limits=REAL, client_secret=secret)) as simulator:
        settings.SIMULATOR_URL = simulator.url
        for number in range(5):
            stranger = Client(SERVER_NAME="127.0.0.1", REMOTE_ADDR=f"192.0.2.{number}")
            assert press(stranger, name=f"name{number}", secret=secret).status_code == 403
        login = {"name": "trader", "password": "trader-pass", "secret": secret}
        penalised = press(browser.client, **login)
        assert penalised.status_code == 429
        assert "Tradovate asks you to wait" in words(penalised)
        seconds = int(re.search(r'data-wait="(\d+)"', penalised.content.decode())[1])

        time_machine.move_to(timezone.now() + timedelta(seconds=seconds))
        simulator.control.advance(seconds)

        assert press(browser.client, **login).status_code == 302
        assert browser.user_id is not None


def test_a_penalty_of_one_login_is_not_anothers(browser, scripted) -> None:
    scripted.script("/auth/accesstokenrequest", {"p-ticket": "the-ticket", "p-time": 15})
    scripted.script("/auth/accesstokenrequest", LET_IN)
    press(browser.client, name="Eight")

    assert press(browser.client).status_code == 302
    assert scripted.asked("/auth/accesstokenrequest")[1].get("p-ticket") is None


def test_a_guesser_is_stopped_before_tradovate_is_asked_and_locks_nobody_else_out(browser, scripted) -> None:
    scripted.script("/auth/accesstokenrequest", WRONG)
    guesser = Client(SERVER_NAME="127.0.0.1", REMOTE_ADDR="192.0.2.66")
    for number in range(3):
        assert press(guesser, name=f"guess{number}").status_code == 403

    stopped = press(guesser, name="guess3")

    assert stopped.status_code == 429
    assert "Too many failed sign-ins" in words(stopped)
    assert re.search(r"Try again in (59:\d\d|60:00)\.", words(stopped))
    assert len(scripted.asked("/auth/accesstokenrequest")) == 3
    scripted.replies.clear()
    scripted.script("/auth/accesstokenrequest", LET_IN)
    assert press(browser.client).status_code == 302


def test_failures_are_counted_among_the_portals_and_hold_nobody_back(browser, scripted, redis_url) -> None:
    scripted.script("/auth/accesstokenrequest", WRONG)

    async def used() -> int:
        async with budgets("sim") as ours:
            return {budget.limit.name: budget.used for budget in await ours.of_network()}["auth/accesstokenrequest"]

    for number in range(6):
        client = Client(SERVER_NAME="127.0.0.1", REMOTE_ADDR=f"192.0.2.{number}")
        assert press(client, name=f"name{number}").status_code == 403

    assert asyncio.run(used()) == 6


def test_failures_are_found_at_the_person_whose_name_was_typed(browser, scripted, make_connection) -> None:
    connection = make_connection(7)
    scripted.script("/auth/accesstokenrequest", WRONG)

    press(browser.client, name="NAME7")
    press(browser.client, name="a-password-by-mistake")

    latest, first = AuditEvent.objects.all()
    assert (first.connection, first.user) == (connection, connection.user)
    assert (latest.connection, latest.detail) == (None, "API key: credentials")


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


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({"name": ""}, "This field is required"),
        ({"password": ""}, "This field is required"),
        ({"name": "n" * 65}, "at most 64 characters"),
        ({"password": "p" * 65}, "at most 64 characters"),
        ({"secret": "s" * 8193}, "at most 8192 characters"),
        ({"cid": "eight"}, "The client id is a number"),
        ({"name": "a\0b"}, "Null characters are not allowed"),
        ({"environment": "live"}, "not one of the available choices"),
    ],
)
def test_what_tradovate_could_not_take_is_not_sent(browser, scripted, typed, complaint) -> None:
    page = press(browser.client, **typed)

    assert page.status_code == 400
    assert complaint in words(page)
    assert scripted.requests == []
    assert not SignInAttempt.objects.exists()


def test_a_real_environment_needs_the_whole_key(browser, settings) -> None:
    settings.TRADOVATE_ENVIRONMENTS = settings.API_KEY_ENVIRONMENTS = ["demo"]

    page = press(browser.client, environment="demo", app_id="", app_version="", cid="", secret="")

    assert page.status_code == 400
    for missing in ("name of the API key", "a version", "client id of the API key", "secret of the API key"):
        assert f"Type the {missing}".replace("the a ", "a ") in words(page)


def test_the_form_needs_its_csrf_token() -> None:
    assert Client(enforce_csrf_checks=True, SERVER_NAME="127.0.0.1").post(URL, TYPED).status_code == 403


def test_passwords_are_marked_for_password_managers_and_nothing_else(client) -> None:
    page = client.get(URL, SERVER_NAME="127.0.0.1").content.decode()
    inputs = {re.search(r'name="([^"]*)"', tag)[1]: tag for tag in re.findall(r"<input[^>]*>", page)}

    assert 'autocomplete="username"' in inputs["name"]
    assert 'autocomplete="current-password"' in inputs["password"]
    assert 'type="password"' in inputs["secret"]
    assert 'autocomplete="off"' in inputs["secret"]


def test_it_is_off_unless_it_was_switched_on(client, settings) -> None:
    settings.API_KEY_ENVIRONMENTS = []

    assert client.get(URL).status_code == 404
    assert press(client).status_code == 404
    assert "API key" not in words(client.get("/accounts/sign-in/"))


def test_the_sign_in_page_has_it_second_and_keeps_where_to_go(client) -> None:
    page = client.get("/accounts/sign-in/?next=/files/", SERVER_NAME="127.0.0.1").content.decode()

    assert page.index("Sign in with Tradovate") < page.index("Sign in with an API key")
    assert f'href="{URL}?next=%2Ffiles%2F"' in page
    assert 'name="next" value="/files/"' in client.get(f"{URL}?next=/files/", SERVER_NAME="127.0.0.1").content.decode()


@pytest.mark.parametrize(
    ("host", "secure", "status"),
    [
        ("desk.example", True, 200),
        ("desk.example", False, 404),
        ("127.0.0.1", False, 200),
        ("localhost:8000", False, 200),
        ("[::1]:8000", False, 200),
        ("127.0.0.1.desk.example", False, 404),
    ],
)
def test_no_password_is_asked_for_over_an_open_network(client, settings, host, secure, status) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    headers = {"HTTP_HOST": host}

    assert client.get(URL, secure=secure, **headers).status_code == status
    assert client.post(URL, TYPED | {"name": ""}, secure=secure, **headers).status_code == (
        status if status == 404 else 400
    )


def test_with_api_keys_alone_there_is_no_dead_button(client, settings) -> None:
    settings.TRADOVATE_ENVIRONMENTS = settings.API_KEY_ENVIRONMENTS = ["demo"]
    settings.TRADOVATE_CLIENT_ID = settings.TRADOVATE_CLIENT_SECRET = ""

    page = words(client.get("/accounts/sign-in/", SERVER_NAME="127.0.0.1"))

    assert "Sign in with Tradovate" not in page
    assert "Sign in with an API key" in page
    assert "No Tradovate environment" not in page
    assert "Tradovate's own page" not in words(client.get(URL, SERVER_NAME="127.0.0.1"))
    assert client.post("/accounts/sign-in/", {"environment": "demo"}).status_code == 400
