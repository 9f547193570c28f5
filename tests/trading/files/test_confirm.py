"""What may be confirmed, by whom, and once."""

import threading

import pytest
from django.db import connection as database
from django.utils import timezone

from accounts.models import Connection, User
from tests.trading.cast import posts, sign_in
from tests.trading.files.conftest import Run, in_threads, nobody, now
from trading.files import execute, preview
from trading.models import Account, OrderFile, OrderIntent
from trading.orders import facts
from trading.orders.facts import Facts
from trading.simulator import RunningSimulator


def test_nothing_is_sent_before_it_is_confirmed(simulator: RunningSimulator, ready: OrderFile, run: Run) -> None:
    run(ready.pk)
    assert now(ready).state == OrderFile.State.READY
    assert posts(simulator) == []


def test_a_double_click_confirms_once(ready: OrderFile, user: User) -> None:
    start = threading.Barrier(4)
    answers: list[bool] = []

    def click() -> None:
        start.wait()
        try:
            answers.append(execute.confirm(ready.pk, user))
        finally:
            database.close()

    in_threads(click, 4)
    assert sorted(answers) == [False, False, False, True]
    assert OrderIntent.objects.count() == 3
    assert now(ready).state == OrderFile.State.QUEUED


def test_redis_is_not_waited_for_while_the_account_is_locked(
    ready: OrderFile, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, asked = facts.read, []

    def asking(connection_id: int) -> Facts | None:
        asked.append(database.in_atomic_block)
        return read(connection_id)

    monkeypatch.setattr(facts, "read", asking)
    assert execute.confirm(ready.pk, user)
    assert execute.stop(ready.pk, user, nobody)
    assert execute.resume(ready.pk, user)
    assert asked == [False, False]


def test_a_file_with_errors_cannot_be_confirmed(account: Account, user: User) -> None:
    refused = preview.upload(account, "bad.txt", b"ESZ6 0")
    with pytest.raises(execute.CannotConfirm, match="errors"):
        execute.confirm(refused.pk, user)
    assert not OrderIntent.objects.exists()


def test_anothers_file_does_not_exist(simulator: RunningSimulator, ready: OrderFile) -> None:
    stranger = sign_in(simulator, "pro").user
    for act in (execute.confirm, execute.resume):
        with pytest.raises(OrderFile.DoesNotExist):
            act(ready.pk, stranger)
    for act in (execute.stop, execute.discard):
        with pytest.raises(OrderFile.DoesNotExist):
            act(ready.pk, stranger, nobody)
    assert now(ready).state == OrderFile.State.READY


def test_what_changed_since_the_preview_forbids_to_confirm(
    connection: Connection, ready: OrderFile, user: User
) -> None:
    line = ready.lines.select_related("contract").get(number=2)
    line.contract.expiration_date = timezone.now()
    line.contract.save()
    with pytest.raises(execute.CannotConfirm, match=r"Line 2: .* has expired"):
        execute.confirm(ready.pk, user)
    connection.forget_tokens()
    with pytest.raises(execute.CannotConfirm, match="cannot trade now"):
        execute.confirm(ready.pk, user)


def test_a_discarded_file_cannot_be_confirmed(ready: OrderFile, user: User) -> None:
    assert execute.discard(ready.pk, user, nobody)
    assert not execute.confirm(ready.pk, user)
    assert now(ready).state == OrderFile.State.DISCARDED
    assert not OrderIntent.objects.exists()


def test_a_confirmed_file_cannot_be_discarded(queued: OrderFile, user: User) -> None:
    assert not execute.discard(queued.pk, user, nobody)
    assert now(queued).state == OrderFile.State.QUEUED
