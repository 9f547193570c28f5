"""What can be asked about users, subscriptions, alerts and chats (openapi.json, schemas of these names)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from .base import Timestamp
from .request_base import Id, Month, Request, SubscriptionYear, Text64, Text8192


class ModifyCredentials(Request, frozen=True, kw_only=True):
    """user/modifycredentials: a new name and password. Neither password shows in a repr."""

    name: Annotated[str, Meta(min_length=3, max_length=64)]
    password: Annotated[str, Meta(min_length=8, max_length=64)]
    current_password: Text64
    user_id: Id | None = None

    def __repr__(self) -> str:
        return f"ModifyCredentials(name={self.name!r}, ...)"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("name", self.name)]


class ModifyPassword(Request, frozen=True, kw_only=True):
    """user/modifypassword. Neither password shows in a repr."""

    password: Annotated[str, Meta(min_length=8, max_length=64)]
    current_password: Text64
    user_id: Id | None = None

    def __repr__(self) -> str:
        return f"ModifyPassword(user_id={self.user_id!r}, ...)"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("user_id", self.user_id)]


class ModifyEmailAddress(Request, frozen=True, kw_only=True):
    """user/modifyemailaddress."""

    email: Text64
    user_id: Id | None = None


class OpenDemoAccount(Request, frozen=True, kw_only=True):
    """user/opendemoaccount: `initial_balance` is US dollars."""

    template_account_id: Id | None = None
    name: Text64 | None = None
    initial_balance: Decimal | None = None


class SignUpOrganizationMember(Request, frozen=True, kw_only=True):
    """user/signuporganizationmember: a new user of an organisation. The password does not show in a repr."""

    name: Annotated[str, Meta(min_length=3, max_length=64)]
    email: Text64
    password: Annotated[str, Meta(min_length=8, max_length=64)]
    first_name: Text64
    last_name: Annotated[str, Meta(min_length=2, max_length=64)]

    def __repr__(self) -> str:
        return f"SignUpOrganizationMember(name={self.name!r}, ...)"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("name", self.name)]


class AcceptTradingPermission(Request, frozen=True, kw_only=True):
    """user/accepttradingpermission."""

    trading_permission_id: Id


class GetAccountTradingPermissions(Request, frozen=True, kw_only=True):
    """user/getaccounttradingpermissions."""

    account_id: Id


class RequestTradingPermission(Request, frozen=True, kw_only=True):
    """user/requesttradingpermission: ask another person for leave to trade an account."""

    account_id: Id
    cta_contact: Text64
    cta_email: Text64


class CreateTradingPermission(Request, frozen=True, kw_only=True):
    """user/createtradingpermission: let a user trade a simulation account (guide, operation of this name)."""

    user_id: Id
    account_id: Id


class CancelEverything(Request, frozen=True, kw_only=True):
    """user/canceleverything: end subscriptions, plugins and permissions of users (guide, operation of this name)."""

    user_ids: list[int]


class RevokeTradingPermission(Request, frozen=True, kw_only=True):
    """user/revoketradingpermission."""

    trading_permission_id: Id


class AddMarketDataSubscription(Request, frozen=True, kw_only=True):
    """user/addmarketdatasubscription. It costs money."""

    market_data_subscription_plan_ids: list[int]
    year: SubscriptionYear
    month: Month
    credit_card_id: Id | None = None
    account_id: Id | None = None
    user_id: Id | None = None


class AddSecondMarketDataSubscription(Request, frozen=True, kw_only=True):
    """user/addsecondmarketdatasubscription. It costs money."""

    year: SubscriptionYear
    month: Month
    credit_card_id: Id | None = None
    account_id: Id | None = None
    user_id: Id | None = None


class GetSecondMarketDataSubscriptionCost(Request, frozen=True, kw_only=True):
    """user/getsecondmarketdatasubscriptioncost."""

    year: SubscriptionYear
    month: Month
    user_id: Id | None = None


class ActivateSecondMarketDataSubscriptionRenewal(Request, frozen=True, kw_only=True):
    """user/activatesecondmarketdatasubscriptionrenewal."""

    second_market_data_subscription_id: Id


class CancelSecondMarketDataSubscription(Request, frozen=True, kw_only=True):
    """user/cancelsecondmarketdatasubscription."""

    second_market_data_subscription_id: Id


class CancelSecondMarketDataSubscriptionRenewal(Request, frozen=True, kw_only=True):
    """user/cancelsecondmarketdatasubscriptionrenewal."""

    second_market_data_subscription_id: Id


class AddTradovateSubscription(Request, frozen=True, kw_only=True):
    """user/addtradovatesubscription. It costs money."""

    tradovate_subscription_plan_id: Id
    credit_card_id: Id | None = None
    account_id: Id | None = None
    user_id: Id | None = None


class CancelTradovateSubscription(Request, frozen=True, kw_only=True):
    """user/canceltradovatesubscription; `expire` ends it now."""

    tradovate_subscription_id: Id
    cancel_reason: Text8192 | None = None
    expire: bool | None = None


class AddEntitlementSubscription(Request, frozen=True, kw_only=True):
    """userplugin/addentitlementsubscription. It costs money."""

    entitlement_id: Id
    credit_card_id: Id | None = None
    account_id: Id | None = None
    user_id: Id | None = None


class ChangePluginPermission(Request, frozen=True, kw_only=True):
    """userplugin/changepluginpermission."""

    plugin_name: Text64
    approval: bool
    user_id: Id | None = None


class CreateAlert(Request, frozen=True, kw_only=True):
    """alert/createalert."""

    expression: Annotated[str, Meta(max_length=4096)]
    valid_until: Timestamp | None = None
    trigger_limits: Annotated[int, Meta(ge=0, le=10)] | None = None
    message: Annotated[str, Meta(max_length=256)] | None = None


class ModifyAlert(Request, frozen=True, kw_only=True):
    """alert/modifyalert."""

    alert_id: Id
    expression: Annotated[str, Meta(max_length=4096)]
    valid_until: Timestamp | None = None
    trigger_limits: Annotated[int, Meta(ge=0, le=10)] | None = None
    message: Annotated[str, Meta(max_length=256)] | None = None


class DeleteAlert(Request, frozen=True, kw_only=True):
    """alert/deletealert."""

    alert_id: Id


class DismissAlert(Request, frozen=True, kw_only=True):
    """alert/dismissalert."""

    alert_id: Id


class ResetAlert(Request, frozen=True, kw_only=True):
    """alert/resetalert."""

    alert_id: Id


class MarkReadAlertSignal(Request, frozen=True, kw_only=True):
    """alert/markreadalertsignal."""

    alert_id: Id
    alert_signal_id: Id


class TakeAlertSignalOwnership(Request, frozen=True, kw_only=True):
    """adminalertsignal/takealertsignalownership."""

    admin_alert_signal_id: Id


class CompleteAlertSignal(Request, frozen=True, kw_only=True):
    """adminalertsignal/completealertsignal."""

    admin_alert_signal_id: Id


class PostChatMessage(Request, frozen=True, kw_only=True):
    """chat/postchatmessage; `category` is a ChatCategory."""

    category: str
    text: Annotated[str, Meta(max_length=1024)]
    user_id: Id | None = None


class MarkAsReadChatMessage(Request, frozen=True, kw_only=True):
    """chat/markasreadchatmessage."""

    chat_message_id: Id


class CloseChat(Request, frozen=True, kw_only=True):
    """chat/closechat."""

    chat_id: Id
