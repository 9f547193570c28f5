"""Why Tradovate refuses an order (openapi.json, PlaceOrderResult.failureReason, CommandReport.rejectReason).

docs/simulator.md, "Refusals", has the cause of each; some have none in a simulator and come only when control arms
them, as every reason can be at each stage. Success is no reason to refuse.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

REASONS = frozenset(
    {
        "AccountClosed",
        "AdvancedTrailingStopUnsupported",
        "AnotherCommandPending",
        "BackMonthProhibited",
        "ExecutionProviderNotConfigured",
        "ExecutionProviderUnavailable",
        "InvalidContract",
        "InvalidPrice",
        "KeyInformationDocumentRequired",
        "LiquidationOnly",
        "LiquidationOnlyBeforeExpiration",
        "MaxOrderQtyIsNotSpecified",
        "MaxOrderQtyLimitReached",
        "MaxPosLimitMisconfigured",
        "MaxPosLimitReached",
        "MaxTotalPosLimitReached",
        "MultipleAccountPlanRequired",
        "NoQuote",
        "NotEnoughLiquidity",
        "OtherExecutionRelated",
        "ParentRejected",
        "RiskCheckTimeout",
        "SSFRiskDisclosureAcknowledgmentRequired",
        "SessionClosed",
        "TooLate",
        "TradingLocked",
        "TrailingStopNonOrderQtyModify",
        "Unauthorized",
        "UnknownReason",
        "Unsupported",
    }
)
"""Every value of failureReason but Success."""


class Stage(Enum):
    """Where an order can be refused: in the reply, by the risk check of its command, or by the exchange."""

    REQUEST = "request"
    RISK = "risk"
    EXECUTION = "execution"


@dataclass
class ArmedRefusal:
    """The next `left` orders of an account are refused with this reason."""

    account_id: int
    stage: Stage
    reason: str
    left: int
