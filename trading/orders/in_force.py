"""Which of an order's versions it stands on: terms that were refused never were the order's."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from typing import TypeVar

from trading.orders import lookup
from trading.tradovate import Tradovate
from trading.tradovate.entities import Order, OrderVersion, OrdStatus

V = TypeVar("V")


def in_force(order: Order | None, versions: Sequence[OrderVersion], refused: Container[int]) -> OrderVersion | None:
    """Of all `versions` the order's newest that is not `refused` (ids of commands: a version has the id of the one that
    brought it), as `newest` finds it."""
    own = [version for version in versions if order is not None and version.order_id == order.id]
    newest_first = sorted(own, key=lambda version: -version.id)
    return newest(newest_first, lambda version: version.id in refused, is_rejected=is_rejected(order))


def newest(newest_first: Iterable[V], is_refused: Callable[[V], bool], *, is_rejected: bool) -> V | None:
    """The first version that is not refused; of an order that was refused itself (`is_rejected`) the newest that it
    asked for. None where none of those that are known is the order's: it stands on an earlier one."""
    asked_for = None
    for version in newest_first:
        if not is_refused(version):
            return version
        asked_for = asked_for or version
    return asked_for if is_rejected else None


def is_rejected(order: Order | None) -> bool:
    """Whether an order was refused itself, and not a change of it."""
    return order is not None and order.ord_status == OrdStatus.REJECTED


async def refused(client: Tradovate, versions: Sequence[OrderVersion]) -> Container[int]:
    """The ids of those of some orders' versions that were refused: two requests, none while all stand on the terms that
    they were placed with (a version with the id of its order)."""
    if all(version.id == version.order_id for version in versions):
        return ()
    return (await lookup.answers(client, [version.id for version in versions])).refusals
