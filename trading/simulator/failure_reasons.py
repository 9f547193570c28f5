"""Why Tradovate refuses an order (openapi.json, PlaceOrderResult.failureReason, CommandReport.rejectReason) and what
makes it refuse one here.

When it is asked for: AccountClosed, TradingLocked (account flags, risk status), Unauthorized (an admin's order from
somebody who is none), SessionClosed, InvalidContract, InvalidPrice, Unsupported, MaxOrderQtyLimitReached,
BackMonthProhibited, LiquidationOnly, LiquidationOnlyBeforeExpiration, UnknownReason (another one's account or order),
TooLate, AnotherCommandPending and TrailingStopNonOrderQtyModify (modifications).

As a command: NotEnoughLiquidity, MaxPosLimitReached, MaxTotalPosLimitReached, MaxPosLimitMisconfigured, ParentRejected.

At execution: OtherExecutionRelated (a modification that changes the time in force).

Some have no cause in a simulator and come only when control arms them, as every reason can be at each stage:
ExecutionProviderNotConfigured and ExecutionProviderUnavailable (there is one exchange and it is up), RiskCheckTimeout
(checks take no time), NoQuote (every contract has a book), MaxOrderQtyIsNotSpecified (there is always a maximum),
MultipleAccountPlanRequired, KeyInformationDocumentRequired, SSFRiskDisclosureAcknowledgmentRequired and
AdvancedTrailingStopUnsupported (plans, documents and products that nobody has here). Success is no reason to refuse.
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
