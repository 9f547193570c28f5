"""Getting tokens without having one: by password or API key, and by a refresh token.

The authorization-code exchange belongs to the application's OAuth library; this is what it leaves to do.
"""

from __future__ import annotations

import hashlib
import hmac

import httpx
import msgspec

from . import answers
from .budgets import Budgets
from .entities import AccessToken, AccessTokenRequest, OAuthTokens
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


async def refresh(
    hosts: Hosts,
    refresh_token: str,
    client_id: str,
    client_secret: str,
    *,
    http: httpx.AsyncClient | None = None,
) -> OAuthTokens:
    """auth/oauthtoken with grant_type=refresh_token: new tokens for an OAuth session, form-encoded.

    Raises OAuthError (invalid_grant: the person has to sign in again), PenaltyImposed, RateLimited, NotSent,
    OutcomeUnknown. A refresh token may be replaced by the reply: keep the one it carries.
    """
    fields = {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "client_id": client_id,
        "client_secret": client_secret,
    }
    async with Transport(hosts, None, http=http) as transport:
        status, body = await transport.form("/auth/oauthtoken", fields)
    if failure := _oauth_failure(body):
        raise OAuthError(failure)
    return answers.read(status, body, OAuthTokens)


def _oauth_failure(body: bytes) -> str | None:
    """Return the `error` of a failed token request; Tradovate sends it with status 200 as well as 4xx."""
    try:
        return msgspec.json.decode(body, type=_OAuthFailure).error or None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
