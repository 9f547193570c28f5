"""Faults of WebSockets: of their opening and of the requests on them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.websockets import WebSocket

from . import frames
from .calls import Rejected
from .fault_http import penalty_ticket
from .fault_kinds import OF_USERS, Effect
from .faults import Fault
from .transports import Transports

if TYPE_CHECKING:
    from .sockets import Connection

GARBAGE = "a[<html>upstream"
MISDIRECTED = 421


async def meet_upgrade(fault: Fault, websocket: WebSocket, transports: Transports) -> bool:
    """Let a fault happen to the opening of a socket; return whether that was the end of it."""
    match fault.kind.effect:
        case Effect.RESET:
            transports.abort(websocket.scope)
            while (await websocket.receive())["type"] != "websocket.disconnect":
                pass
        case Effect.STATUS:
            await websocket.send_denial_response(Response(fault.kind.text, fault.kind.status))
        case Effect.MOVED:
            await refuse_host(websocket)
        case Effect.WAIT:
            await asyncio.sleep(fault.seconds)
            return False
        case _:
            return False
    return True


async def refuse_host(websocket: WebSocket) -> None:
    """Status 421 for a socket that was opened on the wrong host (protocol notes, "Hosts")."""
    await websocket.send_denial_response(Response("Misdirected Request", MISDIRECTED))


async def meet_request(
    fault: Fault, connection: Connection, request_id: int, answer: Callable[[], list[str]]
) -> list[str]:
    """Let a fault happen to a request; return the frames that go out. `answer` carries the request out and returns
    the frames of a good answer."""
    effect = fault.kind.effect
    if effect is Effect.WAIT and not fault.kind.carried_out:
        await asyncio.sleep(fault.seconds)
        return answer()
    if effect is Effect.EVICT:
        connection.evict()
        return []
    if effect in OF_USERS:
        connection.strike(effect, fault.reason)
        return answer() if effect is Effect.EXPIRE else []
    frames_out = answer() if fault.kind.carried_out else []
    match effect:
        case Effect.WAIT:
            await asyncio.sleep(fault.seconds)
        case Effect.NO_REPLY:
            return []
        case Effect.STATUS:
            return [frames.error(request_id, Rejected(fault.kind.status, fault.kind.text))]
        case Effect.PENALTY:
            return [frames.ok(request_id, penalty_ticket(fault))]
        case Effect.GARBAGE:
            return [GARBAGE]
        case Effect.PARTIAL:
            connection.push(frames_out[0][: len(frames_out[0]) // 2])
            connection.end_without_frame()
            return []
        case _:
            connection.suffer(effect)
    return frames_out
