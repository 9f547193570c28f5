"""The auth operations of the API itself: API-key login, renewal, who am I (openapi.json, /auth/*)."""

from __future__ import annotations

import hmac
from typing import Any

from .calls import Call, Handler
from .clock import stamp
from .hosts import Environment, environment_of
from .sessions import Grant, Origin


def access_token_reply(call: Call, grant: Grant) -> dict[str, Any]:
    """openapi.json, AccessTokenResponse."""
    trader = call.simulation.people.traders[grant.session.user_id]
    return {
        "accessToken": grant.access.value,
        "mdAccessToken": grant.market_data.value,
        "expirationTime": stamp(grant.access.expires),
        "userStatus": "Active",
        "userId": trader.user_id,
        "name": trader.name,
        "hasLive": True,
        "hasFunded": bool(call.simulation.store.accounts(trader.user_id)),
        "hasMarketData": True,
        "outdatedTaC": False,
        "outdatedLiquidationPolicy": False,
        "apiHosts": call.simulation.config.hosts.api_hosts(call.host),
    }


def access_token_request(call: Call) -> dict[str, Any]:
    """Sign in with name and password. A wrong one answers status 200 with errorText."""
    config = call.simulation.config
    sec, cid = call.params.get("sec"), call.params.get("cid")
    if config.cid and str(cid) != config.cid:
        return {"errorText": "The app is not registered"}
    if sec is not None and not hmac.compare_digest(str(sec).encode(), config.client_secret.encode()):
        return {"errorText": "The app is not registered"}
    trader = call.simulation.people.check_password(
        str(call.params.get("name", "")), str(call.params.get("password", ""))
    )
    if trader is None:
        return {
            "errorText": "Incorrect username or password. Please try again, noting that passwords are case-sensitive."
        }
    origin = Origin(call.peer, *(str(call.params.get(name) or "")[:64] for name in ("appId", "appVersion", "deviceId")))
    return access_token_reply(call, call.simulation.sessions.login(trader.user_id, origin=origin))


def renew_access_token(call: Call) -> dict[str, Any]:
    """New tokens for the session that asks."""
    return access_token_reply(call, call.simulation.sessions.renew(call.known_session))


def me(call: Call) -> dict[str, Any]:
    """openapi.json, OAuthMeResponse. Only the live host answers it (protocol notes, "OAuth")."""
    if environment_of(call.host) not in (None, Environment.LIVE):
        return {"errorText": "auth/me is served by the live host only."}
    trader = call.trader
    return {
        "userId": trader.user_id,
        "name": trader.name,
        "fullName": trader.full_name,
        "email": trader.email,
        "emailVerified": True,
        "isTrial": False,
    }


OPERATIONS: dict[str, Handler] = {
    "auth/accesstokenrequest": access_token_request,
    "auth/me": me,
    "auth/renewaccesstoken": renew_access_token,
}
