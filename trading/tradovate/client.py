"""The face of the library: one signed-in user of one environment.

async with Tradovate(hosts, access_token) as t:
    contract = await t.contract.find("ESZ6")
    await t.order.place(PlaceOrder(account_id=7, action="Buy", symbol="ESZ6", order_qty=1, order_type="Market"))
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import httpx

from .budgets import Budgets
from .entities import (
    Account,
    AccountRiskStatus,
    AdminAlert,
    AdminAlertSignal,
    Alert,
    AlertSignal,
    CashBalance,
    CashBalanceLog,
    Chat,
    ChatMessage,
    ClearingHouse,
    Command,
    CommandReport,
    ContactInfo,
    Contract,
    ContractGroup,
    ContractMargin,
    ContractMaturity,
    Currency,
    CurrencyRate,
    Entitlement,
    Exchange,
    ExecutionReport,
    Fill,
    FillFee,
    FillPair,
    MarginSnapshot,
    MarketDataSubscription,
    MarketDataSubscriptionExchangeScope,
    MarketDataSubscriptionPlan,
    Order,
    OrderStrategy,
    OrderStrategyLink,
    OrderStrategyType,
    OrderVersion,
    Organization,
    Position,
    Product,
    ProductMargin,
    ProductSession,
    Property,
    SecondMarketDataSubscription,
    SpreadDefinition,
    TradingPermission,
    TradovateSubscription,
    TradovateSubscriptionPlan,
    User,
    UserAccountAutoLiq,
    UserAccountPositionLimit,
    UserAccountRiskParameter,
    UserPlugin,
    UserProperty,
    UserSession,
    UserSessionStats,
)
from .hosts import Hosts
from .operations import Auth, CashBalances, Orders
from .reads import Reads, Writable
from .trading_operations import (
    AccountRiskStatuses,
    Accounts,
    Contracts,
    OrderStrategies,
    PositionLimits,
    Replay,
    UserAccountAutoLiqs,
)
from .transport import TokenSource, Transport
from .user_operations import AdminAlertSignals, Alerts, Chats, UserPlugins, Users


class Tradovate:
    """REST calls in groups by entity type; see `operations` for what each group can do.

    `access_token` is the token, or an async function that returns the valid one for each call. `http` is a shared
    pool from `new_http`; without it this object has its own and closes it. `timeout` is seconds. With
    `budgets`, reads that Tradovate would refuse raise BudgetSpent instead of being sent. `patience` is the seconds
    that a call may sit out time penalties (`sleep` does the waiting); orders never do. `before_sending` is awaited for
    each request when its connection is there and nothing of it has been sent: what it raises (NotSent) keeps the
    request from going. Every call raises TradovateError of the kinds that `errors` explains.
    """

    def __init__(
        self,
        hosts: Hosts,
        access_token: TokenSource,
        *,
        http: httpx.AsyncClient | None = None,
        timeout: float = 10.0,
        budgets: Budgets | None = None,
        patience: float = 0.0,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        before_sending: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        transport = Transport(
            hosts,
            access_token,
            http=http,
            timeout=timeout,
            budgets=budgets,
            patience=patience,
            sleep=sleep,
            before_sending=before_sending,
        )
        self._transport = transport
        self.auth = Auth(transport)
        self.user = Users(transport, "user", User)
        self.account = Accounts(transport, "account", Account)
        self.account_risk_status = AccountRiskStatuses(transport, "accountriskstatus", AccountRiskStatus)
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
        self.contract = Contracts(transport, "contract", Contract)
        self.contract_maturity = Reads(transport, "contractmaturity", ContractMaturity)
        self.contract_group = Reads(transport, "contractgroup", ContractGroup)
        self.product = Reads(transport, "product", Product)
        self.product_session = Reads(transport, "productsession", ProductSession)
        self.exchange = Reads(transport, "exchange", Exchange)
        self.currency = Reads(transport, "currency", Currency)
        self.currency_rate = Reads(transport, "currencyrate", CurrencyRate)
        self.spread_definition = Reads(transport, "spreaddefinition", SpreadDefinition)
        self.order_strategy = OrderStrategies(transport, "orderstrategy", OrderStrategy)
        self.order_strategy_link = Reads(transport, "orderstrategylink", OrderStrategyLink)
        self.cash_balance_log = Reads(transport, "cashbalancelog", CashBalanceLog)
        self.trading_permission = Reads(transport, "tradingpermission", TradingPermission)
        self.contract_margin = Reads(transport, "contractmargin", ContractMargin)
        self.product_margin = Reads(transport, "productmargin", ProductMargin)
        self.user_account_auto_liq = UserAccountAutoLiqs(transport, "useraccountautoliq", UserAccountAutoLiq)
        self.user_account_position_limit = PositionLimits(
            transport, "useraccountpositionlimit", UserAccountPositionLimit
        )
        self.user_account_risk_parameter = Writable(transport, "useraccountriskparameter", UserAccountRiskParameter)
        self.market_data_subscription_exchange_scope = Reads(
            transport, "marketdatasubscriptionexchangescope", MarketDataSubscriptionExchangeScope
        )
        self.market_data_subscription_plan = Reads(transport, "marketdatasubscriptionplan", MarketDataSubscriptionPlan)
        self.tradovate_subscription_plan = Reads(transport, "tradovatesubscriptionplan", TradovateSubscriptionPlan)
        self.admin_alert_signal = AdminAlertSignals(transport, "adminalertsignal", AdminAlertSignal)
        self.alert = Alerts(transport, "alert", Alert)
        self.alert_signal = Reads(transport, "alertsignal", AlertSignal)
        self.admin_alert = Reads(transport, "adminalert", AdminAlert)
        self.clearing_house = Reads(transport, "clearinghouse", ClearingHouse)
        self.entitlement = Reads(transport, "entitlement", Entitlement)
        self.order_strategy_type = Reads(transport, "orderstrategytype", OrderStrategyType)
        self.property = Reads(transport, "property", Property)
        self.contact_info = Reads(transport, "contactinfo", ContactInfo)
        self.market_data_subscription = Writable(transport, "marketdatasubscription", MarketDataSubscription)
        self.organization = Reads(transport, "organization", Organization)
        self.second_market_data_subscription = Reads(
            transport, "secondmarketdatasubscription", SecondMarketDataSubscription
        )
        self.tradovate_subscription = Writable(transport, "tradovatesubscription", TradovateSubscription)
        self.user_plugin = UserPlugins(transport, "userplugin", UserPlugin)
        self.user_property = Reads(transport, "userproperty", UserProperty)
        self.user_session = Reads(transport, "usersession", UserSession)
        self.user_session_stats = Reads(transport, "usersessionstats", UserSessionStats)
        self.chat = Chats(transport, "chat", Chat)
        self.chat_message = Reads(transport, "chatmessage", ChatMessage)
        self.replay = Replay(transport)

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
