"""How much an account may still lose before Tradovate itself steps in, in dollars. Pure.

Tradovate restricts or closes an account at a day's loss, fees and open positions included (guide, UserAccountAutoLiq),
and when its net liquidation value falls too far below its peak (trading.orders.drawdown).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from trading.orders import drawdown
from trading.sync.worth import AccountWorth
from trading.tradovate.entities import AccountRiskStatus, UserAccountAutoLiq


@dataclass(frozen=True)
class Left:
    """What of a limit is left, below 0 once it is broken; `limit` is None where there is none, `left` unless known."""

    limit: Decimal | None = None
    left: Decimal | None = None


def of_daily_loss(limits: UserAccountAutoLiq | None, worth: AccountWorth) -> Left:
    """The nearest of the day's losses at which Tradovate acts."""
    if limits is None:
        return Left()
    named = (limits.daily_loss_auto_liq, limits.daily_loss_liq_only)
    limit = min((amount for one in named if (amount := drawdown.dollars(one)) is not None), default=None)
    if limit is None:
        return Left()
    return Left(limit, None if worth.day_pnl is None else limit + worth.day_pnl - worth.known_fees)


def of_drawdown(limits: UserAccountAutoLiq | None, status: AccountRiskStatus | None, worth: AccountWorth) -> Left:
    """What is left until the trailing drawdown's level."""
    found = drawdown.trailing(limits, status)
    if found is None:
        return Left()
    if found.level is None or worth.net_liq is None:
        return Left(found.amount)
    return Left(found.amount, worth.net_liq - found.level)
