"""What can go wrong on the wire, sorted by what the caller may conclude.

    TradovateError
    ├── NotSent                 the request never reached Tradovate's order desk: nothing happened
    │   └── HostMoved           Tradovate serves this session on another host (HTTP 307, 421)
    ├── OutcomeUnknown          it was sent and no usable answer came: it may have happened or not
    │   └── BadReply            an answer came and cannot be read
    ├── NotAuthorized           the token is missing, expired, evicted, or not allowed to do this
    ├── NotFound                no such entity or operation
    ├── RateLimited             too many requests this hour; nothing happened
    │   └── BudgetSpent         our own count says so: nothing was sent
    ├── PenaltyImposed          a time penalty: nothing happened, try again after `seconds` with `ticket`
    │   └── CaptchaRequired     ... which only a person can lift, or about an hour
    ├── ApiError                Tradovate refused and says why (errorText)
    │   ├── SymbolInaccessible  no market data for this symbol, or no entitlement to it
    │   └── ReplayIneligible    the user may not replay that time
    ├── OrderRejected           an order operation was refused (failureReason)
    ├── OAuthError              the sign-in service refused (error)
    └── SocketClosed            a socket has ended
        └── Shutdown            Tradovate announced the end
            └── Evicted         ... because another login took this connection's place

The text of every error is a sentence for a trader. None holds a token, a code, a password or a penalty ticket.
"""

from __future__ import annotations

import datetime as dt
import math


class TradovateError(Exception):
    """Anything that went wrong between us and Tradovate."""


class NotSent(TradovateError):
    """The request certainly had no effect; sending it again is safe."""


class HostMoved(NotSent):
    """Tradovate serves this session on another host, and where is not certain enough to follow."""


class OutcomeUnknown(TradovateError):
    """The request may have taken effect. Look at the broker's records before you send it again."""


class BadReply(OutcomeUnknown):
    """Tradovate answered something that cannot be read."""


class NotAuthorized(TradovateError):
    """Tradovate does not accept the access token, or the user may not do this."""


class NotFound(TradovateError):
    """Tradovate knows no such entity or operation."""


class RateLimited(TradovateError):
    """Too many requests. `retry_after` is seconds, or None when Tradovate did not say (then up to an hour)."""

    def __init__(self, retry_after: float | None = None) -> None:
        when = f"in {retry_after:.0f} seconds" if retry_after is not None else "later, within the hour"
        super().__init__(f"Tradovate's request limit is reached; it will answer again {when}.")
        self.retry_after = retry_after


class BudgetSpent(RateLimited):
    """There is no room for this request by our own count, so it was not sent. `limit` names the budget."""

    def __init__(self, limit: str, wait: float, words: str = "") -> None:
        super().__init__(wait)
        whose = f"this portal's requests ({limit})" if "/" in limit else "your requests"
        when = f"{wait:.0f} seconds" if wait < 100 else f"{math.ceil(wait / 60)} minutes"
        self.args = (words or f"For now {whose} to Tradovate are used up; more are possible in {when}.",)
        self.limit = limit


class PenaltyImposed(TradovateError):
    """A time penalty (official Access text, Request Rate Limits And Time Penalty).

    Repeat the request after `seconds` with `ticket` (see penalties); with `captcha` no program can.
    """

    captcha = False

    def __init__(self, ticket: str, seconds: int) -> None:
        super().__init__(f"Tradovate asks to wait {seconds} seconds before this operation is repeated.")
        self.ticket = ticket
        self.seconds = seconds

    def __repr__(self) -> str:
        return f"{type(self).__name__}(seconds={self.seconds})"


class CaptchaRequired(PenaltyImposed):
    """A penalty that only a captcha in Tradovate's own application lifts, or about an hour without another attempt."""

    captcha = True

    def __init__(self, ticket: str, seconds: int) -> None:
        super().__init__(ticket, seconds)
        self.args = (
            "After too many attempts Tradovate wants to see a person for this: "
            "try again in about an hour, or do it once in Tradovate's own application.",
        )


class ApiError(TradovateError):
    """Tradovate refused the request. `text` is its own explanation, `status` the HTTP status (200 for errorText)."""

    def __init__(self, text: str, status: int = 200) -> None:
        super().__init__(f"Tradovate refused: {text}" if text else f"Tradovate refused with status {status}.")
        self.text = text
        self.status = status


class SymbolInaccessible(ApiError):
    """There is no market data for this symbol, or the user has no subscription to it."""

    def __init__(self, symbol: str | int) -> None:
        super().__init__("Symbol is inaccessible")
        self.args = (f"There is no market data for {symbol}: unknown symbol, or no subscription to it.",)
        self.symbol = symbol


class ReplayIneligible(ApiError):
    """The user's entitlements allow no replay that begins at `start`."""

    def __init__(self, start: dt.datetime) -> None:
        super().__init__("Ineligible")
        self.args = (f"Your Tradovate subscription does not allow a replay of {start:%Y-%m-%d %H:%M} {start:%Z}.",)
        self.start = start


class OrderRejected(TradovateError):
    """An order operation was refused; `reason` is a FailureReason or newer word.

    `order_id` is there when Tradovate gave the refused order an id all the same.
    """

    def __init__(self, reason: str, text: str = "", order_id: int | None = None) -> None:
        super().__init__(f"Tradovate rejected it: {text} ({reason})" if text else f"Tradovate rejected it: {reason}.")
        self.reason = reason
        self.text = text
        self.order_id = order_id


class OAuthError(TradovateError):
    """The sign-in service refused; `code` is an OAuth error such as invalid_grant or access_denied."""

    def __init__(self, code: str) -> None:
        super().__init__(f"Tradovate's sign-in service refused ({code}). Sign in again.")
        self.code = code


class SocketClosed(TradovateError):
    """A socket has ended; `code` is a WebSocket close code (1006 when it just broke), `reason` may be empty."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"The connection to Tradovate closed: {reason or 'no reason given'} ({code}).")
        self.code = code
        self.reason = reason


class Shutdown(SocketClosed):
    """Tradovate announced that it closes the socket; `reason_code` is a ShutdownReason or newer word."""

    def __init__(self, reason_code: str, reason: str = "") -> None:
        super().__init__(1000, reason or reason_code)
        self.reason_code = reason_code


class Evicted(Shutdown):
    """Another login of the same user took this connection's place."""

    def __init__(self, reason_code: str, reason: str = "") -> None:
        super().__init__(reason_code, reason)
        self.args = ("Another sign-in of this user has taken over the connection to Tradovate.",)
