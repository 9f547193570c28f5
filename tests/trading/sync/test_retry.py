"""How long the hub waits, and what it says meanwhile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.renewal import TokenExpired
from trading.models import Upstream
from trading.sync import retry
from trading.sync.pace import Pace
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
    pause = retry.after(SocketClosed(1006), attempt, chance)
    assert retry.FIRST / 2 <= pause.seconds <= retry.MOST
    assert pause.state == Upstream.State.DOWN


def test_attempts_slow_down() -> None:
    pauses = [retry.after(NotSent("down"), attempt, 0.5).seconds for attempt in range(8)]
    assert pauses == sorted(pauses)
    assert pauses[0] < 1 < pauses[-1]


def test_an_eviction_is_not_fought() -> None:
    pause = retry.after(Evicted("ConnectionQuotaReached"), 0, 0.0)
    assert pause.state == Upstream.State.EVICTED
    assert pause.seconds >= 60
    assert "Another login" in pause.detail


@pytest.mark.parametrize(
    ("error", "least"),
    [
        (PenaltyImposed("ticket", 17), 17),
        (CaptchaRequired("ticket", 17), 3600),
        (RateLimited(90), 90),
        (RateLimited(), 600),
        (NotAuthorized("no"), 15),
        (TokenExpired("Sign in again."), 15),
        (Shutdown("Maintenance"), 5),
    ],
)
def test_what_tradovate_asks_for_is_kept_and_no_secret_is_shown(error: Exception, least: float) -> None:
    pause = retry.after(error, 0, 0.0)
    assert pause.seconds >= least
    assert pause.detail
    assert "ticket" not in pause.detail


def test_sync_requests_stay_within_the_hours_allowance() -> None:
    now = 0.0
    pace = Pace(per_hour=300, burst=60, clock=lambda: now)
    granted = 0
    while now < 3600:
        wait = pace.reserve()
        now += wait
        granted += 1
    assert granted <= 301
    assert granted > 290


def test_the_first_ones_need_not_wait() -> None:
    pace = Pace(per_hour=300, burst=60, clock=lambda: 0.0)
    waits = [pace.reserve() for _ in range(61)]
    assert not any(waits[:60])
    assert waits[60] > 0
