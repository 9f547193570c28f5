"""Makes records of the book's entities as they are now."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from trading.orders.reasons import strategy_failure
from trading.sync.days import date_of
from trading.sync.fees import parts
from trading.sync.mirror import Mirror, Ref
from trading.sync.money import cash_of
from trading.sync.records import (
    AccountRecord,
    CashEntryRecord,
    CashRecord,
    CommandRecord,
    ContractRecord,
    FeeRecord,
    FillRecord,
    OrderRecord,
    OrderVersionRecord,
    PositionRecord,
    ProductRecord,
    Record,
    StrategyRecord,
)
from trading.tradovate.entities import (
    Account,
    CashBalance,
    CashBalanceLog,
    Command,
    CommandType,
    Contract,
    Entity,
    Fill,
    FillFee,
    Order,
    OrderStrategy,
    OrderVersion,
    Position,
)

# Column widths of the models that hold these texts.
LONGEST_DESCRIPTION = 128
LONGEST_COMMENT = LONGEST_TEXT = 255


def records(mirror: Mirror, refs: Iterable[Ref]) -> list[Record]:
    """Records of these entities as they are now; what is not there, or not complete enough to keep, is left out.

    Versions come first: orders that are written after them know which were refused.
    """
    found = (_MAKERS[kind](mirror, key) for kind, key in sorted(refs, key=lambda ref: ref[0] is not OrderVersion))
    return [record for record in found if record is not None]


def cash_entries(book: Iterable[CashBalanceLog]) -> list[Record]:
    """Records of the lines of cash books; those that name no account are left out."""
    return [
        CashEntryRecord(
            id=line.id,
            account_id=line.account_id,
            trade_date=date_of(line.trade_date),
            change_type=line.cash_change_type or "",
            delta=line.delta,
            amount=line.amount,
            realized_pnl=line.realized_pnl,
            fill_id=line.fill_id,
            comment=(line.comment or "")[:LONGEST_COMMENT],
            at=line.timestamp,
            currency_id=line.currency_id,
        )
        for line in book
        if line.account_id is not None
    ]


def _account(mirror: Mirror, key: int) -> AccountRecord | None:
    account = mirror.accounts.get(key)
    if account is None:
        return None
    closed = bool(account.closed) or account.active is False
    return AccountRecord(account.id, account.name, account.locked, closed)


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
        mirror.currency(product.currency_id),
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
        reject_reason=mirror.reject_reason(key),
        at=order.timestamp,
        filled_qty=filled_qty,
        average_price=average_price,
        parent_id=order.parent_id,
        oco_id=order.oco_id,
        version_id=version.id if version else None,
    )


def _version(mirror: Mirror, key: int) -> OrderVersionRecord | None:
    version = mirror.versions.get(key)
    if version is None:
        return None
    # A version is the work of the command with the same id (official guide, OrderVersion).
    command = mirror.commands.get(key)
    return OrderVersionRecord(
        id=version.id,
        order_id=version.order_id,
        order_qty=version.order_qty,
        order_type=version.order_type,
        price=version.price,
        stop_price=version.stop_price,
        limit_if_touched_price=version.limit_if_touched_price,
        peg_difference=version.peg_difference,
        max_show=version.max_show,
        time_in_force=version.time_in_force or "",
        expire_time=version.expire_time,
        text=(version.text or "")[:LONGEST_TEXT],
        at=command.timestamp if command else None,
        refused=mirror.is_refused(key),
    )


def _fill(mirror: Mirror, key: int) -> FillRecord | None:
    fill = mirror.fills.get(key)
    if fill is None:
        return None
    symbol, product = mirror.symbol(fill.contract_id), mirror.product(fill.contract_id)
    terms = (fill.action, fill.qty, fill.price, fill.active, fill.timestamp)
    rate = mirror.dollars(product.currency_id) if product else None
    return FillRecord(fill.id, fill.order_id, symbol, *terms, date_of(fill.trade_date), rate)


def _fee(mirror: Mirror, key: int) -> FeeRecord | None:
    fee = mirror.fees.get(key)
    found = parts(mirror, fee) if fee else None
    return None if found is None else FeeRecord(key, found)


def _position(mirror: Mirror, key: int) -> PositionRecord | None:
    position = mirror.positions.get(key)
    day = date_of(position.trade_date) if position else None
    if position is None or day is None:
        return None
    return PositionRecord(
        id=position.id,
        account_id=position.account_id,
        symbol=mirror.symbol(position.contract_id),
        trade_date=day,
        net_pos=position.net_pos,
        net_price=position.net_price,
        bought=position.bought,
        sold=position.sold,
        at=position.timestamp,
    )


def _cash(mirror: Mirror, key: int) -> CashRecord | None:
    changed = mirror.cash_balances.get(key)
    day = date_of(changed.trade_date) if changed else None
    if changed is None or day is None:
        return None
    cash = cash_of(mirror, changed.account_id, until=changed.trade_date)
    if cash is None or cash.amount is None:
        return None
    return CashRecord(changed.account_id, day, cash.amount, cash.realized_pnl or Decimal(0), cash.timestamp)


def _command(mirror: Mirror, key: int) -> CommandRecord | None:
    command = mirror.commands.get(key)
    tag = (command.cl_ord_id or command.custom_tag50) if command else None
    if command is None or not tag:
        return None
    if command.command_type == CommandType.NEW:
        return CommandRecord(command.id, tag, command.order_id)
    return CommandRecord(
        command.id, tag, command.order_id, command.command_type, mirror.took(command), mirror.refusal(command.id)
    )


def _strategy(mirror: Mirror, key: int) -> StrategyRecord | None:
    strategy = mirror.strategies.get(key)
    if strategy is None or not strategy.uuid:
        return None
    said = strategy.failure_message or ""
    return StrategyRecord(strategy.id, strategy.uuid, mirror.entry(key), strategy_failure(said))


_MAKERS: dict[type[Entity], Callable[[Mirror, int], Record | None]] = {
    Account: _account,
    CashBalance: _cash,
    Command: _command,
    Contract: _contract,
    Fill: _fill,
    FillFee: _fee,
    Order: _order,
    OrderStrategy: _strategy,
    OrderVersion: _version,
    Position: _position,
}
KEPT = tuple(_MAKERS)
