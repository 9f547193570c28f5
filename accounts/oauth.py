"""Authlib's Django client towards Tradovate, held to what Tradovate really answers.

Tradovate sends failures with status 200 and `"error": null` with successes, and `error_description` may echo the
code; one hook on the token response mends all of that before Authlib reads it. States are single-use, live ten minutes
and are bounded in number per browser. PKCE is offered. An `id_token` is not who somebody is (that is /auth/me), but one
that names another nonce was meant for another sign-in.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.django_client import DjangoIntegration, DjangoOAuth2App, OAuth
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest

from accounts.models import Environment
from trading.tradovate.entities import OAuthTokens
from trading.tradovate.hosts import Environment as WireEnvironment
from trading.tradovate.hosts import Hosts, is_loopback

# Seconds to connect and to wait for each read: Authlib's client has no timeout of its own.
TIMEOUT = (5, 10)
STATE_LIFETIME = 600
STATES_PER_BROWSER = 5

# Names of errors that OAuth has none for.
NO_TOKEN = "no_access_token"  # noqa: S105 - no token but the lack of one
PENALTY = "penalty"
WRONG_NONCE = "wrong_nonce"


@dataclass(frozen=True)
class Credentials:
    """How the portal names itself to an environment; either may be empty when it is not configured."""

    client_id: str
    client_secret: str = field(repr=False)


def configured() -> list[Environment]:
    """The environments that traders may sign in to, in TRADOVATE_ENVIRONMENTS' order; unknown names are left out."""
    return [Environment(name) for name in settings.TRADOVATE_ENVIRONMENTS if name in Environment.of_sign_ins()]


def offered() -> list[Environment]:
    """The environments that have a sign-in button: all configured ones, but not those that only API keys open."""
    return [
        environment
        for environment in configured()
        if environment not in settings.API_KEY_ENVIRONMENTS or credentials(environment) != Credentials("", "")
    ]


def credentials(environment: Environment) -> Credentials:
    """The client id and secret for an environment: one vendor application serves LIVE and DEMO."""
    if environment is Environment.SIM:
        return Credentials(settings.SIMULATOR_CLIENT_ID, settings.SIMULATOR_CLIENT_SECRET)
    return Credentials(settings.TRADOVATE_CLIENT_ID, settings.TRADOVATE_CLIENT_SECRET)


def default_hosts(environment: Environment) -> Hosts:
    """Where an environment lives before any reply has moved us. Raises ValueError for an unusable SIMULATOR_URL."""
    return Hosts.default(WireEnvironment(environment), settings.SIMULATOR_URL)


def is_ready(environment: Environment) -> bool:
    """Whether a sign-in to the environment can work; what keeps it from working is what the system checks say."""
    own = credentials(environment)
    try:
        default_hosts(environment)
    except ValueError:
        return False
    return environment in configured() and bool(own.client_id and own.client_secret)


def authorize_origins() -> list[str]:
    """Origins of the authorize pages ("https://trader.tradovate.com"): where the sign-in form may lead a browser."""
    pages = (urlsplit(default_hosts(environment).authorize) for environment in configured() if is_ready(environment))
    return list(dict.fromkeys(f"{page.scheme}://{page.netloc}" for page in pages))


class _States(DjangoIntegration):  # type: ignore[misc]  # Authlib ships no types
    """Pending sign-ins in the browser's session: short-lived and few."""

    expires_in = STATE_LIFETIME

    def get_state_data(self, session: SessionBase, state: str | None) -> dict[str, Any] | None:
        self._clear_session_state(session)  # Authlib checks the age only when it clears another state
        data: dict[str, Any] | None = super().get_state_data(session, state)
        return data

    def set_state_data(self, session: SessionBase, state: str, data: dict[str, Any]) -> None:
        pending = [(data["exp"], key) for key, data in session.items() if key.startswith(f"_state_{self.name}_")]
        for _, key in sorted(pending, reverse=True)[STATES_PER_BROWSER - 1 :]:
            del session[key]
        super().set_state_data(session, state, data)

    def clear_state_data(self, session: SessionBase, state: str | None) -> None:
        super().clear_state_data(session, state)
        save_now(session)


def save_now(session: SessionBase) -> None:
    """Keep that something was used up: an answer of 500 or more saves no session. Raises SessionInterrupted when the
    session has ended meanwhile."""
    try:
        session.save()
    except UpdateError:
        raise SessionInterrupted("This browser's session has ended meanwhile. Please start again.") from None


class _Nonce(msgspec.Struct):
    nonce: str | None = None


class App(DjangoOAuth2App):  # type: ignore[misc]  # Authlib ships no types
    """One environment's OAuth client."""

    def begin(self, request: HttpRequest, redirect_uri: str, next_url: str) -> str:
        """Remember a new pending sign-in in the session; returns the authorize page's URL to send the browser to."""
        pending = self.create_authorization_url(redirect_uri)
        url: str = pending.pop("url")
        self.save_authorize_data(request, redirect_uri=redirect_uri, next=next_url, **pending)
        return url

    def take(self, session: SessionBase, state: str | None) -> dict[str, Any] | None:
        """What `begin` remembered under `state`, or None when there is no such pending sign-in (any more)."""
        pending: dict[str, Any] | None = self.framework.get_state_data(session, state) if state else None
        return pending

    def forget(self, session: SessionBase, state: str) -> None:
        self.framework.clear_state_data(session, state)

    def exchange(self, request: HttpRequest) -> OAuthTokens:
        """Use up the state and the code that the browser came back with.

        Raises authlib's OAuthError (its `error` is a short word, never a description), requests.RequestException when
        Tradovate does not answer, and ValueError for an answer that cannot be read.
        """
        reply = self.authorize_access_token(request, timeout=TIMEOUT, allow_redirects=False)
        return msgspec.convert(dict(reply), OAuthTokens, strict=False)

    def parse_id_token(self, token: dict[str, Any], nonce: str, **_: Any) -> None:
        """Refuse an id_token that was issued for another sign-in.

        It comes straight from the token endpoint over TLS, which stands in for its signature (OpenID Connect Core,
        3.1.3.7). Tradovate ignores `scope` and may leave the nonce out: PKCE and state bind the reply then.
        """
        parts = str(token["id_token"]).split(".")
        try:
            payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
            claimed = msgspec.json.decode(payload, type=_Nonce).nonce
        except (IndexError, binascii.Error, msgspec.DecodeError):
            raise OAuthError(error=WRONG_NONCE) from None
        if claimed is not None and claimed != nonce:
            raise OAuthError(error=WRONG_NONCE)


class _Registry(OAuth):  # type: ignore[misc]  # Authlib ships no types
    framework_integration_cls = _States
    oauth2_client_cls = App


def client(environment: Environment) -> App:
    """The OAuth client of an environment, from the settings as they are now."""
    hosts = default_hosts(environment)
    own = credentials(environment)
    app: App = _Registry().register(
        str(environment),
        client_id=own.client_id,
        client_secret=own.client_secret,
        authorize_url=hosts.authorize,
        access_token_url=f"{hosts.auth}/auth/oauthtoken",
        client_kwargs={
            # Makes Authlib send a nonce; Tradovate itself ignores the scope.
            "scope": "openid",
            "code_challenge_method": "S256",
            "token_endpoint_auth_method": "client_secret_post",
        },
        compliance_fix=_comply,
    )
    return app


def _comply(session: Any) -> None:
    session.register_compliance_hook("access_token_response", mend)
    endpoint = urlsplit(session.metadata["token_endpoint"])
    session.trust_env = not is_loopback(endpoint.hostname or "")


def mend(response: requests.Response) -> requests.Response:
    """The token endpoint's answer as OAuth means it: an error is named or absent, a success has a token.

    The description of an error is dropped, so that no log and no page can ever repeat it; of apiHosts, what is no host.
    A 429, which has no body, is a penalty too. Any other answer that is not a JSON object passes through.
    """
    is_limited = response.status_code == HTTPStatus.TOO_MANY_REQUESTS
    try:
        reply = {} if is_limited else msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        return response
    if not isinstance(reply, dict):
        return response
    reply.pop("error_description", None)
    if not reply.get("error"):
        reply.pop("error", None)
        if not reply.get("access_token"):
            reply["error"] = PENALTY if is_limited or "p-ticket" in reply else NO_TOKEN
    if isinstance(hosts := reply.pop("apiHosts", None), dict):
        reply["apiHosts"] = {name: host for name, host in hosts.items() if isinstance(host, str)}
    mended = requests.Response()
    mended.status_code = response.status_code
    mended.url = response.url
    mended.headers.update({"Content-Type": "application/json"})
    mended.raw = BytesIO(msgspec.json.encode(reply))
    return mended
