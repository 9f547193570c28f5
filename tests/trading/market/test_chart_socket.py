"""A page's chart: bars of the simulator through our own socket, from the handshake to the last frame."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.utils import timezone

from accounts.models import AuditEvent, Connection
from accounts.sign_out import sign_out
from portal.asgi import application
from tests.trading.cast import sign_in
from tests.trading.consumers.pages import HOST, ORIGIN, Page, cookie
from tests.trading.sync.cast import front_month, until
from trading.consumers import ChartConsumer, page_socket
from trading.market import Interval, feeds, shared
from trading.market.feeds import Charts
from trading.models import Upstream
from trading.orders import contracts
from trading.simulator import Config, RunningSimulator, serve
from trading.simulator.config import DEFAULT_TRADERS
from trading.sync import stream, watched

MINUTE = 60_000


class ChartPage(Page):
    """A page that looks at a chart, and what it makes of the frames."""

    def __init__(self, cookies: str, symbol: str, interval: str, origin: str = ORIGIN) -> None:
        super().__init__(cookies, f"symbol={symbol}&interval={interval}", origin, HOST)
        scope = {**self._socket.scope, "path": "/ws/chart/"}
        self._socket = ApplicationCommunicator(application, scope)
        self.bars: dict[int, list[float]] = {}
        self.status: tuple[str, str] = ("", "")
        self.histories = 0
        self.first = False

    async def read(self) -> dict[str, Any]:
        frame = await self.frame()
        match frame["t"]:
            case "status":
                self.status = frame["state"], frame["words"]
            case "history" | "bars" | "older":
                times = [bar[0] for bar in frame["bars"]]
                assert times == sorted(set(times))
                self.bars |= {bar[0]: bar[1:] for bar in frame["bars"]}
                self.histories += frame["t"] == "history"
                self.first = frame.get("first", False)
        return frame

    async def until(self, kind: str) -> dict[str, Any]:
        while (frame := await self.read())["t"] != kind:
            pass
        return frame

    async def until_status(self, state: str) -> str:
        while self.status[0] != state:
            await self.read()
        return self.status[1]


@pytest.fixture(autouse=True)
def _settings(settings, monkeypatch) -> None:
    settings.ALLOWED_HOSTS = [HOST]
    monkeypatch.setattr(feeds, "LINGER", 0.05)


@pytest.fixture
def trader(simulator, transactional_db) -> Connection:
    return sign_in(simulator, "trader")


@pytest.fixture
def symbol(simulator, trader) -> str:
    return front_month(simulator, trader)


@contextlib.asynccontextmanager
async def page(connection: Connection, symbol: str, interval: str = "1m") -> AsyncIterator[ChartPage]:
    made = ChartPage(await sync_to_async(cookie)(connection), symbol, interval)
    assert await made.open()
    try:
        yield made
    finally:
        await made.leave()


def upstream(simulator) -> list[int]:
    """How many charts each market data socket at the simulator has."""
    return [one["charts"] for one in simulator.control.sockets() if one["charts"] is not None and not one["synced"]]


def log_in_elsewhere(simulator) -> None:
    person = simulator.trader("trader")
    credentials = {"name": person.name, "password": person.password}
    httpx.post(f"{simulator.url}/v1/auth/accesstokenrequest", json=credentials).raise_for_status()


async def gone(simulator) -> None:
    await until(lambda: asyncio.to_thread(lambda: not upstream(simulator)))


async def test_a_page_gets_history_and_then_what_the_market_does(simulator, trader, symbol) -> None:
    async with page(trader, symbol) as chart:
        await chart.until("history")
        assert chart.status == ("live", "")
        assert len(chart.bars) == 300
        newest = max(chart.bars)
        await asyncio.to_thread(simulator.control.advance, 180)
        while max(chart.bars) < newest + 2 * MINUTE:
            await chart.until("bars")
        for opened, high, low, closed, volume in chart.bars.values():
            assert low <= min(opened, closed) <= max(opened, closed) <= high
            assert volume >= 0
        assert set(range(newest, newest + 2 * MINUTE + 1, MINUTE)) <= set(chart.bars)
    await gone(simulator)


@pytest.mark.parametrize("interval", ["ticks", "5m", "15m", "1h", "1D"])
async def test_every_interval_has_its_bars(simulator, trader, symbol, monkeypatch, interval: str) -> None:
    # The simulator makes a day's bar of all its hours.
    monkeypatch.setattr(shared, "FIRST_DAYS", 15)
    async with page(trader, symbol, interval) as chart:
        await chart.until("history")
        times = sorted(chart.bars)
        assert len(times) >= 15
        span = {"ticks": 1, "5m": 5 * MINUTE, "15m": 15 * MINUTE, "1h": 60 * MINUTE, "1D": 1440 * MINUTE}[interval]
        assert all(time % span == 0 for time in times)


async def test_the_last_price_of_what_a_page_shows_is_followed_for_checks(simulator, trader, symbol) -> None:
    found = await sync_to_async(contracts.look_up)(trader, [symbol])
    async with page(trader, symbol):
        named = [str(found.found[symbol].tradovate_id).encode()]
        await until(lambda: stream.client().zrange(watched.key(trader.pk), 0, -1) == named)


async def test_a_page_that_scrolls_back_gets_older_bars_each_once(simulator, trader, symbol) -> None:
    async with page(trader, symbol) as chart:
        await chart.until("history")
        for _ in range(2):
            oldest, count = min(chart.bars), len(chart.bars)
            await chart.say(f'{{"t":"older","before":{oldest}}}')
            frame = await chart.until("older")
            assert len(frame["bars"]) == len(chart.bars) - count > 250
            assert max(bar[0] for bar in frame["bars"]) == oldest - MINUTE
            assert not chart.first
        await chart.say('{"t":"older","before":1}')
        await chart.until("older")
        assert chart.first


async def test_older_bars_that_do_not_come_are_told_of_and_are_not_asked_for_again_at_once(
    simulator, trader, symbol, monkeypatch
) -> None:
    pause = 2.0
    monkeypatch.setattr(feeds, "PAGE_PAUSE", pause)
    async with page(trader, symbol) as chart:
        await chart.until("history")
        simulator.control.fault("error_500", route="md/getchart")
        ask = f'{{"t":"older","before":{min(chart.bars)}}}'
        await chart.say(ask)
        frame = await chart.until("older")
        assert "Older bars did not come" in frame["words"]
        assert not frame["first"]
        await chart.say(ask)
        assert await chart.hears_nothing(0.2)
        await asyncio.sleep(pause)
        await chart.say(ask)
        assert (await chart.until("older"))["bars"]


async def test_pages_share_a_chart_and_the_last_one_ends_it(simulator, trader, symbol) -> None:
    async with page(trader, symbol) as one, page(trader, symbol) as other, page(trader, symbol, "5m") as third:
        for chart in (one, other, third):
            await chart.until("history")
        assert await asyncio.to_thread(upstream, simulator) == [2]
        await third.leave()
        await until(lambda: asyncio.to_thread(lambda: upstream(simulator) == [1]))
        await asyncio.to_thread(simulator.control.advance, 30)
        assert (await one.until("bars"))["bars"]
        assert (await other.until("bars"))["bars"]
    await gone(simulator)


async def test_a_chart_outlives_its_socket_and_takes_up_where_it_was(simulator, trader, symbol) -> None:
    async with page(trader, symbol) as chart:
        await chart.until("history")
        simulator.control.fault("kick", user="trader")
        assert "reconnected" in await chart.until_status("down")
        await chart.until_status("live")
        await chart.until("history")
        newest = max(chart.bars)
        await asyncio.to_thread(simulator.control.advance, 120)
        while max(chart.bars) <= newest:
            await chart.until("bars")
        assert await asyncio.to_thread(upstream, simulator) == [1]


async def test_who_was_evicted_and_signs_in_again_has_the_chart_back_without_a_wait(
    simulator, trader, symbol, monkeypatch
) -> None:
    monkeypatch.setattr(feeds, "LOOK", 0.05)
    async with page(trader, symbol) as chart:
        await chart.until("history")
        for _ in range(2):
            await sync_to_async(log_in_elsewhere, thread_sensitive=False)(simulator)
        assert "Another login" in await chart.until_status("down")
        async with page(trader, symbol, "5m") as another:
            assert "Another login" in await another.until_status("down")
        await sync_to_async(sign_in, thread_sensitive=False)(simulator, "trader")
        await chart.until_status("live")


async def test_who_was_evicted_is_not_fought_for_until_the_desk_has_its_session_back(
    simulator, trader, symbol, monkeypatch
) -> None:
    monkeypatch.setattr(feeds, "LOOK", 0.05)
    async with page(trader, symbol) as chart:
        await chart.until("history")
        for _ in range(2):
            await sync_to_async(log_in_elsewhere, thread_sensitive=False)(simulator)
        await chart.until_status("down")
        await asyncio.sleep(0.3)
        assert await asyncio.to_thread(upstream, simulator) == []
        await Upstream.objects.acreate(connection=trader, state=Upstream.State.UP, since=timezone.now())
        # The simulator's old session is over for good: that it was tried shows.
        while "Another login" in chart.status[1]:
            await chart.read()


async def test_a_session_that_was_taken_is_not_renewed_for_its_charts(simulator, trader, symbol, monkeypatch) -> None:
    """A refresh token begins a session anew, which would end the other login's."""
    monkeypatch.setattr(feeds, "LOOK", 0.05)
    async with page(trader, symbol) as chart:
        await chart.until("history")
        for _ in range(2):
            await sync_to_async(log_in_elsewhere, thread_sensitive=False)(simulator)
        await chart.until_status("down")
        ends = timezone.now() + timedelta(seconds=10)
        await Connection.objects.filter(pk=trader.pk).aupdate(access_token_expires_at=ends)
        await asyncio.sleep(1.0)
    kinds = (AuditEvent.Kind.TOKEN_RENEWED, AuditEvent.Kind.RENEWAL_FAILED)
    assert not await AuditEvent.objects.filter(connection=trader, kind__in=kinds).aexists()


async def test_without_market_data_the_page_is_told_so_and_is_not_asked_to_wait(simulator, trader) -> None:
    async with page(trader, "ZZZZ9") as chart:
        assert "No market data for ZZZZ9" in await chart.until_status("refused")
        await chart.say('{"t":"resync"}')
        assert (await chart.until("alive")) == {"t": "alive"}
    await gone(simulator)


@contextlib.asynccontextmanager
async def whose_market_data_is(kind: str, settings: Any) -> AsyncIterator[tuple[RunningSimulator, Connection, str]]:
    """A simulator that grants its traders market data so, the trader, and a contract's symbol."""
    people = tuple(replace(one, market_data=kind) for one in DEFAULT_TRADERS)
    config = Config(control=True, client_secret=settings.SIMULATOR_CLIENT_SECRET, traders=people)
    with serve(config) as running:
        settings.SIMULATOR_URL = running.url
        trader = await sync_to_async(sign_in, thread_sensitive=False)(running, "trader")
        yield running, trader, await sync_to_async(front_month, thread_sensitive=False)(running, trader)
        await gone(running)


async def test_a_trader_without_market_data_is_told_so(settings, redis_url, transactional_db) -> None:
    async with whose_market_data_is("None", settings) as (_, trader, symbol), page(trader, symbol) as chart:
        assert f"No market data for {symbol}" in await chart.until_status("refused")


async def test_bars_that_come_late_are_said_to(settings, redis_url, transactional_db) -> None:
    async with whose_market_data_is("Delayed", settings) as (running, trader, symbol):
        words = f"Prices are delayed: no real-time market data for {symbol}."
        async with page(trader, symbol) as chart, page(trader, symbol, "5m") as another:
            for one in (chart, another):
                while one.status != ("live", words):
                    await one.read()
            running.control.fault("kick", user="trader")
            await chart.until_status("down")
            while chart.status != ("live", words):
                await chart.read()
            await until(lambda: not any(one["quotes"] for one in running.control.sockets()))


async def test_a_chart_that_is_slow_to_come_is_asked_for_again(simulator, trader, symbol) -> None:
    simulator.control.fault("error_500", route="md/getchart")
    async with page(trader, symbol) as chart:
        await chart.until_status("live")


@pytest.mark.parametrize(
    ("symbol", "interval"), [("", "1m"), ("esz6", "1m"), ("ESZ6", "2m"), ("<script>", "1m"), ("A" * 40, "1m")]
)
async def test_nonsense_is_refused(trader, symbol: str, interval: str) -> None:
    async with page(trader, symbol, interval) as chart:
        assert await chart.closed() == 4404


async def test_only_signed_in_pages_of_our_own_origin_are_let_in(trader, symbol) -> None:
    stranger = ChartPage("", symbol, "1m")
    assert await stranger.open()
    assert await stranger.closed() == 4401
    cookies = await sync_to_async(cookie)(trader)
    assert not await ChartPage(cookies, symbol, "1m", origin="http://evil.example").open()


async def test_a_session_that_ended_ends_the_chart(simulator, trader, symbol, monkeypatch) -> None:
    monkeypatch.setattr(ChartConsumer, "check_every", 0.1)
    async with page(trader, symbol) as chart:
        await chart.until("history")
        await sync_to_async(trader.forget_tokens)()
        assert await chart.closed() == 4401


async def test_who_signs_out_has_no_market_data_socket_left(simulator, trader, symbol, monkeypatch) -> None:
    """Neither the look at the session nor the wait for the next chart holds it."""
    monkeypatch.setattr(feeds, "LINGER", 600.0)
    monkeypatch.setattr(ChartConsumer, "check_every", 600.0)
    async with page(trader, symbol) as chart, page(trader, symbol, "5m") as other:
        for one in (chart, other):
            await one.until("history")
        await other.leave()
        await sync_to_async(sign_out)(trader.user)
        assert await chart.closed() == 4401
        await gone(simulator)
    back = await sync_to_async(sign_in, thread_sensitive=False)(simulator, "trader")
    async with page(back, symbol) as chart:
        await chart.until("history")
        await chart.leave()
        # What waits for the next chart hears it, too.
        await sync_to_async(sign_out)(back.user)
        await gone(simulator)


async def test_one_trader_has_a_bounded_number_of_charts(simulator, trader, symbol, settings) -> None:
    settings.DESK_SOCKETS_PER_USER = 1
    async with page(trader, symbol) as chart, page(trader, symbol) as second:
        assert await second.closed() == 4429
        await chart.until("history")
    assert not page_socket.sockets_of_user


async def test_messages_that_mean_nothing_change_nothing(simulator, trader, symbol) -> None:
    async with page(trader, symbol) as chart:
        await chart.until("history")
        for text in ("", "nonsense", '{"t":"older"}', '{"t":"older","before":-1}', '{"t":"older","before":1e30}', "[]"):
            await chart.say(text)
        await chart.say('{"t":"older","before":1,"x":' + "[" * 30_000)
        await chart.say('{"t":"resync"}')
        assert (await chart.read())["t"] == "alive"
    assert not page_socket.sockets_of_user


async def test_a_page_that_does_not_read_holds_no_more_than_the_chart(simulator, trader, symbol) -> None:
    room = Charts()
    feed, viewer = room.watch(trader.pk, symbol, Interval.ONE_MINUTE)
    await until(lambda: viewer.chart.is_whole)
    for _ in range(5):
        await asyncio.to_thread(simulator.control.advance, 60)
    await until(lambda: len(viewer.chart.series.text()) > 0)
    frames = []
    while len(frames) < 2:
        frames.append(msgspec.json.decode(await viewer.get()))
    # However much has happened, it is told by one status and one history.
    assert [frame["t"] for frame in frames] == ["status", "history"]
    room.leave(trader.pk, feed, viewer)
    await gone(simulator)
