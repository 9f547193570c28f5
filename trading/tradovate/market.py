"""The market data socket: quotes by subscription (official Market Data text)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from . import answers
from .entities import Quote
from .errors import ApiError, SymbolInaccessible
from .frames import Event, QuotesEvent
from .session import SocketSession

_INACCESSIBLE = "symbol is inaccessible"


class QuoteSubscription(msgspec.Struct, frozen=True, rename="camel"):
    """A subscription that Tradovate accepted; `mode` is a QuoteMode or newer word, "" when it was not said."""

    mode: str = ""
    contract_id: int | None = None
    subscription_id: int | None = None


class MarketSocket(SocketSession[Quote]):
    """A session on a market data host; iterating gives quotes, each with all that Tradovate has for the contract."""

    async def subscribe_quote(self, symbol: str | int) -> QuoteSubscription:
        """md/subscribequote: have quotes of a contract sent, by symbol ("ESZ6") or contract id.

        One subscription per contract and socket. Raises SymbolInaccessible for an unknown symbol and without a
        market data subscription, and what `request` raises.
        """
        response = await self._ask("md/subscribequote", None, {"symbol": symbol}, 10.0)
        try:
            answers.check(response.status, response.body)
        except ApiError as error:
            if _INACCESSIBLE in error.text.lower():
                raise SymbolInaccessible(symbol) from error
            raise
        if not response.body:
            return QuoteSubscription()
        return answers.read(response.status, response.body, QuoteSubscription)

    async def unsubscribe_quote(self, symbol: str | int) -> None:
        """md/unsubscribequote: end the quotes of a contract, named as it was subscribed."""
        await self.request("md/unsubscribequote", body={"symbol": symbol})

    def _wanted(self, event: Event) -> Iterable[Quote]:
        return event.quotes if isinstance(event, QuotesEvent) else ()
