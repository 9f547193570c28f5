"""What an order with exits risks, and what it may gain. Pure arithmetic over Decimals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from trading.orders.prices import PriceTerms
from trading.orders.spec import OrderSpec, OrderTerms


@dataclass(frozen=True)
class Stakes:
    """Dollars that the stop would lose and that the target would gain at most, for the whole quantity; None without
    one."""

    risk: Decimal | None
    reward: Decimal | None

    @property
    def ratio(self) -> Decimal | None:
        """The gain in units of the risk (R)."""
        return self.reward / self.risk if self.risk and self.reward is not None else None


def stakes(spec: OrderSpec, terms: PriceTerms) -> Stakes | None:
    """What is at stake; None when the order has no exits, or when nothing says at which price it will fill."""
    if spec.brackets:
        return Stakes(
            risk=_dollars(((b.stop_loss.points(terms), b.order_qty) for b in spec.brackets if b.stop_loss), terms),
            reward=_dollars(
                ((b.profit_target.points(terms), b.order_qty) for b in spec.brackets if b.profit_target), terms
            ),
        )
    entry = _price(spec)
    if not spec.triggers or entry is None:
        return None
    exits = [(child, _price(child)) for child in spec.triggers if child.action != spec.action]
    gain = 1 if spec.action == "Buy" else -1
    ends = [gain * (price - entry) for _, price in exits if price is not None]
    return Stakes(
        risk=_dollars(((away, spec.order_qty) for away in _furthest(-end for end in ends)), terms),
        reward=_dollars(((away, spec.order_qty) for away in _furthest(ends)), terms),
    )


def _furthest(distances: Iterable[Decimal]) -> list[Decimal]:
    """The longest that is more than nothing, if any: linked exits are each for all contracts, and one trades."""
    return sorted(away for away in distances if away > 0)[-1:]


def _price(order: OrderTerms) -> Decimal | None:
    """The worst price at which an order trades once it has woken: its limit, else its stop, which promises none."""
    return order.price if order.price is not None else order.stop_price


def _dollars(distances: Iterable[tuple[Decimal, int]], terms: PriceTerms) -> Decimal | None:
    worth = [points * qty * terms.value_per_point for points, qty in distances]
    return sum(worth, Decimal()) if worth else None
