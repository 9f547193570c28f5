"""Sockets to Tradovate are open for those who look, or whose orders are at work, and for nobody else."""

import asyncio
import time
from datetime import timedelta

import pytest
import redis
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings
from django.utils import timezone

from accounts.models import Connection
from tests.trading.cast import sign_in
from tests.trading.sync.cast import cut, look_at, page_open, running_hub, settled, snapshot, until
from trading.models import Account, OrderFile, OrderIntent, Upstream
from trading.orders import missed_ends
from trading.sync import doorbell, presence, stream
from trading.sync.relay import Outbox, Relay
from trading.tasks import reconcile_orders


@pytest.fixture
def absent(simulator, redis_url, transactional_db) -> Connection:
    """A trader who is signed in and has no page open."""
    return sign_in(simulator, "trader")


def client() -> redis.Redis:
    return redis.Redis.from_url(django_settings.REDIS_URL)


async def test_nobody_looks_so_no_socket_is_open(simulator, absent) -> None:
    async with running_hub() as hub:
        await asyncio.sleep(1.2)  # two looks
        assert not hub.held
        assert not simulator.control.sockets()


async def test_a_page_that_is_asked_for_gets_its_socket_by_the_bell(simulator, absent, monkeypatch) -> None:
    monkeypatch.setattr("trading.sync.hub.LOOK", 60.0)
    async with running_hub(rescan=60):
        await until(lambda: client().pubsub_numsub(doorbell.channel())[0][1])
        await asyncio.sleep(0.2)
        await sync_to_async(look_at)(absent)
        assert (await settled(absent)).rows["account:1001001"]["name"] == "DEMO1001001"


async def test_a_page_gets_its_socket_at_once_though_nobody_heard_of_the_sign_in(
    simulator, redis_url, transactional_db
) -> None:
    async with running_hub(rescan=600):
        await asyncio.sleep(1.2)  # the database has been read, and nobody is signed in
        trader = await sync_to_async(sign_in)(simulator, "trader")
        client().zadd(presence.KEY, {str(trader.pk): time.time()})
        await settled(trader)


async def test_what_was_rung_while_the_bell_was_out_of_order_is_learned_when_it_works_again(simulator, absent) -> None:
    await sync_to_async(absent.forget_tokens)()
    client().zadd(presence.KEY, {str(absent.pk): time.time()})
    async with running_hub(rescan=600):
        await asyncio.sleep(1.2)  # as above
        await sync_to_async(sign_in)(simulator, "trader")
        cut("pubsub")
        await settled(absent)


async def test_the_socket_closes_a_while_after_the_last_page_and_no_old_figures_stay(simulator, absent) -> None:
    async with running_hub(grace=1.5) as hub:
        async with page_open(absent):
            await settled(absent)
            await asyncio.sleep(2.0)
            assert hub.held == {absent.pk}
        await until(lambda: not simulator.control.sockets())

        async def forgotten() -> bool:
            return not (await snapshot(absent)).rows

        await until(forgotten)
        assert await asyncio.to_thread(hub.journal.flush)
        assert (await Upstream.objects.aget(connection=absent)).state == Upstream.State.IDLE
        # Whoever comes back gets the figures of then.
        async with page_open(absent):
            await settled(absent)


async def test_a_relay_names_its_open_pages_again_and_again(redis_url, monkeypatch) -> None:
    monkeypatch.setattr(presence, "EVERY", 0.05)
    relay, pages = Relay(), [Outbox(5), Outbox(5), Outbox(6)]
    for page in pages:
        await relay.join(page)
    client().delete(presence.KEY)
    await until(lambda: set(client().zrange(presence.KEY, 0, -1)) == {b"5", b"6"})
    await relay.leave(pages[2])
    await asyncio.sleep(0.1)
    client().delete(presence.KEY)
    await until(lambda: client().zrange(presence.KEY, 0, -1) == [b"5"])
    for page in pages[:2]:
        await relay.leave(page)
    client().delete(presence.KEY)
    await asyncio.sleep(0.2)
    assert not client().exists(presence.KEY)


async def test_an_open_page_keeps_its_socket_however_short_the_grace_is(
    simulator, absent, settings, monkeypatch
) -> None:
    monkeypatch.setattr(presence, "EVERY", 1.0)
    settings.DESK_SOCKET_GRACE = 0
    relay, open_page = Relay(), Outbox(absent.pk)
    async with running_hub(grace=None):
        await relay.join(open_page)
        first = await settled(absent)
        await asyncio.sleep(3.0)
        assert (await settled(absent)).epoch == first.epoch
        await relay.leave(open_page)
        await until(lambda: not simulator.control.sockets())


async def test_a_redis_that_lost_its_memory_closes_no_desk_that_is_looked_at(simulator, absent) -> None:
    await sync_to_async(look_at)(absent)
    async with running_hub() as hub:
        before = await settled(absent)
        client().flushdb()
        await until(lambda: client().exists(stream.lease_key(absent.pk)))
        await asyncio.sleep(1.0)
        assert hub.held == {absent.pk}
        assert (await settled(absent)).epoch != before.epoch
        assert len([one for one in simulator.control.sockets() if one["synced"]]) == 1


async def test_a_running_file_and_an_order_at_work_have_their_socket_though_nobody_looks(simulator, absent) -> None:
    account = await Account.objects.aget(connection=absent)
    file = await OrderFile.objects.acreate(account=account, name="f", content="", state=OrderFile.State.EXECUTING)
    async with running_hub(grace=0.5):
        await settled(absent)
        intent = await OrderIntent.objects.acreate(
            connection=absent,
            account=account,
            source_key="test:1",
            cl_ord_id="tp-test-1",
            spec={},
            symbol="ESZ6",
            action="Buy",
            order_qty=1,
            state=OrderIntent.State.WORKING,
        )
        await OrderFile.objects.filter(pk=file.pk).aupdate(state=OrderFile.State.FINISHED)
        await asyncio.sleep(1.2)
        assert any(one["synced"] for one in simulator.control.sockets())
        await OrderIntent.objects.filter(pk=intent.pk).aupdate(state=OrderIntent.State.FILLED)
        await until(lambda: not simulator.control.sockets())


async def test_an_order_whose_end_nobody_saw_keeps_no_socket_open(
    simulator, absent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was cancelled in Tradovate's own app while its trader was signed out, and that day is served no more."""
    monkeypatch.setattr(missed_ends, "TOLD_WITHIN", timedelta())
    intent = await OrderIntent.objects.acreate(
        connection=absent,
        account=await Account.objects.aget(connection=absent),
        source_key="test:1",
        cl_ord_id="tp-test-1",
        spec={},
        symbol="ESZ6",
        action="Buy",
        order_qty=1,
        time_in_force="GTC",
        order_id_at_broker=404,
        state=OrderIntent.State.WORKING,
    )
    await OrderIntent.objects.filter(pk=intent.pk).aupdate(changed_at=timezone.now() - timedelta(days=5))
    async with running_hub(grace=0.5) as hub:
        await settled(absent)

        async def ended() -> bool:
            await sync_to_async(reconcile_orders, thread_sensitive=False)()
            await intent.arefresh_from_db()
            return intent.state == OrderIntent.State.EXPIRED

        await until(ended)
        await until(lambda: not hub.held and not simulator.control.sockets())
