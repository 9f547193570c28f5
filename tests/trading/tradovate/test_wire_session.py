"""A socket session: opening, asking, listening, and every way of ending."""

import asyncio
import logging
import socket as std_socket
import time
from decimal import Decimal

import pytest
from websockets.asyncio.server import serve
from websockets.http11 import Response as HttpResponse

from trading.tradovate import UserSocket
from trading.tradovate import session as session_module
from trading.tradovate.entities import CancelOrder, Position
from trading.tradovate.errors import (
    ApiError,
    Evicted,
    HostMoved,
    NotAuthorized,
    NotFound,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    Shutdown,
    SocketClosed,
)

from .conftest import TOKEN, Peer

POSITION = {"id": 1, "accountId": 7, "contractId": 5, "netPos": 2, "netPrice": 6700.25}


async def stay(peer: Peer) -> None:
    """Read until the client hangs up."""
    await peer.connection.wait_closed()


async def test_opens_authorizes_and_closes(play) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        await stay(peer)

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        assert socket.round_trip is not None
        assert time.monotonic() - socket.last_frame_at < 1
        assert "secret" not in repr(socket)
    assert [event async for event in socket] == []


async def test_a_heartbeat_before_the_open_frame_is_no_harm(play) -> None:
    async def scene(peer: Peer) -> None:
        await peer.send("h")
        await peer.welcome()
        await stay(peer)

    await (await UserSocket.connect(await play(scene), TOKEN)).close()


@pytest.mark.parametrize("answer", [("Access is denied", 401), ({"errorText": "Access is denied"}, 200)])
async def test_a_refused_token(play, answer) -> None:
    async def scene(peer: Peer) -> None:
        await peer.send("o")
        _, request_id, _, _ = await peer.request()
        await peer.respond(request_id, *answer)
        await stay(peer)

    with pytest.raises(NotAuthorized):
        await UserSocket.connect(await play(scene), TOKEN)


async def test_a_server_that_hangs_up_instead_of_opening(play) -> None:
    async def bye(peer: Peer) -> None:
        await peer.connection.close(1000, "Bye")

    async def close_frame(peer: Peer) -> None:
        await peer.send('c[3000,"Go away!"]')
        await stay(peer)

    with pytest.raises(SocketClosed) as caught:
        await UserSocket.connect(await play(bye), TOKEN)
    assert (caught.value.code, caught.value.reason) == (1000, "Bye")
    with pytest.raises(SocketClosed) as caught:
        await UserSocket.connect(await play(close_frame), TOKEN)
    assert (caught.value.code, caught.value.reason) == (3000, "Go away!")


async def test_a_server_that_never_opens(play) -> None:
    with pytest.raises(NotSent, match="in time"):
        await UserSocket.connect(await play(stay), TOKEN, open_timeout=0.1)


async def test_a_server_that_is_not_there() -> None:
    with std_socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(NotSent):
            await UserSocket.connect(f"ws://127.0.0.1:{taken.getsockname()[1]}/v1/websocket", TOKEN)


@pytest.mark.parametrize(
    ("status", "error"), [(421, HostMoved), (307, HostMoved), (401, NotAuthorized), (503, NotSent), (404, NotSent)]
)
async def test_a_refused_upgrade(status: int, error: type[Exception]) -> None:
    asked = 0

    def refuse(connection, request) -> HttpResponse:
        nonlocal asked
        asked += 1
        response = connection.respond(status, "no")
        response.headers["Location"] = f"ws://127.0.0.1:{port}/elsewhere"
        return response

    async with serve(lambda c: c.wait_closed(), "127.0.0.1", 0, process_request=refuse) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(error):
            await UserSocket.connect(f"ws://127.0.0.1:{port}/v1/websocket", TOKEN)
    # Not even a redirect to itself is followed: nobody but Hosts says where a token goes.
    assert asked == 1


async def test_an_upgrade_that_is_refused_for_a_time_says_for_how_long() -> None:
    def refuse(connection, request) -> HttpResponse:
        response = connection.respond(429, "")
        response.headers["Retry-After"] = "7"
        return response

    async with serve(lambda c: c.wait_closed(), "127.0.0.1", 0, process_request=refuse) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(RateLimited) as caught:
            await UserSocket.connect(f"ws://127.0.0.1:{port}/v1/websocket", TOKEN)
    assert caught.value.retry_after == 7


async def test_requests_are_answered_by_id_in_any_order(play) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        first = await peer.request()
        second = await peer.request()
        assert (first[0], first[2]) == ("order/list", "")
        assert (second[0], second[2]) == ("fill/deps", "masterid=4")
        assert first[1] != second[1]
        await peer.respond(second[1], [{"price": 1.1}])
        await peer.respond(999_999, "nobody asked")
        await peer.respond(first[1])
        await peer.respond(first[1], "twice")
        await stay(peer)

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        orders, fills = await asyncio.gather(
            socket.request("order/list"), socket.request("fill/deps", query={"masterid": 4})
        )
    assert orders is None
    assert fills == [{"price": Decimal("1.1")}]


async def test_a_request_raises_what_its_answer_amounts_to(play) -> None:
    answers = [
        ({"errorText": "No such account"}, 200, ApiError),
        ("Not found: md/subscribeQuote", 404, NotFound),
        ({"failureReason": "TooLate"}, 200, OrderRejected),
        ("oops", 500, OutcomeUnknown),
    ]

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        for data, status, _ in answers:
            _, request_id, _, body = await peer.request()
            assert body == '{"orderId":5,"isAutomated":true}'
            await peer.respond(request_id, data, status)
        await stay(peer)

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        for _, _, error in answers:
            with pytest.raises(error):
                await socket.request("order/cancelorder", body=CancelOrder(order_id=5))


async def test_a_request_without_an_answer_is_in_doubt(play) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        await peer.request()
        await peer.request()
        await peer.connection.close(1011, "oops")

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        with pytest.raises(OutcomeUnknown, match=r"within 0\.05 seconds"):
            await socket.request("order/placeorder", timeout=0.05)
        with pytest.raises(OutcomeUnknown, match="closed before"):
            await socket.request("order/placeorder")
        # Now the session has ended, and what is asked of it is certainly not sent.
        with pytest.raises(NotSent):
            await socket.request("order/placeorder")
        with pytest.raises(SocketClosed) as caught:
            await anext(socket)
        assert caught.value.code == 1011


async def test_events_come_in_order_also_while_asking(play) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        await peer.props("position", [{**POSITION, "id": n} for n in (1, 2)])
        await peer.props("kalshiMarket", {"id": 3})
        _, request_id, _, _ = await peer.request()
        await peer.props("position", {**POSITION, "id": 4}, "Deleted")
        await peer.respond(request_id, [])
        await stay(peer)

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        first = await anext(socket)
        assert await socket.request("order/list") == []
        second, third = await anext(socket), await anext(socket)
    assert [entity.id for entity in first.entities] == [1, 2]
    assert isinstance(first.entities[0], Position)
    assert first.entities[0].net_price == Decimal("6700.25")
    assert second.entity_type == "kalshiMarket"
    assert (third.event_type, third.entities[0].id) == ("Deleted", 4)


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
        assert 0.15 < time.monotonic() - started < 1.0
        beats.set()
        await stay(peer)
        streaming.cancel()
        await asyncio.gather(streaming, return_exceptions=True)

    async with await UserSocket.connect(await play(scene), TOKEN, heartbeat=0.05) as socket:
        seen = 0
        async with asyncio.timeout(5):
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
    async with asyncio.timeout(5):
        with pytest.raises(SocketClosed, match="no sign of life") as caught:
            await anext(socket)
        assert caught.value.code == 1006
        assert 0.3 <= time.monotonic() - socket.last_frame_at < 1.0
        with pytest.raises(OutcomeUnknown):
            await pending
    await socket.close()


async def test_server_heartbeats_are_a_sign_of_life(play) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        for _ in range(10):
            await peer.send("h")
            await asyncio.sleep(0.05)
        await peer.props("position", POSITION)
        await stay(peer)

    async with await UserSocket.connect(await play(scene), TOKEN, silence=0.25) as socket:
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
