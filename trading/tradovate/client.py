"""The face of the library: one signed-in user of one environment.

async with Tradovate(hosts, access_token) as t:
    contract = await t.contract.find("ESZ6")
    await t.order.place(PlaceOrder(account_id=7, action="Buy", symbol="ESZ6", order_qty=1, order_type="Market"))
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

import httpx

from .entities import (
    Account,
    AccountRiskStatus,
    CashBalance,
    Command,
    CommandReport,
    Contract,
    ContractGroup,
    ContractMaturity,
    Currency,
    Exchange,
    ExecutionReport,
    Fill,
    FillFee,
    FillPair,
    MarginSnapshot,
    Order,
    OrderVersion,
    Position,
    Product,
    ProductSession,
    User,
)
from .hosts import Hosts
from .operations import Auth, CashBalances, Orders, Reads
from .transport import TokenSource, Transport


class Tradovate:
    """REST calls in groups by entity type; see `operations` for what each group can do.

    `access_token` is the token, or an async function that returns the valid one for each call. `http` is a shared
    pool from `new_http`; without it this object has its own and closes it. `timeout` is seconds. Every call raises
    TradovateError of the kinds that `errors` explains.
    """

    def __init__(
        self,
        hosts: Hosts,
        access_token: TokenSource,
        *,
        http: httpx.AsyncClient | None = None,
        timeout: float = 10.0,
    ) -> None:
        transport = Transport(hosts, access_token, http=http, timeout=timeout)
        self._transport = transport
        self.auth = Auth(transport)
        self.user = Reads(transport, "user", User)
        self.account = Reads(transport, "account", Account)
        self.account_risk_status = Reads(transport, "accountriskstatus", AccountRiskStatus)
        self.cash_balance = CashBalances(transport, "cashbalance", CashBalance)
        self.margin_snapshot = Reads(transport, "marginsnapshot", MarginSnapshot)
        self.position = Reads(transport, "position", Position)
        self.fill_pair = Reads(transport, "fillpair", FillPair)
        self.order = Orders(transport, "order", Order)
        self.order_version = Reads(transport, "orderversion", OrderVersion)
        self.fill = Reads(transport, "fill", Fill)
        self.fill_fee = Reads(transport, "fillfee", FillFee)
        self.command = Reads(transport, "command", Command)
        self.command_report = Reads(transport, "commandreport", CommandReport)
        self.execution_report = Reads(transport, "executionreport", ExecutionReport)
        self.contract = Reads(transport, "contract", Contract)
        self.contract_maturity = Reads(transport, "contractmaturity", ContractMaturity)
        self.contract_group = Reads(transport, "contractgroup", ContractGroup)
        self.product = Reads(transport, "product", Product)
        self.product_session = Reads(transport, "productsession", ProductSession)
        self.exchange = Reads(transport, "exchange", Exchange)
        self.currency = Reads(transport, "currency", Currency)

    def __repr__(self) -> str:
        return f"<Tradovate at {self._transport.hosts.rest}>"

    @property
    def hosts(self) -> Hosts:
        """The hosts in use; they differ from those passed in once Tradovate has moved the session (307)."""
        return self._transport.hosts

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections that are this object's own."""
        await self._transport.aclose()
