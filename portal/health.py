"""Whether the parts that a trader depends on answer: for the launcher, for load balancers and for monitoring."""

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from portal import tasks
from portal.celery import app
from trading.sync import crew

PATIENCE = 2.0


def database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM django_migrations")
    except DatabaseError:
        return False
    return True


def database_takes_writes() -> bool:
    """False on a standby, and where writes are switched off because the disk is nearly full."""
    if connection.vendor != "postgresql":
        return True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            return bool(cursor.fetchone() == ("off",))
    except DatabaseError:
        return False


def redis_client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)


def redis_answers() -> bool:
    try:
        with redis_client() as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def sync_is_alive() -> bool:
    """True while at least one sync process says in Redis that it lives."""
    try:
        with redis_client() as client:
            return crew.is_there(client)
    except redis.RedisError:
        return False


def tasks_are_done() -> bool:
    """True while what beat rings for is done by workers: renewals, look-ups of lost answers, kill switches."""
    try:
        with redis_client() as client:
            return tasks.are_done(client)
    except redis.RedisError:
        return False


def workers_answer() -> bool:
    """True when Celery workers for every queue answer within two seconds; asked by the launcher, not on every request.

    A queue that nobody serves would leave its tasks undone without a word.
    """
    wanted = {app.conf.task_default_queue, *(route["queue"] for route in settings.CELERY_TASK_ROUTES.values())}
    try:
        answers = app.control.inspect(timeout=PATIENCE).active_queues() or {}
    except (redis.RedisError, OSError):
        return False
    return wanted <= {queue["name"] for queues in answers.values() for queue in queues}


def health(request: HttpRequest) -> JsonResponse:
    """`{"database": bool, "redis": bool, "sync": bool}`, with status 503 when one of them is false.

    For load balancers, too: without workers pages are worth showing all the same.
    """
    return _answer({"database": database_answers(), "redis": redis_answers(), "sync": sync_is_alive()})


def health_of_all(request: HttpRequest) -> JsonResponse:
    """As `health`, with `"tasks"` beside the others: for whoever has to be woken when any of it is false. A database
    that takes no writes is, too."""
    parts = {
        "database": database_answers() and database_takes_writes(),
        "redis": redis_answers(),
        "sync": sync_is_alive(),
    }
    return _answer(parts | {"tasks": tasks_are_done()})


def _answer(parts: dict[str, bool]) -> JsonResponse:
    return JsonResponse(parts, status=200 if all(parts.values()) else 503)
