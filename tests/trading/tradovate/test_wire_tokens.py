"""Tokens by password and by refresh token, in all the ways that Tradovate says no."""

import json
import re
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.tradovate import Environment, Hosts, device_id, refresh, request_access_token
from trading.tradovate.entities import AccessTokenRequest
from trading.tradovate.errors import (
    ApiError,
    BadReply,
    NotAuthorized,
    OAuthError,
    OutcomeUnknown,
    PenaltyImposed,
    RateLimited,
)

SIGN_IN = AccessTokenRequest(name="ann", password="pa55", app_id="Tradeport", cid="8", sec="s3c", device_id="d-1")


async def test_sign_in_with_a_password(http) -> None:
    http.answer(
        {
            "accessToken": "a", "mdAccessToken": "m", "expirationTime": "2021-06-15T15:40:30.056Z",
            "userStatus": "Active", "userId": 15460, "name": "ann", "hasLive": True,
            "apiHosts": {"demo": "demo-b.tradovateapi.com"},
        }
    )  # fmt: skip
    token = await request_access_token(http.hosts, SIGN_IN)
    assert (token.access_token, token.md_access_token, token.user_id) == ("a", "m", 15460)
    assert token.expiration_time.isoformat() == "2021-06-15T15:40:30.056000+00:00"
    (request,) = http.requests
    assert (request.method, request.path) == ("POST", "/v1/auth/accesstokenrequest")
    assert "authorization" not in request.headers
    assert request.json() == {
        "name": "ann", "password": "pa55", "appId": "Tradeport", "cid": "8", "sec": "s3c", "deviceId": "d-1",
    }  # fmt: skip


async def test_a_host_that_is_none_does_not_cost_the_token(http) -> None:
    hosts = {"demo": None, "mdDemo": {"new": "form"}, "live": "live-b.tradovateapi.com"}
    http.answer({"accessToken": "a", "expirationTime": "2021-06-15T15:40:30Z", "apiHosts": hosts})
    token = await request_access_token(http.hosts, SIGN_IN)
    moved = Hosts.default(Environment.DEMO).moved(token.api_hosts, Environment.DEMO)
    assert moved.rest == "https://demo.tradovateapi.com/v1"
    assert moved.auth == "https://live-b.tradovateapi.com"


async def test_a_wrong_password_and_its_penalty(http) -> None:
    http.answer({"errorText": "Incorrect username or password. Please try again."})
    http.answer({"p-ticket": "t1", "p-time": 15, "p-captcha": False})
    http.answer({"accessToken": "a", "expirationTime": "2021-06-15T15:40:30Z"})
    with pytest.raises(ApiError, match="Incorrect username or password"):
        await request_access_token(http.hosts, SIGN_IN)
    with pytest.raises(PenaltyImposed) as caught:
        await request_access_token(http.hosts, SIGN_IN)
    again = AccessTokenRequest(name="ann", password="pa55", p_ticket=caught.value.ticket)
    await request_access_token(http.hosts, again)
    assert json.loads(http.requests[2].body)["p-ticket"] == "t1"


async def test_an_unverified_device(http) -> None:
    http.answer(b'"Access is denied"', status=401)
    with pytest.raises(NotAuthorized):
        await request_access_token(http.hosts, SIGN_IN)


async def test_refresh(http) -> None:
    http.answer(
        {"access_token": "a2", "token_type": "bearer", "expires_in": 4800, "refresh_token": "r2",
         "refresh_token_expires_in": 86400, "id_token": "i", "apiHosts": {"live": "x"}, "error": None}
    )  # fmt: skip
    tokens = await refresh(http.hosts, "r1", "client", "s3cret")
    assert (tokens.access_token, tokens.refresh_token, tokens.expires_in) == ("a2", "r2", 4800)
    assert tokens.api_hosts == {"live": "x"}
    (request,) = http.requests
    assert (request.method, request.target) == ("POST", "/auth/oauthtoken")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.body.decode()) == {
        "grant_type": ["refresh_token"], "refresh_token": ["r1"], "client_id": ["client"], "client_secret": ["s3cret"],
    }  # fmt: skip


async def test_an_older_reply_without_a_refresh_token(http) -> None:
    http.answer({"access_token": "a2", "token_type": "bearer", "expires_in": 5400})
    assert (await refresh(http.hosts, "r1", "client", "s3cret")).refresh_token is None


@pytest.mark.parametrize("status", [200, 400, 401])
async def test_a_refused_refresh_says_why_without_the_description(http, status: int) -> None:
    http.answer({"error": "invalid_grant", "error_description": "token r1-s3cret expired"}, status=status)
    with pytest.raises(OAuthError, match="invalid_grant") as caught:
        await refresh(http.hosts, "r1-s3cret", "client", "s3cret")
    assert caught.value.code == "invalid_grant"
    assert "s3cret" not in repr(caught.value)


async def test_other_failures_of_a_refresh(http) -> None:
    http.answer(b"", status=503)
    http.answer({"token_type": "bearer"})
    http.answer({"p-ticket": "t", "p-time": 60})
    with pytest.raises(OutcomeUnknown):
        await refresh(http.hosts, "r1", "client", "s3cret")
    with pytest.raises(BadReply):
        await refresh(http.hosts, "r1", "client", "s3cret")
    with pytest.raises(PenaltyImposed):
        await refresh(http.hosts, "r1", "client", "s3cret")


async def test_a_refresh_that_is_limited_says_for_how_long(http) -> None:
    http.answer(b"", status=429, headers={"Retry-After": "90"})
    with pytest.raises(RateLimited) as caught:
        await refresh(http.hosts, "r1", "client", "s3cret")
    assert caught.value.retry_after == 90


INSTALLATION = b"i" * 32
names = st.text(min_size=1, max_size=64).filter(lambda text: bool(text.strip()))


@given(st.binary(min_size=16, max_size=64), names)
def test_a_device_id_fits_the_wire_and_is_stable(installation: bytes, name: str) -> None:
    made = device_id(installation, name)
    assert re.fullmatch("[0-9a-f]{64}", made)
    assert made == device_id(installation, f" {name} ")
    assert AccessTokenRequest(name="ann", password="p", device_id=made).device_id == made


def test_another_user_or_installation_is_another_device() -> None:
    made = {device_id(INSTALLATION, "ann"), device_id(INSTALLATION, "bob"), device_id(b"j" * 32, "ann")}
    assert len(made) == 3
    # Tradovate takes a name in any case: it must not become two devices, each to be verified.
    assert device_id(INSTALLATION, "Ann") in made


@pytest.mark.parametrize(("installation", "name"), [(b"short", "ann"), (b"", "ann"), (INSTALLATION, " ")])
def test_a_device_id_that_would_not_be_unique_is_refused(installation: bytes, name: str) -> None:
    with pytest.raises(ValueError, match=r"installation|name"):
        device_id(installation, name)
