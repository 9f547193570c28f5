"""Keeps sync requests within Tradovate's 300 an hour for a network (official Access text, Request Rate Limits)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PER_HOUR = 300
BURST = 60


class Pace:
    """A bucket of `burst` turns that refills evenly by `per_hour`; who finds it empty waits in line."""

    def __init__(
        self, per_hour: float = PER_HOUR, burst: int = BURST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        # The burst is part of the hour's allowance, so the refill gets what it leaves.
        self._interval = 3600.0 / (per_hour - burst)
        self._burst = burst
        self._clock = clock
        self._full_at = clock()

    def reserve(self) -> float:
        """Take the next turn; returns the seconds until it comes."""
        now = self._clock()
        self._full_at = max(self._full_at, now) + self._interval
        return max(0.0, self._full_at - now - self._burst * self._interval)

    async def turn(self) -> None:
        """Wait for the next turn."""
        await asyncio.sleep(self.reserve())
