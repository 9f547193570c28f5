"""What a trader with a past did earlier today, so that the first page has something to show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from .clock import trading_day_start
from .config import Trader
from .feed import Walk
from .papers import Sender
from .requests import PlaceOrder

if TYPE_CHECKING:
    from .simulation import Simulation

LOOK_BACK = timedelta(hours=2)


def write_history(simulation: Simulation, trader: Trader) -> None:
    """Trade and rest some orders in the trader's first accounts: open positions, a closed one, working orders."""
    now = simulation.clock.now()
    begin = max(trading_day_start(now), now - LOOK_BACK)
    fronts = {listing.spec.name: listing for listing in simulation.catalog.listings.values() if listing.offset == 0}
    # account number, product, signed quantity, ticks away from the market (None: at the market)
    plan: list[tuple[int, str, int, int | None]] = [
        (1, "ES", 2, None),
        (1, "CL", 1, None),
        (1, "ES", 1, None),
        (1, "CL", -1, None),
        (2, "MNQ", -3, None),
        (2, "GC", 1, None),
        (3, "MES", 5, None),
        (1, "ES", -3, 120),
        (1, "ES", 1, 200),
        (2, "MNQ", 3, 400),
    ]
    step = (now - begin) / (len(plan) + 1)
    for number, (account, product, qty, away) in enumerate(plan, start=1):
        listing = fronts[product]
        market = simulation.feed.market(listing.contract_id)
        moment = begin + step * number
        limit: Decimal | None = None
        if away is not None:
            limit = listing.spec.price(market.bid + (-away if qty > 0 else away))
        with simulation.clock.at(moment), _standing_as_at(simulation, market.walk, moment, resting=limit is not None):
            simulation.broker.place(
                Sender(trader.user_id),
                PlaceOrder(
                    account_id=trader.user_id * 1000 + account,
                    action="Buy" if qty > 0 else "Sell",
                    symbol=listing.name,
                    order_qty=abs(qty),
                    order_type="Market" if limit is None else "Limit",
                    price=limit,
                    time_in_force="Day" if limit is None else "GTC",
                ),
            )


@contextmanager
def _standing_as_at(simulation: Simulation, walk: Walk, moment: datetime, *, resting: bool) -> Iterator[None]:
    """Let the market stand where the charts say that it stood, for an order that trades there. One that shall rest
    meets the present market."""
    before = walk.bid, walk.last, walk.size
    sales = simulation.tape.sales(walk.spec.name, moment)
    if not resting and (last := sales.last()):
        walk.show(last)
    try:
        yield
    finally:
        walk.bid, walk.last, walk.size = before
        walk.step += 1
