"""What to make of a user socket that could not be opened or has ended: what to show, and how long to wait. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.renewal import NoToken
from trading.models import Upstream
from trading.tradovate.errors import Evicted, NotAuthorized, PenaltyImposed, RateLimited, Shutdown

FIRST, MOST = 0.5, 30.0  # seconds, doubling between attempts
# After a failed sync request Tradovate wants three seconds of peace (official Access text).
SYNC_BACK_OFF = 3.0
# Somebody else uses this login: taking it back at once would throw them out again.
EVICTED = 60.0
NOT_AUTHORIZED = 30.0
MAINTENANCE = 10.0
LIMITED = 600.0


@dataclass(frozen=True)
class Pause:
    """The state to show (Upstream.State), words for the trader, and seconds until the next attempt."""

    state: Upstream.State
    detail: str
    seconds: float


def after(error: Exception, attempt: int, chance: float) -> Pause:
    """The pause after `error` ended attempt number `attempt` (0, 1, ... without success between them).

    `chance` in [0, 1) spreads the hubs' attempts: half of a pause is certain, the other half is drawn.
    """
    down = Upstream.State.DOWN
    spread = 0.5 + chance / 2
    match error:
        case Evicted():
            words = "Another login took over this Tradovate session. Tradeport tries again in a minute."
            return Pause(Upstream.State.EVICTED, words, EVICTED * (1 + chance / 4))
        case Shutdown():
            return Pause(down, str(error), max(MAINTENANCE, _backed_off(attempt)) * spread)
        case PenaltyImposed():
            return Pause(down, str(error), float(error.seconds) + 1.0 if not error.captcha else 3600.0)
        case RateLimited():
            return Pause(down, str(error), error.retry_after or LIMITED)
        case NotAuthorized():
            words = "Tradovate no longer accepts this session; another login may have replaced it. Sign in again."
            return Pause(down, words, NOT_AUTHORIZED * spread)
        case NoToken():
            return Pause(down, str(error), NOT_AUTHORIZED * spread)
        case _:
            return Pause(down, str(error), _backed_off(attempt) * spread)


def _backed_off(attempt: int) -> float:
    return min(MOST, FIRST * 2.0 ** min(attempt, 10))
