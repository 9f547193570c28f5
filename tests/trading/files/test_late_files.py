"""Files that wait: they are rung for again, and those that grew late are not sent before the trader has looked."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from tests.trading.cast import posts
from tests.trading.files.conftest import Run, has_stopped, nobody, now, sent
from trading.files import execute
from trading.models import OrderFile
from trading.orders import gateway
from trading.orders.states import State
from trading.simulator import RunningSimulator


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
    has_stopped(queued, "Look at the market", State.ACCEPTED)
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
