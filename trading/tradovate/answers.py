"""One pure function for REST and sockets alike: a status and a body become a value, or the right error.

Tradovate reports failures in four ways (official Conventions text, Error Handling; official Access text, Time
Penalty): HTTP statuses, and in a 200 `errorText` (or an `errorCode` alone), `failureReason`, or a penalty ticket.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from .entities.codec import Undecodable, decode, decode_plain
from .entities.vocabulary import FailureReason
from .errors import (
    ApiError,
    BadReply,
    CaptchaRequired,
    HostMoved,
    NotAuthorized,
    NotFound,
    OrderRejected,
    OutcomeUnknown,
    PenaltyImposed,
    RateLimited,
    TradovateError,
)

T = TypeVar("T")

_MAX_TEXT = 500
_BLOCKED = (429, 423)
_DAY = 86_400


class _Trouble(msgspec.Struct, rename="camel"):
    """The fields by which a 200 says no; untyped, so that an odd value in one does not hide another."""

    error_text: Any = None
    error_code: Any = None
    failure_reason: Any = None
    failure_text: Any = None
    order_id: Any = None
    command_id: Any = None
    order_strategy: Any = None
    p_ticket: Any = msgspec.field(default=None, name="p-ticket")
    p_time: Any = msgspec.field(default=None, name="p-time")
    p_captcha: Any = msgspec.field(default=None, name="p-captcha")


_trouble = msgspec.json.Decoder(_Trouble)


def read(status: int, body: bytes, kind: type[T], *, retry_after: float | None = None) -> T:
    """Return the body of an answer as `kind`; raise the error that the answer amounts to.

    `status` is an HTTP status, also that of a socket response. Raises any TradovateError but the socket ones.
    """
    check(status, body, retry_after=retry_after)
    if body.strip() in (b"", b"null"):
        raise BadReply("Tradovate answered with nothing where data was due.")
    try:
        return decode(body, kind)
    except Undecodable as error:
        raise BadReply(f"Tradovate's answer cannot be read: {error}.") from None


def read_plain(status: int, body: bytes) -> Any:
    """As `read`, into dicts and lists (numbers with a point as Decimal); an empty body is None."""
    check(status, body)
    if not body.strip():
        return None
    try:
        return decode_plain(body)
    except Undecodable as error:
        raise BadReply(f"Tradovate's answer cannot be read: {error}.") from None


def check(status: int, body: bytes, *, retry_after: float | None = None) -> None:
    """Raise what an answer amounts to if it is a failure; return if it is a success.

    An answer that names an order, command or strategy was taken: nothing beside that id makes it safe to send again.
    """
    trouble = _read_trouble(body)
    accepted = trouble is not None and _accepted(trouble)
    if trouble is not None and trouble.p_ticket is not None and not accepted:
        penalty = CaptchaRequired if trouble.p_captcha is True else PenaltyImposed
        raise penalty(str(trouble.p_ticket), _seconds(trouble.p_time))
    if not 200 <= status < 300:
        raise _by_status(status, _text(body, trouble), retry_after)
    if trouble is None:
        return
    if refused := _order_refusal(trouble, accepted=accepted):
        raise refused
    if not accepted and (text := trouble.error_text or _code(trouble)):
        raise _by_text(shortened(str(text)))


def _accepted(trouble: _Trouble) -> bool:
    return any(named is not None for named in (trouble.order_id, trouble.command_id, trouble.order_strategy))


def _code(trouble: _Trouble) -> object:
    """Return the errorCode of a refusal; subscriptions and sign-ups say "Success" there when it was none."""
    return None if trouble.error_code == FailureReason.SUCCESS else trouble.error_code


def _read_trouble(body: bytes) -> _Trouble | None:
    if not body.lstrip().startswith(b"{"):
        return None
    try:
        return _trouble.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        # Not a failure we know: whoever reads the body as data says what is wrong with it.
        return None


def _order_refusal(trouble: _Trouble, *, accepted: bool) -> OrderRejected | None:
    """Return the refusal of an order operation. A text beside an id, without a reason, is a remark on a success."""
    reason, text = trouble.failure_reason, trouble.failure_text
    if reason in (None, "", FailureReason.SUCCESS) and (accepted or not text):
        return None
    order_id = trouble.order_id if isinstance(trouble.order_id, int) else None
    word = str(reason or FailureReason.UNKNOWN_REASON)
    return OrderRejected(word, shortened(str(text or "")), order_id)


def _by_status(status: int, text: str, retry_after: float | None) -> TradovateError:
    if status in (401, 403):
        return NotAuthorized("Tradovate does not accept this session for that. Sign in again if it persists.")
    if status == 404:
        return NotFound(f"Tradovate does not know this: {text}" if text else "Tradovate does not know this.")
    if status in _BLOCKED:
        return RateLimited(retry_after)
    if status in (307, 308, 421):
        return HostMoved("Tradovate serves this session on another host; the connection has to be renewed.")
    # A 303 says "done, see there", and the other redirects are no word of Tradovate's: they prove nothing.
    if status >= 500 or status == 408 or status < 400:
        return OutcomeUnknown(f"Tradovate had a problem of its own (status {status}); what it did is not known.")
    return ApiError(text, status)


def _by_text(text: str) -> TradovateError:
    if "access is denied" in text.lower():
        return NotAuthorized("Tradovate denies access. Sign in again if it persists.")
    return ApiError(text)


def _text(body: bytes, trouble: _Trouble | None) -> str:
    """Return what a refusal says: its errorText, or its body when that is a JSON string or short plain text."""
    if trouble is not None:
        return shortened(str(trouble.error_text or trouble.failure_text or ""))
    text = body.strip()
    if text.startswith(b'"'):
        try:
            return shortened(str(decode_plain(text)))
        except Undecodable:
            return ""
    # A proxy's page of HTML tells a trader nothing.
    return "" if text[:1] in (b"<", b"[", b"{") else shortened(text.decode("utf-8", "replace"))


def _seconds(value: object) -> int:
    """Return a penalty's length; one hour, the longest documented, when it cannot be read."""
    if isinstance(value, int | float | str):
        try:
            # More than a day is no penalty; as a time it could not even be reckoned with.
            return max(0, min(_DAY, int(float(value))))
        except (ValueError, OverflowError):
            pass
    return 3600


def retry_after(header: str | None) -> float | None:
    """Return the seconds that a Retry-After header names; None when it names none, or more than a day."""
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < _DAY else None


def shortened(text: str) -> str:
    """Return a server's text, cut to what fits into a sentence."""
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"
