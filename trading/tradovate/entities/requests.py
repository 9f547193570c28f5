"""What we ask of Tradovate (openapi.json, schemas of these names).

`is_automated` defaults to true and is always sent: exchanges require it unless a human clicked this very order
(official Conventions text, Automated Orders). Prices are in points, quantities in contracts.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import field

from .base import Timestamp, Wire

MAX_CL_ORD_ID = 64


def _yes() -> bool:
    # As a factory, so that omit_defaults does not leave the field out.
    return True


def _no() -> bool:
    return False


class Request(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """A request body; optional fields that are None are left out."""

    def _check_order_terms(self, order_qty: int, cl_ord_id: str | None, *prices: Decimal | None) -> None:
        if order_qty <= 0:
            raise ValueError(f"The quantity must be at least 1 contract, not {order_qty}.")
        if cl_ord_id is not None and len(cl_ord_id) > MAX_CL_ORD_ID:
            raise ValueError(f"clOrdId may have {MAX_CL_ORD_ID} characters, this one has {len(cl_ord_id)}.")
        if any(price is not None and not price.is_finite() for price in prices):
            raise ValueError("A price must be a number.")


class PlaceOrder(Request, frozen=True, kw_only=True):
    """order/placeorder. Raises ValueError for a quantity below 1, a long clOrdId or a price that is no number."""

    account_id: int
    account_spec: str | None = None
    action: str
    symbol: str
    order_qty: int
    order_type: str
    price: Decimal | None = None
    stop_price: Decimal | None = None
    limit_if_touched_price: Decimal | None = None
    peg_difference: Decimal | None = None
    max_show: int | None = None
    time_in_force: str | None = None
    expire_time: Timestamp | None = None
    activation_time: Timestamp | None = None
    text: str | None = None
    custom_tag50: str | None = None
    cl_ord_id: str | None = None
    is_automated: bool = field(default_factory=_yes)

    def __post_init__(self) -> None:
        self._check_order_terms(
            self.order_qty,
            self.cl_ord_id,
            self.price,
            self.stop_price,
            self.limit_if_touched_price,
            self.peg_difference,
        )


class ModifyOrder(Request, frozen=True, kw_only=True):
    """order/modifyorder: repeat quantity, type and the original time in force; they replace what was there.

    Raises ValueError as PlaceOrder does.
    """

    order_id: int
    order_qty: int
    order_type: str
    price: Decimal | None = None
    stop_price: Decimal | None = None
    limit_if_touched_price: Decimal | None = None
    peg_difference: Decimal | None = None
    max_show: int | None = None
    time_in_force: str | None = None
    expire_time: Timestamp | None = None
    activation_time: Timestamp | None = None
    text: str | None = None
    custom_tag50: str | None = None
    cl_ord_id: str | None = None
    is_automated: bool = field(default_factory=_yes)

    def __post_init__(self) -> None:
        self._check_order_terms(
            self.order_qty,
            self.cl_ord_id,
            self.price,
            self.stop_price,
            self.limit_if_touched_price,
            self.peg_difference,
        )


class CancelOrder(Request, frozen=True, kw_only=True):
    """order/cancelorder."""

    order_id: int
    cl_ord_id: str | None = None
    activation_time: Timestamp | None = None
    custom_tag50: str | None = None
    is_automated: bool = field(default_factory=_yes)


class LiquidatePosition(Request, frozen=True, kw_only=True):
    """order/liquidateposition: cancel the contract's working orders and close its position at the market."""

    account_id: int
    contract_id: int
    admin: bool = field(default_factory=_no)
    custom_tag50: str | None = None
    is_automated: bool = field(default_factory=_yes)


class AccessTokenRequest(Request, frozen=True, kw_only=True):
    """auth/accesstokenrequest: sign-in with a password or API key. Its repr shows the name only.

    `device_id` is stable and unique per installation and user, at most 64 characters. `p_ticket` repeats a request
    that a penalty delayed.
    """

    name: str
    password: str
    app_id: str | None = None
    app_version: str | None = None
    device_id: str | None = None
    cid: str | None = None
    sec: str | None = None
    p_ticket: str | None = field(default=None, name="p-ticket")

    def __repr__(self) -> str:
        return f"AccessTokenRequest(name={self.name!r}, ...)"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("name", self.name)]
