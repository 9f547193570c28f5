"""The pulse of what Celery does by schedule: Redis knows for a while what has come to a good end, and what has not."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import redis
from celery import Task, signals, states
from django.conf import settings

from trading.sync import stream

DONE: Final = "tasks:done"
FAILED: Final = "tasks:failed"
# Seconds for which a task says that beat, Redis and a worker work together; some are due every few seconds.
LASTS: Final = 60
# Seconds for which a failure is told: what goes on failing fails anew in that time. Renewals come once a minute, and a
# kill switch that failed is looked at again after a minute and a half.
TOLD: Final = 120


def scheduled() -> list[str]:
    """The names of the tasks that beat rings for."""
    return [str(entry["task"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()]


@signals.task_postrun.connect
def tell(sender: Task[Any, Any] | None = None, state: str | None = None, **_: Any) -> None:
    """A task has ended, here; those that nobody rings for say nothing of the schedule."""
    if sender is None or sender.name not in scheduled():
        return
    key, seconds = (DONE, LASTS) if state == states.SUCCESS else (FAILED, TOLD)
    with suppress(redis.RedisError):
        stream.client().set(key, 1, ex=seconds)


def are_done(client: redis.Redis) -> bool:
    """Whether some task was done within a minute, and none has failed within two: a round that is done says nothing of
    what failed before, which it may have left out. Raises RedisError."""
    return bool(client.exists(DONE)) and not client.exists(FAILED)
