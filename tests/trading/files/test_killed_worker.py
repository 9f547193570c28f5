"""A worker process that dies under an order: the line is in doubt, then resolved, and nothing is sent again."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from tests.mortal import is_there
from tests.nursery import Nursery
from tests.trading.cast import orders_at_broker, posts
from tests.trading.stopping import environment_of
from tests.trading.sync.cast import running_hub, until
from trading import tasks
from trading.files import execute
from trading.models import OrderFile, OrderIntent
from trading.orders.states import State
from trading.simulator import RunningSimulator

in_thread = sync_to_async
ROUTE = "order/placeorder"
SLOW = 5  # seconds until a slow answer comes
# In the order of the file that the `queued` fixture holds.
ORDERS = [("Buy", 2), ("Sell", 3), ("Buy", 1)]


@pytest.fixture
def workers(settings, database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Nursery]:
    """Starts the portal's workers of files on this test's database, Redis and simulator; a kill takes the whole group
    at once, as when the machine loses power: nobody is left to tidy up."""
    nursery = Nursery(tmp_path, environment_of(settings, database_url), "--patient")
    yield nursery
    nursery.end()


def states(file: OrderFile) -> list[str]:
    return [line.intent.state for line in file.lines.select_related("intent")]


def file_state(file: OrderFile) -> str:
    return OrderFile.objects.get(pk=file.pk).state


def sent_once(simulator: RunningSimulator, orders: list[tuple[str, int]]) -> bool:
    """Whether the simulator was asked for exactly these orders, in this order, and took each once."""
    asked = [post["clOrdId"] for post in posts(simulator)]
    taken = orders_at_broker(simulator)
    return asked == [cl_ord_id for cl_ord_id, _, _ in taken] and [order[1:] for order in taken] == orders


def age(file: OrderFile) -> None:
    """As if a minute had gone by."""
    long_ago = timezone.now() - execute.ABANDONED_AFTER - timedelta(seconds=1)
    OrderIntent.objects.filter(line__file=file).update(changed_at=long_ago)
    OrderFile.objects.filter(pk=file.pk).update(progressed_at=long_ago)


@pytest.mark.parametrize("fault", ["slow", "lose_reply"])
async def test_what_a_killed_worker_was_sending_is_never_sent_again(
    simulator: RunningSimulator, queued: OrderFile, workers: Nursery, fault: str
) -> None:
    # The order is taken at once; its answer comes when nobody is there, or not at all.
    simulator.control.fault(fault, ROUTE, **({"seconds": SLOW} if fault == "slow" else {}))
    workers.start("files")
    await in_thread(tasks.ring)(queued.pk)
    interrupted = State.SUBMITTING if fault == "slow" else State.UNKNOWN
    waiting = [State.CREATED] * 2
    user = await in_thread(lambda: queued.account.connection.user)()

    async def first_is_at_the_broker() -> bool:
        taken = await in_thread(sent_once)(simulator, ORDERS[:1])
        return taken and await in_thread(states)(queued) == [interrupted, *waiting]

    await until(first_is_at_the_broker)
    worker = workers.alive["files"]
    workers.kill("files")
    assert not is_there(worker)
    if fault == "slow":
        await asyncio.sleep(SLOW)
        assert await in_thread(states)(queued) == [State.SUBMITTING, *waiting], "somebody was there for the answer"

    # The broker redelivers, the sweep rings: another worker finds the line taken and sends nothing.
    workers.start("files")
    await in_thread(tasks.sweep_order_files)()
    await in_thread(tasks.ring)(queued.pk)
    await in_thread(age)(queued)
    await in_thread(tasks.sweep_order_files)()

    async def stopped() -> bool:
        return await in_thread(file_state)(queued) == OrderFile.State.STOPPED

    await until(stopped)
    assert await in_thread(states)(queued) == [State.UNKNOWN, *waiting]
    assert await in_thread(sent_once)(simulator, ORDERS[:1])

    # The trader goes on: the rest is sent, the line in doubt stays as it is.
    assert await in_thread(execute.resume)(queued.pk, user)
    await in_thread(tasks.ring)(queued.pk)

    async def finished() -> bool:
        return await in_thread(file_state)(queued) == OrderFile.State.FINISHED

    await until(finished)
    assert await in_thread(states)(queued) == [State.UNKNOWN, State.ACCEPTED, State.ACCEPTED]

    # The broker's own records tell what became of it.
    async with running_hub():

        async def resolved() -> bool:
            return State.UNKNOWN not in await in_thread(states)(queued)

        await until(resolved)
    assert await in_thread(sent_once)(simulator, ORDERS)
    kept = {
        intent.cl_ord_id: intent.order_id_at_broker async for intent in OrderIntent.objects.filter(line__file=queued)
    }
    commands = (await in_thread(simulator.control.ledger)())["entities"]["command"]
    assert kept == {command["clOrdId"]: command["orderId"] for command in commands if command.get("clOrdId") in kept}
