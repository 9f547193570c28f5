"""Plans and what users have subscribed to (openapi.json, schemas of these names). Prices are US dollars."""

from __future__ import annotations

from decimal import Decimal

from .base import Entity, Timestamp, TradeDate


class Entitlement(Entity, frozen=True, kw_only=True):
    """An add-on that can be bought; a bought one is a UserPlugin."""

    title: str | None = None
    price: Decimal | None = None
    start_date: TradeDate | None = None
    discontinued_date: TradeDate | None = None
    name: str | None = None
    duration: int | None = None
    duration_units: str | None = None
    autorenewal: bool | None = None


class MarketDataSubscriptionExchangeScope(Entity, frozen=True, kw_only=True):
    """The exchanges that a market data plan covers."""

    name: str | None = None
    bundle_of: str | None = None


class MarketDataSubscriptionPlan(Entity, frozen=True, kw_only=True):
    """Market data that can be subscribed to: top of book or depth, for professionals or not."""

    name: str | None = None
    title: str | None = None
    price: Decimal | None = None
    start_date: TradeDate | None = None
    discontinued_date: TradeDate | None = None
    exchange_scope_id: int | None = None
    data_type: str | None = None
    professional: str | None = None
    tooltip: str | None = None


class MarketDataSubscription(Entity, frozen=True, kw_only=True):
    """One month of market data that a user has."""

    user_id: int | None = None
    timestamp: Timestamp | None = None
    plan_price: Decimal | None = None
    credit_card_transaction_id: int | None = None
    cash_balance_log_id: int | None = None
    credit_card_id: int | None = None
    account_id: int | None = None
    market_data_subscription_plan_id: int | None = None
    year: int | None = None
    month: int | None = None
    renewal_credit_card_id: int | None = None
    renewal_account_id: int | None = None


class SecondMarketDataSubscription(Entity, frozen=True, kw_only=True):
    """One month of market data on a second device."""

    user_id: int | None = None
    timestamp: Timestamp | None = None
    year: int | None = None
    month: int | None = None
    cancelled_renewal: bool | None = None
    cancellation_timestamp: Timestamp | None = None


class TradovateSubscriptionPlan(Entity, frozen=True, kw_only=True):
    """A membership that can be bought."""

    name: str | None = None
    title: str | None = None
    price: Decimal | None = None
    start_date: TradeDate | None = None
    discontinued_date: TradeDate | None = None
    category: str | None = None
    trial: bool | None = None
    duration: int | None = None
    duration_units: str | None = None
    risk_category_id: int | None = None
    multiple_accounts: bool | None = None
    organization_id: int | None = None
    replay_sessions: int | None = None
    footnote: str | None = None
    sim_only: bool | None = None


class TradovateSubscription(Entity, frozen=True, kw_only=True):
    """A membership that a user has, and until when."""

    user_id: int | None = None
    timestamp: Timestamp | None = None
    plan_price: Decimal | None = None
    credit_card_transaction_id: int | None = None
    cash_balance_log_id: int | None = None
    credit_card_id: int | None = None
    account_id: int | None = None
    tradovate_subscription_plan_id: int | None = None
    start_date: TradeDate | None = None
    expiration_date: TradeDate | None = None
    paid_amount: Decimal | None = None
    cancelled_renewal: bool | None = None
    cancel_reason: str | None = None
