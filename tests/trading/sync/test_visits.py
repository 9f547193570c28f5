"""What happens elsewhere while nobody looks is kept, too: the day of everybody signed in is seen to its end."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts.models import Connection
from tests.trading.cast import sign_in
from tests.trading.sync.cast import aplace, front_month, running_hub, until
from trading.models import CashEntry, Fill, TradingLimit, Upstream
from trading.sync import visits, wanted

FRIDAY = datetime(2026, 11, 27, 22, 5, tzinfo=UTC)  # 16:05 in Chicago


@pytest.fixture
def absent(simulator, redis_url, transactional_db) -> Connection:
    """A trader who is signed in and has no page open."""
    return sign_in(simulator, "trader")


@pytest.mark.parametrize(
    ("at", "begun"),
    [
        (FRIDAY - timedelta(minutes=1), None),
        (FRIDAY, FRIDAY),
        (FRIDAY + timedelta(minutes=49), FRIDAY),
        (FRIDAY + timedelta(minutes=50), None),
        (FRIDAY + timedelta(days=1), None),
        (FRIDAY + timedelta(days=3), FRIDAY + timedelta(days=3)),
        (datetime(2026, 7, 10, 21, 30, tzinfo=UTC), datetime(2026, 7, 10, 21, 5, tzinfo=UTC)),  # daylight saving
    ],
)
def test_visits_are_made_in_the_daily_pause(at: datetime, begun: datetime | None) -> None:
    assert visits.begin(at) == begun


def test_visits_are_spread() -> None:
    assert [visits.is_due(one, FRIDAY, FRIDAY + timedelta(minutes=5)) for one in (5, 6, 40, 79)] == [
        *(True, False, True, False)
    ]


async def test_fills_that_nobody_saw_are_kept_before_the_day_ends(simulator, absent, monkeypatch) -> None:
    symbol = await sync_to_async(front_month)(simulator, absent)
    simulator.control.liquidity(symbol, 100)
    await aplace(simulator, absent, symbol=symbol, action="Buy", orderQty=1)
    simulator.control.advance(1)
    async with running_hub(grace=0.5) as hub:
        await asyncio.sleep(0.8)
        assert not hub.held
        begun = timezone.now()
        monkeypatch.setattr(visits, "begin", lambda now: begun)
        monkeypatch.setattr(visits, "is_due", lambda *_: True)
        await until(Fill.objects.filter(connection=absent).aexists)
        # Once is enough.
        await until(lambda: not hub.held and not simulator.control.sockets())
        assert await asyncio.to_thread(hub.journal.flush)
        assert not (await wanted.read()).at_work


async def test_a_session_that_another_login_took_is_not_visited(absent, monkeypatch) -> None:
    now = timezone.now()
    await Upstream.objects.acreate(
        connection=absent, state=Upstream.State.EVICTED, since=now - timedelta(days=1), detail=""
    )
    monkeypatch.setattr(visits, "begin", lambda _: now)
    monkeypatch.setattr(visits, "is_due", lambda *_: True)
    assert not (await wanted.read()).at_work
    await Upstream.objects.filter(connection=absent).aupdate(state=Upstream.State.IDLE)
    assert (await wanted.read()).at_work == {absent.pk}


async def test_who_has_to_sign_in_again_is_not_visited_nor_guarded(absent, monkeypatch) -> None:
    monkeypatch.setattr(visits, "begin", lambda _: timezone.now())
    monkeypatch.setattr(visits, "is_due", lambda *_: True)
    await TradingLimit.objects.acreate(user_id=absent.user_id, max_position=3)
    await Connection.objects.aupdate(access_token_expires_at=timezone.now())
    assert not (await wanted.read()).at_work

    await Connection.objects.aupdate(access_token_expires_at=timezone.now() + timedelta(minutes=1))
    assert (await wanted.read()).at_work == {absent.pk}


@pytest.mark.parametrize("state", [Upstream.State.CONNECTING, Upstream.State.DOWN, Upstream.State.IDLE])
async def test_who_could_not_be_visited_yet_still_is_to_be(absent, monkeypatch, state: Upstream.State) -> None:
    begun = timezone.now()
    await Upstream.objects.acreate(connection=absent, state=state, since=begun + timedelta(seconds=1))
    monkeypatch.setattr(visits, "begin", lambda _: begun)
    monkeypatch.setattr(visits, "is_due", lambda *_: True)
    assert (await wanted.read()).at_work == {absent.pk}


async def test_a_visit_waits_for_its_sync_request_and_for_the_cash_book(simulator, absent, monkeypatch) -> None:
    symbol = await sync_to_async(front_month)(simulator, absent)
    simulator.control.liquidity(symbol, 100)
    await aplace(simulator, absent, symbol=symbol, action="Buy", orderQty=1)
    simulator.control.advance(1)
    begun = timezone.now()
    monkeypatch.setattr(visits, "begin", lambda now: begun)
    monkeypatch.setattr(visits, "is_due", lambda *_: True)
    # Many looks at the database long.
    simulator.control.fault("penalty", route="user/syncrequest", seconds=2)
    simulator.control.fault("slow", route="cashbalancelog/ldeps", seconds=2)
    async with running_hub(grace=0.5) as hub:
        await until(Fill.objects.filter(connection=absent).aexists)
        await until(CashEntry.objects.filter(connection=absent, change_type="Commission").aexists)
        await until(lambda: not hub.held and not simulator.control.sockets())


async def test_each_socket_that_has_read_the_day_says_so(simulator, trader) -> None:
    """From then on what got no answer may be found (trading.orders.when_to_look)."""

    async def read_at() -> datetime | None:
        return await Upstream.objects.filter(connection=trader).values_list("synced_at", flat=True).afirst()

    async with running_hub():
        await until(read_at)
        first = await read_at()
        simulator.control.fault("kick", user="trader")

        async def anew() -> bool:
            return await read_at() != first

        await until(anew)
