"""Whether and when to try again: the pure function, and the counting of attempts around it."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.tradovate import Attempts, Patience, retry
from trading.tradovate.errors import (
    ApiError,
    BadReply,
    CaptchaRequired,
    Evicted,
    HostMoved,
    NotAuthorized,
    NotSent,
    OutcomeUnknown,
    PenaltyImposed,
    RateLimited,
    Shutdown,
    SocketClosed,
)

TRANSIENT = [
    SocketClosed(1006),
    SocketClosed(1000, "Bye"),
    NotSent("down"),
    HostMoved("elsewhere"),
    OutcomeUnknown("no answer"),
    BadReply("garbage"),
    ApiError("try later"),
]


@given(error=st.sampled_from(TRANSIENT), attempt=st.integers(0, 1000), chance=st.floats(0, 1, exclude_max=True))
def test_a_plain_trouble_is_never_fatal_and_never_rested_on_for_long(
    error: Exception, attempt: int, chance: float
) -> None:
    verdict = retry.after(error, attempt, chance)
    assert not verdict.fatal
    assert retry.SHORTEST <= verdict.seconds <= retry.LONGEST


@given(attempt=st.integers(0, 20), chance=st.floats(0, 1, exclude_max=True))
def test_the_whole_pause_is_drawn(attempt: int, chance: float) -> None:
    least, drawn, most = (retry.after(NotSent("down"), attempt, part).seconds for part in (0.0, chance, 0.999))
    assert least == retry.SHORTEST
    assert least <= drawn
    assert most >= min(retry.LONGEST, retry.FIRST * 2**attempt) * 0.99


def test_a_refused_token_is_worth_one_attempt_with_a_fresh_one() -> None:
    first = retry.after(NotAuthorized("no"), 0, 0.9)
    assert not first.fatal
    assert first.seconds < 1
    assert retry.after(NotAuthorized("no"), 1, 0.0, refused=True).fatal


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        (Evicted("ConnectionQuotaReached"), 480, 600),
        (Shutdown("Maintenance"), 5, 30),
        (Shutdown("IPQuotaReached"), 30, 60),
        (Shutdown("SomethingNew"), 5, 30),
        (PenaltyImposed("ticket", 17), 17, 20),
        (CaptchaRequired("ticket", 17), 3600, 3600),
        (RateLimited(90), 90, 90),
        (RateLimited(0), 0.25, 0.25),
        (RateLimited(), 40, 50),
    ],
)
@pytest.mark.parametrize("chance", [0.0, 0.99])
def test_what_tradovate_asks_for_is_kept(error: Exception, least: float, most: float, chance: float) -> None:
    verdict = retry.after(error, 3, chance)
    assert least <= verdict.seconds <= most
    assert verdict.fatal is isinstance(error, Evicted)


def test_a_429_that_says_nothing_of_its_end_is_asked_about_after_seconds_and_then_ever_more_seldom() -> None:
    pauses = [retry.after(RateLimited(), attempt, 0.0).seconds for attempt in range(9)]
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_who_is_thrown_out_again_and_again_comes_back_ever_more_seldom() -> None:
    pauses = [retry.after(Evicted("ConnectionQuotaReached"), attempt, 0.0).seconds for attempt in range(7)]
    assert pauses == [60, 120, 240, 480, 960, 960, 960]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_worked_long_enough_begins_to_count_anew() -> None:
    clock = Clock()
    attempts = Attempts(Patience(clock=clock, chance=lambda: 0.999, steady=30))
    pauses = []
    for lived in (None, None, None, 5.0, 31.0):
        attempts.begin()
        if lived is not None:
            attempts.worked()
            clock.now += lived
            attempts.worked()
        pauses.append(attempts.failed(SocketClosed(1006)).seconds)
    assert pauses[:4] == sorted(set(pauses[:4]))
    assert pauses[4] == pauses[0]


def test_a_refusal_is_forgotten_when_a_token_works() -> None:
    attempts = Attempts(Patience(chance=lambda: 0.5))
    assert not attempts.failed(NotAuthorized("no")).fatal
    attempts.begin()
    attempts.worked()
    assert attempts.last_error is None
    assert not attempts.failed(NotAuthorized("no")).fatal
    attempts.begin()
    assert attempts.failed(NotAuthorized("no")).fatal


async def test_a_pause_ends_when_it_is_over_or_by_waking_also_by_waking_before_it() -> None:
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if seconds > 1:
            await asyncio.Event().wait()

    attempts = Attempts(Patience(sleep=sleep))
    await attempts.pause(0.5)
    waiting = asyncio.create_task(attempts.pause(60))
    await asyncio.sleep(0)
    attempts.wake()
    await asyncio.wait_for(waiting, 2)
    await attempts.pause(70)
    assert slept == [0.5, 60]
    attempts.begin()
    assert not attempts.is_woken
    assert not [task for task in asyncio.all_tasks() if "sleep" in repr(task)]
