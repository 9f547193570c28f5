"""Entities that limit what an account may do, and the account's risk status (openapi.json, tag "Risks").

An account's UserAccountAutoLiq and AccountRiskStatus have the account's id. A UserAccountRiskParameter gives the
details of a UserAccountPositionLimit.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from .entities import Entity

Id = Annotated[int, msgspec.Meta(gt=0)]
Contracts = Annotated[int, msgspec.Meta(ge=0)]
AdminAction = Literal[
    "AgreedOnLiqOnlyModeByAutoLiq",
    "AgreedOnLiquidationByAutoLiq",
    "DisableAutoLiq",
    "LiquidateImmediately",
    "LiquidateOnlyModeImmediately",
    "LockTradingImmediately",
    "Normal",
    "PlaceAutoLiqOnHold",
]
ProductType = Literal[
    "CommonStock", "Continuous", "Cryptocurrency", "Futures", "MarketInternals", "Options", "Spread", "Swap"
]
VerificationStatus = Literal["Inactive", "Locked", "ReadyForContracts", "ReadyToTrade", "Verified"]
TotalBy = Literal["Contract", "ContractGroup", "DiscountGroup", "Exchange", "Overall", "Product", "ProductType"]


class AccountRiskStatus(Entity, kw_only=True):
    """`max_net_liq` is the highest net liquidation value that a trailing drawdown has seen, `min_net_liq` the level at
    which it liquidates. `liquidate_only` is the time since when positions can only be closed."""

    admin_action: str
    admin_timestamp: str | None = None
    liquidate_only: str | None = None
    user_triggered_liq_only: bool | None = None
    max_net_liq: Decimal | None = None
    min_net_liq: Decimal | None = None


class UserAccountAutoLiq(Entity, kw_only=True):
    """Losses and profits in dollars, percentages from 0 to 100, at which an account is warned, may only close its
    positions, or is liquidated. What is None does not apply."""

    changes_locked: bool | None = None
    margin_percentage_alert: Decimal | None = None
    daily_loss_percentage_alert: Decimal | None = None
    daily_loss_alert: Decimal | None = None
    margin_percentage_liq_only: Decimal | None = None
    daily_loss_percentage_liq_only: Decimal | None = None
    daily_loss_liq_only: Decimal | None = None
    margin_percentage_auto_liq: Decimal | None = None
    daily_loss_percentage_auto_liq: Decimal | None = None
    daily_loss_auto_liq: Decimal | None = None
    weekly_loss_auto_liq: Decimal | None = None
    flatten_timestamp: str | None = None
    trailing_max_drawdown: Decimal | None = None
    trailing_max_drawdown_limit: Decimal | None = None
    daily_profit_auto_liq: Decimal | None = None
    weekly_profit_auto_liq: Decimal | None = None
    trailing_max_drawdown_mode: Literal["EOD", "RealTime"] | None = None
    do_not_unlock: bool | None = None


class Scope(Entity, kw_only=True):
    """What a limit is about. What is None does not narrow it."""

    contract_id: Id | None = None
    product_id: Id | None = None
    exchange_id: Id | None = None
    product_type: ProductType | None = None
    risk_discount_contract_group_id: Id | None = None
    product_verification_status: VerificationStatus | None = None
    contract_group_id: Id | None = None


class UserAccountPositionLimit(Scope, kw_only=True):
    """The most contracts that an account may be short, long, or either; `total_by` says what is added up."""

    active: bool
    risk_time_period_id: Id | None = None
    total_by: TotalBy
    short_limit: Contracts | None = None
    long_limit: Contracts | None = None
    exposed_limit: Contracts | None = None
    description: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    account_id: Id


class UserAccountRiskParameter(Scope, kw_only=True):
    """Further conditions for what a position limit is about."""

    max_opening_order_qty: Contracts | None = None
    max_closing_order_qty: Contracts | None = None
    max_back_month: Id | None = None
    pre_expiration_days: int | None = None
    margin_percentage: Decimal | None = None
    margin_dollar_value: Decimal | None = None
    hard_limit: bool | None = None
    user_account_position_limit_id: Id
