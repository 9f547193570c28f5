"""user/syncrequest: the snapshot, and which later events belong to it (openapi.json, SyncRequest, SyncMessage)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from .calls import Call, Rejected
from .store import Event, Row, Store

OWN = {
    "users": "user",
    "accounts": "account",
    "accountRiskStatuses": "accountRiskStatus",
    "marginSnapshots": "marginSnapshot",
    "cashBalances": "cashBalance",
    "positions": "position",
    "fillPairs": "fillPair",
    "orders": "order",
    "orderVersions": "orderVersion",
    "commands": "command",
    "commandReports": "commandReport",
    "executionReports": "executionReport",
    "fills": "fill",
    "fillFees": "fillFee",
    "userAccountAutoLiqs": "userAccountAutoLiq",
    "orderStrategies": "orderStrategy",
    "orderStrategyLinks": "orderStrategyLink",
    "userPlugins": "userPlugin",
}
NOBODY_HAS = (
    "userProperties",
    "properties",
    "spreadDefinitions",
)
SPLIT_SIZE = 50


class ShardingExpression(msgspec.Struct, rename="camel"):
    expression_type: Literal["modAccountId", "modUserId"]
    divisor: Annotated[int, msgspec.Meta(gt=0)]
    remainder: int


class SyncRequest(msgspec.Struct, kw_only=True, rename="camel"):
    """openapi.json, SyncRequest. `cutoff_timestamp` has no effect: no document says what it does."""

    users: list[int] | None = None
    accounts: list[int] | None = None
    split_responses: bool = False
    entity_types: list[str] | None = None
    sharding_expression: ShardingExpression | None = None
    cutoff_timestamp: str | None = None


@dataclass(frozen=True)
class Interest:
    """Which entities and events a synchronised socket gets. Hashable, so that sockets share encoded frames."""

    user_id: int
    accounts: frozenset[int] | None = None
    types: frozenset[str] | None = None

    def wants(self, user_id: int, account_id: int | None, entity_type: str) -> bool:
        """Does an entity belong to it?"""
        if user_id != self.user_id:
            return False
        if self.accounts is not None and account_id is not None and account_id not in self.accounts:
            return False
        return self.types is None or entity_type in self.types

    def wants_event(self, event: Event) -> bool:
        """Does an event belong to it?"""
        if event.unasked:
            return event.user_id == self.user_id
        return self.wants(event.user_id, event.account_id, event.entity_type)


def interest(call: Call) -> Interest:
    """What a sync request asks for. Raises Rejected for other people's users and accounts."""
    request = call.read(SyncRequest)
    own = {account.id for account in call.simulation.store.accounts(call.user_id)}
    if request.users is not None:
        if request.entity_types is not None or request.sharding_expression is not None:
            raise Rejected(400, "users excludes entityTypes and shardingExpression")
        if set(request.users) != {call.user_id}:
            raise Rejected(401, "Access is denied")
        return Interest(call.user_id)
    accounts = set(request.accounts) if request.accounts is not None else own
    if not accounts <= own:
        raise Rejected(401, "Access is denied")
    if shard := request.sharding_expression:
        if shard.expression_type == "modAccountId":
            accounts = {number for number in accounts if number % shard.divisor == shard.remainder}
        elif call.user_id % shard.divisor != shard.remainder:
            accounts = set()
    types = frozenset(request.entity_types) if request.entity_types is not None else None
    return Interest(call.user_id, frozenset(accounts), types)


def snapshot(call: Call) -> dict[str, list[Any]]:
    """The reply of a sync request: arrays by their names in SyncMessage."""
    simulation = call.simulation
    wanted = interest(call)
    store, catalog = simulation.store, simulation.catalog
    reply: dict[str, list[Any]] = {name: _rows(store, wanted, kind) for name, kind in OWN.items()}
    traded = {
        number
        for rows in (reply["orders"], reply["positions"], reply["fills"])
        for number in (entity.contract_id for entity in rows)
    }
    contracts = [catalog.contracts[number] for number in sorted(traded)]
    maturities = [catalog.maturities[contract.contract_maturity_id] for contract in contracts]
    products = {maturity.product_id for maturity in maturities}
    reply["contracts"] = list(contracts)
    reply["contractMaturities"] = list(maturities)
    reply["products"] = [product for product in catalog.products if product.id in products]
    reply["exchanges"] = list(catalog.exchanges)
    reply["currencies"] = list(catalog.currencies)
    reply["contractGroups"] = list(catalog.groups)
    reply["orderStrategyTypes"] = list(catalog.order_strategy_types)
    if wanted.types is None:
        reply.update({name: [] for name in NOBODY_HAS})
    return reply


def split(reply: dict[str, list[Any]]) -> Iterable[dict[str, list[Any]]]:
    """The parts of a split reply, without an end marker. The first has what is always there."""
    yield {name: reply[name] for name in ("users", "contractGroups")}
    for name, entities in reply.items():
        if name in ("users", "contractGroups"):
            continue
        for begin in range(0, len(entities), SPLIT_SIZE):
            yield {"users": [], "contractGroups": [], name: entities[begin : begin + SPLIT_SIZE]}


def _rows(store: Store, wanted: Interest, kind: str) -> list[Any]:
    def belongs(row: Row) -> bool:
        return wanted.wants(row.user_id, row.account_id, kind)

    return [row.entity for row in store.rows[kind].values() if belongs(row)]
