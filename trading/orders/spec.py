"""What somebody wants to be ordered: one type for files, clicks and signals, in Tradovate's own words."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

ACTIONS: Final = ("Buy", "Sell")
TIMES_IN_FORCE: Final = ("Day", "GTC", "IOC", "FOK")
# Which prices an order type takes (openapi.json, PlaceOrder): a price that the type does not use is a mistake.
PRICES_OF_TYPE: Final = {
    "Market": frozenset[str](),
    "Limit": frozenset({"price"}),
    "Stop": frozenset({"stop_price"}),
    "StopLimit": frozenset({"price", "stop_price"}),
}


class InvalidSpec(ValueError):
    """A spec that cannot be an order; `field` names what to mend."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, kw_only=True)
class OrderSpec:
    """One order, before anything is known about it at the broker.

    `account_id` is the primary key of trading.models.Account, `order_qty` is in contracts and positive (the side is
    in `action`), prices are in points. `is_automated` is false only for an order that a human clicked.
    Raises InvalidSpec.
    """

    account_id: int
    symbol: str
    action: str
    order_qty: int
    order_type: str = "Market"
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: str = "Day"
    is_automated: bool = True

    def __post_init__(self) -> None:
        if not self.symbol or len(self.symbol) > 32 or self.symbol != self.symbol.strip().upper():
            raise InvalidSpec("symbol", f"{self.symbol!r} is not a contract symbol such as ESZ6.")
        if self.action not in ACTIONS:
            raise InvalidSpec("action", f"The action must be Buy or Sell, not {self.action!r}.")
        if self.order_qty < 1:
            raise InvalidSpec("order_qty", f"The quantity must be at least 1 contract, not {self.order_qty}.")
        if self.order_type not in PRICES_OF_TYPE:
            raise InvalidSpec("order_type", f"{self.order_type!r} is not one of {', '.join(PRICES_OF_TYPE)}.")
        if self.time_in_force not in TIMES_IN_FORCE:
            raise InvalidSpec("time_in_force", f"{self.time_in_force!r} is not one of {', '.join(TIMES_IN_FORCE)}.")
        self._check_price("price", self.price)
        self._check_price("stop_price", self.stop_price)

    def _check_price(self, field: str, value: Decimal | None) -> None:
        wanted = field in PRICES_OF_TYPE[self.order_type]
        if wanted and (value is None or not value.is_finite()):
            raise InvalidSpec(field, f"A {self.order_type} order needs a {field.replace('_', ' ')}.")
        if not wanted and value is not None:
            raise InvalidSpec(field, f"A {self.order_type} order takes no {field.replace('_', ' ')}.")
