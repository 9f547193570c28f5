"""One trader's book, journal and pages, asked for what they tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import Error as DatabaseTrouble
from django.db import connection as database
from redis.exceptions import RedisError

from accounts.models import Connection
from tests.faults.browser import Browser
from tests.faults.screen import Screen
from tests.faults.truth import (
    Differences,
    Facts,
    absent_fills,
    cash_lines_of_journal,
    cash_lines_of_ledger,
    differences,
    of_journal,
    of_ledger,
    of_rows,
    shown,
)
from trading.sync import stream

Entities = dict[str, list[dict[str, Any]]]


@dataclass
class Desk:
    """Who tells of one trader. `pages` are at all web processes, `screen` is one in a real browser, `accounts` are
    Tradovate's ids; what is asked for is what got an id above `since`."""

    name: str
    accounts: set[int]
    connection: Connection
    pages: list[Browser]
    screen: Screen | None = None
    since: int = 0

    async def epoch(self) -> str:
        """The stream's epoch, which is new with each sync; empty while no socket is up."""
        found = await stream.aread_snapshot(self.connection.pk, wait=0)
        return found.epoch if found.rows.get("upstream", {}).get("state") == "up" else ""

    async def differences(self, entities: Entities, pages: list[Browser]) -> dict[str, Differences]:
        """By who tells it: the book, the journal, the screen, or one of these pages; one with the book's rows tells the
        same."""
        truth = of_ledger(entities, self.accounts, self.since)
        try:
            book = await stream.aread_snapshot(self.connection.pk, wait=0.5)
        except (RedisError, OSError):
            return {"book": Differences(missed=["everything: Redis does not answer"])}
        told = {f"{self.name}'s book": of_rows(book.rows, self.since)}
        for number, page in enumerate(self.pages):
            if page in pages and page.rows != book.rows:
                told[f"{self.name}'s page {number} at {page.web}"] = of_rows(page.rows, self.since)
        found = {who: differences(shown(truth), facts) for who, facts in told.items()}
        found[f"{self.name}'s journal"] = differences(truth, await self._journal(of_journal))
        if self.screen:
            found[f"{self.name}'s screen"] = await self.screen.differences(book.rows)
        return {who: what for who, what in found.items() if what}

    async def absent_fills(self, entities: Entities) -> set[str]:
        """Fills of the ledger that the journal, or a page that reads, has not."""
        truth = of_ledger(entities, self.accounts, self.since)
        journal = await self._journal(of_journal)
        return absent_fills(truth, [journal, *(page.rows for page in self.pages if page.reads)])

    async def cash_lines(self, entities: Entities) -> Differences:
        """What the journal tells otherwise of the cash books."""
        truth = cash_lines_of_ledger(entities, self.accounts, self.since)
        return differences(truth, await self._journal(cash_lines_of_journal))

    async def _journal(self, read: Callable[[int, int], Facts]) -> Facts:
        def reading() -> Facts:
            try:
                return read(self.connection.pk, self.since)
            except DatabaseTrouble:
                return {}
            finally:
                database.close()

        return await asyncio.to_thread(reading)
