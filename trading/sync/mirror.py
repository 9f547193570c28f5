"""Tradovate's entities of one connection, each kept by its id, and what one needs to know of them together.

An older state of an entity never replaces a newer one, and what an entity refers to may come later or never.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from trading.sync.rows import UNKNOWN
from trading.tradovate.entities import (
    Account,
    CashBalance,
    Command,
    CommandReport,
    Contract,
    ContractMaturity,
    Entity,
    ExecutionReport,
    Fill,
    MarginSnapshot,
    Order,
    OrderVersion,
    OrdStatus,
    Position,
    Product,
    TradeDate,
)

# An entity by its type's struct and its id.
Ref = tuple[type[Entity], int]

ZERO = Decimal(0)


class Mirror:
    """The entities that the desk and the journal need; others are ignored."""

    def __init__(self) -> None:
        self.accounts: dict[int, Account] = {}
        self.cash_balances: dict[int, CashBalance] = {}
        self.margins: dict[int, MarginSnapshot] = {}
        self.positions: dict[int, Position] = {}
        self.orders: dict[int, Order] = {}
        self.versions: dict[int, OrderVersion] = {}
        self.fills: dict[int, Fill] = {}
        self.commands: dict[int, Command] = {}
        self.command_reports: dict[int, CommandReport] = {}
        self.execution_reports: dict[int, ExecutionReport] = {}
        self.contracts: dict[int, Contract] = {}
        self.maturities: dict[int, ContractMaturity] = {}
        self.products: dict[int, Product] = {}
        # The newest trade date seen: the day whose fills are today's.
        self.today: TradeDate | None = None
        self._tables: dict[type[Entity], dict[int, Any]] = {
            Account: self.accounts,
            CashBalance: self.cash_balances,
            MarginSnapshot: self.margins,
            Position: self.positions,
            Order: self.orders,
            OrderVersion: self.versions,
            Fill: self.fills,
            Command: self.commands,
            CommandReport: self.command_reports,
            ExecutionReport: self.execution_reports,
            Contract: self.contracts,
            ContractMaturity: self.maturities,
            Product: self.products,
        }
        self._contracts_used: set[int] = set()
        # Ids of what belongs to an order, or, for command reports, to a command.
        self._parts: dict[type[Entity], dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))

    def put(self, entity: Entity) -> bool:
        """Keep an entity; False when it says nothing new."""
        table = self._tables.get(type(entity))
        if table is None:
            return False
        current = table.get(entity.id)
        if current is not None and (current == entity or _is_older(entity, current)):
            return False
        table[entity.id] = entity
        whole = _whole(entity)
        if whole is not None:
            self._parts[type(entity)][whole].add(entity.id)
        if isinstance(entity, Position | Fill | Order) and entity.contract_id is not None:
            self._contracts_used.add(entity.contract_id)
        if isinstance(entity, Fill | CashBalance) and entity.trade_date is not None:
            self.today = max(self.today, entity.trade_date) if self.today else entity.trade_date
        return True

    def remove(self, kind: type[Entity] | None, key: int | None) -> Entity | None:
        """Forget an entity; returns it, or None when it is not here."""
        table = self._tables.get(kind) if kind else None
        entity: Entity | None = table.pop(key, None) if table and key is not None else None
        whole = _whole(entity) if entity else None
        if entity is not None and whole is not None:
            self._parts[type(entity)][whole].discard(entity.id)
        return entity

    def ids(self, kind: type[Entity]) -> list[int]:
        return list(self._tables[kind])

    def part_ids(self, kind: type[Entity], whole: int) -> list[int]:
        """Ids of an order's fills, versions, commands or execution reports, or of a command's reports; ascending."""
        return sorted(self._parts[kind].get(whole, ()))

    def symbol(self, contract_id: int | None) -> str:
        """The contract's name; "#id" while it is not known."""
        if contract_id is None:
            return UNKNOWN
        contract = self.contracts.get(contract_id)
        return contract.name if contract else f"#{contract_id}"

    def product(self, contract_id: int | None) -> Product | None:
        contract = self.contracts.get(contract_id or 0)
        maturity = self.maturities.get(contract.contract_maturity_id or 0) if contract else None
        return self.products.get(maturity.product_id) if maturity else None

    def version(self, order_id: int) -> OrderVersion | None:
        """The order's newest terms."""
        ids = self.part_ids(OrderVersion, order_id)
        return self.versions[ids[-1]] if ids else None

    def order_fills(self, order_id: int) -> list[Fill]:
        """The order's fills, without those that the exchange busted."""
        fills = (self.fills[key] for key in self.part_ids(Fill, order_id))
        return [fill for fill in fills if fill.active]

    def filled(self, order_id: int) -> tuple[int, Decimal | None]:
        """(contracts filled, their average price)."""
        fills = self.order_fills(order_id)
        qty = sum(fill.qty for fill in fills)
        return qty, sum((fill.price * fill.qty for fill in fills), ZERO) / qty if qty else None

    def reject_reason(self, order_id: int) -> str:
        """Why the order was refused, in Tradovate's words; empty when nothing says so."""
        reports: list[CommandReport | ExecutionReport] = [
            self.execution_reports[key] for key in self.part_ids(ExecutionReport, order_id)
        ]
        for command_id in self.part_ids(Command, order_id):
            reports += [self.command_reports[key] for key in self.part_ids(CommandReport, command_id)]
        for report in reversed(reports):
            if report.reject_reason and report.reject_reason != "Success":
                return f"{report.text} ({report.reject_reason})" if report.text else report.reject_reason
        return ""

    def cash(self, account_id: int) -> CashBalance | None:
        """The account's latest cash balance."""
        balances = [balance for balance in self.cash_balances.values() if balance.account_id == account_id]
        return max(balances, key=lambda balance: (_date(balance.trade_date), balance.id), default=None)

    def missing(self) -> set[Ref]:
        """Contracts, maturities and products that are referred to and not known yet."""
        missing: set[Ref] = set()
        for contract_id in self._contracts_used:
            contract = self.contracts.get(contract_id)
            if contract is None:
                missing.add((Contract, contract_id))
            elif contract.contract_maturity_id is not None:
                maturity = self.maturities.get(contract.contract_maturity_id)
                if maturity is None:
                    missing.add((ContractMaturity, contract.contract_maturity_id))
                elif maturity.product_id not in self.products:
                    missing.add((Product, maturity.product_id))
        return missing


def _whole(entity: Entity) -> int | None:
    """The id of the order, or for a command report the command, that this entity is a part of."""
    if isinstance(entity, Fill | OrderVersion | Command | ExecutionReport):
        return entity.order_id
    return entity.command_id if isinstance(entity, CommandReport) else None


def _is_older(entity: Entity, current: Entity) -> bool:
    """Whether `entity` is a late repeat of a state that `current` has left behind."""
    if isinstance(entity, Order) and isinstance(current, Order):
        if current.finished:
            return not entity.finished
        return entity.ord_status == OrdStatus.PENDING_NEW
    if isinstance(entity, Fill) and isinstance(current, Fill):
        return not current.active
    if isinstance(entity, Position | CashBalance | MarginSnapshot):
        before, after = getattr(current, "timestamp", None), entity.timestamp
        return before is not None and after is not None and after < before
    return False


def _date(date: TradeDate | None) -> tuple[int, int, int]:
    return (date.year, date.month, date.day) if date else (0, 0, 0)
