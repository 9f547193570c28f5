"""Celery's side: the queue may lose, repeat or refuse, and the files are sent all the same."""

import json
import socket
import threading
import time
from collections import Counter, defaultdict
from datetime import timedelta

import pytest
import redis
from celery.signals import worker_process_shutdown
from django.utils import timezone

from accounts.models import Connection, User
from portal.celery import app
from tests import nursery
from tests.trading.cast import listed, posts, sign_in
from trading import tasks
from trading.files import execute, preview
from trading.models import KillSwitch, OrderFile
from trading.orders import clearing, gateway, reconcile, warm
from trading.orders.reconcile import SETTLE
from trading.simulator import RunningSimulator
from trading.sync import stream
from trading.sync.stream import channel
from trading.tradovate import Environment, Hosts
from trading.tradovate.transport import Transport


@pytest.fixture
def queued(transactional_db: None, simulator: RunningSimulator) -> OrderFile:
    connection = sign_in(simulator)
    text = f"{listed(connection, 'ES')} 1\n{listed(connection, 'CL')} -1\n"
    file = preview.upload(connection.accounts.get(), "orders.txt", text.encode())
    execute.confirm(file.pk, connection.user)
    return file


def waiting(redis_url: str) -> int:
    return int(redis.Redis.from_url(redis_url).llen("files"))


def test_the_schedule_names_tasks_that_exist(settings) -> None:
    app.loader.import_default_modules()
    app.autodiscover_tasks(force=True)
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert entry["task"] in app.tasks


def test_an_unknown_order_is_looked_up_within_ten_seconds(settings) -> None:
    entries = [one for one in settings.CELERY_BEAT_SCHEDULE.values() if one["task"] == "trading.tasks.reconcile_orders"]
    assert len(entries) == 1
    assert entries[0]["schedule"] + SETTLE.total_seconds() < 10


@pytest.mark.parametrize("cut", [{}, nursery.CUT], ids=["portal", "chaos"])
def test_no_sender_can_be_at_an_order_that_is_taken_for_abandoned(
    cut: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be looked for while its request is on the way, be called missing and be sent again."""
    for path, value in cut.items():
        monkeypatch.setattr(path, value)
    transport = Transport(Hosts.default(Environment.SIM, "http://127.0.0.1:9"), None, timeout=warm.TIMEOUT)
    and_a_redirect = 2 * timedelta(seconds=transport._exchange_timeout)
    assert gateway.LATEST + and_a_redirect < execute.ABANDONED_AFTER
    assert and_a_redirect < timedelta(seconds=warm.PATIENCE)
    assert gateway.LATEST < tasks.UNSENT_AFTER


def test_a_ring_is_a_message_for_a_worker(redis_url: str, queued: OrderFile) -> None:
    tasks.ring(queued.pk)
    assert waiting(redis_url) == 1


def test_the_pages_are_told_of_each_line(redis_url: str, queued: OrderFile) -> None:
    listener = redis.Redis.from_url(redis_url).pubsub()
    listener.subscribe(channel(Connection.objects.get().pk))
    tasks.execute_order_file(str(queued.pk))

    frames = []
    while (message := listener.get_message(timeout=1)) is not None:
        if message["type"] == "message":
            frames.append(json.loads(message["data"].partition(b"\n")[2]))
    told = [frame["row"]["state"] for frame in frames if frame["t"] == "intent"]
    assert told == ["submitting", "accepted", "submitting", "accepted", "accepted"]
    frames = [frame for frame in frames if frame["t"] == "line"]
    assert [(frame["line"]["number"], frame["line"]["state"]) for frame in frames] == [
        *((1, "submitting"), (1, "accepted"), (2, "submitting"), (2, "accepted"), (2, "accepted")),
    ]
    assert [frame["state"] for frame in frames] == ["executing"] * 4 + ["finished"]


def test_without_redis_the_orders_are_sent_all_the_same(
    queued: OrderFile, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(line_id: int) -> None:
        raise redis.ConnectionError

    monkeypatch.setattr("trading.sync.stream.publish_line", away)
    tasks.execute_order_file(str(queued.pk))
    assert len(posts(simulator)) == 2


def test_a_redis_that_hangs_holds_no_order_up_for_long(
    queued: OrderFile, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(stream, "client", stream.client.__wrapped__)
        started = time.monotonic()
        tasks.tell_pages(queued.lines.first().pk)
    assert time.monotonic() - started < gateway.LATEST.total_seconds() / 2


def test_a_lost_message_is_found_by_the_sweep(redis_url: str, queued: OrderFile) -> None:
    tasks.sweep_order_files()
    assert waiting(redis_url) == 0
    OrderFile.objects.update(progressed_at=timezone.now() - timedelta(minutes=1))
    tasks.sweep_order_files()
    assert waiting(redis_url) == 1


def test_an_environment_that_cannot_be_reached_keeps_nobody_elses_orders_waiting(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packets vanish there: each look, and each round of a kill switch, takes as long as anybody waits."""
    many = range(2, 2 + 2 * tasks.CONNECTIONS_AT_A_TIME)
    traders = [User.objects.create_user(f"demo:{number}") for number in many]
    away = [Connection.objects.create(user=one, environment="demo", tradovate_user_id=one.pk) for one in traders]
    switch = KillSwitch.objects.create(scope="global", by_staff=True, thrown_by=connection.user)
    stopped = [switch.actions.create(connection=one, flatten=False) for one in (*away, connection)]
    answered, asked, gave_up = threading.Event(), Counter[str](), list[int]()

    def ask(what: str, pk: int, mine: int) -> None:
        asked[f"{what} {pk}"] += 1
        if pk != mine and not answered.wait(30):
            gave_up.append(pk)

    def look(pk: int) -> list[int]:
        return ask("look", pk, connection.pk) or []

    monkeypatch.setattr(tasks, "PATIENCE", 0.2)
    monkeypatch.setattr(reconcile, "due", lambda *_: [one.pk for one in (*away, connection)])
    monkeypatch.setattr(reconcile, "look", look)
    monkeypatch.setattr(clearing, "due", lambda: [one.pk for one in stopped])
    monkeypatch.setattr(clearing, "carry_out", lambda pk: ask("kill", pk, stopped[-1].pk))
    for _ in range(3):
        tasks.reconcile_orders()
        tasks.carry_out_kill_switches()
    answered.set()
    while tasks._at_work:
        time.sleep(0.01)
    assert not gave_up
    assert asked[f"look {connection.pk}"] == asked[f"kill {stopped[-1].pk}"] == 3
    assert {asked[f"look {one.pk}"] for one in away} == {1}, "nobody is asked again while the first question waits"


def test_a_worker_that_is_told_to_end_finishes_what_it_has_begun(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "PATIENCE", 0.0)
    monkeypatch.setattr(tasks, "_crews", defaultdict(tasks._crews.default_factory))
    monkeypatch.setattr(reconcile, "due", lambda *_: [connection.pk])
    ended: list[int] = []

    def look(pk: int) -> list[int]:
        time.sleep(0.3)
        ended.append(pk)
        return []

    monkeypatch.setattr(reconcile, "look", look)
    tasks.reconcile_orders()
    assert not ended
    worker_process_shutdown.send(None)
    assert ended == [connection.pk]


def test_a_repeated_message_sends_nothing_again(redis_url: str, queued: OrderFile, simulator: RunningSimulator) -> None:
    for _ in range(3):
        tasks.execute_order_file(str(queued.pk))
    assert len(posts(simulator)) == 2
