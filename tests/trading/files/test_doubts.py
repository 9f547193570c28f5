"""Lines of which nobody knows whether Tradovate has them: what is found, what is sent again, what is given up."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from tests.trading.cast import order_of
from tests.trading.files.conftest import ROUTE, Run, has_stopped, nobody, now, sent, states
from trading.files import execute, preview, stock
from trading.models import Account, OrderFile, OrderIntent
from trading.orders import intents, reconcile, reports, resend
from trading.orders.states import State
from trading.simulator import RunningSimulator


def test_a_lost_answer_stops_the_file_and_is_resolved_by_the_stream(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run
) -> None:
    simulator.control.fault("lose_reply", ROUTE)
    run(queued.pk)
    has_stopped(queued, "line 1", State.UNKNOWN)
    assert sent(simulator) == [("Buy", 2)]

    assert execute.resume(queued.pk, user)
    run(queued.pk)
    assert states(queued) == [State.UNKNOWN, State.ACCEPTED, State.ACCEPTED]
    assert sent(simulator) == [("Buy", 2), ("Sell", 3), ("Buy", 1)]
    assert now(queued).state == OrderFile.State.FINISHED

    by_the_stream(simulator, queued.lines.get(number=1).intent)
    assert states(queued) == [State.ACCEPTED] * 3


def by_the_stream(simulator: RunningSimulator, intent: OrderIntent) -> None:
    """It tells that Tradovate has taken the order of this intent."""
    reports.observe_command(intent.connection_id, intent.cl_ord_id, order_of(simulator, intent.cl_ord_id))


def test_what_the_stream_resolved_is_told_as_clear(simulator: RunningSimulator, queued: OrderFile, run: Run) -> None:
    simulator.control.fault("lose_reply", ROUTE)
    run(queued.pk)
    by_the_stream(simulator, queued.lines.get(number=1).intent)
    told: list[int] = []
    execute.sweep(told.append)
    assert now(queued).state == OrderFile.State.STOPPED
    assert queued.stop_reason == "All that was unknown is clear now. Resume sends what is left."
    assert told == [queued.lines.get(number=3).pk]
    execute.sweep(told.append)
    assert len(told) == 1


def test_a_doubt_that_the_stream_resolves_before_it_is_told_is_clear(
    simulator: RunningSimulator, queued: OrderFile, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_on = execute._next

    def resolved_after(file_id: uuid.UUID) -> object:
        found = look_on(file_id)
        if found is execute._Next.IN_DOUBT:
            by_the_stream(simulator, queued.lines.get(number=1).intent)
        return found

    monkeypatch.setattr(execute, "_next", resolved_after)
    simulator.control.fault("lose_reply", ROUTE)
    run(queued.pk)
    has_stopped(queued, "All that was unknown is clear now.", State.ACCEPTED)


def test_another_reason_is_not_written_over(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run
) -> None:
    execute.stop(queued.pk, user, nobody)
    execute.sweep(nobody)
    assert now(queued).stop_reason == "Stopped by the trader."


@pytest.fixture
def doubted(simulator: RunningSimulator, account: Account, user: User, symbols: list[str], run: Run) -> OrderFile:
    """A file of one line, of which the answer was lost."""
    file = preview.upload(account, "one.txt", f"{symbols[0]} 1".encode())
    execute.confirm(file.pk, user)
    simulator.control.fault("lose_reply", ROUTE)
    run(file.pk)
    return file


def test_a_doubt_on_the_last_line_that_the_stream_resolves_finishes_the_file(
    simulator: RunningSimulator, doubted: OrderFile
) -> None:
    assert execute.sweep(nobody) == []
    assert now(doubted).state == OrderFile.State.STOPPED

    by_the_stream(simulator, doubted.lines.get().intent)
    execute.sweep(nobody)
    assert now(doubted).state == OrderFile.State.FINISHED
    assert doubted.stop_reason == ""


def test_what_tradovate_does_not_have_is_sent_again_when_the_trader_resumes(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "SETTLE", timedelta(0))
    simulator.control.fault("reset_before", ROUTE)
    run(queued.pk)
    told: list[int] = []
    stock.resolved(reconcile.look(queued.account.connection_id), told.append)
    assert told
    assert states(queued) == [State.ABSENT, State.CREATED, State.CREATED]
    assert now(queued).stop_reason == "Tradovate does not have the order of line 1. Resume sends it, and what is left."
    for decide in (resend.again, resend.give_up):
        with pytest.raises(resend.CannotDecide, match="resume the file"):
            decide(user, queued.lines.get(number=1).intent.pk)
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
    stock.resolved(reconcile.look(queued.account.connection_id), nobody)
    run(queued.pk)
    assert states(queued) == [State.ABSENT, State.ACCEPTED, State.ACCEPTED]
    assert sent(simulator) == [("Sell", 3), ("Buy", 1)]
    assert now(queued).state == OrderFile.State.FINISHED
    left = queued.lines.get(number=1).intent
    assert left.reason == "Tradovate has no such order."
    with pytest.raises(resend.CannotDecide, match="went on without this line"):
        resend.again(user, left.pk)
    assert resend.give_up(user, left.pk).state == State.CANCELLED


def test_a_worker_that_comes_back_does_not_send_what_turned_out_to_be_missing(
    simulator: RunningSimulator, queued: OrderFile, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "SETTLE", timedelta(0))
    simulator.control.fault("reset_before", ROUTE)
    run(queued.pk)
    OrderFile.objects.update(state=OrderFile.State.EXECUTING)  # as if the worker had died before it could stop it
    stock.resolved(reconcile.look(queued.account.connection_id), nobody)
    run(queued.pk)
    assert sent(simulator) == []
    assert now(queued).state == OrderFile.State.STOPPED
    assert "Resume sends it" in queued.stop_reason


def test_a_lost_answer_that_is_found_leaves_only_the_rest_to_send(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run
) -> None:
    simulator.control.fault("lose_reply", ROUTE)
    run(queued.pk)
    stock.resolved(reconcile.look(queued.account.connection_id), nobody)
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


@pytest.mark.parametrize("crashes", [False, True])
def test_a_doubt_that_comes_after_the_stop_is_not_passed_over_unread(
    simulator: RunningSimulator,
    queued: OrderFile,
    user: User,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    crashes: bool,
) -> None:
    monkeypatch.setattr(reconcile, "SETTLE", timedelta(0))
    if crashes:
        first = queued.lines.get(number=1).intent
        intents.claim(first.pk)  # and here the worker dies
        execute.stop(queued.pk, user, nobody)
        OrderIntent.objects.filter(pk=first.pk).update(changed_at=timezone.now() - timedelta(seconds=76))
    else:
        simulator.control.fault("reset_before", ROUTE)
        execute.run(queued.pk, lambda _: execute.stop(queued.pk, user, nobody))
    told: list[int] = []
    execute.sweep(told.append)
    has_stopped(queued, "line 1", State.UNKNOWN)
    assert bool(told) == crashes, "its own run has told it"
    assert not execute.resume(queued.pk, user, "Stopped by the trader.")
    stock.resolved(reconcile.look(queued.account.connection_id), nobody)
    assert execute.resume(queued.pk, user, now(queued).stop_reason)
    run(queued.pk)
    assert sent(simulator) == [("Buy", 2), ("Sell", 3), ("Buy", 1)]


def test_a_doubt_that_the_reason_does_not_tell_yet_is_told_before_anybody_resumes(
    queued: OrderFile, user: User
) -> None:
    first = queued.lines.get(number=1).intent
    intents.claim(first.pk)
    execute.stop(queued.pk, user, nobody)
    intents.transition(first.pk, {State.SUBMITTING}, State.UNKNOWN)
    assert not execute.resume(queued.pk, user, "Stopped by the trader.")
    has_stopped(queued, "line 1", State.UNKNOWN)
    assert execute.resume(queued.pk, user, queued.stop_reason)


def test_what_turns_out_to_be_missing_is_told_before_anybody_resumes(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was told that it will not be sent again has placed it by hand; that it will be now nobody has said yet."""
    monkeypatch.setattr(reconcile, "SETTLE", timedelta(0))
    simulator.control.fault("reset_before", ROUTE)
    run(queued.pk)
    has_stopped(queued, "It will not be sent again", State.UNKNOWN)
    read = queued.stop_reason
    reconcile.look(queued.account.connection_id)
    assert not execute.resume(queued.pk, user, read)
    has_stopped(queued, "Tradovate does not have the order of line 1. Resume sends it", State.ABSENT)
    assert not execute.resume(queued.pk, user, read)
    run(queued.pk)
    assert sent(simulator) == []


@pytest.mark.parametrize(("at_first", "then"), [(State.SUBMITTING, State.UNKNOWN), (State.UNKNOWN, State.ABSENT)])
def test_what_becomes_of_a_line_while_the_trader_resumes_changes_nothing_about_what_was_read(
    simulator: RunningSimulator,
    queued: OrderFile,
    user: User,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    at_first: State,
    then: State,
) -> None:
    first = queued.lines.get(number=1).intent
    intents.claim(first.pk)
    execute.stop(queued.pk, user, nobody)
    if at_first == State.UNKNOWN:
        intents.transition(first.pk, {State.SUBMITTING}, State.UNKNOWN)
        stock.resolved([first.pk], nobody)
    met = execute._meet_checks

    def moved_meanwhile(*about: Any) -> None:
        met(*about)
        intents.transition(first.pk, {at_first}, then)

    monkeypatch.setattr(execute, "_meet_checks", moved_meanwhile)
    assert execute.resume(queued.pk, user, now(queued).stop_reason)
    run(queued.pk)
    told = at_first == State.UNKNOWN
    assert states(queued)[0] == then
    assert queued.lines.get(number=1).passed_over == told
    assert sent(simulator) == ([("Sell", 3), ("Buy", 1)] if told else [])
    assert ("line 1" in now(queued).stop_reason) != told


def test_giving_up_leaves_what_tradovate_does_not_have_unsent(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "SETTLE", timedelta(0))
    simulator.control.fault("reset_before", ROUTE)
    run(queued.pk)
    stock.resolved(reconcile.look(queued.account.connection_id), nobody)
    assert execute.discard(queued.pk, user, nobody)
    assert states(queued) == [State.CANCELLED] * 3
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
    def time_limit(*_: object, **__: object) -> None:
        raise TimeLimitError

    monkeypatch.setattr("trading.tradovate.operations.Orders.place", time_limit)
    with pytest.raises(TimeLimitError):
        execute.run(queued.pk, nobody)
    assert states(queued) == [State.UNKNOWN, State.CREATED, State.CREATED]
    assert now(queued).state == OrderFile.State.STOPPED


class TimeLimitError(Exception):
    """As Celery raises it into a task, anywhere."""


def test_giving_up_cancels_what_was_not_sent(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run
) -> None:
    simulator.control.fault("lose_reply", ROUTE)
    run(queued.pk)
    assert execute.discard(queued.pk, user, nobody)
    assert states(queued) == [State.UNKNOWN, State.CANCELLED, State.CANCELLED]
    assert now(queued).state == OrderFile.State.FINISHED
    assert not execute.resume(queued.pk, user)
    run(queued.pk)
    assert sent(simulator) == [("Buy", 2)]


def test_that_lines_were_given_up_is_told_and_stays_so(
    simulator: RunningSimulator, queued: OrderFile, user: User, run: Run
) -> None:
    first, told = queued.lines.get(number=1).intent, []
    intents.claim(first.pk)
    execute.stop(queued.pk, user, nobody)
    assert execute.discard(queued.pk, user, told.append)
    assert {line.number for line in queued.lines.filter(pk__in=told)} == {2, 3}
    assert now(queued).state == OrderFile.State.STOPPED

    reports.accept(first.pk, 77)
    execute.sweep(nobody)
    assert now(queued).state == OrderFile.State.FINISHED
    assert queued.stop_reason == "The lines that had not been sent were given up."


def test_closing_a_file_that_left_nothing_unsent_gives_nothing_up(doubted: OrderFile, user: User) -> None:
    assert execute.discard(doubted.pk, user, nobody)
    assert (now(doubted).state, doubted.stop_reason) == (OrderFile.State.FINISHED, "")
    assert states(doubted) == [State.UNKNOWN]
