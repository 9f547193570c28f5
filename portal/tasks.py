"""The pulse of what Celery does by schedule: Redis knows for a while what has come to a good end, and what has not."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import redis
from celery import Task, signals, states
from django.conf import settings

from trading.sync import stream

DONE: Final = "tasks:done:{}"
IDLE: Final = "tasks:idle"
FAILED: Final = "tasks:failed:{}"
# Seconds for which a task says that beat, Redis and a worker work together; some are due every few seconds.
LASTS: Final = 60


def scheduled() -> list[str]:
    """The names of the tasks that beat rings for."""
    return [str(entry["task"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()]


@signals.task_postrun.connect
def tell(sender: Task[Any, Any] | None = None, state: str | None = None, retval: object = None, **_: Any) -> None:
    """A task has ended, here; those that nobody rings for say nothing of the schedule. One that returns False had
    nothing to do, which makes nothing good that failed before."""
    if sender is None or sender.name not in scheduled():
        return
    done, failed = DONE.format(sender.name), FAILED.format(sender.name)
    with suppress(redis.RedisError):
        if state == states.SUCCESS and retval is False:
            stream.client().set(IDLE, 1, ex=LASTS)
        elif state == states.SUCCESS:
            stream.client().set(done, 1, ex=LASTS)
            stream.client().delete(failed)
        else:
            # Until it is done, or the turn after the next one of those that come once a minute.
            stream.client().set(failed, 1, ex=2 * LASTS)


def are_done(client: redis.Redis) -> bool:
    """Whether some task was done lately, or had nothing to do, and none has failed since it was. Raises RedisError."""

    def kept(key: str) -> set[str]:
        return {name for name in scheduled() if client.exists(key.format(name))}

    done = kept(DONE)
    return bool(done or client.exists(IDLE)) and kept(FAILED) <= done
