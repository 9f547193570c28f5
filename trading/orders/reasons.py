"""Why Tradovate refused an order, as a trader reads it: what it means, and what to do.

Values are those of failureReason and rejectReason (openapi.json, PlaceOrderResult, CommandReport). What Tradovate adds
in words of its own stands beside the sentence, its own name for the reason behind it: whoever asks Tradovate's support
needs that. A value that is newer than this list is told in Tradovate's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from accounts.models import Connection, Environment, Way
from trading.tradovate.entities import CommandReport, CommandStatus, FailureReason
from trading.tradovate.errors import ApiError, NotAuthorized, NotFound, OrderRejected, TradovateError

# What the columns hold that keep a reason.
LONGEST: Final = 255
# What a command's status says when it came to nothing.
REFUSED: Final = frozenset({CommandStatus.RISK_REJECTED, CommandStatus.EXECUTION_REJECTED})
UNEXPLAINED: Final = "Tradovate rejected it and says no more."
SIGN_IN: Final = "Tradovate does not accept your sign-in any more. Sign in again."

SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        FailureReason.ACCOUNT_CLOSED: (
            "This account is closed. Trade on another one, or ask Tradovate to open it again."
        ),
        FailureReason.ADVANCED_TRAILING_STOP_UNSUPPORTED: (
            "A trailing stop of this kind is not possible here. Use a plain stop or a simple trailing stop."
        ),
        FailureReason.ANOTHER_COMMAND_PENDING: (
            "An earlier change of this order is still under way. Wait a moment, look at the order, then try again."
        ),
        FailureReason.BACK_MONTH_PROHIBITED: (
            "This account may trade only the front month of this product. Choose the nearest expiry."
        ),
        FailureReason.EXECUTION_PROVIDER_NOT_CONFIGURED: (
            "Tradovate has no way to this exchange for your account. Ask Tradovate to set it up."
        ),
        FailureReason.EXECUTION_PROVIDER_UNAVAILABLE: (
            "Tradovate cannot reach the exchange just now. Try again soon; "
            "to close a position, call Tradovate's trade desk."
        ),
        FailureReason.INVALID_CONTRACT: (
            "This contract cannot be traded: unknown, expired or not open to you. Check the symbol and its expiry."
        ),
        FailureReason.INVALID_PRICE: (
            "A price is missing, off the tick, or on the wrong side of the market. Correct it and send the order again."
        ),
        FailureReason.KEY_INFORMATION_DOCUMENT_REQUIRED: (
            "Tradovate wants you to accept this product's Key Information Document first. "
            "Do so in Tradovate's application."
        ),
        FailureReason.LIQUIDATION_ONLY: (
            "This account may only close positions now; what opens or adds is refused. Ask Tradovate why."
        ),
        FailureReason.LIQUIDATION_ONLY_BEFORE_EXPIRATION: (
            "This contract is close to its expiry: positions in it can only be closed. Trade a later month."
        ),
        FailureReason.MAX_ORDER_QTY_IS_NOT_SPECIFIED: (
            "Nobody has set how large an order of this account may be. Have Tradovate or your risk manager set it."
        ),
        FailureReason.MAX_ORDER_QTY_LIMIT_REACHED: (
            "The order is larger than this account may send at once. Order fewer contracts, or have the limit raised."
        ),
        FailureReason.MAX_POS_LIMIT_MISCONFIGURED: (
            "A position limit of this account is set wrongly. Only Tradovate or your risk manager can mend it."
        ),
        FailureReason.MAX_POS_LIMIT_REACHED: (
            "With this order and those that work, "
            "the position could pass its limit. Order less, or close or cancel first."
        ),
        FailureReason.MAX_TOTAL_POS_LIMIT_REACHED: (
            "With this order and those that work, "
            "all positions together could pass their limit. Close or cancel some first."
        ),
        FailureReason.MULTIPLE_ACCOUNT_PLAN_REQUIRED: (
            "Your Tradovate plan does not cover several accounts. Trade on the one that it covers, or change the plan."
        ),
        FailureReason.NO_QUOTE: (
            "There is no price for this contract just now to check the order against. "
            "Wait for the market and try again."
        ),
        FailureReason.NOT_ENOUGH_LIQUIDITY: (
            "The account has too little free money for the margin. "
            "Order fewer contracts, close a position, or add funds."
        ),
        FailureReason.OTHER_EXECUTION_RELATED: (
            "The exchange refused it for a reason of its own. Check price, type and time in force before you try again."
        ),
        FailureReason.PARENT_REJECTED: (
            "The order that this one hangs on was rejected, and this one with it. Mend that one and send both again."
        ),
        FailureReason.RISK_CHECK_TIMEOUT: (
            "Tradovate's risk check took too long, so it refused. Look at your orders, then try again."
        ),
        FailureReason.SESSION_CLOSED: (
            "The market is closed for this contract. Send the order again when its session is open."
        ),
        FailureReason.SSF_RISK_DISCLOSURE_ACKNOWLEDGMENT_REQUIRED: (
            "Tradovate wants you to accept its risk disclosure for single stock futures. "
            "Do so in Tradovate's application."
        ),
        FailureReason.TOO_LATE: (
            "Too late: the order had filled or ended already. Look at your position and orders before you do more."
        ),
        FailureReason.TRADING_LOCKED: (
            "Trading is locked on this account, by a risk limit or by Tradovate. Look there why, and until when."
        ),
        FailureReason.TRAILING_STOP_NON_ORDER_QTY_MODIFY: (
            "Of a trailing stop only the quantity can be changed. Cancel it and place a new one instead."
        ),
        FailureReason.UNAUTHORIZED: (
            "You may not do this on this account. Ask its owner or Tradovate for the permission to trade it."
        ),
        FailureReason.UNKNOWN_REASON: (
            "Tradovate names no reason. Check account, contract and prices; "
            "if it happens again, ask Tradovate's support."
        ),
        FailureReason.UNSUPPORTED: (
            "This kind of order is not possible for this contract. Choose another order type or time in force."
        ),
    }
)


def rejection(reason: str, text: str = "") -> str:
    """The sentence for Tradovate's `reason`, with its own `text` where that adds something; "" for no reason at all.

    At most LONGEST characters: Tradovate's words are cut first.
    """
    text = " ".join(text.split())
    if reason in ("", FailureReason.SUCCESS):
        return _cut(text, LONGEST)
    sentence = SENTENCES.get(reason, "Tradovate rejected it." if text else UNEXPLAINED)
    code = f" ({reason})"
    # Tradovate's text is often the name of the reason in words: "Session closed".
    if _letters(text) in ("", _letters(reason)):
        return _cut(sentence, LONGEST - len(code)) + _cut(code, LONGEST)
    said = " Tradovate says: "
    text = _cut(text, LONGEST - len(sentence) - len(said) - len(code))
    return _cut(f"{sentence}{said}{text}{code}" if text else f"{sentence}{code}", LONGEST)


def of_commands(said: Iterable[CommandReport]) -> dict[int, str]:
    """Why commands were refused, by command id; those that were not are left out."""
    return {
        report.command_id: rejection(report.reject_reason or "", report.text or "") or UNEXPLAINED
        for report in said
        if report.command_status in REFUSED
    }


def strategy_failure(said: str) -> str:
    """Why a strategy failed (OrderStrategy.failureMessage): the name of a reason, or words of Tradovate's own."""
    return rejection(said) if said in SENTENCES else rejection("", said)


def of_error(error: TradovateError, connection: Connection) -> str:
    """What a failure to trade for this connection means, whichever way Tradovate said it."""
    match error:
        case OrderRejected():
            return rejection(error.reason, error.text)
        case ApiError() if error.text in SENTENCES:
            # Strategies say errorText where orders have a failureReason.
            return rejection(error.text)
        case NotFound():
            return _cut(f"{error} Orders of an earlier trading day are gone there.", LONGEST)
        case NotAuthorized() if _may_be_unverified(connection):
            return (
                "Tradovate takes no orders from this sign-in. LIVE takes them from verified devices only: "
                "follow Tradovate's message about a new device, then sign in again."
            )
        case NotAuthorized():
            return SIGN_IN
        case _:
            return _cut(str(error), LONGEST)


def _may_be_unverified(connection: Connection) -> bool:
    """Orders from a device that is not verified are refused like a token that has ended (protocol notes, Password)."""
    return connection.environment == Environment.LIVE and connection.signed_in_by == Way.API_KEY


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    return f"{text[: longest - 1]}…" if longest > 1 else ""
