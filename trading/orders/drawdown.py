"""Where Tradovate's trailing drawdown closes an account's positions and locks it. Pure.

That is when the net liquidation value falls as far below its peak as `trailingMaxDrawdown` says. The peak is
Tradovate's own (maxNetLiq), which follows every price or the end of each day, as `trailingMaxDrawdownMode` says; the
level stops rising at `trailingMaxDrawdownLimit` (guide, UserAccountAutoLiq; openapi.json, AccountRiskStatus).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from trading.tradovate.entities import AccountRiskStatus, UserAccountAutoLiq


@dataclass(frozen=True)
class Drawdown:
    """How many dollars below the peak, and the net liquidation value that this comes to, None when it is not known."""

    amount: Decimal
    level: Decimal | None = None


def trailing(limits: UserAccountAutoLiq | None, status: AccountRiskStatus | None) -> Drawdown | None:
    """The trailing drawdown of an account; None where there is none."""
    amount = dollars(limits.trailing_max_drawdown) if limits else None
    if limits is None or amount is None:
        return None
    level = status.min_net_liq if status else None
    if level is None and status is not None and status.max_net_liq is not None:
        most = dollars(limits.trailing_max_drawdown_limit)
        level = status.max_net_liq - amount
        level = level if most is None else min(level, most)
    return Drawdown(amount, level)


def dollars(limit: Decimal | None) -> Decimal | None:
    """A limit's amount: zero is no limit, and some clients write losses as negative amounts."""
    return abs(limit) if limit and limit.is_finite() else None
