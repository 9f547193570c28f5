"""What is sent to trade (TradingView REST text, Place Order and Update Order), as the form that the dialect wants."""

from __future__ import annotations

from decimal import Decimal
from typing import Self

import msgspec
from msgspec import field

from trading.tradovate.entities.request_base import Positive, Request, Text64
from trading.tradovate.entities.vocabulary import Action, OrderType, TimeInForce

_DURATIONS = (TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)
# Which of limit_price and stop_price a type needs; it takes no other.
_PRICES = {
    OrderType.MARKET: (),
    OrderType.LIMIT: ("limit_price",),
    OrderType.STOP: ("stop_price",),
    OrderType.STOP_LIMIT: ("limit_price", "stop_price"),
}


def order_type(side: str, target: Decimal, market: Decimal) -> OrderType:
    """Return the type of order that trades at `target` while the market is at `market`: LIMIT or STOP.

    A limit waits for a better price than the market's, a stop for a worse one; at the very price of the market it is
    a limit, which trades there or better. Raises ValueError for an unknown side or a price that is no number.
    """
    if side not in (Action.BUY, Action.SELL):
        raise ValueError(f"The side must be Buy or Sell, not {side!r}.")
    if not (target.is_finite() and market.is_finite()):
        raise ValueError("A price must be a number.")
    worse = target > market if side == Action.BUY else target < market
    return OrderType.STOP if worse else OrderType.LIMIT


class _Form(Request, frozen=True, kw_only=True, omit_defaults=False):
    def form(self) -> dict[str, str]:
        """Return the fields as they are sent: text, prices with exactly their digits, without what is None."""
        fields = msgspec.to_builtins(self, builtin_types=(Decimal,))
        return {name: _text(value) for name, value in fields.items() if value is not None}


class PlaceOrder(_Form, frozen=True, kw_only=True):
    """A new order. `stop_loss` and `take_profit` are prices of the exits that go with it.

    Raises ValueError for a side, type or duration that the dialect does not have, a quantity below 1, a price that is
    no number, and a price that is missing or does not belong to the type.
    """

    instrument: Text64
    qty: Positive
    side: str
    order_type: str = field(name="type")
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    duration_type: str = TimeInForce.DAY
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None

    def __post_init__(self) -> None:
        Request.__post_init__(self)
        if self.side not in (Action.BUY, Action.SELL):
            raise ValueError(f"The side must be Buy or Sell, not {self.side!r}.")
        if self.order_type not in _PRICES:
            raise ValueError(f"The type must be one of {', '.join(_PRICES)}, not {self.order_type!r}.")
        _check_duration(self.duration_type)
        _check_prices(self.limit_price, self.stop_price, self.stop_loss, self.take_profit)
        wanted = _PRICES[OrderType(self.order_type)]
        for name in ("limit_price", "stop_price"):
            if (getattr(self, name) is not None) != (name in wanted):
                needs = "needs a" if name in wanted else "takes no"
                raise ValueError(f"An order of type {self.order_type} {needs} {name.replace('_', ' ')}.")

    @classmethod
    def at_target(
        cls,
        instrument: str,
        qty: int,
        side: str,
        target: Decimal,
        *,
        market: Decimal,
        duration_type: str = TimeInForce.DAY,
        stop_loss: Decimal | None = None,
        take_profit: Decimal | None = None,
    ) -> Self:
        """Return the order that trades at `target`, a limit or a stop as `order_type` says. Raises ValueError."""
        kind = order_type(side, target, market)
        return cls(
            instrument=instrument,
            qty=qty,
            side=side,
            order_type=kind,
            limit_price=target if kind is OrderType.LIMIT else None,
            stop_price=target if kind is OrderType.STOP else None,
            duration_type=duration_type,
            stop_loss=stop_loss,
            take_profit=take_profit,
        )


class UpdateOrder(_Form, frozen=True, kw_only=True):
    """A change of a working order; None leaves a term as it is. `duration_type` is always repeated.

    Raises ValueError for an unknown duration, a quantity below 1 or a price that is no number.
    """

    duration_type: str
    qty: Positive | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None

    def __post_init__(self) -> None:
        Request.__post_init__(self)
        _check_duration(self.duration_type)
        _check_prices(self.limit_price, self.stop_price, self.stop_loss, self.take_profit)


def _check_duration(duration: str) -> None:
    if duration not in _DURATIONS:
        raise ValueError(f"The duration must be one of {', '.join(_DURATIONS)}, not {duration!r}.")


def _check_prices(*prices: Decimal | None) -> None:
    if any(price is not None and not price.is_finite() for price in prices):
        raise ValueError("A price must be a number.")


def _text(value: object) -> str:
    # A Decimal's own text may have an exponent.
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
