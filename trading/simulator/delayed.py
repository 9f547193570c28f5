"""The market as those see it whose data is delayed: the same prints, so much later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from .bars import Print
from .catalog import Catalog
from .clock import trading_day
from .played_feed import PlayedFeed
from .tape import TimeAndSales, milliseconds


class Delayed:
    """A view of the market `seconds` ago, for the products that somebody looks at. `present` and `sales` are the time
    and the time and sales of the market that is not delayed."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        seed: int,
        seconds: float,
        present: Callable[[], datetime],
        sales: Callable[[str], TimeAndSales],
    ) -> None:
        self._catalog = catalog
        self._seed = seed
        self._delay = timedelta(seconds=seconds)
        self._present = present
        self._present_sales = sales
        self.fresh: dict[str, list[Print]] = {}
        self.feed = PlayedFeed(catalog, seed, self.sales)
        self.rest()

    def now(self) -> datetime:
        """The moment that is shown."""
        return self._shown

    def sales(self, product: str) -> TimeAndSales:
        """A product's time and sales up to the moment that is shown."""
        return self._present_sales(product).until(milliseconds(self._shown) + 1)

    def rest(self) -> None:
        """Nobody looks: be where the market was `seconds` ago."""
        self._shown = self._present() - self._delay
        if self.feed.shown():
            self.feed = PlayedFeed(self._catalog, self._seed, self.sales)

    def follow(self) -> None:
        """Show what has become old enough."""
        begin, end = self._shown, self._present() - self._delay
        if trading_day(end) != trading_day(begin):
            self.feed.open_day()
        self._shown = end
        self.fresh = {
            product: list(self._present_sales(product).prints(milliseconds(begin) + 1, milliseconds(end) + 1))
            for product in self.feed.shown()
        }
        self.feed.play(self.fresh)
