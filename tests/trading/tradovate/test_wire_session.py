"""A socket session: opening, asking, listening, and every way of ending."""

import asyncio
import socket as std_socket
import time
from decimal import Decimal

import pytest
from websockets.asyncio.server import serve
from websockets.http11 import Response as HttpResponse

from trading.tradovate import UserSocket
from trading.tradovate.entities import CancelOrder, Position
from trading.tradovate.errors import (
    ApiError,
    HostMoved,
    NotAuthorized,
    NotFound,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    SocketClosed,
)

from .conftest import TOKEN, Peer
from .scenes import POSITION, stay


async def test_opens_authorizes_and_closes(play) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        await stay(peer)

    began = time.monotonic()
    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        assert socket.round_trip is not None
        assert began < socket.last_frame_at <= time.monotonic()
        assert "secret" not in repr(socket)
    assert [event async for event in socket] == []


async def test_a_ping_tells_how_far_away_tradovate_is(play) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        await stay(peer)

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        took = await socket.ping()
        assert took is not None
        assert took > 0
        assert await socket.ping(timeout=0) is None
    assert await socket.ping() is None


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
