"""Marks for open positions, and last prices for checks: quotes of a market data socket, subscribed while a contract is
held, worked in or looked at, and not longer.

Market data is a convenience of the desk: whatever goes wrong here is told in words, leaves marks to what else is known
(marks_known), and touches nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from math import inf

from accounts.renewal import NoToken
from trading.sync import retry
from trading.sync.quote_pool import QuotePool, Seat
from trading.tradovate import Attempts, MarketSocket, Patience, QuoteSubscription, Retry
from trading.tradovate.entities import Quote, QuoteMode
from trading.tradovate.errors import ApiError, NotAuthorized, NotFound, SocketClosed, TradovateError
from trading.tradovate.retry import after

log = logging.getLogger(__name__)

EVERY = 0.1  # seconds between looks at the newest quotes: faster than an eye, slower than a fast market
NOT_ENTITLED = 300.0  # seconds until what was refused is asked for again
# One contract may be refused so, and the others granted on the same socket.
_REFUSALS = (ApiError, NotAuthorized, NotFound)
NOT_LIVE = "Marks are the last known prices"


def is_late(mode: str) -> bool:
    """Whether quotes of this mode (QuoteMode or a newer word, "" when none was said) are not of now."""
    return mode not in ("", QuoteMode.REAL_TIME)


def judge(error: Exception, attempt: int, chance: float, *, refused: bool = True) -> Retry:
    """As for the user socket, but a refusal means that there is no entitlement, which does not come quickly."""
    if isinstance(error, NotAuthorized):
        return Retry(NOT_ENTITLED * (0.5 + chance / 2))
    return retry.judge(error, attempt, chance, refused=refused)


def _unasked(error: Exception, attempt: int, chance: float, *, refused: bool = True) -> Retry:
    """Nobody asks for marks back: what another login has taken is tried again, ever more seldom."""
    verdict = judge(error, attempt, chance, refused=refused)
    return after(error, attempt, chance) if verdict.fatal else verdict


class Marks:
    """The market data of one connection.

    `connect` gets the error that ended the last attempt, None at first. `wanted` says which contract ids need a quote
    now, `shown` in which of them a position is open, `tell` gets the newest quotes with the mode in which Tradovate
    granted them, `lost` the contracts whose quotes have stopped, and `trouble` words for the trader (empty when all is
    well with what is shown). What somebody else's socket brings anyway comes by the `pool`.
    """

    def __init__(
        self,
        connect: Callable[[Exception | None], Awaitable[MarketSocket]],
        *,
        wanted: Callable[[], set[int]],
        shown: Callable[[], set[int]],
        symbol: Callable[[int], str],
        tell: Callable[[list[Quote], str], None],
        lost: Callable[[set[int]], None],
        trouble: Callable[[str], None],
        pool: QuotePool,
        whose: tuple[str, int],
    ) -> None:
        self._connect = connect
        self._wanted = wanted
        self._shown = shown
        self._symbol = symbol
        self._tell = tell
        self._lost = lost
        self._trouble = trouble
        self._seat = Seat(pool, *whose, tell=tell, lost=lost, look=self.look)
        self._subscribed: dict[int, str] = {}  # contract id -> mode
        self._newest: dict[int, Quote] = {}
        self._socket: MarketSocket | None = None
        self._attempts = Attempts(Patience(judge=_unasked, errors=(TradovateError, NoToken)))
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
        try:
            while True:
                await self._until_needed()
                await self._attempt()
        finally:
            self._seat.leave()

    async def _until_needed(self) -> None:
        """Wait for a contract that no other user's socket brings."""
        while not self._seat.own(self._wanted()):
            self._trouble("")
            self._look.clear()
            await self._look.wait()

    async def _attempt(self) -> None:
        """One socket, from its opening to its end."""
        self._attempts.begin()
        try:
            async with await self._connect(self._attempts.last_error) as self._socket:
                await self._follow(self._socket)
        except (TradovateError, NoToken) as error:
            pause = self._attempts.failed(error)
            self._trouble(f"{NOT_LIVE}: {error}" if self._shown() else "")
            log.info("Market data stopped: %s", type(error).__name__)
            self._stop(self._seat.own(self._wanted()) | self._subscribed.keys())
            await self._attempts.pause(pause.seconds)
        finally:
            self._socket = None
            self._stop(set(self._subscribed))

    def _stop(self, contract_ids: set[int]) -> None:
        """These come on this user's socket no longer."""
        if contract_ids:
            for contract_id in contract_ids:
                self._subscribed.pop(contract_id, None)
            self._lost(contract_ids)
            self._seat.stop(contract_ids)

    async def _follow(self, socket: MarketSocket) -> None:
        """Read quotes until the socket ends or nothing is wanted of it any more."""
        reader = asyncio.create_task(self._read(socket))
        # Contract id -> when to ask for it again.
        refused: dict[int, float] = {}
        self._look.set()
        try:
            while not reader.done():
                if self._look.is_set() or min(refused.values(), default=inf) <= time.monotonic():
                    self._look.clear()
                    needed = self._seat.own(self._wanted())
                    if not needed and not self._subscribed:
                        return
                    await self._subscribe(socket, needed, refused)
                    self._attempts.worked()
                self._hand_out()
                await asyncio.wait({reader}, timeout=EVERY)
            await reader
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    def _hand_out(self) -> None:
        newest, self._newest = self._newest, {}
        for mode in set(self._subscribed.values()):
            found = [quote for contract_id, quote in newest.items() if self._subscribed.get(contract_id) == mode]
            if found:
                self._tell(found, mode)
                self._seat.pass_on(found)

    async def _read(self, socket: MarketSocket) -> None:
        async for quote in socket:
            self._newest[quote.contract_id] = quote

    async def _subscribe(self, socket: MarketSocket, needed: set[int], refused: dict[int, float]) -> None:
        for contract_id in self._subscribed.keys() - needed:
            await self._unsubscribe(socket, contract_id)
            self._stop({contract_id})
        now = time.monotonic()
        for contract_id in [one for one, again_at in refused.items() if again_at <= now]:
            del refused[contract_id]
        for contract_id in needed - self._subscribed.keys() - refused.keys():
            try:
                granted = await socket.subscribe_quote(contract_id)
            except _REFUSALS as error:
                log.info("No quotes of contract %d: %s", contract_id, type(error).__name__)
                granted = QuoteSubscription(mode=QuoteMode.NONE)
            if granted.mode == QuoteMode.NONE:
                refused[contract_id] = now + NOT_ENTITLED
            else:
                await self._keep(socket, contract_id, granted)
        missing = sorted(self._symbol(contract_id) for contract_id in refused.keys() & needed & self._shown())
        self._trouble(f"{NOT_LIVE}: no market data for {', '.join(missing)}" if missing else "")

    async def _keep(self, socket: MarketSocket, contract_id: int, granted: QuoteSubscription) -> None:
        """Keep a subscription, unless another user's socket brings the same quotes."""
        self._subscribed[contract_id] = granted.mode
        if not self._seat.granted(contract_id, granted.mode):
            del self._subscribed[contract_id]
            await self._unsubscribe(socket, contract_id)
            self._look.set()

    async def _unsubscribe(self, socket: MarketSocket, contract_id: int) -> None:
        # Where Tradovate thinks that there is nothing to end, there is nothing to end.
        with contextlib.suppress(*_REFUSALS):
            await socket.unsubscribe_quote(contract_id)
