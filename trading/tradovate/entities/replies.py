"""What Tradovate answers besides entities (openapi.json, schemas of these names). Tokens never show in a repr."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeAlias

from msgspec import field

from .base import Secret, Timestamp, Wire

# Host names by service. Hosts.moved judges each: an odd one must not cost the token that it came with.
ApiHosts: TypeAlias = dict[str, Any]


class PlaceOrderResult(Wire, frozen=True, kw_only=True):
    """The order was accepted as a command; what becomes of it arrives as events."""

    order_id: int


class CommandResult(Wire, frozen=True, kw_only=True):
    """The modify or cancel was accepted as a command; it may still change nothing."""

    command_id: int


class LiquidationResult(Wire, frozen=True, kw_only=True):
    """The liquidation was accepted; `order_id` is the closing order's, None when there was nothing to close."""

    order_id: int | None = None


class CashBalanceSnapshot(Wire, frozen=True, kw_only=True):
    """An account's money at this moment (cashBalance/getcashbalancesnapshot)."""

    total_cash_value: Decimal | None = None
    total_pnl: Decimal | None = field(default=None, name="totalPnL")
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None
    net_liq: Decimal | None = None
    open_pnl: Decimal | None = field(default=None, name="openPnL")
    realized_pnl: Decimal | None = field(default=None, name="realizedPnL")
    week_realized_pnl: Decimal | None = field(default=None, name="weekRealizedPnL")
    auto_liq_level: Decimal | None = None
    withdrawal_reject_reason: str | None = None
    currency_cash_avail_withdrawal_usd: Decimal | None = field(default=None, name="currencyCashAvailWithdrawalUSD")
    net_liq_sod: Decimal | None = field(default=None, name="netLiqSOD")
    total_cash_value_sod: Decimal | None = field(default=None, name="totalCashValueSOD")
    cash_usd: Decimal | None = field(default=None, name="cashUSD")
    cash_sod_usd: Decimal | None = field(default=None, name="cashSODUSD")
    full_initial_margin: Decimal | None = None
    full_initial_margin_sod: Decimal | None = field(default=None, name="fullInitialMarginSOD")


class Me(Wire, frozen=True, kw_only=True):
    """Who the access token belongs to (auth/me, live host only)."""

    user_id: int
    name: str = ""
    full_name: str | None = None
    email: str | None = None
    email_verified: bool | None = None
    is_trial: bool | None = None
    organization_name: str | None = None
    current_account_plan: str | None = None
    current_md_subs: list[str] = field(default_factory=list, name="currentMDSubs")
    current_balance: Decimal | None = None
    active_plugins: list[str] = []


class AccessToken(Secret, frozen=True, kw_only=True):
    """The reply of accesstokenrequest and renewaccesstoken; `expiration_time` is when `access_token` ends."""

    access_token: str
    expiration_time: Timestamp
    md_access_token: str | None = None
    user_id: int | None = None
    name: str | None = None
    user_status: str | None = None
    password_expiration_time: Timestamp | None = None
    has_live: bool | None = None
    has_funded: bool | None = None
    has_market_data: bool | None = None
    hibp_hint: str | None = None
    has_sim_plus: bool | None = None
    show_kids: bool | None = field(default=None, name="showKIDs")
    outdated_tac: bool | None = field(default=None, name="outdatedTaC")
    outdated_liquidation_policy: bool | None = None
    api_hosts: ApiHosts | None = None


class OAuthTokens(Secret, frozen=True, kw_only=True, rename=None):
    """The reply of auth/oauthtoken. `expires_in` and `refresh_token_expires_in` are seconds from now."""

    access_token: str
    token_type: str | None = None
    expires_in: int | None = None
    refresh_token: str | None = None
    refresh_token_expires_in: int | None = None
    id_token: str | None = None
    api_hosts: ApiHosts | None = field(default=None, name="apiHosts")
