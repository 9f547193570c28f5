"""What the day's fills cost, kept account by account as fills, fees and orders come, in whatever order they do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from trading.tradovate.entities import FillFee

if TYPE_CHECKING:
    from trading.sync.mirror import Mirror

ZERO = Decimal(0)
# What a fee consists of, and which of its fields names that part's currency.
PARTS = {
    "clearing_fee": "clearing_currency_id",
    "exchange_fee": "exchange_currency_id",
    "nfa_fee": "nfa_currency_id",
    "brokerage_fee": "brokerage_currency_id",
    "ip_fee": "ip_currency_id",
    "commission": "commission_currency_id",
    "order_routing_fee": "order_routing_currency_id",
}


def parts(mirror: Mirror, fee: FillFee) -> dict[str, Decimal] | None:
    """The parts of a fee that are not nothing, in dollars; None while a currency's rate is not known."""
    found: dict[str, Decimal] = {}
    for name, currency in PARTS.items():
        if amount := getattr(fee, name):
            rate = mirror.dollars(getattr(fee, currency))
            if rate is None:
                return None
            found[name] = amount * rate
    return found


def dollars(mirror: Mirror, fee: FillFee) -> Decimal | None:
    """The whole fee; None while a currency's rate is not known."""
    found = parts(mirror, fee)
    return None if found is None else sum(found.values(), ZERO)


class DayFees:
    """The sum of each account's fees of today. Only what has changed is counted anew."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        # Fill id -> its account and its fees; each None while it is not known.
        self._counted: dict[int, tuple[int | None, Decimal | None]] = {}
        self._totals: dict[int | None, Decimal] = defaultdict(lambda: ZERO)
        self._unknown: dict[int | None, int] = defaultdict(int)

    def of(self, account_id: int) -> Decimal | None:
        """Dollars of fees of the account's fills of today; None while a fill's are not known, or whose a fill is."""
        return None if self._unknown[account_id] or self._unknown[None] else self._totals[account_id]

    def known(self, account_id: int) -> Decimal:
        """Dollars of those fees of the account's fills of today that are known."""
        return self._totals[account_id]

    def count(self, fill_ids: Iterable[int]) -> set[int]:
        """Count these fills anew; returns the accounts whose fees may have changed."""
        accounts: set[int | None] = set()
        for fill_id in fill_ids:
            before, after = self._counted.pop(fill_id, None), self._of_fill(fill_id)
            if before is not None:
                self._add(*before, times=-1)
            if after is not None:
                self._counted[fill_id] = after
                self._add(*after, times=1)
            if before != after:
                accounts |= {one[0] for one in (before, after) if one is not None}
        return set(self._mirror.accounts) if None in accounts else {one for one in accounts if one is not None}

    def _of_fill(self, fill_id: int) -> tuple[int | None, Decimal | None] | None:
        fill, fee = self._mirror.fills.get(fill_id), self._mirror.fees.get(fill_id)
        order = self._mirror.orders.get(fill.order_id) if fill else None
        if fill is None or not self._mirror.is_of_today(fill):
            return None
        if order is None:
            return None, None
        return order.account_id, dollars(self._mirror, fee) if fee else None

    def _add(self, account_id: int | None, amount: Decimal | None, *, times: int) -> None:
        if amount is None:
            self._unknown[account_id] += times
        else:
            self._totals[account_id] += times * amount
