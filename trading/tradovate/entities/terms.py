"""The words of accounts, people, products and subscriptions; `vocabulary` has those of orders.

Entities carry them as plain `str`, so that a newer word stops nothing (openapi.json, the enumerations of the
schemas that the names below say).
"""

from enum import StrEnum
from typing import Final

DOLLAR: Final = "USD"
# The id of US dollars (guide, entityFind of NQ): a snapshot need not name the currency that everything is in.
DOLLARS: Final = 1


class UserStatus(StrEnum):
    """The state of a user."""

    ACTIVE = "Active"
    CLOSED = "Closed"
    INITIATED = "Initiated"
    TEMPORARY_LOCKED = "TemporaryLocked"
    UNCONFIRMED_EMAIL = "UnconfirmedEmail"


class HibpHint(StrEnum):
    """What of a sign-in is known to have leaked."""

    EMAIL_AND_PASSWORD_COMPROMISED = "EmailAndPasswordCompromised"  # noqa: S105 - a word, not a password
    PASSWORD_COMPROMISED = "PasswordCompromised"  # noqa: S105 - a word, not a password


class AccountType(StrEnum):
    """Whom an account is for."""

    CUSTOMER = "Customer"
    EMPLOYEE = "Employee"
    GIVEUP = "Giveup"
    HOUSE = "House"
    OMNIBUS = "Omnibus"
    WASH = "Wash"


class MarginAccountType(StrEnum):
    """What margin rules an account has."""

    HEDGER = "Hedger"
    SPECULATOR = "Speculator"


class LegalStatus(StrEnum):
    """What owns an account in law."""

    CORPORATION = "Corporation"
    GP = "GP"
    IRA = "IRA"
    INDIVIDUAL = "Individual"
    JOINT = "Joint"
    LLC = "LLC"
    LLP = "LLP"
    LP = "LP"
    PTR = "PTR"
    TRUST = "Trust"


class AdminAction(StrEnum):
    """What the risk desk does to an account."""

    AGREED_ON_LIQ_ONLY_MODE_BY_AUTO_LIQ = "AgreedOnLiqOnlyModeByAutoLiq"
    AGREED_ON_LIQUIDATION_BY_AUTO_LIQ = "AgreedOnLiquidationByAutoLiq"
    DISABLE_AUTO_LIQ = "DisableAutoLiq"
    LIQUIDATE_IMMEDIATELY = "LiquidateImmediately"
    LIQUIDATE_ONLY_MODE_IMMEDIATELY = "LiquidateOnlyModeImmediately"
    LOCK_TRADING_IMMEDIATELY = "LockTradingImmediately"
    NORMAL = "Normal"
    PLACE_AUTO_LIQ_ON_HOLD = "PlaceAutoLiqOnHold"


class AlertStatus(StrEnum):
    """The state of an alert."""

    ACTIVE = "Active"
    EXPIRED = "Expired"
    FAILED = "Failed"
    INACTIVE = "Inactive"
    TRIGGERED_OUT = "TriggeredOut"


class CashChangeType(StrEnum):
    """Why cash changed."""

    AUTOMATIC_RECONCILIATION = "AutomaticReconciliation"
    BROKERAGE_FEE = "BrokerageFee"
    CANCELLED_PAIRED_TRADE = "CancelledPairedTrade"
    CLEARING_FEE = "ClearingFee"
    COMMISSION = "Commission"
    DESK_FEE = "DeskFee"
    ENTITLEMENT_SUBSCRIPTION = "EntitlementSubscription"
    EXCHANGE_FEE = "ExchangeFee"
    FUND_TRANSACTION = "FundTransaction"
    FUND_TRANSACTION_FEE = "FundTransactionFee"
    IP_FEE = "IPFee"
    LIQUIDATION_FEE = "LiquidationFee"
    MANUAL_ADJUSTMENT = "ManualAdjustment"
    MARKET_DATA_SUBSCRIPTION = "MarketDataSubscription"
    NEW_SESSION = "NewSession"
    NFA_FEE = "NfaFee"
    OPTIONS_TRADE = "OptionsTrade"
    ORDER_ROUTING_FEE = "OrderRoutingFee"
    TRADE_PAIRED = "TradePaired"
    TRADOVATE_SUBSCRIPTION = "TradovateSubscription"


class WithdrawalRejectReason(StrEnum):
    """Why cash cannot be withdrawn."""

    NO_DATA = "NoData"
    PENDING_CONTACT_INFO_CHANGE = "PendingContactInfoChange"


class ChatCategory(StrEnum):
    """Whom a conversation is with."""

    SUPPORT = "Support"
    TRADE_DESK = "TradeDesk"


class ReplayCheckStatus(StrEnum):
    """Whether a replay may begin."""

    INELIGIBLE = "Ineligible"
    OK = "OK"
    START_TIMESTAMP_ADJUSTED = "StartTimestampAdjusted"


class DurationUnits(StrEnum):
    """What a duration is counted in."""

    MONTH = "Month"
    QUARTER = "Quarter"
    WEEK = "Week"
    YEAR = "Year"


class SubscriptionErrorCode(StrEnum):
    """Why a subscription was refused."""

    CONFLICT_WITH_EXISTING = "ConflictWithExisting"
    DOWNGRADE_NOT_ALLOWED = "DowngradeNotAllowed"
    INCOMPATIBLE_CME_MARKET_DATA_SUBSCRIPTION_PLANS = "IncompatibleCMEMarketDataSubscriptionPlans"
    INCORRECT_PAYMENT_METHOD = "IncorrectPaymentMethod"
    INSUFFICIENT_FUNDS = "InsufficientFunds"
    PAYMENT_PROVIDER_ERROR = "PaymentProviderError"
    PLAN_DISCONTINUED = "PlanDiscontinued"
    SINGLE_TRIAL_ONLY = "SingleTrialOnly"
    SUCCESS = "Success"
    UNKNOWN_ERROR = "UnknownError"


class MarketDataType(StrEnum):
    """How deep market data goes."""

    DOM = "DOM"
    TOP = "Top"


class ProfessionalScope(StrEnum):
    """Whom a plan is for."""

    EITHER = "Either"
    NON_PROFESSIONAL = "NonProfessional"
    PROFESSIONAL = "Professional"


class OrderStrategyStatus(StrEnum):
    """The state of an order strategy."""

    ACTIVE_STRATEGY = "ActiveStrategy"
    EXECUTION_FAILED = "ExecutionFailed"
    EXECUTION_FINISHED = "ExecutionFinished"
    EXECUTION_INTERRUPTED = "ExecutionInterrupted"
    INACTIVE_STRATEGY = "InactiveStrategy"
    NOT_ENOUGH_LIQUIDITY = "NotEnoughLiquidity"
    STOPPED_BY_USER = "StoppedByUser"


class ProductType(StrEnum):
    """What a product is."""

    COMMON_STOCK = "CommonStock"
    CONTINUOUS = "Continuous"
    CRYPTOCURRENCY = "Cryptocurrency"
    FUTURES = "Futures"
    MARKET_INTERNALS = "MarketInternals"
    OPTIONS = "Options"
    SPREAD = "Spread"
    SWAP = "Swap"


class ProductStatus(StrEnum):
    """How ready a product is."""

    INACTIVE = "Inactive"
    LOCKED = "Locked"
    READY_FOR_CONTRACTS = "ReadyForContracts"
    READY_TO_TRADE = "ReadyToTrade"
    VERIFIED = "Verified"


class PriceFormatType(StrEnum):
    """How prices are written."""

    DECIMAL = "Decimal"
    FRACTIONAL = "Fractional"


class PropertyType(StrEnum):
    """What values a property has."""

    BOOLEAN = "Boolean"
    ENUM = "Enum"
    INTEGER = "Integer"
    STRING = "String"


class SignUpErrorCode(StrEnum):
    """Why a sign-up was refused."""

    DATA_ERROR = "DataError"
    EMAIL_ALREADY_REGISTERED = "EmailAlreadyRegistered"
    EMAIL_POLICY_FAILED = "EmailPolicyFailed"
    FAILED_RECAPTCHA = "FailedRecaptcha"
    SUCCESS = "Success"
    UNKNOWN_ERROR = "UnknownError"
    USER_ALREADY_EXISTS = "UserAlreadyExists"
    WEAK_PASSWORD = "WeakPassword"  # noqa: S105 - a word, not a password
    WRONG_CHALLENGE = "WrongChallenge"
    WRONG_CHALLENGE_ORIGIN = "WrongChallengeOrigin"


class SpreadType(StrEnum):
    """How a spread is built."""

    BUNDLE = "Bundle"
    BUNDLE_SPREAD = "BundleSpread"
    BUTTERFLY = "Butterfly"
    CALENDAR_SPREAD = "CalendarSpread"
    CONDOR = "Condor"
    CRACK = "Crack"
    DOUBLE_BUTTERFLY = "DoubleButterfly"
    GENERAL = "General"
    INTERCOMMODITY_SPREAD = "IntercommoditySpread"
    LAGGED_INTERCOMMODITY_SPREAD = "LaggedIntercommoditySpread"
    PACK = "Pack"
    PACK_BUTTERFLY = "PackButterfly"
    PACK_SPREAD = "PackSpread"
    REDUCED_TICK_CALENDAR_SPREAD = "ReducedTickCalendarSpread"
    REVERSE_INTERCOMMODITY_SPREAD = "ReverseIntercommoditySpread"
    REVERSE_SPREAD = "ReverseSpread"
    STRIP = "Strip"
    TREASURY_INTERCOMMODITY_SPREAD = "TreasuryIntercommoditySpread"


class TradingPermissionStatus(StrEnum):
    """The state of a trading permission."""

    ACCEPTED = "Accepted"
    APPROVED = "Approved"
    DECLINED = "Declined"
    REQUESTED = "Requested"
    REVOKED = "Revoked"


class DrawdownMode(StrEnum):
    """When a trailing drawdown is measured."""

    EOD = "EOD"
    REAL_TIME = "RealTime"


class LimitTotalBy(StrEnum):
    """What a position limit adds up over."""

    CONTRACT = "Contract"
    CONTRACT_GROUP = "ContractGroup"
    DISCOUNT_GROUP = "DiscountGroup"
    EXCHANGE = "Exchange"
    OVERALL = "Overall"
    PRODUCT = "Product"
    PRODUCT_TYPE = "ProductType"


class ShardingExpressionType(StrEnum):
    """What a sync request is divided by."""

    MOD_ACCOUNT_ID = "modAccountId"
    MOD_USER_ID = "modUserId"
