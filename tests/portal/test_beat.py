"""beat rings for workers, and stops while nobody comes."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
import redis
import time_machine
from celery.beat import ScheduleEntry
from django.utils import timezone

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


def test_a_clock_that_was_ahead_and_is_set_back_stops_no_round(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the process that runs meanwhile, and in one that reads its file."""
    kept = str(tmp_path / "schedule")
    monkeypatch.setitem(app.conf, "beat_schedule", {"sweep": {"task": sweep_order_files.name, "schedule": 0.01}})
    queue = redis.Redis.from_url(redis_url)
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=True):
        running = beat.Clock(app=app, schedule_filename=kept)
        ring(running)
        assert queue.llen("celery") == 1
    ring(running)
    assert queue.llen("celery") == 2
    running.schedule["sweep"].last_run_at += timedelta(hours=2)
    running.close()
    started = beat.Clock(app=app, schedule_filename=kept)
    ring(started)
    started.close()
    assert queue.llen("celery") == 3


def ring(clock: beat.Clock) -> None:
    """Let it look until it has rung, for a second at most."""
    rounds = clock.schedule["sweep"].total_run_count
    for _ in range(20):
        clock.tick()
        if clock.schedule["sweep"].total_run_count > rounds:
            return
        time.sleep(0.05)


def test_it_is_the_clock_that_beat_starts() -> None:
    assert app.Beat().scheduler_cls == "portal.beat:Clock"


def test_a_round_ends_with_the_next_one_but_not_for_a_worker_whose_clock_is_seconds_ahead(settings) -> None:
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert entry["options"]["expires"] == max(entry["schedule"], 30)
