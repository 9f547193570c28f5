"""Quotes: what md/subscribequote sends (official market data guide, Subscribe Quote)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .calls import Call
from .clock import stamp
from .entities import encode
from .feed import Market

INACCESSIBLE = {"errorText": "Symbol is inaccessible", "errorCode": "UnknownSymbol", "mode": "None"}


def quote(market: Market, now: datetime) -> dict[str, Any]:
    """One quote with all its entries. Prices are numbers in the product's own unit."""
    spec = market.listing.spec

    def price(ticks: int) -> Any:
        return spec.price(ticks)

    return {
        "timestamp": stamp(now),
        "contractId": market.listing.contract_id,
        "entries": {
            "Bid": {"price": price(market.bid), "size": market.size(market.bid)},
            "Offer": {"price": price(market.offer), "size": market.size(market.offer)},
            "Trade": {"price": price(market.last), "size": market.walk.size},
            "TotalTradeVolume": {"size": market.volume},
            "OpeningPrice": {"price": price(market.day_open)},
            "HighPrice": {"price": price(market.high)},
            "LowPrice": {"price": price(market.low)},
            "SettlementPrice": {"price": price(market.settlement)},
        },
    }


def md_event(market: Market, now: datetime) -> bytes:
    """The `md` event of one quote."""
    return encode({"e": "md", "d": {"quotes": [quote(market, now)]}})


def contract_of(call: Call) -> int | None:
    """The contract id of the request's `symbol`, a name or an id; None when there is no such contract."""
    listing = call.simulation.catalog.find(call.text("symbol"))
    return listing.contract_id if listing else None
