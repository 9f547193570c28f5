"""The dialect's envelope: {"s": "ok", "d": ...} or {"s": "error", "errmsg": ..., "errorCode": ...} (Error Handling)."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from trading.tradovate import answers
from trading.tradovate.entities.codec import Undecodable, decode
from trading.tradovate.entities.vocabulary import FailureReason
from trading.tradovate.errors import ApiError, BadReply, NotAuthorized, NotFound, OrderRejected, TradovateError

from .entities import ErrorCode

T = TypeVar("T")

_OK, _ERROR = "ok", "error"
_NOTHING = (b"", b"null")
_REASONS: dict[int | None, str] = {
    ErrorCode.INSUFFICIENT_MARGIN: "InsufficientMargin",
    ErrorCode.INVALID_ORDER: "InvalidOrder",
    ErrorCode.MARKET_CLOSED: "MarketClosed",
}
# Statuses by which a server refuses a request; others leave open what it did with it.
_REFUSALS = frozenset({*range(200, 300), 400, 401, 403, 404, 409, 422})


class _Envelope(msgspec.Struct):
    s: str
    d: msgspec.Raw = msgspec.Raw()
    errmsg: str | None = None
    error_code: int | None = msgspec.field(default=None, name="errorCode")


def data(raw: bytes, kind: type[T]) -> T:
    """Return the data of a successful answer as `kind`. Raises BadReply."""
    if raw in _NOTHING:
        raise BadReply("Tradovate answered with nothing where data was due.")
    try:
        return decode(raw, kind)
    except Undecodable as error:
        raise BadReply(f"Tradovate's answer cannot be read: {error}.") from None


def check(status: int, body: bytes, *, trades: bool = False, retry_after: float | None = None) -> bytes:
    """Return the data of an answer as JSON, which may be nothing at all; raise the error that it amounts to.

    `trades` says that an order was asked for: a refusal is then OrderRejected, with a FailureReason,
    "InsufficientMargin", "InvalidOrder" or "MarketClosed". Raises any TradovateError but the socket ones.
    """
    envelope = _envelope(body)
    if envelope is not None and envelope.s == _ERROR and status in _REFUSALS:
        if trades and bytes(envelope.d) not in (*_NOTHING, b"{}", b"[]"):
            raise BadReply("Tradovate's answer says both that it refused and what it did.")
        raise _refusal(envelope, status, trades=trades)
    answers.check(status, body, retry_after=retry_after)
    if envelope is None or envelope.s != _OK:
        raise BadReply("Tradovate's answer is not one of this dialect.")
    return bytes(envelope.d).strip()


def _envelope(body: bytes) -> _Envelope | None:
    try:
        return decode(body, _Envelope)
    except Undecodable:
        return None


def _refusal(envelope: _Envelope, status: int, *, trades: bool) -> TradovateError:
    text, code = answers.shortened(envelope.errmsg or ""), envelope.error_code
    if code == ErrorCode.INVALID_TOKEN or status == 401:
        return NotAuthorized("Tradovate does not accept this session for that. Sign in again if it persists.")
    if code == ErrorCode.ACCOUNT_NOT_FOUND:
        return NotFound("Tradovate does not know this account.")
    if trades:
        too_late = text.casefold().startswith("too late")
        other = FailureReason.TOO_LATE if too_late else FailureReason.UNKNOWN_REASON
        return OrderRejected(_REASONS.get(code, other), text)
    return NotFound(text or "Tradovate does not know this.") if status == 404 else ApiError(text, status)
