"""Paging back through history, whatever the pages hold."""

import datetime as dt
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trading.tradovate.entities import Bar, Tick, TimeRange
from trading.tradovate.paging import page_back

NOON = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
ONE = Decimal(1)


def at(second: int) -> dt.datetime:
    return NOON + dt.timedelta(seconds=second)


def tick(number: int, second: int) -> Tick:
    return Tick(id=number, timestamp=at(second), price=ONE, size=ONE)


def bar(second: int, close: Decimal = ONE) -> Bar:
    return Bar(timestamp=at(second), open=ONE, high=ONE, low=ONE, close=close)


class Server:
    """Gives the newest `cap` elements of what is asked for, newest first, and counts."""

    def __init__(self, elements: list[Bar | Tick], cap: int) -> None:
        self.asked = 0
        self._elements = elements
        self._cap = cap

    async def __call__(self, asked: TimeRange) -> list[Bar | Tick]:
        self.asked += 1
        assert asked.as_far_as_timestamp is not None
        wanted = [
            one
            for one in self._elements
            if one.timestamp >= asked.as_far_as_timestamp
            and (asked.closest_timestamp is None or one.timestamp <= asked.closest_timestamp)
            and (asked.closest_tick_id is None or (isinstance(one, Tick) and one.id <= asked.closest_tick_id))
        ]
        return wanted[: -self._cap - 1 : -1]


SECONDS = st.integers(-30, 5)


@given(times=st.lists(SECONDS, max_size=60).map(sorted), cap=st.integers(2, 9), since=SECONDS, until=SECONDS)
async def test_every_tick_comes_once_in_order(times: list[int], cap: int, since: int, until: int) -> None:
    ticks: list[Bar | Tick] = [tick(number, second) for number, second in enumerate(times)]
    server = Server(ticks, cap)
    found = await page_back(server, since=at(since), until=at(until))
    assert found == [one for one in ticks if at(since) <= one.timestamp <= at(until)]
    assert server.asked <= 2 * len(found) + 3


@given(times=st.sets(SECONDS, max_size=30), cap=st.integers(2, 9), since=SECONDS, until=SECONDS)
async def test_every_bar_comes_once_in_order(times: set[int], cap: int, since: int, until: int) -> None:
    bars: list[Bar | Tick] = [bar(second) for second in sorted(times)]
    server = Server(bars, cap)
    found = await page_back(server, since=at(since), until=at(until))
    assert found == [one for one in bars if at(since) <= one.timestamp <= at(until)]
    assert server.asked <= len(found) + 2


async def test_the_bar_of_the_newer_page_stays() -> None:
    pages: list[list[Bar | Tick]] = [[bar(-1), bar(0)], [bar(-2), bar(-1, Decimal(9))], []]

    async def ask(_: TimeRange) -> list[Bar | Tick]:
        return pages.pop(0)

    found = await page_back(ask, since=at(-9), until=at(0))
    assert [one.close for one in found if isinstance(one, Bar)] == [1, 1, 1]
