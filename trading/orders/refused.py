"""What a 401 to a request of the trader's means to them: the session is renewed at once if it can be, and whatever was
refused is not repeated."""

from __future__ import annotations

from typing import NamedTuple

from accounts import renewal
from trading.models import Upstream
from trading.orders.reasons import SIGN_IN
from trading.tradovate.errors import NotAuthorized

TAKEN = "Another login took over this Tradovate session. Reconnect on the desk to take it back."


class Meaning(NamedTuple):
    """Words for the trader, and whether only signing in again helps."""

    words: str
    sign_in: bool


def meaning(connection_id: int, token: str, error: NotAuthorized) -> Meaning:
    """See to the session after Tradovate answered 401 to `token`, and say what to do now.

    For threads without a running event loop, outside a transaction.
    """
    if Upstream.objects.filter(connection_id=connection_id, state=Upstream.State.EVICTED).exists():
        # Taking it back unasked would throw the other login out.
        return Meaning(TAKEN, sign_in=False)
    try:
        outcome = renewal.refused(connection_id, token)
    except renewal.NoToken as reason:
        return Meaning(str(reason), sign_in=True)
    match outcome:
        case renewal.Outcome.RENEWED:
            return Meaning(f"{renewal.ENDED_EARLY} It is renewed now: try again.", sign_in=False)
        case renewal.Outcome.BUSY:
            return Meaning("The Tradovate session is being renewed: try again in some seconds.", sign_in=False)
        case renewal.Outcome.NOT_NEEDED | renewal.Outcome.FAILED:
            return Meaning(str(error), sign_in=False)
    return Meaning(SIGN_IN, sign_in=True)
