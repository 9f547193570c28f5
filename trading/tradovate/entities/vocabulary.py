"""The words that Tradovate uses for states and choices.

Entities carry these as plain `str`, because a value that we do not know yet must not stop an account from showing;
a StrEnum member equals its string, so `order.ord_status == OrdStatus.WORKING` reads as it should.
Source: the enumerations of openapi.json.
"""

from enum import StrEnum


class Action(StrEnum):
    """The side of an order or fill."""

    BUY = "Buy"
    SELL = "Sell"


class OrderType(StrEnum):
    """What makes an order trade (openapi.json, OrderVersion)."""

    LIMIT = "Limit"
    LIMIT_IF_TOUCHED = "LimitIfTouched"
    MIT = "MIT"
    MARKET = "Market"
    QTS = "QTS"
    STOP = "Stop"
    STOP_LIMIT = "StopLimit"
    TRAILING_STOP = "TrailingStop"
    TRAILING_STOP_LIMIT = "TrailingStopLimit"


class TimeInForce(StrEnum):
    """How long an order stays."""

    DAY = "Day"
    FOK = "FOK"
    GTC = "GTC"
    GTD = "GTD"
    IOC = "IOC"


class OrdStatus(StrEnum):
    """The state of an order (openapi.json, Order)."""

    CANCELED = "Canceled"
    COMPLETED = "Completed"
    EXPIRED = "Expired"
    FILLED = "Filled"
    PENDING_CANCEL = "PendingCancel"
    PENDING_NEW = "PendingNew"
    PENDING_REPLACE = "PendingReplace"
    REJECTED = "Rejected"
    SUSPENDED = "Suspended"
    UNKNOWN = "Unknown"
    WORKING = "Working"


class CommandType(StrEnum):
    """What a command asks of an order."""

    CANCEL = "Cancel"
    MODIFY = "Modify"
    NEW = "New"


class CommandStatus(StrEnum):
    """How far a command has come (openapi.json, Command)."""

    AT_EXECUTION = "AtExecution"
    EXECUTION_REJECTED = "ExecutionRejected"
    EXECUTION_STOPPED = "ExecutionStopped"
    EXECUTION_SUSPENDED = "ExecutionSuspended"
    ON_HOLD = "OnHold"
    PENDING = "Pending"
    PENDING_EXECUTION = "PendingExecution"
    REPLACED = "Replaced"
    RISK_PASSED = "RiskPassed"
    RISK_REJECTED = "RiskRejected"


class ExecType(StrEnum):
    """What an execution report tells (openapi.json, ExecutionReport)."""

    CANCELED = "Canceled"
    COMPLETED = "Completed"
    DONE_FOR_DAY = "DoneForDay"
    EXPIRED = "Expired"
    NEW = "New"
    ORDER_STATUS = "OrderStatus"
    PENDING_CANCEL = "PendingCancel"
    PENDING_NEW = "PendingNew"
    PENDING_REPLACE = "PendingReplace"
    REJECTED = "Rejected"
    REPLACED = "Replaced"
    STOPPED = "Stopped"
    SUSPENDED = "Suspended"
    TRADE = "Trade"
    TRADE_CANCEL = "TradeCancel"
    TRADE_CORRECT = "TradeCorrect"


class EventType(StrEnum):
    """What happened to the entity of a `props` event (official WebSockets guide, Event message)."""

    CREATED = "Created"
    UPDATED = "Updated"
    DELETED = "Deleted"


class FailureReason(StrEnum):
    """Why an order operation was refused (openapi.json, PlaceOrderResult and CommandReport)."""

    ACCOUNT_CLOSED = "AccountClosed"
    ADVANCED_TRAILING_STOP_UNSUPPORTED = "AdvancedTrailingStopUnsupported"
    ANOTHER_COMMAND_PENDING = "AnotherCommandPending"
    BACK_MONTH_PROHIBITED = "BackMonthProhibited"
    EXECUTION_PROVIDER_NOT_CONFIGURED = "ExecutionProviderNotConfigured"
    EXECUTION_PROVIDER_UNAVAILABLE = "ExecutionProviderUnavailable"
    INVALID_CONTRACT = "InvalidContract"
    INVALID_PRICE = "InvalidPrice"
    KEY_INFORMATION_DOCUMENT_REQUIRED = "KeyInformationDocumentRequired"
    LIQUIDATION_ONLY = "LiquidationOnly"
    LIQUIDATION_ONLY_BEFORE_EXPIRATION = "LiquidationOnlyBeforeExpiration"
    MAX_ORDER_QTY_IS_NOT_SPECIFIED = "MaxOrderQtyIsNotSpecified"
    MAX_ORDER_QTY_LIMIT_REACHED = "MaxOrderQtyLimitReached"
    MAX_POS_LIMIT_MISCONFIGURED = "MaxPosLimitMisconfigured"
    MAX_POS_LIMIT_REACHED = "MaxPosLimitReached"
    MAX_TOTAL_POS_LIMIT_REACHED = "MaxTotalPosLimitReached"
    MULTIPLE_ACCOUNT_PLAN_REQUIRED = "MultipleAccountPlanRequired"
    NO_QUOTE = "NoQuote"
    NOT_ENOUGH_LIQUIDITY = "NotEnoughLiquidity"
    OTHER_EXECUTION_RELATED = "OtherExecutionRelated"
    PARENT_REJECTED = "ParentRejected"
    RISK_CHECK_TIMEOUT = "RiskCheckTimeout"
    SESSION_CLOSED = "SessionClosed"
    SSF_RISK_DISCLOSURE_ACKNOWLEDGMENT_REQUIRED = "SSFRiskDisclosureAcknowledgmentRequired"
    SUCCESS = "Success"
    TOO_LATE = "TooLate"
    TRADING_LOCKED = "TradingLocked"
    TRAILING_STOP_NON_ORDER_QTY_MODIFY = "TrailingStopNonOrderQtyModify"
    UNAUTHORIZED = "Unauthorized"
    UNKNOWN_REASON = "UnknownReason"
    UNSUPPORTED = "Unsupported"


class ShutdownReason(StrEnum):
    """Why Tradovate is about to close a socket (official WebSockets guide, Event message)."""

    CONNECTION_QUOTA_REACHED = "ConnectionQuotaReached"
    IP_QUOTA_REACHED = "IPQuotaReached"
    MAINTENANCE = "Maintenance"


class QuoteMode(StrEnum):
    """How fresh the prices of a subscription are."""

    REAL_TIME = "RealTime"
    DELAYED = "Delayed"
    NONE = "None"
