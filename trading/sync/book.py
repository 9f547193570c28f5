"""The state of one connection as pages show it: a snapshot, then events. Pure: no I/O, no clock.

P&L is exact: open P&L = (mark - net price) x value per point x net position (guide, Product), net liquidation = cash +
open P&L, day P&L = the day's realised P&L + open P&L. What is not known makes what depends on it unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

import msgspec

from trading.sync import rows as formatter
from trading.sync.mirror import ZERO, Mirror, Ref
from trading.sync.rows import UNKNOWN, Row
from trading.tradovate.entities import (
    ENTITY_TYPES,
    Account,
    CashBalance,
    Command,
    CommandReport,
    Contract,
    ContractMaturity,
    Entity,
    EventType,
    ExecutionReport,
    Fill,
    MarginSnapshot,
    Order,
    OrderVersion,
    Position,
    Product,
    Quote,
    SyncSnapshot,
    UnknownEntity,
)
from trading.tradovate.frames import Event, PropsEvent, SnapshotPart


class Changes(msgspec.Struct):
    """What an event changed: rows that are new or different, keys of rows that are gone, entities to write down."""

    rows: dict[str, Row] = msgspec.field(default_factory=dict)
    gone: list[str] = msgspec.field(default_factory=list)
    touched: set[Ref] = msgspec.field(default_factory=set)


class Book:
    """Accounts, positions, working orders and today's fills of one connection, as rows.

    `rows` is what was last told of each; every method that changes something returns the difference.
    """

    def __init__(self) -> None:
        self.mirror = Mirror()
        self.marks: dict[int, Decimal] = {}
        self.rows: dict[str, Row] = {}
        self._row_makers: dict[str, Callable[[int], Row | None]] = {
            "account": self._account,
            "position": self._position,
            "order": self._order,
            "fill": self._fill,
        }

    @classmethod
    def load(cls, snapshot: SyncSnapshot) -> Book:
        """The book of a fresh user/syncrequest reply."""
        book = cls()
        book._take(snapshot)
        return book

    def apply(self, event: Event) -> Changes:
        """Take in one event of the user socket; what is not about entities changes nothing."""
        if isinstance(event, SnapshotPart):
            return self._take(event.snapshot)
        if not isinstance(event, PropsEvent):
            return Changes()
        today = self.mirror.today
        keys: set[str] = set()
        touched: set[Ref] = set()
        for entity in event.entities:
            if event.event_type == EventType.DELETED:
                removed = self.mirror.remove(ENTITY_TYPES.get(event.entity_type), entity.id)
                keys |= self._shown_in(removed) if removed else set()
            elif not isinstance(entity, UnknownEntity) and self.mirror.put(entity):
                keys |= self._shown_in(entity)
                touched |= self._to_write(entity)
        if self.mirror.today != today:
            keys |= {f"fill:{key}" for key in self.mirror.fills}
        return self._settle(keys, touched)

    def learn(self, entities: Iterable[Entity]) -> Changes:
        """Take in entities that were asked for because `Mirror.missing` named them."""
        touched: set[Ref] = set()
        for entity in entities:
            if self.mirror.put(entity):
                touched |= self._to_write(entity)
        return self._settle(self._all_keys(), touched)

    def mark(self, quotes: Iterable[Quote]) -> Changes:
        """Take in quotes: the mark is the last trade, or the settlement before the first trade."""
        keys: set[str] = set()
        for quote in quotes:
            level = quote.trade or quote.settlement_price
            if level and level.price is not None and self.marks.get(quote.contract_id) != level.price:
                self.marks[quote.contract_id] = level.price
                keys |= self._marked_keys(quote.contract_id)
        return self._settle(keys)

    def unmark(self) -> Changes:
        """Forget all marks: market data has stopped, and an old mark would be taken for the price."""
        keys = {key for contract_id in self.marks for key in self._marked_keys(contract_id)}
        self.marks.clear()
        return self._settle(keys)

    def open_contracts(self) -> set[int]:
        """Ids of the contracts in which a position is open: those that need a mark."""
        return {position.contract_id for position in self.mirror.positions.values() if position.net_pos}

    def all_to_write(self) -> set[Ref]:
        """Everything that the journal keeps, after a fresh snapshot."""
        return {
            (kind, key)
            for kind in (Account, CashBalance, Contract, Order, Fill, Command)
            for key in self.mirror.ids(kind)
        }

    def open_pnl(self, position: Position) -> Decimal | None:
        """Dollars that closing the position at the mark would gain; None when that cannot be known."""
        if position.net_pos == 0:
            return ZERO
        mark, product = self.marks.get(position.contract_id), self.mirror.product(position.contract_id)
        if mark is None or product is None or position.net_price is None:
            return None
        return (mark - position.net_price) * product.value_per_point * position.net_pos

    def _take(self, snapshot: SyncSnapshot) -> Changes:
        for name in SyncSnapshot.__struct_fields__:
            for entity in getattr(snapshot, name):
                if isinstance(entity, Entity):
                    self.mirror.put(entity)
        return self._settle(self._all_keys(), self.all_to_write())

    def _shown_in(self, entity: Entity) -> set[str]:
        """Keys of the rows in which this entity shows."""
        match entity:
            case MarginSnapshot() | CashBalance():
                return {f"account:{entity.account_id}"}
            case Position():
                return {f"position:{entity.id}", f"account:{entity.account_id}"}
            case Order():
                return {f"order:{entity.id}", *(f"fill:{key}" for key in self.mirror.part_ids(Fill, entity.id))}
            case OrderVersion():
                return {f"order:{entity.order_id}"}
            case Fill():
                return {f"fill:{entity.id}", f"order:{entity.order_id}"}
            case Account():
                # Named itself: when it was removed, it is not among all keys any more.
                return {f"account:{entity.id}", *self._all_keys()}
            case Contract() | ContractMaturity() | Product():
                return self._all_keys()
            case _:
                return set()

    def _to_write(self, entity: Entity) -> set[Ref]:
        """What the journal must write because of this entity; an order's record holds what its parts say."""
        order_id: int | None = None
        match entity:
            case Account() | CashBalance() | Order():
                return {(type(entity), entity.id)}
            case Contract():
                named = ((Order, self.mirror.orders), (Fill, self.mirror.fills))
                refs = {(kind, x.id) for kind, table in named for x in table.values() if x.contract_id == entity.id}
                return {(Contract, entity.id), *refs}
            case ContractMaturity() | Product():
                return {(Contract, key) for key in self.mirror.contracts}
            case Fill() | Command():
                return {(type(entity), entity.id), (Order, entity.order_id)}
            case OrderVersion() | ExecutionReport():
                order_id = entity.order_id
            case CommandReport():
                command = self.mirror.commands.get(entity.command_id)
                order_id = command.order_id if command else None
        return set() if order_id is None else {(Order, order_id)}

    def _marked_keys(self, contract_id: int) -> set[str]:
        held = [x for x in self.mirror.positions.values() if x.contract_id == contract_id]
        return {f"position:{x.id}" for x in held} | {f"account:{x.account_id}" for x in held}

    def _all_keys(self) -> set[str]:
        mirror = self.mirror
        tables = {
            "account": mirror.ids(Account),
            "position": mirror.ids(Position),
            "order": mirror.ids(Order),
            "fill": mirror.ids(Fill),
        }
        return {f"{kind}:{key}" for kind, ids in tables.items() for key in ids}

    def _settle(self, keys: set[str], touched: set[Ref] | None = None) -> Changes:
        """Format the rows of `keys` anew and keep those that differ from what was last told."""
        changes = Changes(touched=touched or set())
        for key in sorted(keys):
            kind, _, number = key.partition(":")
            row = self._row_makers[kind](int(number))
            if row is None:
                if self.rows.pop(key, None) is not None:
                    changes.gone.append(key)
            elif self.rows.get(key) != row:
                self.rows[key] = changes.rows[key] = row
        return changes

    def _account(self, account_id: int) -> Row | None:
        mirror = self.mirror
        account = mirror.accounts.get(account_id)
        if account is None:
            return None
        cash, margin = mirror.cash(account_id), mirror.margins.get(account_id)
        parts = [self.open_pnl(x) for x in mirror.positions.values() if x.account_id == account_id]
        known = [part for part in parts if part is not None]
        open_pnl = sum(known, ZERO) if len(known) == len(parts) else None
        return formatter.account_row(
            account,
            net_liq=_sum(cash.amount if cash else None, open_pnl),
            cash=cash.amount if cash else None,
            open_pnl=open_pnl,
            day_pnl=_sum(cash.realized_pnl if cash else None, open_pnl),
            margin_used=margin.total_used_margin if margin else None,
        )

    def _position(self, position_id: int) -> Row | None:
        position = self.mirror.positions.get(position_id)
        if position is None or position.net_pos == 0:
            return None
        return formatter.position_row(
            position,
            account=self._account_name(position.account_id),
            symbol=self.mirror.symbol(position.contract_id),
            tick_size=self._tick_size(position.contract_id),
            mark=self.marks.get(position.contract_id),
            open_pnl=self.open_pnl(position),
        )

    def _order(self, order_id: int) -> Row | None:
        order = self.mirror.orders.get(order_id)
        if order is None or order.finished:
            return None
        return formatter.order_row(
            order,
            self.mirror.version(order_id),
            account=self._account_name(order.account_id),
            symbol=self.mirror.symbol(order.contract_id),
            tick_size=self._tick_size(order.contract_id),
            filled=self.mirror.filled(order_id)[0],
        )

    def _fill(self, fill_id: int) -> Row | None:
        fill, today = self.mirror.fills.get(fill_id), self.mirror.today
        if fill is None or not fill.active or (fill.trade_date and today and fill.trade_date < today):
            return None
        order = self.mirror.orders.get(fill.order_id)
        return formatter.fill_row(
            fill,
            account_id=order.account_id if order else None,
            account=self._account_name(order.account_id) if order else UNKNOWN,
            symbol=self.mirror.symbol(fill.contract_id),
            tick_size=self._tick_size(fill.contract_id),
        )

    def _account_name(self, account_id: int) -> str:
        account = self.mirror.accounts.get(account_id)
        return account.name if account else UNKNOWN

    def _tick_size(self, contract_id: int | None) -> Decimal | None:
        product = self.mirror.product(contract_id)
        return product.tick_size if product else None


def _sum(first: Decimal | None, second: Decimal | None) -> Decimal | None:
    return None if first is None or second is None else first + second
