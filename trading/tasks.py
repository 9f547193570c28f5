"""Celery's side of orders. The queue only rings: what is to do is read from the database."""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final

import redis
from celery import shared_task
from celery.signals import worker_process_shutdown
from django.db import connections as database_connections
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.models import Connection
from trading.files import execute, stock
from trading.models import KillSwitch, KillSwitchAction, OrderIntent, OrderLine
from trading.orders import clearing, intents, missed_ends, reconcile, verify
from trading.sync import intent_rows, kill_banner, stream

logger = logging.getLogger(__name__)

_crews: defaultdict[tuple[str, str], ThreadPoolExecutor] = defaultdict(
    lambda: ThreadPoolExecutor(CONNECTIONS_AT_A_TIME)
)
_at_work: set[tuple[str, int]] = set()

# How many traders' connections to one environment a process asks at the same time.
CONNECTIONS_AT_A_TIME: Final = 8
# Seconds that a task waits for what it has begun.
PATIENCE = 1.0
# A click whose process is gone is not sent later; longer than a sender may take to begin.
UNSENT_AFTER: Final = dt.timedelta(minutes=2)


class Undone(Exception):
    """Some of what a task was to do failed, as the log tells; the rest of it is done."""


@shared_task
def execute_order_file(file_id: str) -> None:
    """Send what is left of an order file (its UUID). Safe to run twice, or in two workers at the same time."""
    if execute.run(uuid.UUID(file_id), tell_pages):
        ring(uuid.UUID(file_id))


@shared_task
def sweep_order_files() -> None:
    """Mend files that a crash, a lost message or a late answer left behind."""
    began = timezone.now()
    stalled = execute.sweep(tell_pages)
    intent_rows.tell(OrderIntent.objects.filter(changed_at__gte=began).values_list("pk", flat=True))
    for file_id in stalled:
        logger.info("Order file %s made no progress: queued again", file_id)
        ring(file_id)


@shared_task
def reconcile_orders() -> None:
    """Look at Tradovate for what got no answer, for the effect of what was accepted and for ends that nobody saw, and
    put aside what was to go out at once and was not. Safe to run at the same time as itself. Raises Undone."""

    def look(connection_id: int) -> None:
        # Another process may have looked while this one waited for a thread.
        if reconcile.due(timezone.now(), connection_id):
            resolved = reconcile.look(connection_id)
            stock.resolved(resolved, tell_pages)
            intent_rows.tell(resolved)

    def verified(connection_id: int) -> None:
        if verify.due(timezone.now(), connection_id):
            intent_rows.tell(verify.look(connection_id))

    def ended(connection_id: int) -> None:
        if missed_ends.due(timezone.now(), connection_id):
            changed = missed_ends.look(connection_id)
            for line in OrderLine.objects.filter(intent__in=changed):
                tell_pages(line.pk)
            intent_rows.tell(changed)

    intent_rows.tell(intents.give_up_unsent(timezone.now() - UNSENT_AFTER))
    intent_rows.tell(reconcile.remark_past())
    done = []
    for work, due in ((look, reconcile.due), (verified, verify.due), (ended, missed_ends.due)):
        wanted = Connection.objects.filter(pk__in=due(timezone.now()))
        done += _each(work, wanted.values_list("pk", "environment"))
    _check(done)


def ring(file_id: uuid.UUID) -> None:
    """Have a worker look at a file, which must be committed; when Redis is away the sweep does it later."""
    try:
        execute_order_file.delay(str(file_id))
    except OperationalError:
        logger.warning("Order file %s cannot be queued: Redis does not answer; the sweep will", file_id)


@shared_task
def carry_out_kill_switches() -> None:
    """Cancel orders and close positions where a thrown switch wants that, several connections at the same time.
    Safe to run at the same time as itself, or again after a crash. Raises Undone."""

    def carry_out(action_id: int) -> None:
        began = timezone.now()
        connection_id = clearing.carry_out(action_id)
        if connection_id is not None:
            kill_banner.publish([connection_id])
            sent = OrderIntent.objects.filter(connection=connection_id, changed_at__gte=began)
            intent_rows.tell(sent.values_list("pk", flat=True))

    wanted = KillSwitchAction.objects.filter(pk__in=clearing.due())
    _check(_each(carry_out, wanted.values_list("pk", "connection__environment")))


def _check(done: list[bool]) -> None:
    """Raises Undone when some of it failed."""
    if failed := done.count(False):
        raise Undone(f"{failed} of {len(done)}")


def _each(work: Callable[[int], None], wanted: Iterable[tuple[int, str]]) -> list[bool]:
    """Have threads of this process do `work` for each (primary key, environment) that they are not at yet; of each that
    has ended meanwhile, whether it was done.

    Each environment has threads of its own, and what takes longer than PATIENCE goes on when this returns: one that
    cannot be reached keeps no worker, and nobody else's orders, waiting. A fault with one of them does not either;
    whoever rings next finds what was not done.
    """

    def do(pk: int) -> None:
        try:
            work(pk)
        except Exception:
            logger.exception("%s failed for %s", work.__name__, pk)
            raise
        finally:
            _at_work.discard((work.__name__, pk))
            database_connections.close_all()

    begun = []
    for pk, environment in wanted:
        if (work.__name__, pk) not in _at_work:
            _at_work.add((work.__name__, pk))
            begun.append(_crews[work.__name__, environment].submit(do, pk))
    ended, _ = wait(begun, PATIENCE)
    return [one.exception() is None for one in ended]


@worker_process_shutdown.connect
def _finish_work(**_: object) -> None:
    """A worker that is told to end does so once what it has begun at Tradovate is done."""
    for crew in _crews.values():
        crew.shutdown(cancel_futures=True)


def kill_switch_changed(switch: KillSwitch) -> None:
    """Tell the pages of all whom a switch concerns that it was thrown or released, and have a worker do what it wants
    done. The change must be committed; when Redis is away beat finds it."""
    kill_banner.publish(switch.connections().values_list("pk", flat=True))
    if not switch.actions.exists():
        return
    try:
        carry_out_kill_switches.delay()
    except OperationalError:
        logger.warning("Kill switch %s cannot be queued: Redis does not answer; the sweep will", switch.pk)


def tell_pages(line_id: int) -> None:
    """Push a line (OrderLine pk) and its intent to the pages that show them; without Redis they see it on a reload."""
    try:
        stream.publish_line(line_id)
        intent_rows.tell(OrderLine.objects.filter(pk=line_id).exclude(intent=None).values_list("intent", flat=True))
    except redis.RedisError:
        logger.warning("Line %s cannot be shown live: Redis does not answer", line_id)
