"""What an order says about price and time, checked and turned into whole ticks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from .catalog import Listing
from .clock import read_stamp, stamp
from .exchange import Kind

TIMES_IN_FORCE = ("Day", "GTC", "GTD", "IOC", "FOK")
AT_ONCE = ("IOC", "FOK")
HIGHEST = Decimal(10_000_000)


class Refusal(Exception):
    """An order that is not taken. `reason` is a failureReason of openapi.json, PlaceOrderResult."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


@dataclass(frozen=True)
class Terms:
    """An order's type and prices after they were checked; prices in ticks. `stop` is the price that wakes the order,
    `trail` a trailing stop's distance, `show` the most contracts that it shows at a time, `expires` the end of a GTD
    order and `activates` the time before which it does not work, both UTC."""

    kind: Kind
    time_in_force: str
    limit: int | None
    stop: int | None
    trail: int | None = None
    show: int | None = None
    expires: datetime | None = None
    activates: datetime | None = None


class Priced(Protocol):
    """What requests that describe an order have in common (openapi.json, PlaceOrder, ModifyOrder,
    RestrainedOrderVersion)."""

    order_qty: int
    order_type: str
    time_in_force: str | None
    expire_time: str | None
    activation_time: str | None
    price: Decimal | None
    stop_price: Decimal | None
    limit_if_touched_price: Decimal | None
    peg_difference: Decimal | None
    max_show: int | None


def check_terms(listing: Listing, request: Priced, now: datetime) -> Terms:
    """The order's type, time in force and prices, or Refusal.

    Which price an order needs: a limit `price`; a stop `stopPrice`, or `price` alone, as the example of openapi.json,
    placeOCO has it; a market-if-touched order `price` (guide, "Place Order": required for all but Market) or
    `stopPrice`; a limit-if-touched order `limitIfTouchedPrice` to wake it. A trailing stop needs `stopPrice`,
    `pegDifference` (either sign) or both; what is missing follows from the market (guide, "Place Order": it keeps its
    distance). Other prices that are sent are kept on the OrderVersion and have no effect. An order that waits for a
    price cannot be IOC or FOK: exchanges take those at once or not at all.
    """
    try:
        kind = Kind(request.order_type)
    except ValueError:
        raise Refusal("Unsupported", f"Order type {request.order_type} is not supported.") from None
    tif = request.time_in_force or "Day"
    if tif not in TIMES_IN_FORCE:
        raise Refusal("Unsupported", f"Time in force {tif} is not supported.")
    if kind.waits and tif in AT_ONCE:
        raise Refusal("Unsupported", f"A {kind.value} order cannot be {tif}.")
    if request.max_show is not None and request.max_show > request.order_qty:
        raise Refusal("Unsupported", f"maxShow {request.max_show} is more than orderQty {request.order_qty}.")
    expires = _expiry(request.expire_time, now) if tif == "GTD" else None
    activates = read_activation(request.activation_time, now)
    if expires and activates and expires <= activates:
        raise Refusal("Unsupported", "expireTime comes before activationTime.")
    limit = _ticks(listing, "price", request.price) if kind.limited else None
    stop, trail = _waking(kind, listing, request)
    return Terms(kind, tif, limit, stop, trail, request.max_show, expires, activates)


def check_side(terms: Terms, *, buy: bool, last: int) -> None:
    """Raise Refusal for a stop on the wrong side of the last trade (in ticks): exchanges refuse what they would have to
    wake at once."""
    if terms.stop is None or terms.kind.touched:
        return
    if terms.stop < last if buy else terms.stop > last:
        where = "below" if buy else "above"
        side = "buy" if buy else "sell"
        raise Refusal("InvalidPrice", f"A {side} stop cannot be {where} the last trade.")


def _waking(kind: Kind, listing: Listing, request: Priced) -> tuple[int | None, int | None]:
    """The price that wakes an order, and a trailing stop's distance."""
    either = request.price if request.stop_price is None else request.stop_price
    match kind:
        case Kind.MARKET | Kind.LIMIT:
            return None, None
        case Kind.MARKET_IF_TOUCHED:
            name, touched = ("price", request.price) if request.price is not None else ("stopPrice", request.stop_price)
            return _ticks(listing, name if touched is not None else "price", touched), None
        case Kind.LIMIT_IF_TOUCHED:
            return _ticks(listing, "limitIfTouchedPrice", request.limit_if_touched_price), None
        case Kind.STOP:
            return _ticks(listing, "stopPrice", either), None
        case Kind.STOP_LIMIT:
            return _ticks(listing, "stopPrice", request.stop_price), None
    trail = (
        None if request.peg_difference is None else _ticks(listing, "pegDifference", request.peg_difference.copy_abs())
    )
    if trail is not None and request.stop_price is None:
        return None, trail
    return _ticks(listing, "stopPrice", request.stop_price), trail


def _expiry(text: str | None, now: datetime) -> datetime:
    try:
        expires = read_stamp(text or "")
    except ValueError:
        raise Refusal("Unsupported", "A GTD order needs expireTime, such as 2026-11-20T21:00:00.000Z.") from None
    if expires <= now:
        raise Refusal("Unsupported", f"expireTime {stamp(expires)} has passed.")
    return expires


def read_activation(text: str | None, now: datetime) -> datetime | None:
    """When a command takes effect; None for now (guide, "Command": otherwise it fires at once). Raises Refusal when the
    text is no time."""
    if text is None:
        return None
    try:
        moment = read_stamp(text)
    except ValueError:
        raise Refusal("Unsupported", "activationTime must be a time such as 2026-11-20T15:30:00.000Z.") from None
    return moment if moment > now else None


def _ticks(listing: Listing, name: str, price: Decimal | None) -> int:
    if price is None:
        raise Refusal("InvalidPrice", f"{name} is missing.")
    ticks = listing.spec.ticks(price) if price.is_finite() and price.copy_abs() < HIGHEST else None
    if ticks is None or ticks < 1:
        raise Refusal("InvalidPrice", f"{name} {price} is not on a tick of {listing.spec.tick}.")
    return ticks
