"""How long the hub waits, and what it says meanwhile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.renewal import SignedOut, TokenExpired
from trading.models import Upstream
from trading.sync import marks, retry
from trading.tradovate import retry as wire_retry
from trading.tradovate.errors import (
    CaptchaRequired,
    Evicted,
    NotAuthorized,
    NotSent,
    PenaltyImposed,
    RateLimited,
    Shutdown,
    SocketClosed,
)


@given(attempt=st.integers(0, 1000), chance=st.floats(0, 0.999))
def test_attempts_spread_and_never_rest_long_after_a_plain_drop(attempt: int, chance: float) -> None:
    pause = retry.judge(SocketClosed(1006), attempt, chance)
    assert wire_retry.FIRST / 2 <= pause.seconds <= retry.LONGEST <= wire_retry.LONGEST / 3
    assert retry.shown(SocketClosed(1006))[0] == Upstream.State.DOWN


def test_attempts_slow_down() -> None:
    pauses = [retry.judge(NotSent("down"), attempt, 0.5).seconds for attempt in range(8)]
    assert pauses == sorted(pauses)
    assert pauses[0] < 1 < pauses[-1]


def test_an_eviction_is_not_fought() -> None:
    error = Evicted("ConnectionQuotaReached")
    state, detail = retry.shown(error)
    assert state == Upstream.State.EVICTED
    assert retry.judge(error, 0, 0.0).fatal
    assert "Another login" in detail


@pytest.mark.parametrize(
    ("error", "least"),
    [
        (PenaltyImposed("ticket", 17), 17),
        (CaptchaRequired("ticket", 17), 3600),
        (RateLimited(90), 90),
        (RateLimited(), 5),
        (NotAuthorized("no"), 15),
        (TokenExpired("Sign in again."), 15),
        (Shutdown("Maintenance"), 5),
    ],
)
def test_what_tradovate_asks_for_is_kept_and_no_secret_is_shown(error: Exception, least: float) -> None:
    verdict = retry.judge(error, 0, 0.0)
    assert verdict.seconds >= least
    assert not verdict.fatal
    state, detail = retry.shown(error)
    assert state == Upstream.State.DOWN
    assert detail
    assert "ticket" not in detail


def test_a_sign_out_ends_the_desk() -> None:
    assert retry.judge(SignedOut("You are signed out."), 0, 0.0).fatal


def test_market_data_without_an_entitlement_is_not_asked_for_all_the_time() -> None:
    assert marks.judge(NotAuthorized("no"), 0, 0.0).seconds >= 150
    assert marks.judge(NotSent("down"), 0, 0.0).seconds < 1
