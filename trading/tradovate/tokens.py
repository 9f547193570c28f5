"""Getting tokens without having one: by password or API key, by the code of an OAuth sign-in, by a refresh token."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from urllib.parse import urlencode

import httpx
import msgspec

from . import answers
from .budgets import Budgets
from .entities import AccessToken, AccessTokenRequest, OAuthToken, OAuthTokens
from .errors import OAuthError
from .hosts import Hosts
from .transport import Transport

_INSTALLATION_BYTES = 16


def device_id(installation: bytes, name: str) -> str:
    """Return the `device_id` under which an installation signs a user in: 64 hexadecimal digits.

    The same for the same two, another for any other, and neither can be read from it. `installation` is at least 16
    random bytes that the installation keeps for good; `name` is the user's Tradovate name, in any case. Raises
    ValueError for a shorter `installation` or an empty name. LIVE accepts orders from verified devices only, so a
    changed id means verifying again (guide, How to Use Device IDs Properly; official Access text, Two-Factor
    Authentication: at most 64 characters).
    """
    user = name.strip().casefold()
    if len(installation) < _INSTALLATION_BYTES:
        raise ValueError(f"An installation is at least {_INSTALLATION_BYTES} random bytes, not {len(installation)}.")
    if not user:
        raise ValueError("A device id needs the name of its user.")
    return hmac.new(installation, b"tradovate device\0" + user.encode(), hashlib.sha256).hexdigest()


class _OAuthFailure(msgspec.Struct):
    # error_description is left out on purpose: it may echo the code.
    error: str | None = None


async def request_access_token(
    hosts: Hosts, request: AccessTokenRequest, *, http: httpx.AsyncClient | None = None, budgets: Budgets | None = None
) -> AccessToken:
    """auth/accesstokenrequest: sign in with a password or API key (openapi.json, AccessTokenRequest).

    Raises ApiError with Tradovate's text for wrong credentials, PenaltyImposed after too many of them (repeat with
    `p_ticket`), NotAuthorized for a device that was not verified, NotSent, OutcomeUnknown.
    """
    async with Transport(hosts, None, http=http, budgets=budgets) as transport:
        return await transport.post("auth/accesstokenrequest", AccessToken, request)


def authorize_url(
    hosts: Hosts, client_id: str, redirect_uri: str, *, state: str, code_verifier: str | None = None
) -> str:
    """Return the address of Tradovate's sign-in page, from which a browser comes back to `redirect_uri`.

    It brings `code` (for `exchange_code`) or `error`, and `state` as it was given: make one that cannot be guessed and
    compare. With a `code_verifier` (43 to 128 characters, kept secret until the exchange) the code serves nobody else
    (RFC 7636, S256).
    """
    asked = {"response_type": "code", "client_id": client_id, "redirect_uri": redirect_uri, "state": state}
    if code_verifier is not None:
        digest = urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=").decode()
        asked |= {"code_challenge": digest, "code_challenge_method": "S256"}
    return f"{hosts.authorize}?{urlencode(asked)}"


async def exchange_code(
    hosts: Hosts,
    code: str,
    redirect_uri: str,
    client_id: str,
    client_secret: str,
    *,
    basic: bool = False,
    code_verifier: str | None = None,
    http: httpx.AsyncClient | None = None,
) -> OAuthTokens:
    """auth/oauthtoken with grant_type=authorization_code: tokens for the code that the sign-in page gave.

    `redirect_uri` is the one that the page was asked with. With `basic` client and secret go in an HTTP Basic header
    instead of the form. A code serves once, also when its answer is lost: then the person has to sign in again. Raises
    OAuthError (invalid_grant: the code is used, expired or another's; invalid_client: client or secret are wrong),
    ValueError for a field that is too long, PenaltyImposed, RateLimited, HostMoved, NotSent, OutcomeUnknown.
    """
    request = OAuthToken(
        grant_type="authorization_code", code=code, redirect_uri=redirect_uri, code_verifier=code_verifier
    )
    return await _oauth_tokens(hosts, request, (client_id, client_secret), basic=basic, http=http)


async def refresh(
    hosts: Hosts,
    refresh_token: str,
    client_id: str,
    client_secret: str,
    *,
    basic: bool = False,
    http: httpx.AsyncClient | None = None,
) -> OAuthTokens:
    """auth/oauthtoken with grant_type=refresh_token: new tokens for an OAuth session, asked for as `exchange_code`.

    Raises OAuthError (invalid_grant: the person has to sign in again), and otherwise as `exchange_code`. A refresh
    token may be replaced by the reply: keep the one it carries.
    """
    request = OAuthToken(grant_type="refresh_token", refresh_token=refresh_token)
    return await _oauth_tokens(hosts, request, (client_id, client_secret), basic=basic, http=http)


async def _oauth_tokens(
    hosts: Hosts, request: OAuthToken, client: tuple[str, str], *, basic: bool, http: httpx.AsyncClient | None
) -> OAuthTokens:
    if not basic:
        request = msgspec.structs.replace(request, client_id=client[0], client_secret=client[1])
    async with Transport(hosts, None, http=http) as transport:
        status, body, retry_after = await transport.form(
            "/auth/oauthtoken", msgspec.to_builtins(request), basic=client if basic else None
        )
    if failure := _oauth_failure(body):
        raise OAuthError(failure)
    return answers.read(status, body, OAuthTokens, retry_after=retry_after)


def _oauth_failure(body: bytes) -> str | None:
    """Return the `error` of a failed token request; Tradovate sends it with status 200 as well as 4xx."""
    try:
        return msgspec.json.decode(body, type=_OAuthFailure).error or None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
