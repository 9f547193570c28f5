"""The REST front: /v1/<entity>/<operation>, any case, any method."""

from __future__ import annotations

from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response

from .calls import Call, Rejected, read_object
from .entities import encode
from .operations import perform
from .simulation import Simulation


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
            session = self._simulation.sessions.bearer(request.headers.get("authorization", ""))
            call = Call(self._simulation, params, host_of(request), session, peer_of(request))
            return reply(perform(call, route))
        except Rejected as rejected:
            return PlainTextResponse(rejected.text, status_code=rejected.status)


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


async def read_params(request: Request) -> dict[str, Any]:
    """Query and body of a request together; the body wins. Raises Rejected (400) when it is not a JSON object."""
    params: dict[str, Any] = dict(request.query_params)
    body = await request.body()
    if body.strip():
        params.update(read_object(body))
    return params
