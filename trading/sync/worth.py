"""What positions and accounts are worth, in dollars. Pure.

Open P&L = (mark - net price) x value per point x net position (guide, Product), net liquidation = cash + open P&L, day
P&L = the day's realised P&L + open P&L, before fees and after those of the day's fills. Realised P&L begins anew with
each session (guide, CashBalance): what cash of an earlier trade date has gained is none of today's. What is not known
makes what depends on it unknown, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from trading.sync.fees import DayFees
from trading.sync.marks_known import KnownMarks
from trading.sync.mirror import ZERO, Mirror
from trading.sync.money import cash_of
from trading.tradovate.entities import Position


@dataclass(frozen=True)
class AccountWorth:
    """`day_pnl` is before the day's `fees`, `day_net` after them; `is_estimate` says that a mark is none of now."""

    net_liq: Decimal | None
    cash: Decimal | None
    open_pnl: Decimal | None
    day_pnl: Decimal | None
    fees: Decimal | None
    day_net: Decimal | None
    is_estimate: bool


class Worth:
    """The figures of one book as it is now."""

    def __init__(self, mirror: Mirror, marks: KnownMarks, fees: DayFees) -> None:
        self._mirror = mirror
        self._marks = marks
        self._fees = fees

    def open_pnl(self, position: Position) -> Decimal | None:
        """Dollars that closing the position at the mark would gain; None when that cannot be known."""
        if position.net_pos == 0:
            return ZERO
        mark, product = self._marks.of(position).price, self._mirror.product(position.contract_id)
        if mark is None or product is None or position.net_price is None:
            return None
        rate = self._mirror.dollars(product.currency_id)
        return None if rate is None else (mark - position.net_price) * product.value_per_point * position.net_pos * rate

    def of_account(self, account_id: int) -> AccountWorth:
        """The account's figures."""
        held = [x for x in self._mirror.positions.values() if x.account_id == account_id and x.net_pos]
        parts = [self.open_pnl(position) for position in held]
        known = [part for part in parts if part is not None]
        open_pnl = sum(known, ZERO) if len(known) == len(parts) else None
        balance, fees = cash_of(self._mirror, account_id), self._fees.of(account_id)
        cash, realized = (balance.amount, balance.realized_pnl) if balance else (None, None)
        if balance and balance.trade_date and self._mirror.today and balance.trade_date < self._mirror.today:
            realized = ZERO
        day_pnl = _sum(realized, open_pnl)
        return AccountWorth(
            net_liq=_sum(cash, open_pnl),
            cash=cash,
            open_pnl=open_pnl,
            day_pnl=day_pnl,
            fees=fees,
            day_net=_sum(day_pnl, None if fees is None else -fees),
            is_estimate=any(not self._marks.of(position).is_live for position in held),
        )


def _sum(first: Decimal | None, second: Decimal | None) -> Decimal | None:
    return None if first is None or second is None else first + second
