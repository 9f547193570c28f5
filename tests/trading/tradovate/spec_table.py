"""Tradovate's OpenAPI document in a compact form of ours, without its prose; generated from it.

SCHEMAS: a schema a line (more lines are indented): name, then `field:type`, with `?` when it is not required. Types
are int, decimal, str, bool, time, enum, object, a schema's name, or [of these]; `>0` is an exclusive minimum and
`(low..high)` a range, of characters for text. ENUMS: a field and its words. The operations are in spec_operations.
"""

SCHEMAS = """
TradeTime hour:int minute:int
TradeDate year:int month:int day:int
AcceptTradingPermission tradingPermissionId:int>0
AccessTokenRequest name:str(..64) password:str(..64) appId?:str(..64) appVersion?:str(..64) deviceId?:str(..64)
    cid?:str(..64) sec?:str(..8192) hibpCheck?:bool
AccessTokenResponse errorText?:str(..8192) accessToken?:str(..8192) expirationTime?:time
    passwordExpirationTime?:time userStatus?:enum userId?:int>0 name?:str(..64) hasLive?:bool hibpHint?:enum
    hasSimPlus?:bool showKIDs?:bool mdAccessToken?:str hasFunded?:bool hasMarketData?:bool outdatedTaC?:bool
    outdatedLiquidationPolicy?:bool apiHosts?:object p-ticket?:str p-time?:int p-captcha?:bool
Account id?:int name:str(..64) userId:int>0 accountType:enum active:bool clearingHouseId:int>0 riskCategoryId:int>0
    autoLiqProfileId:int>0 marginAccountType:enum legalStatus:enum timestamp:time readonly?:bool restricted?:bool
    closed?:bool evaluationSize?:decimal ccEmail?:str futuresDisabled?:bool swapEnabled?:bool
    ssfRiskDisclosureAcknowledgment?:time spotMarginEnabled?:bool
AccountRiskStatus id?:int adminAction?:enum adminTimestamp?:time liquidateOnly?:time userTriggeredLiqOnly?:bool
    maxNetLiq?:decimal minNetLiq?:decimal
ActivateSecondMarketDataSubscriptionRenewal secondMarketDataSubscriptionId:int>0
AddEntitlementSubscription entitlementId:int>0 creditCardId?:int>0 accountId?:int>0 userId?:int>0
AddMarketDataSubscription marketDataSubscriptionPlanIds:[int] year:int(2015..2030) month:int(1..12)
    creditCardId?:int>0 accountId?:int>0 userId?:int>0
AddSecondMarketDataSubscription year:int(2015..2030) month:int(1..12) creditCardId?:int>0 accountId?:int>0
    userId?:int>0
AddTradovateSubscription tradovateSubscriptionPlanId:int>0 creditCardId?:int>0 accountId?:int>0 userId?:int>0
AdminAlert id?:int name:str(..64) timestamp:time
AdminAlertSignal id?:int timestamp:time adminAlertId:int>0 relatedToAccountId?:int>0 relatedToUserId?:int>0
    ownedByAdminId?:int>0 completed?:time text:str(..8192) emailSent:bool subjectId:int>0 claimedAt?:time
AdminAlertSignalResponse errorText?:str(..8192) adminAlertSignal?:AdminAlertSignal
Alert id?:int timestamp:time userId:int>0 status:enum expression:str(..4096) validUntil?:time
    triggerLimits?:int(0..10) triggeredCounter?:int(0..) failure?:str(..64) message?:str(..256)
AlertResponse errorText?:str(..8192) alert?:Alert
AlertSignal id?:int timestamp:time alertId:int>0 isRead:bool text:str(..8192)
CancelOrder orderId:int>0 clOrdId?:str(..64) activationTime?:time customTag50?:str(..64) isAutomated?:bool
CancelSecondMarketDataSubscription secondMarketDataSubscriptionId:int>0
CancelSecondMarketDataSubscriptionRenewal secondMarketDataSubscriptionId:int>0
CancelTradovateSubscription tradovateSubscriptionId:int>0 cancelReason?:str(..8192) expire?:bool
CashBalance id?:int accountId:int>0 timestamp:time tradeDate:TradeDate currencyId:int>0 amount:decimal
    realizedPnL?:decimal weekRealizedPnL?:decimal amountSOD?:decimal
CashBalanceLog id?:int accountId:int>0 timestamp:time tradeDate:TradeDate currencyId:int>0 amount:decimal
    realizedPnL?:decimal weekRealizedPnL?:decimal cashChangeType:enum fillPairId?:int>0 fillId?:int>0
    fundTransactionId?:int>0 comment?:str(..64) delta:decimal senderId?:int>0
CashBalanceSnapshot errorText?:str(..8192) totalCashValue?:decimal totalPnL?:decimal initialMargin?:decimal
    maintenanceMargin?:decimal netLiq?:decimal openPnL?:decimal realizedPnL?:decimal weekRealizedPnL?:decimal
    withdrawalRejectReason?:enum currencyCashAvailWithdrawalUSD?:decimal netLiqSOD?:decimal
    totalCashValueSOD?:decimal cashUSD?:decimal cashSODUSD?:decimal fullInitialMargin?:decimal
    fullInitialMarginSOD?:decimal autoLiqLevel?:decimal
ChangePluginPermission userId?:int>0 pluginName:str(..64) approval:bool
ChangeSpeed speed:int(0..400)
Chat id?:int userId:int>0 timestamp:time category:enum assignedSupportId?:int>0 closedById?:int>0
    closeTimestamp?:time
ChatMessage id?:int timestamp:time chatId:int>0 senderId:int>0 senderName?:str(..64) text:str(..1024)
    readStatus:bool
ChatMessageResponse errorText?:str(..8192) chatMessage?:ChatMessage
ChatResponse errorText?:str(..8192) chat?:Chat
CheckReplaySession startTimestamp:time
CheckReplaySessionResponse checkStatus:enum startTimestamp?:time
ClearingHouse id?:int name:str(..64)
CloseChat chatId:int>0
Command id?:int orderId:int>0 timestamp:time clOrdId?:str(..64) commandType:enum commandStatus:enum senderId?:int>0
    userSessionId?:int>0 activationTime?:time customTag50?:str(..64) isAutomated?:bool
CommandReport id?:int commandId:int>0 timestamp:time commandStatus:enum rejectReason?:enum text?:str(..8192)
    ordStatus?:enum
CommandResult failureReason?:enum failureText?:str(..8192) commandId?:int>0
CompleteAlertSignal adminAlertSignalId:int>0
ContactInfo id?:int userId:int>0 firstName:str(..64) lastName:str(2..64) streetAddress1:str(3..8192)
    streetAddress2?:str(..8192) city:str(2..64) state?:str(2..64) postCode?:str(4..64) country:str(2..2)
    phone:str(10..64) mailingIsDifferent?:bool mailingStreetAddress1?:str(..8192) mailingStreetAddress2?:str(..8192)
    mailingCity?:str(..64) mailingState?:str(..64) mailingPostCode?:str(..64) mailingCountry?:str(..2)
Contract id?:int name:str(..64) contractMaturityId:int>0 timestamp:time
ContractGroup id?:int name:str(..64)
ContractMargin id?:int initialMargin:decimal maintenanceMargin:decimal timestamp:time
ContractMaturity id?:int productId:int>0 expirationMonth:int>1401 expirationDate:time firstIntentDate?:time
    underlyingId?:int>0 isFront:bool kalshiEventId?:int
CreateAlert expression:str(..4096) validUntil?:time triggerLimits?:int(0..10) message?:str(..256)
Currency id?:int name:str(..64) symbol?:str(..64)
CurrencyRate id?:int timestamp:time rate:decimal
DeleteAlert alertId:int>0
DeleteResultResponse errorText?:str(..8192) success?:bool
DeleteUserAccountPositionLimit userAccountPositionLimitId:int>0
DeleteUserAccountRiskParameter userAccountRiskParameterId:int>0
DismissAlert alertId:int>0
Entitlement id?:int title:str(..64) price:decimal startDate?:TradeDate discontinuedDate?:TradeDate name:str(..64)
    duration?:int>0 durationUnits?:enum autorenewal?:bool
EntitlementSubscriptionResponse errorText?:str(..8192) errorCode?:enum entitlementSubscription?:UserPlugin
Exchange id?:int name:str(..64) micCode?:str
ExecutionReport id?:int commandId:int>0 name:str(..64) accountId:int>0 contractId:int>0 timestamp:time
    tradeDate?:TradeDate orderId:int>0 execType:enum execRefId?:str(..64) ordStatus?:enum action:enum cumQty?:int
    avgPx?:decimal lastQty?:int lastPx?:decimal rejectReason?:enum text?:str(..8192) exchangeOrderId?:str(..64)
Fill id?:int orderId:int>0 contractId:int>0 timestamp:time tradeDate:TradeDate action:enum qty:int price:decimal
    active:bool finallyPaired:int
FillFee id?:int clearingFee?:decimal clearingCurrencyId?:int>0 exchangeFee?:decimal exchangeCurrencyId?:int>0
    nfaFee?:decimal nfaCurrencyId?:int>0 brokerageFee?:decimal brokerageCurrencyId?:int>0 ipFee?:decimal
    ipCurrencyId?:int>0 commission?:decimal commissionCurrencyId?:int>0 orderRoutingFee?:decimal
    orderRoutingCurrencyId?:int>0
FillPair id?:int positionId:int>0 buyFillId:int>0 sellFillId:int>0 qty:int buyPrice:decimal sellPrice:decimal
    active:bool
GetAccountTradingPermissions accountId:int>0
GetCashBalanceSnapshot accountId:int>0
GetProductFeeParams productIds:[int]
GetSecondMarketDataSubscriptionCost year:int(2015..2030) month:int(1..12) userId?:int>0
InitializeClock startTimestamp:time speed:int(0..400) initialBalance?:decimal
InterruptOrderStrategy orderStrategyId:int>0
LiquidatePosition accountId:int>0 contractId:int>0 admin:bool customTag50?:str(..64) isAutomated?:bool
MarginSnapshot id?:int timestamp:time riskTimePeriodId:int>0 initialMargin:decimal maintenanceMargin:decimal
    autoLiqLevel?:decimal liqOnlyLevel?:decimal totalUsedMargin:decimal fullInitialMargin:decimal
    positionMargin:decimal totalUsedFullMargin:decimal openCollateralReq?:decimal
MarkAsReadChatMessage chatMessageId:int>0
MarkReadAlertSignal alertId:int>0 alertSignalId:int>0
MarketDataSubscription id?:int userId:int>0 timestamp:time planPrice:decimal creditCardTransactionId?:int>0
    cashBalanceLogId?:int>0 creditCardId?:int>0 accountId?:int>0 marketDataSubscriptionPlanId:int>0
    year:int(2015..2030) month:int(1..12) renewalCreditCardId?:int>0 renewalAccountId?:int>0
MarketDataSubscriptionExchangeScope id?:int name:str(..64) bundleOf?:str(..64)
MarketDataSubscriptionPlan id?:int name:str(..64) title:str(..64) price:decimal startDate?:TradeDate
    discontinuedDate?:TradeDate exchangeScopeId:int>0 dataType:enum professional:enum tooltip?:str(..8192)
MarketDataSubscriptionResponse errorText?:str(..8192) errorCode?:enum marketDataSubscription?:MarketDataSubscription
Me
ModifyAlert alertId:int>0 expression:str(..4096) validUntil?:time triggerLimits?:int(0..10) message?:str(..256)
ModifyCredentials userId?:int>0 name:str(3..64) password:str(8..64) currentPassword:str(..64)
ModifyEmailAddress userId?:int>0 email:str(..64)
ModifyOrder orderId:int>0 clOrdId?:str(..64) orderQty:int>0 orderType:enum price?:decimal stopPrice?:decimal
    maxShow?:int>0 pegDifference?:decimal timeInForce?:enum expireTime?:time text?:str(..64) activationTime?:time
    customTag50?:str(..64) isAutomated?:bool limitIfTouchedPrice?:decimal
ModifyOrderStrategy orderStrategyId:int>0 command:str(..1024) customTag50?:str(..64)
ModifyPassword userId?:int>0 password:str(8..64) currentPassword:str(..64)
OAuthMeResponse errorText?:str(..8192) userId?:int>0 name?:str(..64) fullName?:str(..8192) email?:str(..8192)
    emailVerified?:bool isTrial?:bool organizationName?:str currentAccountPlan?:str currentMDSubs?:[str]
    currentBalance?:decimal activePlugins?:[str]
OAuthToken grant_type:str(..64) code?:str(..8192) redirect_uri?:str(..8192) client_id?:str(..8192)
    client_secret?:str(..8192) httpAuth?:str(..8192) refresh_token?:str code_verifier?:str resource?:str
    assertion?:str
OAuthTokenResponse access_token?:str(..8192) token_type?:str(..64) expires_in?:int error?:str(..64)
    error_description?:str(..8192) refresh_token?:str refresh_token_expires_in?:int id_token?:str apiHosts?:object
OpenDemoAccount templateAccountId?:int>0 name?:str(..64) initialBalance?:decimal
OpenDemoAccountResponse errorText?:str(..8192) accountId?:int>0
Order id?:int accountId:int>0 contractId?:int>0 spreadDefinitionId?:int>0 timestamp:time action:enum ordStatus:enum
    executionProviderId?:int>0 ocoId?:int>0 parentId?:int>0 linkedId?:int>0 admin:bool
OrderStrategy id?:int accountId:int>0 timestamp:time contractId:int>0 orderStrategyTypeId:int>0 initiatorId?:int>0
    action:enum params?:str(..8192) uuid?:str(..64) status:enum failureMessage?:str(..512) senderId?:int>0
    customTag50?:str(..64) userSessionId?:int>0
OrderStrategyLink id?:int orderStrategyId:int>0 orderId:int>0 label:str(..64)
OrderStrategyStatusResponse errorText?:str(..8192) orderStrategy?:OrderStrategy failureReason?:enum
OrderStrategyType id?:int name:str(..64) enabled:bool
OrderVersion id?:int orderId:int>0 orderQty:int>0 orderType:enum price?:decimal stopPrice?:decimal maxShow?:int>0
    pegDifference?:decimal timeInForce?:enum expireTime?:time text?:str(..64) limitIfTouchedPrice?:decimal
Organization id?:int name:str(..64)
PlaceOCO accountSpec?:str(..64) accountId?:int>0 clOrdId?:str(..64) action:enum symbol:str(..64) orderQty:int>0
    orderType:enum price?:decimal stopPrice?:decimal maxShow?:int>0 pegDifference?:decimal timeInForce?:enum
    expireTime?:time text?:str(..64) activationTime?:time customTag50?:str(..64) isAutomated?:bool
    other:RestrainedOrderVersion limitIfTouchedPrice?:decimal
PlaceOSO accountSpec?:str(..64) accountId?:int>0 clOrdId?:str(..64) action:enum symbol:str(..64) orderQty:int>0
    orderType:enum price?:decimal stopPrice?:decimal maxShow?:int>0 pegDifference?:decimal timeInForce?:enum
    expireTime?:time text?:str(..64) activationTime?:time customTag50?:str(..64) isAutomated?:bool
    bracket1:RestrainedOrderVersion bracket2?:RestrainedOrderVersion limitIfTouchedPrice?:decimal
PlaceOcoResult failureReason?:enum failureText?:str(..8192) orderId?:int>0 ocoId?:int>0
PlaceOrder accountSpec?:str(..64) accountId?:int>0 clOrdId?:str(..64) action:enum symbol:str(..64) orderQty:int>0
    orderType:enum price?:decimal stopPrice?:decimal maxShow?:int>0 pegDifference?:decimal timeInForce?:enum
    expireTime?:time text?:str(..64) activationTime?:time customTag50?:str(..64) isAutomated?:bool
    limitIfTouchedPrice?:decimal
PlaceOrderResult failureReason?:enum failureText?:str(..8192) orderId?:int>0
PlaceOsoResult failureReason?:enum failureText?:str(..8192) orderId?:int>0 oso1Id?:int>0 oso2Id?:int>0
Position id?:int accountId:int>0 contractId:int>0 timestamp:time tradeDate:TradeDate netPos:int netPrice?:decimal
    bought:int(0..) boughtValue:decimal sold:int(0..) soldValue:decimal prevPos:int prevPrice?:decimal
PostChatMessage userId?:int>0 category:enum text:str(..1024)
Product id?:int name:str(..64) currencyId:int>0 productType:enum description:str(..8192) exchangeId:int>0
    contractGroupId:int>0 riskDiscountContractGroupId?:int>0 status:enum months?:str(..64) isSecured?:bool
    valuePerPoint:decimal>0 priceFormatType:enum priceFormat:int tickSize:decimal>0 postTradeCategoryId?:int
ProductFeeParams clearingFee?:decimal clearingCurrencyId?:int>0 exchangeFee?:decimal exchangeCurrencyId?:int>0
    nfaFee?:decimal nfaCurrencyId?:int>0 brokerageFee?:decimal brokerageCurrencyId?:int>0 ipFee?:decimal
    ipCurrencyId?:int>0 commission?:decimal commissionCurrencyId?:int>0 orderRoutingFee?:decimal
    orderRoutingCurrencyId?:int>0 productId:int>0 dayMargin?:decimal nightMargin?:decimal fullMargin?:ProductMargin
ProductFeeParamsResponse params:[ProductFeeParams]
ProductMargin id?:int initialMargin:decimal maintenanceMargin:decimal timestamp:time
ProductSession id?:int openTime:TradeTime startTime:TradeTime stopTime:TradeTime closeTime:TradeTime
    sundayOpenTime?:TradeTime allDay?:bool
Property id?:int name:str(..64) propertyType:enum enumOptions?:str(..8192) defaultValue?:str(..8192)
RenewAccessToken
RequestTradingPermission accountId:int>0 ctaContact:str(..64) ctaEmail:str(..64)
ResetAlert alertId:int>0
RestrainedOrderVersion action:enum clOrdId?:str(..64) orderType:enum price?:decimal stopPrice?:decimal
    maxShow?:int>0 pegDifference?:decimal timeInForce?:enum expireTime?:time text?:str(..64)
    limitIfTouchedPrice?:decimal
RevokeTradingPermission tradingPermissionId:int>0
RollContract name:str(..64) forward:bool ifExpired?:bool
RollContractResponse errorText?:str(..8192) contract?:Contract
SecondMarketDataSubscription id?:int userId:int>0 timestamp:time year:int(2015..2030) month:int(1..12)
    cancelledRenewal?:bool cancellationTimestamp?:time
SecondMarketDataSubscriptionCostResponse errorText?:str(..8192) monthlyCost?:decimal
SecondMarketDataSubscriptionResponse errorText?:str(..8192) errorCode?:enum
    secondMarketDataSubscription?:SecondMarketDataSubscription
SignUpOrganizationMember name:str(3..64) email:str(..64) password:str(8..64) firstName:str(..64) lastName:str(2..64)
SignUpResponse errorText?:str(..8192) errorCode:enum userId?:int>0 emailVerified:bool
SimpleResponse errorText?:str(..8192) ok:bool
SpreadDefinition id?:int timestamp:time spreadType:enum uds:bool
StartOrderStrategy accountId?:int>0 accountSpec?:str(..64) symbol:str(..64) orderStrategyTypeId:int>0 action:enum
    params?:str(..8192) uuid?:str(..64) customTag50?:str(..64) isAutomated?:bool
SyncMessage users:[User] accounts?:[Account] accountRiskStatuses?:[AccountRiskStatus]
    marginSnapshots?:[MarginSnapshot] userAccountAutoLiqs?:[UserAccountAutoLiq] cashBalances?:[CashBalance]
    currencies?:[Currency] positions?:[Position] fillPairs?:[FillPair] orders?:[Order] contracts?:[Contract]
    contractMaturities?:[ContractMaturity] products?:[Product] exchanges?:[Exchange]
    spreadDefinitions?:[SpreadDefinition] commands?:[Command] commandReports?:[CommandReport]
    executionReports?:[ExecutionReport] orderVersions?:[OrderVersion] fills?:[Fill] orderStrategies?:[OrderStrategy]
    orderStrategyLinks?:[OrderStrategyLink] userProperties?:[UserProperty] properties?:[Property]
    userPlugins?:[UserPlugin] contractGroups:[ContractGroup] orderStrategyTypes?:[OrderStrategyType]
    fillFees?:[FillFee] annualReviews?:[AnnualReview] userReadStatuses?:[UserReadStatus]
    userPromoCodes?:[UserPromoCode]
SyncRequest users?:[int] accounts?:[int] splitResponses?:bool cutoffTimestamp?:time entityTypes?:[str]
    shardingExpression?:ShardingExpression fullOrgSnapshot?:bool
TakeAlertSignalOwnership adminAlertSignalId:int>0
TradingPermission id?:int userId:int>0 accountId:int>0 accountHolderContact:str(..64) accountHolderEmail:str(..64)
    ctaContact:str(..64) ctaEmail:str(..64) status:enum updated?:time approvedById?:int>0
TradingPermissionResponse errorText?:str(..8192) tradingPermission?:TradingPermission
TradingPermissionsResponse tradingPermissions:[TradingPermission]
TradovateSubscription id?:int userId:int>0 timestamp:time planPrice:decimal creditCardTransactionId?:int>0
    cashBalanceLogId?:int>0 creditCardId?:int>0 accountId?:int>0 tradovateSubscriptionPlanId:int>0
    startDate:TradeDate expirationDate:TradeDate paidAmount:decimal cancelledRenewal?:bool cancelReason?:str(..8192)
TradovateSubscriptionPlan id?:int name:str(..64) title:str(..64) price:decimal startDate?:TradeDate
    discontinuedDate?:TradeDate category:str(..64) trial:bool duration:int>0 durationUnits:enum
    riskCategoryId?:int>0 multipleAccounts?:bool organizationId?:int>0 replaySessions?:int footnote?:str(..8192)
    simOnly?:bool
TradovateSubscriptionResponse errorText?:str(..8192) errorCode?:enum tradovateSubscription?:TradovateSubscription
User id?:int name:str(3..64) timestamp:time email:str(..64) status:enum professional:bool organizationId?:int>0
    linkedUserId?:int>0 foreignIntroducingBrokerId?:int>0 introducingPartnerId?:int
UserAccountAutoLiq id?:int changesLocked?:bool marginPercentageAlert?:decimal dailyLossPercentageAlert?:decimal
    dailyLossAlert?:decimal marginPercentageLiqOnly?:decimal dailyLossPercentageLiqOnly?:decimal
    dailyLossLiqOnly?:decimal marginPercentageAutoLiq?:decimal dailyLossPercentageAutoLiq?:decimal
    dailyLossAutoLiq?:decimal weeklyLossAutoLiq?:decimal flattenTimestamp?:time trailingMaxDrawdown?:decimal
    trailingMaxDrawdownLimit?:decimal dailyProfitAutoLiq?:decimal weeklyProfitAutoLiq?:decimal
    trailingMaxDrawdownMode?:enum doNotUnlock?:bool
UserAccountPositionLimit id?:int contractId?:int>0 productId?:int>0 exchangeId?:int>0 productType?:enum
    riskDiscountContractGroupId?:int>0 productVerificationStatus?:enum contractGroupId?:int>0 active:bool
    riskTimePeriodId?:int>0 totalBy:enum shortLimit?:int(0..) longLimit?:int(0..) exposedLimit?:int(0..)
    description?:str(..64) accountId:int>0
UserAccountRiskParameter id?:int contractId?:int>0 productId?:int>0 exchangeId?:int>0 productType?:enum
    riskDiscountContractGroupId?:int>0 productVerificationStatus?:enum contractGroupId?:int>0
    maxOpeningOrderQty?:int(0..) maxClosingOrderQty?:int(0..) maxBackMonth?:int>0 preExpirationDays?:int
    marginPercentage?:decimal marginDollarValue?:decimal hardLimit?:bool userAccountPositionLimitId:int>0
UserPlugin id?:int userId:int>0 timestamp:time planPrice:decimal creditCardTransactionId?:int>0
    cashBalanceLogId?:int>0 creditCardId?:int>0 accountId?:int>0 pluginName:str(..64) approval:bool
    entitlementId?:int>0 startDate:TradeDate expirationDate?:TradeDate paidAmount:decimal autorenewal?:bool
    planCategories?:str(..8192)
UserProperty id?:int userId:int>0 propertyId:int>0 value?:str(..8192)
UserSession id?:int userId:int>0 startTime:time endTime?:time ipAddress?:str(..64) appId?:str(..64)
    appVersion?:str(..64) clientAppId:int>0
UserSessionStats id?:int lastSessionTime:time failedPasswords:int
UserStatusMessage errorText?:str(..8192) status?:enum
LiquidatePositions positions:[int] admin:bool customTag50?:str isAutomated?:bool
ShardingExpression expressionType:enum divisor:int remainder:int
AnnualReview id?:int
UserReadStatus id?:int
UserPromoCode id?:int
DryRunOrder contractId:int action:enum orderQty:int orderType:enum price?:decimal stopPrice?:decimal
DryRun accountId:int orders:[DryRunOrder] extraPreTradeRisk?:object
RiskEvaluationDetails beforeInitialMarginReq?:decimal beforeInitialFullMarginReq?:decimal
    beforeOpenCollateralReq?:decimal initialMarginReq?:decimal initialFullMarginReq?:decimal
    openCollateralReq?:decimal totalCash?:decimal futuresOpenPnL?:decimal optionsOpenPnL?:decimal
    riskCredit?:decimal netLiqValue?:decimal futureCommAndFees?:decimal totalCashRequired?:decimal excess?:decimal
    beforeNetPos?:int hypoLongPos?:int hypoShortPos?:int isExitOrder?:bool
DryRunResponse errorText?:str rejectReason?:enum comment?:str details?:RiskEvaluationDetails fees?:object
ChangeDemoBalance accountId:int cashChange:decimal comment?:str
ResetDemoAccountState accountIds:[int] resetTradeDate:TradeDate
RollContracts rollContracts:[RollContract]
UpdateMaxNetLiq accountId:int maxNetLiq:decimal
SetAdminAutoLiqAction accountId:int adminAction:enum adminActionReasonCode:str adminActionReason?:str
ResetAutoLiqStatus accountId:int
AccountRiskStatusResponse errorText?:str accountRiskStatus?:AccountRiskStatus
UpdateUserAutoLiqResponse errorText?:str userAccountAutoLiq?:UserAccountAutoLiq permissionedAccountAutoLiq?:object
UpdateUserAutoLiq accountId:int asOwner?:bool changesLocked?:bool marginPercentageAlert?:decimal
    dailyLossPercentageAlert?:decimal dailyLossAlert?:decimal marginPercentageLiqOnly?:decimal
    dailyLossPercentageLiqOnly?:decimal dailyLossLiqOnly?:decimal marginPercentageAutoLiq?:decimal
    dailyLossPercentageAutoLiq?:decimal dailyLossAutoLiq?:decimal weeklyLossAutoLiq?:decimal flattenTimestamp?:time
    trailingMaxDrawdown?:decimal trailingMaxDrawdownLimit?:decimal dailyProfitAutoLiq?:decimal
    weeklyProfitAutoLiq?:decimal trailingMaxDrawdownMode?:enum doNotUnlock?:bool
RollContractsResponse errorText?:str contracts?:object
"""

ENUMS = """
AccessTokenResponse.userStatus Active Closed Initiated TemporaryLocked UnconfirmedEmail
AccessTokenResponse.hibpHint EmailAndPasswordCompromised PasswordCompromised
Account.accountType Customer Employee Giveup House Omnibus Wash
Account.marginAccountType Hedger Speculator
Account.legalStatus Corporation GP IRA Individual Joint LLC LLP LP PTR Trust
AccountRiskStatus.adminAction AgreedOnLiqOnlyModeByAutoLiq AgreedOnLiquidationByAutoLiq DisableAutoLiq
    LiquidateImmediately LiquidateOnlyModeImmediately LockTradingImmediately Normal PlaceAutoLiqOnHold
Alert.status Active Expired Failed Inactive TriggeredOut
CashBalanceLog.cashChangeType AutomaticReconciliation BrokerageFee CancelledPairedTrade ClearingFee Commission
    DeskFee EntitlementSubscription ExchangeFee FundTransaction FundTransactionFee IPFee LiquidationFee
    ManualAdjustment MarketDataSubscription NewSession NfaFee OptionsTrade OrderRoutingFee TradePaired
    TradovateSubscription
CashBalanceSnapshot.withdrawalRejectReason NoData PendingContactInfoChange
Chat.category Support TradeDesk
CheckReplaySessionResponse.checkStatus Ineligible OK StartTimestampAdjusted
Command.commandType Cancel Modify New
Command.commandStatus AtExecution ExecutionRejected ExecutionStopped ExecutionSuspended OnHold Pending
    PendingExecution Replaced RiskPassed RiskRejected
CommandReport.rejectReason AccountClosed AdvancedTrailingStopUnsupported AnotherCommandPending BackMonthProhibited
    ExecutionProviderNotConfigured ExecutionProviderUnavailable InvalidContract InvalidPrice
    KeyInformationDocumentRequired LiquidationOnly LiquidationOnlyBeforeExpiration MaxOrderQtyIsNotSpecified
    MaxOrderQtyLimitReached MaxPosLimitMisconfigured MaxPosLimitReached MaxTotalPosLimitReached
    MultipleAccountPlanRequired NoQuote NotEnoughLiquidity OtherExecutionRelated ParentRejected RiskCheckTimeout
    SSFRiskDisclosureAcknowledgmentRequired SessionClosed Success TooLate TradingLocked
    TrailingStopNonOrderQtyModify Unauthorized UnknownReason Unsupported
CommandReport.ordStatus Canceled Completed Expired Filled PendingCancel PendingNew PendingReplace Rejected Suspended
    Unknown Working
Entitlement.durationUnits Month Quarter Week Year
EntitlementSubscriptionResponse.errorCode ConflictWithExisting DowngradeNotAllowed
    IncompatibleCMEMarketDataSubscriptionPlans IncorrectPaymentMethod InsufficientFunds PaymentProviderError
    PlanDiscontinued SingleTrialOnly Success UnknownError
ExecutionReport.execType Canceled Completed DoneForDay Expired New OrderStatus PendingCancel PendingNew
    PendingReplace Rejected Replaced Stopped Suspended Trade TradeCancel TradeCorrect
ExecutionReport.action Buy Sell
MarketDataSubscriptionPlan.dataType DOM Top
MarketDataSubscriptionPlan.professional Either NonProfessional Professional
ModifyOrder.orderType Limit LimitIfTouched MIT Market QTS Stop StopLimit TrailingStop TrailingStopLimit
ModifyOrder.timeInForce Day FOK GTC GTD IOC
OrderStrategy.status ActiveStrategy ExecutionFailed ExecutionFinished ExecutionInterrupted InactiveStrategy
    NotEnoughLiquidity StoppedByUser
Product.productType CommonStock Continuous Cryptocurrency Futures MarketInternals Options Spread Swap
Product.status Inactive Locked ReadyForContracts ReadyToTrade Verified
Product.priceFormatType Decimal Fractional
Property.propertyType Boolean Enum Integer String
SignUpResponse.errorCode DataError EmailAlreadyRegistered EmailPolicyFailed FailedRecaptcha Success UnknownError
    UserAlreadyExists WeakPassword WrongChallenge WrongChallengeOrigin
SpreadDefinition.spreadType Bundle BundleSpread Butterfly CalendarSpread Condor Crack DoubleButterfly General
    IntercommoditySpread LaggedIntercommoditySpread Pack PackButterfly PackSpread ReducedTickCalendarSpread
    ReverseIntercommoditySpread ReverseSpread Strip TreasuryIntercommoditySpread
TradingPermission.status Accepted Approved Declined Requested Revoked
UserAccountAutoLiq.trailingMaxDrawdownMode EOD RealTime
UserAccountPositionLimit.totalBy Contract ContractGroup DiscountGroup Exchange Overall Product ProductType
ShardingExpression.expressionType modAccountId modUserId
"""
