"""What the journal keeps of the book's entities: plain values that a thread can write while the book goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from trading.sync.mirror import Mirror, Ref
from trading.tradovate.entities import Account, CashBalance, Command, CommandType, Contract, Fill, Order

# Column widths of the models that hold these texts.
LONGEST_REASON = 255
LONGEST_DESCRIPTION = 128


@dataclass(frozen=True)
class AccountRecord:
    id: int
    name: str
    readonly: bool
    closed: bool


@dataclass(frozen=True)
class ProductRecord:
    id: int
    name: str
    description: str
    tick_size: Decimal
    value_per_point: Decimal


@dataclass(frozen=True)
class ContractRecord:
    id: int
    name: str
    expiration_date: datetime
    first_intent_date: datetime | None
    product: ProductRecord


@dataclass(frozen=True)
class OrderRecord:
    """An order with its newest terms, its fills' sums and why it was refused."""

    id: int
    account_id: int
    symbol: str
    action: str
    status: str
    order_qty: int | None
    order_type: str
    price: Decimal | None
    stop_price: Decimal | None
    time_in_force: str
    reject_reason: str
    at: datetime | None
    filled_qty: int
    average_price: Decimal | None


@dataclass(frozen=True)
class FillRecord:
    id: int
    order_id: int
    symbol: str
    action: str
    qty: int
    price: Decimal
    active: bool
    at: datetime


@dataclass(frozen=True)
class CashRecord:
    id: int
    account_id: int
    trade_date: date
    amount: Decimal
    realized_pnl: Decimal
    at: datetime | None


@dataclass(frozen=True)
class CommandRecord:
    """That our clOrdId became an order."""

    id: int
    cl_ord_id: str
    order_id: int


@dataclass(frozen=True)
class UpstreamRecord:
    """How the socket stands; `since` is when it came to that."""

    state: str
    detail: str
    since: datetime


Record = AccountRecord | ContractRecord | OrderRecord | FillRecord | CashRecord | CommandRecord | UpstreamRecord


def records(mirror: Mirror, refs: Iterable[Ref]) -> list[Record]:
    """Records of these entities as they are now; what is not there, or not complete enough to keep, is left out."""
    found = (_record(mirror, kind, key) for kind, key in refs)
    return [record for record in found if record is not None]


def _record(mirror: Mirror, kind: type, key: int) -> Record | None:
    if kind is Order:
        return _order(mirror, key)
    if kind is Fill:
        return _fill(mirror, key)
    if kind is CashBalance:
        return _cash(mirror, key)
    if kind is Command:
        return _command(mirror, key)
    if kind is Contract:
        return _contract(mirror, key)
    return _account(mirror, key) if kind is Account else None


def _account(mirror: Mirror, key: int) -> AccountRecord | None:
    account = mirror.accounts.get(key)
    if account is None:
        return None
    closed = bool(account.closed) or account.active is False
    return AccountRecord(account.id, account.name, bool(account.readonly or account.restricted), closed)


def _contract(mirror: Mirror, key: int) -> ContractRecord | None:
    contract, product = mirror.contracts.get(key), mirror.product(key)
    maturity = mirror.maturities.get(contract.contract_maturity_id or 0) if contract else None
    if contract is None or product is None or maturity is None or maturity.expiration_date is None:
        return None
    kept = ProductRecord(
        product.id,
        product.name,
        product.description[:LONGEST_DESCRIPTION],
        product.tick_size,
        product.value_per_point,
    )
    return ContractRecord(contract.id, contract.name, maturity.expiration_date, maturity.first_intent_date, kept)


def _order(mirror: Mirror, key: int) -> OrderRecord | None:
    order = mirror.orders.get(key)
    if order is None:
        return None
    version = mirror.version(key)
    filled_qty, average_price = mirror.filled(key)
    return OrderRecord(
        id=order.id,
        account_id=order.account_id,
        symbol=mirror.symbol(order.contract_id),
        action=order.action,
        status=order.ord_status,
        order_qty=version.order_qty if version else None,
        order_type=version.order_type if version else "",
        price=version.price if version else None,
        stop_price=version.stop_price if version else None,
        time_in_force=(version.time_in_force if version else None) or "",
        reject_reason=mirror.reject_reason(key)[:LONGEST_REASON],
        at=order.timestamp,
        filled_qty=filled_qty,
        average_price=average_price,
    )


def _fill(mirror: Mirror, key: int) -> FillRecord | None:
    fill = mirror.fills.get(key)
    if fill is None:
        return None
    symbol = mirror.symbol(fill.contract_id)
    return FillRecord(fill.id, fill.order_id, symbol, fill.action, fill.qty, fill.price, fill.active, fill.timestamp)


def _cash(mirror: Mirror, key: int) -> CashRecord | None:
    cash = mirror.cash_balances.get(key)
    if cash is None or cash.trade_date is None:
        return None
    return CashRecord(
        cash.id,
        cash.account_id,
        cash.trade_date.to_date(),
        cash.amount,
        cash.realized_pnl or Decimal(0),
        cash.timestamp,
    )


def _command(mirror: Mirror, key: int) -> CommandRecord | None:
    command = mirror.commands.get(key)
    if command is None or not command.cl_ord_id or command.command_type != CommandType.NEW:
        return None
    return CommandRecord(command.id, command.cl_ord_id, command.order_id)
