"""/control/*: how tests, tools and benchmarks steer the simulator and see the truth. For loopback peers only."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from . import entities as e
from .calls import Rejected, read_object
from .catalog import Listing
from .clock import stamp
from .control_events import Emit, Emitter
from .control_faults import FaultSwitch
from .failure_reasons import REASONS, ArmedRefusal, Stage
from .faults import FaultRequest
from .hosts import split_port
from .rest import reply
from .simulation import Simulation
from .sockets import Hub
from .truth import ledger

Act = Callable[[Any], Any]


class Advance(msgspec.Struct, forbid_unknown_fields=True):
    seconds: Annotated[float, msgspec.Meta(ge=0, le=7 * 24 * 3600)]


class Price(msgspec.Struct, forbid_unknown_fields=True):
    symbol: str
    price: Decimal


class Liquidity(msgspec.Struct, forbid_unknown_fields=True):
    """`size` contracts on every level of the book; null gives the seeded sizes back."""

    symbol: str
    size: Annotated[int, msgspec.Meta(ge=0)] | None = None


class AccountChange(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    account_id: int
    closed: bool | None = None
    restricted: bool | None = None
    readonly: bool | None = None
    deposit: Decimal | None = None


class Refuse(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """The account's next `times` orders are refused with a failureReason: in the reply (request), by the risk check
    (risk) or by the exchange (execution)."""

    account_id: int
    reason: str
    stage: Stage = Stage.REQUEST
    times: Annotated[int, msgspec.Meta(gt=0)] = 1


class Control:
    """The control routes of one simulation."""

    def __init__(self, simulation: Simulation, hub: Hub, save: Callable[[], bool]) -> None:
        self._simulation = simulation
        self._hub = hub
        self._save = save
        self._faults = FaultSwitch(simulation, hub)
        self._emitter = Emitter(simulation)

    def routes(self) -> list[Route]:
        """Routes to mount under /control."""
        return [
            self._post("/advance", Advance, self._advance),
            self._post("/price", Price, self._price),
            self._post("/liquidity", Liquidity, self._liquidity),
            self._post("/faults", FaultRequest, self._faults.set),
            self._post("/account", AccountChange, self._account),
            self._post("/refuse", Refuse, self._refuse),
            self._post("/emit", Emit, self._emitter.emit),
            self._get("/emitted", lambda _: self._emitter.emitted()),
            self._get("/ledger", lambda _: ledger(self._simulation)),
            self._get("/faults", lambda _: self._faults.armed()),
            self._get("/sockets", self._sockets),
            self._get("/market", self._market),
            self._get("/save", self._save_now),
        ]

    def _post(self, path: str, shape: type[Any], act: Act) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                asked = msgspec.convert(read_object(await request.body() or b"{}"), shape, strict=False)
            except msgspec.ValidationError as error:
                raise Rejected(400, str(error)) from None
            answer = act(asked)
            if isinstance(answer, Awaitable):
                answer = await answer
            return reply(answer)

        return Route(path, self._guarded(endpoint), methods=["POST"])

    def _get(self, path: str, act: Act) -> Route:
        async def endpoint(request: Request) -> Response:
            return reply(act(request))

        return Route(path, self._guarded(endpoint), methods=["GET"])

    @staticmethod
    def _guarded(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            if problem := stranger(request):
                return PlainTextResponse(problem, status_code=403)
            try:
                return await endpoint(request)
            except Rejected as rejected:
                return PlainTextResponse(rejected.text, status_code=rejected.status)

        return guarded

    def _advance(self, asked: Advance) -> Any:
        self._simulation.advance(asked.seconds)
        return {"now": stamp(self._simulation.clock.now())}

    def _price(self, asked: Price) -> Any:
        listing = self._listing(asked.symbol)
        ticks = listing.spec.ticks(asked.price)
        if ticks is None or ticks < 2:
            raise Rejected(400, f"{asked.price} is not on a tick of {listing.spec.tick}.")
        self._simulation.set_price(listing.contract_id, ticks)
        return self._quote(listing)

    def _liquidity(self, asked: Liquidity) -> Any:
        listing = self._listing(asked.symbol)
        market = self._simulation.feed.market(listing.contract_id)
        market.level_size = asked.size
        market.walk.step += 1
        return self._quote(listing)

    def _market(self, request: Request) -> Any:
        return self._quote(self._listing(request.query_params.get("symbol", "")))

    def _quote(self, listing: Listing) -> Any:
        market = self._simulation.feed.market(listing.contract_id)
        spec = listing.spec
        return {
            "symbol": listing.name,
            "contractId": listing.contract_id,
            "bid": spec.price(market.bid),
            "offer": spec.price(market.offer),
            "last": spec.price(market.last),
            "bidSize": market.size(market.bid),
            "offerSize": market.size(market.offer),
        }

    def _account(self, asked: AccountChange) -> Any:
        account = self._simulation.store.get(e.Account, asked.account_id)
        if account is None:
            raise Rejected(404, f"There is no account {asked.account_id}.")
        for name in ("closed", "restricted", "readonly"):
            if (value := getattr(asked, name)) is not None:
                setattr(account, name, value)
        account.active = not account.closed
        self._simulation.booking.put(account, account.id)
        if asked.deposit is not None:
            self._simulation.booking.deposit(account.id, asked.deposit)
        return account

    def _refuse(self, asked: Refuse) -> Any:
        if asked.reason not in REASONS:
            raise Rejected(400, f"There is no failureReason {asked.reason!r}.")
        if self._simulation.store.get(e.Account, asked.account_id) is None:
            raise Rejected(404, f"There is no account {asked.account_id}.")
        armed = ArmedRefusal(asked.account_id, asked.stage, asked.reason, asked.times)
        self._simulation.broker.pre_trade.armed.append(armed)
        return {"ok": True}

    def _sockets(self, _: Request) -> Any:
        return [
            {
                "userId": connection.session.user_id if connection.session else None,
                "synced": connection.interest is not None,
                "quotes": sorted(connection.market.quotes),
                "charts": len(connection.market.charts),
            }
            for connection in self._hub.connections
            if connection.is_open
        ]

    def _save_now(self, _: Request) -> Any:
        return {"ok": self._save()}

    def _listing(self, symbol: str) -> Listing:
        listing = self._simulation.catalog.find(symbol)
        if listing is None:
            raise Rejected(404, f"Unknown symbol {symbol}.")
        return listing


def stranger(request: Request) -> str:
    """Why a request may not steer the simulator; empty when it may.

    It must come from this machine, and be meant for it: a page in a browser on this machine reaches us too, by a name
    of its own that it lets point to loopback, or in the open with its Origin.
    """
    if not _is_loopback(request.client.host if request.client else ""):
        return "Only this machine may steer the simulator."
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return "A page of another site may not steer the simulator."
    names = [request.headers.get("host", "")]
    names += [urlsplit(origin).netloc for origin in request.headers.getlist("origin")]
    if not all(name == "localhost" or _is_loopback(name.strip("[]")) for name, _ in map(split_port, names)):
        return "Steer the simulator by its loopback address: 127.0.0.1, [::1] or localhost."
    return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
