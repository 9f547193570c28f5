"""What every room of the order path works with."""

from __future__ import annotations

from dataclasses import dataclass

from .booking import Booking
from .catalog import Catalog
from .clock import Clock
from .exchange import Exchange
from .feed import Feed
from .store import Store


@dataclass(frozen=True)
class Venue:
    """One simulated market: its time, contracts, prices, orders, entities and accounts' books."""

    clock: Clock
    catalog: Catalog
    feed: Feed
    exchange: Exchange
    store: Store
    booking: Booking
