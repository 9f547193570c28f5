"""The state of one connection as pages show it: a snapshot, then events. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from trading.sync.display import KINDS, Display, order_keys
from trading.sync.fees import DayFees
from trading.sync.marks_known import KnownMarks
from trading.sync.mirror import EarlierFill, Mirror, Ref
from trading.sync.recording import KEPT
from trading.sync.records import EquityRecord
from trading.sync.rows import Row
from trading.sync.worth import Worth
from trading.tradovate.entities import (
    ENTITY_TYPES,
    Account,
    AccountRiskStatus,
    CashBalance,
    Command,
    CommandReport,
    CommandType,
    Contract,
    ContractMaturity,
    Currency,
    CurrencyRate,
    Entity,
    EventType,
    ExecutionReport,
    Fill,
    FillFee,
    MarginSnapshot,
    Order,
    OrderStrategy,
    OrderStrategyLink,
    OrderVersion,
    Position,
    Product,
    Quote,
    SyncSnapshot,
    UnknownEntity,
    UserAccountAutoLiq,
)
from trading.tradovate.frames import Event, PropsEvent, SnapshotPart


class Changes(msgspec.Struct):
    """What an event changed: rows that are new or different, keys of rows that are gone, entities to write down."""

    rows: dict[str, Row] = msgspec.field(default_factory=dict)
    gone: list[str] = msgspec.field(default_factory=list)
    touched: set[Ref] = msgspec.field(default_factory=set)


class Book:
    """Accounts, positions, working orders, today's finished orders and fills of one connection, as rows.

    `rows` is what was last told of each; every method that changes something returns the difference.
    """

    def __init__(self) -> None:
        self.mirror = Mirror()
        self.marks = KnownMarks(self.mirror)
        self.fees = DayFees(self.mirror)
        # Whether the position limits that are mirrored are all that there are: a snapshot holds none.
        self.limits_known = False
        # What Tradovate has told and cannot be read, by the name of its kind and its id, and why (no values of it).
        self.unread: dict[tuple[str, int | None], str] = {}
        self.rows: dict[str, Row] = {}
        # Currencies (ids) at whose rate something has been written.
        self._rated: set[int] = set()
        self.worth = Worth(self.mirror, self.marks, self.fees)
        self._display = Display(self.mirror, self.marks, self.worth)

    @classmethod
    def load(cls, snapshot: SyncSnapshot, before: Book | None = None) -> Book:
        """The book of a fresh user/syncrequest reply; of the one `before` it knows the last quotes, and what orders
        had filled on earlier days."""
        book = cls()
        if before is not None:
            book.marks.recall(before.marks)
            book.mirror.recall_as(before.mirror)
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
                self.unread.pop((event.entity_type, entity.id), None)
            elif isinstance(entity, UnknownEntity):
                self._note_unread(entity)
            else:
                self.unread.pop((event.entity_type, entity.id), None)
                if self.mirror.put(entity):
                    keys |= self._shown_in(entity)
                    touched |= self._to_write(entity)
        if self.mirror.today != today:
            keys |= {f"fill:{key}" for key in self.mirror.fills} | {f"done:{key}" for key in self.mirror.orders}
            # Of each account: what it has gained on an earlier day is none of this day's.
            keys |= self._count_fees(self.mirror.fills) | {f"account:{key}" for key in self.mirror.accounts}
        return self._settle(keys, touched)

    def learn(self, entities: Iterable[Entity]) -> Changes:
        """Take in entities that were asked for because the snapshot did not hold them."""
        touched: set[Ref] = set()
        for entity in entities:
            if self.mirror.put(entity):
                touched |= self._to_write(entity)
        self._count_fees(self.mirror.fills)
        return self._settle(self._all_keys(), touched)

    def recall(self, fills: Iterable[EarlierFill]) -> Changes:
        """Take in what the orders have filled on earlier days."""
        return self._settle({key for order_id in self.mirror.recall(fills) for key in order_keys(order_id)})

    def mark(self, quotes: Iterable[Quote], *, are_late: bool = False) -> Changes:
        """Take in quotes as they come, of now or delayed."""
        return self._remark(self.marks.take(quotes, are_late=are_late))

    def unmark(self, contract_ids: set[int]) -> Changes:
        """Quotes of these have stopped: what is shown is no price of now any more, and says so."""
        return self._remark(self.marks.lose(contract_ids))

    def _remark(self, contract_ids: set[int]) -> Changes:
        return self._settle({key for contract_id in contract_ids for key in self._marked_keys(contract_id)})

    def open_contracts(self) -> set[int]:
        """Ids of the contracts in which a position is open: those that need a mark."""
        return {position.contract_id for position in self.mirror.positions.values() if position.net_pos}

    def late_symbols(self) -> list[str]:
        """Names of the contracts in which a position is open and whose quotes are delayed."""
        return sorted(self.mirror.symbol(key) for key in self.open_contracts() if self.marks.are_late(key))

    def working_contracts(self) -> set[int]:
        """Ids of the contracts in which orders have not ended."""
        orders = self.mirror.orders.values()
        return {order.contract_id for order in orders if order.contract_id is not None and not order.finished}

    def all_to_write(self) -> set[Ref]:
        """Everything that the journal keeps, after a fresh snapshot."""
        return {(kind, key) for kind in KEPT for key in self.mirror.ids(kind)}

    def to_write_first(self, keys: set[str]) -> set[Ref]:
        """Of `all_to_write`, what shows in these rows."""
        tables = self.mirror.table
        return {(kind, key) for kind, key in self.all_to_write() if self._shown_in(tables(kind)[key]) & keys}

    def equity(self, at: datetime) -> list[EquityRecord]:
        """What each account is worth, where that is known; `at` is when this is said to have been."""
        worths = {account_id: self.worth.of_account(account_id) for account_id in self.mirror.accounts}
        return [
            EquityRecord(
                account_id=account_id,
                at=at,
                net_liq=worth.net_liq,
                cash=worth.cash,
                open_pnl=worth.open_pnl,
                day_pnl=worth.day_pnl,
                fees=worth.fees,
                is_estimate=worth.is_estimate,
            )
            for account_id, worth in worths.items()
            if worth.net_liq is not None and worth.cash is not None and worth.open_pnl is not None
        ]

    def _count_fees(self, fill_ids: Iterable[int]) -> set[str]:
        return {f"account:{account_id}" for account_id in self.fees.count(fill_ids)}

    def _note_unread(self, misfit: UnknownEntity) -> None:
        """Of what the desk shows or keeps; anything else that is odd is ignored as what nobody knows is."""
        if misfit.problem and self.mirror.keeps(ENTITY_TYPES.get(misfit.entity_type)):
            self.unread[misfit.entity_type, misfit.id] = misfit.problem

    def _take(self, snapshot: SyncSnapshot) -> Changes:
        for misfit in snapshot.misfits:
            self._note_unread(misfit)
        for name in SyncSnapshot.__struct_fields__:
            for entity in getattr(snapshot, name):
                if isinstance(entity, Entity):
                    self.mirror.put(entity)
        self._count_fees(self.mirror.fills)
        return self._settle(self._all_keys(), self.all_to_write())

    def _shown_in(self, entity: Entity) -> set[str]:
        """Keys of the rows in which this entity shows."""
        match entity:
            case MarginSnapshot() | CashBalance() | AccountRiskStatus():
                return {f"account:{entity.account_id}"}
            case UserAccountAutoLiq():
                return {f"account:{entity.id}"}
            case Position():
                return {f"position:{entity.id}", f"account:{entity.account_id}"}
            case Order():
                fills = self.mirror.part_ids(Fill, entity.id)
                return order_keys(entity.id) | {f"fill:{key}" for key in fills} | self._count_fees(fills)
            case OrderVersion() | Command() | OrderStrategyLink():
                return order_keys(entity.order_id)
            case OrderStrategy() | ExecutionReport() | CommandReport():
                return self._explained_by(entity)
            case Fill():
                marked = (
                    self._marked_keys(entity.contract_id) if self.marks.depends_on_fills(entity.contract_id) else set()
                )
                return {f"fill:{entity.id}", *order_keys(entity.order_id), *marked, *self._count_fees([entity.id])}
            case FillFee():
                return {f"fill:{entity.id}"} | self._count_fees([entity.id])
            case Account():
                # Named itself: when it was removed, it is not among all keys any more.
                return {f"account:{entity.id}", *self._all_keys()}
            case Contract() | ContractMaturity() | Product():
                return self._all_keys()
            case Currency() | CurrencyRate():
                return self._all_keys() | self._count_fees(self.mirror.fills)
            case _:
                return set()

    def _explained_by(self, entity: OrderStrategy | ExecutionReport | CommandReport) -> set[str]:
        """Keys of the orders that this may say a reason, or the terms, of."""
        if isinstance(entity, OrderStrategy):
            return {key for order_id in self.mirror.orders_of_strategy(entity.id) for key in order_keys(order_id)}
        about = self.mirror.commands.get(entity.command_id) if isinstance(entity, CommandReport) else entity
        return order_keys(about.order_id) if about else set()

    def _to_write(self, entity: Entity) -> set[Ref]:
        """What the journal must write because of this entity; an order's record holds what its parts say."""
        match entity:
            case Account() | CashBalance() | FillFee() | Order() | Position():
                return {(type(entity), entity.id)}
            case Contract():
                mirror = self.mirror
                named = ((Order, mirror.orders), (Fill, mirror.fills), (Position, mirror.positions))
                refs = {(kind, x.id) for kind, table in named for x in table.values() if x.contract_id == entity.id}
                return {(Contract, entity.id), *refs}
            case ContractMaturity() | Product():
                return {(kind, key) for kind in (Contract, Fill) for key in self.mirror.ids(kind)}
            case Currency():
                return {(Contract, key) for key in self.mirror.contracts} | self._in_dollars()
            case CurrencyRate():
                # What is of an earlier day stays as an earlier rate has it.
                is_later = entity.id in self._rated
                self._rated.add(entity.id)
                return {ref for ref in self._in_dollars() if not is_later or self._is_of_today(*ref)}
            case Fill() | OrderVersion():
                return {(type(entity), entity.id), (Order, entity.order_id)}
            case Command():
                return {(Command, entity.id), (OrderVersion, entity.id), (Order, entity.order_id)}
            case OrderStrategy():
                return {(OrderStrategy, entity.id)}
            case OrderStrategyLink():
                return {(OrderStrategy, entity.order_strategy_id)}
            case ExecutionReport():
                return {(Order, entity.order_id), *self._about_an_order(entity.command_id)}
            case CommandReport():
                command = self.mirror.commands.get(entity.command_id)
                order_id = command.order_id if command else None
                about: set[Ref] = {(OrderVersion, entity.command_id), *self._about_an_order(entity.command_id)}
                return about | (set() if order_id is None else {(Order, order_id)})
        return set()

    def _in_dollars(self) -> set[Ref]:
        """What the journal keeps in dollars."""
        return {(kind, key) for kind in (CashBalance, Fill, FillFee) for key in self.mirror.ids(kind)}

    def _is_of_today(self, kind: type[Entity], key: int) -> bool:
        """Whether cash, or a fill with its fee, is of the newest trade date."""
        if kind is CashBalance:
            return self.mirror.cash_balances[key].trade_date == self.mirror.today
        fill = self.mirror.fills.get(key)
        return fill is not None and self.mirror.is_of_today(fill)

    def _about_an_order(self, command_id: int | None) -> set[Ref]:
        """A change or cancellation, which its reports say more of; what placed an order is told with its order."""
        command = self.mirror.commands.get(command_id or 0)
        return {(Command, command.id)} if command is not None and command.command_type != CommandType.NEW else set()

    def _marked_keys(self, contract_id: int) -> set[str]:
        held = [x for x in self.mirror.positions.values() if x.contract_id == contract_id]
        return {f"position:{x.id}" for x in held} | {f"account:{x.account_id}" for x in held}

    def _all_keys(self) -> set[str]:
        return {f"{kind}:{key}" for kind, entity in KINDS.items() for key in self.mirror.ids(entity)}

    def _settle(self, keys: set[str], touched: set[Ref] | None = None) -> Changes:
        """Format the rows of `keys` anew and keep those that differ from what was last told."""
        changes = Changes(touched=touched or set())
        for key in sorted(keys):
            row = self._display.row(key)
            if row is None:
                if self.rows.pop(key, None) is not None:
                    changes.gone.append(key)
            elif self.rows.get(key) != row:
                self.rows[key] = changes.rows[key] = row
        return changes
