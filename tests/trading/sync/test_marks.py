"""Market data for marks: who subscribes to what, and what a missing entitlement comes to.

The simulator gives quotes to everybody, so a socket that refuses is scripted here.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from tests.trading.sync.cast import until
from trading.sync.marks import Marks
from trading.tradovate import QuoteSubscription
from trading.tradovate.entities import Quote
from trading.tradovate.errors import SocketClosed, SymbolInaccessible


class Socket:
    """A market data socket that knows which contracts it may not tell of."""

    def __init__(self, forbidden: set[int]) -> None:
        self.subscribed: list[int] = []
        self.forbidden = forbidden
        self.quotes: asyncio.Queue[Quote | None] = asyncio.Queue()

    async def subscribe_quote(self, contract_id: int) -> QuoteSubscription:
        if contract_id in self.forbidden:
            raise SymbolInaccessible(contract_id)
        self.subscribed.append(contract_id)
        return QuoteSubscription(mode="RealTime")

    async def unsubscribe_quote(self, contract_id: int) -> None:
        self.subscribed.remove(contract_id)

    async def __aenter__(self) -> "Socket":
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    def __aiter__(self) -> "Socket":
        return self

    async def __anext__(self) -> Quote:
        quote = await self.quotes.get()
        if quote is None:
            raise SocketClosed(1006)
        return quote


class Desk:
    """What the link gives to Marks, recorded."""

    def __init__(self, forbidden: set[int]) -> None:
        self.wanted: set[int] = set()
        self.sockets: list[Socket] = []
        self.told: list[Quote] = []
        self.words: list[str] = []
        self.lost = 0
        self._forbidden = forbidden
        self.marks = Marks(
            self._connect,
            wanted=lambda: self.wanted,
            symbol=lambda contract_id: f"C{contract_id}",
            tell=self.told.extend,
            lost=self._lost,
            trouble=self.words.append,
        )

    async def _connect(self, last_error: Exception | None) -> Socket:
        self.sockets.append(Socket(self._forbidden))
        return self.sockets[-1]

    def _lost(self) -> None:
        self.lost += 1

    def want(self, *contract_ids: int) -> None:
        self.wanted = set(contract_ids)
        self.marks.look()


@contextlib.asynccontextmanager
async def desk(forbidden: set[int] | None = None) -> AsyncIterator[Desk]:
    made = Desk(forbidden or set())
    task = asyncio.create_task(made.marks.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_it_connects_when_a_position_opens_and_follows_what_is_open() -> None:
    async with desk() as made:
        await asyncio.sleep(0.05)
        assert not made.sockets
        made.want(3)
        await until(lambda: made.sockets and made.sockets[0].subscribed == [3])
        made.want(4)
        await until(lambda: made.sockets[0].subscribed == [4])
        made.want()
        await until(lambda: not made.sockets[0].subscribed)
        made.want(5)
        await until(lambda: made.sockets[-1].subscribed == [5])


async def test_a_contract_without_entitlement_is_named_and_the_others_are_followed() -> None:
    async with desk(forbidden={4}) as made:
        made.want(3, 4)
        await until(lambda: made.sockets and made.sockets[0].subscribed == [3] and made.words)
        assert made.words[-1] == "No market data for C4: marks are missing"
        made.want(3)
        await until(lambda: made.words[-1] == "")


async def test_nothing_is_missing_once_the_position_is_closed() -> None:
    async with desk(forbidden={4}) as made:
        made.want(4)
        await until(lambda: made.words and made.words[-1])
        made.want()
        await until(lambda: made.words[-1] == "")


async def test_a_socket_that_ends_makes_marks_unknown_and_is_opened_again() -> None:
    async with desk() as made:
        made.want(3)
        await until(lambda: made.sockets and made.sockets[0].subscribed)
        made.sockets[0].quotes.put_nowait(None)
        await until(lambda: made.lost == 1)
        assert made.words[-1].startswith("Marks are missing")
        await until(lambda: len(made.sockets) == 2 and made.sockets[1].subscribed == [3])
        assert made.words[-1] == ""
