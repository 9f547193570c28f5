"""Packing prints into tick packets (official text "Using Tick Charts", Data stream messages). Pure."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from .bars import Print

FROM_DATABASE = "db"
FROM_MARKET = "rt"
"""Where a packet's ticks come from. The text shows `db` for history and names no other."""

BESIDE_KEPT = 10  # one tick in so many comes without the book beside it
SWAPPED = 16  # one tick in so many comes before the one that it follows


def tick_packet(
    chart_id: int, source: str, trade_date: int, prints: Sequence[Print], *, shift: int, tick_size: Decimal, depth: int
) -> dict[str, Any]:
    """The packet of some prints of one trade date (YYYYMMDD).

    Base price and base time are those of the first print; all prices are whole ticks of `tick_size`, `shift` of them
    above those of the prints. `depth` is the product's usual number of contracts on a price level.
    """
    base = prints[0]
    return {
        "id": chart_id,
        "s": source,
        "td": trade_date,
        "bp": base.price + shift,
        "bt": base.time,
        "ts": tick_size,
        "tks": [_tick(one, base, depth) for one in prints],
    }


def out_of_order(prints: Sequence[Print]) -> list[Print]:
    """The prints as they may arrive: one in SWAPPED comes before the one that it follows."""
    arrived = list(prints)
    for number in range(1, len(arrived)):
        if arrived[number].id % SWAPPED == 0:
            arrived[number - 1], arrived[number] = arrived[number], arrived[number - 1]
    return arrived


def _tick(one: Print, base: Print, depth: int) -> dict[str, int]:
    tick = {"t": one.time - base.time, "p": one.price - base.price, "s": one.size, "id": one.id}
    if one.id % BESIDE_KEPT:
        bid_size, ask_size = divmod(zlib.crc32(str(one.id).encode()), 2 * depth)
        tick |= {
            "b": one.bid - base.price,
            "a": one.bid + 1 - base.price,
            "bs": 1 + bid_size % (2 * depth),
            "as": 1 + ask_size,
        }
    return tick
