"""The marks of one book: live quotes, and what is known of prices where there are none.

A live quote is the contract's last trade, or the settlement before the first trade. Without one the newest of the last
quote, delayed or stopped, and one's own last fill stands in, then the price at which the position came into the day;
each with its name, so that the page says what it shows. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading.sync.mirror import Mirror
from trading.tradovate.entities import Position, Quote

LIVE = ""
DELAYED = "delayed"
LAST_QUOTE = "last quote"
LAST_FILL = "last fill"
PREVIOUS_DAY = "previous day"


@dataclass(frozen=True)
class Mark:
    """A price and where it is from; no price when nothing is known."""

    price: Decimal | None = None
    source: str = LIVE

    @property
    def is_live(self) -> bool:
        return self.price is not None and self.source == LIVE


class KnownMarks:
    """Prices by contract id."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        # Contracts whose quotes come, and whether these are late.
        self._coming: dict[int, bool] = {}
        self._quoted: dict[int, tuple[datetime, Decimal]] = {}

    def recall(self, before: KnownMarks) -> None:
        """Take over the last quotes that were known before; they do not come any more."""
        self._quoted.update(before._quoted)

    def take(self, quotes: Iterable[Quote], *, are_late: bool = False) -> set[int]:
        """Take in quotes as they come; returns the contracts whose mark may have changed."""
        changed = set()
        for quote in quotes:
            level = quote.trade or quote.settlement_price
            if level is None or level.price is None:
                continue
            before = self._quoted.get(quote.contract_id)
            # A late quote may be newer than one's own last fill by its time alone.
            was_late = self._coming.get(quote.contract_id)
            if are_late or was_late is not False or before is None or before[1] != level.price:
                changed.add(quote.contract_id)
            self._coming[quote.contract_id] = are_late
            self._quoted[quote.contract_id] = quote.timestamp, level.price
        return changed

    def lose(self, contract_ids: set[int]) -> set[int]:
        """Quotes of these have stopped; returns those whose quotes came."""
        lost = self._coming.keys() & contract_ids
        for contract_id in lost:
            del self._coming[contract_id]
        return lost

    def live(self) -> list[tuple[int, datetime, Decimal]]:
        """Contract, time and price of the live quotes."""
        return [
            (contract_id, *self._quoted[contract_id])
            for contract_id in sorted(self._coming)
            if self._is_live(contract_id)
        ]

    def depends_on_fills(self, contract_id: int) -> bool:
        """Whether a fill may change the contract's mark."""
        return not self._is_live(contract_id)

    def are_late(self, contract_id: int) -> bool:
        """Whether quotes of the contract come, and are delayed."""
        return self._coming.get(contract_id, False)

    def of(self, position: Position) -> Mark:
        """The mark of a position."""
        contract_id = position.contract_id
        quoted, fill = self._quoted.get(contract_id), self._mirror.last_fill(contract_id)
        if quoted is not None and self._is_live(contract_id):
            return Mark(quoted[1])
        if quoted is not None and (fill is None or quoted[0] >= fill.timestamp):
            return Mark(quoted[1], DELAYED if self.are_late(contract_id) else LAST_QUOTE)
        if fill is not None:
            return Mark(fill.price, LAST_FILL)
        return Mark(position.prev_price, PREVIOUS_DAY) if position.prev_price is not None else Mark()

    def _is_live(self, contract_id: int) -> bool:
        return self._coming.get(contract_id) is False
