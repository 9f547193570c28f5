"""One batch of the journal as database statements: a short transaction of upserts, then what the intents learn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from django.db import transaction

from trading.models import OrderIntent
from trading.orders import reports, verify
from trading.sync import tables
from trading.sync.records import CommandRecord, FillRecord, OrderRecord, StrategyRecord
from trading.tradovate.entities import CommandType

if TYPE_CHECKING:
    from trading.sync.journal import Entry

R = TypeVar("R")


def write(batch: Sequence[Entry]) -> list[int]:
    """Write a batch of entries, all or nothing; returns the ids of the intents that changed by it.

    Writing the same batch again changes nothing. Raises django.db.Error.
    """
    with transaction.atomic():
        tables.write(batch)
    changed = _observe_commands(_of(batch, CommandRecord)) | _observe_strategies(_of(batch, StrategyRecord))
    changed |= _observe_orders(_of(batch, OrderRecord)) | _recount(_of(batch, FillRecord))
    return sorted(changed)


def _of(batch: Iterable[Entry], kind: type[R]) -> list[tuple[Entry, R]]:
    return [(entry, entry.record) for entry in batch if isinstance(entry.record, kind)]


def _observe_commands(entries: list[tuple[Entry, CommandRecord]]) -> set[int]:
    ids = [record.cl_ord_id for _, record in entries]
    ours = set(OrderIntent.objects.filter(cl_ord_id__in=ids).values_list("connection_id", "cl_ord_id"))
    changed: set[int] = set()
    for entry, record in entries:
        if (entry.connection_id, record.cl_ord_id) in ours:
            changed.update(_observe_command(entry.connection_id, record))
    return changed


def _observe_command(connection_id: int, record: CommandRecord) -> list[int]:
    if record.command_type == CommandType.NEW:
        return reports.observe_command(connection_id, record.cl_ord_id, record.order_id)
    return verify.observe_answer(connection_id, record.cl_ord_id, record.id, took=record.took, refusal=record.refusal)


def _observe_strategies(entries: list[tuple[Entry, StrategyRecord]]) -> set[int]:
    uuids = [record.uuid for _, record in entries]
    ours = set(OrderIntent.objects.filter(cl_ord_id__in=uuids).values_list("connection_id", "cl_ord_id"))
    return {
        pk
        for entry, record in entries
        if (entry.connection_id, record.uuid) in ours
        for pk in verify.observe_strategy(entry.connection_id, record.uuid, record.id, record.entry, record.refusal)
    }


def _observe_orders(entries: list[tuple[Entry, OrderRecord]]) -> set[int]:
    ours = _ours({record.id for _, record in entries})
    changed: set[int] = set()
    for entry, record in entries:
        if (entry.connection_id, record.id) in ours:
            average = record.average_price
            changed.update(
                reports.observe_order(
                    entry.connection_id,
                    record.id,
                    record.status,
                    record.filled_qty,
                    average.quantize(reports.AVERAGE_PLACES) if average is not None else None,
                    record.reject_reason,
                    record.at,
                )
            )
    return changed


def _recount(entries: list[tuple[Entry, FillRecord]]) -> set[int]:
    """What an order's record cannot say: its fills of earlier days, and that some were busted."""
    filled = {(entry.connection_id, record.order_id) for entry, record in entries}
    ours = _ours({order_id for _, order_id in filled})
    return {pk for connection_id, order_id in filled & ours for pk in reports.recount(connection_id, order_id)}


def _ours(order_ids: set[int]) -> set[tuple[int, int | None]]:
    """(connection, order id) of those orders that intents became, or are about."""
    became = OrderIntent.objects.filter(order_id_at_broker__in=order_ids)
    about = OrderIntent.objects.filter(target_order_id__in=order_ids)
    return {
        *became.values_list("connection_id", "order_id_at_broker"),
        *about.values_list("connection_id", "target_order_id"),
    }
