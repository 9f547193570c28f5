"""Histograms: a trade date's volume by price (official text, "Subscribe Histogram")."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .bars import Print
from .catalog import Listing
from .clock import stamp
from .entities import TradeDate
from .periods import Period
from .tape import TimeAndSales, milliseconds


@dataclass
class Profile:
    """The contracts traded at each price (ticks) of a trade date; `base` is the price of its first print."""

    period: Period
    base: int | None = None
    volumes: Counter[int] = field(default_factory=Counter)

    @classmethod
    def of(cls, sales: TimeAndSales) -> Profile:
        """The trade date so far. Takes up to a second: it counts every print."""
        profile = cls(Period.of(sales.end - 1))
        for one in sales.prints(profile.period.begin, sales.end):
            profile.add(one)
        return profile

    def add(self, one: Print) -> None:
        """Count a print."""
        if self.base is None:
            self.base = one.price
        self.volumes[one.price] += one.size


class HistogramStream:
    """One contract's histogram as a socket gets it: all of it first and at the begin of a trade date, with `refresh`,
    then the prices whose volume has changed. Its first one holds the prints up to the id `known`."""

    def __init__(self, listing: Listing, shift: int, known: int) -> None:
        self.listing = listing
        self._shift = shift
        self._known = known
        self._ends = milliseconds(listing.expires)
        self._profile: Profile | None = None
        self._waiting: deque[Print] = deque()

    def begin(self, profile: Profile, now: datetime) -> list[dict[str, Any]]:
        """The trade date so far is known: return it, with what happened since."""
        first = self._message(profile, profile.volumes, now, refresh=True)
        self._profile = profile
        return [first, *self.take((), now)]

    def take(self, prints: Iterable[Print], now: datetime) -> list[dict[str, Any]]:
        """The histograms that new prints make; none before the trade date so far is known."""
        self._waiting.extend(one for one in prints if one.time < self._ends and one.id > self._known)
        if self._profile is None:
            return []
        messages = []
        changed: set[int] = set()
        refresh = False
        while self._waiting:
            one = self._waiting.popleft()
            if one.time >= self._profile.period.end:
                if changed:
                    messages.append(self._message(self._profile, changed, now, refresh=refresh))
                self._profile, changed, refresh = Profile(Period.of(one.time)), set(), True
            self._profile.add(one)
            changed.add(one.price)
        if changed:
            messages.append(self._message(self._profile, changed, now, refresh=refresh))
        return messages

    def _message(self, profile: Profile, prices: Iterable[int], now: datetime, *, refresh: bool) -> dict[str, Any]:
        base = profile.base or 0
        return {
            "contractId": self.listing.contract_id,
            "timestamp": stamp(now),
            "tradeDate": TradeDate.of(profile.period.trade_date),
            "base": self.listing.spec.price(base + self._shift),
            "items": {str(price - base): profile.volumes[price] for price in sorted(prices)},
            "refresh": refresh,
        }
