"""Which row of which table a record becomes, and what of the row a newer record changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
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
# Columns that are not named like the field of a record; all others are.
_COLUMNS = {
    "id": "tradovate_id",
    **{
        f"{what}_id": f"{what}_id_at_broker"
        for what in ("account", "order", "parent", "oco", "version", "fill", "currency")
    },
}

# A process that was stopped past its lease goes on with what it had to write when its successor has written what came
# later. By the broker's own figures no older state takes a newer one's place, as in the book (mirror.is_older).
_LATER = f"{NEW}.at >= {OLD}.at"
_LATER_SYNC = (
    f"CASE WHEN {OLD}.synced_at IS NULL OR {NEW}.synced_at > {OLD}.synced_at"
    f" THEN {NEW}.synced_at ELSE {OLD}.synced_at END"
)
_NOT_BUSTED_BEFORE = f"{OLD}.active OR NOT {NEW}.active"
_TERMS = ("order_qty", "order_type", "price", "stop_price", "time_in_force")
_FINISHED = ", ".join(f"'{status}'" for status in sorted(FINISHED))
# An order of an earlier day may come without its versions: then the terms stay.
_FURTHER_ON = (
    f"({NEW}.status IN ({_FINISHED}) OR {OLD}.status NOT IN ({_FINISHED}))"
    f" AND ({NEW}.status <> '{OrdStatus.PENDING_NEW}' OR {OLD}.status = '{OrdStatus.PENDING_NEW}')"
)
# A version whose command is not told stands at the time at which it came, and a command is never later than that.
_EARLIER = f"CASE WHEN {NEW}.at < {OLD}.at THEN {NEW}.at ELSE {OLD}.at END"
# Terms that were refused were the order's until that was known: then those before them are again.
_OLD_REFUSED, _NEW_REFUSED = (
    f"EXISTS (SELECT 1 FROM {OrderVersion._meta.db_table} AS v WHERE v.refused"  # noqa: S608 - all of it is ours
    f" AND v.connection_id = {OLD}.connection_id AND v.tradovate_id = {order}.version_id_at_broker)"
    for order in (OLD, NEW)
)
_KEEPS_TERMS = (
    f"{NEW}.version_id_at_broker IS NULL OR ({NEW}.version_id_at_broker <> {OLD}.version_id_at_broker"
    f" AND NOT {_OLD_REFUSED} AND ({NEW}.version_id_at_broker < {OLD}.version_id_at_broker OR {_NEW_REFUSED}))"
)
_TERMS_IN_FORCE = {
    name: f"CASE WHEN {_KEEPS_TERMS} THEN {OLD}.{name} ELSE {NEW}.{name} END"
    for name in (*_TERMS, "version_id_at_broker")
}
# A snapshot may come without currencies: then what was asked for (trading.orders.product_terms) stays.
_CURRENCY_IF_TOLD = {"currency": f"CASE WHEN {NEW}.currency = '' THEN {OLD}.currency ELSE {NEW}.currency END"}


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
            currency=record.product.currency,
        )
        for environment, record in found
    )
    changing = ("name", "description", "tick_size", "value_per_point", "currency")
    upsert(Product, products, unique, changing, values=_CURRENCY_IF_TOLD)
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


def _plain(kind: type[r.Record], *left_out: str) -> Callable[[Any], dict[str, Any]]:
    """Makes rows of a kind of record that has a column for each of its fields but those left out."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # all kinds are dataclasses
    columns = {name: _COLUMNS.get(name, name) for name in names if name not in left_out}

    def row(record: r.Record) -> dict[str, Any]:
        found = {column: getattr(record, name) for name, column in columns.items()}
        if "at" in found and found["at"] is None:
            found["at"] = timezone.now()
        return found

    return row


def _fee(record: r.FeeRecord) -> dict[str, Any]:
    return {"tradovate_id": record.id, **record.parts, "total": sum(record.parts.values(), Decimal(0))}


def _upstream(record: r.UpstreamRecord) -> dict[str, Any]:
    return {
        "state": record.state,
        "detail": record.detail[:255],
        "since": record.since,
        "synced_at": record.synced_at,
    }


TABLES: dict[type[r.Record], Table] = {
    r.AccountRecord: Table(Account, _plain(r.AccountRecord), ("name", "readonly", "closed")),
    # Before the orders, which look there for what was refused.
    r.OrderVersionRecord: Table(
        OrderVersion,
        _plain(r.OrderVersionRecord),
        (
            *("order_qty", "order_type", "price", "stop_price", "limit_if_touched_price", "peg_difference", "max_show"),
            *("time_in_force", "expire_time", "text", "at", "refused"),
        ),
        values={"at": _EARLIER, "refused": f"{OLD}.refused OR {NEW}.refused"},
    ),
    r.OrderRecord: Table(
        Order,
        _plain(r.OrderRecord, "filled_qty", "average_price"),
        (
            *("symbol", "status", *_TERMS, "reject_reason"),
            *("parent_id_at_broker", "oco_id_at_broker", "version_id_at_broker"),
        ),
        newer=_FURTHER_ON,
        values=_TERMS_IN_FORCE,
    ),
    r.FillRecord: Table(
        Fill,
        _plain(r.FillRecord),
        ("symbol", "price", "qty", "active", "trade_date", "rate"),
        newer=_NOT_BUSTED_BEFORE,
        values={"rate": f"coalesce({OLD}.rate, {NEW}.rate)"},
    ),
    r.FeeRecord: Table(FillFee, _fee, (*FillFee.PARTS, "total")),
    r.PositionRecord: Table(
        Position,
        _plain(r.PositionRecord),
        ("symbol", "net_pos", "net_price", "bought", "sold", "at"),
        unique=("connection_id", "tradovate_id", "trade_date"),
        newer=_LATER,
    ),
    r.CashRecord: Table(
        CashBalance,
        _plain(r.CashRecord),
        ("amount", "realized_pnl", "at"),
        unique=("connection_id", "account_id_at_broker", "trade_date"),
        newer=_LATER,
    ),
    r.CashEntryRecord: Table(CashEntry, _plain(r.CashEntryRecord), ()),
    r.EquityRecord: Table(
        EquityPoint,
        _plain(r.EquityRecord),
        ("net_liq", "cash", "open_pnl", "day_pnl", "fees", "is_estimate"),
        unique=("connection_id", "account_id_at_broker", "at"),
    ),
    r.ComparisonRecord: Table(Comparison, _plain(r.ComparisonRecord), (), unique=("connection_id", "at")),
    r.UpstreamRecord: Table(
        Upstream,
        _upstream,
        ("state", "detail", "since", "synced_at"),
        unique=("connection_id",),
        newer=f"{NEW}.since >= {OLD}.since",
        values={"synced_at": _LATER_SYNC},
    ),
}
