"""Samples of what accounts are worth: one a minute, and only when it has changed."""

from __future__ import annotations

from datetime import datetime, timedelta

from trading.sync.book import Book
from trading.sync.records import EquityRecord, Record

MINUTE = timedelta(minutes=1)


class EquitySampler:
    """One connection's samples."""

    def __init__(self) -> None:
        self._minute: datetime | None = None
        self._kept: dict[int, EquityRecord] = {}

    def sample(self, book: Book, now: datetime) -> list[Record]:
        """Samples of the minute that has ended, the first ones at once."""
        minute = now.replace(second=0, microsecond=0)
        if minute == self._minute:
            return []
        at = minute if self._minute is None else minute - MINUTE
        self._minute = minute
        changed = [one for one in book.equity(at) if _differs(one, self._kept.get(one.account_id))]
        self._kept.update((one.account_id, one) for one in changed)
        return list[Record](changed)


def _differs(one: EquityRecord, kept: EquityRecord | None) -> bool:
    return kept is None or (one.net_liq, one.fees, one.is_estimate) != (kept.net_liq, kept.fees, kept.is_estimate)
