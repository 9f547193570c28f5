"""Entities of what a user may subscribe to and has subscribed to (openapi.json, tag "Fees"). Prices are dollars."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import msgspec

from .entities import Entity, TradeDate

Year = Annotated[int, msgspec.Meta(ge=2015, le=2030)]
Month = Annotated[int, msgspec.Meta(ge=1, le=12)]
Id = Annotated[int, msgspec.Meta(gt=0)]
Name = Annotated[str, msgspec.Meta(max_length=64)]
Text = Annotated[str, msgspec.Meta(max_length=8192)]


class Paid(Entity, kw_only=True):
    """What every paid subscription tells of who pays for it."""

    user_id: Id
    timestamp: str
    plan_price: Decimal
    credit_card_transaction_id: Id | None = None
    cash_balance_log_id: Id | None = None
    credit_card_id: Id | None = None
    account_id: Id | None = None


class MarketDataSubscription(Paid, kw_only=True):
    market_data_subscription_plan_id: Id
    year: Year
    month: Month
    renewal_credit_card_id: Id | None = None
    renewal_account_id: Id | None = None


class TradovateSubscription(Paid, kw_only=True):
    tradovate_subscription_plan_id: Id
    start_date: TradeDate
    expiration_date: TradeDate
    paid_amount: Decimal
    cancelled_renewal: bool | None = None
    cancel_reason: Text | None = None


class UserPlugin(Paid, kw_only=True):
    plugin_name: Name
    approval: bool
    entitlement_id: Id | None = None
    start_date: TradeDate
    expiration_date: TradeDate | None = None
    paid_amount: Decimal
    autorenewal: bool | None = None
    plan_categories: Text | None = None


class SecondMarketDataSubscription(Entity, kw_only=True):
    user_id: int
    timestamp: str
    year: int
    month: int
    cancelled_renewal: bool | None = None
    cancellation_timestamp: str | None = None


class MarketDataSubscriptionExchangeScope(Entity, kw_only=True):
    """`bundle_of` lists the names of the scopes in a bundle, with commas."""

    name: str
    bundle_of: str | None = None


class MarketDataSubscriptionPlan(Entity, kw_only=True):
    name: str
    title: str
    price: Decimal
    exchange_scope_id: int
    data_type: str
    professional: str


class TradovateSubscriptionPlan(Entity, kw_only=True):
    name: str
    title: str
    price: Decimal
    category: str
    trial: bool
    duration: int
    duration_units: str
    multiple_accounts: bool
    replay_sessions: int


class Entitlement(Entity, kw_only=True):
    title: str
    price: Decimal
    name: str
    duration: int
    duration_units: str
    autorenewal: bool


TYPES: dict[str, type[Entity]] = {
    "marketDataSubscription": MarketDataSubscription,
    "tradovateSubscription": TradovateSubscription,
    "userPlugin": UserPlugin,
    "secondMarketDataSubscription": SecondMarketDataSubscription,
}
"""Those that the store keeps, by the name that `props` events give them."""
