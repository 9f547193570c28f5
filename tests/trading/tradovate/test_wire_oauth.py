"""OAuth from the sign-in page to tokens, against the stand-in Tradovate over loopback."""

from collections.abc import Iterator
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest

from trading.simulator import Config, RunningSimulator, serve
from trading.tradovate import Environment, Hosts, Tradovate, authorize_url, exchange_code, refresh
from trading.tradovate.errors import BadReply, OAuthError, OutcomeUnknown

from .conftest import HttpScript

BACK = "http://127.0.0.1:9000/oauth/callback?from=desk"
CLIENT = "desk of ann:1"
SECRET = "s3:cr%t+ä"
VERIFIER = "v" * 43


@pytest.fixture(params=[200, 400])
def sim(request: pytest.FixtureRequest) -> Iterator[RunningSimulator]:
    """One whose client and secret have to be escaped; it refuses with 200 or with 400, as Tradovate does."""
    config = Config(seed=7, client_id=CLIENT, client_secret=SECRET, oauth_error_status=request.param)
    with serve(config) as running:
        yield running


async def sign_in(sim: RunningSimulator, page: str) -> str:
    """Do what the person does at the sign-in page, and return the code that comes back."""
    async with httpx.AsyncClient(trust_env=False) as browser:
        shown = await browser.get(page)
        assert 'name="password"' in shown.text
        trader = sim.trader("trader")
        form = dict(parse_qsl(urlsplit(page).query)) | {"name": trader.name, "password": trader.password}
        answer = await browser.post(page.partition("?")[0], data=form | {"decision": "allow"})
    back = answer.headers["location"]
    assert back.startswith(BACK)
    came = parse_qs(urlsplit(back).query)
    assert came["state"] == ["st&te"]
    return came["code"][0]


@pytest.mark.parametrize("basic", [False, True], ids=["form", "basic"])
@pytest.mark.parametrize("verifier", [None, VERIFIER], ids=["plain", "pkce"])
async def test_a_code_becomes_tokens_once(
    sim: RunningSimulator, hosts: Hosts, basic: bool, verifier: str | None
) -> None:
    page = authorize_url(hosts, CLIENT, BACK, state="st&te", code_verifier=verifier)
    code = await sign_in(sim, page)
    tokens = await exchange_code(hosts, code, BACK, CLIENT, SECRET, basic=basic, code_verifier=verifier)
    moved = hosts.moved(tokens.api_hosts, Environment.SIM)
    async with Tradovate(moved, tokens.access_token) as t:
        assert (await t.auth.me()).name == "trader"
    with pytest.raises(OAuthError) as used:
        await exchange_code(hosts, code, BACK, CLIENT, SECRET, basic=basic, code_verifier=verifier)
    assert used.value.code == "invalid_grant"
    assert tokens.refresh_token is not None
    again = await refresh(hosts, tokens.refresh_token, CLIENT, SECRET, basic=basic)
    async with Tradovate(hosts, again.access_token) as t:
        assert (await t.auth.me()).name == "trader"


@pytest.mark.parametrize("basic", [False, True], ids=["form", "basic"])
async def test_a_code_that_does_not_fit_says_why_and_shows_no_secret(
    sim: RunningSimulator, hosts: Hosts, basic: bool
) -> None:
    page = authorize_url(hosts, CLIENT, BACK, state="st&te", code_verifier=VERIFIER)
    for client, secret, back, verifier, says in (
        (CLIENT, "guess", BACK, VERIFIER, "invalid_client"),
        ("other", SECRET, BACK, VERIFIER, "invalid_client"),
        (CLIENT, SECRET, BACK + "2", VERIFIER, "invalid_grant"),
        (CLIENT, SECRET, BACK, None, "invalid_grant"),
    ):
        code = await sign_in(sim, page)
        with pytest.raises(OAuthError, match=says) as refused:
            await exchange_code(hosts, code, back, client, secret, basic=basic, code_verifier=verifier)
        assert not any(hidden in repr(refused.value) for hidden in (code, SECRET, VERIFIER))


async def test_basic_keeps_client_and_secret_out_of_the_form(http: HttpScript) -> None:
    for basic in (False, True):
        http.answer({"access_token": "a"})
        await exchange_code(http.hosts, "c1", BACK, "client", "s3cret", basic=basic)
    form, header = http.requests
    asked = {"grant_type": "authorization_code", "code": "c1", "redirect_uri": BACK}
    assert dict(parse_qsl(form.body.decode())) == asked | {"client_id": "client", "client_secret": "s3cret"}
    assert "authorization" not in form.headers
    assert dict(parse_qsl(header.body.decode())) == asked
    assert header.headers["authorization"] == "Basic Y2xpZW50OnMzY3JldA=="


async def test_a_code_whose_answer_is_lost_is_not_sent_again(http: HttpScript) -> None:
    http.reset()
    http.answer({"token_type": "bearer"})
    with pytest.raises(OutcomeUnknown):
        await exchange_code(http.hosts, "c1", BACK, "client", "s3cret")
    with pytest.raises(BadReply):
        await exchange_code(http.hosts, "c1", BACK, "client", "s3cret")
    assert len(http.requests) == 2


def test_the_page_is_tradovates() -> None:
    page = authorize_url(Hosts.default(Environment.DEMO), "8", "https://desk.example/back", state="x y")
    assert page == (
        "https://trader.tradovate.com/oauth?response_type=code&client_id=8"
        "&redirect_uri=https%3A%2F%2Fdesk.example%2Fback&state=x+y"
    )
