"""All entities that belong to somebody, by type and id, and the events that their changes make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from . import entities as e
from . import people_entities, subscription_entities
from . import risk_entities as limits

E = TypeVar("E", bound=e.Entity)

TYPES: dict[str, type[e.Entity]] = {
    "user": e.User,
    "account": e.Account,
    "accountRiskStatus": limits.AccountRiskStatus,
    "userAccountAutoLiq": limits.UserAccountAutoLiq,
    "userAccountPositionLimit": limits.UserAccountPositionLimit,
    "userAccountRiskParameter": limits.UserAccountRiskParameter,
    "marginSnapshot": e.MarginSnapshot,
    "cashBalance": e.CashBalance,
    "cashBalanceLog": e.CashBalanceLog,
    "position": e.Position,
    "fillPair": e.FillPair,
    "order": e.Order,
    "orderVersion": e.OrderVersion,
    "command": e.Command,
    "commandReport": e.CommandReport,
    "executionReport": e.ExecutionReport,
    "fill": e.Fill,
    "fillFee": e.FillFee,
    "orderStrategy": e.OrderStrategy,
    "orderStrategyLink": e.OrderStrategyLink,
    **people_entities.TYPES,
    **subscription_entities.TYPES,
}
"""Entity types by the name that `props` events give them."""

_NAMES = {struct: name for name, struct in TYPES.items()}


@dataclass(frozen=True)
class Event:
    """A change, as a `props` event reports it. `entity` is JSON, encoded once for everybody who listens. One that comes
    `unasked` goes to the user's sockets whatever types they asked for."""

    user_id: int
    account_id: int | None
    entity_type: str
    event_type: str
    entity: msgspec.Raw
    unasked: bool = False


@dataclass
class Row:
    """An entity and whom it belongs to."""

    entity: e.Entity
    user_id: int
    account_id: int | None


class Store:
    """Entities of all users. Every `put` is reported to `listener`."""

    def __init__(self, listener: Callable[[Event], None]) -> None:
        self.rows: dict[str, dict[int, Row]] = {name: {} for name in TYPES}
        self.last_id = 10_000_000
        self.changes = 0
        self.report = listener

    def next_id(self) -> int:
        """A new id, greater than all before."""
        self.last_id += 1
        return self.last_id

    def put(self, entity: e.Entity, *, user_id: int, account_id: int | None = None) -> None:
        """Save a new or changed entity and report it."""
        name = _NAMES[type(entity)]
        known = entity.id in self.rows[name]
        self.keep(entity, user_id=user_id, account_id=account_id)
        raw = e.raw(entity)
        self.report(Event(user_id, account_id, name, "Updated" if known else "Created", raw))

    def keep(self, entity: e.Entity, *, user_id: int, account_id: int | None = None) -> None:
        """Save an entity of a type that can be read and is not synchronised: nothing is reported."""
        self.rows[_NAMES[type(entity)]][entity.id] = Row(entity, user_id, account_id)
        self.changes += 1

    def get(self, struct: type[E], entity_id: int) -> E | None:
        """The entity of that type and id, if there is one."""
        row = self.rows[_NAMES[struct]].get(entity_id)
        return row.entity if row is not None and isinstance(row.entity, struct) else None

    def own(self, struct: type[E], entity_id: int, user_id: int) -> E | None:
        """The entity of that type and id, if it belongs to the user."""
        row = self.rows[_NAMES[struct]].get(entity_id)
        return row.entity if row is not None and row.user_id == user_id and isinstance(row.entity, struct) else None

    def of_user(self, name: str, user_id: int) -> Iterator[Row]:
        """Rows of one entity type that belong to a user."""
        return (row for row in self.rows[name].values() if row.user_id == user_id)

    def all(self, struct: type[E]) -> Iterator[E]:
        """Every entity of a type, of all users."""
        return (row.entity for row in self.rows[_NAMES[struct]].values() if isinstance(row.entity, struct))

    def accounts(self, user_id: int) -> list[e.Account]:
        """A user's accounts."""
        return [account for account in self.all(e.Account) if account.user_id == user_id]

    def remove(self, entity: e.Entity) -> None:
        """Delete an entity and report it. Raises KeyError for one that is not there."""
        name = _NAMES[type(entity)]
        row = self.rows[name].pop(entity.id)
        self.changes += 1
        self.report(Event(row.user_id, row.account_id, name, "Deleted", e.raw(entity)))

    def forget(self, name: str, keep: Callable[[e.Entity], bool]) -> None:
        """Drop the entities of a type that are not to be kept: they are no longer served."""
        self.rows[name] = {number: row for number, row in self.rows[name].items() if keep(row.entity)}
        self.changes += 1
