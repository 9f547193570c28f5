"""One batch of the journal as database statements: a short transaction of upserts, then what the intents learn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models, transaction
from django.utils import timezone

from trading.models import Account, CashBalance, Contract, Fill, Order, OrderIntent, OrderLine, Product, Upstream
from trading.orders import intents
from trading.sync.records import (
    AccountRecord,
    CashRecord,
    CommandRecord,
    ContractRecord,
    FillRecord,
    OrderRecord,
    UpstreamRecord,
)

if TYPE_CHECKING:
    from trading.sync.journal import Entry

R = TypeVar("R")


def write(batch: Sequence[Entry]) -> list[int]:
    """Write a batch of entries, all or nothing; returns the ids of order lines whose intents changed by it.

    Writing the same batch again changes nothing. Raises django.db.Error.
    """
    with transaction.atomic():
        _accounts(_of(batch, AccountRecord))
        _contracts(_of(batch, ContractRecord))
        _orders(_of(batch, OrderRecord))
        _fills(_of(batch, FillRecord))
        _balances(_of(batch, CashRecord))
        _upstreams(_of(batch, UpstreamRecord))
    changed = _observe_commands(_of(batch, CommandRecord))
    changed |= _observe_orders(_of(batch, OrderRecord)) | _recount(_of(batch, FillRecord))
    return list(OrderLine.objects.filter(intent__in=changed).values_list("pk", flat=True)) if changed else []


def _of(batch: Iterable[Entry], kind: type[R]) -> list[tuple[Entry, R]]:
    return [(entry, entry.record) for entry in batch if isinstance(entry.record, kind)]


def _upsert(rows: Iterable[models.Model], unique: Sequence[str], fields: Sequence[str]) -> None:
    """Insert rows, or update `fields` of those whose `unique` fields are there already."""
    # One statement may not touch a row twice: the last one of the batch counts.
    by_key = {tuple(getattr(row, name) for name in unique): row for row in rows}
    by_model: dict[type[models.Model], list[models.Model]] = defaultdict(list)
    for row in by_key.values():
        by_model[type(row)].append(row)
    for model, group in by_model.items():
        manager: models.Manager[Any] = model._default_manager
        manager.bulk_create(group, update_conflicts=True, unique_fields=unique, update_fields=fields)


def _accounts(entries: list[tuple[Entry, AccountRecord]]) -> None:
    _upsert(
        (
            Account(
                connection_id=entry.connection_id,
                tradovate_id=record.id,
                name=record.name,
                readonly=record.readonly,
                closed=record.closed,
            )
            for entry, record in entries
        ),
        ("connection_id", "tradovate_id"),
        ("name", "readonly", "closed"),
    )


def _contracts(entries: list[tuple[Entry, ContractRecord]]) -> None:
    _upsert(
        (
            Product(
                environment=entry.environment,
                tradovate_id=record.product.id,
                name=record.product.name,
                description=record.product.description,
                tick_size=record.product.tick_size,
                value_per_point=record.product.value_per_point,
            )
            for entry, record in entries
        ),
        ("environment", "tradovate_id"),
        ("name", "description", "tick_size", "value_per_point"),
    )
    wanted = {record.product.id for _, record in entries}
    products = {
        (product.environment, product.tradovate_id): product
        for product in Product.objects.filter(tradovate_id__in=wanted)
    }
    _upsert(
        (
            Contract(
                environment=entry.environment,
                tradovate_id=record.id,
                product=products[entry.environment, record.product.id],
                name=record.name,
                expiration_date=record.expiration_date,
                first_intent_date=record.first_intent_date,
            )
            for entry, record in entries
        ),
        ("environment", "tradovate_id"),
        ("product_id", "name", "expiration_date", "first_intent_date", "seen_at"),
    )


def _orders(entries: list[tuple[Entry, OrderRecord]]) -> None:
    _upsert(
        (
            Order(
                connection_id=entry.connection_id,
                tradovate_id=record.id,
                account_id_at_broker=record.account_id,
                symbol=record.symbol,
                action=record.action,
                status=record.status,
                order_qty=record.order_qty,
                order_type=record.order_type,
                price=record.price,
                stop_price=record.stop_price,
                time_in_force=record.time_in_force,
                reject_reason=record.reject_reason,
                at=record.at or timezone.now(),
            )
            for entry, record in entries
        ),
        ("connection_id", "tradovate_id"),
        (
            *("symbol", "status", "order_qty", "order_type", "price", "stop_price"),
            *("time_in_force", "reject_reason"),
        ),
    )


def _fills(entries: list[tuple[Entry, FillRecord]]) -> None:
    _upsert(
        (
            Fill(
                connection_id=entry.connection_id,
                tradovate_id=record.id,
                order_id_at_broker=record.order_id,
                symbol=record.symbol,
                action=record.action,
                qty=record.qty,
                price=record.price,
                active=record.active,
                at=record.at,
            )
            for entry, record in entries
        ),
        ("connection_id", "tradovate_id"),
        ("symbol", "price", "qty", "active"),
    )


def _balances(entries: list[tuple[Entry, CashRecord]]) -> None:
    _upsert(
        (
            CashBalance(
                connection_id=entry.connection_id,
                account_id_at_broker=record.account_id,
                trade_date=record.trade_date,
                amount=record.amount,
                realized_pnl=record.realized_pnl,
                at=record.at or timezone.now(),
            )
            for entry, record in entries
        ),
        ("connection_id", "account_id_at_broker", "trade_date"),
        ("amount", "realized_pnl", "at"),
    )


def _upstreams(entries: list[tuple[Entry, UpstreamRecord]]) -> None:
    _upsert(
        (
            Upstream(
                connection_id=entry.connection_id, state=record.state, detail=record.detail[:255], since=record.since
            )
            for entry, record in entries
        ),
        ("connection_id",),
        ("state", "detail", "since"),
    )


def _observe_commands(entries: list[tuple[Entry, CommandRecord]]) -> set[int]:
    ids = [record.cl_ord_id for _, record in entries]
    ours = set(OrderIntent.objects.filter(cl_ord_id__in=ids).values_list("connection_id", "cl_ord_id"))
    changed: set[int] = set()
    for entry, record in entries:
        if (entry.connection_id, record.cl_ord_id) in ours:
            changed.update(intents.observe_command(entry.connection_id, record.cl_ord_id, record.order_id))
    return changed


def _observe_orders(entries: list[tuple[Entry, OrderRecord]]) -> set[int]:
    ours = _ours({record.id for _, record in entries})
    changed: set[int] = set()
    for entry, record in entries:
        if (entry.connection_id, record.id) in ours:
            average = record.average_price
            changed.update(
                intents.observe_order(
                    entry.connection_id,
                    record.id,
                    record.status,
                    record.filled_qty,
                    average.quantize(intents.AVERAGE_PLACES) if average is not None else None,
                    record.reject_reason,
                )
            )
    return changed


def _recount(entries: list[tuple[Entry, FillRecord]]) -> set[int]:
    """What an order's record cannot say: its fills of earlier days, and that some were busted."""
    filled = {(entry.connection_id, record.order_id) for entry, record in entries}
    ours = _ours({order_id for _, order_id in filled})
    return {pk for connection_id, order_id in filled & ours for pk in intents.recount(connection_id, order_id)}


def _ours(order_ids: set[int]) -> set[tuple[int, int | None]]:
    """(connection, order id) of those orders that intents became."""
    known = OrderIntent.objects.filter(order_id_at_broker__in=order_ids)
    return set(known.values_list("connection_id", "order_id_at_broker"))
