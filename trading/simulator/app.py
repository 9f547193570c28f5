"""The ASGI application: routes, and the task that lets time pass."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from .config import Config
from .control import Control
from .fault_http import HttpFaults
from .oauth import OAuth
from .persistence import StateFile
from .rest import LONGEST_MESSAGE, AnyCase, Rest, ShortBodies, auth_route, operation_route, reply
from .services import SERVICE_PATHS
from .simulation import Simulation
from .sockets import Hub
from .transports import Transports
from .tv import TradingView

logger = logging.getLogger(__name__)
ANY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def create_app(config: Config | None = None) -> Starlette:
    """A simulator as an ASGI application.

    Serve it with uvicorn and the protocols of `app.state.transports`, as `server` does; elsewhere the faults that
    cut connections cannot work. Raises OSError or ValueError when the state file cannot be read.
    """
    config = config or Config()
    simulation = Simulation(config)
    state_file = StateFile(config.state_path, simulation) if config.state_path else None
    if state_file is None or not state_file.load():
        simulation.open_accounts()
    simulation.begin_market()
    transports = Transports()
    hub = Hub(simulation, transports)
    faults = HttpFaults(simulation, transports)
    rest = Rest(simulation)
    oauth = OAuth(simulation)

    def save(*, always: bool = False) -> bool:
        return state_file.save(always=always) if state_file else False

    async def tick() -> None:
        while True:
            await asyncio.sleep(config.tick_seconds)
            simulation.tick()

    async def keep() -> None:
        while True:
            await asyncio.sleep(config.save_seconds)
            try:
                save()
            except OSError as error:
                logger.error("The state cannot be saved to %s: %s", config.state_path, error.strerror)  # noqa: TRY400

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        jobs = [tick()] if not config.manual_clock else []
        tasks = [asyncio.create_task(job) for job in [*jobs, keep()]]
        for task in tasks:
            task.add_done_callback(_report_crash)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            save(always=True)

    routes: list[BaseRoute] = [
        Route("/health", _health),
        Route("/oauth", oauth.authorize, methods=["GET"]),
        Route("/oauth", oauth.decide, methods=["POST"]),
        WebSocketRoute("/v1/websocket", hub.endpoint),
        *(WebSocketRoute(f"/{label}/v1/websocket", hub.endpoint) for label in SERVICE_PATHS),
    ]
    if config.control:
        routes.append(Mount("/control", routes=Control(simulation, hub, save).routes()))
    routes += [
        Route("/v1/{route:path}", faults.around(rest.operation, operation_route), methods=ANY_METHOD),
        Route("/auth/{operation}", faults.around(rest.auth, auth_route), methods=ANY_METHOD),
        *TradingView(simulation).mounts(faults),
        Route("/{rest:path}", _not_found, methods=ANY_METHOD),
    ]
    middleware = [Middleware(ShortBodies, LONGEST_MESSAGE), Middleware(AnyCase)]
    app = Starlette(routes=routes, middleware=middleware, lifespan=lifespan)
    app.state.simulation = simulation
    app.state.hub = hub
    app.state.transports = transports
    return app


def _report_crash(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        logger.critical("The simulator's market or its saving stopped.", exc_info=error)


def _health(_: Request) -> Response:
    return reply({"ok": True})


def _not_found(request: Request) -> Response:
    return PlainTextResponse(f"Not found: {request.url.path.strip('/')}", status_code=404)
