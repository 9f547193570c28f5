"""Statuses and bodies become values or the right error, with texts that tell a trader and betray nothing."""

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trading.tradovate import answers
from trading.tradovate.entities import Account, PlaceOrderResult
from trading.tradovate.errors import (
    ApiError,
    BadReply,
    CaptchaRequired,
    Evicted,
    HostMoved,
    NotAuthorized,
    NotFound,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    PenaltyImposed,
    RateLimited,
    SocketClosed,
    TradovateError,
)


def test_a_success_is_its_data() -> None:
    assert answers.read(200, b'{"orderId":5}', PlaceOrderResult).order_id == 5
    assert answers.read(200, b'{"failureReason":"Success","orderId":5}', PlaceOrderResult).order_id == 5
    assert answers.read(200, b'{"orderId":5,"failureText":"","errorText":null}', PlaceOrderResult).order_id == 5
    assert answers.read(200, b"[]", list[Account]) == []
    assert answers.read_plain(200, b"") is None


def test_a_refused_order_carries_reason_and_text() -> None:
    body = b'{"failureReason":"MaxPosLimitReached","failureText":"Position limit is 5"}'
    with pytest.raises(OrderRejected) as caught:
        answers.read(200, body, PlaceOrderResult)
    assert caught.value.reason == "MaxPosLimitReached"
    assert str(caught.value) == "Tradovate rejected it: Position limit is 5 (MaxPosLimitReached)"


def test_an_id_beside_a_refusal_or_a_remark() -> None:
    with pytest.raises(OrderRejected) as caught:
        answers.read(200, b'{"failureReason":"NoQuote","orderId":5}', PlaceOrderResult)
    assert caught.value.order_id == 5
    assert answers.read(200, b'{"orderId":5,"failureText":"queued"}', PlaceOrderResult).order_id == 5
    with pytest.raises(OrderRejected, match="UnknownReason"):
        answers.read(200, b'{"failureText":"No"}', PlaceOrderResult)


def test_error_text_in_a_200() -> None:
    with pytest.raises(ApiError, match="The app is not registered"):
        answers.read(200, b'{"errorText":"The app is not registered"}', Account)
    with pytest.raises(NotAuthorized):
        answers.read(200, b'{"errorText":"Access is denied"}', Account)
    # An odd value beside it does not hide it.
    with pytest.raises(ApiError, match="No"):
        answers.read(200, b'{"errorText":"No","p-time":{},"failureReason":null}', Account)


def test_a_penalty_whatever_the_status() -> None:
    for status in (200, 429):
        with pytest.raises(PenaltyImposed) as caught:
            answers.read(status, b'{"p-ticket":"t1cket","p-time":15,"p-captcha":false}', Account)
        assert (caught.value.ticket, caught.value.seconds, caught.value.captcha) == ("t1cket", 15, False)
        assert "t1cket" not in f"{caught.value} {caught.value!r} {caught.value.args}"
        assert "15 seconds" in str(caught.value)
    with pytest.raises(CaptchaRequired, match="an hour"):
        answers.read(200, b'{"p-ticket":"t","p-time":3600,"p-captcha":true}', Account)


@pytest.mark.parametrize(
    ("said", "seconds"), [(b"-3", 0), (b'"17.5"', 17), (b"1e300", 86_400), (b'"inf"', 3600), (b"{}", 3600)]
)
def test_a_penalty_of_an_odd_length(said: bytes, seconds: int) -> None:
    with pytest.raises(PenaltyImposed) as caught:
        answers.check(200, b'{"p-ticket":"t","p-time":' + said + b"}")
    assert caught.value.seconds == seconds


@pytest.mark.parametrize("beside", [b'"errorText":"Slow today"', b'"p-ticket":"t","p-time":3', b'"failureText":"Late"'])
def test_an_answer_that_names_an_order_is_never_taken_for_one_that_may_be_sent_again(beside: bytes) -> None:
    assert answers.read(200, b'{"orderId":7,' + beside + b"}", PlaceOrderResult).order_id == 7


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b'{"errorText":"Bad accountId"}', ApiError),
        (401, b'"Access is denied"', NotAuthorized),
        (403, b"", NotAuthorized),
        (404, b"", NotFound),
        (423, b"", RateLimited),
        (429, b"", RateLimited),
        (421, b"", HostMoved),
        (307, b"", HostMoved),
        (302, b"", OutcomeUnknown),
        (303, b"", OutcomeUnknown),
        (408, b"", OutcomeUnknown),
        (500, b"<html>", OutcomeUnknown),
        (502, b"", OutcomeUnknown),
        (503, b'{"errorText":"busy"}', OutcomeUnknown),
        (200, b"", BadReply),
        (200, b"null", BadReply),
        (200, b"<html>", BadReply),
        (200, b"{}", BadReply),
        (200, b'{"id":1', BadReply),
    ],
)
def test_statuses(status: int, body: bytes, kind: type[TradovateError]) -> None:
    with pytest.raises(TradovateError) as caught:
        answers.read(status, body, Account)
    assert type(caught.value) is kind


def test_retry_after_is_told() -> None:
    with pytest.raises(RateLimited, match="in 30 seconds") as caught:
        answers.check(429, b"", retry_after=30)
    assert caught.value.retry_after == 30
    with pytest.raises(RateLimited, match="within the hour"):
        answers.check(429, b"")


def test_a_page_of_html_is_not_shown_to_a_trader() -> None:
    with pytest.raises(NotFound) as caught:
        answers.check(404, b"<html><body>nginx</body></html>")
    assert "nginx" not in str(caught.value)
    with pytest.raises(NotFound, match="md/subscribeQuote"):
        answers.check(404, b'"Not found: md/subscribeQuote"')


def test_who_catches_what() -> None:
    # An unreadable answer to an order leaves it in doubt; a moved host leaves nothing in doubt.
    assert issubclass(BadReply, OutcomeUnknown)
    assert issubclass(HostMoved, NotSent)
    assert issubclass(Evicted, SocketClosed)
    assert not issubclass(NotSent, OutcomeUnknown)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.integers(0, 999), st.one_of(st.binary(), st.text().map(str.encode)))
def test_no_answer_raises_anything_else(status: int, body: bytes) -> None:
    with contextlib.suppress(TradovateError):
        answers.read(status, body, PlaceOrderResult)
