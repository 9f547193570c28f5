"""Reads the cash books of a user's accounts (official guide, CashBalanceLog), which the user socket does not send.

At the start, which fills what was missed while no socket was open, and then whenever cash has changed, but seldom: a
book is read whole each time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from trading.sync.recording import cash_entries
from trading.sync.records import Record
from trading.tradovate import MirroringSocket
from trading.tradovate.entities import CashBalanceLog
from trading.tradovate.errors import NotFound, TradovateError

log = logging.getLogger(__name__)

EVERY = 30.0  # seconds between readings at least, and as long again for every so many lines:
LINES = 500


class CashBook:
    """`accounts` says whose books to read, `keep` gets lines that were not read before."""

    def __init__(
        self, socket: MirroringSocket, *, accounts: Callable[[], list[int]], keep: Callable[[list[Record]], None]
    ) -> None:
        self._socket = socket
        self._accounts = accounts
        self._keep = keep
        self._known: set[int] = set()
        self.was_read = asyncio.Event()
        """The books have been read once, or there are none to read."""
        self._changed = asyncio.Event()
        self._changed.set()

    def change(self) -> None:
        """Cash has changed: read again, in a while."""
        self._changed.set()

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                lines = await self._read()
            except NotFound:
                log.info("This Tradovate serves no cash books.")
                self.was_read.set()
                return
            except TradovateError as error:
                log.warning("The cash books were not read: %s", type(error).__name__)
                self._changed.set()
                lines = 0
            except Exception:
                self._changed.set()
                raise
            else:
                self.was_read.set()
            await asyncio.sleep(EVERY * (1 + lines / LINES))

    async def _read(self) -> int:
        accounts = self._accounts()
        if not accounts:
            return 0
        book = await self._socket.ask("cashbalancelog/ldeps", list[CashBalanceLog], query={"masterids": accounts})
        self._keep(cash_entries(line for line in book if line.id not in self._known))
        self._known = {line.id for line in book}
        return len(book)
