"""The desk's stream as browsers get it: a snapshot, then deltas, however they read."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import uvicorn
import websockets.asyncio.client as ws
from asgiref.sync import sync_to_async
from websockets.exceptions import ConnectionClosed

from portal.asgi import application
from tests.trading.consumers.pages import a_file, cookie, page, row
from tests.trading.sync.cast import until
from trading.consumers import DeskConsumer, page_socket
from trading.consumers import desk as desks
from trading.models import (
    OrderFile,
)


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


async def test_a_page_that_asks_without_end_gets_a_few_snapshots_and_keeps_nobody_waiting(
    alice, writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "SNAPSHOT_SECONDS", 600.0)
    heard = []
    async with page(alice) as made:
        for _ in range(20):
            await made.say('{"t":"resync"}')
            await made.say('{"t":"ping","at":1}')
            while (frame := await made.frame())["t"] != "pong":
                heard.append(frame["t"])
    assert heard.count("snapshot") <= desks.SNAPSHOTS


async def test_a_page_gets_its_pings_back_as_they_were_and_nonsense_not_at_all(alice, writer) -> None:
    async with page(alice) as made:
        await made.frame()
        for nonsense in ("", "1", '{"at":"x"}', '{"at":-1}', '{"at":NaN}', '{"at":true,', '{"at":1e999}'):
            await made.say('{"t":"ping",' + nonsense.removeprefix("{"))
            await asyncio.sleep(0)
        await made.say('{"t":"ping","at":1234.5}')
        assert await made.frame() == {"t": "pong", "at": 1234.5}
        await writer.change(row(1))
        assert (await made.frame())["t"] == "delta"


async def test_a_page_that_opens_while_the_last_one_closes_is_not_forgotten(alice, writer, monkeypatch) -> None:
    admitted = asyncio.Event()

    async def when_told(function, *arguments) -> int:
        await admitted.wait()
        return alice.pk

    # A reload, with the new page's admission at every step of the old page's leaving.
    monkeypatch.setattr(page_socket, "in_thread", when_told)
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


async def test_a_page_whose_socket_cannot_go_on_is_closed_so_that_it_comes_back(alice, writer) -> None:
    file = await sync_to_async(a_file)(alice)
    async with page(alice, f"file={file.pk}") as desk:
        assert [(await desk.frame())["t"] for _ in range(2)] == ["snapshot", "lines"]
        await OrderFile.objects.all().adelete()
        await desk.say('{"t":"resync"}')
        assert (await desk.frame())["t"] == "snapshot"
        assert await desk.closed() == 1011


async def test_a_page_is_not_left_standing_by_trouble_that_looks_like_a_browser_gone(
    alice, writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with page(alice) as desk:
        assert (await desk.frame())["t"] == "snapshot"

        async def fail(*_: object) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(DeskConsumer, "_write_state", fail)
        await desk.say('{"t":"resync"}')
        assert await desk.closed() == 1011


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


async def frame_of(socket: ws.ClientConnection) -> dict[str, Any]:
    """The next frame that is not of kill switches."""
    while (frame := msgspec.json.decode(await socket.recv()))["t"] == "kill":
        pass
    return frame


@pytest.mark.parametrize(("kind", "snapshots"), [("fill", 2), ("position", 1)])
async def test_a_browser_that_does_not_read_delays_nobody_and_is_right_again_later(
    alice, writer, server, kind: str, snapshots: int
) -> None:
    headers = {"Cookie": await sync_to_async(cookie)(alice)}
    url, origin = f"ws://127.0.0.1:{server}/ws/desk/", f"http://127.0.0.1:{server}"
    async with (
        ws.connect(url, origin=origin, additional_headers=headers, max_queue=1, compression=None) as slow,
        ws.connect(url, origin=origin, additional_headers=headers, compression=None) as quick,
    ):
        first = await frame_of(quick)
        padding = {f"{kind}:{n}": {"id": str(n), "text": "x" * 4000} for n in range(8)}
        count, seen = 1500, []

        async def read() -> None:
            while not seen or seen[-1] < first["seq"] + count:
                frame = await frame_of(quick)
                assert frame["t"] == "delta"
                seen.append(frame["seq"])

        reader = asyncio.create_task(read())
        for number in range(1, count + 1):
            await writer.change({**row(number), **padding})
        async with asyncio.timeout(20):
            await reader
        assert seen == list(range(first["seq"] + 1, first["seq"] + count + 1))

        # 48 MB were told meanwhile. What the slow one reads now is deltas without a gap, and few: what is more than the
        # last states has made a snapshot due.
        state, received = {}, []
        last = 0
        async with asyncio.timeout(20):
            while state.get("account:1", {}).get("cash") != str(count):
                frame = await frame_of(slow)
                received.append(frame["t"])
                assert frame["t"] == "snapshot" or frame.get("after", frame["seq"] - 1) == last
                last = frame["seq"]
                state.update(frame["rows"])
        assert len(received) < count
        assert received.count("snapshot") == snapshots


async def test_stopping_the_server_does_not_hang_on_open_pages(alice, writer, server) -> None:
    headers = {"Cookie": await sync_to_async(cookie)(alice)}
    url, origin = f"ws://127.0.0.1:{server}/ws/desk/", f"http://127.0.0.1:{server}"
    async with ws.connect(url, origin=origin, additional_headers=headers) as desk:
        assert (await frame_of(desk))["t"] == "snapshot"
        await desk.close()
        with pytest.raises(ConnectionClosed):
            await frame_of(desk)
    await until(lambda: not page_socket.sockets_of_user)
