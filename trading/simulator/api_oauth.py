"""auth/oauthtoken: a code or a refresh token for tokens (official OAuth tutorial; protocol notes, "OAuth").

Like any operation it is asked over REST and over WebSocket; `oauth` adds what is HTTP's alone.
"""

from __future__ import annotations

import hmac
from typing import Any

from .calls import Call, Handler
from .sessions import Grant


def oauth_token(call: Call) -> dict[str, Any]:
    """openapi.json, OAuthTokenResponse: tokens, or `error` with `error_description` (RFC 6749, 5.2)."""
    form = {name: str(value) for name, value in call.params.items() if value is not None}
    config, sessions = call.simulation.config, call.simulation.sessions
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    known = hmac.compare_digest(client_id.encode(), config.client_id.encode())
    if not known or not hmac.compare_digest(secret.encode(), config.client_secret.encode()):
        return _error("invalid_client", "Unknown client or wrong secret.")
    match form.get("grant_type"):
        case "authorization_code":
            grant = sessions.redeem(
                form.get("code", ""), client_id, form.get("redirect_uri", ""), form.get("code_verifier")
            )
            wrong = "The code is invalid, expired or used, or it belongs to another request."
        case "refresh_token":
            grant = sessions.refresh(form.get("refresh_token", ""), client_id)
            wrong = "The refresh token is invalid or expired."
        case _:
            return _error("unsupported_grant_type", "Use authorization_code or refresh_token.")
    return _granted(call, grant) if grant else _error("invalid_grant", wrong)


def _granted(call: Call, grant: Grant) -> dict[str, Any]:
    config = call.simulation.config
    return {
        "access_token": grant.access.value,
        "token_type": "bearer",
        "expires_in": config.token_lifetime,
        "refresh_token": grant.session.refresh_token,
        "refresh_token_expires_in": config.refresh_lifetime,
        "apiHosts": config.hosts.api_hosts(call.host),
    }


def _error(error: str, description: str) -> dict[str, Any]:
    return {"error": error, "error_description": description}


OPERATIONS: dict[str, Handler] = {"auth/oauthtoken": oauth_token}
