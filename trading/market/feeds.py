"""The charts of this process: a market data socket per connection that has any, closed some seconds after the last.

Tradovate is asked for a chart once, however many browsers look at it, and told when nobody does any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Coroutine
from datetime import UTC, datetime
from weakref import WeakKeyDictionary

from accounts.budgets import client as budgets_client
from accounts.budgets import kept_in
from accounts.renewal import NoToken, SignedOut
from trading.market.intervals import Interval
from trading.market.series import encoded, joined
from trading.market.shared import DOWN, REFUSED, SharedChart
from trading.market.viewer import Viewer, older_frame
from trading.sync import marks, retry, stream
from trading.sync.access import Targets, is_up_since, until_streaming
from trading.sync.relay import Bye, Outbox, relay
from trading.tradovate import Access, Attempts, Interrupted, Patience, ReconnectingMarketFeed
from trading.tradovate.entities import ChartPacket, TimeRange
from trading.tradovate.errors import ApiError, Evicted, NotFound, SymbolInaccessible, TradovateError
from trading.tradovate.subscriptions import Chart, Resubscribed

log = logging.getLogger(__name__)

PATIENCE = Patience(judge=marks.judge, errors=(TradovateError, NoToken))
LINGER = 15.0  # seconds that a socket waits for the next chart: people change symbol and interval
PAGE = 300  # bars that a page gets when it scrolls back
PAGE_SECONDS = 20.0
PAGE_PAUSE = 5.0  # seconds until a page may ask again for older bars that did not come
LOOK = 2.0  # seconds between looks whether a socket that was lost is wanted back at once
HELD = 256  # packets that may come before the reply that says whose they are

Key = tuple[str, Interval]


class ChartsFailed(Exception):
    """Something unexpected ended all charts of a connection; who comes back gets new ones."""


class _Goodbye(Outbox):
    """Hears of a connection only that it has ended: the snapshot that would come first is never read."""

    def __init__(self, connection_id: int) -> None:
        super().__init__(connection_id)
        self.said: asyncio.Future[Bye] = asyncio.get_running_loop().create_future()

    def end(self, bye: Bye) -> None:
        if not self.said.done():
            self.said.set_result(bye)


class Feed:
    """The charts of one connection on one market data socket, or of a replay on a socket that joins it: it goes by the
    sign-in of the connection `replay_of`."""

    def __init__(self, connection_id: int, replay_of: int | None = None) -> None:
        self._connection_id = connection_id
        self._replay_of = replay_of
        self._targets = Targets(replay_of or connection_id)
        self._budgets_client = budgets_client()
        self._upstream = ReconnectingMarketFeed(self._access, patience=PATIENCE)
        self._charts: dict[Key, SharedChart] = {}
        self._trouble = ""
        self._token = ""
        self._look: asyncio.Task[None] | None = None
        self._asking = 0
        self._granting = asyncio.Lock()
        self._held: deque[ChartPacket] = deque(maxlen=HELD)
        self._jobs: set[asyncio.Task[None]] = set()
        self.is_over = False

    @property
    def is_idle(self) -> bool:
        return not self._charts

    def watch(self, symbol: str, interval: Interval) -> Viewer:
        """Look at a chart; the first to do so has it asked for."""
        chart = self._charts.get((symbol, interval))
        if chart is None:
            chart = self._charts[symbol, interval] = SharedChart(symbol, interval)
            if self._trouble:
                chart.tell(DOWN, self._trouble)
            self._start(self._keep(chart))
        viewer = Viewer(chart)
        chart.viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Look no more; the last one to leave ends the chart."""
        chart = viewer.chart
        chart.viewers.discard(viewer)
        if not chart.viewers and self._charts.get((chart.symbol, chart.interval)) is chart:
            del self._charts[chart.symbol, chart.interval]
            chart.unwanted.set()

    def page_back(self, viewer: Viewer, before: datetime) -> None:
        """Send a viewer the bars before a time; one request at a time."""
        if not viewer.is_paging:
            viewer.is_paging = True
            self._start(self._page(viewer, before))

    async def run(self) -> None:
        """Follow the socket until cancelled or signed out."""
        self._start(self._until_bye(asyncio.current_task()))
        try:
            async with self._upstream:
                while True:
                    try:
                        await self._read()
                    except Evicted as taken:
                        # Taking it back unasked would throw the other login out, and so on for ever.
                        self._tell_trouble(retry.shown(taken)[1])
                        await self._until_wanted_back()
                    else:
                        return
        except SignedOut:
            self._end_viewers(Bye(stream.SIGNED_OUT, stream.bye_frame(stream.SIGNED_OUT)))
        except Exception:
            log.exception("The charts of a connection failed.")
            self._end_viewers(ChartsFailed())
        finally:
            for job in self._jobs:
                job.cancel()
            await asyncio.gather(*self._jobs, return_exceptions=True)
            await self._budgets_client.aclose()

    async def _until_bye(self, running: asyncio.Task[None] | None) -> None:
        """Whoever signs out is not waited for: the socket must not outlive that."""
        source, goodbye = relay(), _Goodbye(self._connection_id)
        try:
            await source.join(goodbye)
            self._end_viewers(await goodbye.said)
        finally:
            await source.leave(goodbye)
        if running is not None:
            running.cancel()

    async def _read(self) -> None:
        async for news in self._upstream:
            match news:
                case Resubscribed():
                    self._begun(news)
                case Interrupted():
                    self._interrupted(news)
                case ChartPacket():
                    self._take(news)

    async def _access(self, last_error: Exception | None) -> Access:
        target = await self._targets.current(last_error)
        self._token = target.token
        budgets = kept_in(self._budgets_client, target.environment, target.tradovate_user_id)
        url = target.hosts.market_socket
        if self._replay_of is not None:
            # Before the hub has begun it there is nothing to join.
            await until_streaming(self._connection_id)
            url = target.hosts.replay_socket
        return Access(url, target.token, target.tradovate_user_id, budgets)

    def _end_viewers(self, reason: Exception) -> None:
        self.is_over = True
        for chart in self._charts.values():
            for viewer in chart.viewers:
                viewer.end(reason)

    def _begun(self, news: Resubscribed) -> None:
        self._targets.reached()
        self._stop_looking()
        self._trouble = ""
        refused = {id(one.what): one.error for one in news.refused}
        for chart in self._charts.values():
            if chart.upstream is None:
                continue
            chart.restart()
            self._start(self._learn_grant(chart))
            if error := refused.get(id(chart.upstream)):
                _refuse(chart, error)

    def _interrupted(self, news: Interrupted) -> None:
        log.info("Charts stopped: %s; again in %.1f s.", type(news.error).__name__, news.seconds)
        self._tell_trouble(f"Market data has stopped and is being reconnected: {news.error}")
        self._stop_looking()
        self._look = self._start(self._look_again())

    def _tell_trouble(self, words: str) -> None:
        self._trouble = words
        for chart in self._charts.values():
            if chart.status[0] != REFUSED:
                chart.tell(DOWN, words)

    async def _look_again(self) -> None:
        """Who signs in again does not wait for the end of a pause, which may be minutes."""
        await self._until_wanted_back()
        with contextlib.suppress(*PATIENCE.errors):
            await self._upstream.renew()

    async def _until_wanted_back(self) -> None:
        """Wait until the trader has signed in again, or has had the desk take its session back."""
        since = datetime.now(UTC)
        while True:
            await asyncio.sleep(LOOK)
            with contextlib.suppress(*PATIENCE.errors):
                is_newer = await self._targets.is_another(self._token)
                if is_newer or await is_up_since(self._connection_id, since):
                    return

    def _stop_looking(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None

    def _take(self, packet: ChartPacket) -> None:
        for chart in self._charts.values():
            if chart.upstream is not None and chart.upstream.owns(packet):
                chart.take(packet)
                return
        if self._asking:
            self._held.append(packet)

    async def _keep(self, chart: SharedChart) -> None:
        """Have a chart sent until nobody looks at it."""
        attempts = Attempts(PATIENCE)
        self._start(self._learn_grant(chart))
        while chart.viewers:
            try:
                chart.upstream = await self._ask(chart)
            except (ApiError, NotFound) as error:
                _refuse(chart, error)
            except TradovateError as error:
                chart.tell(DOWN, str(error))
                await attempts.pause(attempts.failed(error).seconds)
                continue
            await chart.unwanted.wait()
            break
        if chart.upstream is not None:
            with contextlib.suppress(TradovateError):
                await self._upstream.cancel_chart(chart.upstream)

    async def _learn_grant(self, chart: SharedChart) -> None:
        """How fresh prices are Tradovate says of quotes, not of charts: have some sent, and end them at once.

        One at a time, as a contract's quotes are subscribed once on a socket, whatever the number of its charts.
        """
        async with self._granting:
            with contextlib.suppress(TradovateError):
                granted = await self._upstream.subscribe_quote(chart.symbol)
                await self._upstream.unsubscribe_quote(chart.symbol)
                if granted is not None:
                    chart.grant(is_late=marks.is_late(granted.mode))

    async def _ask(self, chart: SharedChart) -> Chart:
        self._asking += 1
        try:
            found = await self._upstream.get_chart(chart.symbol, chart.interval.description, chart.first_range)
            chart.upstream = found
            # Packets may have overtaken the reply that names their ids.
            held, self._held = self._held, deque(maxlen=HELD)
            for packet in held:
                self._take(packet)
            return found
        finally:
            self._asking -= 1
            if not self._asking:
                self._held.clear()

    async def _page(self, viewer: Viewer, before: datetime) -> None:
        chart = viewer.chart
        time_range = TimeRange(closest_timestamp=before, as_much_as_elements=PAGE)
        try:
            found = await self._upstream.page(
                chart.symbol, chart.interval.description, time_range, page_seconds=PAGE_SECONDS
            )
            limit = before.timestamp() * 1000
            bars = sorted((time, bar) for time, bar in encoded(chart.interval, found).items() if time < limit)
            viewer.answer(older_frame(joined(bar for _, bar in bars), is_first=not bars))
        except TradovateError as error:
            viewer.answer(older_frame("[]", is_first=False, words=f"Older bars did not come: {error}"))
            await asyncio.sleep(PAGE_PAUSE)
        finally:
            viewer.is_paging = False

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        job = asyncio.create_task(work)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        return job


class Charts:
    """The feeds of this process (of its event loop), by connection."""

    def __init__(self) -> None:
        self._feeds: dict[int, tuple[Feed, asyncio.Task[None]]] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def watch(
        self, connection_id: int, symbol: str, interval: Interval, *, replay_of: int | None = None
    ) -> tuple[Feed, Viewer]:
        """Look at a chart of a contract with the market data of a connection, or of a replay; `leave` ends that."""
        found = self._feeds.get(connection_id)
        if found is None or found[1].done() or found[0].is_over:
            feed = Feed(connection_id, replay_of)
            found = self._feeds[connection_id] = feed, asyncio.create_task(feed.run(), name="charts")
        return found[0], found[0].watch(symbol, interval)

    def leave(self, connection_id: int, feed: Feed, viewer: Viewer) -> None:
        """Look no more; a socket without a chart closes some seconds later."""
        feed.leave(viewer)
        if feed.is_idle:
            task = asyncio.create_task(self._close_if_idle(connection_id, feed))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _close_if_idle(self, connection_id: int, feed: Feed) -> None:
        await asyncio.sleep(LINGER)
        found = self._feeds.get(connection_id)
        if found is not None and found[0] is feed and feed.is_idle:
            del self._feeds[connection_id]
            found[1].cancel()
            await asyncio.gather(found[1], return_exceptions=True)


def _refuse(chart: SharedChart, error: TradovateError) -> None:
    words = (
        f"No market data for {chart.symbol}: no such contract, or no subscription to its data."
        if isinstance(error, SymbolInaccessible)
        else f"Tradovate sends no chart of {chart.symbol}: {error}"
    )
    chart.tell(REFUSED, words)


_charts: WeakKeyDictionary[asyncio.AbstractEventLoop, Charts] = WeakKeyDictionary()


def charts() -> Charts:
    """The charts of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _charts:
        _charts[loop] = Charts()
    return _charts[loop]
