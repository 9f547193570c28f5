"""What orders have filled on earlier days, read from the journal: Tradovate serves the fills of the day."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

from asgiref.sync import sync_to_async
from django.db import Error as DatabaseTrouble
from django.db import connections as database_connections

from trading.models import Fill
from trading.sync.mirror import EarlierFill

log = logging.getLogger(__name__)

DATABASE_RETRY = 1.0  # seconds


async def read(connection_id: int, order_ids: Collection[int]) -> list[EarlierFill]:
    """The fills of these orders (Tradovate's ids) that stand, of whatever day; waits for a database that is away."""
    while True:
        try:
            return await sync_to_async(_read, thread_sensitive=False)(connection_id, order_ids)
        except DatabaseTrouble as error:
            log.warning("Connection %d waits for fills of earlier days: %s", connection_id, error)
            await asyncio.sleep(DATABASE_RETRY)


def _read(connection_id: int, order_ids: Collection[int]) -> list[EarlierFill]:
    try:
        kept = Fill.objects.filter(connection=connection_id, order_id_at_broker__in=order_ids, active=True)
        return [EarlierFill(*row) for row in kept.values_list("tradovate_id", "order_id_at_broker", "qty", "price")]
    finally:
        database_connections.close_all()
