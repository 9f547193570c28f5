"""The dialect's requests a minute, and its quotes, which are asked for once however many look."""

import asyncio
from decimal import Decimal

import pytest

from trading.tradovate import Budgets, MemoryStore
from trading.tradovate.errors import (
    BudgetSpent,
    RateLimited,
    SymbolInaccessible,
    TradovateError,
)
from trading.tradovate.tv import PER_MINUTE, TradingView

from .dialect import ACCOUNT, TOKEN, ok


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_reads_stop_before_the_minutes_requests_are_used_up_and_orders_go_on(http) -> None:
    clock = Clock()
    budgets = Budgets(MemoryStore(clock), network="", user=7, user_limit=PER_MINUTE)
    async with TradingView(http.hosts, TOKEN, budgets=budgets) as tv:
        for _ in range(80):
            http.answer(ok([]))
            await tv.accounts()
        with pytest.raises(BudgetSpent) as spent:
            await tv.accounts()
        assert 0 < (spent.value.retry_after or 0) <= 61
        for _ in range(25):
            http.answer({"s": "ok"})
            await tv.cancel(ACCOUNT, "98765")
        assert len(http.requests) == 105
        await budgets.counted()
        assert (await budgets.of_user()).used == 105
        clock.now += 62
        http.answer(ok([]))
        await tv.accounts()


async def test_a_client_of_its_own_keeps_to_the_limit_too(http, tv) -> None:
    for _ in range(80):
        http.answer(ok([]))
        await tv.accounts()
    with pytest.raises(BudgetSpent):
        await tv.accounts()


async def test_too_many_requests_are_waited_out_for_a_minute_not_an_hour(http) -> None:
    clock = Clock()
    budgets = Budgets(MemoryStore(clock), network="", user=7, user_limit=PER_MINUTE)
    async with TradingView(http.hosts, TOKEN, budgets=budgets) as tv:
        http.answer(b"", status=429)
        with pytest.raises(RateLimited):
            await tv.accounts()
        await budgets.counted()
        with pytest.raises(BudgetSpent) as spent:
            await tv.accounts()
        assert (spent.value.retry_after or 0) <= 60
        assert len(http.requests) == 1
        clock.now += 61
        http.answer(ok([]))
        await tv.accounts()


def prices(**last: float) -> dict[str, object]:
    return ok([{"k": symbol, "v": {"lp": price, "volume": 125000}} for symbol, price in last.items()])


async def test_quotes_are_asked_for_once_in_five_seconds(http) -> None:
    clock = Clock()
    async with TradingView(http.hosts, TOKEN, clock=clock) as tv:
        http.answer(prices(MNQZ6=21025.50, ESZ6=6000.25))
        first = await tv.quotes(["MNQZ6", "ESZ6", "MNQZ6"])
        assert (first["MNQZ6"].last, first["ESZ6"].last, first["ESZ6"].ask) == (
            Decimal("21025.50"),
            Decimal("6000.25"),
            None,
        )
        clock.now += 4.9
        assert await tv.quotes(["ESZ6"]) == {"ESZ6": first["ESZ6"]}
        http.answer(prices(GCZ6=4000))
        assert set(await tv.quotes(["ESZ6", "GCZ6"])) == {"ESZ6", "GCZ6"}
        clock.now += 0.2
        http.answer(prices(ESZ6=6000.50))
        assert (await tv.quote("ESZ6")).last == Decimal("6000.5")
        http.answer(prices(ESZ6=6000.75))
        assert (await tv.quote("ESZ6", max_age=0)).last == Decimal("6000.75")
    assert [r.target for r in http.requests] == [
        "/tv/quotes?locale=en&symbols=MNQZ6,ESZ6",
        "/tv/quotes?locale=en&symbols=GCZ6",
        "/tv/quotes?locale=en&symbols=ESZ6",
        "/tv/quotes?locale=en&symbols=ESZ6",
    ]


async def test_old_quotes_that_are_good_enough_are_not_lost_when_others_are_asked_for(http) -> None:
    clock = Clock()
    async with TradingView(http.hosts, TOKEN, clock=clock) as tv:
        http.answer(prices(ESZ6=6000))
        await tv.quote("ESZ6")
        clock.now += 100
        http.answer(prices(GCZ6=4000))
        assert set(await tv.quotes(["ESZ6", "GCZ6"], max_age=3600)) == {"ESZ6", "GCZ6"}


async def test_many_who_look_at_once_cost_one_request(http, tv) -> None:
    http.answer(prices(ESZ6=6000))
    found = await asyncio.gather(*(tv.quote("ESZ6") for _ in range(20)))
    assert len(found) == 20
    assert len(http.requests) == 1


async def test_a_symbol_without_prices_is_remembered_too(http, tv) -> None:
    http.answer(ok([{"k": "NOPE9", "s": "error"}]))
    with pytest.raises(SymbolInaccessible, match="NOPE9"):
        await tv.quote("NOPE9")
    assert await tv.quotes(["NOPE9"]) == {}
    assert await tv.quotes([]) == {}
    assert len(http.requests) == 1


async def test_quotes_that_could_not_be_read_are_asked_for_again(http, tv) -> None:
    http.answer(b"", status=503)
    http.answer(prices(ESZ6=6000))
    with pytest.raises(TradovateError):
        await tv.quote("ESZ6")
    assert (await tv.quote("ESZ6")).last == 6000


@pytest.mark.parametrize("symbols", [["ES,NQ"], [""], ["ESZ6", ""]])
async def test_a_symbol_that_would_be_read_as_others_is_refused(http, tv, symbols) -> None:
    with pytest.raises(ValueError, match="no symbol"):
        await tv.quotes(symbols)
    assert http.requests == []
