"""Which of an order's versions it stands on: terms that were refused never were the order's."""

from __future__ import annotations

from collections.abc import Container, Sequence

from trading.orders import lookup
from trading.tradovate import Tradovate
from trading.tradovate.entities import OrderVersion


def in_force(versions: Sequence[OrderVersion], refused: Container[int]) -> OrderVersion | None:
    """The newest of one order's versions that is not `refused` (ids of commands: a version has the id of the one that
    brought it); of an order that was refused itself the newest that it asked for. None without versions."""
    newest_first = sorted(versions, key=lambda version: version.id, reverse=True)
    return next((version for version in newest_first if version.id not in refused), next(iter(newest_first), None))


async def refused(client: Tradovate, versions: Sequence[OrderVersion]) -> Container[int]:
    """The ids of those of some orders' versions that were refused: one request, none while no order was changed."""
    if len(versions) == len({version.order_id for version in versions}):
        return ()
    return await lookup.refusals(client, [version.id for version in versions])
