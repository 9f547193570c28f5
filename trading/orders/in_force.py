"""Which of an order's versions it stands on: terms that were refused never were the order's."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence

from trading.orders import lookup
from trading.tradovate import Tradovate
from trading.tradovate.entities import Order, OrderVersion, OrdStatus


def in_force(order: Order | None, versions: Sequence[OrderVersion], refused: Container[int]) -> OrderVersion | None:
    """Of all `versions` the order's newest that is not `refused` (ids of commands: a version has the id of the one that
    brought it), as `newest` finds it."""
    own = [version for version in versions if order is not None and version.order_id == order.id]
    return newest(order, sorted(own, key=lambda version: -version.id), refused.__contains__)


def newest(
    order: Order | None, newest_first: Iterable[OrderVersion], is_refused: Callable[[int], bool]
) -> OrderVersion | None:
    """The first version that is not refused; of an order that was refused itself the newest that it asked for. None
    where none of those that are known is the order's: it stands on an earlier one."""
    asked_for = None
    for version in newest_first:
        if not is_refused(version.id):
            return version
        asked_for = asked_for or version
    return asked_for if order is not None and order.ord_status == OrdStatus.REJECTED else None


async def refused(client: Tradovate, versions: Sequence[OrderVersion]) -> Container[int]:
    """The ids of those of some orders' versions that were refused: two requests, none while all stand on the terms that
    they were placed with (a version with the id of its order)."""
    if all(version.id == version.order_id for version in versions):
        return ()
    return await lookup.refusals(client, [version.id for version in versions])
