"""What an account may come to hold in one contract when its orders trade. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from trading.orders.spec import OrderSpec


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
