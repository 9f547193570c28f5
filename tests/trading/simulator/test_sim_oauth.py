"""The authorization code flow, with everything that a careless or hostile client may try."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from trading.simulator import Config, RunningSimulator, serve

from .conftest import NO_TLS, START, Api

DAY = 24 * 3600
CALLBACK = "http://127.0.0.1:9000/oauth/callback"


class Browser:
    """Somebody at the sign-in page, and the application's exchange behind it."""

    def __init__(self, simulator: RunningSimulator) -> None:
        self.http = httpx.Client(base_url=simulator.url, trust_env=False, verify=NO_TLS)
        self.secret = simulator.config.client_secret

    def ask(self, **more: str) -> dict[str, str]:
        return {
            "response_type": "code",
            "client_id": "tradeport",
            "redirect_uri": CALLBACK,
            "state": "a b&c",
            **more,
        }

    def decide(self, **more: str) -> httpx.Response:
        form = {**self.ask(), "name": "trader", "password": "trader-pass", "decision": "allow", **more}
        return self.http.post("/oauth", data=form)

    def code(self, **more: str) -> str:
        return httpx.URL(self.decide(**more).headers["location"]).params["code"]

    def exchange(self, path: str = "/auth/oauthtoken", **more: str) -> Any:
        form = {
            "grant_type": "authorization_code",
            "redirect_uri": CALLBACK,
            "client_id": "tradeport",
            "client_secret": self.secret,
            **more,
        }
        return self.http.post(path, data=form)


@pytest.fixture
def browser(sim: RunningSimulator) -> Browser:
    return Browser(sim)


def test_the_page_asks_for_name_and_password(browser: Browser) -> None:
    page = browser.http.get("/oauth", params=browser.ask())
    assert page.status_code == 200
    assert 'name="password" type="password"' in page.text
    assert '<label for="name">' in page.text
    assert 'value="a b&amp;c"' in page.text
    assert page.headers["cache-control"] == "no-store"


def test_signing_in_returns_with_a_code_and_the_state(browser: Browser) -> None:
    answer = browser.decide()
    back = httpx.URL(answer.headers["location"])
    assert answer.status_code == 302
    assert str(back).startswith(CALLBACK)
    assert back.params["state"] == "a b&c"
    assert set(back.params) == {"code", "state"}


def test_cancelling_returns_with_access_denied(browser: Browser) -> None:
    back = httpx.URL(browser.decide(name="", password="", decision="cancel").headers["location"])
    assert back.params["error"] == "access_denied"
    assert back.params["state"] == "a b&c"
    assert "code" not in back.params


def test_a_wrong_password_stays_on_the_page(browser: Browser) -> None:
    page = browser.decide(password='"><script>')
    assert page.status_code == 200
    assert "Incorrect username or password" in page.text
    assert "<script>" not in page.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "somebody"},
        {"redirect_uri": "https://evil.example/cb"},
        {"redirect_uri": "http://127.0.0.1.evil.example/cb"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": ""},
        {"response_type": "token"},
        {"code_challenge_method": "S1"},
    ],
)
def test_a_wrong_request_shows_a_page_and_sends_nobody_anywhere(browser: Browser, wrong: dict[str, str]) -> None:
    for answer in (browser.http.get("/oauth", params=browser.ask(**wrong)), browser.decide(**wrong)):
        assert answer.status_code == 400
        assert "location" not in answer.headers
        assert "does not work" in answer.text


@pytest.mark.parametrize("path", ["/auth/oauthtoken", "/v1/auth/oauthtoken"])
def test_the_exchange_answers_tokens_and_hosts(sim: RunningSimulator, browser: Browser, path: str) -> None:
    reply = browser.exchange(path, code=browser.code()).json()
    assert reply["token_type"] == "bearer"
    assert reply["expires_in"] == 4800
    assert "id_token" not in reply
    hosts = "live demo mdLive mdDemo replay reportingLive reportingDemo riskMonitorLive riskMonitorDemo userContext"
    assert reply["apiHosts"] == dict.fromkeys(hosts.split(), sim.host)
    me = browser.http.get("/auth/me", headers={"Authorization": f"Bearer {reply['access_token']}"}).json()
    assert (me["userId"], me["name"], me["emailVerified"]) == (1001, "trader", True)


def test_http_basic_serves_as_well(browser: Browser) -> None:
    form = {"grant_type": "authorization_code", "code": browser.code(), "redirect_uri": CALLBACK}
    reply = browser.http.post("/auth/oauthtoken", data=form, auth=("tradeport", browser.secret)).json()
    assert reply["access_token"]


def test_a_code_serves_once(browser: Browser) -> None:
    code = browser.code()
    assert "access_token" in browser.exchange(code=code).json()
    again = browser.exchange(code=code)
    assert (again.status_code, again.json()["error"]) == (200, "invalid_grant")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"code": "made-up"}, "invalid_grant"),
        ({"redirect_uri": CALLBACK + "2"}, "invalid_grant"),
        ({"client_secret": "guess"}, "invalid_client"),
        ({"client_id": "somebody"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"code_verifier": "another"}, "invalid_grant"),
    ],
)
def test_an_exchange_that_does_not_fit_fails(browser: Browser, wrong: dict[str, str], error: str) -> None:
    more = {"code_challenge": "abc", "code_challenge_method": "plain"} if "code_verifier" in wrong else {}
    reply = browser.exchange(**{"code": browser.code(**more), **wrong}).json()
    assert reply["error"] == error
    assert "access_token" not in reply


def test_a_code_lives_a_minute(sim: RunningSimulator, browser: Browser) -> None:
    early, late = browser.code(), browser.code()
    sim.control.advance(59)
    assert "access_token" in browser.exchange(code=early).json()
    sim.control.advance(2)
    assert browser.exchange(code=late).json()["error"] == "invalid_grant"


def test_pkce_is_verified_when_it_is_offered(browser: Browser) -> None:
    verifier = "v" * 60
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    offer = {"code_challenge": digest, "code_challenge_method": "S256"}
    assert browser.exchange(code=browser.code(**offer)).json()["error"] == "invalid_grant"
    assert "access_token" in browser.exchange(code=browser.code(**offer), code_verifier=verifier).json()


def test_a_refresh_token_gives_new_tokens_once(browser: Browser) -> None:
    first = browser.exchange(code=browser.code()).json()
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = browser.exchange(**form).json()
    assert second["access_token"] != first["access_token"]
    assert second["refresh_token"] != first["refresh_token"]
    assert browser.exchange(**form).json()["error"] == "invalid_grant"


def test_a_refresh_token_lives_thirty_days(seldom: RunningSimulator) -> None:
    browser = Browser(seldom)
    used, unused = (browser.exchange(code=browser.code()).json() for _ in range(2))
    assert used["refresh_token_expires_in"] == 30 * DAY
    for seconds in (7 * DAY, 7 * DAY, 7 * DAY, 7 * DAY, 2 * DAY - 60):
        seldom.control.advance(seconds)
    renewed = browser.exchange(grant_type="refresh_token", refresh_token=used["refresh_token"]).json()
    seldom.control.advance(120)
    late = browser.exchange(grant_type="refresh_token", refresh_token=unused["refresh_token"]).json()
    assert late["error"] == "invalid_grant"
    again = browser.exchange(grant_type="refresh_token", refresh_token=renewed["refresh_token"]).json()
    assert "access_token" in again, "each refresh begins thirty days anew"


def test_tokens_expire(sim: RunningSimulator, browser: Browser) -> None:
    reply = browser.exchange(code=browser.code()).json()
    bearer = {"Authorization": f"Bearer {reply['access_token']}"}
    sim.control.advance(4799)
    assert browser.http.get("/v1/account/list", headers=bearer).status_code == 200
    sim.control.advance(2)
    gone = browser.http.get("/v1/account/list", headers=bearer)
    assert (gone.status_code, gone.text) == (401, "Access is denied")
    fresh = browser.exchange(grant_type="refresh_token", refresh_token=reply["refresh_token"]).json()
    assert "access_token" in fresh


def test_renewing_keeps_the_session_and_both_tokens_work(sim: RunningSimulator, trader: Api) -> None:
    for path in ("/auth/renewaccesstoken", "/v1/auth/renewAccessToken"):
        renewed = trader.http.get(path).json()
        assert renewed["accessToken"] != trader.token
        assert renewed["apiHosts"]["live"] == sim.host
        assert renewed["userId"] == trader.user_id
        bearer = {"Authorization": f"Bearer {renewed['accessToken']}"}
        assert trader.http.get("/v1/account/list", headers=bearer).status_code == 200
    assert len(trader.get("account/list")) == 1


def test_a_third_session_closes_the_oldest(sim: RunningSimulator) -> None:
    first, second, third = (Api(sim, "trader") for _ in range(3))
    assert first.http.get("/v1/account/list").status_code == 401
    assert second.get("account/list") == third.get("account/list")
    assert Api(sim, "pro").get("account/list")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"name": "trader", "password": "wrong"}, "Incorrect username or password"),
        ({"name": "nobody", "password": "trader-pass"}, "Incorrect username or password"),
        ({"name": "trader", "password": "trader-pass", "sec": "wrong"}, "not registered"),
    ],
)
def test_a_failed_login_answers_200_with_a_text(sim: RunningSimulator, body: dict[str, str], text: str) -> None:
    for path in ("/v1/auth/accesstokenrequest", "/auth/accessTokenRequest"):
        answer = httpx.post(sim.url + path, json=body, trust_env=False, verify=NO_TLS)
        assert answer.status_code == 200
        assert text in answer.json()["errorText"]
        assert "accessToken" not in answer.json()


@pytest.fixture
def strict() -> Iterator[RunningSimulator]:
    config = Config(manual_clock=True, start=START, redirect_uris=(CALLBACK,), oauth_error_status=400)
    with serve(config) as running:
        yield running


def test_only_listed_return_addresses_when_there_is_a_list(strict: RunningSimulator) -> None:
    browser = Browser(strict)
    assert browser.decide().status_code == 302
    assert browser.decide(redirect_uri=CALLBACK + "/").status_code == 400


@pytest.mark.parametrize("status", [200, 400])
def test_every_error_has_the_status_that_is_set_and_says_why(status: int) -> None:
    with serve(Config(manual_clock=True, start=START, history=False, oauth_error_status=status)) as running:
        browser = Browser(running)
        answers = {
            "invalid_client": browser.exchange(code=browser.code(), client_secret="guess"),
            "unsupported_grant_type": browser.exchange(grant_type="password"),
            "invalid_grant": browser.exchange(code="made-up"),
            "invalid_request": browser.http.post("/auth/oauthtoken", content='{"grant_type": '),
        }
        for error, answer in answers.items():
            assert (answer.status_code, answer.json()["error"]) == (status, error)
            assert set(answer.json()) == {"error", "error_description"}
            assert answer.json()["error_description"]


def test_secrets_do_not_show_in_a_repr(sim: RunningSimulator) -> None:
    shown = repr(sim.config) + repr(sim.traders) + repr(sim)
    assert sim.config.client_secret not in shown
    assert "trader-pass" not in shown
