"""Quotes that are remembered for some seconds, so that many who look at a price cost one request."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from .entities import Quote, QuoteEntry

# Older than this nobody wants: it is forgotten.
_FORGOTTEN_AFTER = 60.0


@dataclass(frozen=True)
class _Known:
    at: float
    quote: Quote | None


class QuoteCache:
    """What `ask` answered last for each symbol, also that it knows none. `clock` gives seconds."""

    def __init__(self, ask: Callable[[list[str]], Awaitable[list[QuoteEntry]]], clock: Callable[[], float]) -> None:
        self._ask = ask
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._asking = asyncio.Lock()

    async def get(self, symbols: Iterable[str], max_age: float) -> dict[str, Quote]:
        """Return quotes that were asked for less than `max_age` seconds ago; those that are older are asked for now.

        Raises ValueError for an empty symbol or one with a comma, and what `ask` raises.
        """
        wanted = list(dict.fromkeys(symbols))
        if bad := [symbol for symbol in wanted if not symbol or "," in symbol]:
            raise ValueError(f"{bad[0]!r} is no symbol.")
        async with self._asking:
            now = self._clock()
            if stale := [symbol for symbol in wanted if not self._is_fresh(symbol, now, max_age)]:
                answered = {entry.symbol: entry.quote for entry in await self._ask(stale)}
                self._known |= {symbol: _Known(now, answered.get(symbol)) for symbol in stale}
            found = {symbol: self._known[symbol].quote for symbol in wanted}
            self._forget(now)
        return {symbol: quote for symbol, quote in found.items() if quote is not None}

    def _is_fresh(self, symbol: str, now: float, max_age: float) -> bool:
        known = self._known.get(symbol)
        return known is not None and now - known.at < max_age

    def _forget(self, now: float) -> None:
        self._known = {symbol: known for symbol, known in self._known.items() if now - known.at < _FORGOTTEN_AFTER}
