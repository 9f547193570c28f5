"""What positions and accounts are worth, in dollars. Pure.

Open P&L = (mark - net price) x value per point x net position (guide, Product), day P&L = the day's realised P&L + open
P&L, before fees and after those of the day's fills. Realised P&L begins anew with each session (guide, CashBalance):
what cash of an earlier trade date has gained is none of today's.

Net liquidation = cash + open P&L + the premium of the options held: that changed cash when they were traded (guide,
CashBalanceLog, OptionsTrade), so that they are worth all of their mark.

What is not known makes what depends on it unknown, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from trading.sync.fees import DayFees
from trading.sync.marks_known import KnownMarks
from trading.sync.mirror import ZERO, Mirror
from trading.sync.money import cash_of
from trading.tradovate.entities import Position, ProductType


@dataclass(frozen=True)
class AccountWorth:
    """`premium` was paid for the options held, less what was got for those that are short; `day_pnl` is before the
    day's `fees`, of which `known_fees` are known, `day_net` after them; `is_estimate` says that a mark is none of
    now."""

    net_liq: Decimal | None
    cash: Decimal | None
    open_pnl: Decimal | None
    premium: Decimal
    day_pnl: Decimal | None
    fees: Decimal | None
    known_fees: Decimal
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
        mark = self._marks.of(position).price
        if mark is None or position.net_price is None:
            return None
        return self._dollars(position, mark - position.net_price)

    def _premium(self, position: Position) -> Decimal:
        """Zero while not known: then open P&L is not known either."""
        product = self._mirror.product(position.contract_id)
        if product is None or product.product_type != ProductType.OPTIONS or position.net_price is None:
            return ZERO
        return self._dollars(position, position.net_price) or ZERO

    def _dollars(self, position: Position, points: Decimal) -> Decimal | None:
        """What so many points are worth on all of a position."""
        product = self._mirror.product(position.contract_id)
        rate = self._mirror.dollars(product.currency_id) if product else None
        return points * product.value_per_point * position.net_pos * rate if product and rate is not None else None

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
        day_pnl, premium = _sum(realized, open_pnl), sum(map(self._premium, held), ZERO)
        return AccountWorth(
            net_liq=_sum(_sum(cash, open_pnl), premium),
            cash=cash,
            open_pnl=open_pnl,
            premium=premium,
            day_pnl=day_pnl,
            fees=fees,
            known_fees=self._fees.known(account_id),
            day_net=_sum(day_pnl, None if fees is None else -fees),
            is_estimate=any(not self._marks.of(position).is_live for position in held),
        )


def _sum(first: Decimal | None, second: Decimal | None) -> Decimal | None:
    return None if first is None or second is None else first + second
