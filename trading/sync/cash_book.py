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
from trading.tradovate.errors import NotAuthorized, NotFound, TradovateError

log = logging.getLogger(__name__)

EVERY = 30.0  # seconds between readings at least, and as long again for every so many lines:
LINES = 500
MOST_DOUBLINGS = 4


def rest(lines: int, failures: int = 0) -> float:
    """Seconds until the books are read again: by the lines that were read, or the failures before."""
    return EVERY * (2.0 ** min(failures, MOST_DOUBLINGS) + lines / LINES)


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
        """The books have been read once, or there are none, or none that may be read."""
        self._changed = asyncio.Event()
        self._changed.set()

    def change(self) -> None:
        """Cash has changed: read again, in a while."""
        self._changed.set()

    async def run(self) -> None:
        """Read until cancelled, or until Tradovate says that it has none; seldom while the user may not read them."""
        failures = 0
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                lines = await self._read()
            except NotFound:
                log.info("Tradovate has no cash books")
                self.was_read.set()
                return
            except NotAuthorized:
                # A token that is presented later may let the user read them.
                log.info("The user may not read the cash books")
                self.was_read.set()
                self._changed.set()
                pause = rest(0, MOST_DOUBLINGS)
            except TradovateError as error:
                log.warning("The cash books were not read: %s", type(error).__name__)
                self._changed.set()
                pause = rest(0, failures)
                failures += 1
            except Exception:
                self._changed.set()
                raise
            else:
                self.was_read.set()
                pause, failures = rest(lines), 0
            await asyncio.sleep(pause)

    async def _read(self) -> int:
        accounts = self._accounts()
        if not accounts:
            return 0
        book = await self._socket.ask("cashbalancelog/ldeps", list[CashBalanceLog], query={"masterids": accounts})
        self._keep(cash_entries(line for line in book if line.id not in self._known))
        self._known = {line.id for line in book}
        return len(book)
