"""A quote as market data sends it (official Market Data text, Subscribe Quote)."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from .base import Timestamp, Wire


class Level(Wire, frozen=True, kw_only=True):
    """A price in points and a size in contracts; either may be missing."""

    price: Decimal | None = None
    size: Decimal | None = None


class QuoteEntries(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The named entries of a quote; Tradovate leaves out what it has no data for."""

    bid: Level | None = None
    offer: Level | None = None
    trade: Level | None = None
    opening_price: Level | None = None
    high_price: Level | None = None
    low_price: Level | None = None
    settlement_price: Level | None = None
    total_trade_volume: Level | None = None
    open_interest: Level | None = None
    empty_book: Level | None = None


class Quote(Wire, frozen=True, kw_only=True):
    """The latest of everything for one contract, at the exchange's time."""

    contract_id: int
    timestamp: Timestamp
    entries: QuoteEntries = QuoteEntries()

    @property
    def bid(self) -> Level | None:
        """Best bid."""
        return self.entries.bid

    @property
    def offer(self) -> Level | None:
        """Best offer."""
        return self.entries.offer

    @property
    def trade(self) -> Level | None:
        """Last trade."""
        return self.entries.trade

    @property
    def settlement_price(self) -> Level | None:
        """Last settlement."""
        return self.entries.settlement_price
