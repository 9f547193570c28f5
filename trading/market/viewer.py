"""What waits for one browser that looks at a chart: never more than the bars that changed, however slow it is."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from trading.market.shared import SharedChart


class Viewer:
    """One browser's view of a shared chart. Of a bar that changes often only its newest state is told."""

    def __init__(self, chart: SharedChart) -> None:
        self.chart = chart
        self.is_paging = False
        self._end: Exception | None = None
        self._told_status: tuple[str, str] | None = None
        self._is_stale = chart.is_whole
        self._changed: set[int] = set()
        self._answers: deque[str] = deque(maxlen=8)
        self._news = asyncio.Event()

    def look(self) -> None:
        """The chart's status is another one."""
        self._news.set()

    def replace(self) -> None:
        """The chart's history has come anew."""
        self._is_stale = True
        self._changed.clear()
        self._news.set()

    def change(self, times: set[int]) -> None:
        """The bars of these times are new or different."""
        if not self._is_stale:
            self._changed |= times
            self._news.set()

    def answer(self, frame: str) -> None:
        """Tell this browser alone; of many answers that it does not take the oldest are lost."""
        self._answers.append(frame)
        self._news.set()

    def end(self, reason: Exception) -> None:
        """Nothing more will come."""
        self._end = reason
        self._news.set()

    async def get(self) -> str:
        """The next frame. Raises the reason of the end."""
        while True:
            if self._end is not None:
                raise self._end
            if (frame := self._next()) is not None:
                return frame
            self._news.clear()
            await self._news.wait()

    def _next(self) -> str | None:
        status = self.chart.status
        if status != self._told_status:
            self._told_status = status
            return _encode({"t": "status", "state": status[0], "words": status[1]})
        if self._is_stale:
            self._is_stale = False
            return f'{{"t":"history","bars":{self.chart.series.text()}}}'
        if self._changed:
            changed, self._changed = self._changed, set()
            return f'{{"t":"bars","bars":{self.chart.series.text(changed)}}}'
        return self._answers.popleft() if self._answers else None


def older_frame(bars: str, *, is_first: bool, words: str = "") -> str:
    """The answer to a page that asked for older bars: `is_first` when nothing is older, `words` why none came."""
    return f'{{"t":"older","bars":{bars},"first":{_encode(is_first)},"words":{_encode(words)}}}'


def _encode(value: object) -> str:
    return msgspec.json.encode(value).decode()
