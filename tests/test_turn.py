"""What needs a while has a trading day for it that does not turn meanwhile."""

import datetime as dt
import time

import pytest
import time_machine

from tests import turn
from trading.simulator.clock import trading_day


@pytest.mark.parametrize(
    ("now", "waits"),
    [
        (dt.datetime(2026, 12, 2, 22, 49, 59, tzinfo=dt.UTC), False),
        (dt.datetime(2026, 12, 2, 22, 50, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 12, 2, 22, 59, 59, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 12, 2, 23, 0, 0, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 12, 2, 23, 1, 0, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 12, 2, 23, 1, 1, tzinfo=dt.UTC), False),
        (dt.datetime(2026, 12, 4, 22, 55, tzinfo=dt.UTC), True),
        (dt.datetime(2026, 12, 6, 22, 55, tzinfo=dt.UTC), False),  # Sunday's evening begins no other day than Friday's
        (dt.datetime(2027, 3, 16, 21, 55, tzinfo=dt.UTC), True),  # daylight saving
    ],
)
def test_the_day_does_not_turn_within_the_room(monkeypatch: pytest.MonkeyPatch, now: dt.datetime, waits: bool) -> None:
    with time_machine.travel(now, tick=False) as clock:
        monkeypatch.setattr(time, "sleep", clock.shift)
        turn.wait_out(600)
        begun = dt.datetime.now(dt.UTC)
        assert (begun > now) is waits
        assert trading_day(begun - dt.timedelta(seconds=60)) == trading_day(begun + dt.timedelta(seconds=590))
