"""Quotes and books as `md` events (official market data guide, Subscribe Quote and Subscribe DOM)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .calls import Call
from .clock import stamp
from .entities import encode
from .feed import Market

INACCESSIBLE = {"errorText": "Symbol is inaccessible", "errorCode": "UnknownSymbol", "mode": "None"}


def quote(market: Market, now: datetime) -> dict[str, Any]:
    """One quote with all its entries. Prices are numbers in the product's own unit; a size that is not displayed is
    left out."""
    price = market.listing.spec.price
    return {
        "timestamp": stamp(now),
        "contractId": market.listing.contract_id,
        "entries": {
            "Bid": _sized(price(market.bid), market.size(market.bid)),
            "Offer": _sized(price(market.offer), market.size(market.offer)),
            "Trade": {"price": price(market.last), "size": market.walk.size},
            "TotalTradeVolume": {"size": market.volume},
            "OpenInterest": {"size": market.open_interest},
            "OpeningPrice": {"price": price(market.day_open)},
            "HighPrice": {"price": price(market.high)},
            "LowPrice": {"price": price(market.low)},
            "SettlementPrice": {"price": price(market.settlement)},
        },
    }


def dom(market: Market, now: datetime) -> dict[str, Any]:
    """The whole book that orders meet, best prices first."""
    price = market.listing.spec.price
    return {
        "contractId": market.listing.contract_id,
        "timestamp": stamp(now),
        "bids": [_sized(price(ticks), size) for ticks, size in market.levels(buy=False)],
        "offers": [_sized(price(ticks), size) for ticks, size in market.levels(buy=True)],
    }


def quote_event(market: Market, now: datetime) -> bytes:
    """The `md` event of one quote."""
    return encode({"e": "md", "d": {"quotes": [quote(market, now)]}})


def dom_event(market: Market, now: datetime) -> bytes:
    """The `md` event of one book."""
    return encode({"e": "md", "d": {"doms": [dom(market, now)]}})


def contract_of(call: Call) -> int | None:
    """The contract id of the request's `symbol`, a name or an id; None when there is no such contract."""
    listing = call.simulation.catalog.find(call.text("symbol"))
    return listing.contract_id if listing else None


def _sized(price: Any, size: int) -> dict[str, Any]:
    return {"price": price, "size": size} if size else {"price": price}
