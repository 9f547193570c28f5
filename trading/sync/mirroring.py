"""What is done with one connection's news while a socket of its user is open: book -> pages, journal and checks."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice

from trading.sync import earlier_fills, standing
from trading.sync.book import Book, Changes
from trading.sync.cash_book import CashBook
from trading.sync.comparison import compare, compare_rows, differing
from trading.sync.enquiries import Enquiries, Helpers
from trading.sync.equity import EquitySampler
from trading.sync.fact_sheet import FactSheet
from trading.sync.marks import Marks, is_late
from trading.sync.publisher import Publisher
from trading.sync.quote_pool import QuotePool
from trading.sync.recording import records
from trading.sync.records import ComparisonRecord, Record
from trading.sync.standing import Standing
from trading.tradovate import MarketSocket, MirroringSocket
from trading.tradovate.entities import Account, CashBalance, Entity, SyncSnapshot
from trading.tradovate.frames import Event

log = logging.getLogger(__name__)

TICK = 1.0  # seconds between updates of "last message at"
MEASURE_EVERY = 10.0  # seconds between looks how far away Tradovate is
MOST_OTHERS = 40  # contracts in which no position is open and whose quotes are followed all the same


@dataclass(frozen=True)
class Outlets:
    """Where a connection's news goes: pages, checks and, by `keep`, the journal; quotes to other users, too."""

    publisher: Publisher
    facts: FactSheet
    keep: Callable[[list[Record]], None]
    pool: QuotePool


class Mirroring:
    """One connection's book and what is fed by it, from each fresh snapshot on until `end`.

    `open_market` opens a market data socket; it gets the error that ended the last attempt, None at first.
    """

    def __init__(
        self,
        connection_id: int,
        standing: Standing,
        socket: MirroringSocket,
        outlets: Outlets,
        open_market: Callable[[Exception | None], Awaitable[MarketSocket]],
    ) -> None:
        self._connection_id = connection_id
        self._standing = standing
        self._socket = socket
        self._outlets = outlets
        self._open_market = open_market
        self._book = Book()
        self._has_synced = False
        self._equity = EquitySampler()
        self._helpers = Helpers()
        self._marks: Marks | None = None
        self._marks_trouble = ""
        self._enquiries: Enquiries | None = None
        self._cash_book: CashBook | None = None

    def begin(self, snapshot: SyncSnapshot, *, continues: bool = True) -> None:
        """A new socket mirrors the user from here; what it shows `continues` what was known before, or is another one's
        (a replay's that began anew)."""
        fresh = Book.load(snapshot, self._book if continues else None)
        news = differing(self._outlets.publisher.rows, fresh.rows)
        if continues:
            self._compare(fresh)
        book, self._book, self._has_synced = fresh, fresh, True
        self._marks_trouble = self._standing.marks = ""
        self._note_unread(self._told_unread())
        self.heard()
        self._outlets.publisher.replace({**book.rows, **self._standing.row()})
        # All of the day, for what the journal may lack; what pages have not seen yet before the rest.
        first = book.to_write_first(news)
        self._outlets.keep(records(book.mirror, first))
        self._outlets.keep(records(book.mirror, book.all_to_write() - first))
        self._marks = Marks(
            self._open_market,
            wanted=self._wanted,
            shown=book.open_contracts,
            symbol=book.mirror.symbol,
            tell=lambda quotes, mode: self._mark(book.mark(quotes, are_late=is_late(mode))),
            lost=lambda contract_ids: self._mark(book.unmark(contract_ids)),
            trouble=self._marks_are_lost,
            pool=self._outlets.pool,
            whose=(self._standing.environment, self._connection_id),
        )
        self._enquiries = Enquiries(self._socket, self._helpers, missing=book.mirror.missing, learn=self._learn)
        accounts = book.mirror.accounts
        self._cash_book = CashBook(self._socket, accounts=lambda: sorted(accounts), keep=self._outlets.keep)
        self._enquiries.look()
        for work in (
            self._marks.run,
            self._tick,
            self._measure,
            partial(self._learn_limits, self._enquiries),
            partial(self._enquiries.keep_terms, book.mirror.untold),
            partial(self._enquiries.keep_rates, book.mirror.rates),
            partial(self._note_synced, self._enquiries, self._cash_book),
            self._recall,
            partial(self._outlets.facts.run, book, self._socket, self._marks.look),
            self._cash_book.run,
        ):
            self._helpers.start(work)

    def take(self, event: Event) -> None:
        """Something has happened."""
        changes = self._book.apply(event)
        self._publish(changes)
        if (unread := self._told_unread()) != self._standing.unread:
            self._note_unread(unread)
            self._outlets.publisher.change(self._standing.row())
        if self._marks and any(key.startswith(("position:", "order:")) for key in (*changes.rows, *changes.gone)):
            self._marks.look()
            self._explain_marks()
        if self._cash_book and any(kind is CashBalance for kind, _ in changes.touched):
            self._cash_book.change()
        if self._enquiries:
            self._enquiries.look()

    async def end(self) -> None:
        """The socket has ended; what pages show stays as it is."""
        self._marks = self._enquiries = self._cash_book = None
        await self._helpers.end()
        self._say_of_marks("")

    async def authorize(self, access_token: Callable[[], Awaitable[str]]) -> None:
        """There is a new token: present it on the market data socket, too. Raises what that raises."""
        if self._marks is not None:
            await self._marks.authorize(await access_token())

    def heard(self) -> bool:
        """Take over when the socket last heard something; False when that is known."""
        socket = self._socket.socket
        return socket is not None and self._standing.hear(time.monotonic() - socket.last_frame_at)

    def _compare(self, fresh: Book) -> None:
        """Tell what was missed, or wrong, in what pages have been shown so far."""
        shown = self._outlets.publisher.rows
        if self._has_synced:
            found = compare(self._book.mirror, fresh.mirror)
        elif shown.keys() - {standing.KEY}:
            found = compare_rows(shown, fresh, datetime.now(UTC))
        else:
            return
        missed, wrong = found.missed.total(), found.wrong.total()
        level = logging.WARNING if wrong else logging.INFO
        log.log(level, "Connection %d after its reconnect: %s.", self._connection_id, found.words or "no difference")
        self._outlets.keep([ComparisonRecord(datetime.now(UTC), missed, wrong, found.words)])

    def _wanted(self) -> set[int]:
        """The contracts whose quotes are followed: what is held and, within bounds, what orders work in and what open
        tickets and charts name."""
        held = self._book.open_contracts()
        others = sorted(self._book.working_contracts() - held) + sorted(self._outlets.facts.watched - held)
        return held | set(islice(dict.fromkeys(others), MOST_OTHERS))

    async def _learn_limits(self, enquiries: Enquiries) -> None:
        book = self._book
        found = await enquiries.limits(book.mirror.ids(Account))
        if found is not None:
            book.limits_known = True
            self._publish(book.learn(found))

    async def _recall(self) -> None:
        """Add what orders have filled on earlier days; the rows of today do not wait for the database."""
        found = await earlier_fills.read(self._connection_id, self._book.mirror.not_all_filled())
        self._publish(self._book.recall(found))

    async def _note_synced(self, enquiries: Enquiries, cash_book: CashBook) -> None:
        await cash_book.was_read.wait()
        await enquiries.answered()
        self._outlets.keep([self._standing.synced()])

    def _learn(self, found: list[Entity]) -> None:
        self._publish(self._book.learn(found))

    def _publish(self, changes: Changes) -> None:
        if changes.rows or changes.gone:
            self._outlets.publisher.change(changes.rows, changes.gone)
        self._outlets.facts.news()
        if changes.touched:
            self._outlets.keep(records(self._book.mirror, changes.touched))

    def _mark(self, changes: Changes) -> None:
        self._publish(changes)
        self._explain_marks()

    def _marks_are_lost(self, words: str) -> None:
        self._marks_trouble = words
        self._explain_marks()

    def _note_unread(self, words: str) -> None:
        if words:
            log.warning("Connection %d cannot read what Tradovate tells: %s", self._connection_id, self._book.unread)
        self._standing.unread = words

    def _told_unread(self) -> str:
        """Words for the trader about what is missing because it cannot be read; empty when nothing is."""
        unread = self._book.unread
        if not unread:
            return ""
        counts = sorted(Counter(_in_words(kind) for kind, _ in unread).items())
        parts = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts)
        return f"Tradovate tells of {parts} in a way that Tradeport cannot read: look at them in Tradovate's own app."

    def _explain_marks(self) -> None:
        late = self._book.late_symbols()
        delayed = f"Marks are delayed: no real-time market data for {', '.join(late)}" if late else ""
        self._say_of_marks(". ".join(filter(None, (self._marks_trouble, delayed))))

    def _say_of_marks(self, words: str) -> None:
        if words != self._standing.marks:
            self._standing.marks = words
            self._outlets.publisher.change(self._standing.row())

    async def _measure(self) -> None:
        while True:
            if (socket := self._socket.socket) is not None:
                self._standing.round_trip = await socket.ping()
            await asyncio.sleep(MEASURE_EVERY)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            if self.heard():
                self._outlets.publisher.change(self._standing.row())
            self._outlets.keep(self._equity.sample(self._book, datetime.now(UTC)))


def _in_words(entity_type: str) -> str:
    """The name of a kind as a trader reads it: "fill fee"."""
    return re.sub("[A-Z]", lambda found: f" {found[0].lower()}", entity_type)
