"""The REST front: /v1/<entity>/<operation>, any case, any method, parameters in query, JSON or form."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .calls import Call, Rejected, read_object
from .entities import encode
from .operations import perform
from .params import gathered
from .simulation import Simulation

OAUTH_TOKEN = "auth/oauthtoken"  # noqa: S105 - a route
LONGEST_MESSAGE = 2**18
"""Bytes of a request's body and of a client's WebSocket message: what is longer is no request."""
NO_BODY = (b"", b"null", b"undefined")


class AnyCase:
    """ASGI middleware: the paths of operations are found in upper and lower case (protocol notes, "Hosts")."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").lower()
        if path.startswith(("/v1/", "/auth/")):
            scope = {**scope, "path": path}
        await self._app(scope, receive, send)


class ShortBodies:
    """ASGI middleware: a request whose body is longer than `longest` bytes is answered with status 413, and not kept in
    memory."""

    def __init__(self, app: ASGIApp, longest: int) -> None:
        self._app = app
        self._longest = longest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = 0

        async def counted() -> Message:
            nonlocal length
            message = await receive()
            length += len(message.get("body", b""))
            if length > self._longest:
                raise _TooLongError
            return message

        try:
            await self._app(scope, counted, send)
        except _TooLongError:
            text = f"A body has at most {self._longest} bytes"
            await PlainTextResponse(text, 413, {"Connection": "close"})(scope, receive, send)


class _TooLongError(Exception):
    """A request's body is too long."""


class Rest:
    """Answers REST requests of one simulation."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    async def operation(self, request: Request) -> Response:
        """Answer the operation that is named after /v1."""
        return await self._answer(request, operation_route(request))

    async def auth(self, request: Request) -> Response:
        """Answer an auth operation that was asked for without /v1."""
        return await self._answer(request, auth_route(request))

    async def _answer(self, request: Request, route: str) -> Response:
        trading = not route.startswith("auth/")
        if to := self._simulation.config.hosts.right_host(host_of(request), trading=trading):
            return moved_to(to, request)
        try:
            params = await read_params(request)
            if route == OAUTH_TOKEN:
                params |= basic_credentials(request)
            session = self._simulation.sessions.bearer(request.headers.get("authorization", ""))
            value = perform(Call(self._simulation, params, host_of(request), session, peer_of(request)), route)
        except Rejected as rejected:
            if route == OAUTH_TOKEN and rejected.status == 400:
                return self._oauth_reply({"error": "invalid_request", "error_description": rejected.text})
            return PlainTextResponse(rejected.text, status_code=rejected.status)
        return self._oauth_reply(value) if route == OAUTH_TOKEN else reply(value)

    def _oauth_reply(self, value: dict[str, Any]) -> Response:
        response = reply(value)
        response.headers["Cache-Control"] = "no-store"
        if "error" in value:
            response.status_code = self._simulation.config.oauth_error_status
        return response


def operation_route(request: Request) -> str:
    """The name of the operation that a path under /v1 asks for, such as `order/placeorder`."""
    return str(request.path_params["route"]).strip("/").lower()


def auth_route(request: Request) -> str:
    """The same for an auth operation without /v1."""
    return "auth/" + str(request.path_params["operation"]).lower()


def reply(value: Any) -> Response:
    """A JSON reply."""
    return Response(encode(value), media_type="application/json")


def moved_to(host: str, request: Request) -> Response:
    """Status 307 that sends a request to another host (protocol notes, "Hosts")."""
    return Response(status_code=307, headers={"Location": str(request.url.replace(netloc=host))})


def host_of(request: Request) -> str:
    """The name and port by which the client reached us, for apiHosts."""
    return request.headers.get("host") or request.url.netloc


def peer_of(connection: HTTPConnection) -> str:
    """The address that a request or socket came from."""
    return connection.client.host if connection.client else ""


def basic_credentials(request: Request) -> dict[str, str]:
    """The OAuth client of an HTTP Basic header, which goes before one in the body (RFC 6749, 2.3.1); empty values for
    a header that makes no sense, nothing without one."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        name = secret = ""
    return {"client_id": unquote_plus(name), "client_secret": unquote_plus(secret)}


async def read_params(request: Request) -> dict[str, Any]:
    """Query and body of a request together; the body wins. It is a JSON object or a form, whatever the method. Raises
    Rejected (400) when it is neither."""
    params = gathered(request.query_params.multi_items())
    body = (await request.body()).strip()
    if body in NO_BODY:
        return params
    # curl sends JSON as a form unless it is told
    if not body.startswith(b"{") and "x-www-form-urlencoded" in request.headers.get("content-type", ""):
        return params | gathered(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    return params | read_object(body)
