"""`manage.py sync`: hold the sockets to Tradovate and bring what they say to the pages and the database."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import uvloop
from django.core.management.base import BaseCommand
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from trading.long_lived import keep_what_is_loaded
from trading.sync.hub import Hub

SWITCH_INTERVAL = 0.0005  # seconds
# Seconds after which PostgreSQL ends a transaction that a stopped process has left open, and lets go of its rows: who
# takes over writes the same ones. SQLite has one writer, whose lock no time ends.
STOPPED = 5


class Command(BaseCommand):
    help = "Mirror every signed-in trader's accounts. Any number of these may run; they share the connections."

    def handle(self, *args: Any, **options: Any) -> None:
        # The journal's thread must hand the interpreter back quickly when a frame comes in.
        sys.setswitchinterval(SWITCH_INTERVAL)
        connection_created.connect(_bound_transactions, dispatch_uid=__name__)
        keep_what_is_loaded()
        uvloop.run(_run())


def _bound_transactions(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = '{STOPPED}s'")


async def _run() -> None:
    hub = Hub()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, hub.stop)
    await hub.run()
