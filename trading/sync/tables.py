"""Which row of which table a record becomes, and what of the row a newer record changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils import timezone

from trading.models import (
    Account,
    CashBalance,
    CashEntry,
    Comparison,
    Contract,
    EquityPoint,
    Fill,
    FillFee,
    Order,
    OrderVersion,
    Position,
    Product,
    Upstream,
)
from trading.sync import records as r
from trading.sync.upserts import NEW, OLD, upsert
from trading.tradovate.entities import OrdStatus
from trading.tradovate.entities.order import FINISHED

if TYPE_CHECKING:
    from trading.sync.journal import Entry

BY_ID = ("connection_id", "tradovate_id")

# A process that was stopped past its lease goes on with what it had to write when its successor has written what came
# later. By the broker's own figures no older state takes a newer one's place, as in the book (mirror.is_older).
_LATER = f"{NEW}.at >= {OLD}.at"
_NOT_BUSTED_BEFORE = f"{OLD}.active OR NOT {NEW}.active"
_TERMS = ("order_qty", "order_type", "price", "stop_price", "time_in_force")
_FINISHED = ", ".join(f"'{status}'" for status in sorted(FINISHED))
# An order of an earlier day may come without its versions: then the terms stay.
_FURTHER_ON = (
    f"({NEW}.status IN ({_FINISHED}) OR {OLD}.status NOT IN ({_FINISHED}))"
    f" AND ({NEW}.status <> '{OrdStatus.PENDING_NEW}' OR {OLD}.status = '{OrdStatus.PENDING_NEW}')"
    f" AND coalesce({NEW}.version_id_at_broker >= {OLD}.version_id_at_broker, true)"
)
_TERMS_WHERE_TOLD = {
    name: f"CASE WHEN {NEW}.version_id_at_broker IS NULL THEN {OLD}.{name} ELSE {NEW}.{name} END"
    for name in (*_TERMS, "version_id_at_broker")
}


@dataclass(frozen=True)
class Table:
    """`row` is the record's row but for its connection; `unique` its key, `changing` what a newer record changes, and
    `newer` when it is newer; `values` is for what is not just taken over (upserts.upsert)."""

    model: type[models.Model]
    row: Callable[[Any], dict[str, Any]]
    changing: Sequence[str]
    unique: Sequence[str] = BY_ID
    newer: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


def write(entries: Sequence[Entry]) -> None:
    """Write all that is written table by table."""
    _contracts([entry for entry in entries if isinstance(entry.record, r.ContractRecord)])
    for kind, table in TABLES.items():
        rows = [
            table.model(connection_id=entry.connection_id, **table.row(entry.record))
            for entry in entries
            if isinstance(entry.record, kind)
        ]
        upsert(table.model, rows, table.unique, table.changing, table.newer, table.values)


def _contracts(entries: list[Entry]) -> None:
    """Contracts and products are an environment's, not a connection's."""
    found = [(entry.environment, entry.record) for entry in entries if isinstance(entry.record, r.ContractRecord)]
    unique = ("environment", "tradovate_id")
    products = (
        Product(
            environment=environment,
            tradovate_id=record.product.id,
            name=record.product.name,
            description=record.product.description,
            tick_size=record.product.tick_size,
            value_per_point=record.product.value_per_point,
        )
        for environment, record in found
    )
    upsert(Product, products, unique, ("name", "description", "tick_size", "value_per_point"))
    known = {
        (product.environment, product.tradovate_id): product
        for product in Product.objects.filter(tradovate_id__in={record.product.id for _, record in found})
    }
    contracts = (
        Contract(
            environment=environment,
            tradovate_id=record.id,
            product=known[environment, record.product.id],
            name=record.name,
            expiration_date=record.expiration_date,
            first_intent_date=record.first_intent_date,
        )
        for environment, record in found
    )
    upsert(Contract, contracts, unique, ("product_id", "name", "expiration_date", "first_intent_date", "seen_at"))


def _account(record: r.AccountRecord) -> dict[str, Any]:
    return {
        "tradovate_id": record.id,
        "name": record.name,
        "readonly": record.readonly,
        "closed": record.closed,
    }


def _order(record: r.OrderRecord) -> dict[str, Any]:
    return {
        "tradovate_id": record.id,
        "account_id_at_broker": record.account_id,
        "symbol": record.symbol,
        "action": record.action,
        "status": record.status,
        "order_qty": record.order_qty,
        "order_type": record.order_type,
        "price": record.price,
        "stop_price": record.stop_price,
        "time_in_force": record.time_in_force,
        "reject_reason": record.reject_reason,
        "parent_id_at_broker": record.parent_id,
        "oco_id_at_broker": record.oco_id,
        "version_id_at_broker": record.version_id,
        "at": record.at or timezone.now(),
    }


def _version(record: r.OrderVersionRecord) -> dict[str, Any]:
    return {
        "tradovate_id": record.id,
        "order_id_at_broker": record.order_id,
        "order_qty": record.order_qty,
        "order_type": record.order_type,
        "price": record.price,
        "stop_price": record.stop_price,
        "limit_if_touched_price": record.limit_if_touched_price,
        "peg_difference": record.peg_difference,
        "max_show": record.max_show,
        "time_in_force": record.time_in_force,
        "expire_time": record.expire_time,
        "text": record.text,
        "at": record.at or timezone.now(),
    }


def _fill(record: r.FillRecord) -> dict[str, Any]:
    return {
        "tradovate_id": record.id,
        "order_id_at_broker": record.order_id,
        "symbol": record.symbol,
        "action": record.action,
        "qty": record.qty,
        "price": record.price,
        "active": record.active,
        "trade_date": record.trade_date,
        "at": record.at,
    }


def _fee(record: r.FeeRecord) -> dict[str, Any]:
    return {"tradovate_id": record.id, **record.parts, "total": sum(record.parts.values(), Decimal(0))}


def _position(record: r.PositionRecord) -> dict[str, Any]:
    return {
        "tradovate_id": record.id,
        "account_id_at_broker": record.account_id,
        "symbol": record.symbol,
        "trade_date": record.trade_date,
        "net_pos": record.net_pos,
        "net_price": record.net_price,
        "bought": record.bought,
        "sold": record.sold,
        "at": record.at or timezone.now(),
    }


def _balance(record: r.CashRecord) -> dict[str, Any]:
    return {
        "account_id_at_broker": record.account_id,
        "trade_date": record.trade_date,
        "amount": record.amount,
        "realized_pnl": record.realized_pnl,
        "at": record.at or timezone.now(),
    }


def _cash_entry(record: r.CashEntryRecord) -> dict[str, Any]:
    return {
        "tradovate_id": record.id,
        "account_id_at_broker": record.account_id,
        "trade_date": record.trade_date,
        "change_type": record.change_type,
        "delta": record.delta,
        "amount": record.amount,
        "realized_pnl": record.realized_pnl,
        "fill_id_at_broker": record.fill_id,
        "comment": record.comment,
        "at": record.at or timezone.now(),
    }


def _equity(record: r.EquityRecord) -> dict[str, Any]:
    return {
        "account_id_at_broker": record.account_id,
        "at": record.at,
        "net_liq": record.net_liq,
        "cash": record.cash,
        "open_pnl": record.open_pnl,
        "day_pnl": record.day_pnl,
        "fees": record.fees,
        "is_estimate": record.is_estimate,
    }


def _comparison(record: r.ComparisonRecord) -> dict[str, Any]:
    return {"at": record.at, "missed": record.missed, "wrong": record.wrong, "detail": record.detail}


def _upstream(record: r.UpstreamRecord) -> dict[str, Any]:
    return {"state": record.state, "detail": record.detail[:255], "since": record.since}


TABLES: dict[type[r.Record], Table] = {
    r.AccountRecord: Table(Account, _account, ("name", "readonly", "closed")),
    r.OrderRecord: Table(
        Order,
        _order,
        (
            *("symbol", "status", *_TERMS, "reject_reason"),
            *("parent_id_at_broker", "oco_id_at_broker", "version_id_at_broker"),
        ),
        newer=_FURTHER_ON,
        values=_TERMS_WHERE_TOLD,
    ),
    r.OrderVersionRecord: Table(
        OrderVersion,
        _version,
        (
            *("order_qty", "order_type", "price", "stop_price", "limit_if_touched_price", "peg_difference", "max_show"),
            *("time_in_force", "expire_time", "text", "at"),
        ),
    ),
    r.FillRecord: Table(Fill, _fill, ("symbol", "price", "qty", "active", "trade_date"), newer=_NOT_BUSTED_BEFORE),
    r.FeeRecord: Table(FillFee, _fee, (*FillFee.PARTS, "total")),
    r.PositionRecord: Table(
        Position,
        _position,
        ("symbol", "net_pos", "net_price", "bought", "sold", "at"),
        unique=("connection_id", "tradovate_id", "trade_date"),
        newer=_LATER,
    ),
    r.CashRecord: Table(
        CashBalance,
        _balance,
        ("amount", "realized_pnl", "at"),
        unique=("connection_id", "account_id_at_broker", "trade_date"),
        newer=_LATER,
    ),
    r.CashEntryRecord: Table(CashEntry, _cash_entry, ()),
    r.EquityRecord: Table(
        EquityPoint,
        _equity,
        ("net_liq", "cash", "open_pnl", "day_pnl", "fees", "is_estimate"),
        unique=("connection_id", "account_id_at_broker", "at"),
    ),
    r.ComparisonRecord: Table(Comparison, _comparison, (), unique=("connection_id", "at")),
    r.UpstreamRecord: Table(Upstream, _upstream, ("state", "detail", "since"), unique=("connection_id",)),
}
