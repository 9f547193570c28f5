"""REST over real sockets: what is sent, what is never sent twice, and what a failure proves."""

import asyncio
import logging
import socket as std_socket
import struct
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
import uvloop

from trading.tradovate import Hosts, Tradovate, new_http
from trading.tradovate.entities import CancelOrder, LiquidatePosition, ModifyOrder, PlaceOrder
from trading.tradovate.errors import (
    BadReply,
    HostMoved,
    NotAuthorized,
    NotFound,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    PenaltyImposed,
    RateLimited,
)

from .conftest import LONG, Deaf, in_vain

ROOT = Path(__file__).parents[3]
TOKEN = "tok-secret-1"
MARKET = PlaceOrder(account_id=7, action="Buy", symbol="ESZ6", order_qty=2, order_type="Market", cl_ord_id="tp-1")
CONTRACT = {"id": 5, "name": "ESZ6", "contractMaturityId": 9}


@pytest.fixture
async def t(http):
    async with Tradovate(http.hosts, TOKEN, timeout=10) as client:
        yield client


@pytest.fixture
async def hasty(http):
    """Has the patience of half a second: for what never comes."""
    async with Tradovate(http.hosts, TOKEN, timeout=0.5) as client:
        yield client


async def test_the_seven_reads(http, t) -> None:
    for body in ([CONTRACT], CONTRACT, CONTRACT, [CONTRACT], [], [CONTRACT], [CONTRACT]):
        http.answer(body)
    assert (await t.contract.list())[0].name == "ESZ6"
    assert (await t.contract.find("ESZ6")).id == 5
    assert (await t.contract.item(5)).contract_maturity_id == 9
    assert [c.id for c in await t.contract.items([5, 6, 5])] == [5]
    assert await t.contract.deps(9) == []
    assert len(await t.contract.ldeps([9, 10])) == 1
    assert len(await t.contract.suggest("ES&x", 3)) == 1
    assert [r.target for r in http.requests] == [
        "/v1/contract/list",
        "/v1/contract/find?name=ESZ6",
        "/v1/contract/item?id=5",
        "/v1/contract/items?ids=5,6",
        "/v1/contract/deps?masterid=9",
        "/v1/contract/ldeps?masterids=9,10",
        "/v1/contract/suggest?t=ES%26x&l=3",
    ]
    assert {r.method for r in http.requests} == {"GET"}
    assert {r.headers["authorization"] for r in http.requests} == {f"Bearer {TOKEN}"}


async def test_many_ids_go_in_several_requests_and_none_in_no_request(http, t) -> None:
    http.answer([CONTRACT])
    http.answer([{**CONTRACT, "id": 6}])
    assert [c.id for c in await t.contract.items(range(1, 301))] == [5, 6]
    assert await t.contract.items([]) == []
    assert len(http.requests) == 2


async def test_paths_are_lower_case_on_the_wire(http, t) -> None:
    for _ in range(4):
        http.answer([])
    await t.cash_balance.list()
    await t.order_version.deps(1)
    await t.contract_maturity.ldeps([1])
    await t.execution_report.list()
    assert all(r.path == r.path.lower() for r in http.requests)
    assert http.requests[1].path == "/v1/orderversion/deps"


async def test_order_operations(http, t) -> None:
    http.answer({"orderId": 41})
    http.answer({"commandId": 42})
    http.answer({"commandId": 43})
    http.answer({"orderId": 44})
    assert (await t.order.place(MARKET)).order_id == 41
    change = ModifyOrder(order_id=41, order_qty=1, order_type="Limit", price=Decimal("6700.25"), time_in_force="Day")
    assert (await t.order.modify(change)).command_id == 42
    assert (await t.order.cancel(CancelOrder(order_id=41))).command_id == 43
    assert (await t.order.liquidate_position(LiquidatePosition(account_id=7, contract_id=5))).order_id == 44
    assert [(r.method, r.path) for r in http.requests] == [
        ("POST", "/v1/order/placeorder"),
        ("POST", "/v1/order/modifyorder"),
        ("POST", "/v1/order/cancelorder"),
        ("POST", "/v1/order/liquidateposition"),
    ]
    assert http.requests[0].json() == {
        "accountId": 7, "action": "Buy", "symbol": "ESZ6", "orderQty": 2, "orderType": "Market", "clOrdId": "tp-1",
        "isAutomated": True,
    }  # fmt: skip
    assert b'"price":6700.25' in http.requests[1].body


async def test_a_rejected_order(http, t) -> None:
    http.answer({"failureReason": "LiquidationOnly", "failureText": "Only exits are allowed"})
    with pytest.raises(OrderRejected, match="Only exits") as caught:
        await t.order.place(MARKET)
    assert caught.value.reason == "LiquidationOnly"


@pytest.mark.parametrize("fault", ["reset", "silence", "half", "500", "502", "html", "empty", "neither"])
async def test_an_order_without_a_readable_answer_is_in_doubt_and_was_sent_once(http, t, hasty, fault: str) -> None:
    match fault:
        case "reset":
            http.reset()
        case "silence":
            http.silence()
        case "half":
            http.raw(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"orderId":')
        case "500" | "502":
            http.answer({"errorText": "x"}, status=int(fault))
        case "html":
            http.answer(b"<html>")
        case "empty":
            http.answer(b"")
        case "neither":
            http.answer({"somethingElse": 1})
    with pytest.raises(OutcomeUnknown):
        await (hasty if fault == "silence" else t).order.place(MARKET)
    assert len(http.requests) == 1


@pytest.mark.parametrize("begin", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("is_proxy", [False, True])
def test_an_order_that_was_given_up_arrives_no_later(monkeypatch: pytest.MonkeyPatch, begin, is_proxy: bool) -> None:
    """Closed, a connection would still deliver what its kernel holds: for two minutes, when a route is lost."""
    with Deaf() as server:
        monkeypatch.setenv("HTTP_PROXY", server.url)
        url = "http://tradovate.test" if is_proxy else server.url
        begin(in_vain(Hosts(f"{url}/v1", "", "", url, "")))
        assert 0 < len(server.all_that_came()) < LONG, "the whole order, after its connection was closed"


def test_what_a_killed_process_had_sent_arrives_no_later() -> None:
    code = "from tests.trading.tradovate.conftest import *; asyncio.run(in_vain(Hosts(*sys.argv[1:]), timeout=60))"
    with Deaf() as server:
        hosts = [f"{server.url}/v1", "", "", server.url, ""]
        with subprocess.Popen([sys.executable, "-c", f"import sys; {code}", *hosts], cwd=ROOT) as sender:
            server.wait_for_some()
            sender.kill()
        assert 0 < len(server.all_that_came()) < LONG


async def test_what_is_not_acknowledged_in_ten_seconds_is_given_up_also_by_the_kernel(http) -> None:
    """A process that is held up closes nothing."""
    wires: list[std_socket.socket] = []

    async def keep(reply: httpx.Response) -> None:
        wires.append(reply.extensions["network_stream"].get_extra_info("socket"))

    http.answer([])
    async with new_http(http.hosts) as pool:
        pool.event_hooks = {"response": [keep]}
        await Tradovate(http.hosts, TOKEN, http=pool).order.list()
        [wire] = wires
        assert wire.getsockopt(std_socket.SOL_SOCKET, std_socket.SO_LINGER, 8) == struct.pack("ii", 1, 0)
        if hasattr(std_socket, "TCP_USER_TIMEOUT"):
            assert 0 < wire.getsockopt(std_socket.IPPROTO_TCP, std_socket.TCP_USER_TIMEOUT) <= 10_000


async def test_a_host_that_is_not_there_proves_that_nothing_was_sent() -> None:
    with std_socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        # Bound and not listening: a connection is refused.
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        hosts = Hosts(f"{url}/v1", "", "", url, "")
        async with Tradovate(hosts, TOKEN) as t:
            with pytest.raises(NotSent):
                await t.order.place(MARKET)


async def test_a_full_pool_proves_that_nothing_was_sent(http) -> None:
    limits = httpx.Limits(max_connections=1)
    async with httpx.AsyncClient(limits=limits, timeout=httpx.Timeout(5, pool=0.05)) as pool:
        t = Tradovate(http.hosts, TOKEN, http=pool)
        http.silence()
        first = asyncio.create_task(t.order.list())
        await http.arrived.wait()
        with pytest.raises(NotSent):
            await t.order.place(MARKET)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    assert len(http.requests) == 1


async def test_a_dripping_answer_ends(http) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    http.steps.append(drip)
    async with Tradovate(http.hosts, TOKEN, timeout=10) as t:
        t._transport._exchange_timeout = 0.3
        with pytest.raises(OutcomeUnknown):
            await t.order.list()


async def test_limits_and_penalties(http, t) -> None:
    http.answer(b"", status=429)
    http.answer(b"", status=429, headers={"Retry-After": "12"})
    http.answer({"p-ticket": "t1cket", "p-time": 5})
    with pytest.raises(RateLimited) as caught:
        await t.order.list()
    assert caught.value.retry_after is None
    with pytest.raises(RateLimited) as caught:
        await t.order.list()
    assert caught.value.retry_after == 12
    with pytest.raises(PenaltyImposed):
        await t.auth.renew()


async def test_not_found_and_not_authorized(http, t) -> None:
    http.answer(b"", status=404)
    http.answer(b'"Access is denied"', status=401)
    http.answer(b"not json at all")
    with pytest.raises(NotFound):
        await t.contract.find("NOPE")
    with pytest.raises(NotAuthorized):
        await t.account.list()
    with pytest.raises(BadReply):
        await t.account.list()


async def test_the_token_is_asked_for_each_call(http) -> None:
    tokens = iter(["first", "second"])

    async def current() -> str:
        return next(tokens)

    http.answer([])
    http.answer([])
    async with Tradovate(http.hosts, current) as t:
        await t.account.list()
        await t.account.list()
    assert [r.headers["authorization"] for r in http.requests] == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "ünicode"])
async def test_a_token_that_is_none_is_not_sent_and_not_shown(http, token: str) -> None:
    async with Tradovate(http.hosts, token) as t:
        with pytest.raises(NotAuthorized) as caught:
            await t.account.list()
    assert not token or token not in str(caught.value)
    assert http.requests == []


async def test_one_connection_serves_many_calls(http) -> None:
    connections = 0
    handle = http.handle

    async def counting(reader, writer) -> None:
        nonlocal connections
        connections += 1
        await handle(reader, writer)

    http.handle = counting
    async with Tradovate(http.hosts, TOKEN) as t:
        for _ in range(5):
            http.answer([])
            await t.account.list()
    assert connections == 1


async def test_a_shared_pool_stays_open(http) -> None:
    async with new_http(http.hosts) as pool:
        async with Tradovate(http.hosts, TOKEN, http=pool) as t:
            http.answer([])
            await t.account.list()
        assert not pool.is_closed


async def test_a_shared_pool_carries_no_cookie_from_one_user_to_another(http) -> None:
    async with new_http(http.hosts) as pool:
        for token in ("tok-ann", "tok-bob"):
            http.answer([], headers={"Set-Cookie": "session=ann; Path=/"})
            await Tradovate(http.hosts, token, http=pool).account.list()
    assert all("cookie" not in request.headers for request in http.requests)


async def test_a_moved_host_is_followed_once_with_the_order_sent_once_to_each(http, other_http, t) -> None:
    http.answer(b"", status=307, headers={"Location": f"{other_http.url}/v1/order/placeorder"})
    other_http.answer({"orderId": 9})
    other_http.answer([])
    assert (await t.order.place(MARKET)).order_id == 9
    assert [r.json() for r in other_http.requests] == [http.requests[0].json()]
    assert t.hosts.rest == f"{other_http.url}/v1"
    await t.order.list()
    assert len(http.requests) == 1


@pytest.mark.parametrize("location", ["https://evil.example/v1/order/list", "http://10.0.0.5/v1", "/v1/x", ""])
async def test_a_redirect_elsewhere_is_not_followed(http, t, location: str) -> None:
    http.answer(b"", status=307, headers={"Location": location})
    with pytest.raises(HostMoved):
        await t.order.list()
    assert len(http.requests) == 1


async def test_a_chain_of_redirects_ends(http, other_http, t) -> None:
    http.answer(b"", status=307, headers={"Location": other_http.url})
    other_http.answer(b"", status=307, headers={"Location": http.url})
    with pytest.raises(HostMoved):
        await t.order.list()
    assert (len(http.requests), len(other_http.requests)) == (1, 1)


async def test_me_asks_the_auth_host(http, other_http) -> None:
    hosts = Hosts(f"{http.url}/v1", "", "", other_http.url, "")
    other_http.answer({"userId": 15460, "name": "ann", "fullName": "Ann", "email": "a@b.c", "emailVerified": True})
    async with Tradovate(hosts, TOKEN) as t:
        me = await t.auth.me()
    assert (me.user_id, me.full_name) == (15460, "Ann")
    assert other_http.requests[0].path == "/v1/auth/me"
    assert http.requests == []


async def test_no_token_in_logs_reprs_or_urls(http, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    http.answer([])
    http.answer(
        {"accessToken": "tok-secret-2", "expirationTime": "2026-11-20T16:00:00.000Z", "apiHosts": {"live": "x"}}
    )
    http.reset()
    async with Tradovate(http.hosts, TOKEN) as t:
        await t.account.list()
        renewed = await t.auth.renew(ticket="t1cket")
        with pytest.raises(OutcomeUnknown) as caught:
            await t.account.list()
        seen = f"{t!r} {t._transport!r} {renewed!r} {caught.value!r} {caplog.text}"
    assert renewed.access_token == "tok-secret-2"
    assert renewed.api_hosts == {"live": "x"}
    assert http.requests[1].json() == {"p-ticket": "t1cket"}
    assert "tok-secret" not in seen
    assert "t1cket" not in seen
    assert all("secret" not in r.target and "t1cket" not in r.target for r in http.requests)


async def test_the_last_question_comes_once_the_connection_is_there_and_before_a_byte_is_sent(http) -> None:
    asked: list[int] = []

    async def ask() -> None:
        # Another task of this loop takes connections: it would never be there if it were opened after this.
        await http.connected.wait()
        asked.append(len(http.requests))

    http.answer({"orderId": 1})
    http.answer({"orderId": 2})
    async with Tradovate(http.hosts, TOKEN, timeout=5, before_sending=ask) as t:
        assert (await t.order.place(MARKET)).order_id == 1
        assert (await t.order.place(MARKET)).order_id == 2
    assert asked == [0, 1]


async def test_what_the_last_question_forbids_is_not_sent(http) -> None:
    async def ask() -> None:
        raise NotSent("Trading is stopped.")

    async with Tradovate(http.hosts, TOKEN, timeout=5, before_sending=ask) as t:
        with pytest.raises(NotSent, match="Trading is stopped"):
            await t.order.place(MARKET)
    await http.connected.wait()
    assert http.requests == []
