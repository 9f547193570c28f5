"""The operations of Tradovate's OpenAPI document in a compact form of ours, generated from it: see spec_table.

READS: entity types and their shared operations. OPERATIONS: the others, as verb, path, request and reply.
"""

READS = """
contract deps find item items ldeps suggest
contractGroup find item items list suggest
contractMaturity deps item items ldeps
currency find item items list suggest
currencyRate deps item items ldeps list
exchange find item items list suggest
product deps find item items ldeps list suggest
productSession deps item items ldeps
spreadDefinition item items
command deps item items ldeps list
commandReport deps item items ldeps list
executionReport deps find item items ldeps list suggest
fill deps item items ldeps list
fillFee deps item items ldeps list
order deps item items ldeps list
orderStrategy deps item items ldeps list
orderStrategyLink deps item items ldeps list
orderVersion deps item items ldeps list
fillPair deps item items ldeps list
position deps find item items ldeps list
account deps find item items ldeps list suggest
cashBalance deps item items ldeps list
cashBalanceLog deps item items ldeps
marginSnapshot deps item items ldeps list
tradingPermission deps item items ldeps list
accountRiskStatus deps item items ldeps list
contractMargin deps item items ldeps
productMargin deps item items ldeps list
userAccountAutoLiq deps item items ldeps list
userAccountPositionLimit deps item items ldeps
userAccountRiskParameter deps item items ldeps
marketDataSubscriptionExchangeScope find item items list suggest
marketDataSubscriptionPlan find item items list suggest
tradovateSubscriptionPlan find item items list suggest
adminAlertSignal deps item items ldeps list
alert deps item items ldeps list
alertSignal deps item items ldeps list
adminAlert find item items list suggest
clearingHouse find item items list suggest
entitlement item items list
orderStrategyType find item items list suggest
property find item items list suggest
contactInfo deps item items ldeps
marketDataSubscription deps item items ldeps list
organization find item items list suggest
secondMarketDataSubscription deps item items ldeps list
tradovateSubscription deps item items ldeps list
user find item items list suggest
userPlugin deps item items ldeps list
userProperty deps item items ldeps
userSession item items
userSessionStats deps item items ldeps list
chat deps item items ldeps list
chatMessage deps item items ldeps
"""


OPERATIONS = """
POST /auth/accesstokenrequest AccessTokenRequest AccessTokenResponse
GET /auth/me - OAuthMeResponse
POST /auth/oauthtoken OAuthToken OAuthTokenResponse
GET /auth/renewaccesstoken - AccessTokenResponse
POST /contract/getproductfeeparams GetProductFeeParams ProductFeeParamsResponse
POST /contract/rollcontract RollContract RollContractResponse
POST /order/cancelorder CancelOrder CommandResult
POST /order/liquidateposition LiquidatePosition PlaceOrderResult
POST /order/modifyorder ModifyOrder CommandResult
POST /order/placeoco PlaceOCO PlaceOcoResult
POST /order/placeorder PlaceOrder PlaceOrderResult
POST /order/placeoso PlaceOSO PlaceOsoResult
POST /orderStrategy/interruptorderstrategy InterruptOrderStrategy OrderStrategyStatusResponse
POST /orderStrategy/modifyorderstrategy ModifyOrderStrategy OrderStrategyStatusResponse
POST /orderStrategy/startorderstrategy StartOrderStrategy OrderStrategyStatusResponse
POST /cashBalance/getcashbalancesnapshot GetCashBalanceSnapshot CashBalanceSnapshot
POST /userAccountAutoLiq/create UserAccountAutoLiq UserAccountAutoLiq
POST /userAccountAutoLiq/update UserAccountAutoLiq UserAccountAutoLiq
POST /userAccountPositionLimit/create UserAccountPositionLimit UserAccountPositionLimit
POST /userAccountPositionLimit/deleteuseraccountpositionlimit DeleteUserAccountPositionLimit DeleteResultResponse
POST /userAccountPositionLimit/deleteuseraccountriskparameter DeleteUserAccountRiskParameter DeleteResultResponse
POST /userAccountPositionLimit/update UserAccountPositionLimit UserAccountPositionLimit
POST /userAccountRiskParameter/create UserAccountRiskParameter UserAccountRiskParameter
POST /userAccountRiskParameter/update UserAccountRiskParameter UserAccountRiskParameter
POST /replay/changespeed ChangeSpeed SimpleResponse
POST /replay/checkreplaysession CheckReplaySession CheckReplaySessionResponse
POST /replay/initializeclock InitializeClock SimpleResponse
POST /adminAlertSignal/completealertsignal CompleteAlertSignal AdminAlertSignalResponse
POST /adminAlertSignal/takealertsignalownership TakeAlertSignalOwnership AdminAlertSignalResponse
POST /alert/createalert CreateAlert AlertResponse
POST /alert/deletealert DeleteAlert AlertResponse
POST /alert/dismissalert DismissAlert AlertResponse
POST /alert/markreadalertsignal MarkReadAlertSignal AlertResponse
POST /alert/modifyalert ModifyAlert AlertResponse
POST /alert/resetalert ResetAlert AlertResponse
POST /marketDataSubscription/create MarketDataSubscription MarketDataSubscription
POST /marketDataSubscription/update MarketDataSubscription MarketDataSubscription
POST /tradovateSubscription/create TradovateSubscription TradovateSubscription
POST /tradovateSubscription/update TradovateSubscription TradovateSubscription
POST /user/accepttradingpermission AcceptTradingPermission TradingPermissionResponse
POST /user/activatesecondmarketdatasubscriptionrenewal ActivateSecondMarketDataSubscriptionRenewal
    SecondMarketDataSubscriptionResponse
POST /user/addmarketdatasubscription AddMarketDataSubscription MarketDataSubscriptionResponse
POST /user/addsecondmarketdatasubscription AddSecondMarketDataSubscription SecondMarketDataSubscriptionResponse
POST /user/addtradovatesubscription AddTradovateSubscription TradovateSubscriptionResponse
POST /user/cancelsecondmarketdatasubscription CancelSecondMarketDataSubscription
    SecondMarketDataSubscriptionResponse
POST /user/cancelsecondmarketdatasubscriptionrenewal CancelSecondMarketDataSubscriptionRenewal
    SecondMarketDataSubscriptionResponse
POST /user/canceltradovatesubscription CancelTradovateSubscription TradovateSubscriptionResponse
POST /user/getaccounttradingpermissions GetAccountTradingPermissions TradingPermissionsResponse
POST /user/getsecondmarketdatasubscriptioncost GetSecondMarketDataSubscriptionCost
    SecondMarketDataSubscriptionCostResponse
POST /user/modifycredentials ModifyCredentials AccessTokenResponse
POST /user/modifyemailaddress ModifyEmailAddress UserStatusMessage
POST /user/modifypassword ModifyPassword AccessTokenResponse
POST /user/opendemoaccount OpenDemoAccount OpenDemoAccountResponse
POST /user/requesttradingpermission RequestTradingPermission TradingPermissionResponse
POST /user/revoketradingpermission RevokeTradingPermission TradingPermissionResponse
POST /user/signuporganizationmember SignUpOrganizationMember SignUpResponse
POST /user/syncrequest SyncRequest SyncMessage
POST /userPlugin/addentitlementsubscription AddEntitlementSubscription EntitlementSubscriptionResponse
POST /userPlugin/changepluginpermission ChangePluginPermission SimpleResponse
POST /userPlugin/create UserPlugin UserPlugin
POST /userPlugin/update UserPlugin UserPlugin
POST /chat/closechat CloseChat ChatResponse
POST /chat/markasreadchatmessage MarkAsReadChatMessage ChatMessageResponse
POST /chat/postchatmessage PostChatMessage ChatMessageResponse
POST /order/liquidatepositions LiquidatePositions SimpleResponse
POST /order/dryrun DryRun DryRunResponse
POST /cashBalance/changedemobalance ChangeDemoBalance CashBalanceSnapshot
POST /account/resetdemoaccountstate ResetDemoAccountState SimpleResponse
POST /contract/rollcontracts RollContracts RollContractsResponse
"""
