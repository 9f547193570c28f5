"""The REST front: /v1/<entity>/<operation>, any case, any method."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response

from .calls import Call, Rejected, read_object
from .entities import encode
from .faults import Fault, FaultKind
from .operations import perform_with_fault
from .sessions import Session
from .simulation import Simulation
from .transports import Transports

DROPS = (FaultKind.LOSE_REPLY, FaultKind.RESET_BEFORE)


class Rest:
    """Answers REST requests of one simulation."""

    def __init__(self, simulation: Simulation, transports: Transports) -> None:
        self._simulation = simulation
        self._transports = transports

    async def operation(self, request: Request) -> Response:
        """Answer the operation that is named after /v1."""
        return await self._serve(request, request.path_params["route"].strip("/").lower())

    async def auth(self, request: Request) -> Response:
        """Answer an auth operation that was asked for without /v1."""
        return await self._serve(request, "auth/" + request.path_params["operation"].lower())

    async def _serve(self, request: Request, route: str) -> Response:
        fault = self._simulation.faults.take(route)
        if fault and fault.kind is FaultKind.RESET_BEFORE:
            return self._drop(request)
        if fault and fault.kind is FaultKind.SLOW_BEFORE:
            await asyncio.sleep(fault.seconds)
        response = await self._answer(request, route, fault)
        if fault and fault.kind is FaultKind.LOSE_REPLY:
            return self._drop(request)
        if fault and fault.kind is FaultKind.SLOW:
            await asyncio.sleep(fault.seconds)
        if fault and fault.kind is FaultKind.GARBAGE:
            return Response(b"<html>upstream", media_type="text/html")
        return response

    async def _answer(self, request: Request, route: str, fault: Fault | None) -> Response:
        try:
            params = await read_params(request)
            call = Call(self._simulation, params, host_of(request), self._session(request), peer_of(request))
            return reply(perform_with_fault(call, route, fault))
        except Rejected as rejected:
            return PlainTextResponse(rejected.text, status_code=rejected.status)

    def _session(self, request: Request) -> Session | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self._simulation.sessions.session(token.strip()) if scheme.lower() == "bearer" else None

    def _drop(self, request: Request) -> Response:
        self._transports.abort(request.scope)
        return Response(status_code=500)  # goes nowhere: the connection is gone


def reply(value: Any) -> Response:
    """A JSON reply."""
    return Response(encode(value), media_type="application/json")


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
