"""Celery's clock, which rings only while somebody listens: without workers its rounds would fill Redis in days."""

from __future__ import annotations

from typing import Any, Final, cast

import redis
from celery.beat import PersistentScheduler, ScheduleEntry

from trading.sync import stream

# Rounds that no worker took: some minutes of them.
MOST_WAITING: Final = 300


class Clock(PersistentScheduler):
    """Celery's own scheduler, but that it leaves a round out while MOST_WAITING tasks wait for a worker, and that it
    does not wait for the time of a clock that was ahead to come again."""

    def tick(self, *args: Any, **options: Any) -> float:
        """Ring for what is due; the seconds until the next look."""
        for entry in self.schedule.values():
            now = entry.default_now()
            if (entry.last_run_at or now) > now:
                entry.last_run_at = now
                # It has the times of before.
                self._heap = None
        return super().tick(*args, **options)

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Ring for an entry that is due."""
        if self._is_heard():
            super().apply_entry(entry, producer)

    def _is_heard(self) -> bool:
        try:
            return cast("int", stream.client().llen(self.app.conf.task_default_queue)) < MOST_WAITING
        except redis.RedisError:
            # Then the round cannot be queued either, and Celery says so.
            return True
