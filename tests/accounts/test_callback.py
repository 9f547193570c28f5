"""What comes back from Tradovate's OAuth: only the answer to a question of this browser's own signs anybody in."""

import base64
import json
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from django.utils import timezone

from accounts import oauth
from accounts.models import AuditEvent
from tests.accounts.conftest import ME, TOKEN, Browser, nobody_is_in, query, words

pytestmark = pytest.mark.django_db


def test_cancelling_says_so_and_signs_nobody_in(browser, simulator) -> None:
    callback = browser.walk(browser.press_sign_in(), decision="cancel")

    page = browser.return_to(callback)

    assert page.status_code == 403
    assert b"Sign-in was cancelled" in page.content
    assert b"Sign in with Tradovate" in page.content
    nobody_is_in(browser)
    assert list(AuditEvent.objects.values_list("kind", "detail")) == [("sign-in-failed", "OAuth: cancelled")]
    # The state is used up: the same address again is no cancelled sign-in but none at all.
    assert browser.return_to(callback).status_code == 400


def test_a_tampered_state_signs_nobody_in(browser, simulator) -> None:
    callback = browser.walk(browser.press_sign_in())

    page = browser.return_to(callback.replace("state=", "state=x"))

    assert page.status_code == 400
    assert b"no longer valid" in page.content
    nobody_is_in(browser)
    assert browser.return_to(callback).status_code == 302  # the genuine one was not spoilt


def test_a_callback_in_another_browser_signs_nobody_in(browser, second_browser, simulator) -> None:
    callback = browser.walk(browser.press_sign_in())

    assert second_browser.return_to(callback).status_code == 400
    nobody_is_in(second_browser)


def test_a_replayed_callback_signs_nobody_in(browser, simulator) -> None:
    callback = browser.walk(browser.press_sign_in())
    browser.return_to(callback)
    browser.client.post("/accounts/sign-out/")

    assert browser.return_to(callback).status_code == 400
    nobody_is_in(browser)


def test_a_reused_code_signs_nobody_in(browser, second_browser, simulator) -> None:
    code = query(browser.walk(browser.press_sign_in()))["code"]
    state = query(second_browser.press_sign_in())["state"]
    mine = query(browser.press_sign_in())["state"]
    assert second_browser.return_to(f"/accounts/sign-in/callback/?code={code}&state={state}").status_code == 400

    page = browser.return_to(f"/accounts/sign-in/callback/?code={code}&state={mine}")

    assert page.status_code == 400
    assert b"did not accept" in page.content
    nobody_is_in(browser)
    nobody_is_in(second_browser)


def test_an_old_state_has_expired(browser, simulator, time_machine) -> None:
    callback = browser.walk(browser.press_sign_in())
    time_machine.move_to(timezone.now() + timedelta(seconds=601))

    assert browser.return_to(callback).status_code == 400
    nobody_is_in(browser)


def test_pending_sign_ins_of_a_browser_are_few(browser, simulator) -> None:
    for _ in range(9):
        last = browser.press_sign_in()

    assert len([key for key in browser.client.session.keys() if key.startswith("_state_")]) == 5  # noqa: SIM118
    assert browser.return_to(browser.walk(last)).status_code == 302


def test_a_wrong_client_secret_is_the_portals_fault(browser, simulator, settings) -> None:
    callback = browser.walk(browser.press_sign_in())
    settings.SIMULATOR_CLIENT_SECRET = "wrong"

    page = browser.return_to(callback)

    assert page.status_code == 500
    assert b"not set up for Tradovate" in page.content
    nobody_is_in(browser)


def test_without_tradovate_there_is_a_page_and_no_traceback(browser, settings) -> None:
    settings.SIMULATOR_URL = "http://127.0.0.1:1"
    state = query(browser.press_sign_in())["state"]

    page = browser.return_to(f"/accounts/sign-in/callback/?code=abc&state={state}")

    assert page.status_code == 502
    assert b"did not answer" in page.content
    nobody_is_in(browser)


@pytest.mark.parametrize("missing", ["TRADOVATE_CLIENT_ID", "TRADOVATE_CLIENT_SECRET"])
def test_an_environment_without_credentials_is_a_page_and_no_crash(browser, settings, missing) -> None:
    settings.TRADOVATE_ENVIRONMENTS = ["live", "sim"]
    settings.TRADOVATE_CLIENT_ID = settings.TRADOVATE_CLIENT_SECRET = "vendor"
    setattr(settings, missing, "")

    page = browser.client.post("/accounts/sign-in/", {"environment": "live"})

    assert page.status_code == 500
    assert b"not set up for Tradovate" in page.content
    assert browser.client.get("/accounts/sign-in/").status_code == 200


@pytest.mark.parametrize(
    ("token", "token_status", "me", "me_status", "expected"),
    [
        (TOKEN | {"error": None}, 200, ME, 200, 302),
        (TOKEN | {"error": ""}, 200, ME, 200, 302),
        ({"error": "invalid_grant", "error_description": "the-code"}, 200, ME, 200, 400),
        ({"error": "invalid_grant", "error_description": "the-code"}, 401, ME, 200, 400),
        ({"token_type": "bearer"}, 200, ME, 200, 400),
        ({"p-ticket": "t", "p-time": 9}, 200, ME, 200, 503),
        (TOKEN | {"apiHosts": {"new": ["a", "b"], "live": None}, "expires_in": None}, 200, ME, 200, 302),
        (b"<html>busy</html>", 200, ME, 200, 502),
        (b"", 429, ME, 200, 503),
        ({}, 503, ME, 200, 502),
        (TOKEN | {"expires_in": "soon"}, 200, ME, 200, 502),
        (TOKEN, 200, {"errorText": "live only"}, 200, 502),
        (TOKEN, 200, {"name": "nobody"}, 200, 502),
        (TOKEN, 200, b'"Access is denied"', 401, 502),
        (TOKEN, 200, b"", 500, 502),
    ],
)
def test_every_answer_of_tradovate_ends_in_a_page(
    browser, scripted, token, token_status, me, me_status, expected
) -> None:
    scripted.script("/auth/oauthtoken", token, token_status)
    scripted.script("/auth/me", me, me_status)
    state = query(browser.press_sign_in())["state"]

    page = browser.return_to(f"/accounts/sign-in/callback/?code=the-code&state={state}")

    assert page.status_code == expected
    assert b"the-code" not in page.content
    if expected == 302:
        assert browser.user_id is not None
    else:
        nobody_is_in(browser)


def test_a_code_is_exchanged_once_even_when_the_answer_is_an_error(browser, scripted) -> None:
    scripted.script("/auth/oauthtoken", {}, 503)
    callback = f"/accounts/sign-in/callback/?code=c&state={query(browser.press_sign_in())['state']}"
    assert browser.return_to(callback).status_code == 502

    assert browser.return_to(callback).status_code == 400
    assert len(scripted.asked("/auth/oauthtoken")) == 1


def come_back(browser: Browser, code: str = "made-up") -> HttpResponse:
    state = query(browser.press_sign_in())["state"]
    return browser.return_to(f"/accounts/sign-in/callback/?code={code}&state={state}")


@pytest.mark.parametrize(
    ("refusal", "refused", "status"),
    [({"error": "invalid_grant"}, 400, 400), ({"p-ticket": "t", "p-time": 9}, 200, 503), (b"", 429, 503)],
)
def test_codes_that_somebody_makes_up_reach_tradovate_ten_times_an_hour(
    scripted, time_machine, refusal, refused, status
) -> None:
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    scripted.script("/auth/oauthtoken", refusal, refused)
    assert [come_back(Browser()).status_code for _ in range(10)] == [status] * 10

    page = come_back(Browser())

    assert (page.status_code, len(scripted.asked("/auth/oauthtoken"))) == (429, 10)
    assert "Too many failed sign-ins" in words(page)
    assert "Try again in 60:00." in words(page)
    time_machine.move_to(start + timedelta(hours=1), tick=False)
    assert come_back(Browser()).status_code == status


@pytest.mark.parametrize(
    ("reply", "replied"), [(TOKEN, 200), ({}, 503), ({"error": "invalid_client"}, 401)], ids=["in", "none", "ours"]
)
def test_a_sign_in_that_did_not_fail_by_its_code_counts_nowhere(scripted, reply, replied) -> None:
    scripted.script("/auth/oauthtoken", reply, replied)
    scripted.script("/auth/me", ME)

    assert 429 not in [come_back(Browser()).status_code for _ in range(11)]


def test_a_callback_whose_session_has_ended_meanwhile_exchanges_nothing(browser, scripted, monkeypatch) -> None:
    callback = f"/accounts/sign-in/callback/?code=c&state={query(browser.press_sign_in())['state']}"
    take = oauth.App.take

    def take_and_end(app, session, state):
        pending = take(app, session, state)
        Session.objects.all().delete()
        return pending

    monkeypatch.setattr(oauth.App, "take", take_and_end)
    assert browser.return_to(callback).status_code == 400
    assert scripted.asked("/auth/oauthtoken") == []


def test_a_refusal_that_repeats_the_token_is_logged_without_it(browser, scripted, caplog) -> None:
    scripted.script("/auth/oauthtoken", TOKEN)
    scripted.script("/auth/me", {"errorText": f"Nobody is known by {TOKEN['access_token']}"})
    state = query(browser.press_sign_in())["state"]

    page = browser.return_to(f"/accounts/sign-in/callback/?code=the-code&state={state}")

    assert page.status_code == 502
    assert "Nobody is known by …" in caplog.text
    assert TOKEN["access_token"] not in caplog.text + page.content.decode()


@pytest.mark.parametrize(("nonce", "status"), [("theirs", 400), ("mine", 302), (None, 302)])
def test_an_id_token_for_another_sign_in_is_refused(browser, scripted, nonce, status) -> None:
    asked = query(browser.press_sign_in())
    claims = {} if nonce is None else {"nonce": asked["nonce"] if nonce == "mine" else "another"}
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    scripted.script("/auth/oauthtoken", TOKEN | {"id_token": f"e30.{payload}.c2ln"})
    scripted.script("/auth/me", ME)

    page = browser.return_to(f"/accounts/sign-in/callback/?code=c&state={asked['state']}")

    assert page.status_code == status
