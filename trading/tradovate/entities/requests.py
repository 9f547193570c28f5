"""What we ask of Tradovate (openapi.json, schemas of these names).

`is_automated` defaults to true and is always sent: exchanges require it unless a human clicked this very order
(official Conventions text, Automated Orders). Prices are in points, quantities in contracts.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import field

from .base import Timestamp
from .request_base import Id, Positive, Request, Text64, Text8192, no, yes


class _OrderTerms(Request, frozen=True, kw_only=True):
    """The terms that are checked before they are sent."""

    order_qty: int
    price: Decimal | None = None
    stop_price: Decimal | None = None
    limit_if_touched_price: Decimal | None = None
    peg_difference: Decimal | None = None

    def __post_init__(self) -> None:
        if self.order_qty <= 0:
            raise ValueError(f"The quantity must be at least 1 contract, not {self.order_qty}.")
        prices = (self.price, self.stop_price, self.limit_if_touched_price, self.peg_difference)
        if any(price is not None and not price.is_finite() for price in prices):
            raise ValueError("A price must be a number.")
        Request.__post_init__(self)


class PlaceOrder(_OrderTerms, frozen=True, kw_only=True):
    """order/placeorder. Raises ValueError for a quantity below 1, a long clOrdId or a price that is no number."""

    account_id: Id
    account_spec: Text64 | None = None
    action: str
    symbol: Text64
    order_type: str
    max_show: Positive | None = None
    time_in_force: str | None = None
    expire_time: Timestamp | None = None
    activation_time: Timestamp | None = None
    text: Text64 | None = None
    custom_tag50: Text64 | None = None
    cl_ord_id: Text64 | None = None
    is_automated: bool = field(default_factory=yes)


class ModifyOrder(_OrderTerms, frozen=True, kw_only=True):
    """order/modifyorder: repeat quantity, type and the original time in force; they replace what was there.

    Raises ValueError as PlaceOrder does.
    """

    order_id: Id
    order_type: str
    max_show: Positive | None = None
    time_in_force: str | None = None
    expire_time: Timestamp | None = None
    activation_time: Timestamp | None = None
    text: Text64 | None = None
    custom_tag50: Text64 | None = None
    cl_ord_id: Text64 | None = None
    is_automated: bool = field(default_factory=yes)


class CancelOrder(Request, frozen=True, kw_only=True):
    """order/cancelorder."""

    order_id: Id
    cl_ord_id: Text64 | None = None
    activation_time: Timestamp | None = None
    custom_tag50: Text64 | None = None
    is_automated: bool = field(default_factory=yes)


class LiquidatePosition(Request, frozen=True, kw_only=True):
    """order/liquidateposition: cancel the contract's working orders and close its position at the market."""

    account_id: Id
    contract_id: Id
    admin: bool = field(default_factory=no)
    custom_tag50: Text64 | None = None
    is_automated: bool = field(default_factory=yes)


class AccessTokenRequest(Request, frozen=True, kw_only=True):
    """auth/accesstokenrequest: sign-in with a password or API key. Its repr shows the name only.

    `device_id` is stable and unique per installation and user, at most 64 characters. `p_ticket` repeats a request
    that a penalty delayed.
    """

    name: Text64
    password: Text64
    app_id: Text64 | None = None
    app_version: Text64 | None = None
    device_id: Text64 | None = None
    cid: Text64 | None = None
    sec: Text8192 | None = None
    hibp_check: bool | None = None
    p_ticket: str | None = field(default=None, name="p-ticket")

    def __repr__(self) -> str:
        return f"AccessTokenRequest(name={self.name!r}, ...)"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("name", self.name)]


class OAuthToken(Request, frozen=True, kw_only=True, rename=None):
    """auth/oauthtoken, sent as a form; `grant_type` is authorization_code or refresh_token, and all its repr shows."""

    grant_type: Text64
    code: Text8192 | None = None
    redirect_uri: Text8192 | None = None
    client_id: Text8192 | None = None
    client_secret: Text8192 | None = None
    http_auth: Text8192 | None = field(default=None, name="httpAuth")
    refresh_token: str | None = None
    code_verifier: str | None = None
    resource: str | None = None
    assertion: str | None = None

    def __repr__(self) -> str:
        return f"OAuthToken(grant_type={self.grant_type!r}, ...)"

    def __rich_repr__(self) -> list[tuple[str, str]]:
        return [("grant_type", self.grant_type)]
