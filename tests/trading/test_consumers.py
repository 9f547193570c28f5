"""The desk's browser sockets, as browsers use them."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import redis
import uvicorn
import websockets.asyncio.client as ws
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings as django_settings
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from websockets.exceptions import ConnectionClosed

from accounts import sign_in
from accounts.budgets import budgets
from accounts.models import Connection, User
from accounts.sign_out import sign_out
from accounts.tokens import Tokens
from portal.asgi import application
from tests.trading.sync.cast import until
from trading import consumers
from trading.models import Account, OrderFile, OrderLine, Upstream
from trading.sync import stream
from trading.sync.relay import Relay
from trading.sync.stream import Stream

HOST = "testserver"
ORIGIN = f"http://{HOST}"


def person(name: str, number: int) -> Connection:
    user = User.objects.create(username=name)
    connection = Connection.objects.create(user=user, environment="sim", tradovate_user_id=number, name=name)
    connection.store_tokens(Tokens("token-" + name), timezone.now() + timedelta(hours=1))
    return connection


@pytest.fixture(autouse=True)
def _host(settings, redis_url) -> None:
    settings.ALLOWED_HOSTS = [HOST, "127.0.0.1"]


@pytest.fixture
def alice(transactional_db) -> Connection:
    return person("alice", 1)


@pytest.fixture
def bob(transactional_db) -> Connection:
    return person("bob", 2)


def cookie(connection: Connection) -> str:
    """The cookie of a browser that has signed in to this connection."""
    client = Client()
    client.force_login(connection.user, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    session[sign_in.SESSION_KEY] = connection.pk
    session.save()
    return f"{django_settings.SESSION_COOKIE_NAME}={session.session_key}"


def a_file(connection: Connection) -> OrderFile:
    account, _ = Account.objects.get_or_create(connection=connection, tradovate_id=7, name=f"DEMO-{connection.name}")
    file = OrderFile.objects.create(account=account, name="orders.txt", content="", state=OrderFile.State.READY)
    OrderLine.objects.create(file=file, number=1, text="ESZ6 2")
    return file


class Page:
    """A browser page: its socket, and what it makes of the frames. A handshake without Origin has an empty `origin`."""

    def __init__(self, cookies: str, query: str, origin: str, host: str) -> None:
        named = {"host": host, "origin": origin, "cookie": cookies}
        scope = {
            "type": "websocket",
            "path": "/ws/desk/",
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in named.items() if value],
            "scheme": "ws",
            "subprotocols": [],
        }
        self._socket = ApplicationCommunicator(application, scope)

    async def open(self) -> bool:
        """Whether the handshake is accepted."""
        await self._socket.send_input({"type": "websocket.connect"})
        return (await self._socket.receive_output(timeout=10))["type"] == "websocket.accept"

    async def say(self, text: str) -> None:
        await self._socket.send_input({"type": "websocket.receive", "text": text})

    async def frame(self) -> dict[str, Any]:
        return msgspec.json.decode((await self._socket.receive_output(timeout=10))["text"])

    async def hears_nothing(self, patience: float) -> bool:
        return await self._socket.receive_nothing(timeout=patience)

    async def closed(self) -> int:
        while True:
            output = await self._socket.receive_output(timeout=10)
            if output["type"] == "websocket.close":
                return output.get("code")

    async def leave(self) -> None:
        if self._socket.future.done():
            return
        await self._socket.send_input({"type": "websocket.disconnect", "code": 1001})
        await self._socket.wait(timeout=10)


@contextlib.asynccontextmanager
async def page(connection: Connection | None, query: str = "") -> AsyncIterator[Page]:
    cookies = await sync_to_async(cookie)(connection) if connection is not None else ""
    made = Page(cookies, query, ORIGIN, HOST)
    assert await made.open()
    try:
        yield made
    finally:
        await made.leave()


def row(value: object) -> dict[str, dict[str, str]]:
    return {"account:1": {"id": "1", "cash": str(value)}}


@pytest.fixture
async def writer(alice) -> AsyncIterator[Stream]:
    client = stream.async_client()
    made = Stream(client, alice.pk)
    await made.replace(row(0))
    yield made
    await client.aclose()


async def test_a_page_that_opens_while_the_last_one_closes_is_not_forgotten(alice, writer, monkeypatch) -> None:
    admitted = asyncio.Event()

    async def when_told(function, *arguments) -> int:
        await admitted.wait()
        return alice.pk

    # A reload, with the new page's admission at every step of the old page's leaving.
    monkeypatch.setattr(consumers, "_in_thread", when_told)
    for steps in range(-4, 16):
        admitted.set()
        async with page(alice) as closing:
            assert (await closing.frame())["t"] == "snapshot"
            admitted.clear()
            async with page(alice) as opening:
                if steps < 0:
                    admitted.set()
                for _ in range(-steps):
                    await asyncio.sleep(0)
                leaving = asyncio.create_task(closing.leave())
                for _ in range(steps):
                    await asyncio.sleep(0)
                admitted.set()
                assert (await opening.frame())["t"] == "snapshot"
                await leaving
                await writer.change(row(steps))
                assert (await opening.frame())["t"] == "delta"


async def test_a_page_gets_the_snapshot_and_then_every_delta(alice, writer) -> None:
    async with page(alice) as desk:
        first = await desk.frame()
        assert (first["t"], first["rows"]) == ("snapshot", row(0))
        for number in range(1, 20):
            await writer.change(row(number))
        frames = [await desk.frame() for _ in range(19)]
        assert [frame["seq"] for frame in frames] == list(range(first["seq"] + 1, first["seq"] + 20))
        assert frames[-1]["rows"] == row(19)


async def test_a_page_that_asks_gets_a_snapshot_again(alice, writer) -> None:
    async with page(alice) as desk:
        first = await desk.frame()
        await desk.say('{"t":"resync"}')
        again = await desk.frame()
        assert {**again, "at": first["at"]} == first


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


async def test_a_files_page_gets_its_lines_and_only_its_own_lines_news(alice, writer) -> None:
    mine, other = await sync_to_async(a_file)(alice), await sync_to_async(a_file)(alice)
    async with page(alice, f"file={mine.pk}") as desk, page(alice) as plain:
        assert (await desk.frame())["t"] == "snapshot"
        assert (await plain.frame())["t"] == "snapshot"
        lines = await desk.frame()
        assert (lines["t"], lines["file"], lines["state"]) == ("lines", str(mine.pk), "ready")
        assert [line["number"] for line in lines["lines"]] == [1]
        assert lines["totals"] == {"bought": "0 of 0", "sold": "0 of 0", "states": "1", "version": 0}
        for file in (other, mine):
            line = await OrderLine.objects.aget(file=file)
            await asyncio.to_thread(stream.publish_line, line.pk)
        told = await desk.frame()
        assert (told["t"], told["file"], told["line"]["number"]) == ("line", str(mine.pk), 1)
        assert told["totals"] == lines["totals"]
        assert await plain.hears_nothing(0.2)


async def test_a_page_follows_the_environment_it_signed_in_to_and_a_file_its_own(alice, writer) -> None:
    live = await Connection.objects.acreate(user=alice.user, environment="live", tradovate_user_id=1, name="alice")
    await sync_to_async(live.store_tokens)(Tokens("live"), timezone.now() + timedelta(hours=1))
    file = await sync_to_async(a_file)(alice)
    async with page(live) as desk:
        assert (await desk.frame())["rows"] == {}
    async with page(live, f"file={file.pk}") as desk:
        assert (await desk.frame())["rows"] == row(0)
        assert (await desk.frame())["t"] == "lines"


async def test_a_page_whose_socket_cannot_go_on_is_closed_so_that_it_comes_back(alice, writer) -> None:
    file = await sync_to_async(a_file)(alice)
    async with page(alice, f"file={file.pk}") as desk:
        assert [(await desk.frame())["t"] for _ in range(2)] == ["snapshot", "lines"]
        await OrderFile.objects.all().adelete()
        await desk.say('{"t":"resync"}')
        assert (await desk.frame())["t"] == "snapshot"
        assert await desk.closed() == 1011


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


@pytest.mark.parametrize("loss", ["session", "tokens", "inactive"])
async def test_a_session_that_ended_ends_the_page_without_being_told(alice, writer, monkeypatch, loss: str) -> None:
    monkeypatch.setattr(consumers.DeskConsumer, "check_every", 0.1)
    async with page(alice) as desk:
        await desk.frame()
        await asyncio.sleep(0.3)
        assert await desk.hears_nothing(0.05)
        if loss == "session":
            await sync_to_async(alice.user.set_unusable_password)()
            await alice.user.asave()
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


@pytest.fixture
def server() -> Iterator[int]:
    """The port of a real uvicorn that serves the portal as `make run` does."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        application, ws="websockets-sansio", ws_per_message_deflate=False, log_level="warning", lifespan="on"
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(running.serve(sockets=[listener])))
    thread.start()
    yield listener.getsockname()[1]
    running.should_exit = running.force_exit = True
    thread.join(20)
    listener.close()


async def test_a_browser_that_does_not_read_delays_nobody_and_is_right_again_later(alice, writer, server) -> None:
    headers = {"Cookie": await sync_to_async(cookie)(alice)}
    url, origin = f"ws://127.0.0.1:{server}/ws/desk/", f"http://127.0.0.1:{server}"
    async with (
        ws.connect(url, origin=origin, additional_headers=headers, max_queue=1, compression=None) as slow,
        ws.connect(url, origin=origin, additional_headers=headers, compression=None) as quick,
    ):
        first = msgspec.json.decode(await quick.recv())
        padding = {f"fill:{n}": {"id": str(n), "text": "x" * 4000} for n in range(8)}
        count, seen = 1500, []

        async def read() -> None:
            while not seen or seen[-1] < first["seq"] + count:
                seen.append(msgspec.json.decode(await quick.recv())["seq"])

        reader = asyncio.create_task(read())
        for number in range(1, count + 1):
            await writer.change({**row(number), **padding})
        async with asyncio.timeout(20):
            await reader
        assert seen == list(range(first["seq"] + 1, first["seq"] + count + 1))

        # 48 MB were told meanwhile. What the slow one reads now is a snapshot and deltas without a gap, and few.
        state, received = {}, 0
        last = 0
        async with asyncio.timeout(20):
            while state.get("account:1", {}).get("cash") != str(count):
                frame = msgspec.json.decode(await slow.recv())
                received += 1
                assert frame["t"] == "snapshot" or frame["seq"] == last + 1
                last = frame["seq"]
                state.update(frame["rows"])
        assert received < count


async def test_stopping_the_server_does_not_hang_on_open_pages(alice, writer, server) -> None:
    headers = {"Cookie": await sync_to_async(cookie)(alice)}
    url, origin = f"ws://127.0.0.1:{server}/ws/desk/", f"http://127.0.0.1:{server}"
    async with ws.connect(url, origin=origin, additional_headers=headers) as desk:
        assert msgspec.json.decode(await desk.recv())["t"] == "snapshot"
        await desk.close()
        with pytest.raises(ConnectionClosed):
            await desk.recv()
    await until(lambda: not consumers._sockets_of_user)


async def test_a_desk_is_told_how_many_requests_are_used_when_that_changes(alice, bob, writer, monkeypatch) -> None:
    monkeypatch.setattr(consumers.DeskConsumer, "gauge_every", 0.02)

    async def spend(connection: Connection) -> None:
        async with budgets(connection.environment, connection.tradovate_user_id) as own:
            await own.before("GET", "order/list")

    async def gauge() -> dict[str, str]:
        while (frame := await desk.frame())["t"] != "gauge":
            pass
        return frame["gauge"]

    async with page(alice, "gauge=1") as desk, page(alice) as other:
        assert (await gauge())["text"] == "0 of 5,000"
        await spend(bob)
        await spend(alice)
        assert await gauge() == {"used": "1", "most": "5000", "text": "1 of 5,000", "state": "ok", "words": ""}
        assert (await other.frame())["t"] == "snapshot"
        assert await other.hears_nothing(0.1)
        assert await desk.hears_nothing(0.1)


async def test_a_gauge_that_redis_or_the_database_kept_from_being_read_comes_later(alice, writer, monkeypatch) -> None:
    monkeypatch.setattr(consumers.DeskConsumer, "gauge_every", 0.02)
    read, failures = Relay.gauge, iter([redis.RedisError, ConnectionError])
    whose, locks = consumers.tradovate_user, iter([OperationalError("database is locked")])

    def locked(connection_id: int) -> tuple[str, int]:
        if failure := next(locks, None):
            raise failure
        return whose(connection_id)

    async def failing(relay: Relay, environment: str, user_id: int) -> dict[str, str]:
        if failure := next(failures, None):
            raise failure
        return await read(relay, environment, user_id)

    monkeypatch.setattr(Relay, "gauge", failing)
    monkeypatch.setattr(consumers, "tradovate_user", locked)
    async with page(alice, "gauge=1") as desk:
        frames = [await desk.frame(), await desk.frame()]
    assert {frame["t"] for frame in frames} == {"snapshot", "gauge"}
