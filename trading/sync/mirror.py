"""Tradovate's entities of one connection, each kept by its id, and what one needs to know of them together.

An older state of an entity never replaces a newer one, and what an entity refers to may come later or never.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from trading.orders import in_force, reasons
from trading.orders.drafts import is_ours
from trading.sync.days import date_of
from trading.sync.rows import UNKNOWN
from trading.tradovate.entities import (
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
    ExecType,
    ExecutionReport,
    Fill,
    FillFee,
    MarginSnapshot,
    Order,
    OrderStrategy,
    OrderStrategyLink,
    OrderVersion,
    OrdStatus,
    Position,
    Product,
    TradeDate,
    UserAccountAutoLiq,
    UserAccountPositionLimit,
    UserAccountRiskParameter,
)
from trading.tradovate.entities.terms import DOLLAR, DOLLARS

# An entity by its type's struct and its id.
Ref = tuple[type[Entity], int]

ZERO, ONE = Decimal(0), Decimal(1)


class EarlierFill(NamedTuple):
    """A fill that stands and that Tradovate does not serve any more, as the journal has it."""

    id: int
    order_id: int
    qty: int
    price: Decimal


class Mirror:
    """The entities that the desk, the journal and the checks need; others are ignored."""

    def __init__(self) -> None:
        self.accounts: dict[int, Account] = {}
        self.cash_balances: dict[int, CashBalance] = {}
        self.margins: dict[int, MarginSnapshot] = {}
        self.risk_statuses: dict[int, AccountRiskStatus] = {}
        self.auto_liqs: dict[int, UserAccountAutoLiq] = {}
        self.position_limits: dict[int, UserAccountPositionLimit] = {}
        self.risk_parameters: dict[int, UserAccountRiskParameter] = {}
        self.positions: dict[int, Position] = {}
        self.orders: dict[int, Order] = {}
        self.versions: dict[int, OrderVersion] = {}
        self.fills: dict[int, Fill] = {}
        self.fees: dict[int, FillFee] = {}
        self.commands: dict[int, Command] = {}
        self.command_reports: dict[int, CommandReport] = {}
        self.execution_reports: dict[int, ExecutionReport] = {}
        self.strategies: dict[int, OrderStrategy] = {}
        self.strategy_links: dict[int, OrderStrategyLink] = {}
        self.contracts: dict[int, Contract] = {}
        self.maturities: dict[int, ContractMaturity] = {}
        self.products: dict[int, Product] = {}
        self.currencies: dict[int, Currency] = {}
        self.rates: dict[int, CurrencyRate] = {}
        # The newest trade date seen: the day whose fills are today's.
        self.today: TradeDate | None = None
        self._tables: dict[type[Entity], dict[int, Any]] = {
            Account: self.accounts,
            CashBalance: self.cash_balances,
            MarginSnapshot: self.margins,
            AccountRiskStatus: self.risk_statuses,
            UserAccountAutoLiq: self.auto_liqs,
            UserAccountPositionLimit: self.position_limits,
            UserAccountRiskParameter: self.risk_parameters,
            Position: self.positions,
            Order: self.orders,
            OrderVersion: self.versions,
            Fill: self.fills,
            FillFee: self.fees,
            Command: self.commands,
            CommandReport: self.command_reports,
            ExecutionReport: self.execution_reports,
            OrderStrategy: self.strategies,
            OrderStrategyLink: self.strategy_links,
            Contract: self.contracts,
            ContractMaturity: self.maturities,
            Product: self.products,
            Currency: self.currencies,
            CurrencyRate: self.rates,
        }
        self._contracts_used: set[int] = set()
        self._last_fills: dict[int, Fill] = {}
        # By order. What Tradovate tells of the same fills counts more.
        self._earlier: dict[int, list[EarlierFill]] = {}
        # Ids of what belongs to an order, or, for command reports, to a command.
        self._parts: dict[type[Entity], dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))

    def put(self, entity: Entity) -> bool:
        """Keep an entity; False when it says nothing new."""
        table = self._tables.get(type(entity))
        if table is None:
            return False
        current = table.get(entity.id)
        if current is not None and (current == entity or is_older(entity, current)):
            return False
        table[entity.id] = entity
        whole = _whole(entity)
        if whole is not None:
            self._parts[type(entity)][whole].add(entity.id)
        if isinstance(entity, Position | Fill | Order) and entity.contract_id is not None:
            self._contracts_used.add(entity.contract_id)
        if isinstance(entity, Fill):
            self._note_last(entity)
        if isinstance(entity, Fill | CashBalance) and entity.trade_date and date_of(entity.trade_date):
            self.today = max(self.today, entity.trade_date) if self.today else entity.trade_date
        return True

    def keeps(self, kind: type[Entity] | None) -> bool:
        """Whether entities of a kind are kept, and not ignored."""
        return kind in self._tables

    def remove(self, kind: type[Entity] | None, key: int | None) -> Entity | None:
        """Forget an entity; returns it, or None when it is not here."""
        table = self._tables.get(kind) if kind else None
        entity: Entity | None = table.pop(key, None) if table and key is not None else None
        whole = _whole(entity) if entity else None
        if entity is not None and whole is not None:
            self._parts[type(entity)][whole].discard(entity.id)
        if isinstance(entity, Fill):
            self._note_last(msgspec.structs.replace(entity, active=False))
        return entity

    def ids(self, kind: type[Entity]) -> list[int]:
        return list(self._tables[kind])

    def table(self, kind: type[Entity]) -> Mapping[int, Entity]:
        """All entities of a kind, by id."""
        return self._tables[kind]

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
        """The terms that the order has now; None while they are not known."""
        versions = (self.versions[key] for key in reversed(self.part_ids(OrderVersion, order_id)))
        is_rejected = in_force.is_rejected(self.orders.get(order_id))
        return in_force.newest(versions, lambda version: self.is_refused(version.id), is_rejected=is_rejected)

    def untold(self) -> set[int]:
        """The orders that may still trade and whose terms are not known."""
        return {one.id for one in self.orders.values() if not one.finished and self.version(one.id) is None}

    def order_fills(self, order_id: int) -> list[Fill]:
        """The order's fills, without those that the exchange busted."""
        fills = (self.fills[key] for key in self.part_ids(Fill, order_id))
        return [fill for fill in fills if fill.active]

    def recall(self, fills: Iterable[EarlierFill]) -> set[int]:
        """What orders have filled on earlier days: a snapshot has the fills of its own day only. Returns the orders."""
        before, self._earlier = self._earlier, {}
        for fill in fills:
            self._earlier.setdefault(fill.order_id, []).append(fill)
        return before.keys() | self._earlier.keys()

    def recall_as(self, before: Mirror) -> None:
        """The same, as it was known before."""
        self._earlier = before._earlier

    def not_all_filled(self) -> set[int]:
        """The orders that have contracts of which Tradovate tells no fill, whatever is recalled of them."""
        versions = {order_id: self.version(order_id) for order_id in self.orders}
        told = {order_id: sum(fill.qty for fill in self.order_fills(order_id)) for order_id in self.orders}
        return {key for key, terms in versions.items() if terms is None or told[key] < terms.order_qty}

    def last_fill(self, contract_id: int) -> Fill | None:
        """The newest fill in the contract, whichever account's."""
        return self._last_fills.get(contract_id)

    def _note_last(self, fill: Fill) -> None:
        last = self._last_fills.get(fill.contract_id)
        if fill.active and (last is None or _age(last) < _age(fill)):
            self._last_fills[fill.contract_id] = fill
        elif not fill.active and last is not None and last.id == fill.id:
            # Busts are rare: the one before is looked for.
            others = [x for x in self.fills.values() if x.active and x.contract_id == fill.contract_id]
            self._last_fills.pop(fill.contract_id)
            if others:
                self._last_fills[fill.contract_id] = max(others, key=_age)

    def is_of_today(self, fill: Fill) -> bool:
        """Whether the fill stands and is of the newest trade date that is known."""
        return fill.active and not (fill.trade_date and self.today and fill.trade_date < self.today)

    def day(self, order_id: int) -> TradeDate | None:
        """The newest trade date on which something came of the order; None when nothing says so."""
        parts: list[Fill | ExecutionReport] = [self.fills[key] for key in self.part_ids(Fill, order_id)]
        parts += [self.execution_reports[key] for key in self.part_ids(ExecutionReport, order_id)]
        return max((part.trade_date for part in parts if part.trade_date), default=None)

    def strategy_id(self, order_id: int) -> int | None:
        """The order strategy that sent this order."""
        links = self.part_ids(OrderStrategyLink, order_id)
        return self.strategy_links[links[0]].order_strategy_id if links else None

    def strategy_failure(self, order_id: int) -> str:
        """Why the order strategy that sent this order has failed, to its trader; "" when it has not."""
        strategy = self.strategies.get(self.strategy_id(order_id) or 0)
        said = strategy.failure_message if strategy else None
        return reasons.strategy_failure(said) if said else ""

    def orders_of_strategy(self, strategy_id: int) -> list[int]:
        """The orders (ids) that a strategy has sent."""
        return [link.order_id for link in self.strategy_links.values() if link.order_strategy_id == strategy_id]

    def entry(self, strategy_id: int) -> int | None:
        """The first order that a strategy has sent."""
        return min(self.orders_of_strategy(strategy_id), default=None)

    def took(self, command: Command) -> bool:
        """Whether the exchange has carried out a change."""
        reports = (self.execution_reports[key] for key in self.part_ids(ExecutionReport, command.order_id))
        return any(one.command_id == command.id and one.exec_type == ExecType.REPLACED for one in reports)

    def is_refused(self, command_id: int) -> bool:
        """Whether a command came to nothing, by itself or by what is reported of it."""
        command = self.commands.get(command_id)
        return bool(self.refusal(command_id)) or (command is not None and command.command_status in reasons.REFUSED)

    def refusal(self, command_id: int) -> str:
        """Why a command was refused, as a trader reads it; "" when it was not."""
        said = [self.command_reports[key] for key in self.part_ids(CommandReport, command_id)]
        return reasons.of_commands(said).get(command_id, "")

    def filled(self, order_id: int) -> tuple[int, Decimal | None]:
        """(contracts filled, their average price), on earlier days, too, as far as these are recalled."""
        earlier = (fill for fill in self._earlier.get(order_id, ()) if fill.id not in self.fills)
        fills: list[Fill | EarlierFill] = [*self.order_fills(order_id), *earlier]
        qty = sum(fill.qty for fill in fills)
        return qty, sum((fill.price * fill.qty for fill in fills), ZERO) / qty if qty else None

    def is_ours(self, order_id: int) -> bool | None:
        """Whether this portal has placed the order; None while nothing says so. What closes a position has our mark as
        customTag50, and a strategy as its uuid."""
        strategy = self.strategies.get(self.strategy_id(order_id) or 0)
        if strategy is not None and is_ours(strategy.uuid or ""):
            return True
        commands = (self.commands[key] for key in self.part_ids(Command, order_id))
        placed = next((one for one in commands if one.command_type == CommandType.NEW), None)
        return None if placed is None else is_ours(placed.cl_ord_id or placed.custom_tag50 or "")

    def reject_reason(self, order_id: int) -> str:
        """Why the order was refused, as a trader reads it; empty when nothing says so. Not why a change or cancellation
        of it was."""
        commands = self.part_ids(Command, order_id)
        about = {key for key in commands if self.commands[key].command_type != CommandType.NEW}
        executed = (self.execution_reports[key] for key in self.part_ids(ExecutionReport, order_id))
        reports: list[CommandReport | ExecutionReport] = [one for one in executed if one.command_id not in about]
        for command_id in commands:
            if command_id not in about:
                reports += [self.command_reports[key] for key in self.part_ids(CommandReport, command_id)]
        for report in reversed(reports):
            if report.reject_reason and report.reject_reason != "Success":
                return reasons.rejection(report.reject_reason, report.text or "")
        return ""

    def dollars(self, currency_id: int | None) -> Decimal | None:
        """What one unit of a currency is worth; None while that is not known. No id stands for dollars."""
        if currency_id is None or self.currency(currency_id) == DOLLAR:
            return ONE
        rate = self.rates.get(currency_id)
        return rate.rate if rate else None

    def currency(self, currency_id: int | None) -> str:
        """The name of a currency; "" while that is not known. No id stands for dollars."""
        if currency_id is None:
            return DOLLAR
        currency = self.currencies.get(currency_id)
        return currency.name if currency else DOLLAR if currency_id == DOLLARS else ""

    def missing(self) -> set[Ref]:
        """Contracts, maturities, products and currencies' rates that are referred to and not known yet."""
        currencies = {one.currency_id for table in (self.cash_balances, self.products) for one in table.values()}
        missing: set[Ref] = {(CurrencyRate, one) for one in currencies if one is not None and self.dollars(one) is None}
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
    if isinstance(entity, Fill | OrderVersion | Command | ExecutionReport | OrderStrategyLink):
        return entity.order_id
    return entity.command_id if isinstance(entity, CommandReport) else None


def _age(fill: Fill) -> tuple[datetime, int]:
    return fill.timestamp, fill.id


def is_older(entity: Entity, current: Entity) -> bool:
    """Whether `entity` is a late repeat of a state that `current` has left behind."""
    if isinstance(entity, Order) and isinstance(current, Order):
        if current.finished:
            return not entity.finished
        return entity.ord_status == OrdStatus.PENDING_NEW
    if isinstance(entity, Fill) and isinstance(current, Fill):
        return not current.active
    if isinstance(entity, Position | CashBalance | MarginSnapshot | CurrencyRate):
        before, after = getattr(current, "timestamp", None), entity.timestamp
        return before is not None and after is not None and after < before
    return False
