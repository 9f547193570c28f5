"""What can be asked of Tradovate about an order or position that is there, beside a new order (OrderSpec).

Account ids are primary keys of trading.models.Account; order and contract ids are Tradovate's. `is_automated` is false
only for what a human clicked. The symbol of what an id names is for people, and may be learnt later: it makes no other
wish.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from trading.models import OrderIntent
from trading.orders.spec import OrderSpec

Kind = OrderIntent.Kind


@dataclass(frozen=True, kw_only=True)
class Modification:
    """Order `order_id` is to become `becomes`: a modify says all of the order anew (protocol notes, "Orders")."""

    order_id: int
    becomes: OrderSpec

    @property
    def account_id(self) -> int:
        return self.becomes.account_id

    @property
    def symbol(self) -> str:
        return self.becomes.symbol

    @property
    def is_automated(self) -> bool:
        return self.becomes.is_automated


@dataclass(frozen=True, kw_only=True)
class Cancellation:
    """Order `order_id` is to be taken out of the market; `symbol` is its contract where that is known."""

    account_id: int
    order_id: int
    symbol: str = field(default="", compare=False)
    is_automated: bool = True


@dataclass(frozen=True, kw_only=True)
class Liquidation:
    """The orders of a contract are to be cancelled, and its position closed at the market."""

    account_id: int
    contract_id: int
    symbol: str = field(compare=False)
    is_automated: bool = True


Wish = OrderSpec | Modification | Cancellation | Liquidation


def kind_of(wish: Wish) -> OrderIntent.Kind:
    """How a wish travels: which operation of Tradovate's it becomes."""
    match wish:
        case Modification():
            return Kind.MODIFY
        case Cancellation():
            return Kind.CANCEL
        case Liquidation():
            return Kind.LIQUIDATE
    if wish.brackets:
        return Kind.BRACKET
    if wish.triggers:
        return Kind.OSO
    return Kind.OCO if wish.other is not None else Kind.ORDER


def type_of(kind: str) -> type[Wish]:
    """The class of the wishes of this kind."""
    return {Kind.MODIFY: Modification, Kind.CANCEL: Cancellation, Kind.LIQUIDATE: Liquidation}.get(
        Kind(kind), OrderSpec
    )
