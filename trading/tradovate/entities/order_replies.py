"""What orders in groups, strategies and trials are answered with (openapi.json, schemas of these names).

A refusal never gets here: errorText, failureReason and errorCode have become errors by then.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import field

from .account import AccountRiskStatus, UserAccountAutoLiq
from .base import Timestamp, Wire
from .contract import Contract, ProductMargin
from .order import OrderStrategy


class PlaceOcoResult(Wire, frozen=True, kw_only=True):
    """Both orders were accepted as commands."""

    order_id: int
    oco_id: int | None = None


class PlaceOsoResult(Wire, frozen=True, kw_only=True):
    """The orders were accepted as commands; `oso1_id` and `oso2_id` wait for the first."""

    order_id: int
    oso1_id: int | None = None
    oso2_id: int | None = None


class OrderStrategyStatusResponse(Wire, frozen=True, kw_only=True):
    """The strategy as it stands now."""

    order_strategy: OrderStrategy | None = None


class RiskEvaluationDetails(Wire, frozen=True, kw_only=True):
    """Margin before and after orders, US dollars; positions in contracts."""

    before_initial_margin_req: Decimal | None = None
    before_initial_full_margin_req: Decimal | None = None
    before_open_collateral_req: Decimal | None = None
    initial_margin_req: Decimal | None = None
    initial_full_margin_req: Decimal | None = None
    open_collateral_req: Decimal | None = None
    total_cash: Decimal | None = None
    futures_open_pnl: Decimal | None = field(default=None, name="futuresOpenPnL")
    options_open_pnl: Decimal | None = field(default=None, name="optionsOpenPnL")
    risk_credit: Decimal | None = None
    net_liq_value: Decimal | None = None
    future_comm_and_fees: Decimal | None = None
    total_cash_required: Decimal | None = None
    excess: Decimal | None = None
    before_net_pos: int | None = None
    hypo_long_pos: int | None = None
    hypo_short_pos: int | None = None
    is_exit_order: bool | None = None


class DryRunResponse(Wire, frozen=True, kw_only=True):
    """What a dry run would do; `reject_reason` is a FailureReason when the orders would be refused."""

    reject_reason: str | None = None
    comment: str | None = None
    details: RiskEvaluationDetails | None = None
    fees: dict[str, Any] | None = None


class ProductFeeParams(Wire, frozen=True, kw_only=True):
    """What one contract of a product costs, each part in the currency beside it."""

    clearing_fee: Decimal | None = None
    clearing_currency_id: int | None = None
    exchange_fee: Decimal | None = None
    exchange_currency_id: int | None = None
    nfa_fee: Decimal | None = None
    nfa_currency_id: int | None = None
    brokerage_fee: Decimal | None = None
    brokerage_currency_id: int | None = None
    ip_fee: Decimal | None = None
    ip_currency_id: int | None = None
    commission: Decimal | None = None
    commission_currency_id: int | None = None
    order_routing_fee: Decimal | None = None
    order_routing_currency_id: int | None = None
    product_id: int | None = None
    day_margin: Decimal | None = None
    night_margin: Decimal | None = None
    full_margin: ProductMargin | None = None


class ProductFeeParamsResponse(Wire, frozen=True, kw_only=True):
    """Costs by product."""

    params: list[ProductFeeParams] = []


class RollContractResponse(Wire, frozen=True, kw_only=True):
    """The contract that comes next."""

    contract: Contract | None = None


class RollContractsResponse(Wire, frozen=True, kw_only=True):
    """The contracts that come next, by the symbol that was asked for."""

    contracts: dict[str, Any] | None = None


class SimpleResponse(Wire, frozen=True, kw_only=True):
    """It was done, or not."""

    ok: bool


class DeleteResultResponse(Wire, frozen=True, kw_only=True):
    """It was deleted, or not."""

    success: bool | None = None


class AccountRiskStatusResponse(Wire, frozen=True, kw_only=True):
    """The risk desk's status of an account as it stands now."""

    account_risk_status: AccountRiskStatus | None = None


class UpdateUserAutoLiqResponse(Wire, frozen=True, kw_only=True):
    """The limits as they stand now."""

    user_account_auto_liq: UserAccountAutoLiq | None = None
    permissioned_account_auto_liq: dict[str, Any] | None = None


class CheckReplaySessionResponse(Wire, frozen=True, kw_only=True):
    """Whether a replay may begin, and where; `check_status` is a ReplayCheckStatus."""

    check_status: str | None = None
    start_timestamp: Timestamp | None = None
