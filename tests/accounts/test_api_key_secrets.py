"""Nothing of what is typed to sign in with an API key is kept, logged or shown."""

import hashlib
import logging
import sys

import pytest
import redis
from django.conf import global_settings
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import got_request_exception
from django.views.debug import ExceptionReporter

from accounts import attempts
from accounts.models import Connection, SignInAttempt
from accounts.models import Environment as AccountEnvironment
from tests.accounts.conftest import LET_IN, PASSWORD, SECRET, WRONG, press
from tests.accounts.kept import in_redis, in_the_database, is_hash_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("api_keys_on")]


def test_a_hash_of_a_password_is_known_for_one(settings) -> None:
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS
    for kept in (
        make_password(PASSWORD, hasher="pbkdf2_sha256"),
        f"x{hashlib.sha1(PASSWORD.encode(), usedforsecurity=False).hexdigest()}",
        attempts.digest(AccountEnvironment.SIM, PASSWORD),
    ):
        assert is_hash_of(PASSWORD, kept)
        assert not is_hash_of("another", kept)


def test_nothing_that_was_typed_is_kept_or_shown(browser, scripted, redis_url, caplog, settings) -> None:
    settings.PASSWORD_HASHERS = global_settings.PASSWORD_HASHERS
    caplog.set_level(logging.DEBUG)
    scripted.script("/auth/accesstokenrequest", WRONG)
    scripted.script("/auth/accesstokenrequest", {"p-ticket": "the-ticket", "p-time": 15})
    scripted.script("/auth/accesstokenrequest", {"errorText": f"No {PASSWORD} and no {SECRET} here"})
    scripted.script("/auth/accesstokenrequest", LET_IN)
    pages, sessions, kept = [], [], set()
    for name in ("Seven", "Seven", "Eight", "Nine"):
        pages.append(press(browser.client, name=name).content.decode())
        sessions += [str(session.get_decoded()) for session in Session.objects.all()]
        kept |= {*in_the_database(), *in_redis(redis_url)}
        # An hour later: failures and the network's penalty count no more.
        SignInAttempt.objects.all().delete()
        redis.Redis.from_url(redis_url).flushdb()
    assert Connection.objects.authorised().count() == 1
    everything = "".join([*pages, *sessions, *kept, caplog.text])
    assert [typed for typed in (PASSWORD, SECRET, "the-access-token", "the-md-token") if typed in everything] == []
    # What is no secret need not be typed again.
    assert 'value="My desk"' in pages[0]
    assert "the-ticket" not in "".join(pages)
    # The two tokens of a session are sealed; what opens them finds nothing that was typed either.
    opened = repr([connection.tokens.encode() for connection in Connection.objects.authorised()])
    assert "the-access-token" in opened
    for typed in (PASSWORD, SECRET):
        assert typed not in opened
        assert [one for one in kept if is_hash_of(typed, one)] == []


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
