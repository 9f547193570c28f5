"""`manage.py sync` as the process that it is: it ends cleanly when asked, and is replaced when it is killed."""

import signal

import redis
from asgiref.sync import sync_to_async
from django.conf import settings as django_settings

from tests.trading.cast import sign_in
from tests.trading.sync.cast import StartSync, look_at, running_hub, settled, snapshot, until
from trading.models import Upstream
from trading.sync import crew, hub, lease, stream


async def test_it_ends_cleanly_and_leaves_no_lease(simulator, trader, start_sync: StartSync) -> None:
    client = redis.Redis.from_url(django_settings.REDIS_URL)
    process = start_sync()
    await settled(trader)
    assert client.exists(stream.lease_key(trader.pk))
    assert crew.is_there(client)
    process.send_signal(signal.SIGTERM)
    assert await until(lambda: process.poll() is not None)
    assert process.returncode == 0
    assert not client.exists(stream.lease_key(trader.pk))
    assert not crew.is_there(client)
    await until(lambda: not simulator.control.sockets())
    found = await settled(trader, "down")
    assert "stopped" in found.rows["upstream"]["detail"]
    assert found.rows["account:1001001"]["name"] == "DEMO1001001"
    assert (await Upstream.objects.aget(connection=trader)).state == Upstream.State.DOWN


async def test_another_takes_over_from_one_that_was_killed_at_its_first_look_after_that(
    simulator, trader, start_sync: StartSync, monkeypatch
) -> None:
    """What a dead process leaves ends by Redis's clock; who looks then takes the connection at once."""
    client = redis.Redis.from_url(django_settings.REDIS_URL)
    look, free = crew.Crew.look, crew.Crew.free
    alive: list[int] = []
    found_free: list[int] = []

    async def looking(self: crew.Crew) -> crew.Sight:
        sight = await look(self)
        alive.append(len(sight.members))
        return sight

    async def asking(self: crew.Crew, ids: set[int]) -> set[int]:
        found = await free(self, ids)
        found_free.extend(alive[-1] for one in found if one == trader.pk)
        return found

    monkeypatch.setattr(crew.Crew, "look", looking)
    monkeypatch.setattr(crew.Crew, "free", asking)
    process = start_sync()
    before = await settled(trader)
    async with running_hub():
        await until(lambda: 2 in alive)
        process.kill()
        process.wait(30)
        assert 0 < client.pttl(stream.lease_key(trader.pk)) <= lease.LASTS * 1000

        async def taken_over() -> bool:
            found = await settled(trader)
            return found.epoch != before.epoch

        await until(taken_over)
    # While it counted as alive its lease may have ended already; after that, one look was enough.
    assert found_free.count(1) <= 1
    assert (await Upstream.objects.aget(connection=trader)).state == Upstream.State.DOWN


async def test_two_processes_share_and_the_other_one_carries_on_when_one_is_killed(
    simulator, redis_url, transactional_db, start_sync: StartSync
) -> None:
    names = ("trader", "pro", "empty")
    traders = [await sync_to_async(lambda name=name: look_at(sign_in(simulator, name)))(name) for name in names]

    async def epochs() -> set[str]:
        found = [await snapshot(one) for one in traders]
        return {one.epoch for one in found if one.rows.get("upstream", {}).get("state") == "up"}

    async def shared() -> bool:
        """A process that joined has taken its share over, so that not all are of the first one any more."""
        return bool(first - await epochs()) and len(await epochs()) == 3

    async def all_up() -> bool:
        return len(await epochs()) == 3

    victim = start_sync()
    await until(all_up, patience=30)
    first = await epochs()
    survivor = start_sync()
    await until(shared, patience=30)
    before = await epochs()
    kept = first & before
    victim.kill()

    async def carried_on() -> bool:
        return not kept & await epochs() and await all_up()

    await until(carried_on)
    assert survivor.poll() is None
    # What the survivor held has not been touched.
    assert before - kept <= await epochs()


def test_what_was_held_by_a_killed_process_is_taken_within_four_seconds() -> None:
    """Its lease and its place in the crew end by themselves, and the next look of another process finds both. Of five
    seconds one is left for the socket and its first answer."""
    assert max(lease.LASTS, crew.LASTS) + hub.LOOK <= 4
    # Who lives is seen to live.
    assert lease.RENEW_EVERY * 2 < lease.LASTS
    assert hub.LOOK * 2 < crew.LASTS
