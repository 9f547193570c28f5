"""The TradingView-style dialect: a REST API of its own on the same accounts, broker and ledger.

It is served on the hosts tv-demo and tv-live, and below /tv of any other name, as the document "Tradovate APIs
Reference" describes it. An error has HTTP status 200 and the document's code, but 401 without a valid token, 404 and
405 for what does not exist and 429 for too many requests.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Mount, Route, Router, request_response
from starlette.types import ASGIApp, Scope

from . import tv_accounts, tv_orders
from .entities import encode
from .fault_http import HttpFaults
from .hosts import Environment, environment_of
from .simulation import Simulation
from .tv_calls import ErrorCode, Handler, Refused, TvCall, failed, succeeded

FORM = "application/x-www-form-urlencoded"
MINUTE = timedelta(minutes=1)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
Methods = Mapping[str, tuple[str, Handler]]

OPERATIONS: Mapping[str, Methods] = {
    "/authorize": {"GET": ("tv/authorize", tv_accounts.authorize)},
    "/accounts": {"GET": ("tv/accounts", tv_accounts.accounts)},
    "/accounts/{account}/state": {"GET": ("tv/state", tv_accounts.state)},
    "/accounts/{account}/orders": {
        "GET": ("tv/orders", tv_orders.orders),
        "POST": ("tv/placeorder", tv_orders.place),
    },
    "/accounts/{account}/orders/{order}": {
        "GET": ("tv/order", tv_orders.order),
        "PUT": ("tv/modifyorder", tv_orders.change),
        "DELETE": ("tv/cancelorder", tv_orders.cancel),
    },
    "/accounts/{account}/positions": {"GET": ("tv/positions", tv_accounts.positions)},
    "/quotes": {"GET": ("tv/quotes", tv_accounts.quotes)},
}
"""What the dialect serves: path, method, the route by which faults and the ledger know it, and who answers."""


class TradingView:
    """The dialect's front of one simulation."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._seen: dict[str, deque[datetime]] = {}

    def mounts(self, faults: HttpFaults) -> list[BaseRoute]:
        """Routes for an application: below /tv, and at the root of the dialect's own hosts."""
        routes = [
            Route(path, faults.around(partial(self._serve, methods), partial(_route_of, methods)), methods=METHODS)
            for path, methods in OPERATIONS.items()
        ]
        dialect = Router(routes, redirect_slashes=False, default=request_response(_not_found))
        return [AnyPath("/tv", dialect), OwnHost("/", dialect)]

    async def _serve(self, methods: Methods, request: Request) -> Response:
        try:
            data = await self._answer(methods, request)
        except Refused as refused:
            return _json(failed(refused), refused.status)
        return _json(succeeded(data))

    async def _answer(self, methods: Methods, request: Request) -> object:
        if request.method not in methods:
            raise Refused(f"{request.method} is not allowed here. There is: {', '.join(methods)}.", status=405)
        session = self._simulation.sessions.bearer(request.headers.get("authorization", ""))
        if session is None:
            raise Refused("Invalid token", ErrorCode.INVALID_TOKEN, status=401)
        self._count(self._budget(request.path_params, session.user_id))
        form: dict[str, str] = {}
        if request.method in ("POST", "PUT"):
            form = await _form(request)
        live = environment_of(request.headers.get("host", "")) is Environment.TV_LIVE
        call = TvCall(self._simulation, session, request.path_params, request.query_params, form, live)
        return methods[request.method][1](call)

    def _budget(self, path: Mapping[str, str], user_id: int) -> str:
        """Whose budget a request is for: the account of its path, the user's where there is none of his own."""
        own = TvCall.account_of(self._simulation, path.get("account", ""), user_id)
        return f"account {own.id}" if own else f"user {user_id}"

    def _count(self, who: str) -> None:
        """Count a request of an account, or of a user. Raises Refused when there were too many in a minute ("Rate
        Limits")."""
        limits = self._simulation.config.limits
        if limits is None:
            return
        now = self._simulation.clock.now()
        seen = self._seen.setdefault(who, deque())
        while seen and seen[0] <= now - MINUTE:
            seen.popleft()
        if len(seen) >= limits.tv_per_minute:
            raise Refused(f"Too many requests: {limits.tv_per_minute} a minute for an account.", status=429)
        seen.append(now)


class AnyPath(Mount):
    """A mount that takes every path below it; Starlette's own leaves out those with an encoded line break."""

    def __init__(self, path: str, app: ASGIApp) -> None:
        super().__init__(path, app)
        self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)


class OwnHost(AnyPath):
    """What is mounted is served on the dialect's own hosts only."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Starlette's question whether a request goes here."""
        environment = environment_of(Headers(scope=scope).get("host", "")) if scope["type"] == "http" else None
        if environment is None or not environment.trading_view:
            return Match.NONE, {}
        return super().matches(scope)


def _route_of(methods: Methods, request: Request) -> str:
    return methods[request.method][0] if request.method in methods else "tv"


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form-encoded body. Raises Refused (1004) for another body."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Refused(f"The body must be {FORM}.", ErrorCode.INVALID_ORDER)
    return {key: value for key, value in (await request.form()).items() if isinstance(value, str)}


async def _not_found(request: Request) -> Response:
    return _json(failed(Refused(f"Not found: {request.url.path}", status=404)), 404)


def _json(value: dict[str, object], status: int = 200) -> Response:
    return Response(encode(value), status, media_type="application/json")
