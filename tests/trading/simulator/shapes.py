"""The shapes of Tradovate's replies, from its published OpenAPI document: `field=type`, `!` when required."""

from datetime import datetime
from typing import Any

ENUMS = {
    "accessTokenResponse.hibpHint": """
        EmailAndPasswordCompromised PasswordCompromised
    """,
    "accessTokenResponse.userStatus": """
        Active Closed Initiated TemporaryLocked UnconfirmedEmail
    """,
    "account.accountType": """
        Customer Employee Giveup House Omnibus Wash
    """,
    "account.legalStatus": """
        Corporation GP IRA Individual Joint LLC LLP LP PTR Trust
    """,
    "account.marginAccountType": """
        Hedger Speculator
    """,
    "accountRiskStatus.adminAction": """
        AgreedOnLiqOnlyModeByAutoLiq AgreedOnLiquidationByAutoLiq DisableAutoLiq LiquidateImmediately
        LiquidateOnlyModeImmediately LockTradingImmediately Normal PlaceAutoLiqOnHold
    """,
    "action": """
        Buy Sell
    """,
    "cashBalanceSnapshot.withdrawalRejectReason": """
        NoData PendingContactInfoChange
    """,
    "cashChangeType": """
        AutomaticReconciliation BrokerageFee CancelledPairedTrade ClearingFee Commission DeskFee
        EntitlementSubscription ExchangeFee FundTransaction FundTransactionFee IPFee LiquidationFee
        ManualAdjustment MarketDataSubscription NewSession NfaFee OptionsTrade OrderRoutingFee TradePaired
        TradovateSubscription
    """,
    "command.commandType": """
        Cancel Modify New
    """,
    "commandStatus": """
        AtExecution ExecutionRejected ExecutionStopped ExecutionSuspended OnHold Pending PendingExecution
        Replaced RiskPassed RiskRejected
    """,
    "executionReport.execType": """
        Canceled Completed DoneForDay Expired New OrderStatus PendingCancel PendingNew PendingReplace
        Rejected Replaced Stopped Suspended Trade TradeCancel TradeCorrect
    """,
    "ordStatus": """
        Canceled Completed Expired Filled PendingCancel PendingNew PendingReplace Rejected Suspended Unknown
        Working
    """,
    "orderStrategy.status": """
        ActiveStrategy ExecutionFailed ExecutionFinished ExecutionInterrupted InactiveStrategy NotEnoughLiquidity
        StoppedByUser
    """,
    "orderType": """
        Limit LimitIfTouched MIT Market QTS Stop StopLimit TrailingStop TrailingStopLimit
    """,
    "product.priceFormatType": """
        Decimal Fractional
    """,
    "product.productType": """
        CommonStock Continuous Cryptocurrency Futures MarketInternals Options Spread Swap
    """,
    "product.status": """
        Inactive Locked ReadyForContracts ReadyToTrade Verified
    """,
    "reason": """
        AccountClosed AdvancedTrailingStopUnsupported AnotherCommandPending BackMonthProhibited
        ExecutionProviderNotConfigured ExecutionProviderUnavailable InvalidContract InvalidPrice
        KeyInformationDocumentRequired LiquidationOnly LiquidationOnlyBeforeExpiration
        MaxOrderQtyIsNotSpecified MaxOrderQtyLimitReached MaxPosLimitMisconfigured MaxPosLimitReached
        MaxTotalPosLimitReached MultipleAccountPlanRequired NoQuote NotEnoughLiquidity OtherExecutionRelated
        ParentRejected RiskCheckTimeout SSFRiskDisclosureAcknowledgmentRequired SessionClosed Success
        TooLate TradingLocked TrailingStopNonOrderQtyModify Unauthorized UnknownReason Unsupported
    """,
    "timeInForce": """
        Day FOK GTC GTD IOC
    """,
    "user.status": """
        Active Closed Initiated TemporaryLocked UnconfirmedEmail
    """,
}

SHAPES = {
    "user": """
        id=int name!=text64 timestamp!=time email!=text64 status!=one:user.status professional!=flag
        organizationId=id linkedUserId=id foreignIntroducingBrokerId=id introducingPartnerId=int
    """,
    "account": """
        id=int name!=text64 userId!=id accountType!=one:account.accountType active!=flag clearingHouseId!=id
        riskCategoryId!=id autoLiqProfileId!=id marginAccountType!=one:account.marginAccountType
        legalStatus!=one:account.legalStatus timestamp!=time readonly=flag restricted=flag closed=flag
        evaluationSize=number ccEmail=text futuresDisabled=flag swapEnabled=flag
        ssfRiskDisclosureAcknowledgment=time spotMarginEnabled=flag
    """,
    "cashBalance": """
        id=int accountId!=id timestamp!=time tradeDate!=day currencyId!=id amount!=number realizedPnL=number
        weekRealizedPnL=number amountSOD=number
    """,
    "cashBalanceLog": """
        id=int accountId!=id timestamp!=time tradeDate!=day currencyId!=id amount!=number realizedPnL=number
        weekRealizedPnL=number cashChangeType!=one:cashChangeType fillPairId=id fillId=id fundTransactionId=id
        comment=text64 delta!=number senderId=id
    """,
    "marginSnapshot": """
        id=int timestamp!=time riskTimePeriodId!=id initialMargin!=number maintenanceMargin!=number
        autoLiqLevel=number liqOnlyLevel=number totalUsedMargin!=number fullInitialMargin!=number
        positionMargin!=number totalUsedFullMargin!=number openCollateralReq=number
    """,
    "accountRiskStatus": """
        id=int adminAction=one:accountRiskStatus.adminAction adminTimestamp=time liquidateOnly=time
        userTriggeredLiqOnly=flag maxNetLiq=number minNetLiq=number
    """,
    "position": """
        id=int accountId!=id contractId!=id timestamp!=time tradeDate!=day netPos!=int netPrice=number
        bought!=count boughtValue!=number sold!=count soldValue!=number prevPos!=int prevPrice=number
    """,
    "fillPair": """
        id=int positionId!=id buyFillId!=id sellFillId!=id qty!=int buyPrice!=number sellPrice!=number
        active!=flag
    """,
    "order": """
        id=int accountId!=id contractId=id spreadDefinitionId=id timestamp!=time action!=one:action
        ordStatus!=one:ordStatus executionProviderId=id ocoId=id parentId=id linkedId=id admin!=flag
    """,
    "orderVersion": """
        id=int orderId!=id orderQty!=id orderType!=one:orderType price=number stopPrice=number maxShow=id
        pegDifference=number timeInForce=one:timeInForce expireTime=time text=text64 limitIfTouchedPrice=number
    """,
    "command": """
        id=int orderId!=id timestamp!=time clOrdId=text64 commandType!=one:command.commandType
        commandStatus!=one:commandStatus senderId=id userSessionId=id activationTime=time customTag50=text64
        isAutomated=flag
    """,
    "commandReport": """
        id=int commandId!=id timestamp!=time commandStatus!=one:commandStatus rejectReason=one:reason
        text=text8192 ordStatus=one:ordStatus
    """,
    "executionReport": """
        id=int commandId!=id name!=text64 accountId!=id contractId!=id timestamp!=time tradeDate=day orderId!=id
        execType!=one:executionReport.execType execRefId=text64 ordStatus=one:ordStatus action!=one:action
        cumQty=int avgPx=number lastQty=int lastPx=number rejectReason=one:reason text=text8192
        exchangeOrderId=text64
    """,
    "fill": """
        id=int orderId!=id contractId!=id timestamp!=time tradeDate!=day action!=one:action qty!=int
        price!=number active!=flag finallyPaired!=int
    """,
    "orderStrategy": """
        id=int accountId!=id timestamp!=time contractId!=id orderStrategyTypeId!=id initiatorId=id action!=one:action
        params=text8192 uuid=text64 status!=one:orderStrategy.status failureMessage=text512 senderId=id
        customTag50=text64 userSessionId=id
    """,
    "orderStrategyLink": """
        id=int orderStrategyId!=id orderId!=id label!=text64
    """,
    "orderStrategyType": """
        id=int name!=text64 enabled!=flag
    """,
    "orderStrategyStatusResponse": """
        errorText=text8192 orderStrategy=object failureReason=one:reason
    """,
    "fillFee": """
        id=int clearingFee=number clearingCurrencyId=id exchangeFee=number exchangeCurrencyId=id nfaFee=number
        nfaCurrencyId=id brokerageFee=number brokerageCurrencyId=id ipFee=number ipCurrencyId=id
        commission=number commissionCurrencyId=id orderRoutingFee=number orderRoutingCurrencyId=id
    """,
    "currency": """
        id=int name!=text64 symbol=text64
    """,
    "currencyRate": """
        id=int timestamp!=time rate!=number
    """,
    "exchange": """
        id=int name!=text64 micCode=text
    """,
    "contractGroup": """
        id=int name!=text64
    """,
    "product": """
        id=int name!=text64 currencyId!=id productType!=one:product.productType description!=text8192
        exchangeId!=id contractGroupId!=id riskDiscountContractGroupId=id status!=one:product.status
        months=text64 isSecured=flag valuePerPoint!=number priceFormatType!=one:product.priceFormatType
        priceFormat!=int tickSize!=number postTradeCategoryId=int
    """,
    "productSession": """
        id=int openTime!=object startTime!=object stopTime!=object closeTime!=object sundayOpenTime=object allDay=flag
    """,
    "productMargin": """
        id=int initialMargin!=number maintenanceMargin!=number timestamp!=time
    """,
    "contractMaturity": """
        id=int productId!=id expirationMonth!=int expirationDate!=time firstIntentDate=time underlyingId=id
        isFront!=flag kalshiEventId=int
    """,
    "contract": """
        id=int name!=text64 contractMaturityId!=id timestamp!=time
    """,
    "placeOrderResult": """
        failureReason=one:reason failureText=text8192 orderId=id
    """,
    "dryRunResponse": """
        errorText=text rejectReason=one:reason comment=text details=object fees=object
    """,
    "riskEvaluationDetails": """
        beforeInitialMarginReq=number beforeInitialFullMarginReq=number beforeOpenCollateralReq=number
        initialMarginReq=number initialFullMarginReq=number openCollateralReq=number totalCash=number
        futuresOpenPnL=number optionsOpenPnL=number riskCredit=number netLiqValue=number futureCommAndFees=number
        totalCashRequired=number excess=number beforeNetPos=int hypoLongPos=int hypoShortPos=int isExitOrder=flag
    """,
    "commandResult": """
        failureReason=one:reason failureText=text8192 commandId=id
    """,
    "accessTokenResponse": """
        errorText=text8192 accessToken=text8192 expirationTime=time passwordExpirationTime=time
        userStatus=one:accessTokenResponse.userStatus userId=id name=text64 hasLive=flag
        hibpHint=one:accessTokenResponse.hibpHint hasSimPlus=flag showKIDs=flag mdAccessToken=text
        hasFunded=flag hasMarketData=flag outdatedTaC=flag outdatedLiquidationPolicy=flag apiHosts=object
        p-ticket=text p-time=int p-captcha=flag
    """,
    "oAuthTokenResponse": """
        access_token=text8192 token_type=text64 expires_in=int error=text64 error_description=text8192
        refresh_token=text refresh_token_expires_in=int id_token=text apiHosts=object
    """,
    "oAuthMeResponse": """
        errorText=text8192 userId=id name=text64 fullName=text8192 email=text8192 emailVerified=flag
        isTrial=flag organizationName=text currentAccountPlan=text currentMDSubs=list currentBalance=number
        activePlugins=list
    """,
    "cashBalanceSnapshot": """
        errorText=text8192 totalCashValue=number totalPnL=number initialMargin=number maintenanceMargin=number
        netLiq=number openPnL=number realizedPnL=number weekRealizedPnL=number
        withdrawalRejectReason=one:cashBalanceSnapshot.withdrawalRejectReason
        currencyCashAvailWithdrawalUSD=number netLiqSOD=number totalCashValueSOD=number cashUSD=number
        cashSODUSD=number fullInitialMargin=number fullInitialMarginSOD=number autoLiqLevel=number
    """,
}


def problems(shape: str, value: Any) -> list[str]:
    """What is wrong with a value of a shape, field by field; empty when it fits."""
    if not isinstance(value, dict):
        return [f"{shape} is not an object but {value!r}"]
    found = []
    for part in SHAPES[shape].split():
        name, _, kind = part.partition("=")
        required, name = name.endswith("!"), name.rstrip("!")
        if name not in value:
            if required:
                found.append(f"{shape}.{name} is missing")
        elif not _fits(kind, value[name]):
            found.append(f"{shape}.{name} = {value[name]!r} is not {kind}")
    return found


def _fits(kind: str, value: Any) -> bool:
    if kind.startswith("one:"):
        return value in ENUMS[kind.removeprefix("one:")].split()
    if kind.startswith("text"):
        return isinstance(value, str) and len(value) <= int(kind.removeprefix("text") or 100_000)
    whole = isinstance(value, int) and not isinstance(value, bool)
    match kind:
        case "id":
            return whole and value > 0
        case "count":
            return whole and value >= 0
        case "int":
            return whole
        case "number":
            return whole or isinstance(value, float)
        case "flag":
            return isinstance(value, bool)
        case "list":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case "day":
            return isinstance(value, dict) and set(value) == {"year", "month", "day"}
        case "time":
            return isinstance(value, str) and value.endswith("Z") and datetime.fromisoformat(value) is not None
    raise ValueError(f"unknown kind {kind}")
