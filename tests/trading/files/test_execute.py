"""Files carried out against the real simulator: each order once, in order, and the truth about what went wrong."""

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import connection as database
from django.utils import timezone

from accounts.models import Connection, User
from tests.trading.cast import order_of, orders_at_broker, posts, sign_in
from trading.files import execute, preview
from trading.models import Account, OrderFile, OrderIntent, OrderLine
from trading.orders import gateway, intents, reconcile
from trading.orders.states import State
from trading.simulator import RunningSimulator

Run = Callable[[uuid.UUID], list[int]]
ROUTE = "order/placeorder"


def states(file: OrderFile) -> list[str]:
    return [line.intent.state for line in file.lines.select_related("intent")]


def now(file: OrderFile) -> OrderFile:
    file.refresh_from_db()
    return file


def sent(simulator: RunningSimulator) -> list[tuple[str, int]]:
    return [(action, quantity) for _, action, quantity in orders_at_broker(simulator)]


def nobody(line_id: int) -> None:
    """The pages are not told."""


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


def test_nothing_is_sent_before_it_is_confirmed(simulator: RunningSimulator, ready: OrderFile, run: Run) -> None:
    run(ready.pk)
    assert now(ready).state == OrderFile.State.READY
    assert posts(simulator) == []


@pytest.mark.parametrize("state", [State.CREATED, State.ABSENT], ids=["from a backup", "arrived late"])
def test_what_tradovate_has_is_not_sent_again_when_a_file_begins_or_goes_on(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run, state: State
) -> None:
    first = queued.lines.get(number=1).intent
    gateway.submit(first.pk)
    tried = state == State.ABSENT
    OrderIntent.objects.filter(pk=first.pk).update(state=state, version=3 * tried, order_id_at_broker=None)
    if tried:
        OrderFile.objects.update(state=OrderFile.State.STOPPED)
        execute.resume(queued.pk, user)
    else:
        OrderFile.objects.update(uploaded_at=timezone.now() - timedelta(hours=1))
    run(queued.pk)
    assert sent(simulator) == [("Buy", 2), ("Sell", 3), ("Buy", 1)]
    assert OrderIntent.objects.get(pk=first.pk).order_id_at_broker == order_of(simulator, first.cl_ord_id)


def test_a_file_does_not_go_on_while_tradovates_records_cannot_be_read(
    simulator: RunningSimulator, queued: OrderFile, run: Run
) -> None:
    OrderFile.objects.update(uploaded_at=timezone.now() - timedelta(hours=1))
    simulator.control.fault("error_500", "command/list")
    run(queued.pk)
    assert now(queued).state == OrderFile.State.STOPPED
    assert "could not be looked up" in queued.stop_reason
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


def test_a_file_with_errors_cannot_be_confirmed(account: Account, user: User) -> None:
    refused = preview.upload(account, "bad.txt", b"ESZ6 0")
    with pytest.raises(execute.CannotConfirm, match="errors"):
        execute.confirm(refused.pk, user)
    assert not OrderIntent.objects.exists()


def test_anothers_file_does_not_exist(simulator: RunningSimulator, ready: OrderFile) -> None:
    stranger = sign_in(simulator, "pro").user
    for act in (execute.confirm, execute.resume, execute.discard):
        with pytest.raises(OrderFile.DoesNotExist):
            act(ready.pk, stranger)
    with pytest.raises(OrderFile.DoesNotExist):
        execute.stop(ready.pk, stranger, nobody)
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


def test_a_rejected_line_does_not_stop_the_file(simulator: RunningSimulator, queued: OrderFile, run: Run) -> None:
    intent = OrderIntent.objects.get(line__number=2)
    intent.spec["symbol"] = "NOSUCH"
    intent.save()
    run(queued.pk)
    assert states(queued) == [State.ACCEPTED, State.REJECTED, State.ACCEPTED]
    assert now(queued).state == OrderFile.State.FINISHED
    assert sent(simulator) == [("Buy", 2), ("Buy", 1)]


def test_a_lost_answer_stops_the_file_and_is_resolved_by_the_stream(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run
) -> None:
    simulator.control.fault("lose_reply", ROUTE)
    run(queued.pk)
    assert now(queued).state == OrderFile.State.STOPPED
    assert "line 1" in queued.stop_reason
    assert states(queued) == [State.UNKNOWN, State.CREATED, State.CREATED]
    assert sent(simulator) == [("Buy", 2)]

    assert execute.resume(queued.pk, user)
    run(queued.pk)
    assert states(queued) == [State.UNKNOWN, State.ACCEPTED, State.ACCEPTED]
    assert sent(simulator) == [("Buy", 2), ("Sell", 3), ("Buy", 1)]
    assert now(queued).state == OrderFile.State.FINISHED

    intent = queued.lines.get(number=1).intent
    order_id = order_of(simulator, intent.cl_ord_id)
    intents.observe_command(intent.connection_id, intent.cl_ord_id, order_id)
    assert states(queued) == [State.ACCEPTED] * 3


def test_a_doubt_on_the_last_line_that_the_stream_resolves_finishes_the_file(
    simulator: RunningSimulator, account: Account, user: User, symbols: list[str], run: Run
) -> None:
    file = preview.upload(account, "one.txt", f"{symbols[0]} 1".encode())
    execute.confirm(file.pk, user)
    simulator.control.fault("lose_reply", ROUTE)
    run(file.pk)
    assert execute.sweep(nobody) == []
    assert now(file).state == OrderFile.State.STOPPED

    intent = file.lines.get().intent
    intents.observe_command(intent.connection_id, intent.cl_ord_id, order_of(simulator, intent.cl_ord_id))
    execute.sweep(nobody)
    assert now(file).state == OrderFile.State.FINISHED
    assert file.stop_reason == ""


def test_what_tradovate_does_not_have_is_sent_again_when_the_trader_resumes(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "SETTLE", timedelta(0))
    simulator.control.fault("reset_before", ROUTE)
    run(queued.pk)
    told: list[int] = []
    execute.resolved(reconcile.look(queued.account.connection_id), told.append)
    assert told
    assert states(queued) == [State.ABSENT, State.CREATED, State.CREATED]
    assert now(queued).stop_reason == "Tradovate does not have the order of line 1. Resume sends it, and what is left."
    execute.sweep(nobody)
    run(queued.pk)
    assert sent(simulator) == []

    assert execute.resume(queued.pk, user)
    run(queued.pk)
    assert sent(simulator) == [("Buy", 2), ("Sell", 3), ("Buy", 1)]
    assert now(queued).state == OrderFile.State.FINISHED


def test_what_the_trader_passed_over_is_not_sent_when_it_turns_out_to_be_missing(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "SETTLE", timedelta(0))
    simulator.control.fault("reset_before", ROUTE)
    run(queued.pk)
    execute.resume(queued.pk, user)
    execute.resolved(reconcile.look(queued.account.connection_id), nobody)
    run(queued.pk)
    assert states(queued) == [State.ABSENT, State.ACCEPTED, State.ACCEPTED]
    assert sent(simulator) == [("Sell", 3), ("Buy", 1)]
    assert now(queued).state == OrderFile.State.FINISHED


def test_a_worker_that_comes_back_does_not_send_what_turned_out_to_be_missing(
    simulator: RunningSimulator, queued: OrderFile, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "SETTLE", timedelta(0))
    simulator.control.fault("reset_before", ROUTE)
    run(queued.pk)
    OrderFile.objects.update(state=OrderFile.State.EXECUTING)  # as if the worker had died before it could stop it
    execute.resolved(reconcile.look(queued.account.connection_id), nobody)
    run(queued.pk)
    assert sent(simulator) == []
    assert now(queued).state == OrderFile.State.STOPPED
    assert "Resume sends it" in queued.stop_reason


def test_a_lost_answer_that_is_found_leaves_only_the_rest_to_send(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run
) -> None:
    simulator.control.fault("lose_reply", ROUTE)
    run(queued.pk)
    execute.resolved(reconcile.look(queued.account.connection_id), nobody)
    assert states(queued) == [State.FILLED, State.CREATED, State.CREATED]
    assert now(queued).stop_reason == "All that was unknown is clear now. Resume sends what is left."
    execute.resume(queued.pk, user)
    run(queued.pk)
    assert sent(simulator) == [("Buy", 2), ("Sell", 3), ("Buy", 1)]


def test_a_second_press_of_resume_does_not_pass_over_a_doubt_that_came_after_it(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run
) -> None:
    execute.stop(queued.pk, user, nobody)
    read = now(queued).stop_reason
    simulator.control.fault("reset_before", ROUTE)
    assert execute.resume(queued.pk, user, read)
    run(queued.pk)
    assert not execute.resume(queued.pk, user, read)
    assert now(queued).state == OrderFile.State.STOPPED
    assert not queued.lines.filter(passed_over=True).exists()
    assert execute.resume(queued.pk, user, queued.stop_reason)


def test_giving_up_leaves_what_tradovate_does_not_have_unsent(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "SETTLE", timedelta(0))
    simulator.control.fault("reset_before", ROUTE)
    run(queued.pk)
    execute.resolved(reconcile.look(queued.account.connection_id), nobody)
    assert execute.discard(queued.pk, user)
    assert states(queued) == [State.CANCELLED] * 3
    assert now(queued).state == OrderFile.State.FINISHED


def test_a_lost_sign_in_stops_and_signing_in_again_resumes(
    simulator: RunningSimulator, queued: OrderFile, user: User
) -> None:
    told = 0

    def sign_out_after_the_first(line_id: int) -> None:
        nonlocal told
        told += 1
        if told == 2:
            simulator.control.fault("expire_tokens", user="trader")

    execute.run(queued.pk, sign_out_after_the_first)
    assert now(queued).state == OrderFile.State.STOPPED
    assert "Line 2 was not sent" in queued.stop_reason
    assert "Sign in again" in queued.stop_reason
    assert states(queued) == [State.ACCEPTED, State.CREATED, State.CREATED]

    sign_in(simulator)
    assert execute.resume(queued.pk, user)
    execute.run(queued.pk, nobody)
    assert states(queued) == [State.ACCEPTED] * 3
    assert sent(simulator) == [("Buy", 2), ("Sell", 3), ("Buy", 1)]


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


def test_killed_between_claim_and_post_is_unknown_and_never_sent_again(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run
) -> None:
    first = queued.lines.get(number=1).intent
    intents.claim(first.pk)  # and here the worker dies

    run(queued.pk)  # its redelivered task leaves the line alone
    assert states(queued) == [State.SUBMITTING, State.CREATED, State.CREATED]
    execute.sweep(nobody)
    assert states(queued)[0] == State.SUBMITTING

    OrderIntent.objects.filter(pk=first.pk).update(changed_at=timezone.now() - timedelta(seconds=76))
    told: list[int] = []
    execute.sweep(told.append)
    assert told
    assert states(queued) == [State.UNKNOWN, State.CREATED, State.CREATED]
    assert now(queued).state == OrderFile.State.STOPPED

    execute.resume(queued.pk, user)
    run(queued.pk)
    assert sent(simulator) == [("Sell", 3), ("Buy", 1)]


def test_a_fault_of_ours_after_the_claim_is_unknown_and_stops_the_file(
    simulator: RunningSimulator, queued: OrderFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def time_limit(*_: object) -> None:
        raise TimeLimitError

    monkeypatch.setattr("trading.tradovate.operations.Orders.place", time_limit)
    with pytest.raises(TimeLimitError):
        execute.run(queued.pk, nobody)
    assert states(queued) == [State.UNKNOWN, State.CREATED, State.CREATED]
    assert now(queued).state == OrderFile.State.STOPPED


class TimeLimitError(Exception):
    """As Celery raises it into a task, anywhere."""


def test_stopped_by_the_trader_sends_nothing_more(simulator: RunningSimulator, queued: OrderFile, user: User) -> None:
    def stop_at_once(line_id: int) -> None:
        execute.stop(queued.pk, user, nobody)

    execute.run(queued.pk, stop_at_once)
    assert now(queued).state == OrderFile.State.STOPPED
    assert sent(simulator) == [("Buy", 2)]
    assert states(queued) == [State.ACCEPTED, State.CREATED, State.CREATED]


def test_giving_up_cancels_what_was_not_sent(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run
) -> None:
    simulator.control.fault("lose_reply", ROUTE)
    run(queued.pk)
    assert execute.discard(queued.pk, user)
    assert states(queued) == [State.UNKNOWN, State.CANCELLED, State.CANCELLED]
    assert now(queued).state == OrderFile.State.FINISHED
    assert not execute.resume(queued.pk, user)
    run(queued.pk)
    assert sent(simulator) == [("Buy", 2)]


def test_closing_a_file_that_left_nothing_unsent_gives_nothing_up(
    simulator: RunningSimulator, account: Account, user: User, symbols: list[str], run: Run
) -> None:
    file = preview.upload(account, "one.txt", f"{symbols[0]} 1".encode())
    execute.confirm(file.pk, user)
    simulator.control.fault("lose_reply", ROUTE)
    run(file.pk)
    assert execute.discard(file.pk, user)
    assert (now(file).state, file.stop_reason) == (OrderFile.State.FINISHED, "")
    assert states(file) == [State.UNKNOWN]


def test_a_discarded_file_cannot_be_confirmed(ready: OrderFile, user: User) -> None:
    assert execute.discard(ready.pk, user)
    assert not execute.confirm(ready.pk, user)
    assert now(ready).state == OrderFile.State.DISCARDED
    assert not OrderIntent.objects.exists()


def test_a_confirmed_file_cannot_be_discarded(queued: OrderFile, user: User) -> None:
    assert not execute.discard(queued.pk, user)
    assert now(queued).state == OrderFile.State.QUEUED


def test_a_file_without_progress_is_rung_for_again_once(queued: OrderFile) -> None:
    assert execute.sweep(nobody) == []
    OrderFile.objects.update(progressed_at=timezone.now() - timedelta(seconds=31))
    assert execute.sweep(nobody) == [queued.pk]
    assert execute.sweep(nobody) == []


def test_a_file_that_waits_behind_others_is_rung_for_and_grows_late_all_the_same(
    simulator: RunningSimulator, queued: OrderFile
) -> None:
    rung = []
    with time_machine.travel(timezone.now()) as clock:
        for _ in range(5 * 60 // 15 + 1):
            clock.shift(15)
            rung += execute.sweep(nobody)
    assert 8 <= len(rung) <= 10
    assert now(queued).state == OrderFile.State.STOPPED
    assert "Look at the market" in queued.stop_reason
    assert posts(simulator) == []


@pytest.mark.parametrize("who", ["worker", "sweep"])
def test_a_file_that_waited_for_long_is_not_sent_before_the_trader_has_looked_again(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run, who: str
) -> None:
    gateway.submit(queued.lines.get(number=1).intent_id)
    OrderFile.objects.update(progressed_at=timezone.now() - timedelta(minutes=6))  # no worker meanwhile
    if who == "sweep":
        assert execute.sweep(nobody) == []
    else:
        run(queued.pk)
    assert now(queued).state == OrderFile.State.STOPPED
    assert "Look at the market" in queued.stop_reason
    assert states(queued) == [State.ACCEPTED, State.CREATED, State.CREATED]
    assert sent(simulator) == [("Buy", 2)]

    assert execute.resume(queued.pk, user)
    run(queued.pk)
    assert sent(simulator) == [("Buy", 2), ("Sell", 3), ("Buy", 1)]


def test_a_machine_that_slept_between_two_lines_sends_nothing_when_it_wakes(
    simulator: RunningSimulator, queued: OrderFile
) -> None:
    told = 0

    def sleep_after_the_first(line_id: int) -> None:
        nonlocal told
        told += 1
        if told == 2:
            OrderFile.objects.update(progressed_at=timezone.now() - timedelta(hours=8))

    execute.run(queued.pk, sleep_after_the_first)
    assert now(queued).state == OrderFile.State.STOPPED
    assert sent(simulator) == [("Buy", 2)]


def test_a_file_that_only_waits_to_be_called_finished_is_not_late(queued: OrderFile, run: Run) -> None:
    for line in queued.lines.all():
        gateway.submit(line.intent_id)
    OrderFile.objects.update(progressed_at=timezone.now() - timedelta(hours=8))
    run(queued.pk)
    assert now(queued).state == OrderFile.State.FINISHED


def test_a_run_out_of_time_leaves_the_rest_to_the_next(
    simulator: RunningSimulator, queued: OrderFile, run: Run
) -> None:
    assert execute.run(queued.pk, nobody, seconds=-1) is True
    assert posts(simulator) == []
    run(queued.pk)
    assert len(posts(simulator)) == 3


def test_an_unreachable_broker_stops_with_nothing_in_doubt(
    queued: OrderFile, user: User, run: Run, settings, simulator: RunningSimulator
) -> None:
    settings.SIMULATOR_URL = "http://127.0.0.1:9"
    Connection.objects.update(api_hosts={})
    run(queued.pk)
    assert now(queued).state == OrderFile.State.STOPPED
    assert "nothing was sent" in queued.stop_reason
    assert states(queued) == [State.CREATED] * 3

    settings.SIMULATOR_URL = simulator.url
    execute.resume(queued.pk, user)
    run(queued.pk)
    assert sent(simulator) == [("Buy", 2), ("Sell", 3), ("Buy", 1)]


def test_a_line_that_a_worker_is_sending_is_not_overtaken(queued: OrderFile, run: Run) -> None:
    assert gateway.submit(OrderLine.objects.get(file=queued, number=1).intent_id) == State.ACCEPTED
    intents.claim(OrderLine.objects.get(file=queued, number=2).intent_id)
    run(queued.pk)
    assert states(queued) == [State.ACCEPTED, State.SUBMITTING, State.CREATED]
    assert now(queued).state == OrderFile.State.EXECUTING


def in_threads(work: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
