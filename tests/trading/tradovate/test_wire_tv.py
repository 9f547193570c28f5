"""The TradingView-style dialect over real sockets: what is sent, what comes back, and what a failure proves."""

import asyncio
import logging
from decimal import Decimal
from urllib.parse import parse_qs

import httpx
import pytest

from trading.tradovate import Environment, Hosts
from trading.tradovate.errors import (
    ApiError,
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
from trading.tradovate.tv import OrderStatus, PlaceOrder, TradingView, UpdateOrder

from .dialect import ACCOUNT, TOKEN, no, ok

LIMIT = PlaceOrder(instrument="MNQZ6", qty=1, side="Buy", order_type="Limit", limit_price=Decimal("21000.25"))
ORDER = {
    "id": "98765", "accountId": ACCOUNT, "instrument": "MNQZ6", "qty": 1, "side": "Buy", "orderType": "Limit",
    "limitPrice": 21000.25, "status": "Working", "filledQty": 0, "avgFillPrice": 0.00,
    "timestamp": "2025-01-21T19:55:00.000Z", "updateTime": "2025-01-21T19:55:00.000Z", "new": {"field": 1},
}  # fmt: skip


TRADES = {
    "place": lambda tv: tv.place(ACCOUNT, LIMIT),
    "update": lambda tv: tv.update(ACCOUNT, "98765", UpdateOrder(duration_type="Day", qty=2)),
    "cancel": lambda tv: tv.cancel(ACCOUNT, "98765"),
}


def test_live_demo_and_simulator_have_hosts_of_their_own() -> None:
    assert Hosts.default(Environment.LIVE).tv == "https://tv-live.tradovateapi.com"
    assert Hosts.default(Environment.DEMO).tv == "https://tv-demo.tradovateapi.com"
    assert Hosts.default(Environment.SIM, "http://127.0.0.1:8787").tv == "http://127.0.0.1:8787/tv"
    with pytest.raises(ValueError, match="dialect"):
        TradingView(Hosts("https://x.example/v1", "", "", "", ""), TOKEN)


async def test_reads(http, tv) -> None:
    http.answer(
        ok({"accessToken": "new", "userId": 12345, "userName": "ann", "expirationTime": "2025-01-21T20:00:00.000Z"})
    )
    http.answer(ok([{"id": ACCOUNT, "name": "DEMO1", "userId": 12345, "accountType": "Demo", "active": True}]))
    http.answer(
        ok(
            {"accountId": ACCOUNT, "netLiquidatingValue": 50125.00, "cashBalance": 49800.00, "openRealizedPl": 125.00,
             "availableMargin": 47625.10, "riskLevel": "Low", "timestamp": "2025-01-21T20:00:00.000Z"}
        )
    )  # fmt: skip
    http.answer(ok([ORDER]))
    http.answer(ok(ORDER | {"status": "Filled", "filledQty": 1, "avgFillPrice": 20999.75}))
    http.answer(
        ok([{"id": "12345", "contractId": "MNQZ6", "netPos": -2, "avgPrice": 21000.50, "bought": 0, "sold": 2}])
    )

    authorization = await tv.authorize()
    (account,) = await tv.accounts()
    state = await tv.state(ACCOUNT)
    (order,) = await tv.orders(ACCOUNT)
    filled = await tv.order(ACCOUNT, "98765")
    (position,) = await tv.positions(ACCOUNT)

    assert (authorization.access_token, authorization.user_name) == ("new", "ann")
    assert (account.id, account.name, account.active) == (ACCOUNT, "DEMO1", True)
    assert (state.net_liquidating_value, state.available_margin) == (Decimal("50125.0"), Decimal("47625.10"))
    assert (order.id, order.limit_price, order.status) == ("98765", Decimal("21000.25"), OrderStatus.WORKING)
    assert (filled.filled_qty, filled.avg_fill_price) == (1, Decimal("20999.75"))
    assert (position.contract_id, position.net_pos, position.avg_price) == ("MNQZ6", -2, Decimal("21000.50"))
    assert [(r.method, r.target) for r in http.requests] == [
        ("GET", "/tv/authorize?locale=en"),
        ("GET", "/tv/accounts?locale=en"),
        ("GET", f"/tv/accounts/{ACCOUNT}/state?locale=en"),
        ("GET", f"/tv/accounts/{ACCOUNT}/orders?locale=en"),
        ("GET", f"/tv/accounts/{ACCOUNT}/orders/98765?locale=en"),
        ("GET", f"/tv/accounts/{ACCOUNT}/positions?locale=en"),
    ]
    assert {r.headers["authorization"] for r in http.requests} == {f"Bearer {TOKEN}"}


async def test_orders_travel_as_forms(http, tv) -> None:
    http.answer(ok(ORDER | {"orderId": "98765"}))
    http.answer(ok({"orderId": "98765", "updated": True}))
    http.answer({"s": "ok"})
    bracketed = PlaceOrder(
        instrument="MNQZ6", qty=3, side="Sell", order_type="StopLimit", limit_price=Decimal(20990),
        stop_price=Decimal("1E+3"), duration_type="GTC", stop_loss=Decimal("21050.5"), take_profit=Decimal(20900),
    )  # fmt: skip

    placed = await tv.place(ACCOUNT, bracketed)
    updated = await tv.update(ACCOUNT, placed.order_id, UpdateOrder(duration_type="Day", limit_price=Decimal(21050)))
    await tv.cancel(ACCOUNT, placed.order_id)

    assert (placed.order_id, placed.status, updated.updated) == ("98765", "Working", True)
    sent = [(r.method, r.target, {k: v[0] for k, v in parse_qs(r.body.decode()).items()}) for r in http.requests]
    assert sent == [
        (
            "POST",
            f"/tv/accounts/{ACCOUNT}/orders?locale=en",
            {"instrument": "MNQZ6", "qty": "3", "side": "Sell", "type": "StopLimit", "limitPrice": "20990",
             "stopPrice": "1000", "durationType": "GTC", "stopLoss": "21050.5", "takeProfit": "20900"},
        ),
        (
            "PUT",
            f"/tv/accounts/{ACCOUNT}/orders/98765?locale=en",
            {"id": "98765", "limitPrice": "21050", "durationType": "Day"},
        ),
        ("DELETE", f"/tv/accounts/{ACCOUNT}/orders/98765?locale=en", {}),
    ]  # fmt: skip
    assert {r.headers.get("content-type") for r in http.requests[:2]} == {"application/x-www-form-urlencoded"}


async def test_ids_cannot_leave_their_place_in_the_address(http, tv) -> None:
    http.answer(no("Account not found", 1002))
    with pytest.raises(NotFound):
        await tv.order("../D1?x", "7/../8")
    assert http.requests[0].target == "/tv/accounts/..%2FD1%3Fx/orders/7%2F..%2F8?locale=en"
    with pytest.raises(ValueError, match="account id"):
        await tv.state("")
    with pytest.raises(ValueError, match="order id"):
        await tv.cancel(ACCOUNT, "")
    assert len(http.requests) == 1


@pytest.mark.parametrize("status", [200, 400, 403])
@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (no("Token expired", 1001), NotAuthorized, None),
        (no("Account not found", 1002), NotFound, None),
        (no("Insufficient margin", 1003), OrderRejected, "InsufficientMargin"),
        (no("Bad price", 1004), OrderRejected, "InvalidOrder"),
        (no("Market closed", "1005"), OrderRejected, "MarketClosed"),
        (no("Too late to cancel - order already filled"), OrderRejected, "TooLate"),
        (no("No such order"), OrderRejected, "UnknownReason"),
    ],
)
@pytest.mark.parametrize("trade", TRADES)
async def test_a_refused_order_says_why(http, tv, trade, answer, error, reason, status) -> None:
    http.answer(answer, status)
    with pytest.raises(error) as caught:
        await TRADES[trade](tv)
    assert not isinstance(caught.value, OutcomeUnknown)
    assert getattr(caught.value, "reason", None) == reason
    if reason:
        assert answer["errmsg"] in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (no("Token expired", 1001), 200, NotAuthorized),
        (no("Account not found", 1002), 404, NotFound),
        (no("Order not found"), 404, NotFound),
        (no("No idea"), 200, ApiError),
        (no("No idea", 1999), 200, ApiError),
        (no("Order not found", 1004), 200, ApiError),
        (b"Access is denied", 401, NotAuthorized),
        (b"", 429, RateLimited),
        (b"", 503, OutcomeUnknown),
        ({"p-ticket": "t", "p-time": 7}, 200, PenaltyImposed),
        (b"<html>", 200, BadReply),
        ({"s": "ok"}, 200, BadReply),
        ({"s": "ok", "d": None}, 200, BadReply),
        ({"s": "ok", "d": {"not": "a list"}}, 200, BadReply),
        ({"s": "maybe", "d": []}, 200, BadReply),
        ([], 200, BadReply),
    ],
)
async def test_a_read_that_fails_says_how(http, tv, answer, status, error) -> None:
    http.answer(answer, status)
    with pytest.raises(error):
        await tv.orders(ACCOUNT)


@pytest.mark.parametrize("trade", TRADES)
@pytest.mark.parametrize(
    "happens",
    [
        lambda http: http.reset(),
        lambda http: http.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"),
        lambda http: http.answer(b"", status=502),
        lambda http: http.answer(no("Market closed", 1005), status=500),
        lambda http: http.answer(b"<html>busy</html>"),
        lambda http: http.answer(no("Bad price", 1004) | {"d": {"orderId": "98765"}}),
        lambda http: http.answer({"s": "pending"}),
    ],
    ids=["reset", "cut", "502", "500", "html", "both", "neither"],
)
async def test_an_order_without_a_usable_answer_is_unknown_and_never_sent_again(http, tv, trade, happens) -> None:
    happens(http)
    with pytest.raises(OutcomeUnknown):
        await TRADES[trade](tv)
    await asyncio.sleep(0.05)
    assert len(http.requests) == 1


@pytest.mark.parametrize("trade", TRADES)
async def test_silence_after_an_order_is_an_unknown_outcome(http, trade) -> None:
    http.silence()
    impatient = httpx.Timeout(10, read=0.2)  # a busy machine takes its time to connect
    async with (
        httpx.AsyncClient(timeout=impatient, trust_env=False) as pool,
        TradingView(http.hosts, TOKEN, http=pool) as tv,
    ):
        with pytest.raises(OutcomeUnknown):
            await TRADES[trade](tv)
    assert len(http.requests) == 1


async def test_a_placed_order_without_its_id_is_unknown(http, tv) -> None:
    http.answer(ok({"status": "Working"}))
    with pytest.raises(OutcomeUnknown):
        await tv.place(ACCOUNT, LIMIT)


async def test_an_order_that_cannot_reach_tradovate_was_not_sent() -> None:
    nowhere = Hosts.default(Environment.SIM, "http://127.0.0.1:1")
    async with TradingView(nowhere, TOKEN) as tv:
        with pytest.raises(NotSent):
            await tv.place(ACCOUNT, LIMIT)


@pytest.mark.parametrize("status", [302, 307, 308])
async def test_no_redirect_takes_the_token_elsewhere(http, other_http, tv, status: int) -> None:
    http.answer(b"", status=status, headers={"Location": f"{other_http.url}/tv/accounts"})
    with pytest.raises(HostMoved if status != 302 else OutcomeUnknown):
        await tv.accounts()
    assert other_http.requests == []
    assert len(http.requests) == 1


async def test_the_token_may_come_anew_for_each_call_and_is_in_no_message(http, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    given = iter(["tok-secret-1", "tok-secret-2", "tok secret-3\n"])

    async def token() -> str:
        return next(given)

    http.answer(ok([]))
    http.answer(no("Token expired", 1001))
    async with TradingView(http.hosts, token) as tv:
        assert await tv.accounts() == []
        with pytest.raises(NotAuthorized) as expired:
            await tv.accounts()
        with pytest.raises(NotAuthorized) as unusable:
            await tv.place(ACCOUNT, LIMIT)
        assert [r.headers["authorization"][-1] for r in http.requests] == ["1", "2"]
        written = repr(tv) + caplog.text + "".join(map(repr, (expired.value, unusable.value)))
    assert "secret" not in written


async def test_an_authorization_shows_no_token(http, tv) -> None:
    http.answer(ok({"accessToken": "tok-secret-9"}))
    assert repr(await tv.authorize()) == "<Authorization>"
