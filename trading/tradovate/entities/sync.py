"""The snapshot that a user socket begins with, and which struct belongs to which entity type.

Source: openapi.json, SyncMessage; official WebSockets guide, User Synchronization.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from .account import (
    Account,
    AccountRiskStatus,
    CashBalance,
    EntitlementSubscription,
    FillPair,
    MarginSnapshot,
    Position,
    Property,
    User,
    UserAccountAutoLiq,
    UserPlugin,
    UserProperty,
)
from .alert import AdminAlert, AdminAlertSignal, Alert, AlertSignal, Chat, ChatMessage
from .base import Entity, Wire
from .contract import (
    Contract,
    ContractGroup,
    ContractMargin,
    ContractMaturity,
    Currency,
    CurrencyRate,
    Exchange,
    Product,
    ProductMargin,
    ProductSession,
    SpreadDefinition,
)
from .order import (
    Command,
    CommandReport,
    ExecutionReport,
    Fill,
    FillFee,
    Order,
    OrderStrategy,
    OrderStrategyLink,
    OrderStrategyType,
    OrderVersion,
)
from .people import (
    AnnualReview,
    ClearingHouse,
    ContactInfo,
    Organization,
    TradingPermission,
    UserPromoCode,
    UserReadStatus,
    UserSession,
    UserSessionStats,
)
from .risk import CashBalanceLog, UserAccountPositionLimit, UserAccountRiskParameter
from .subscription import (
    Entitlement,
    MarketDataSubscription,
    MarketDataSubscriptionExchangeScope,
    MarketDataSubscriptionPlan,
    SecondMarketDataSubscription,
    TradovateSubscription,
    TradovateSubscriptionPlan,
)

E = TypeVar("E", bound=Entity)

ENTITY_TYPES: dict[str, type[Entity]] = {
    "user": User,
    "account": Account,
    "accountRiskStatus": AccountRiskStatus,
    "marginSnapshot": MarginSnapshot,
    "userAccountAutoLiq": UserAccountAutoLiq,
    "cashBalance": CashBalance,
    "currency": Currency,
    "currencyRate": CurrencyRate,
    "position": Position,
    "fillPair": FillPair,
    "order": Order,
    "orderVersion": OrderVersion,
    "contract": Contract,
    "contractMaturity": ContractMaturity,
    "contractMargin": ContractMargin,
    "contractGroup": ContractGroup,
    "product": Product,
    "productSession": ProductSession,
    "productMargin": ProductMargin,
    "exchange": Exchange,
    "spreadDefinition": SpreadDefinition,
    "command": Command,
    "commandReport": CommandReport,
    "executionReport": ExecutionReport,
    "fill": Fill,
    "fillFee": FillFee,
    "orderStrategy": OrderStrategy,
    "orderStrategyLink": OrderStrategyLink,
    "orderStrategyType": OrderStrategyType,
    "userProperty": UserProperty,
    "property": Property,
    "userPlugin": UserPlugin,
    "adminAlert": AdminAlert,
    "adminAlertSignal": AdminAlertSignal,
    "alert": Alert,
    "alertSignal": AlertSignal,
    "annualReview": AnnualReview,
    "cashBalanceLog": CashBalanceLog,
    "chat": Chat,
    "chatMessage": ChatMessage,
    "clearingHouse": ClearingHouse,
    "contactInfo": ContactInfo,
    "entitlement": Entitlement,
    "entitlementSubscription": EntitlementSubscription,
    "marketDataSubscription": MarketDataSubscription,
    "marketDataSubscriptionExchangeScope": MarketDataSubscriptionExchangeScope,
    "marketDataSubscriptionPlan": MarketDataSubscriptionPlan,
    "organization": Organization,
    "secondMarketDataSubscription": SecondMarketDataSubscription,
    "tradingPermission": TradingPermission,
    "tradovateSubscription": TradovateSubscription,
    "tradovateSubscriptionPlan": TradovateSubscriptionPlan,
    "userAccountPositionLimit": UserAccountPositionLimit,
    "userAccountRiskParameter": UserAccountRiskParameter,
    "userPromoCode": UserPromoCode,
    "userReadStatus": UserReadStatus,
    "userSession": UserSession,
    "userSessionStats": UserSessionStats,
}


class UnknownEntity(msgspec.Struct, frozen=True, kw_only=True):
    """An entity that this library has no struct for, or that does not fit its struct.

    `data` is the decoded JSON (numbers with a point as Decimal). `problem` says what did not fit; it is empty when
    the entity type itself is unknown. Production sockets push such things unasked: ignoring them is right.
    """

    entity_type: str
    data: Any = None
    problem: str = ""

    @property
    def id(self) -> int | None:
        """The entity's id, when it has one."""
        value = self.data.get("id") if isinstance(self.data, dict) else None
        return value if isinstance(value, int) else None


class SyncSnapshot(Wire, kw_only=True, frozen=True):
    """Everything that a user may see, as the reply of user/syncrequest gives it.

    Only `users` and `contract_groups` are always sent; what is missing is an empty list here. Orders, fills and fill
    pairs are those of the current trading day. `misfits` holds entities that do not fit their struct.
    """

    users: list[User] = []
    accounts: list[Account] = []
    account_risk_statuses: list[AccountRiskStatus] = []
    margin_snapshots: list[MarginSnapshot] = []
    user_account_auto_liqs: list[UserAccountAutoLiq] = []
    cash_balances: list[CashBalance] = []
    currencies: list[Currency] = []
    positions: list[Position] = []
    fill_pairs: list[FillPair] = []
    orders: list[Order] = []
    order_versions: list[OrderVersion] = []
    contracts: list[Contract] = []
    contract_maturities: list[ContractMaturity] = []
    products: list[Product] = []
    exchanges: list[Exchange] = []
    spread_definitions: list[SpreadDefinition] = []
    commands: list[Command] = []
    command_reports: list[CommandReport] = []
    execution_reports: list[ExecutionReport] = []
    fills: list[Fill] = []
    fill_fees: list[FillFee] = []
    order_strategies: list[OrderStrategy] = []
    order_strategy_links: list[OrderStrategyLink] = []
    order_strategy_types: list[OrderStrategyType] = []
    user_properties: list[UserProperty] = []
    properties: list[Property] = []
    user_plugins: list[UserPlugin] = []
    contract_groups: list[ContractGroup] = []
    annual_reviews: list[AnnualReview] = []
    user_read_statuses: list[UserReadStatus] = []
    user_promo_codes: list[UserPromoCode] = []
    misfits: list[UnknownEntity] = msgspec.field(default_factory=list, name="_misfits")

    def merged(self, other: SyncSnapshot) -> SyncSnapshot:
        """Return both parts of a split reply as one; where both have an entity, `other`'s is the newer one."""
        fields: dict[str, Any] = {}
        for name in SyncSnapshot.__struct_fields__:
            mine, theirs = getattr(self, name), getattr(other, name)
            fields[name] = mine + theirs if name == "misfits" else _merge(mine, theirs)
        return SyncSnapshot(**fields)


def _merge(older: list[E], newer: list[E]) -> list[E]:
    by_id = {entity.id: entity for entity in older}
    by_id.update((entity.id, entity) for entity in newer)
    return list(by_id.values())
