"""beat rings for workers, and stops while nobody comes."""

import pytest
import redis
from celery.beat import ScheduleEntry

from portal import beat
from portal.celery import app
from trading.tasks import sweep_order_files


@pytest.fixture
def clock(redis_url: str) -> beat.Clock:
    return beat.Clock(app=app, lazy=True)


def test_rounds_that_no_worker_takes_fill_redis_to_a_bound(
    clock: beat.Clock, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beat, "MOST_WAITING", 3)
    queue = redis.Redis.from_url(redis_url)
    entry = ScheduleEntry(name="sweep", task=sweep_order_files.name, schedule=15, app=app)
    for _ in range(5):
        clock.apply_entry(entry)
    assert queue.llen("celery") == 3
    queue.lpop("celery")
    clock.apply_entry(entry)
    assert queue.llen("celery") == 3


def test_it_is_the_clock_that_beat_starts() -> None:
    assert app.Beat().scheduler_cls == "portal.beat:Clock"


def test_a_round_ends_with_the_next_one_but_not_for_a_worker_whose_clock_is_seconds_ahead(settings) -> None:
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert entry["options"]["expires"] == max(entry["schedule"], 30)
