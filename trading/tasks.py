"""Celery's side of orders. The queue only rings: what is to do is read from the database."""

from __future__ import annotations

import datetime as dt
import logging
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import redis
from celery import shared_task
from django.db import connections as database_connections
from django.utils import timezone
from kombu.exceptions import OperationalError

from trading.files import execute
from trading.models import KillSwitch, OrderIntent, OrderLine
from trading.orders import clearing, intents, reconcile, verify
from trading.sync import intent_rows, kill_banner, stream

logger = logging.getLogger(__name__)

# How many traders' orders are cancelled at the same time when support stops everybody.
CONNECTIONS_AT_A_TIME = 8
# A click whose process is gone is not sent later; longer than a sender may take to begin.
UNSENT_AFTER: Final = dt.timedelta(minutes=2)


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
    """Look at Tradovate for what got no answer and for the effect of what was accepted, and put aside what was to go
    out at once and was not. Safe to run at the same time as itself."""
    intent_rows.tell(intents.give_up_unsent(timezone.now() - UNSENT_AFTER))
    for connection_id in reconcile.due(timezone.now()):
        with _others_go_on(connection_id):
            resolved = reconcile.look(connection_id)
            execute.resolved(resolved, tell_pages)
            intent_rows.tell(resolved)
    for connection_id in verify.due(timezone.now()):
        with _others_go_on(connection_id):
            intent_rows.tell(verify.look(connection_id))


@contextmanager
def _others_go_on(connection_id: int) -> Iterator[None]:
    """A fault with one trader's orders keeps nobody else's from being looked up."""
    try:
        yield
    except Exception:
        logger.exception("Connection %s: its orders could not be looked up", connection_id)


def ring(file_id: uuid.UUID) -> None:
    """Have a worker look at a file, which must be committed; when Redis is away the sweep does it later."""
    try:
        execute_order_file.delay(str(file_id))
    except OperationalError:
        logger.warning("Order file %s cannot be queued: Redis does not answer; the sweep will", file_id)


@shared_task
def carry_out_kill_switches() -> None:
    """Cancel orders and close positions where a thrown switch wants that, several connections at the same time. Safe
    to run at the same time as itself, or again after a crash."""

    def carry_out(action_id: int) -> None:
        began = timezone.now()
        try:
            connection_id = clearing.carry_out(action_id)
            if connection_id is not None:
                kill_banner.publish([connection_id])
                sent = OrderIntent.objects.filter(connection=connection_id, changed_at__gte=began)
                intent_rows.tell(sent.values_list("pk", flat=True))
        except Exception:
            # The others' go on; this one is taken up again.
            logger.exception("A round of kill switch action %s failed", action_id)
        finally:
            database_connections.close_all()

    with ThreadPoolExecutor(CONNECTIONS_AT_A_TIME) as pool:
        list(pool.map(carry_out, clearing.due()))


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
