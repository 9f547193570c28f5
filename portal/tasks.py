"""The pulse of what Celery does by schedule: Redis knows for a while when some of it has come to its end."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import redis
from celery import Task, signals
from django.conf import settings

from trading.sync import stream

KEY: Final = "tasks:pulse"
# Seconds for which a task says that beat, Redis and a worker work together; some are due every few seconds.
LASTS: Final = 60


@signals.task_postrun.connect
def tell(sender: Task[Any, Any] | None = None, **_: Any) -> None:
    """A task is done, here; those of a queue of their own, which have other workers, say nothing of the schedule."""
    if sender is not None and sender.name not in settings.CELERY_TASK_ROUTES:
        with suppress(redis.RedisError):
            stream.client().set(KEY, 1, ex=LASTS)
