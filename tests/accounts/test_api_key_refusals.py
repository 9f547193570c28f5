"""Sign-ins with an API key that Tradovate refuses, penalises or does not answer, and those who only guess."""

import asyncio
import re
from datetime import timedelta

import pytest
import redis
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts import oauth
from accounts.budgets import budgets
from accounts.models import AuditEvent, Connection, SignInAttempt
from tests.accounts.conftest import LET_IN, WRONG, press, words
from trading.simulator import Config, serve
from trading.simulator.limits import REAL
from trading.tradovate import Environment, Hosts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("api_keys_on", "redis_url")]


def let_the_networks_penalty_end() -> None:
    """What Redis keeps of it goes by its own clock, which no test moves."""
    redis.Redis.from_url(settings.REDIS_URL).flushdb()


@pytest.mark.parametrize(
    ("answer", "answered", "status", "title", "word"),
    [
        (WRONG, 200, 403, "Wrong name or password", "credentials"),
        ({"errorText": "The app is not registered"}, 200, 403, "does not know this API key", "app"),
        ({"errorText": "Your trial <has> ended"}, 200, 403, "Tradovate says: Your trial <has> ended", "refused"),
        (b'"Access is denied"', 401, 403, "Tradovate denied access", "denied"),
        ({"p-ticket": "t", "p-time": 75, "p-captcha": False}, 200, 429, "Try again in 1:15.", "penalty, 1:15 to wait"),
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
    let_the_networks_penalty_end()
    assert press(browser.client).status_code == 302
    tickets = [sent.get("p-ticket") for sent in scripted.asked("/auth/accesstokenrequest")]
    assert tickets == [None, "the-ticket", None]


def test_a_ticket_is_sent_once_even_when_tradovate_does_not_answer(browser, scripted, time_machine) -> None:
    scripted.script("/auth/accesstokenrequest", {"p-ticket": "the-ticket", "p-time": 15})
    scripted.script("/auth/accesstokenrequest", b"", 503)
    press(browser.client)
    time_machine.move_to(timezone.now() + timedelta(seconds=16), tick=False)
    assert press(browser.client).status_code == 502
    let_the_networks_penalty_end()
    assert press(browser.client).status_code == 502
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


def test_a_ticket_of_one_login_is_not_anothers(browser, scripted) -> None:
    scripted.script("/auth/accesstokenrequest", {"p-ticket": "the-ticket", "p-time": 15})
    scripted.script("/auth/accesstokenrequest", LET_IN)
    press(browser.client, name="Eight")
    let_the_networks_penalty_end()

    assert press(browser.client).status_code == 302
    assert scripted.asked("/auth/accesstokenrequest")[1].get("p-ticket") is None


@pytest.mark.parametrize(("captcha", "wait"), [(False, r"1:1[0-5]"), (True, r"(59|60):\d\d")])
def test_while_tradovate_refuses_the_portal_nobody_earns_one_more_penalty(scripted, captcha: bool, wait: str) -> None:
    penalty = {"p-ticket": "the-ticket", "p-time": 75, "p-captcha": captcha}
    scripted.script("/auth/accesstokenrequest", penalty)
    pages = []
    for number in range(12):
        client = Client(SERVER_NAME="127.0.0.1", REMOTE_ADDR=f"192.0.2.{number}")
        pages.append(press(client, name=f"name{number}"))

    assert {page.status_code for page in pages} == {429}
    assert all(re.search(f"Try again in {wait}", words(page)) for page in pages[1:])
    assert len(scripted.asked("/auth/accesstokenrequest")) == 1
    assert SignInAttempt.objects.count() == 1, "whoever is not asked for has not failed"


def test_penalties_are_failures_of_whoever_earns_them(scripted) -> None:
    scripted.script("/auth/accesstokenrequest", {"p-ticket": "the-ticket", "p-time": 75})
    for number in range(4):
        let_the_networks_penalty_end()
        # Each time with a new session.
        page = press(Client(SERVER_NAME="127.0.0.1", REMOTE_ADDR="192.0.2.66"), name=f"guess{number}")

    assert "Too many failed sign-ins" in words(page)
    assert len(scripted.asked("/auth/accesstokenrequest")) == 3


def test_without_redis_a_sign_in_is_tried(browser, scripted, settings) -> None:
    scripted.script("/auth/accesstokenrequest", LET_IN)
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    assert press(browser.client).status_code == 302


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
