"""The bars of one chart by time, each encoded once as `[milliseconds,open,high,low,close,volume]`. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from trading.market.intervals import Interval
from trading.tradovate.entities import Bar, Tick

MOST = 3000  # bars that are kept; a page that scrolls further back asks for them
_KEPT = 2000


class Series:
    """The newest bars of a chart. A bar with the time of an earlier one replaces it, since that was still forming."""

    def __init__(self, interval: Interval) -> None:
        self._interval = interval
        self._bars: dict[int, str] = {}

    def put(self, elements: Iterable[Bar | Tick], *, is_past: bool = False) -> set[int]:
        """Take bars or ticks in and return their times. Those of the past never replace what is there already."""
        changed: set[int] = set()
        for time, text in encoded(self._interval, elements).items():
            if is_past and time in self._bars:
                continue
            self._bars[time] = text
            changed.add(time)
        if len(self._bars) > MOST:
            self._bars = {time: self._bars[time] for time in sorted(self._bars)[-_KEPT:]}
        return changed

    def text(self, times: Iterable[int] | None = None) -> str:
        """The bars of these times, or all, as a JSON array in the order of time."""
        wanted = self._bars if times is None else (time for time in times if time in self._bars)
        return joined(self._bars[time] for time in sorted(wanted))

    def clear(self) -> None:
        """Forget all bars."""
        self._bars.clear()


def encoded(interval: Interval, elements: Iterable[Bar | Tick]) -> dict[int, str]:
    """Bars or ticks by time, the last one of a time; an element without a usable price is left out."""
    found: dict[int, str] = {}
    for element in elements:
        if isinstance(element, Tick):
            prices, volume = (element.price,) * 4, element.size
        else:
            prices = (element.open, element.high, element.low, element.close)
            volume = element.up_volume + element.down_volume
        figures = (*prices, volume)
        if all(figure.is_finite() for figure in figures):
            time = interval.time_of(element)
            found[time] = f"[{time},{','.join(f'{figure:f}' for figure in figures)}]"
    return found


def joined(bars: Iterable[str]) -> str:
    """Encoded bars as a JSON array."""
    return f"[{','.join(bars)}]"
