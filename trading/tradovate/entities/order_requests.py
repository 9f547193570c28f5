"""Orders in groups, order strategies and trials (openapi.json, schemas of these names).

All are marked as automated by default.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from msgspec import Meta, field

from .base import Timestamp
from .request_base import Id, Positive, Request, Text64, Text8192, no, yes


class RestrainedOrderVersion(Request, frozen=True, kw_only=True):
    """The other order of an OCO, or a bracket of an OSO: the symbol, quantity and account are the first order's."""

    action: str
    order_type: str
    cl_ord_id: Text64 | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    max_show: Positive | None = None
    peg_difference: Decimal | None = None
    time_in_force: str | None = None
    expire_time: Timestamp | None = None
    text: Text64 | None = None
    limit_if_touched_price: Decimal | None = None


class PlaceOCO(Request, frozen=True, kw_only=True):
    """order/placeoco: two orders, of which a fill of one cancels the other."""

    account_id: Id
    action: str
    symbol: Text64
    order_qty: Positive
    order_type: str
    other: RestrainedOrderVersion
    account_spec: Text64 | None = None
    cl_ord_id: Text64 | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    max_show: Positive | None = None
    peg_difference: Decimal | None = None
    time_in_force: str | None = None
    expire_time: Timestamp | None = None
    text: Text64 | None = None
    activation_time: Timestamp | None = None
    custom_tag50: Text64 | None = None
    is_automated: bool = field(default_factory=yes)
    limit_if_touched_price: Decimal | None = None


class PlaceOSO(Request, frozen=True, kw_only=True):
    """order/placeoso: one or two orders that wait until the first one fills; two then form an OCO."""

    account_id: Id
    action: str
    symbol: Text64
    order_qty: Positive
    order_type: str
    bracket1: RestrainedOrderVersion
    account_spec: Text64 | None = None
    cl_ord_id: Text64 | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    max_show: Positive | None = None
    peg_difference: Decimal | None = None
    time_in_force: str | None = None
    expire_time: Timestamp | None = None
    text: Text64 | None = None
    activation_time: Timestamp | None = None
    custom_tag50: Text64 | None = None
    is_automated: bool = field(default_factory=yes)
    bracket2: RestrainedOrderVersion | None = None
    limit_if_touched_price: Decimal | None = None


class LiquidatePositions(Request, frozen=True, kw_only=True):
    """order/liquidatepositions: cancel the orders and close the positions with these ids at the market."""

    positions: list[int]
    admin: bool = field(default_factory=no)
    custom_tag50: str | None = None
    is_automated: bool = field(default_factory=yes)


class DryRunOrder(Request, frozen=True, kw_only=True):
    """One order of a dry run."""

    contract_id: int
    action: str
    order_qty: int
    order_type: str
    price: Decimal | None = None
    stop_price: Decimal | None = None


class DryRun(Request, frozen=True, kw_only=True):
    """order/dryrun: what at most 4 orders would do to an account's margin. 500 an hour and network."""

    account_id: int
    orders: Annotated[list[DryRunOrder], Meta(max_length=4)]
    extra_pre_trade_risk: dict[str, Any] | None = None


class StartOrderStrategy(Request, frozen=True, kw_only=True):
    """orderstrategy/startorderstrategy: `params` is a JSON text, offsets in points, signed; type 2 is the bracket."""

    account_id: Id
    symbol: Text64
    order_strategy_type_id: Id
    action: str
    account_spec: Text64 | None = None
    params: Text8192 | None = None
    uuid: Text64 | None = None
    custom_tag50: Text64 | None = None
    is_automated: bool = field(default_factory=yes)


class ModifyOrderStrategy(Request, frozen=True, kw_only=True):
    """orderstrategy/modifyorderstrategy: `command` is a text that the kind of strategy defines."""

    order_strategy_id: Id
    command: Annotated[str, Meta(max_length=1024)]
    custom_tag50: Text64 | None = None


class InterruptOrderStrategy(Request, frozen=True, kw_only=True):
    """orderstrategy/interruptorderstrategy: stop a strategy and cancel its orders."""

    order_strategy_id: Id
