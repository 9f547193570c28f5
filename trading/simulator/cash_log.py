"""The account's cash book: one line for each fee, pair and deposit (openapi.json and guide, CashBalanceLog). Pure.

Each line has the balance after it, so that the last one of a day is the account's cash.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from .entities import FillFee
from .ledger import Ledger, Pair


@dataclass(frozen=True)
class Entry:
    """A change of an account's cash by `delta` dollars. `change_type` is a cashChangeType."""

    change_type: str
    delta: Decimal
    fill_id: int | None = None
    fill_pair_id: int | None = None
    comment: str | None = None


@dataclass(frozen=True)
class Line:
    """An entry with the figures of the account after it, in dollars."""

    entry: Entry
    amount: Decimal
    realized: Decimal
    week_realized: Decimal


def fill_entries(fee: FillFee, pairs: Iterable[tuple[int, Pair]]) -> Iterator[Entry]:
    """What a fill costs, and what the pairs that it closes bring, each with its id."""
    costs = (
        ("ClearingFee", fee.clearing_fee),
        ("ExchangeFee", fee.exchange_fee),
        ("NfaFee", fee.nfa_fee),
        ("Commission", fee.commission),
    )
    for change_type, cost in costs:
        if cost:
            yield Entry(change_type, -cost, fill_id=fee.id)
    for pair_id, pair in pairs:
        yield Entry("TradePaired", pair.pnl, fill_id=fee.id, fill_pair_id=pair_id)


def lines(ledger: Ledger, entries: Iterable[Entry]) -> list[Line]:
    """Entries that are booked already, with the figures after each of them."""
    booked = list(entries)
    left = sum((entry.delta for entry in booked), Decimal(0))
    pairs_left = sum((entry.delta for entry in booked if entry.change_type == "TradePaired"), Decimal(0))
    found = []
    for entry in booked:
        left -= entry.delta
        if entry.change_type == "TradePaired":
            pairs_left -= entry.delta
        found.append(Line(entry, ledger.cash - left, ledger.realized - pairs_left, ledger.week_realized - pairs_left))
    return found
