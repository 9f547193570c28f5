"""Who is let in to the stream and to the charts of a Market Replay, and which market those show."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.utils import timezone

from accounts.models import Connection
from portal.asgi import application
from tests.trading.cast import sign_in
from tests.trading.consumers.pages import HOST, ORIGIN, Page, cookie, page
from tests.trading.signed_in import replay_of
from tests.trading.sync.cast import front_month, page_open, running_hub, settled
from trading.consumers import page_socket
from trading.models import Replay
from trading.simulator import RunningSimulator
from trading.sync import replays, stream
from trading.sync.stream import Stream
from trading.views.replay import suggested

SECOND = 1000


@sync_to_async
def running(source: Connection) -> Connection:
    """A replay that runs, as far as the database knows."""
    made = replay_of(source)
    starts_at = suggested(timezone.now())
    Replay.objects.create(connection=made, starts_at=starts_at, speed=100, initial_balance=1)
    return made


async def test_a_page_of_a_replay_gets_its_rows_and_the_desk_gets_its_own(alice: Connection, writer: Stream) -> None:
    replay = await running(alice)
    rows = {"account:9": {"id": "9", "name": "REPLAY9"}}
    async with stream.async_client() as client:
        await Stream(client, replay.pk).replace(rows)
    async with page(alice, "replay=1") as watching, page(alice) as desk:
        assert (await watching.frame())["rows"] == rows
        assert "account:9" not in (await desk.frame())["rows"]


async def test_without_a_replay_there_is_none_to_look_at(alice: Connection, bob: Connection) -> None:
    await running(alice)
    async with page(bob, "replay=1") as desk:
        assert (await desk.frame())["t"] == "bye"
        assert await desk.closed() == page_socket.SIGNED_OUT


async def test_pages_of_a_replay_are_let_look_while_it_runs_and_end_with_it(alice: Connection, monkeypatch) -> None:
    monkeypatch.setattr(page_socket.PageSocket, "check_every", 0.05)
    replay = await running(alice)
    async with page(alice, "replay=1") as watching:
        await watching.frame()
        assert await watching.hears_nothing(0.3)
        await sync_to_async(replays.end)(replay)
        assert (await watching.frame())["t"] == "bye"


class ChartPage(Page):
    """A page that looks at a chart of ticks in a replay."""

    def __init__(self, cookies: str, symbol: str) -> None:
        super().__init__(cookies, f"replay=1&symbol={symbol}&interval=ticks", ORIGIN, HOST)
        self._socket = ApplicationCommunicator(application, {**self._socket.scope, "path": "/ws/chart/"})


async def newest(chart: Page, wanted: Callable[[int], bool]) -> int:
    """Read until the newest bar's time is wanted."""
    async with asyncio.timeout(30):
        while True:
            frame = await chart.frame()
            times = [bar[0] for bar in frame.get("bars", [])]
            if times and wanted(max(times)):
                return max(times)


async def test_the_chart_of_a_replay_shows_the_replayed_market(simulator: RunningSimulator, transactional_db) -> None:
    trader = await sync_to_async(sign_in, thread_sensitive=False)(simulator, "trader")
    symbol = await sync_to_async(front_month, thread_sensitive=False)(simulator, trader)
    starts_at = suggested(timezone.now())
    begin = sync_to_async(replays.begin, thread_sensitive=False)
    replay = await begin(trader, starts_at, speed=100, initial_balance=Decimal(50_000))
    begun = int(starts_at.timestamp() * 1000)
    cookies = await sync_to_async(lambda: cookie(trader))()
    async with running_hub(), page_open(replay):
        # It waits for the hub, which has to begin the replay first.
        chart = ChartPage(cookies, symbol)
        assert await chart.open()
        try:
            await settled(replay)
            last = await newest(chart, lambda time: time > begun - 3600 * SECOND)
            assert last < begun + 60 * SECOND
            simulator.control.advance(120)
            await newest(chart, lambda time: time > begun + 60 * SECOND)
        finally:
            await chart.leave()
