"""Faults of HTTP requests, around any endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .entities import encode
from .fault_kinds import OF_USERS, Effect, Front
from .faults import Fault
from .hosts import environment_of, split_port, with_port
from .rest import host_of, moved_to
from .sessions import Session
from .simulation import Simulation
from .transports import Transports

Endpoint = Callable[[Request], Awaitable[Response]]
GARBAGE = b"<html><body>upstream</body></html>"


class HttpFaults:
    """Lets the armed faults of a simulation happen to HTTP requests."""

    def __init__(self, simulation: Simulation, transports: Transports) -> None:
        self._simulation = simulation
        self._transports = transports

    def around(self, endpoint: Endpoint, route_of: Callable[[Request], str]) -> Endpoint:
        """The same endpoint with faults, which know a request by the route that `route_of` gives."""

        async def faulty(request: Request) -> Response:
            session = self._simulation.sessions.bearer(request.headers.get("authorization", ""))
            user_id = session.user_id if session else None
            fault = self._simulation.faults.take(Front.REST, route_of(request), user_id)
            if fault is None:
                return await endpoint(request)
            return await self._meet(fault, request, endpoint, session)

        return faulty

    async def _meet(self, fault: Fault, request: Request, endpoint: Endpoint, session: Session | None) -> Response:
        effect = fault.kind.effect
        if effect is Effect.WAIT and not fault.kind.carried_out:
            await asyncio.sleep(fault.seconds)
            return await endpoint(request)
        if effect is Effect.EVICT and session is not None:
            self._simulation.sessions.close(session.id)
        elif effect in OF_USERS and session is not None:
            self._simulation.on_strike(effect, session.user_id, fault.reason)
        if effect in OF_USERS:
            return await endpoint(request)
        # a body that nobody read would make a reset of every other end
        await request.body()
        response = await endpoint(request) if fault.kind.carried_out else Response()
        match effect:
            case Effect.RESET:
                self._transports.abort(request.scope)
                return Response(status_code=500)  # goes nowhere: the connection is gone
            case Effect.NO_REPLY:
                return Silence()
            case Effect.STATUS:
                return Response(fault.kind.text, fault.kind.status, media_type="text/plain")
            case Effect.PENALTY:
                return Response(encode(penalty_ticket(fault)), media_type="application/json")
            case Effect.GARBAGE:
                return Response(GARBAGE, media_type="text/html")
            case Effect.PARTIAL:
                return Half(response, self._transports)
            case Effect.MOVED:
                return moved_to(fault.to or other_host(host_of(request)), request)
        await asyncio.sleep(fault.seconds)
        return response


class Silence(Response):
    """No answer, until the client gives up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass


class Half(Response):
    """The first half of another response, then the end of the connection."""

    def __init__(self, whole: Response, transports: Transports) -> None:
        super().__init__(bytes(whole.body), whole.status_code, media_type=whole.media_type or "application/json")
        self._transports = transports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body[: len(self.body) // 2], "more_body": True})
        self._transports.close(scope)
        while (await receive())["type"] != "http.disconnect":
            pass


def penalty_ticket(fault: Fault) -> dict[str, object]:
    """What a penalty answers (protocol notes, "Limits")."""
    return {"p-ticket": f"ticket-{fault.met}", "p-time": int(fault.seconds), "p-captcha": fault.captcha}


def other_host(host: str) -> str:
    """Another name by which the same server is reached, port kept: `localhost` for an address, `demo-b.` for
    `demo.`."""
    name, port = split_port(host)
    if environment_of(host):
        label, _, domain = name.partition(".")
        moved = f"{label}-b.{domain}"
    else:
        moved = "127.0.0.1" if name == "localhost" else "localhost"
    return with_port(moved, port)
