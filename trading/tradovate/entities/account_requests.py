"""What can be asked of accounts, contracts, limits and replay (openapi.json, schemas of these names)."""

from __future__ import annotations

from decimal import Decimal

from .base import Timestamp, TradeDate
from .request_base import Id, ReplaySpeed, Request, Text64


class GetCashBalanceSnapshot(Request, frozen=True, kw_only=True):
    """cashbalance/getcashbalancesnapshot."""

    account_id: Id


class ChangeDemoBalance(Request, frozen=True, kw_only=True):
    """cashbalance/changedemobalance: add to the cash of a demo account (or take, when negative)."""

    account_id: int
    cash_change: Decimal
    comment: str | None = None


class ResetDemoAccountState(Request, frozen=True, kw_only=True):
    """account/resetdemoaccountstate: begin demo accounts anew as of a trade date."""

    account_ids: list[int]
    reset_trade_date: TradeDate


class GetProductFeeParams(Request, frozen=True, kw_only=True):
    """contract/getproductfeeparams."""

    product_ids: list[int]


class RollContract(Request, frozen=True, kw_only=True):
    """contract/rollcontract: which contract comes after (or before) this symbol."""

    name: Text64
    forward: bool
    if_expired: bool | None = None


class RollContracts(Request, frozen=True, kw_only=True):
    """contract/rollcontracts: as RollContract, for several."""

    roll_contracts: list[RollContract]


class DeleteUserAccountPositionLimit(Request, frozen=True, kw_only=True):
    """useraccountpositionlimit/deleteuseraccountpositionlimit."""

    user_account_position_limit_id: Id


class DeleteUserAccountRiskParameter(Request, frozen=True, kw_only=True):
    """useraccountpositionlimit/deleteuseraccountriskparameter."""

    user_account_risk_parameter_id: Id


class UpdateMaxNetLiq(Request, frozen=True, kw_only=True):
    """accountriskstatus/updatemaxnetliq: where an account's trailing drawdown counts from."""

    account_id: int
    max_net_liq: Decimal


class SetAdminAutoLiqAction(Request, frozen=True, kw_only=True):
    """accountriskstatus/setadminautoliqaction: what the risk desk does to an account, to liquidate it among others.

    `admin_action` is an AdminAction, `admin_action_reason_code` one of CallIn, ClosingAccount, ComplianceRequest,
    FullBalanceWithdrawal, LowLiquidity and Other, which wants an `admin_action_reason`.
    """

    account_id: int
    admin_action: str
    admin_action_reason_code: str
    admin_action_reason: str | None = None


class ResetAutoLiqStatus(Request, frozen=True, kw_only=True):
    """accountriskstatus/resetautoliqstatus: lift what auto-liquidation did to an account."""

    account_id: int


class UpdateUserAutoLiq(Request, frozen=True, kw_only=True):
    """useraccountautoliq/updateuserautoliq: new loss and profit limits of an account."""

    account_id: int
    as_owner: bool | None = None
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
    flatten_timestamp: Timestamp | None = None
    trailing_max_drawdown: Decimal | None = None
    trailing_max_drawdown_limit: Decimal | None = None
    daily_profit_auto_liq: Decimal | None = None
    weekly_profit_auto_liq: Decimal | None = None
    trailing_max_drawdown_mode: str | None = None
    do_not_unlock: bool | None = None


class InitializeClock(Request, frozen=True, kw_only=True):
    """replay/initializeclock: begin a replay; `speed` is in percent, 0 pauses."""

    start_timestamp: Timestamp
    speed: ReplaySpeed
    initial_balance: Decimal | None = None


class ChangeSpeed(Request, frozen=True, kw_only=True):
    """replay/changespeed: `speed` is in percent, 0 pauses."""

    speed: ReplaySpeed


class CheckReplaySession(Request, frozen=True, kw_only=True):
    """replay/checkreplaysession: may a replay begin at this time?"""

    start_timestamp: Timestamp


class ShardingExpression(Request, frozen=True, kw_only=True):
    """Which part of an organisation's users or accounts a sync request is for."""

    expression_type: str
    divisor: int
    remainder: int


class SyncRequest(Request, frozen=True, kw_only=True):
    """user/syncrequest: by users, or by accounts with entity types and sharding."""

    users: list[int] = []
    accounts: list[int] = []
    split_responses: bool | None = None
    cutoff_timestamp: Timestamp | None = None
    entity_types: list[str] = []
    sharding_expression: ShardingExpression | None = None
    full_org_snapshot: bool | None = None
