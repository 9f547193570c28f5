"""Limits of traders and staff, put together: of all that apply to an order, the strictest holds. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Generic, TypeVar

from trading.models import TradingLimit

N = TypeVar("N", int, Decimal)


@dataclass(frozen=True)
class Rule(Generic[N]):
    """One limit's figure, and who set it for what."""

    value: N
    set_by: str
    scope: str

    @property
    def owner(self) -> str:
        """Whose limit it is, as the beginning of a sentence."""
        return "Support's limit" if self.set_by == TradingLimit.SetBy.STAFF else "Your limit"


@dataclass(frozen=True)
class Rules:
    """The strictest limits for one account and product; None where there is none."""

    max_order_qty: Rule[int] | None = None
    max_position: Rule[int] | None = None
    daily_loss: Rule[Decimal] | None = None
    collar_ticks: Rule[int] | None = None
    collar_percent: Rule[Decimal] | None = None


NO_RULES: Final = Rules()


def strictest(limits: Iterable[TradingLimit], account_id: int, product: str, now: dt.datetime) -> Rules:
    """The limits in force for an account (pk) and a product (ES); "" for a product that is not known."""
    apply = [x for x in limits if x.account_id in (None, account_id) and x.product in ("", product)]
    return Rules(
        max_order_qty=_least(Rule(x.max_order_qty, x.set_by, x.scope) for x in apply if x.max_order_qty is not None),
        max_position=_least(Rule(x.max_position, x.set_by, x.scope) for x in apply if x.max_position is not None),
        daily_loss=_least(
            Rule(loss, x.set_by, x.scope) for x in apply if (loss := x.daily_loss_at(now)) is not None and not x.product
        ),
        collar_ticks=_least(Rule(x.collar_ticks, x.set_by, x.scope) for x in apply if x.collar_ticks is not None),
        collar_percent=_least(Rule(x.collar_percent, x.set_by, x.scope) for x in apply if x.collar_percent is not None),
    )


def _least(rules: Iterable[Rule[N]]) -> Rule[N] | None:
    return min(rules, key=lambda rule: rule.value, default=None)
