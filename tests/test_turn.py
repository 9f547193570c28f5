"""What needs a while has a trading day for it that does not turn meanwhile."""

import datetime as dt
import time
from pathlib import Path
from unittest.mock import Mock

import pytest
import time_machine

from tests import turn
from trading.orders.reconcile import DAY_MARGIN
from trading.orders.trading_days import calendar_day
from trading.simulator.clock import chicago

ROOM = dt.timedelta(seconds=600)


@pytest.mark.parametrize(
    ("now", "waits"),
    [
        (dt.datetime(2026, 12, 2, 22, 48, 58, tzinfo=dt.UTC), False),
        (dt.datetime(2026, 12, 2, 22, 48, 59, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 12, 2, 22, 59, 20, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 12, 2, 22, 59, 59, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 12, 2, 23, 0, 0, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 12, 2, 23, 1, 0, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 12, 2, 23, 1, 1, tzinfo=dt.UTC), False),
        (dt.datetime(2026, 12, 4, 22, 55, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 12, 5, 22, 55, tzinfo=dt.UTC), True),  # no session begins on a Saturday, but a day does
        (dt.datetime(2026, 12, 6, 22, 55, tzinfo=dt.UTC), True),
        (dt.datetime(2027, 3, 16, 21, 55, tzinfo=dt.UTC), True),  # daylight saving
    ],
)
def test_the_day_does_not_turn_within_the_room(monkeypatch: pytest.MonkeyPatch, now: dt.datetime, waits: bool) -> None:
    with time_machine.travel(now, tick=False) as clock:
        monkeypatch.setattr(time, "sleep", clock.shift)
        turn.wait_out(ROOM.total_seconds())
        begun = dt.datetime.now(dt.UTC)
        assert (begun > now) is waits
        assert (begun - now).total_seconds() <= turn.longest(ROOM.total_seconds())
        assert calendar_day(begun - DAY_MARGIN) == calendar_day(begun + ROOM + DAY_MARGIN)


@pytest.mark.parametrize(
    ("meets", "now", "goes_on"),
    [
        ("simulator", "16:56:58", "16:56:58"),
        ("simulator", "16:57:59", "17:01:01"),
        ("portal", "16:54:58", "16:54:58"),
        ("portal", "16:55:00", "17:01:01"),
        ("settings", "16:57:59", "16:57:59"),
    ],
)
def test_what_meets_a_simulator_waits_for_a_day_that_lasts(
    monkeypatch: pytest.MonkeyPatch, meets: str, now: str, goes_on: str
) -> None:
    assert begins(monkeypatch, [(meets, "test_one.py", now)]) == [goes_on]


def test_tests_that_share_a_portal_never_wait_for_the_next_day_between_two_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    walk = [("portal", "walk.py", "16:54:58"), ("portal", "walk.py", "16:57:59")]
    assert begins(monkeypatch, [*walk, ("portal", "keys.py", "16:58:00")]) == ["16:54:58", "16:57:59", "17:01:01"]


def begins(monkeypatch: pytest.MonkeyPatch, tests: list[tuple[str, str, str]]) -> list[str]:
    """When tests of one run, each with what it asks for, its module and when its turn comes, begin in Chicago."""
    config, found = Mock(stash=pytest.Stash()), []
    for fixture, module, now in tests:
        at = dt.datetime.fromisoformat(f"2026-12-02T{now}-06:00")
        with time_machine.travel(at, tick=False) as clock:
            monkeypatch.setattr(time, "sleep", clock.shift)
            turn.wait_out_for(Mock(fixturenames=[fixture], path=Path(module), config=config))
            found.append(chicago(dt.datetime.now(dt.UTC)).time().isoformat("seconds"))
    return found
