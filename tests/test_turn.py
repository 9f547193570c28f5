"""What needs a while has a trading day for it that does not turn meanwhile."""

import datetime as dt
import time

import pytest
import time_machine

from tests import turn
from trading.orders import reconcile
from trading.orders.reconcile import DAY_MARGIN

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
        assert reconcile._trading_day(begun - DAY_MARGIN) == reconcile._trading_day(begun + ROOM + DAY_MARGIN)
