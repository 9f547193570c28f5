"""What an account may come to hold when its orders trade: in one contract, and in those that a limit adds up. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from trading.orders.facts import ContractFacts
from trading.orders.spec import OrderSpec

SIDES: Final = ("long", "short", "largest")
# What contracts must have in common with one to be added up.
GroupOf = Callable[[ContractFacts], object]
_Totals = dict[tuple[object, str], int]


@dataclass(frozen=True)
class Exposure:
    """Contracts held (negative: short), and those that working orders may still buy and sell."""

    net: int = 0
    buys: int = 0
    sells: int = 0

    def with_order(self, spec: OrderSpec) -> Exposure:
        """The same with one more order. Of two linked ones only one trades: on one side they count once. What its fill
        sends closes it again, or comes on top."""
        sides = [spec.action]
        if spec.other is not None and spec.other.action != spec.action:
            sides.append(spec.other.action)
        if any(child.action == spec.action for child in spec.triggers):
            sides.append(spec.action)
        buys, sells = (spec.order_qty * sides.count(side) for side in ("Buy", "Sell"))
        return Exposure(self.net, self.buys + buys, self.sells + sells)

    def traded(self, qty: int, *, is_closed: bool) -> Exposure:
        """The same once so many contracts more were bought (negative: sold); `is_closed`: all that is held is being
        closed by one of its orders."""
        net = self.net + qty
        if not is_closed:
            return Exposure(net, self.buys, self.sells)
        buys, sells = self.buys - max(0, -self.net), self.sells - max(0, self.net)
        return Exposure(net, buys + max(0, -net), sells + max(0, net))

    @property
    def long(self) -> int:
        """The most contracts that may be held long."""
        return max(0, self.net + self.buys)

    @property
    def short(self) -> int:
        """The most contracts that may be held short."""
        return max(0, self.sells - self.net)

    @property
    def largest(self) -> int:
        """The largest position, either way."""
        return max(self.long, self.short)


@dataclass(frozen=True)
class Assumed:
    """What earlier lines of a file come to in one contract, taken for traded: signed contracts, and dollars of initial
    margin for one, or None."""

    contract: ContractFacts
    qty: int
    margin: Decimal | None

    def needs(self, net: int) -> Decimal | None:
        """Dollars of margin that they need, which make `net` of what is held; None where that is not known."""
        more = abs(net) - abs(net - self.qty)
        if more <= 0:
            return Decimal(0)
        return None if self.margin is None else more * self.margin


@dataclass(frozen=True)
class Holdings:
    """What an account may come to hold, by contract, what those contracts count towards, and which are being closed.

    Earlier lines of a file need margin, in dollars, that the broker does not know of yet; of `unpriced` contracts it is
    not known how much. What was added up once goes along with `after`: a line costs no more for those before it.
    """

    exposures: dict[int, Exposure]
    counts_as: dict[int, ContractFacts]
    closing: frozenset[int] = frozenset()
    margin: Decimal = Decimal(0)
    unpriced: frozenset[int] = frozenset()
    _added_up: dict[object, tuple[GroupOf, _Totals]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def promised(self) -> Decimal | None:
        """Dollars of margin that earlier lines of a file need; None where that is not known."""
        return None if self.unpriced else self.margin

    def of(self, contract_id: int) -> Exposure:
        """What the account has to do with a contract."""
        return self.exposures.get(contract_id, Exposure())

    def beside(self, contract: ContractFacts, key: object, group_of: GroupOf, side: str) -> int:
        """Contracts that may come to be held on a side in what is of one group with this contract, without itself;
        `key` stands for what `group_of` does."""
        if key not in self._added_up:
            self._added_up[key] = (group_of, self._sums(group_of))
        group, known = group_of(contract), self.counts_as.get(contract.id)
        total = self._added_up[key][1].get((group, side), 0)
        if known is not None and group_of(known) == group:
            total -= getattr(self.of(contract.id), side)
        return total

    def after(self, was: Assumed | None, becomes: Assumed) -> Holdings:
        """The same once so many contracts have traded by lines of a file, in place of what `was` before this one."""
        contract = becomes.contract
        before, known = self.of(contract.id), self.counts_as.get(contract.id)
        now = before.traded(becomes.qty - (was.qty if was else 0), is_closed=contract.id in self.closing)
        added_up = {}
        for key, (group_of, totals) in self._added_up.items():
            added_up[key] = (group_of, totals := dict(totals))
            for side in SIDES:
                if known is not None:
                    totals[group_of(known), side] -= getattr(before, side)
                totals[group_of(contract), side] = totals.get((group_of(contract), side), 0) + getattr(now, side)
        needed, needs = was.needs(before.net) if was else None, becomes.needs(now.net)
        return Holdings(
            self.exposures | {contract.id: now},
            self.counts_as | {contract.id: contract},
            self.closing,
            self.margin - (needed or 0) + (needs or 0),
            self.unpriced - {contract.id} if needs is not None else self.unpriced | {contract.id},
            added_up,
        )

    def _sums(self, group_of: GroupOf) -> _Totals:
        totals: _Totals = {}
        for contract_id, contract in self.counts_as.items():
            group, own = group_of(contract), self.of(contract_id)
            for side in SIDES:
                totals[group, side] = totals.get((group, side), 0) + getattr(own, side)
        return totals
