"""A chart that any number of browsers look at: its bars, and how its subscription stands."""

from __future__ import annotations

import asyncio

from trading.market.intervals import Interval
from trading.market.series import Series
from trading.market.viewer import Viewer
from trading.tradovate.entities import ChartPacket, TimeRange
from trading.tradovate.subscriptions import Chart

FIRST, FIRST_DAYS = 300, 130  # bars of history that a chart begins with

DELAYED = "Prices are delayed: no real-time market data for {}."

LOADING, LIVE, DOWN, REFUSED = "loading", "live", "down", "refused"


class SharedChart:
    """The bars of a contract in one interval, and who looks at them."""

    def __init__(self, symbol: str, interval: Interval) -> None:
        self.symbol = symbol
        self.interval = interval
        self.series = Series(interval)
        self.status: tuple[str, str] = (LOADING, "")
        self.is_whole = False
        self.is_late = False
        self.viewers: set[Viewer] = set()
        self.upstream: Chart | None = None
        self.unwanted = asyncio.Event()

    @property
    def first_range(self) -> TimeRange:
        """What is asked for at the beginning of every socket."""
        return TimeRange(as_much_as_elements=FIRST_DAYS if self.interval is Interval.DAY else FIRST)

    def tell(self, state: str, words: str = "") -> None:
        """Tell the viewers how the subscription stands."""
        self.status = (state, words)
        for viewer in self.viewers:
            viewer.look()

    def grant(self, *, is_late: bool) -> None:
        """Tradovate has said how fresh its prices of this contract are."""
        self.is_late = is_late
        if self.is_whole:
            self._tell_live()

    def restart(self) -> None:
        """History will come anew; the browsers keep what they show until then."""
        self.series.clear()
        self.is_whole = False
        self.tell(LOADING)

    def take(self, packet: ChartPacket) -> None:
        """Take in a packet of this chart."""
        ids = self.upstream.subscription if self.upstream else None
        # Where both ids are the same, what comes later is newer.
        is_past = ids is not None and packet.id == ids.historical_id != ids.realtime_id
        changed = self.series.put((*packet.bars, *packet.ticks), is_past=is_past)
        if packet.eoh:
            self.is_whole = True
            self._tell_live()
            for viewer in self.viewers:
                viewer.replace()
        elif changed and self.is_whole:
            for viewer in self.viewers:
                viewer.change(changed)

    def _tell_live(self) -> None:
        self.tell(LIVE, DELAYED.format(self.symbol) if self.is_late else "")
