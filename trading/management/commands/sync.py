"""`manage.py sync`: hold the sockets to Tradovate and bring what they say to the pages and the database."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import uvloop
from django.core.management.base import BaseCommand

from trading.sync.hub import Hub

SWITCH_INTERVAL = 0.0005  # seconds


class Command(BaseCommand):
    help = "Mirror every signed-in trader's accounts. Any number of these may run; they share the connections."

    def handle(self, *args: Any, **options: Any) -> None:
        # The journal's thread must hand the interpreter back quickly when a frame comes in.
        sys.setswitchinterval(SWITCH_INTERVAL)
        uvloop.run(_run())


async def _run() -> None:
    hub = Hub()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, hub.stop)
    await hub.run()
