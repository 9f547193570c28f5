"""The face of the dialect: one signed-in user.

async with TradingView(hosts, access_token) as tv:
    (account, *_) = await tv.accounts()
    quote = await tv.quote("MNQZ6", max_age=0)
    order = PlaceOrder.at_target("MNQZ6", 1, "Buy", Decimal("21000"), market=quote.last)
    placed = await tv.place(account.id, order)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote as quoted

import httpx

from trading.tradovate.budgets import Budgets
from trading.tradovate.errors import SymbolInaccessible
from trading.tradovate.frames import encode_query
from trading.tradovate.hosts import Hosts
from trading.tradovate.limits import Limit
from trading.tradovate.priorities import Priority
from trading.tradovate.stores import MemoryStore
from trading.tradovate.transport import TokenSource, Transport

from . import answers
from .entities import (
    Account,
    AccountState,
    Authorization,
    Order,
    OrderUpdated,
    PlacedOrder,
    Position,
    Quote,
    QuoteEntry,
)
from .quotes import QuoteCache
from .requests import PlaceOrder, UpdateOrder

T = TypeVar("T")

# TradingView REST text, Rate Limits: of the demo environment, and per account. All requests of a token count as one
# account's here, so that they stay below it whichever account is meant; LIVE publishes no figure of its own.
PER_MINUTE = Limit("tv", 100, seconds=60.0, shares={Priority.READ: 80})
# TradingView REST text, Best Practices.
QUOTE_SECONDS = 5.0


class TradingView:
    """The dialect's operations, one method each.

    `access_token` is the token, or an async function that returns the valid one for each call; `http` a shared pool
    from `new_http`, without which this object has its own and closes it; `timeout` is seconds. When the minute's 100
    requests are nearly used up, reads raise BudgetSpent; orders are counted and always sent. `budgets` shares the
    count with others: `Budgets(store, network="", user=7, user_limit=PER_MINUTE)`.

    Every call raises TradovateError of the kinds that `errors` explains. Nothing is sent twice and no redirect is
    followed. After OutcomeUnknown from `place`, `update` or `cancel`, look at `orders` first.
    """

    def __init__(
        self,
        hosts: Hosts,
        access_token: TokenSource,
        *,
        http: httpx.AsyncClient | None = None,
        timeout: float = 10.0,
        budgets: Budgets | None = None,
        locale: str = "en",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not hosts.tv:
            raise ValueError("These hosts have none for the TradingView-style dialect.")
        self._base = hosts.tv
        self._transport = Transport(hosts, access_token, http=http, timeout=timeout)
        self._budgets = budgets or Budgets(MemoryStore(), network="", user=0, user_limit=PER_MINUTE)
        self._locale = locale
        self._quotes = QuoteCache(self._ask_quotes, clock)

    def __repr__(self) -> str:
        return f"<TradingView at {self._base}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Wait until what was sent is counted, and close the connections unless the pool was passed in."""
        await self._budgets.counted()
        await self._transport.aclose()

    async def authorize(self) -> Authorization:
        """GET /authorize: exchange a TradingView token for one of the dialect. This object keeps the one it has."""
        return await self._read("/authorize", Authorization)

    async def accounts(self) -> list[Account]:
        """GET /accounts: the user's trading accounts."""
        return await self._read("/accounts", list[Account])

    async def state(self, account_id: str) -> AccountState:
        """GET /accounts/ID/state: an account's money now. Raises NotFound."""
        return await self._read(f"{_account(account_id)}/state", AccountState)

    async def positions(self, account_id: str) -> list[Position]:
        """GET /accounts/ID/positions: an account's positions. Raises NotFound."""
        return await self._read(f"{_account(account_id)}/positions", list[Position])

    async def orders(self, account_id: str) -> list[Order]:
        """GET /accounts/ID/orders: an account's orders, finished ones too. Raises NotFound."""
        return await self._read(f"{_account(account_id)}/orders", list[Order])

    async def order(self, account_id: str, order_id: str) -> Order:
        """GET /accounts/ID/orders/ID: one order. Raises NotFound, ApiError."""
        return await self._read(_order(account_id, order_id), Order)

    async def place(self, account_id: str, order: PlaceOrder) -> PlacedOrder:
        """POST /accounts/ID/orders: send one order; return it as it was accepted. Raises OrderRejected."""
        answer = await self._trade("POST", f"{_account(account_id)}/orders", order.form())
        return answers.data(answer, PlacedOrder)

    async def update(self, account_id: str, order_id: str, change: UpdateOrder) -> OrderUpdated:
        """PUT /accounts/ID/orders/ID: change a working order. Raises OrderRejected."""
        answer = await self._trade("PUT", _order(account_id, order_id), {"id": order_id, **change.form()})
        return answers.data(answer, OrderUpdated)

    async def cancel(self, account_id: str, order_id: str) -> None:
        """DELETE /accounts/ID/orders/ID: cancel a working order; OrderRejected("TooLate") when it has finished."""
        await self._trade("DELETE", _order(account_id, order_id))

    async def quotes(self, symbols: Iterable[str], *, max_age: float = QUOTE_SECONDS) -> dict[str, Quote]:
        """GET /quotes: prices by symbol, at most `max_age` seconds old; symbols without prices are left out.

        Only what is not known as recently is asked for, and by several callers at once only once. 0 asks always.
        Raises ValueError for an empty symbol or one with a comma.
        """
        return await self._quotes.get(symbols, max_age)

    async def quote(self, symbol: str, *, max_age: float = QUOTE_SECONDS) -> Quote:
        """As `quotes`, of one symbol. Raises SymbolInaccessible when there are no prices of it."""
        found = (await self.quotes([symbol], max_age=max_age)).get(symbol)
        if found is None:
            raise SymbolInaccessible(symbol)
        return found

    async def _ask_quotes(self, symbols: list[str]) -> list[QuoteEntry]:
        return await self._read("/quotes", list[QuoteEntry], {"symbols": symbols})

    async def _read(self, path: str, kind: type[T], query: Mapping[str, object] | None = None) -> T:
        async with self._budgets.request("GET", path.strip("/")):
            status, body, retry_after = await self._transport.exchange("GET", self._url(path, query))
            return answers.data(answers.check(status, body, retry_after=retry_after), kind)

    async def _trade(self, method: str, path: str, form: Mapping[str, str] | None = None) -> bytes:
        """Send one order operation; return the data of its answer. Never sent again, whatever comes of it."""
        async with self._budgets.request(method, path.strip("/")):
            status, body, retry_after = await self._transport.exchange(method, self._url(path), form=form)
            return answers.check(status, body, trades=True, retry_after=retry_after)

    def _url(self, path: str, query: Mapping[str, object] | None = None) -> str:
        return f"{self._base}{path}?{encode_query({'locale': self._locale, **(query or {})})}"


def _account(account_id: str) -> str:
    if not account_id:
        raise ValueError("An account id is needed.")
    return f"/accounts/{quoted(account_id, safe='')}"


def _order(account_id: str, order_id: str) -> str:
    if not order_id:
        raise ValueError("An order id is needed.")
    return f"{_account(account_id)}/orders/{quoted(order_id, safe='')}"
