"""A past market played again: a simulation with a clock, a store and an account of its own.

Its prices are the prints of the main simulation's time and sales, one by one, so that orders trade against what the
charts show. Nothing of it is saved.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from .bars import Print
from .clock import trading_day
from .config import Trader
from .market_data import View
from .played_feed import PlayedFeed
from .simulation import Simulation
from .tape import TimeAndSales, milliseconds, moment_of

FIRST_ID = 1_000_000_000
FIRST_ACCOUNT = 900  # numbers of a user's accounts up to here are real ones


class ReplaySimulation(Simulation):
    """The market of `main` from `start` (aware, in its past) on, for one trader with `balance` dollars in account
    number `number` of all that were opened for replays."""

    feed: PlayedFeed

    def __init__(self, main: Simulation, trader: Trader, start: datetime, balance: Decimal, number: int) -> None:
        config = replace(
            main.config, traders=(trader,), manual_clock=True, start=start, history=False, limits=None, faults=()
        )
        self.main = main
        super().__init__(config, listed=main.clock.now())
        self.people, self.sessions, self.budgets, self.faults = main.people, main.sessions, main.budgets, main.faults
        self.store.last_id = FIRST_ID
        self.introduce(trader)
        self.account = self._account(trader, FIRST_ACCOUNT + number % 100, f"REPLAY{trader.user_id}{number:03d}")
        self.booking.open(self.account, balance)

    def sales(self, product: str) -> TimeAndSales:
        """A product's time and sales up to the replayed moment."""
        return self.main.sales(product).until(milliseconds(self.clock.now()) + 1)

    def present(self) -> datetime:
        """What time it really is: a replay ends there."""
        return self.main.present()

    def seen_with(self, _: str) -> View:
        """What is long past is shown to everybody."""
        return self

    def play(self, seconds: float) -> bool:
        """Let so much time pass, with every print that falls into it. Return False when the present is reached."""
        begin = self.clock.now()
        end = min(begin + timedelta(seconds=seconds), self.present())
        if end > begin:
            self._play(milliseconds(begin) + 1, milliseconds(end) + 1)
            self.clock.advance(max(0.0, (end - self.clock.now()).total_seconds()))
        if trading_day(end) != self.day:
            self.begin_day()
        self.broker.sweep()
        self.on_tick()
        return end < self.present()

    def _play(self, begin: int, end: int) -> None:
        self.fresh = {product: list(self.main.sales(product).prints(begin, end)) for product in self.feed.shown()}
        self.feed.play(self.fresh, self._traded)

    def _traded(self, one: Print) -> None:
        self.clock.advance(max(0.0, (moment_of(one.time) - self.clock.now()).total_seconds()))
        self.broker.sweep()

    def _make_feed(self) -> PlayedFeed:
        return PlayedFeed(self.catalog, self.config.seed, self.sales)

    def _list_contracts(self) -> None:
        """The contracts are those that the present lists."""
