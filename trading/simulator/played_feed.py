"""A feed without a will of its own: it shows what was traded at another time, print by print."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from heapq import merge

from .bars import Print
from .catalog import Catalog
from .feed import Day, Feed
from .tape import TimeAndSales, day_so_far


class PlayedFeed(Feed):
    """Shows the prints that it is given. `sales` is a product's time and sales up to the moment that is shown: where a
    product stands when somebody looks at it for the first time."""

    def __init__(self, catalog: Catalog, seed: int, sales: Callable[[str], TimeAndSales]) -> None:
        super().__init__(catalog, seed)
        self._sales = sales
        self.resume_day(self._catch_up)

    def play(self, prints: Mapping[str, Sequence[Print]], after_each: Callable[[Print], None] | None = None) -> None:
        """Show the prints of some products in the order of time."""
        before = {product: self.walks[product].bid for product in prints}
        timed = ([(one.time, product, one) for one in found] for product, found in prints.items())
        for _, product, one in merge(*timed):
            self.walks[product].show(one)
            for market in self.of_product(product):
                market.note()
            if after_each is not None:
                after_each(one)
        for product, bid in before.items():
            self.walks[product].moved = self.walks[product].bid != bid

    def _catch_up(self, product: str) -> Day:
        sales = self._sales(product)
        if not self.of_product(product) and (last := sales.last()):
            self.walks[product].show(last)
        return day_so_far(sales, self.walks[product].last)
