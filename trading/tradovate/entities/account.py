"""People and their money: users, accounts, balances, margin, risk, positions (openapi.json, schemas of these names).

Amounts are Decimal, in the account's currency (US dollars unless a currencyId says otherwise); prices are in points.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import field

from .base import Entity, Timestamp, TradeDate


class User(Entity, frozen=True, kw_only=True):
    """A person at Tradovate; the id is the identity that a sign-in is bound to."""

    name: str = ""
    timestamp: Timestamp | None = None
    email: str = ""
    status: str = ""
    professional: bool | None = None
    organization_id: int | None = None
    linked_user_id: int | None = None
    foreign_introducing_broker_id: int | None = None
    introducing_partner_id: int | None = None


class Account(Entity, frozen=True, kw_only=True):
    """A trading account. `active` left the wire in 2026 and `restricted`, `closed` came: read `tradable`."""

    name: str
    user_id: int | None = None
    account_type: str = ""
    active: bool | None = None
    restricted: bool | None = None
    closed: bool | None = None
    readonly: bool | None = None
    clearing_house_id: int | None = None
    risk_category_id: int | None = None
    auto_liq_profile_id: int | None = None
    margin_account_type: str = ""
    legal_status: str = ""
    timestamp: Timestamp | None = None
    evaluation_size: Decimal | None = None
    cc_email: str | None = None
    futures_disabled: bool | None = None
    swap_enabled: bool | None = None
    ssf_risk_disclosure_acknowledgment: Timestamp | None = None
    spot_margin_enabled: bool | None = None

    @property
    def tradable(self) -> bool:
        """True unless Tradovate says that the account is inactive or closed, or may not trade (futures)."""
        return self.active is not False and not (self.closed or self.locked)

    @property
    def locked(self) -> bool:
        """Whether Tradovate says that the account is restricted, read-only or not for futures."""
        return bool(self.restricted or self.readonly or self.futures_disabled)


class CashBalance(Entity, frozen=True, kw_only=True):
    """Cash of one account in one currency."""

    account_id: int
    amount: Decimal
    timestamp: Timestamp | None = None
    trade_date: TradeDate | None = None
    currency_id: int | None = None
    realized_pnl: Decimal | None = field(default=None, name="realizedPnL")
    week_realized_pnl: Decimal | None = field(default=None, name="weekRealizedPnL")
    amount_sod: Decimal | None = field(default=None, name="amountSOD")


class MarginSnapshot(Entity, frozen=True, kw_only=True):
    """Margin of one account; it carries no accountId, its own id is the account's."""

    timestamp: Timestamp | None = None
    risk_time_period_id: int | None = None
    initial_margin: Decimal | None = None
    maintenance_margin: Decimal | None = None
    auto_liq_level: Decimal | None = None
    liq_only_level: Decimal | None = None
    total_used_margin: Decimal | None = None
    full_initial_margin: Decimal | None = None
    position_margin: Decimal | None = None
    total_used_full_margin: Decimal | None = None
    open_collateral_req: Decimal | None = None

    @property
    def account_id(self) -> int:
        """The account this margin belongs to."""
        return self.id


class AccountRiskStatus(Entity, frozen=True, kw_only=True):
    """What Tradovate's risk desk has done to an account; its id is the account's."""

    admin_action: str | None = None
    admin_timestamp: Timestamp | None = None
    liquidate_only: Timestamp | None = None
    user_triggered_liq_only: bool | None = None
    max_net_liq: Decimal | None = None
    min_net_liq: Decimal | None = None

    @property
    def account_id(self) -> int:
        """The account this status belongs to."""
        return self.id


class UserAccountAutoLiq(Entity, frozen=True, kw_only=True):
    """Loss and profit limits at which Tradovate warns, restricts or flattens an account; its id is the account's."""

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
    daily_profit_auto_liq: Decimal | None = None
    weekly_profit_auto_liq: Decimal | None = None
    flatten_timestamp: Timestamp | None = None
    trailing_max_drawdown: Decimal | None = None
    trailing_max_drawdown_limit: Decimal | None = None
    trailing_max_drawdown_mode: str | None = None
    do_not_unlock: bool | None = None


class Position(Entity, frozen=True, kw_only=True):
    """Net position of one account in one contract, in contracts (negative is short); prices in points."""

    account_id: int
    contract_id: int
    net_pos: int
    timestamp: Timestamp | None = None
    trade_date: TradeDate | None = None
    net_price: Decimal | None = None
    bought: int = 0
    bought_value: Decimal | None = None
    sold: int = 0
    sold_value: Decimal | None = None
    prev_pos: int = 0
    prev_price: Decimal | None = None


class FillPair(Entity, frozen=True, kw_only=True):
    """A buy matched with a sell within a position: one piece of realised profit or loss."""

    position_id: int
    buy_fill_id: int
    sell_fill_id: int
    qty: int
    buy_price: Decimal
    sell_price: Decimal
    active: bool | None = None


class UserProperty(Entity, frozen=True, kw_only=True):
    """A setting that Tradovate keeps for a user."""

    user_id: int | None = None
    property_id: int | None = None
    value: str | None = None


class Property(Entity, frozen=True, kw_only=True):
    """The definition of a UserProperty."""

    name: str = ""
    property_type: str = ""
    enum_options: str | None = None
    default_value: str | None = None


class UserPlugin(Entity, frozen=True, kw_only=True):
    """An add-on that a user subscribes to."""

    user_id: int | None = None
    timestamp: Timestamp | None = None
    plan_price: Decimal | None = None
    credit_card_transaction_id: int | None = None
    cash_balance_log_id: int | None = None
    credit_card_id: int | None = None
    account_id: int | None = None
    plugin_name: str = ""
    approval: bool | None = None
    entitlement_id: int | None = None
    start_date: TradeDate | None = None
    expiration_date: TradeDate | None = None
    paid_amount: Decimal | None = None
    autorenewal: bool | None = None
    plan_categories: str | None = None


class EntitlementSubscription(UserPlugin, frozen=True, kw_only=True):
    """A UserPlugin that was bought as an entitlement, by the name that the guide has for it (Entities Index)."""
