"""Celery's side of orders. The queue only rings: what is to do is read from the database."""

from __future__ import annotations

import logging
import uuid

import redis
from celery import shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from trading.files import execute
from trading.orders import reconcile
from trading.sync import stream

logger = logging.getLogger(__name__)


@shared_task
def execute_order_file(file_id: str) -> None:
    """Send what is left of an order file (its UUID). Safe to run twice, or in two workers at the same time."""
    if execute.run(uuid.UUID(file_id), tell_pages):
        ring(uuid.UUID(file_id))


@shared_task
def sweep_order_files() -> None:
    """Mend files that a crash, a lost message or a late answer left behind."""
    for file_id in execute.sweep(tell_pages):
        logger.info("Order file %s made no progress: queued again", file_id)
        ring(file_id)


@shared_task
def reconcile_orders() -> None:
    """Look at Tradovate for the orders whose answers were lost. Safe to run at the same time as itself."""
    for connection_id in reconcile.due(timezone.now()):
        execute.resolved(reconcile.look(connection_id), tell_pages)


def ring(file_id: uuid.UUID) -> None:
    """Have a worker look at a file, which must be committed; when Redis is away the sweep does it later."""
    try:
        execute_order_file.delay(str(file_id))
    except OperationalError:
        logger.warning("Order file %s cannot be queued: Redis does not answer; the sweep will", file_id)


def tell_pages(line_id: int) -> None:
    """Push a line (OrderLine pk) to the pages that show it; without Redis they see it when they reload."""
    try:
        stream.publish_line(line_id)
    except redis.RedisError:
        logger.warning("Line %s cannot be shown live: Redis does not answer", line_id)
