"""Whether to try again after an error, and when: one pure function for all sockets and all who own one."""

from __future__ import annotations

from dataclasses import dataclass

from .entities import ShutdownReason
from .errors import CaptchaRequired, Evicted, NotAuthorized, PenaltyImposed, RateLimited, Shutdown
from .limits import PROBE_FIRST, PROBE_MOST

# Seconds. The drawn pause lies between SHORTEST and a ceiling that doubles from FIRST to LONGEST.
SHORTEST, FIRST, LONGEST = 0.25, 0.5, 30.0
# Somebody else uses this login: taking it back at once would throw them out again. Where both sides come back by
# themselves, ever more time is left between.
EVICTED, EVICTED_MOST = 60.0, 960.0
NOT_AUTHORIZED = 30.0
MAINTENANCE = 10.0
# Tradovate closes a socket of an address that has too many (official WebSockets guide, IPQuotaReached).
ADDRESS_QUOTA = 60.0
CAPTCHA = 3600.0


@dataclass(frozen=True)
class Retry:
    """The next attempt comes in `seconds`. `fatal`: trying unasked does no good, or harm; the owner must decide."""

    seconds: float
    fatal: bool = False


def after(error: Exception, attempt: int, chance: float, *, refused: bool = False, longest: float = LONGEST) -> Retry:
    """Return what to do after `error` ended attempt number `attempt` (0, 1, ... without success between them).

    `chance` in [0, 1) is drawn by the caller and spreads the attempts of many clients over the whole pause (full
    jitter). `refused` says that the token before the one of this attempt was refused too: NotAuthorized is fatal then,
    and otherwise worth one attempt with a fresh token. Evicted is fatal always. Whatever else went wrong may mend, and
    is tried again within `longest` seconds.
    """
    match error:
        case Evicted():
            seconds = min(EVICTED_MOST, EVICTED * 2.0 ** min(attempt, 10))
            return Retry(seconds * (1 + chance / 4), fatal=True)
        case Shutdown(reason_code=ShutdownReason.IP_QUOTA_REACHED):
            return Retry(_spread(ADDRESS_QUOTA, chance))
        case Shutdown():
            return Retry(_spread(max(MAINTENANCE, _ceiling(attempt)), chance))
        case CaptchaRequired():
            return Retry(CAPTCHA)
        case PenaltyImposed():
            return Retry(error.seconds + 1.0)
        case RateLimited(retry_after=None):
            # It may be over at once: found out as the budgets do it (limits).
            return Retry(min(PROBE_MOST, PROBE_FIRST * 2.0 ** min(attempt, 10)) * (1 + chance / 4))
        case RateLimited():
            return Retry(max(SHORTEST, error.retry_after or 0.0))
        case NotAuthorized() if refused:
            return Retry(_spread(NOT_AUTHORIZED, chance), fatal=True)
        case _:
            return Retry(SHORTEST + chance * (min(longest, _ceiling(attempt)) - SHORTEST))


def _ceiling(attempt: int) -> float:
    return min(LONGEST, FIRST * 2.0 ** min(attempt, 10))


def _spread(seconds: float, chance: float) -> float:
    """Between half of `seconds` and all of it: what Tradovate wants to be left alone for is not drawn away."""
    return seconds * (0.5 + chance / 2)
