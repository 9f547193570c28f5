"""What can be done about users, subscriptions, alerts and chats, typed in and typed out.

Every call is one request that is never sent a second time; all raise as `errors` says. Sources: openapi.json, the
paths that the docstrings give.
"""

from __future__ import annotations

from .entities import (
    AcceptTradingPermission,
    AccessToken,
    ActivateSecondMarketDataSubscriptionRenewal,
    AddEntitlementSubscription,
    AddMarketDataSubscription,
    AddSecondMarketDataSubscription,
    AddTradovateSubscription,
    AdminAlertSignal,
    AdminAlertSignalResponse,
    Alert,
    AlertResponse,
    CancelEverything,
    CancelEverythingResponse,
    CancelSecondMarketDataSubscription,
    CancelSecondMarketDataSubscriptionRenewal,
    CancelTradovateSubscription,
    ChangePluginPermission,
    Chat,
    ChatMessageResponse,
    ChatResponse,
    CloseChat,
    CompleteAlertSignal,
    CreateAlert,
    CreateTradingPermission,
    DeleteAlert,
    DismissAlert,
    EntitlementSubscriptionResponse,
    GetAccountTradingPermissions,
    GetSecondMarketDataSubscriptionCost,
    MarkAsReadChatMessage,
    MarketDataSubscriptionResponse,
    MarkReadAlertSignal,
    ModifyAlert,
    ModifyCredentials,
    ModifyEmailAddress,
    ModifyPassword,
    OpenDemoAccount,
    OpenDemoAccountResponse,
    PostChatMessage,
    RequestTradingPermission,
    ResetAlert,
    RevokeTradingPermission,
    SecondMarketDataSubscriptionCostResponse,
    SecondMarketDataSubscriptionResponse,
    SignUpOrganizationMember,
    SignUpResponse,
    SimpleResponse,
    SyncRequest,
    SyncSnapshot,
    TakeAlertSignalOwnership,
    TradingPermissionResponse,
    TradingPermissionsResponse,
    TradovateSubscriptionResponse,
    User,
    UserPlugin,
    UserStatusMessage,
)
from .reads import Reads, Writable


class Users(Reads[User]):
    """Users, their sign-ins, permissions and subscriptions."""

    async def accept_trading_permission(self, request: AcceptTradingPermission) -> TradingPermissionResponse:
        """user/accepttradingpermission: accept a request to trade an account."""
        return await self._transport.post("user/accepttradingpermission", TradingPermissionResponse, request)

    async def activate_second_market_data_renewal(
        self, request: ActivateSecondMarketDataSubscriptionRenewal
    ) -> SecondMarketDataSubscriptionResponse:
        """user/activatesecondmarketdatasubscriptionrenewal: renew second-device data every month."""
        return await self._transport.post(
            "user/activatesecondmarketdatasubscriptionrenewal", SecondMarketDataSubscriptionResponse, request
        )

    async def add_market_data(self, request: AddMarketDataSubscription) -> MarketDataSubscriptionResponse:
        """user/addmarketdatasubscription: subscribe to market data; it costs money."""
        return await self._transport.post("user/addmarketdatasubscription", MarketDataSubscriptionResponse, request)

    async def add_second_market_data(
        self, request: AddSecondMarketDataSubscription
    ) -> SecondMarketDataSubscriptionResponse:
        """user/addsecondmarketdatasubscription: subscribe for a second device; it costs money."""
        return await self._transport.post(
            "user/addsecondmarketdatasubscription", SecondMarketDataSubscriptionResponse, request
        )

    async def add_tradovate_subscription(self, request: AddTradovateSubscription) -> TradovateSubscriptionResponse:
        """user/addtradovatesubscription: buy a membership; it costs money."""
        return await self._transport.post("user/addtradovatesubscription", TradovateSubscriptionResponse, request)

    async def cancel_second_market_data(
        self, request: CancelSecondMarketDataSubscription
    ) -> SecondMarketDataSubscriptionResponse:
        """user/cancelsecondmarketdatasubscription: end second-device data."""
        return await self._transport.post(
            "user/cancelsecondmarketdatasubscription", SecondMarketDataSubscriptionResponse, request
        )

    async def cancel_second_market_data_renewal(
        self, request: CancelSecondMarketDataSubscriptionRenewal
    ) -> SecondMarketDataSubscriptionResponse:
        """user/cancelsecondmarketdatasubscriptionrenewal: renew it no more."""
        return await self._transport.post(
            "user/cancelsecondmarketdatasubscriptionrenewal", SecondMarketDataSubscriptionResponse, request
        )

    async def cancel_tradovate_subscription(
        self, request: CancelTradovateSubscription
    ) -> TradovateSubscriptionResponse:
        """user/canceltradovatesubscription: end a membership."""
        return await self._transport.post("user/canceltradovatesubscription", TradovateSubscriptionResponse, request)

    async def trading_permissions(self, request: GetAccountTradingPermissions) -> TradingPermissionsResponse:
        """user/getaccounttradingpermissions: who may trade an account."""
        return await self._transport.post("user/getaccounttradingpermissions", TradingPermissionsResponse, request)

    async def second_market_data_cost(
        self, request: GetSecondMarketDataSubscriptionCost
    ) -> SecondMarketDataSubscriptionCostResponse:
        """user/getsecondmarketdatasubscriptioncost: what second-device data costs a month."""
        return await self._transport.post(
            "user/getsecondmarketdatasubscriptioncost", SecondMarketDataSubscriptionCostResponse, request
        )

    async def create_trading_permission(self, request: CreateTradingPermission) -> TradingPermissionResponse:
        """user/createtradingpermission: let a user trade a simulation account (guide, operation of this name)."""
        return await self._transport.post("user/createtradingpermission", TradingPermissionResponse, request)

    async def cancel_everything(self, request: CancelEverything) -> CancelEverythingResponse:
        """user/canceleverything: end users' subscriptions, plugins and permissions (guide, operation of this name)."""
        return await self._transport.post("user/canceleverything", CancelEverythingResponse, request)

    async def modify_credentials(self, request: ModifyCredentials) -> AccessToken:
        """user/modifycredentials: change name and password; the reply has new tokens."""
        return await self._transport.post("user/modifycredentials", AccessToken, request)

    async def modify_email_address(self, request: ModifyEmailAddress) -> UserStatusMessage:
        """user/modifyemailaddress: change the e-mail address."""
        return await self._transport.post("user/modifyemailaddress", UserStatusMessage, request)

    async def modify_password(self, request: ModifyPassword) -> AccessToken:
        """user/modifypassword: change the password; the reply has new tokens."""
        return await self._transport.post("user/modifypassword", AccessToken, request)

    async def open_demo_account(self, request: OpenDemoAccount) -> OpenDemoAccountResponse:
        """user/opendemoaccount: open a demo account."""
        return await self._transport.post("user/opendemoaccount", OpenDemoAccountResponse, request)

    async def request_trading_permission(self, request: RequestTradingPermission) -> TradingPermissionResponse:
        """user/requesttradingpermission: ask to trade another person's account."""
        return await self._transport.post("user/requesttradingpermission", TradingPermissionResponse, request)

    async def revoke_trading_permission(self, request: RevokeTradingPermission) -> TradingPermissionResponse:
        """user/revoketradingpermission: take a permission back."""
        return await self._transport.post("user/revoketradingpermission", TradingPermissionResponse, request)

    async def sign_up_organization_member(self, request: SignUpOrganizationMember) -> SignUpResponse:
        """user/signuporganizationmember: make a user of the own organisation."""
        return await self._transport.post("user/signuporganizationmember", SignUpResponse, request)

    async def sync_request(self, request: SyncRequest) -> SyncSnapshot:
        """user/syncrequest: one snapshot, and no events; `UserSocket.sync` mirrors. 300 an hour and network."""
        return await self._transport.post("user/syncrequest", SyncSnapshot, request)


class UserPlugins(Writable[UserPlugin]):
    """Add-ons of users."""

    async def add_entitlement(self, request: AddEntitlementSubscription) -> EntitlementSubscriptionResponse:
        """userplugin/addentitlementsubscription: buy an add-on; it costs money."""
        return await self._transport.post(
            "userplugin/addentitlementsubscription", EntitlementSubscriptionResponse, request
        )

    async def change_permission(self, request: ChangePluginPermission) -> SimpleResponse:
        """userplugin/changepluginpermission: approve an add-on or not."""
        return await self._transport.post("userplugin/changepluginpermission", SimpleResponse, request)


class Alerts(Reads[Alert]):
    """Alerts of users."""

    async def create(self, request: CreateAlert) -> AlertResponse:
        """alert/createalert: make an alert."""
        return await self._transport.post("alert/createalert", AlertResponse, request)

    async def delete(self, request: DeleteAlert) -> AlertResponse:
        """alert/deletealert: remove an alert."""
        return await self._transport.post("alert/deletealert", AlertResponse, request)

    async def dismiss(self, request: DismissAlert) -> AlertResponse:
        """alert/dismissalert: switch an alert off."""
        return await self._transport.post("alert/dismissalert", AlertResponse, request)

    async def mark_read(self, request: MarkReadAlertSignal) -> AlertResponse:
        """alert/markreadalertsignal: mark a signal as read."""
        return await self._transport.post("alert/markreadalertsignal", AlertResponse, request)

    async def modify(self, request: ModifyAlert) -> AlertResponse:
        """alert/modifyalert: change an alert."""
        return await self._transport.post("alert/modifyalert", AlertResponse, request)

    async def reset(self, request: ResetAlert) -> AlertResponse:
        """alert/resetalert: switch an alert on again."""
        return await self._transport.post("alert/resetalert", AlertResponse, request)


class AdminAlertSignals(Reads[AdminAlertSignal]):
    """Alerts of staff."""

    async def complete(self, request: CompleteAlertSignal) -> AdminAlertSignalResponse:
        """adminalertsignal/completealertsignal: mark a signal as dealt with."""
        return await self._transport.post("adminalertsignal/completealertsignal", AdminAlertSignalResponse, request)

    async def take_ownership(self, request: TakeAlertSignalOwnership) -> AdminAlertSignalResponse:
        """adminalertsignal/takealertsignalownership: take a signal upon oneself."""
        return await self._transport.post(
            "adminalertsignal/takealertsignalownership", AdminAlertSignalResponse, request
        )


class Chats(Reads[Chat]):
    """Conversations with support and the trade desk."""

    async def close(self, request: CloseChat) -> ChatResponse:
        """chat/closechat: end a conversation."""
        return await self._transport.post("chat/closechat", ChatResponse, request)

    async def mark_as_read(self, request: MarkAsReadChatMessage) -> ChatMessageResponse:
        """chat/markasreadchatmessage: mark a message as read."""
        return await self._transport.post("chat/markasreadchatmessage", ChatMessageResponse, request)

    async def post(self, request: PostChatMessage) -> ChatMessageResponse:
        """chat/postchatmessage: say something to support."""
        return await self._transport.post("chat/postchatmessage", ChatMessageResponse, request)
