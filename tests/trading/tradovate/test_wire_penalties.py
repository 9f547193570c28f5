"""Time penalties: sat out and repeated with the ticket, within the caller's patience, and never for orders."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.tradovate import Tradovate, penalties
from trading.tradovate.entities import CancelOrder, InterruptOrderStrategy, PlaceOrder, SyncRequest
from trading.tradovate.entities.codec import decode_plain
from trading.tradovate.errors import CaptchaRequired, PenaltyImposed

from .conftest import HttpScript

TICKET = "t1cket-s3cret"


class Sleep:
    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def sleep() -> Sleep:
    return Sleep()


def penalise(http: HttpScript, seconds: float, *, captcha: bool = False) -> None:
    http.answer({"p-ticket": TICKET, "p-time": seconds, "p-captcha": captcha})


async def test_a_call_waits_and_repeats_the_same_body_with_the_ticket(http: HttpScript, sleep: Sleep) -> None:
    penalise(http, 15)
    penalise(http, 20)
    http.answer({"users": []})
    async with Tradovate(http.hosts, "tok", patience=60, sleep=sleep) as t:
        await t.user.sync_request(SyncRequest(users=[7], split_responses=True))
    assert sleep.slept == [15, 20]
    first, second, third = http.requests
    assert first.json() == {"users": [7], "splitResponses": True}
    assert second.json() == third.json() == {"users": [7], "splitResponses": True, "p-ticket": TICKET}
    assert {(r.method, r.path) for r in http.requests} == {("POST", "/v1/user/syncrequest")}


async def test_a_call_without_a_body_gets_one_for_the_ticket(http: HttpScript, sleep: Sleep) -> None:
    penalise(http, 3)
    http.answer([])
    async with Tradovate(http.hosts, "tok", patience=60, sleep=sleep) as t:
        await t.order.deps(7)
    assert [(r.method, r.target) for r in http.requests] == [
        ("GET", "/v1/order/deps?masterid=7"),
        ("POST", "/v1/order/deps?masterid=7"),
    ]
    assert http.requests[1].json() == {"p-ticket": TICKET}


@pytest.mark.parametrize("patience", [0, 14.9])
async def test_a_wait_beyond_the_patience_is_the_callers_to_decide(
    http: HttpScript, sleep: Sleep, patience: float
) -> None:
    penalise(http, 15)
    async with Tradovate(http.hosts, "tok", patience=patience, sleep=sleep) as t:
        with pytest.raises(PenaltyImposed) as caught:
            await t.order.list()
    assert (caught.value.ticket, caught.value.seconds) == (TICKET, 15)
    assert sleep.slept == []
    assert len(http.requests) == 1


async def test_a_captcha_is_told_at_once_in_words_for_a_trader(
    http: HttpScript, sleep: Sleep, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    penalise(http, 5, captcha=True)
    async with Tradovate(http.hosts, "tok", patience=9999, sleep=sleep) as t:
        with pytest.raises(CaptchaRequired, match="try again in about an hour") as caught:
            await t.order.list()
    assert sleep.slept == []
    assert TICKET not in f"{caught.value} {caught.value!r} {caught.value.args} {caplog.text}"


async def test_an_order_never_waits_out_a_penalty(http: HttpScript, sleep: Sleep) -> None:
    async with Tradovate(http.hosts, "tok", patience=9999, sleep=sleep) as t:
        calls = (
            lambda: t.order.place(PlaceOrder(account_id=7, action="Buy", symbol="E", order_qty=1, order_type="Market")),
            lambda: t.order.cancel(CancelOrder(order_id=3)),
            lambda: t.order_strategy.interrupt(InterruptOrderStrategy(order_strategy_id=3)),
        )
        for call in calls:
            penalise(http, 1)
            with pytest.raises(PenaltyImposed):
                await call()
    assert len(http.requests) == len(calls)
    assert sleep.slept == []


@pytest.mark.parametrize(
    ("method", "route", "may"),
    [
        ("GET", "order/list", True),
        ("POST", "order/dryrun", True),
        ("POST", "auth/accesstokenrequest", True),
        ("POST", "user/syncrequest", True),
        ("POST", "order/liquidatepositions", False),
        ("POST", "order/somethingnew", False),
        ("POST", "orderstrategy/startorderstrategy", False),
        ("POST", "accountriskstatus/setadminautoliqaction", False),
    ],
)
def test_what_trades_is_not_repeated(method: str, route: str, may: bool) -> None:
    assert penalties.may_be_repeated(method, route) is may


@given(st.lists(st.integers(1, 40), max_size=30), st.integers(0, 120))
async def test_all_waits_together_stay_within_the_patience(times: list[int], patience: int) -> None:
    sleep, left = Sleep(), list(times)

    async def ask(ticket: str | None) -> str:
        assert (ticket is None) == (len(left) == len(times))
        if left:
            raise PenaltyImposed(TICKET, left.pop(0))
        return "done"

    if sum(times) <= patience:
        assert await penalties.sit_out(ask, patience=patience, sleep=sleep) == "done"
        assert sleep.slept == times
    else:
        with pytest.raises(PenaltyImposed):
            await penalties.sit_out(ask, patience=patience, sleep=sleep)
    assert sum(sleep.slept) <= patience


async def test_penalties_of_no_time_end_too() -> None:
    sleep = Sleep()

    async def ask(ticket: str | None) -> None:
        raise PenaltyImposed(TICKET, 0)

    with pytest.raises(PenaltyImposed):
        await penalties.sit_out(ask, patience=1, sleep=sleep)
    assert 0 < len(sleep.slept) <= 1 / penalties.SHORTEST


def test_a_price_survives_beside_the_ticket() -> None:
    body = penalties.with_ticket(b'{"price":6700.250,"text":"\xc3\xbc"}', TICKET)
    assert decode_plain(body) == {**decode_plain(b'{"price":6700.250,"text":"\xc3\xbc"}'), "p-ticket": TICKET}
