"""What users are answered about subscriptions, alerts and chats (openapi.json, schemas of these names).

A refusal never gets here: errorText and errorCode have become errors by then.
"""

from __future__ import annotations

from decimal import Decimal

from .account import UserPlugin
from .alert import AdminAlertSignal, Alert, Chat, ChatMessage
from .base import Wire
from .people import TradingPermission
from .subscription import MarketDataSubscription, SecondMarketDataSubscription, TradovateSubscription


class UserStatusMessage(Wire, frozen=True, kw_only=True):
    """The state of a user, a UserStatus or newer word."""

    status: str | None = None


class OpenDemoAccountResponse(Wire, frozen=True, kw_only=True):
    """The new demo account."""

    account_id: int | None = None


class SignUpResponse(Wire, frozen=True, kw_only=True):
    """The new user."""

    user_id: int | None = None
    email_verified: bool | None = None


class TradingPermissionResponse(Wire, frozen=True, kw_only=True):
    """A trading permission as it stands now."""

    trading_permission: TradingPermission | None = None


class CancelEverythingResponse(Wire, frozen=True, kw_only=True):
    """Ids of what was ended: permissions on the simulation host, the others on the live host."""

    trading_permission_ids: list[int] = []
    market_data_subscription_ids: list[int] = []
    tradovate_subscription_ids: list[int] = []
    user_plugin_ids: list[int] = []


class TradingPermissionsResponse(Wire, frozen=True, kw_only=True):
    """The trading permissions of an account."""

    trading_permissions: list[TradingPermission] = []


class MarketDataSubscriptionResponse(Wire, frozen=True, kw_only=True):
    """A subscription as it stands now."""

    market_data_subscription: MarketDataSubscription | None = None


class SecondMarketDataSubscriptionResponse(Wire, frozen=True, kw_only=True):
    """A subscription as it stands now."""

    second_market_data_subscription: SecondMarketDataSubscription | None = None


class SecondMarketDataSubscriptionCostResponse(Wire, frozen=True, kw_only=True):
    """US dollars a month."""

    monthly_cost: Decimal | None = None


class TradovateSubscriptionResponse(Wire, frozen=True, kw_only=True):
    """A membership as it stands now."""

    tradovate_subscription: TradovateSubscription | None = None


class EntitlementSubscriptionResponse(Wire, frozen=True, kw_only=True):
    """An add-on as it stands now."""

    entitlement_subscription: UserPlugin | None = None


class AlertResponse(Wire, frozen=True, kw_only=True):
    """An alert as it stands now."""

    alert: Alert | None = None


class AdminAlertSignalResponse(Wire, frozen=True, kw_only=True):
    """A signal as it stands now."""

    admin_alert_signal: AdminAlertSignal | None = None


class ChatResponse(Wire, frozen=True, kw_only=True):
    """A conversation as it stands now."""

    chat: Chat | None = None


class ChatMessageResponse(Wire, frozen=True, kw_only=True):
    """A message as it stands now."""

    chat_message: ChatMessage | None = None
