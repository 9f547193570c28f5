"""REST operations as typed calls: the seven that all entity types share, and those of orders, cash and sign-in.

Sources: the guide's Shared Operations; openapi.json, paths of the names that each docstring gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Generic, TypeAlias, TypeVar

import msgspec

from .entities import (
    AccessToken,
    CancelOrder,
    CashBalance,
    CashBalanceSnapshot,
    ChangeDemoBalance,
    CommandResult,
    DryRun,
    DryRunResponse,
    Entity,
    LiquidatePosition,
    LiquidatePositions,
    LiquidationResult,
    Me,
    ModifyOrder,
    Order,
    PlaceOCO,
    PlaceOcoResult,
    PlaceOrder,
    PlaceOrderResult,
    PlaceOSO,
    PlaceOsoResult,
    SimpleResponse,
)
from .transport import Transport

E = TypeVar("E", bound=Entity)

# The builtin, by another name: inside Reads, `list` is Tradovate's operation.
Many: TypeAlias = list[E]

# Keeps a request line well under what servers accept.
_IDS_PER_REQUEST = 200


class Reads(Generic[E]):
    """The shared reads of one entity type. Tradovate serves not all seven for all types: NotFound says so."""

    def __init__(self, transport: Transport, name: str, kind: type[E]) -> None:
        self._transport = transport
        self._name = name
        self._kind = kind

    async def list(self) -> Many[E]:
        """Return all entities of this type that the user may see; of orders and fills, this trading day's."""
        return await self._many("list")

    async def find(self, name: str) -> E:
        """Return the entity with this name (a contract's symbol). Raises NotFound."""
        return await self._transport.get(f"{self._name}/find", self._kind, {"name": name})

    async def item(self, entity_id: int, /) -> E:
        """Return the entity with this id. Raises NotFound."""
        return await self._transport.get(f"{self._name}/item", self._kind, {"id": entity_id})

    async def items(self, ids: Iterable[int]) -> Many[E]:
        """Return the entities with these ids, in any order; ids that Tradovate does not know are left out."""
        return await self._batched("items", "ids", ids)

    async def deps(self, master_id: int) -> Many[E]:
        """Return the entities that belong to a master: orders of an account, fills of an order."""
        return await self._many("deps", {"masterid": master_id})

    async def ldeps(self, master_ids: Iterable[int]) -> Many[E]:
        """As `deps`, for several masters in one request."""
        return await self._batched("ldeps", "masterids", master_ids)

    async def suggest(self, text: str, limit: int = 10) -> Many[E]:
        """Return at most `limit` entities with `text` in their name or description."""
        return await self._many("suggest", {"t": text, "l": limit})

    async def _many(self, operation: str, query: dict[str, object] | None = None) -> Many[E]:
        return await self._transport.get(f"{self._name}/{operation}", list_of(self._kind), query)

    async def _batched(self, operation: str, parameter: str, ids: Iterable[int]) -> Many[E]:
        found: Many[E] = []
        for batch in _batches(ids):
            found += await self._many(operation, {parameter: batch})
        return found


class Writable(Reads[E]):
    """Entities that can be made and changed whole: limits, risk parameters, subscriptions."""

    async def create(self, entity: E) -> E:
        """Make this entity and return it as Tradovate has it. Its id is 0, or that of what it belongs to."""
        return await self._transport.post(f"{self._name}/create", self._kind, _without_gaps(entity))

    async def update(self, entity: E) -> E:
        """Change the entity with this id to this and return it as Tradovate has it; None leaves a field out."""
        return await self._transport.post(f"{self._name}/update", self._kind, _without_gaps(entity))


class Orders(Reads[Order]):
    """Orders, and what can be done to them. No method here ever sends its request a second time.

    All raise OrderRejected for a refusal, NotSent when nothing happened, and OutcomeUnknown when an order may or may
    not have been accepted: then look at the orders and commands first. Acceptance is not execution: that arrives as
    events. A caller that is cancelled while it waits must treat the outcome as unknown, too.
    """

    async def place(self, order: PlaceOrder) -> PlaceOrderResult:
        """order/placeorder: send one order; return the id that Tradovate gave it."""
        return await self._transport.post("order/placeorder", PlaceOrderResult, order)

    async def modify(self, change: ModifyOrder) -> CommandResult:
        """order/modifyorder: change a working order; an accepted modify may still change nothing."""
        return await self._transport.post("order/modifyorder", CommandResult, change)

    async def cancel(self, cancel: CancelOrder) -> CommandResult:
        """order/cancelorder: cancel a working order; OrderRejected("TooLate") when it has finished."""
        return await self._transport.post("order/cancelorder", CommandResult, cancel)

    async def liquidate_position(self, position: LiquidatePosition) -> LiquidationResult:
        """order/liquidateposition: cancel the contract's orders and close its position at the market."""
        return await self._transport.post("order/liquidateposition", LiquidationResult, position)

    async def place_oco(self, request: PlaceOCO) -> PlaceOcoResult:
        """order/placeoco: send two orders, of which one fill cancels the other."""
        return await self._transport.post("order/placeoco", PlaceOcoResult, request)

    async def place_oso(self, request: PlaceOSO) -> PlaceOsoResult:
        """order/placeoso: send an order and the one or two that wait for its fill."""
        return await self._transport.post("order/placeoso", PlaceOsoResult, request)

    async def liquidate_positions(self, request: LiquidatePositions) -> SimpleResponse:
        """order/liquidatepositions: close several positions at the market."""
        return await self._transport.post("order/liquidatepositions", SimpleResponse, request)

    async def dry_run(self, request: DryRun) -> DryRunResponse:
        """order/dryrun: what at most 4 orders would do to the margin; nothing is traded."""
        return await self._transport.post("order/dryrun", DryRunResponse, request)


class CashBalances(Reads[CashBalance]):
    """Cash, and an account's money at a glance."""

    async def snapshot(self, account_id: int) -> CashBalanceSnapshot:
        """cashBalance/getcashbalancesnapshot: net liquidation, margins and P&L of one account now."""
        return await self._transport.post(
            "cashbalance/getcashbalancesnapshot", CashBalanceSnapshot, {"accountId": account_id}
        )

    async def change_demo_balance(self, request: ChangeDemoBalance) -> CashBalanceSnapshot:
        """cashbalance/changedemobalance: add to or take from the cash of a demo account."""
        return await self._transport.post("cashbalance/changedemobalance", CashBalanceSnapshot, request)


class Auth:
    """Who am I, and a longer session. Both ask the auth host: the demo host does not serve /auth/me."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def me(self) -> Me:
        """auth/me: the person behind the access token."""
        return await self._transport.auth("/v1/auth/me", Me)

    async def renew(self, ticket: str | None = None) -> AccessToken:
        """auth/renewaccesstoken: a new token for the same session, while the present one is still valid.

        Tradovate allows about 15 per hour and network: pace them. `ticket` repeats a renewal that a penalty delayed.
        Raises NotAuthorized once the token has expired, PenaltyImposed, RateLimited. Read `api_hosts` of the reply.
        """
        body = {"p-ticket": ticket} if ticket else None
        return await self._transport.auth("/v1/auth/renewaccesstoken", AccessToken, body=body)


def _without_gaps(entity: Entity) -> dict[str, object]:
    """Return what an entity says, without what it does not: fields that are None, and an id of 0."""
    fields = msgspec.to_builtins(entity, builtin_types=(Decimal,))
    return {name: value for name, value in fields.items() if value is not None and (name, value) != ("id", 0)}


def list_of(kind: type[E]) -> type[list[E]]:
    """Return the type `list[kind]`, for the decoder."""
    return list[kind]  # type: ignore[valid-type]  # mypy has no notation for a type argument known at run time


def _batches(ids: Iterable[int]) -> Iterator[list[int]]:
    rest = list(dict.fromkeys(ids))
    for start in range(0, len(rest), _IDS_PER_REQUEST):
        yield rest[start : start + _IDS_PER_REQUEST]
