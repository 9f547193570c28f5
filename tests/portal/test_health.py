"""The health page names what does not answer."""

import time
import uuid

import pytest
import redis
from celery.app.control import Inspect
from django.conf import settings
from django.db import connection as database
from django.test import Client

from accounts import renewal
from accounts.tasks import clear_sessions, renew_due_tokens
from portal import health, tasks
from tests.trading.signed_in import person
from trading.orders import reconcile
from trading.sync import crew
from trading.tasks import execute_order_file, reconcile_orders


@pytest.mark.django_db
def test_it_says_which_part_is_missing(client: Client, redis_url: str) -> None:
    reply = client.get("/health/")
    assert reply.status_code == 503
    assert reply.json() == {"database": True, "redis": True, "sync": False}


@pytest.mark.django_db
def test_all_well(client: Client, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as server:
        server.zadd(crew.KEY, {"test": time.time()})
    reply = client.get("/health/")
    assert (reply.status_code, reply.json()["sync"]) == (200, True)


@pytest.mark.django_db
@pytest.mark.skipif(database.vendor != "postgresql", reason="a SQLite file has no standby")
def test_a_database_that_takes_no_writes_wakes_somebody_but_pages_are_shown(client: Client, redis_url: str) -> None:
    with database.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
    assert client.get("/health/").json()["database"] is True
    assert client.get("/health/all/").json()["database"] is False


@pytest.mark.django_db
def test_what_beat_rings_for_and_nobody_does_is_told_to_whoever_watches(client: Client, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as server:
        server.zadd(crew.KEY, {"test": time.time()})

    def told() -> tuple[int, bool]:
        reply = client.get("/health/all/")
        return reply.status_code, reply.json()["tasks"]

    assert told() == (503, False)
    execute_order_file.apply([str(uuid.uuid4())])
    assert told() == (503, False), "that was the other workers' task"
    clear_sessions.apply()
    assert told() == (200, True)
    with redis.Redis.from_url(redis_url) as server:
        assert 0 < server.ttl(tasks.DONE) <= tasks.LASTS


@pytest.mark.django_db
def test_tasks_that_fail_are_not_done(client: Client, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> bool:
        return client.get("/health/all/").json()["tasks"]

    def fail() -> int:
        raise ValueError("as a worker does that cannot open the keys")

    monkeypatch.setattr(renewal, "renew_due", fail)
    assert renew_due_tokens.apply().state == "FAILURE"
    assert told() is False, "nothing else was done"
    clear_sessions.apply()
    assert told() is False, "one that fails all the time is not hidden by the others"

    monkeypatch.setattr(renewal, "renew_due", lambda: 0)
    renew_due_tokens.apply()
    assert told() is False
    two_minutes_pass(redis_url)
    assert told() is True


def two_minutes_pass(redis_url: str) -> None:
    """Without a failure: with tasks that are done all the while."""
    with redis.Redis.from_url(redis_url) as server:
        assert 0 < server.ttl(tasks.FAILED) <= 120
        server.delete(tasks.FAILED)


def test_rounds_that_leave_out_what_failed_do_not_hide_it_and_it_is_told_no_longer_than_it_lasts(
    client: Client, redis_url: str, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> bool:
        return client.get("/health/all/").json()["tasks"]

    good, bad = person("sim:1", 1), person("sim:2", 2)

    def look(connection_id: int) -> list[int]:
        if connection_id == bad.pk:
            raise ValueError("as with an error of ours")
        return []

    def round_with(*due: int) -> str:
        monkeypatch.setattr(reconcile, "due", lambda *_: list(due))
        return reconcile_orders.apply().state

    monkeypatch.setattr(reconcile, "look", look)
    assert round_with(good.pk) == "SUCCESS"
    assert told() is True
    assert round_with(bad.pk) == "FAILURE"
    assert told() is False, "at once"
    assert round_with() == round_with(good.pk) == "SUCCESS"
    assert told() is False, "others' orders say nothing of those"
    two_minutes_pass(redis_url)
    round_with()
    assert told() is True, "though nothing was to do since"


@pytest.mark.django_db
def test_a_redis_that_is_down_is_an_answer_not_an_error(client: Client, settings) -> None:
    settings.REDIS_URL = "unix:///nonexistent/redis.sock"
    for address in ("/health/", "/health/all/"):
        reply = client.get(address)
        assert (reply.status_code, reply.json()["redis"]) == (503, False)


@pytest.mark.parametrize(("served", "answers"), [(["celery"], False), (["files"], False), (["celery", "files"], True)])
def test_workers_answer_when_every_queue_is_served(
    redis_url: str, served: list[str], answers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    queues = {f"{queue}@here": [{"name": queue}] for queue in served}
    monkeypatch.setattr(Inspect, "active_queues", lambda _: queues)
    assert health.workers_answer() is answers


def test_every_queue_has_a_process() -> None:
    commands = (settings.BASE_DIR / "Procfile").read_text()
    for route in settings.CELERY_TASK_ROUTES.values():
        assert f"--queues {route['queue']} " in commands
