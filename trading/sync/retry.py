"""What to make of a user socket that could not be opened or has ended: how long to wait, and what to show. Pure."""

from __future__ import annotations

from accounts.renewal import NoToken, SignedOut
from trading.models import Upstream
from trading.tradovate import Patience, Retry
from trading.tradovate.errors import Evicted, NotAuthorized, TradovateError
from trading.tradovate.retry import after

# Seconds. People look at what this socket brings: it must not stay away for long once Tradovate is back.
LONGEST = 10.0


def judge(error: Exception, attempt: int, chance: float, *, refused: bool = True) -> Retry:
    """As trading.tradovate.retry.after, but only a sign-out and another login end the attempts: else it says so and
    tries again.

    A refused token counts as refused twice: the stored one is the freshest there is.
    """
    if isinstance(error, SignedOut | Evicted):
        return Retry(0.0, fatal=True)
    reason = NotAuthorized(str(error)) if isinstance(error, NoToken) else error
    return Retry(after(reason, attempt, chance, refused=True, longest=LONGEST).seconds)


def shown(error: Exception) -> tuple[Upstream.State, str]:
    """The state to show after `error`, and words for the trader."""
    match error:
        case Evicted():
            words = "Another login took over this Tradovate session. Reconnect to take it back."
            return Upstream.State.EVICTED, words
        case NotAuthorized():
            words = "Tradovate no longer accepts this session; another login may have replaced it. Sign in again."
            return Upstream.State.DOWN, words
        case _:
            return Upstream.State.DOWN, str(error)


PATIENCE = Patience(judge=judge, errors=(TradovateError, NoToken))
