"""The page of OAuth's authorization code flow, /oauth (official OAuth tutorial; protocol notes, "OAuth"). Codes are
exchanged in `api_oauth`."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from .pages import problem_page, sign_in_page
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


def _texts(form: FormData) -> dict[str, str]:
    return {key: value for key, value in form.items() if isinstance(value, str)}


def _carried(fields: Mapping[str, str]) -> dict[str, str]:
    return {key: fields[key] for key in CARRIED if key in fields}


def _go_back(redirect_uri: str, answer: dict[str, str], state: str | None) -> Response:
    parts = urlsplit(redirect_uri)
    query = parse_qsl(parts.query, keep_blank_values=True) + list(answer.items())
    if state is not None:
        query.append(("state", state))
    return RedirectResponse(urlunsplit(parts._replace(query=urlencode(query))), status_code=302)
