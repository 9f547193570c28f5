"""A chart on its way to a socket: packets of history, its end, and the bars or ticks that follow."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from .bars import Bar, Print
from .catalog import Listing
from .charts import Found, Shape
from .clock import stamp
from .periods import Period
from .tape import milliseconds, moment_of
from .ticks import FROM_DATABASE, FROM_MARKET, SWAPPED, out_of_order, tick_packet

BARS_A_PACKET = 256
TICKS_A_PACKET = 512


class ChartStream:
    """One chart of a socket: its packets as they travel. Its history holds the prints up to the id `known`."""

    def __init__(self, listing: Listing, shift: int, shape: Shape, ids: tuple[int, int], known: int) -> None:
        self.listing = listing
        self.historical_id, self.realtime_id = ids
        self._shape = shape
        self._ends = milliseconds(listing.expires)
        self._shift = shift
        self._known = known
        self._found: Found | None = None
        self._waiting: deque[Print] = deque()
        self._held: list[Print] = []

    def begin(self, found: Found) -> list[dict[str, Any]]:
        """History is known: return the packets of what happened since."""
        self._found = found
        return self.take(())

    def take(self, prints: Iterable[Print]) -> list[dict[str, Any]]:
        """Packets that new prints make; none before history is known."""
        self._waiting.extend(one for one in prints if one.time < self._ends and one.id > self._known)
        if self._found is None:
            return []
        due = list(self._waiting)
        self._waiting.clear()
        return self._tick_packets(due) if self._shape.ticks else self._bar_packets(due, self._found)

    def past_packets(self, found: Found) -> Iterator[dict[str, Any]]:
        """The packets of history, oldest first, the end-of-history mark last."""
        for period, made in found.bars:
            for first in range(0, len(made), BARS_A_PACKET):
                yield self._bars(self.historical_id, period, made[first : first + BARS_A_PACKET])
        for first in range(0, len(found.ticks), TICKS_A_PACKET):
            yield from self._packed(self.historical_id, FROM_DATABASE, found.ticks[first : first + TICKS_A_PACKET])
        yield {"id": self.historical_id, "eoh": True}

    def _bar_packets(self, prints: list[Print], found: Found) -> list[dict[str, Any]]:
        packets = []
        changed: dict[int, Bar] = {}
        for one in prints:
            if one.time >= found.period.end:
                if changed:
                    packets.append(self._bars(self.realtime_id, found.period, changed.values()))
                    changed = {}
                found.period = self._shape.period(one.time)
                found.builder = self._shape.builder(found.period)
            changed.update((bar.begin, bar) for bar in found.builder.add(self._shape.unit(one)))
        if changed:
            packets.append(self._bars(self.realtime_id, found.period, changed.values()))
        return packets

    def _tick_packets(self, prints: list[Print]) -> list[dict[str, Any]]:
        if len(prints) == 1 and prints[0].id % SWAPPED == SWAPPED - 1:
            self._held += prints  # comes after the one that follows it
            return []
        prints, self._held = self._held + prints, []
        return list(self._packed(self.realtime_id, FROM_MARKET, prints))

    def _packed(self, chart_id: int, source: str, prints: list[Print]) -> Iterator[dict[str, Any]]:
        while prints:
            period = Period.of(prints[0].time)
            same_day = [one for one in prints if one.time < period.end]
            prints = prints[len(same_day) :]
            spec = self.listing.spec
            yield tick_packet(
                chart_id,
                source,
                period.td,
                out_of_order(same_day),
                shift=self._shift,
                tick_size=spec.tick,
                depth=spec.depth,
            )

    def _bars(self, chart_id: int, period: Period, made: Iterable[Bar]) -> dict[str, Any]:
        return {"id": chart_id, "td": period.td, "bars": [self._bar(bar) | self._histogram(bar) for bar in made]}

    def _histogram(self, bar: Bar) -> dict[str, Any]:
        if bar.volumes is None:
            return {}
        items = {str(price - bar.open): bar.volumes[price] for price in sorted(bar.volumes)}
        return {"histogram": {"base": self.listing.spec.price(bar.open + self._shift), "items": items}}

    def _bar(self, bar: Bar) -> dict[str, Any]:
        bar = bar.higher(self._shift)
        price = self.listing.spec.price
        return {
            "timestamp": stamp(moment_of(bar.begin)),
            "open": price(bar.open),
            "high": price(bar.high),
            "low": price(bar.low),
            "close": price(bar.close),
            "upVolume": bar.up_volume,
            "downVolume": bar.down_volume,
            "upTicks": bar.up_ticks,
            "downTicks": bar.down_ticks,
            "bidVolume": bar.bid_volume,
            "offerVolume": bar.offer_volume,
        }
