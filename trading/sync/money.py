"""An account's money in dollars, of all its currencies together. Pure.

Tradovate tells cash in each currency apart (guide, CashBalance), and prices, fees and what a point is worth in that of
the product. What one unit is worth comes by CurrencyRate; until it is known, what depends on it is not known either.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from trading.tradovate.entities import CashBalance, TradeDate

if TYPE_CHECKING:
    from trading.sync.mirror import Mirror

ZERO = Decimal(0)
_LONG_AGO = TradeDate(year=0, month=0, day=0)


@dataclass(frozen=True)
class Cash:
    """Dollars; `realized_pnl` is that of `trade_date`, the newest on which cash has changed, at `timestamp`.

    Tradovate may leave it out of a session in which no trade was opened and closed (guide, CashBalanceSnapshot).
    """

    amount: Decimal | None
    realized_pnl: Decimal | None
    trade_date: TradeDate | None
    timestamp: datetime | None


def cash_of(mirror: Mirror, account_id: int, until: TradeDate | None = None) -> Cash | None:
    """The account's cash as of now, or as of the end of a trade date; None when nothing says so, as of a day for which
    a currency's balance is not kept any more: it has moved on to a later one."""
    own = [balance for balance in mirror.cash_balances.values() if balance.account_id == account_id]
    newest: dict[int | None, CashBalance] = {}
    for balance in sorted(own, key=_age):
        if until is None or _age(balance)[0] <= until:
            newest[balance.currency_id] = balance
    if not newest or newest.keys() != {balance.currency_id for balance in own}:
        return None
    last = max(newest.values(), key=_age)
    of_the_day = (one for one in newest.values() if one.trade_date == last.trade_date)
    return Cash(
        amount=total((one.amount, mirror.dollars(one.currency_id)) for one in newest.values()),
        realized_pnl=total((one.realized_pnl or ZERO, mirror.dollars(one.currency_id)) for one in of_the_day),
        trade_date=last.trade_date,
        timestamp=max((one.timestamp for one in newest.values() if one.timestamp), default=None),
    )


def total(amounts: Iterable[tuple[Decimal | None, Decimal | None]]) -> Decimal | None:
    """The sum in dollars of (amount, dollars for one of it); None when something of that is not known."""
    found = ZERO
    for amount, rate in amounts:
        if amount is None or (rate is None and amount):
            return None
        found += amount * (rate or ZERO)
    return found


def _age(balance: CashBalance) -> tuple[TradeDate, int]:
    return balance.trade_date or _LONG_AGO, balance.id
