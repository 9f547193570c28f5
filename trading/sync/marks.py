"""Marks for open positions: quotes of the market data socket, subscribed while a position is open and not longer.

Market data is a convenience of the desk: whatever goes wrong here is told in words, leaves marks unknown, and touches
nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from accounts.renewal import NoToken
from trading.sync import retry
from trading.tradovate import Attempts, MarketSocket, Patience, Retry
from trading.tradovate.entities import Quote
from trading.tradovate.errors import NotAuthorized, SocketClosed, SymbolInaccessible, TradovateError

log = logging.getLogger(__name__)

EVERY = 0.1  # seconds between looks at the newest quotes: faster than an eye, slower than a fast market
NOT_ENTITLED = 300.0  # seconds


def judge(error: Exception, attempt: int, chance: float, *, refused: bool = True) -> Retry:
    """As for the user socket, but a refusal means that there is no entitlement, which does not come quickly."""
    if isinstance(error, NotAuthorized):
        return Retry(NOT_ENTITLED * (0.5 + chance / 2))
    return retry.judge(error, attempt, chance, refused=refused)


class Marks:
    """The market data of one connection.

    `connect` gets the error that ended the last attempt, None at first. `wanted` says which contract ids need a quote
    now, `tell` gets the newest quotes, `lost` is called when quotes have stopped, and `trouble` with words for the
    trader (empty when all is well).
    """

    def __init__(
        self,
        connect: Callable[[Exception | None], Awaitable[MarketSocket]],
        *,
        wanted: Callable[[], set[int]],
        symbol: Callable[[int], str],
        tell: Callable[[list[Quote]], None],
        lost: Callable[[], None],
        trouble: Callable[[str], None],
    ) -> None:
        self._connect = connect
        self._wanted = wanted
        self._symbol = symbol
        self._tell = tell
        self._lost = lost
        self._trouble = trouble
        self._newest: dict[int, Quote] = {}
        self._socket: MarketSocket | None = None
        self._attempts = Attempts(Patience(judge=judge, errors=(TradovateError, NoToken)))
        self._look = asyncio.Event()
        self._look.set()

    def look(self) -> None:
        """Positions have changed: see which quotes are wanted now."""
        self._look.set()

    async def authorize(self, access_token: str) -> None:
        """There is a new token: present it on the socket, or try again at once. Raises TradovateError."""
        self._attempts.wake()
        if self._socket is not None:
            with contextlib.suppress(SocketClosed):
                await self._socket.authorize(access_token)
                self._attempts.calm()

    async def run(self) -> None:
        """Follow the wanted contracts until cancelled."""
        while True:
            while not self._wanted():
                self._trouble("")
                self._look.clear()
                await self._look.wait()
            self._attempts.begin()
            try:
                async with await self._connect(self._attempts.last_error) as self._socket:
                    await self._follow(self._socket)
            except (TradovateError, NoToken) as error:
                pause = self._attempts.failed(error)
                self._trouble(f"Marks are missing: {error}")
                log.info("Market data stopped: %s", type(error).__name__)
                self._lost()
                await self._attempts.pause(pause.seconds)
            finally:
                self._socket = None

    async def _follow(self, socket: MarketSocket) -> None:
        """Read quotes until the socket ends or nothing is wanted any more."""
        reader = asyncio.create_task(self._read(socket))
        subscribed: set[int] = set()
        inaccessible: set[int] = set()
        self._look.set()
        try:
            while not reader.done():
                if self._look.is_set():
                    self._look.clear()
                    wanted = self._wanted()
                    if not wanted and not subscribed:
                        return
                    await self._subscribe(socket, wanted, subscribed, inaccessible)
                    self._attempts.worked()
                newest, self._newest = self._newest, {}
                if newest:
                    self._tell(list(newest.values()))
                await asyncio.wait({reader}, timeout=EVERY)
            await reader
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _read(self, socket: MarketSocket) -> None:
        async for quote in socket:
            self._newest[quote.contract_id] = quote

    async def _subscribe(
        self, socket: MarketSocket, wanted: set[int], subscribed: set[int], inaccessible: set[int]
    ) -> None:
        for contract_id in subscribed - wanted:
            await socket.unsubscribe_quote(contract_id)
            subscribed.discard(contract_id)
        for contract_id in wanted - subscribed - inaccessible:
            try:
                await socket.subscribe_quote(contract_id)
                subscribed.add(contract_id)
            except SymbolInaccessible:
                inaccessible.add(contract_id)
        missing = sorted(self._symbol(contract_id) for contract_id in inaccessible & wanted)
        self._trouble(f"No market data for {', '.join(missing)}: marks are missing" if missing else "")
