"""What renewals do to the sockets that a hub holds, and a hub's sockets to renewals."""

import asyncio
from typing import Any

import pytest
import redis
from asgiref.sync import sync_to_async
from django.conf import settings

from accounts import renewal
from accounts.models import AuditEvent
from accounts.tokens import Tokens
from tests.trading.sync.cast import running_hub, settled, until
from trading.sync import doorbell, presence, stream
from trading.tradovate import MarketSocket, UserSocket
from trading.tradovate.errors import HostMoved
from trading.tradovate.session import SocketSession


async def test_a_renewed_token_is_presented_on_the_open_sockets(simulator, pro, monkeypatch) -> None:
    presented = []
    first = SocketSession.authorize

    async def authorize(socket: SocketSession[Any], token: str, **options: Any) -> None:
        await first(socket, token, **options)
        presented.append((type(socket), token))

    monkeypatch.setattr(SocketSession, "authorize", authorize)
    async with running_hub(rescan=60):
        before = await settled(pro)
        await until(lambda: any(socket["quotes"] for socket in simulator.control.sockets()))
        presented.clear()
        await sync_to_async(renewal.renew)(pro.pk)
        await until(lambda: len(presented) == 2)
        await pro.arefresh_from_db()
        assert {kind for kind, _ in presented} == {UserSocket, MarketSocket}
        assert {token for _, token in presented} == {pro.tokens.access_token}
        assert (await settled(pro)).epoch == before.epoch


async def test_a_renewal_opens_no_socket_that_nobody_wants(simulator, trader) -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)

    client.delete(presence.KEY)
    async with running_hub(rescan=60):
        await until(lambda: client.pubsub_numsub(doorbell.channel())[0][1])
        await asyncio.to_thread(doorbell.ring_renewed, trader.pk)
        await asyncio.sleep(0.2)
        assert not client.exists(stream.lease_key(trader.pk))


@pytest.mark.parametrize("refresh_token", [None, "one-that-another-host-knows"])
async def test_hosts_that_moved_are_learned_from_a_renewal_once(simulator, trader, monkeypatch, refresh_token) -> None:
    # The simulator names the host that it was asked at: here the one that renews knows of a move.
    before = Tokens(trader.tokens.access_token, refresh_token)
    elsewhere = f"localhost:{simulator.url.rpartition(':')[2]}"
    moved = {"live": elsewhere}
    await sync_to_async(trader.store_tokens)(before, trader.access_token_expires_at, api_hosts=moved)
    assert elsewhere not in trader.hosts.user_socket
    connect, connected = UserSocket.connect, []

    async def connecting(url: str, *args: Any, **options: Any) -> UserSocket:
        connected.append(url)
        return await connect(url, *args, **options)

    monkeypatch.setattr(UserSocket, "connect", connecting)
    simulator.control.fault("host_moved", route="websocket", times=3)
    simulator.control.fault("host_moved", route="auth/oauthtoken")
    async with running_hub():
        await settled(trader)
    await trader.arefresh_from_db()
    assert trader.tokens != before
    assert trader.hosts.user_socket == connected[-1] == f"ws://{elsewhere}/v1/websocket"
    assert await AuditEvent.objects.filter(connection=trader, kind=AuditEvent.Kind.TOKEN_RENEWED).acount() == 1


async def test_a_market_data_host_that_moved_is_learned_from_a_renewal_once(simulator, pro, monkeypatch) -> None:
    connect, moves = MarketSocket.connect, iter(range(3))

    async def moving(*args: Any, **options: Any) -> MarketSocket:
        if next(moves, None) is not None:
            raise HostMoved("It is elsewhere.")
        return await connect(*args, **options)

    monkeypatch.setattr(MarketSocket, "connect", moving)
    async with running_hub():
        before = await settled(pro)
        await until(lambda: any(socket["quotes"] for socket in simulator.control.sockets()))
        assert (await settled(pro)).epoch == before.epoch
    assert await AuditEvent.objects.filter(connection=pro, kind=AuditEvent.Kind.TOKEN_RENEWED).acount() == 1
