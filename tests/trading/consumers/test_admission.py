"""Who is let in to the desk's stream, to what, how many, and how that ends."""

import asyncio
import threading
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.models import Connection, User
from accounts.sign_out import sign_out
from accounts.tokens import Tokens
from tests.trading.consumers.pages import HOST, Page, a_file, cookie, page, row
from tests.trading.sync.cast import until
from trading.consumers import ChartConsumer, DeskConsumer, page_socket
from trading.models import (
    Upstream,
)
from trading.sync import relay, stream


async def test_a_page_never_sees_anothers_rows(alice, bob, writer) -> None:
    async with page(bob) as desk:
        first = await desk.frame()
        assert first["rows"] == {}
        await writer.change(row("secret"))
        assert await desk.hears_nothing(0.3)


async def test_a_stranger_is_told_goodbye(redis_url, transactional_db) -> None:
    async with page(None) as desk:
        assert await desk.frame() == {"t": "bye", "reason": "signed-out"}
        assert await desk.closed() == 4401


async def test_somebody_without_a_tradovate_connection_is_told_goodbye(alice) -> None:
    async with page(alice):
        pass
    await sync_to_async(alice.forget_tokens)()
    async with page(alice) as desk:
        assert (await desk.frame())["t"] == "bye"


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://testserver", HOST),
        ("http://testserver:8000", HOST),
        ("http://evil.example", HOST),
        ("null", HOST),
        ("", HOST),
        ("http://evil.example", "evil.example"),
    ],
)
async def test_only_pages_of_our_own_origin_are_let_in(alice, origin: str, host: str) -> None:
    assert not await Page(await sync_to_async(cookie)(alice), "", origin, host).open()


async def test_anothers_file_and_no_file_at_all_are_refused_alike(alice, bob, writer) -> None:
    theirs = await sync_to_async(a_file)(bob)
    for query in (f"file={theirs.pk}", "file=6b0f4a4e-0000-4000-8000-000000000000", "file=nonsense"):
        async with page(alice, query) as desk:
            assert await desk.closed() == 4404


async def test_a_page_follows_the_environment_it_signed_in_to_and_no_file_of_another(alice, writer) -> None:
    live = await Connection.objects.acreate(user=alice.user, environment="live", tradovate_user_id=1, name="alice")
    await sync_to_async(live.store_tokens)(Tokens("live"), timezone.now() + timedelta(hours=1))
    file = await sync_to_async(a_file)(alice)
    async with page(live) as desk:
        assert (await desk.frame())["rows"] == {}
    async with page(live, f"file={file.pk}") as desk:
        assert await desk.closed() == 4404
    async with page(alice, f"file={file.pk}") as desk:
        assert (await desk.frame())["rows"] == row(0)
        assert (await desk.frame())["t"] == "lines"


@pytest.mark.parametrize("path", ["/ws/desk/", "/ws/chart/"])
async def test_a_page_of_the_connection_before_gets_nothing_of_the_one_that_its_browser_signed_in_to_since(
    alice, writer, path: str
) -> None:
    live = await Connection.objects.acreate(user=alice.user, environment="live", tradovate_user_id=1, name="alice")
    await sync_to_async(live.store_tokens)(Tokens("live"), timezone.now() + timedelta(hours=1))
    what = "&symbol=ESZ6&interval=5m"
    async with page(live, f"connection={alice.pk}{what}", path) as of_demo:
        assert await of_demo.frame() == {"t": "bye", "reason": "other-connection"}
        assert await of_demo.closed() == 4401
    async with page(live, f"connection={live.pk}{what}", path) as of_live:
        assert (await of_live.frame())["t"] != "bye"


async def test_signing_out_ends_the_page_at_once(alice, writer) -> None:
    async with page(alice) as desk:
        await desk.frame()
        await asyncio.to_thread(stream.say_bye, alice.pk)
        assert await desk.frame() == {"t": "bye", "reason": "signed-out"}
        assert await desk.closed() == 4401


async def test_signing_out_of_the_portal_is_such_an_end_even_without_a_hub(alice, writer) -> None:
    await Upstream.objects.acreate(connection=alice, state=Upstream.State.UP, since=timezone.now())
    async with page(alice) as desk:
        await desk.frame()
        await sync_to_async(sign_out)(alice.user)
        assert (await desk.frame())["t"] == "bye"
        assert await desk.closed() == 4401
    assert (await stream.aread_snapshot(alice.pk, wait=0)).rows == {}
    assert (await Upstream.objects.aget(connection=alice)).state == Upstream.State.SIGNED_OUT


@pytest.mark.parametrize("kind", [DeskConsumer, ChartConsumer])
def test_a_session_that_ended_ends_its_pages_within_thirty_seconds(kind: type[page_socket.PageSocket]) -> None:
    assert kind.check_every + kind.look_within + kind.goodbye_within <= 30


async def test_a_look_at_the_session_that_hangs_is_given_up_for_the_next(alice, writer, monkeypatch) -> None:
    monkeypatch.setattr(DeskConsumer, "check_every", 0.05)
    monkeypatch.setattr(DeskConsumer, "look_within", 0.1)
    look, hangs, ended = page_socket.still_allowed, threading.Event(), threading.Event()

    def looking(session_key: str | None, connection_id: int) -> bool:
        if not hangs.is_set():
            hangs.set()
            ended.wait(60)
        return look(session_key, connection_id)

    monkeypatch.setattr(page_socket, "still_allowed", looking)
    async with page(alice) as desk:
        await desk.frame()
        await until(hangs.is_set)
        await sync_to_async(alice.forget_tokens)()
        try:
            assert (await desk.frame())["t"] == "bye"
        finally:
            ended.set()


async def test_a_look_at_the_session_that_fails_unexpectedly_is_not_the_last(alice, writer, monkeypatch) -> None:
    monkeypatch.setattr(DeskConsumer, "check_every", 0.05)
    look, failures = page_socket.still_allowed, [RuntimeError("can't start new thread")]

    def looking(session_key: str | None, connection_id: int) -> bool:
        if failures:
            raise failures.pop()
        return look(session_key, connection_id)

    monkeypatch.setattr(page_socket, "still_allowed", looking)
    async with page(alice) as desk:
        await desk.frame()
        await until(lambda: not failures)
        await sync_to_async(alice.forget_tokens)()
        assert (await desk.frame())["t"] == "bye"


@pytest.mark.parametrize("loss", ["password", "session deleted", "session expired", "tokens", "inactive"])
async def test_a_session_that_ended_ends_the_page_without_being_told(alice, writer, monkeypatch, loss: str) -> None:
    monkeypatch.setattr(DeskConsumer, "check_every", 0.1)
    async with page(alice) as desk:
        await desk.frame()
        await asyncio.sleep(0.3)
        assert await desk.hears_nothing(0.05)
        if loss == "password":
            await sync_to_async(alice.user.set_unusable_password)()
            await alice.user.asave()
        elif loss == "session deleted":
            await Session.objects.all().adelete()
        elif loss == "session expired":
            await Session.objects.all().aupdate(expire_date=timezone.now())
        elif loss == "tokens":
            await sync_to_async(alice.forget_tokens)()
        else:
            await User.objects.filter(pk=alice.user.pk).aupdate(is_active=False)
        assert (await desk.frame())["t"] == "bye"
        assert await desk.closed() == 4401


async def test_one_trader_has_a_bounded_number_of_pages_and_closed_ones_do_not_count(
    alice, bob, writer, settings
) -> None:
    settings.DESK_SOCKETS_PER_USER = 2
    async with page(alice), page(bob) as theirs:
        async with page(alice), page(alice) as third:
            assert await third.closed() == 4429
        assert (await theirs.frame())["t"] == "snapshot"
        async with page(alice) as again:
            assert (await again.frame())["t"] == "snapshot"


@pytest.mark.parametrize("kind", ["Redis is away", "its news hang"])
async def test_a_page_that_cannot_be_told_goodbye_is_closed_all_the_same(alice, writer, monkeypatch, kind: str) -> None:
    monkeypatch.setattr(DeskConsumer, "check_every", 0.3)
    monkeypatch.setattr(DeskConsumer, "goodbye_within", 0.2)
    stuck = asyncio.Event()

    async def waits(*_: object) -> None:
        await stuck.wait()

    where = (relay.Relay, "join") if kind == "Redis is away" else (DeskConsumer, "_say_state")
    monkeypatch.setattr(*where, waits)
    async with page(alice) as desk:
        await asyncio.sleep(0.4)
        await sync_to_async(alice.forget_tokens)()
        assert await desk.closed() == 4401
