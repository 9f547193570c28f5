"""What sign-ins and other logins do to the sockets that a hub holds; of renewals: test_hub_renewals."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import redis
from asgiref.sync import sync_to_async
from django.conf import settings
from django.utils import timezone

from accounts import renewal
from accounts.models import AuditEvent, Connection
from tests.trading.cast import sign_in
from tests.trading.sync.cast import page_open, rows, running_hub, settled, snapshot, until
from trading.models import Upstream
from trading.sync import doorbell, stream, wanted
from trading.sync.link import Link
from trading.tradovate import Attempts, UserSocket
from trading.tradovate.errors import Evicted, NotAuthorized
from trading.tradovate.session import SocketSession


async def test_signing_out_closes_the_socket_says_goodbye_and_forgets_the_rows(simulator, trader) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)
    listener = client.pubsub(ignore_subscribe_messages=True)
    async with running_hub(rescan=60) as hub:
        await settled(trader)
        assert len(simulator.control.sockets()) >= 1
        listener.subscribe(stream.channel(trader.pk))
        await sync_to_async(trader.forget_tokens)()
        await asyncio.to_thread(doorbell.ring_closed, trader.pk)
        await until(lambda: not simulator.control.sockets())

        async def forgotten() -> bool:
            found = await snapshot(trader)
            return not found.rows and not client.exists(stream.lease_key(trader.pk))

        await until(forgotten)
        assert await asyncio.to_thread(hub.journal.flush)
    said = []
    while (message := listener.get_message(ignore_subscribe_messages=True)) or not said:
        if message:
            said.append(message["data"].decode())
    assert any(text.startswith("bye signed-out\n") for text in said)
    assert (await Upstream.objects.aget(connection=trader)).state == Upstream.State.SIGNED_OUT


async def test_a_goodbye_that_comes_late_does_not_reach_the_pages_of_a_new_sign_in(
    simulator, trader, monkeypatch
) -> None:
    leave, leaving, go_on = Link._leave, asyncio.Event(), asyncio.Event()

    async def leave_late(link: Link) -> None:
        leaving.set()
        await go_on.wait()
        await leave(link)

    monkeypatch.setattr(Link, "_leave", leave_late)
    listener = redis.Redis.from_url(settings.REDIS_URL).pubsub(ignore_subscribe_messages=True)
    async with running_hub(rescan=60):
        before = await settled(trader)
        await sync_to_async(trader.forget_tokens)()
        await asyncio.to_thread(doorbell.ring_closed, trader.pk)
        await leaving.wait()
        await sync_to_async(sign_in)(simulator, "trader")
        await asyncio.to_thread(doorbell.ring_opened, trader.pk)
        listener.subscribe(stream.channel(trader.pk))
        go_on.set()

        async def up_again() -> bool:
            return (await settled(trader)).epoch != before.epoch

        await until(up_again)
    said = []
    while (message := listener.get_message(ignore_subscribe_messages=True)) or not said:
        if message:
            said.append(message["data"].decode())
    assert not any(text.startswith("bye") for text in said)


async def test_signing_in_again_is_answered_by_the_bell_alone(simulator, trader) -> None:
    async with running_hub(rescan=60):
        await settled(trader)
        await sync_to_async(trader.forget_tokens)()
        await asyncio.to_thread(doorbell.ring_closed, trader.pk)
        await sync_to_async(sign_in)(simulator, "trader")
        await asyncio.to_thread(doorbell.ring_opened, trader.pk)
        await settled(trader)
        assert await rows(trader, "account")


async def test_a_sign_in_during_a_look_is_not_taken_for_a_sign_out(simulator, trader, monkeypatch) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)

    read = wanted.read

    async def read_just_before() -> wanted.Roll:
        monkeypatch.setattr(wanted, "read", read)
        await until(lambda: client.pubsub_numsub(doorbell.channel())[0][1])
        doorbell.ring_opened(trader.pk)
        await asyncio.sleep(0.1)
        return wanted.Roll()

    monkeypatch.setattr(wanted, "read", read_just_before)
    async with running_hub(rescan=60):
        await settled(trader)
        assert await rows(trader, "account")


async def test_a_third_session_evicts_ours_and_the_page_says_so(simulator, trader) -> None:
    async with running_hub():
        await settled(trader)
        found = await _other_logins_take_it(simulator, trader)
        assert "Another login" in found.rows["upstream"]["detail"]
        assert found.rows["account:1001001"]["name"] == "DEMO1001001"


async def test_a_taken_session_is_taken_back_only_when_its_trader_asks(simulator, trader) -> None:
    async with running_hub():
        before = await settled(trader)
        simulator.control.fault("shutdown", user="trader", reason="ConnectionQuotaReached")
        await settled(trader, "evicted")
        # Neither new tokens nor time nor another process makes it fight.
        await asyncio.to_thread(doorbell.ring_renewed, trader.pk)
        await asyncio.sleep(1.0)
        assert (await settled(trader, "evicted")).epoch == before.epoch
        assert not simulator.control.sockets()
    async with running_hub(rescan=60) as hub:
        # Whoever asks before this process has the connection asks in vain.
        await until(lambda: hub.held)
        await asyncio.sleep(1.0)
        assert (await settled(trader, "evicted")).epoch == before.epoch
        assert not simulator.control.sockets()
        assert await asyncio.to_thread(doorbell.ring_reconnect, trader.pk)
        assert (await settled(trader)).epoch != before.epoch


@pytest.mark.parametrize("step", ["connect", "sync"])
async def test_a_session_that_is_taken_before_its_first_snapshot_is_not_fought_for(
    simulator, trader, monkeypatch, step: str
) -> None:
    tried = []

    async def taken(*_: object, **__: object) -> None:
        tried.append(step)
        raise Evicted("ConnectionQuotaReached")

    async with running_hub(rescan=0.2):
        with monkeypatch.context() as patch:
            patch.setattr(UserSocket, step, taken)
            await settled(trader, "evicted")
            await asyncio.sleep(1.0)
            assert "Another login" in (await settled(trader, "evicted")).rows["upstream"]["detail"]
        assert len(tried) == 1
        assert await asyncio.to_thread(doorbell.ring_reconnect, trader.pk)
        await settled(trader)


async def test_a_new_sign_in_stands_above_a_session_that_was_taken_before(simulator, trader) -> None:
    async with running_hub(grace=1.0) as hub:
        async with page_open(trader):
            await settled(trader)
            simulator.control.fault("shutdown", user="trader", reason="ConnectionQuotaReached")
            await settled(trader, "evicted")
        await until(lambda: not hub.held)
        await sync_to_async(sign_in)(simulator, "trader")
        await asyncio.to_thread(doorbell.ring_opened, trader.pk)
        async with page_open(trader):
            await settled(trader)


async def test_signing_in_again_takes_an_evicted_connection_back_at_once(simulator, trader) -> None:
    async with running_hub(rescan=60):
        before = await settled(trader)
        await _other_logins_take_it(simulator, trader)
        await sync_to_async(sign_in)(simulator, "trader")
        await asyncio.to_thread(doorbell.ring_opened, trader.pk)
        assert (await settled(trader)).epoch != before.epoch


async def test_a_sign_in_takes_the_session_back_though_no_bell_rang(simulator, trader) -> None:
    async with running_hub(rescan=0.5):
        before = await settled(trader)
        await _other_logins_take_it(simulator, trader)
        await sync_to_async(sign_in)(simulator, "trader")
        assert (await settled(trader)).epoch != before.epoch


async def test_a_bell_that_rings_before_the_eviction_is_noticed_is_not_forgotten(simulator, trader) -> None:
    async with running_hub(rescan=60):
        before = await settled(trader)
        await sync_to_async(sign_in)(simulator, "trader")
        # Rung for a socket that is still open; only then the session before ends.
        await asyncio.to_thread(doorbell.ring_reconnect, trader.pk)
        simulator.control.fault("shutdown", user="trader", reason="ConnectionQuotaReached")

        async def back() -> bool:
            return (await settled(trader)).epoch != before.epoch

        await until(back)


async def test_a_sign_in_whose_token_was_refused_is_not_the_one_that_is_in_use(simulator, trader, monkeypatch) -> None:
    refused = asyncio.Event()

    async def refuse(*_: object, **__: object) -> None:
        refused.set()
        raise NotAuthorized("not this one")

    async with running_hub(rescan=60):
        before = await settled(trader)
        with monkeypatch.context() as patch:
            patch.setattr(SocketSession, "authorize", refuse)
            await sync_to_async(sign_in)(simulator, "trader")
            await asyncio.to_thread(doorbell.ring_renewed, trader.pk)
            await refused.wait()
            await asyncio.sleep(0.2)
        # It is the session before that ends, and the trader has signed in here since.
        simulator.control.fault("shutdown", user="trader", reason="ConnectionQuotaReached")

        async def back() -> bool:
            return (await settled(trader)).epoch != before.epoch

        await until(back)


async def test_a_sign_in_that_comes_while_the_socket_opens_is_not_in_use_before_its_token_is_taken(
    simulator, trader, monkeypatch
) -> None:
    opening, go_on, refused, sync = asyncio.Event(), asyncio.Event(), asyncio.Event(), UserSocket.sync

    async def held(*arguments: object, **options: object) -> object:
        opening.set()
        await go_on.wait()
        return await sync(*arguments, **options)

    async def refuse(*_: object, **__: object) -> None:
        refused.set()
        raise NotAuthorized("not this one")

    monkeypatch.setattr(UserSocket, "sync", held)
    async with running_hub(rescan=60), page_open(trader):
        await opening.wait()
        with monkeypatch.context() as patch:
            patch.setattr(SocketSession, "authorize", refuse)
            await sync_to_async(sign_in)(simulator, "trader")
            await asyncio.to_thread(doorbell.ring_renewed, trader.pk)
            await asyncio.sleep(0.2)
            go_on.set()
            await refused.wait()
            before = await settled(trader)
        # It is the session before that ends, and the trader has signed in here since.
        simulator.control.fault("shutdown", user="trader", reason="ConnectionQuotaReached")

        async def back() -> bool:
            return (await settled(trader)).epoch != before.epoch

        await until(back)


async def test_a_process_that_takes_over_sees_a_sign_in_that_came_after_the_eviction(simulator, trader) -> None:
    async with running_hub(rescan=60):
        before = await settled(trader)
        await _other_logins_take_it(simulator, trader)
    await sync_to_async(sign_in)(simulator, "trader")
    async with running_hub(rescan=60):
        assert (await settled(trader)).epoch != before.epoch


async def test_a_taken_session_is_not_fought_for_when_redis_has_forgotten_it_too(simulator, trader) -> None:
    """The machine was restarted, say."""
    async with running_hub() as hub:
        await settled(trader)
        simulator.control.fault("shutdown", user="trader", reason="ConnectionQuotaReached")
        await settled(trader, "evicted")
        assert await asyncio.to_thread(hub.journal.flush)
    redis.Redis.from_url(settings.REDIS_URL).flushdb()
    opened = []
    async with page_open(trader), running_hub() as hub:
        await until(lambda: hub.held)
        found = await settled(trader, "evicted")
        assert "Another login" in found.rows["upstream"]["detail"]
        await asyncio.sleep(1.0)
        opened += simulator.control.sockets()
        assert await asyncio.to_thread(doorbell.ring_reconnect, trader.pk)
        await settled(trader)
    assert not opened


@pytest.mark.parametrize(("route", "state"), [("", "evicted"), ("websocket", "down")])
async def test_a_desk_that_waits_is_shown_again_when_redis_has_lost_it(
    simulator, trader, monkeypatch, route: str, state: str
) -> None:
    async with running_hub(), page_open(trader):
        before = await settled(trader)
        if route:
            # A pause that is longer than this test.
            monkeypatch.setattr(Attempts, "pause", lambda *_: asyncio.Event().wait())
            simulator.control.fault("error_503", route, probability=1)
            simulator.control.fault("kick", user="trader")
        else:
            simulator.control.fault("shutdown", user="trader", reason="ConnectionQuotaReached")
        await settled(trader, state)
        redis.Redis.from_url(settings.REDIS_URL).flushdb()
        after = await settled(trader, state)
        assert after.rows["account:1001001"] == before.rows["account:1001001"]
        assert not simulator.control.sockets()


def test_the_schedule_renews_no_session_that_another_login_took(simulator, trader) -> None:
    """A refresh token begins a session anew, which would end the other login's."""
    Connection.objects.filter(pk=trader.pk).update(access_token_expires_at=timezone.now() + timedelta(minutes=5))
    taken_at = timezone.now()
    Upstream.objects.create(connection=trader, state=Upstream.State.EVICTED, since=taken_at)
    assert renewal.renew_due() == 0
    assert not AuditEvent.objects.filter(connection=trader, kind=AuditEvent.Kind.RENEWAL_FAILED).exists()
    # Whoever has signed in since then has a session of their own, though no hub has heard of it.
    Connection.objects.filter(pk=trader.pk).update(signed_in_at=taken_at + timedelta(seconds=1))
    assert renewal.renew_due() == 1


async def _other_logins_take_it(simulator, trader) -> stream.Snapshot:
    """As many sessions begin elsewhere as Tradovate lets one user have; what the pages are shown then."""
    for _ in range(2):
        await sync_to_async(_sign_in_elsewhere)(simulator)
    return await settled(trader, "evicted")


def _sign_in_elsewhere(simulator) -> None:
    import httpx

    body = {"name": "trader", "password": "trader-pass", "appId": "elsewhere", "appVersion": "1"}
    httpx.post(f"{simulator.url}/v1/auth/accesstokenrequest", json=body)


async def test_after_a_new_sign_in_the_open_socket_belongs_to_the_new_session(simulator, trader) -> None:
    async with running_hub(rescan=60):
        before = await settled(trader)
        first = SocketSession.authorize
        presented = []

        async def authorize(socket: SocketSession[Any], token: str, **options: Any) -> None:
            await first(socket, token, **options)
            presented.append(token)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(SocketSession, "authorize", authorize)
            await sync_to_async(sign_in)(simulator, "trader")
            await asyncio.to_thread(doorbell.ring_opened, trader.pk)
            await until(lambda: presented)
        # The next sign-in elsewhere ends the older of two sessions, which is the one that the socket began with.
        await sync_to_async(_sign_in_elsewhere)(simulator)
        await asyncio.sleep(0.3)
        after = await settled(trader)
        assert after.epoch == before.epoch
        assert len([socket for socket in simulator.control.sockets() if socket["synced"]]) == 1


async def test_a_refused_sign_in_is_told_and_tried_again(simulator, trader) -> None:
    simulator.control.fault("expire_tokens", user="trader")
    async with running_hub():
        found = await settled(trader, "down")
        assert "Sign in again" in found.rows["upstream"]["detail"]
        # Signing in again does not have to wait for the next attempt.
        await sync_to_async(sign_in)(simulator, "trader")
        await asyncio.to_thread(doorbell.ring_opened, trader.pk)
        await settled(trader)
