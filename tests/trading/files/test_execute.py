"""Files carried out against the real simulator: each order once, in order, and the truth about what went wrong."""

import threading
from datetime import timedelta

import pytest
from django.db import connection as database
from django.utils import timezone

from accounts.models import User
from tests.trading.cast import order_of, posts
from tests.trading.files.conftest import Run, in_threads, nobody, now, sent, states
from trading.files import execute, stock
from trading.models import OrderFile, OrderIntent, OrderLine
from trading.orders import gateway, intents, reconcile
from trading.orders.states import State
from trading.simulator import RunningSimulator


def test_a_confirmed_file_is_sent_line_by_line_and_finished(
    simulator: RunningSimulator, queued: OrderFile, run: Run
) -> None:
    told = run(queued.pk)
    assert now(queued).state == OrderFile.State.FINISHED
    assert queued.finished_at is not None
    assert states(queued) == [State.ACCEPTED] * 3
    assert sent(simulator) == [("Buy", 2), ("Sell", 3), ("Buy", 1)]
    lines = list(queued.lines.values_list("pk", flat=True))
    assert [lines.index(line) for line in told] == [0, 0, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("state", [State.CREATED, State.ABSENT], ids=["from a backup", "arrived late"])
def test_what_tradovate_has_is_not_sent_again_when_a_file_begins_or_goes_on(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run, state: State
) -> None:
    first = queued.lines.get(number=1).intent
    gateway.submit(first.pk)
    tried = state == State.ABSENT
    OrderIntent.objects.filter(pk=first.pk).update(state=state, version=3 * tried, order_id_at_broker=None)
    if tried:
        OrderFile.objects.update(state=OrderFile.State.STOPPED, stop_reason="It is unknown.")
        stock.resolved([first.pk], nobody)
        assert execute.resume(queued.pk, user)
    else:
        OrderFile.objects.update(uploaded_at=timezone.now() - timedelta(hours=1))
    run(queued.pk)
    assert sent(simulator) == [("Buy", 2), ("Sell", 3), ("Buy", 1)]
    assert OrderIntent.objects.get(pk=first.pk).order_id_at_broker == order_of(simulator, first.cl_ord_id)


@pytest.mark.parametrize(("before", "words"), [(0, "Nothing was sent: "), (1, "Nothing more was sent: ")])
def test_a_file_does_not_go_on_while_tradovates_records_cannot_be_read(
    simulator: RunningSimulator, queued: OrderFile, run: Run, before: int, words: str
) -> None:
    for line in queued.lines.all()[:before]:
        gateway.submit(line.intent_id)
    OrderFile.objects.update(uploaded_at=timezone.now() - timedelta(hours=1))
    simulator.control.fault("error_500", "command/list")
    run(queued.pk)
    assert now(queued).state == OrderFile.State.STOPPED
    assert queued.stop_reason.startswith(f"{words}what Tradovate has of this file could not be looked up.")
    assert len(posts(simulator)) == before


def test_a_run_that_cannot_look_does_not_stop_what_another_one_is_sending(
    simulator: RunningSimulator, queued: OrderFile, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    OrderFile.objects.update(uploaded_at=timezone.now() - timedelta(hours=1))
    find = reconcile.find

    def cannot(*_: object) -> list[int]:
        monkeypatch.setattr(reconcile, "find", find)
        assert execute.run(queued.pk, nobody, seconds=-1), "another one has begun meanwhile"
        raise reconcile.CannotLook("Tradovate did not answer.")

    monkeypatch.setattr(reconcile, "find", cannot)
    run(queued.pk)
    assert now(queued).state == OrderFile.State.EXECUTING
    assert queued.stop_reason == ""


def test_a_rejected_line_does_not_stop_the_file(simulator: RunningSimulator, queued: OrderFile, run: Run) -> None:
    intent = OrderIntent.objects.get(line__number=2)
    intent.spec["symbol"] = "NOSUCH"
    intent.save()
    run(queued.pk)
    assert states(queued) == [State.ACCEPTED, State.REJECTED, State.ACCEPTED]
    assert now(queued).state == OrderFile.State.FINISHED
    assert sent(simulator) == [("Buy", 2), ("Buy", 1)]


def test_two_workers_send_each_order_once_and_in_order(simulator: RunningSimulator, queued: OrderFile) -> None:
    start = threading.Barrier(3)

    def work() -> None:
        start.wait()
        try:
            execute.run(queued.pk, nobody)
        finally:
            database.close()

    in_threads(work, 3)
    for _ in range(3):  # whoever lost a race left; what is left over is the next run's
        execute.run(queued.pk, nobody)
    assert sent(simulator) == [("Buy", 2), ("Sell", 3), ("Buy", 1)]
    assert len(posts(simulator)) == 3
    assert now(queued).state == OrderFile.State.FINISHED


def test_a_run_out_of_time_leaves_the_rest_to_the_next(
    simulator: RunningSimulator, queued: OrderFile, run: Run
) -> None:
    assert execute.run(queued.pk, nobody, seconds=-1) is True
    assert posts(simulator) == []
    run(queued.pk)
    assert len(posts(simulator)) == 3


def test_a_line_that_a_worker_is_sending_is_not_overtaken(queued: OrderFile, run: Run) -> None:
    assert gateway.submit(OrderLine.objects.get(file=queued, number=1).intent_id) == State.ACCEPTED
    intents.claim(OrderLine.objects.get(file=queued, number=2).intent_id)
    run(queued.pk)
    assert states(queued) == [State.ACCEPTED, State.SUBMITTING, State.CREATED]
    assert now(queued).state == OrderFile.State.EXECUTING
