"""/control/*: how tests, tools and benchmarks steer the simulator and see the truth. For loopback peers only."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from . import entities as e
from .calls import Rejected, read_object
from .catalog import Listing
from .clock import stamp
from .faults import Fault, FaultKind
from .rest import reply
from .simulation import Simulation
from .sockets import Hub
from .store import Event

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


class ArmFault(msgspec.Struct, forbid_unknown_fields=True):
    """`kind` is a FaultKind, or one of: kick, no_heartbeat (both at once, with `user`), expire_tokens (with `user`),
    duplicate_events, modify_ignored (the next `times`), clear."""

    kind: str
    route: str = "*"
    times: Annotated[int, msgspec.Meta(gt=0)] = 1
    seconds: float = 1.0
    captcha: bool = False
    user: str | None = None


class AccountChange(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    account_id: int
    closed: bool | None = None
    restricted: bool | None = None
    readonly: bool | None = None
    deposit: Decimal | None = None


class Emit(msgspec.Struct, forbid_unknown_fields=True):
    """`count` events of a type (cashBalance or fill) to a user, `per_second` (0: at once, `batch` in each frame)."""

    user: str
    count: Annotated[int, msgspec.Meta(gt=0, le=1_000_000)] = 1
    per_second: Annotated[float, msgspec.Meta(ge=0)] = 0
    entity_type: str = "cashBalance"
    batch: Annotated[int, msgspec.Meta(gt=0)] = 1
    wait: bool = False


class Control:
    """The control routes of one simulation."""

    def __init__(self, simulation: Simulation, hub: Hub, save: Callable[[], bool]) -> None:
        self._simulation = simulation
        self._hub = hub
        self._save = save
        self._emitting: set[asyncio.Task[None]] = set()
        self._sequence = 0

    def routes(self) -> list[Route]:
        """Routes to mount under /control."""
        return [
            self._post("/advance", Advance, self._advance),
            self._post("/price", Price, self._price),
            self._post("/liquidity", Liquidity, self._liquidity),
            self._post("/faults", ArmFault, self._fault),
            self._post("/account", AccountChange, self._account),
            self._post("/emit", Emit, self._emit),
            self._get("/ledger", self._ledger),
            self._get("/faults", self._armed),
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
            peer = request.client.host if request.client else ""
            if not _is_loopback(peer):
                return PlainTextResponse("Only this machine may steer the simulator.", status_code=403)
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

    def _fault(self, asked: ArmFault) -> Any:
        match asked.kind:
            case "clear":
                self._simulation.faults.clear()
                self._hub.duplicate_events = self._simulation.broker.ignore_modifies = 0
            case "kick":
                for connection in self._hub.of_user(self._user(asked.user)):
                    connection.cut()
            case "no_heartbeat":
                for connection in self._hub.of_user(self._user(asked.user)):
                    connection.mute = True
            case "expire_tokens":
                return {"ok": True, "count": self._simulation.sessions.expire(self._user(asked.user))}
            case "duplicate_events":
                self._hub.duplicate_events += asked.times
            case "modify_ignored":
                self._simulation.broker.ignore_modifies += asked.times
            case _:
                try:
                    kind = FaultKind(asked.kind)
                except ValueError:
                    raise Rejected(400, f"There is no fault {asked.kind!r}.") from None
                route = asked.route.strip("/").lower()
                self._simulation.faults.arm(Fault(kind, route, asked.times, asked.seconds, asked.captcha))
        return {"ok": True}

    def _armed(self, _: Request) -> Any:
        return [
            {"kind": fault.kind.value, "route": fault.route, "left": fault.left}
            for fault in self._simulation.faults.armed()
        ]

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
            self._simulation.booking.ledgers[account.id].deposit(asked.deposit)
            self._simulation.booking.balance(account.id)
        return account

    def _sockets(self, _: Request) -> Any:
        return [
            {
                "userId": connection.session.user_id if connection.session else None,
                "synced": connection.interest is not None,
                "quotes": sorted(connection.market.quotes),
            }
            for connection in self._hub.connections
            if connection.is_open
        ]

    def _ledger(self, _: Request) -> Any:
        simulation = self._simulation
        entities = {name: [row.entity for row in rows.values()] for name, rows in simulation.store.rows.items()}
        truth = [
            {
                "accountId": account_id,
                "cash": ledger.cash,
                "startOfDay": ledger.start_of_day,
                "realized": ledger.realized,
                "fees": ledger.fees,
                "net": {str(holding.contract_id): holding.net for holding in ledger.open_holdings()},
            }
            for account_id, ledger in simulation.booking.ledgers.items()
        ]
        received = [
            {"route": r.route, "userId": r.user_id, "timestamp": r.timestamp, "params": r.params}
            for r in simulation.received
        ]
        return {
            "now": stamp(simulation.clock.now()),
            "accounts": truth,
            "working": sorted(ticket.order_id for ticket in simulation.exchange.working()),
            "received": received,
            "entities": entities,
        }

    def _save_now(self, _: Request) -> Any:
        return {"ok": self._save()}

    async def _emit(self, asked: Emit) -> Any:
        user_id = self._user(asked.user)
        accounts = self._simulation.store.accounts(user_id)
        if not accounts:
            raise Rejected(400, f"{asked.user} has no account.")
        if asked.entity_type not in ("cashBalance", "fill"):
            raise Rejected(400, "entity_type must be cashBalance or fill.")
        task = asyncio.create_task(self._emit_all(asked, user_id, accounts[0].id))
        self._emitting.add(task)
        task.add_done_callback(self._emitting.discard)
        if asked.wait:
            await task
        return {"ok": True, "count": asked.count}

    async def _emit_all(self, asked: Emit, user_id: int, account_id: int) -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for number in range(asked.count):
            if asked.per_second:
                await asyncio.sleep(max(0.0, begin + number / asked.per_second - loop.time()))
            elif number % asked.batch == 0:
                await asyncio.sleep(0)
            self._sequence += 1
            name, entity = self._synthetic(asked.entity_type, account_id)
            event_type = "Created" if name == "fill" else "Updated"
            self._simulation.on_event(Event(user_id, account_id, name, event_type, e.raw(entity)))

    def _synthetic(self, name: str, account_id: int) -> tuple[str, e.Entity]:
        """A valid entity that is not in the ledger: its timestamp (microseconds) is when it was sent, its amount
        (cashBalance, in cents) or id (fill) counts up by one, so that a reader sees what is lost."""
        sent = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        store = self._simulation.store
        if name == "cashBalance":
            balance = next(row for row in store.all(e.CashBalance) if row.account_id == account_id)
            amount = Decimal(self._sequence) / 100
            return name, msgspec.structs.replace(balance, timestamp=sent, amount=amount)
        listing = next(iter(self._simulation.catalog.listings.values()))
        fill = e.Fill(
            id=900_000_000 + self._sequence,
            order_id=900_000_000,
            contract_id=listing.contract_id,
            timestamp=sent,
            trade_date=e.TradeDate.of(self._simulation.day),
            action="Buy",
            qty=1,
            price=listing.spec.start,
            active=True,
            finally_paired=0,
        )
        return name, fill

    def _listing(self, symbol: str) -> Listing:
        listing = self._simulation.catalog.find(symbol)
        if listing is None:
            raise Rejected(404, f"Unknown symbol {symbol}.")
        return listing

    def _user(self, name: str | None) -> int:
        for trader in self._simulation.config.traders:
            if name is not None and name.lower() == trader.name.lower():
                return trader.user_id
        raise Rejected(404, f"There is no trader {name!r}.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
