"""What Tradovate's sockets do beside the book (protocol notes, WebSocket frames), met on a real socket."""

import asyncio
import json
from decimal import Decimal

import pytest

from trading.tradovate import Budgets, MarketSocket, MemoryStore, UserSocket
from trading.tradovate.entities import Account, Level, Order, Position, UnknownEntity
from trading.tradovate.errors import (
    ApiError,
    BudgetSpent,
    NotAuthorized,
    NotFound,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    SocketClosed,
)
from trading.tradovate.frames import PropsEvent, UnknownEvent

from .conftest import TOKEN, Peer, PlaySocket

POSITION = {"id": 1, "accountId": 7, "contractId": 5, "netPos": 2}


async def answered(play: PlaySocket, frame: str, patience: float = 20.0) -> object:
    """What a request comes to when the server answers with this frame; ID stands for the request's id."""

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        _, request_id, _, _ = await peer.request()
        await peer.send(frame.replace("ID", str(request_id)))
        await peer.connection.wait_closed()

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        return await socket.request("order/list", timeout=patience)


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ('a[{"s":200,"i":ID}]', None),
        ('a[{"s":200,"i":ID,"d":null}]', None),
        ('a[{"i":ID,"d":[]}]', []),
        ('a[{"d":{"ok":true},"i":ID,"s":200}]', {"ok": True}),
        ('a[{"s":200,"i":ID,"d":{"text":"a\\nb"},"took":3,"x":{"y":[]}}]', {"text": "a\nb"}),
        ('a[\n  {\n    "s": 200,\n    "i": ID,\n    "d": [1, 2]\n  }\n]\n', [1, 2]),
        ('a[{"s":"200","i":"ID","d":1}]', 1),
        ('a[{"s":200,"i":0,"d":"whose?"},{"s":200,"i":ID,"d":1},{"s":200,"i":ID,"d":2}]', 1),
        ('a[{"e":"new","d":{}},{"s":200,"i":ID,"d":1},{"what":"is this"},7]', 1),
    ],
)
async def test_answers_of_many_shapes(play: PlaySocket, frame: str, expected: object) -> None:
    assert await answered(play, frame) == expected


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        ('a[{"i":ID,"s":401,"d":"Access is denied"}]', NotAuthorized),
        ('a[{"s":404,"i":ID,"d":"Not found: order/List"}]', NotFound),
        ('a[{"s":404,"i":ID}]', NotFound),
        ('a[{"s":400,"i":ID,"d":"Malformed\\nrequest"}]', ApiError),
        ('a[{"s":429,"i":ID,"d":""}]', RateLimited),
        ('a[{"s":500,"i":ID,"d":{"errorText":"oops"}}]', OutcomeUnknown),
        ('a[{"s":200,"i":ID,"d":{"errorText":"No","errorCode":"Unknown","more":1}}]', ApiError),
        ('a[{"s":200,"i":ID,"d":{"failureReason":"TooLate","failureText":"No"}}]', OrderRejected),
        ('c[1000,"Bye"]', OutcomeUnknown),
        ('a[{"s":200,"i":99,"d":"not yours"}]', OutcomeUnknown),
    ],
)
async def test_refusals_as_strings_objects_and_silence(play: PlaySocket, frame: str, error: type[Exception]) -> None:
    # What is nobody's is no answer, and none comes after it.
    with pytest.raises(error):
        await answered(play, frame, patience=1.0 if "not yours" in frame else 20.0)


async def test_what_we_send_needs_no_tolerance(play: PlaySocket) -> None:
    sent = []

    async def scene(peer: Peer) -> None:
        await peer.send("o")
        for _ in range(4):
            sent.append(await peer.connection.recv())
            await peer.respond(int(sent[-1].split("\n")[1]), 1 if len(sent) > 1 else ...)
        await peer.connection.wait_closed()

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        await socket.request("executionReport/List")
        await socket.request("fill/ldeps", query={"masterids": [1, 2], "l": None})
        await socket.request("chat/postChatMessage", body={"text": "two\nlines"})
    # Lowercase routes, a bare token, empty fields instead of `undefined`, and no newline but the three that separate.
    assert sent == [
        f"authorize\n1\n\n{TOKEN}",
        "executionreport/list\n2\n\n",
        "fill/ldeps\n3\nmasterids=1,2\n",
        'chat/postchatmessage\n4\n\n{"text":"two\\nlines"}',
    ]


async def test_events_of_many_shapes(play: PlaySocket) -> None:
    def props(**fields: object) -> dict[str, object]:
        return {"e": "props", "d": fields}

    order = {"id": 9, "accountId": 7, "timestamp": "2026-11-20T12:00Z", "action": "Hedge", "ordStatus": "New", "x": 1}
    batch = [
        props(entityType="position", eventType="Updated", entity=POSITION),
        props(entityType="position", eventType="Updated", entity=[{**POSITION, "id": 2}, {**POSITION, "id": 3}]),
        props(entityType="position", entity={**POSITION, "id": 4, "notKnown": {"a": []}}),
        props(entityType="position", eventType="Deleted", entity={"id": 1}),
        props(entityType="kalshiMarket", eventType="Created", entity={"id": 5, "ticker": "K"}),
        props(entityType="order", eventType="Created", entity=order),
        props(entityType="order", eventType="Created"),
        {"e": "whatever"},
    ]

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        _, request_id, _, _ = await peer.request()
        # A response first in its frame, and events batched behind it.
        await peer.send("a" + json.dumps([{"s": 200, "i": request_id, "d": 1}, *batch]))
        await peer.send("h")
        await peer.send("a[]")
        await peer.connection.close(1000, "Bye")

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        assert await socket.request("order/list") == 1
        events = [await anext(socket) for _ in batch]
        with pytest.raises(SocketClosed) as caught:
            await anext(socket)
    assert (caught.value.code, caught.value.reason) == (1000, "Bye")
    told = [event for event in events if isinstance(event, PropsEvent)]
    assert [[one.id for one in event.entities] for event in told] == [[1], [2, 3], [4], [1], [5], [9], []]
    kinds = [type(one) for event in told for one in event.entities]
    assert kinds == [Position] * 4 + [UnknownEntity, UnknownEntity, Order]
    assert told[5].entities[0].action == "Hedge"
    assert isinstance(events[-1], UnknownEvent)


async def test_quotes_whose_entries_lack_a_price_or_a_size(play: PlaySocket) -> None:
    quote = {
        "contractId": 5,
        "timestamp": "2026-11-20T12:00Z",
        "entries": {
            "Bid": {"size": 3},
            "Offer": {"price": 6712.25},
            "Trade": {},
            "TotalTradeVolume": {"size": 4118},
            "SettlementPrice": None,
            "NewWord": {"price": 1},
        },
    }

    async def scene(peer: Peer) -> None:
        await peer.welcome()
        await peer.send("a" + json.dumps([{"e": "md", "d": {"quotes": [quote, {**quote, "entries": {}}]}}]))
        await peer.connection.wait_closed()

    async with await MarketSocket.connect(await play(scene), TOKEN) as socket:
        first, second = await anext(socket), await anext(socket)
    assert first.bid == Level(size=Decimal(3))
    assert first.offer == Level(price=Decimal("6712.25"))
    assert first.trade == Level()
    assert first.settlement_price is None
    assert first.entries.total_trade_volume == Level(size=Decimal(4118))
    assert second.bid is second.offer is second.trade is None


@pytest.mark.parametrize(
    ("state", "tradable"),
    [
        ({"restricted": False, "closed": False}, True),
        ({"restricted": True, "closed": False}, False),
        ({"restricted": False, "closed": True}, False),
        ({"closed": False, "futuresDisabled": True}, False),
        ({"closed": False, "futuresDisabled": False}, True),
        ({"active": True}, True),
        ({"active": False}, False),
        ({"active": True, "restricted": False, "closed": False}, True),
        ({"active": True, "restricted": True, "closed": False}, False),
        ({}, True),
    ],
)
async def test_an_account_of_before_2026_and_of_after(play: PlaySocket, state: dict[str, bool], tradable: bool) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        await peer.props("account", {"id": 33, "name": "X0314", "userId": 90, **state})
        await peer.connection.wait_closed()

    async with await UserSocket.connect(await play(scene), TOKEN) as socket:
        event = await anext(socket)
    assert isinstance(event, PropsEvent)
    (account,) = event.entities
    assert isinstance(account, Account)
    assert {"active": account.active, "restricted": account.restricted, "closed": account.closed} == {
        name: state.get(name) for name in ("active", "restricted", "closed")
    }
    assert account.tradable is tradable


async def test_a_token_that_cannot_be_one_is_not_sent(play: PlaySocket) -> None:
    async def scene(peer: Peer) -> None:
        await peer.send("o")
        await peer.connection.wait_closed()

    for token in ("", "two words\n", "späte"):
        with pytest.raises(NotAuthorized):
            await UserSocket.connect(await play(scene), token)


async def test_a_half_open_market_data_socket_is_noticed_although_our_heartbeats_go_out(play: PlaySocket) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        while True:
            try:
                await peer.beat()
            except Exception:  # noqa: BLE001 - however it ends
                return

    async with await MarketSocket.connect(await play(scene), TOKEN, heartbeat=0.02, silence=0.2) as socket:
        with pytest.raises(SocketClosed, match="no sign of life"):
            await asyncio.wait_for(anext(socket), 5)


async def test_requests_are_counted_and_reads_are_held_back_when_the_hour_is_spent(play: PlaySocket) -> None:
    async def scene(peer: Peer) -> None:
        await peer.welcome()
        _, request_id, _, _ = await peer.request()
        await peer.respond(request_id, [])
        _, request_id, _, _ = await peer.request()
        await peer.respond(request_id, "", 429)
        endpoint, request_id, _, _ = await peer.request()
        assert endpoint == "order/liquidateposition"
        await peer.respond(request_id, {"orderId": 1})
        await peer.connection.wait_closed()

    budgets = Budgets(MemoryStore(), network="n", user=11)
    async with await UserSocket.connect(await play(scene), TOKEN, budgets=budgets) as socket:
        await socket.request("order/list")
        assert (await budgets.of_user()).used == 1
        with pytest.raises(RateLimited):
            await socket.request("order/list")
        await budgets.counted()
        with pytest.raises(BudgetSpent):
            await socket.request("order/list")
        # What may close a position is never held back.
        assert await socket.request("order/liquidatePosition", body={"accountId": 7}) == {"orderId": 1}
