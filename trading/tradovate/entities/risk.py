"""Limits of accounts, and the log of their cash (openapi.json, schemas of these names)."""

from __future__ import annotations

from decimal import Decimal

from msgspec import field

from .base import Entity, Timestamp, TradeDate


class CashBalanceLog(Entity, frozen=True, kw_only=True):
    """One change of a cash balance by `delta`, and why; `amount` is the cash afterwards."""

    account_id: int | None = None
    timestamp: Timestamp | None = None
    trade_date: TradeDate | None = None
    currency_id: int | None = None
    amount: Decimal | None = None
    realized_pnl: Decimal | None = field(default=None, name="realizedPnL")
    week_realized_pnl: Decimal | None = field(default=None, name="weekRealizedPnL")
    cash_change_type: str | None = None
    fill_pair_id: int | None = None
    fill_id: int | None = None
    fund_transaction_id: int | None = None
    comment: str | None = None
    delta: Decimal | None = None
    sender_id: int | None = None


class UserAccountPositionLimit(Entity, frozen=True, kw_only=True):
    """Most contracts that an account may hold, in total by whatever `total_by` says."""

    contract_id: int | None = None
    product_id: int | None = None
    exchange_id: int | None = None
    product_type: str | None = None
    risk_discount_contract_group_id: int | None = None
    product_verification_status: str | None = None
    contract_group_id: int | None = None
    active: bool | None = None
    risk_time_period_id: int | None = None
    total_by: str | None = None
    short_limit: int | None = None
    long_limit: int | None = None
    exposed_limit: int | None = None
    description: str | None = None
    account_id: int | None = None


class UserAccountRiskParameter(Entity, frozen=True, kw_only=True):
    """Terms under a position limit: largest orders, margin, days before expiration."""

    contract_id: int | None = None
    product_id: int | None = None
    exchange_id: int | None = None
    product_type: str | None = None
    risk_discount_contract_group_id: int | None = None
    product_verification_status: str | None = None
    contract_group_id: int | None = None
    max_opening_order_qty: int | None = None
    max_closing_order_qty: int | None = None
    max_back_month: int | None = None
    pre_expiration_days: int | None = None
    margin_percentage: Decimal | None = None
    margin_dollar_value: Decimal | None = None
    hard_limit: bool | None = None
    user_account_position_limit_id: int | None = None
