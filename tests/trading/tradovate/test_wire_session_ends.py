"""A socket session's life: heartbeats, new tokens, backlogs, and every way of ending."""

import asyncio
import logging
import time

import pytest

from trading.tradovate import UserSocket
from trading.tradovate import session as session_module
from trading.tradovate.errors import (
    Evicted,
    NotAuthorized,
    OutcomeUnknown,
    Shutdown,
    SocketClosed,
)

from .conftest import TOKEN, Peer
from .scenes import POSITION, stay


async def test_our_heartbeats_keep_their_own_time_while_events_stream(play) -> None:
    beats = asyncio.Event()

    async def scene(peer: Peer) -> None:
        await peer.welcome()

        async def stream() -> None:
            while True:
                await peer.props("position", POSITION)
                await asyncio.sleep(0.005)

        streaming = asyncio.create_task(stream())
        started = time.monotonic()
        for _ in range(4):
            await peer.beat()
        assert time.monotonic() - started > 0.15
        beats.set()
        await stay(peer)
        streaming.cancel()
        await asyncio.gather(streaming, return_exceptions=True)

    async with await UserSocket.connect(await play(scene), TOKEN, heartbeat=0.05) as socket:
        seen = 0
        async with asyncio.timeout(30):
            while not beats.is_set():
                await anext(socket)
                seen += 1
        assert seen > 10


async def test_silence_ends_the_session(play) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        await peer.request()
        for _ in range(3):
            await peer.send("h")
            await peer.beat()
        # From here on half-open: the connection stands and says nothing.
        await stay(peer)

    socket = await UserSocket.connect(await play(scene), TOKEN, heartbeat=0.05, silence=0.3)
    pending = asyncio.create_task(socket.request("order/list"))
    async with asyncio.timeout(30):
        with pytest.raises(SocketClosed, match="no sign of life") as caught:
            await anext(socket)
        assert caught.value.code == 1006
        assert time.monotonic() - socket.last_frame_at >= 0.3
        with pytest.raises(OutcomeUnknown):
            await pending
    await socket.close()


async def test_server_heartbeats_are_a_sign_of_life(play) -> None:
    silence = 1.0

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        began = time.monotonic()
        while time.monotonic() < began + 1.5 * silence:
            await peer.send("h")
            await asyncio.sleep(0.05)
        await peer.props("position", POSITION)
        await stay(peer)

    async with await UserSocket.connect(await play(scene), TOKEN, silence=silence) as socket:
        assert (await anext(socket)).entity_type == "position"


@pytest.mark.parametrize(
    ("reason", "kind"),
    [("ConnectionQuotaReached", Evicted), ("Maintenance", Shutdown), ("IPQuotaReached", Shutdown), ("New", Shutdown)],
)
async def test_shutdown_ends_with_its_reason_after_the_events_before_it(play, reason: str, kind: type) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        await peer.props("position", POSITION)
        await peer.send(f'a[{{"e":"shutdown","d":{{"reasonCode":"{reason}"}}}}]')
        await stay(peer)

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        assert (await anext(socket)).entity_type == "position"
        with pytest.raises(Shutdown) as caught:
            await anext(socket)
    assert type(caught.value) is kind
    assert caught.value.reason_code == reason


@pytest.mark.parametrize("frame", ["a[{", "x", "a5", "\x00"])
async def test_a_frame_that_cannot_be_read_ends_the_session(play, frame: str) -> None:
    # Passing over it could lose a fill; a new session begins with a fresh snapshot.
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        await peer.send(frame)
        await stay(peer)

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        with pytest.raises(SocketClosed) as caught:
            await anext(socket)
    assert caught.value.code == 1002


async def test_a_broken_connection(play) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        peer.connection.transport.abort()

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        with pytest.raises(SocketClosed) as caught:
            await anext(socket)
    assert caught.value.code == 1006


async def test_a_new_token_on_an_open_session(play) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        endpoint, request_id, _, body = await peer.request()
        assert (endpoint, body) == ("authorize", "tok-secret-2")
        await peer.respond(request_id)
        _, request_id, _, _ = await peer.request()
        await peer.respond(request_id, "Access is denied", 401)
        await stay(peer)

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        await socket.authorize("tok-secret-2")
        with pytest.raises(NotAuthorized):
            await socket.authorize("tok-secret-3")
        with pytest.raises(NotAuthorized):
            await socket.authorize("two\nlines")


async def test_a_reader_that_falls_hopelessly_behind_ends_the_session(play, monkeypatch) -> None:
    monkeypatch.setattr(session_module, "MAX_BACKLOG", 3)

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        for _ in range(5):
            await peer.props("position", POSITION)
        await stay(peer)

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        await asyncio.wait_for(socket._connection.wait_closed(), 5)
        kept = [await anext(socket) for _ in range(4)]
        with pytest.raises(SocketClosed, match="not read in time"):
            await anext(socket)
    assert {event.entity_type for event in kept} == {"position"}


async def test_a_backlog_is_read_without_holding_up_the_process(play) -> None:
    count = 5 * session_module.STRIDE

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        await peer.props("position", [{**POSITION, "id": 1}])
        for _ in range(count):
            await peer.props("position", POSITION)
        await peer.connection.close(1001)

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        await asyncio.wait_for(socket._connection.wait_closed(), 10)
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(others())
        for _ in range(count):
            await anext(socket)
        other.cancel()
    assert turns >= count // session_module.STRIDE


async def test_closing_wakes_who_waits_for_events(play) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        await stay(peer)

    socket = await UserSocket.connect(await play(scene), TOKEN)

    async def listen() -> list:
        return [event async for event in socket]

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    await socket.close()
    await socket.close()
    assert await asyncio.wait_for(listening, 2) == []


async def test_a_large_frame_is_taken(play) -> None:
    text = "x" * (3 * 1024 * 1024)

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        _, request_id, _, _ = await peer.request()
        await peer.respond(request_id, text)
        await stay(peer)

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        assert await socket.request("anything/list") == text


async def test_no_token_in_the_log_even_at_debug(play, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    # The server of this test logs frames of its own at DEBUG; only the client's lines matter here.
    logging.getLogger("websockets.server").setLevel(logging.INFO)

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        await stay(peer)

    try:
        async with await UserSocket.connect(await play(scene), TOKEN):
            pass
    finally:
        logging.getLogger("websockets.server").setLevel(logging.NOTSET)
    assert "secret" not in caplog.text


async def test_no_task_outlives_its_session(play) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        await stay(peer)

    url = await play(scene)
    before = {task for task in asyncio.all_tasks() if "SocketSession" in repr(task)}
    for _ in range(3):
        await (await UserSocket.connect(url, TOKEN)).close()
    assert {task for task in asyncio.all_tasks() if "SocketSession" in repr(task)} == before
