"""OAuth's authorization code flow as Tradovate serves it: the page at /oauth, the exchange at /auth/oauthtoken
(official OAuth tutorial; protocol notes, "OAuth")."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit, urlunsplit

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from .calls import Rejected, read_object
from .entities import encode
from .pages import problem_page, sign_in_page
from .rest import host_of, moved_to
from .sessions import Grant
from .simulation import Simulation

CARRIED = ("response_type", "client_id", "redirect_uri", "state", "code_challenge", "code_challenge_method")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class OAuth:
    """The OAuth routes of one simulation."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    async def authorize(self, request: Request) -> Response:
        """GET: show the sign-in page."""
        asked = dict(request.query_params)
        if problem := self._problem(asked):
            return problem_page(problem)
        return sign_in_page(_carried(asked), client_id=asked["client_id"])

    async def decide(self, request: Request) -> Response:
        """POST: sign in and go back with a code, or cancel and go back with access_denied."""
        form = _texts(await request.form())
        if problem := self._problem(form):
            return problem_page(problem)
        redirect_uri, state = form["redirect_uri"], form.get("state")
        if form.get("decision") == "cancel":
            denied = {"error": "access_denied", "error_description": "The user cancelled."}
            return _go_back(redirect_uri, denied, state)
        name = form.get("name", "")
        trader = self._simulation.people.check_password(name, form.get("password", ""))
        if trader is None:
            text = "Incorrect username or password. Passwords are case-sensitive."
            return sign_in_page(_carried(form), client_id=form["client_id"], name=name, problem=text)
        code = self._simulation.sessions.new_code(
            trader.user_id,
            form["client_id"],
            redirect_uri,
            form.get("code_challenge") or None,
            form.get("code_challenge_method") or "plain",
        )
        return _go_back(redirect_uri, {"code": code}, state)

    async def token(self, request: Request) -> Response:
        """POST: exchange a code or a refresh token for tokens."""
        if to := self._simulation.config.hosts.right_host(host_of(request)):
            return moved_to(to, request)
        try:
            form = await _token_request(request)
        except Rejected as rejected:
            return self._error("invalid_request", rejected.text)
        client_id, secret = _client(request, form)
        config = self._simulation.config
        known = hmac.compare_digest(client_id.encode(), config.client_id.encode())
        if not known or not hmac.compare_digest(secret.encode(), config.client_secret.encode()):
            return self._error("invalid_client", "Unknown client or wrong secret.")
        sessions = self._simulation.sessions
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
                return self._error("unsupported_grant_type", "Use authorization_code or refresh_token.")
        if grant is None:
            return self._error("invalid_grant", wrong)
        return _json(self._granted(grant, host_of(request)), 200)

    def _granted(self, grant: Grant, host: str) -> dict[str, Any]:
        config = self._simulation.config
        return {
            "access_token": grant.access.value,
            "token_type": "bearer",
            "expires_in": config.token_lifetime,
            "refresh_token": grant.session.refresh_token,
            "refresh_token_expires_in": config.refresh_lifetime,
            "apiHosts": config.hosts.api_hosts(host),
        }

    def _error(self, error: str, description: str) -> Response:
        return _json({"error": error, "error_description": description}, self._simulation.config.oauth_error_status)

    def _problem(self, asked: Mapping[str, str]) -> str:
        """What is wrong with an authorization request; then nobody is sent anywhere (RFC 6749, 4.1.2.1)."""
        config = self._simulation.config
        if asked.get("client_id") != config.client_id:
            return "The application that sent you here is not known (client_id)."
        if not self._may_return_to(asked.get("redirect_uri", "")):
            return "The application's return address is not allowed (redirect_uri)."
        if asked.get("response_type") != "code":
            return "Only response_type=code is supported."
        if asked.get("code_challenge_method", "") not in ("", "S256", "plain"):
            return "Only S256 and plain are supported (code_challenge_method)."
        return ""

    def _may_return_to(self, redirect_uri: str) -> bool:
        allowed = self._simulation.config.redirect_uris
        if allowed:
            return redirect_uri in allowed
        try:
            parts = urlsplit(redirect_uri)
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and parts.hostname in LOOPBACK and not parts.fragment


async def _token_request(request: Request) -> dict[str, str]:
    """The fields of a token request, form-encoded or JSON. Raises Rejected for JSON that is none."""
    if request.headers.get("content-type", "").startswith("application/json"):
        return {key: str(value) for key, value in read_object(await request.body()).items() if value is not None}
    return _texts(await request.form())


def _texts(form: FormData) -> dict[str, str]:
    return {key: value for key, value in form.items() if isinstance(value, str)}


def _carried(fields: Mapping[str, str]) -> dict[str, str]:
    return {key: fields[key] for key in CARRIED if key in fields}


def _client(request: Request, form: Mapping[str, str]) -> tuple[str, str]:
    """Client id and secret, from HTTP Basic or from the form."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return unquote_plus(name), unquote_plus(secret)
    return form.get("client_id", ""), form.get("client_secret", "")


def _json(value: dict[str, Any], status: int) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(encode(value), status_code=status, media_type="application/json", headers=headers)


def _go_back(redirect_uri: str, answer: dict[str, str], state: str | None) -> Response:
    parts = urlsplit(redirect_uri)
    query = parse_qsl(parts.query, keep_blank_values=True) + list(answer.items())
    if state is not None:
        query.append(("state", state))
    return RedirectResponse(urlunsplit(parts._replace(query=urlencode(query))), status_code=302)
