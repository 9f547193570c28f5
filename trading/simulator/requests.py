"""What clients send to order operations (openapi.json: PlaceOrder, CancelOrder, ModifyOrder, LiquidatePosition)
and what they get back."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from .terms import Refusal

Positive = Annotated[int, msgspec.Meta(gt=0)]
Name = Annotated[str, msgspec.Meta(max_length=64)]


class PlaceOrder(msgspec.Struct, kw_only=True, rename="camel"):
    account_spec: Name | None = None
    account_id: int | None = None
    cl_ord_id: Name | None = None
    action: Literal["Buy", "Sell"]
    symbol: Name
    order_qty: Positive
    order_type: Name
    price: Decimal | None = None
    stop_price: Decimal | None = None
    limit_if_touched_price: Decimal | None = None
    peg_difference: Decimal | None = None
    max_show: Positive | None = None
    time_in_force: Name | None = None
    expire_time: str | None = None
    text: Name | None = None
    activation_time: str | None = None
    custom_tag50: Name | None = msgspec.field(default=None, name="customTag50")
    is_automated: bool = False


class Restrained(msgspec.Struct, kw_only=True, rename="camel"):
    """openapi.json, RestrainedOrderVersion: an order without account, symbol and quantity, which are another one's."""

    action: Literal["Buy", "Sell"]
    cl_ord_id: Name | None = None
    order_type: Name
    price: Decimal | None = None
    stop_price: Decimal | None = None
    limit_if_touched_price: Decimal | None = None
    peg_difference: Decimal | None = None
    max_show: Positive | None = None
    time_in_force: Name | None = None
    expire_time: str | None = None
    text: Name | None = None


class PlaceOco(PlaceOrder, kw_only=True, rename="camel"):
    other: Restrained


class PlaceOso(PlaceOrder, kw_only=True, rename="camel"):
    bracket1: Restrained
    bracket2: Restrained | None = None


class ModifyOrder(msgspec.Struct, kw_only=True, rename="camel"):
    order_id: int
    cl_ord_id: Name | None = None
    order_qty: Positive
    order_type: Name
    price: Decimal | None = None
    stop_price: Decimal | None = None
    limit_if_touched_price: Decimal | None = None
    peg_difference: Decimal | None = None
    max_show: Positive | None = None
    time_in_force: Name | None = None
    expire_time: str | None = None
    text: Name | None = None
    activation_time: str | None = None
    custom_tag50: Name | None = msgspec.field(default=None, name="customTag50")
    is_automated: bool = False


class CancelOrder(msgspec.Struct, kw_only=True, rename="camel"):
    order_id: int
    cl_ord_id: Name | None = None
    activation_time: str | None = None
    custom_tag50: Name | None = msgspec.field(default=None, name="customTag50")
    is_automated: bool = False


class StartOrderStrategy(msgspec.Struct, kw_only=True, rename="camel"):
    account_id: int | None = None
    account_spec: Name | None = None
    symbol: Name
    order_strategy_type_id: int
    action: Literal["Buy", "Sell"]
    params: Annotated[str, msgspec.Meta(max_length=8192)] | None = None
    uuid: Name | None = None
    custom_tag50: Name | None = msgspec.field(default=None, name="customTag50")
    is_automated: bool = False


class ModifyOrderStrategy(msgspec.Struct, kw_only=True, rename="camel"):
    order_strategy_id: int
    command: Annotated[str, msgspec.Meta(max_length=1024)]
    custom_tag50: Name | None = msgspec.field(default=None, name="customTag50")


class InterruptOrderStrategy(msgspec.Struct, kw_only=True, rename="camel"):
    order_strategy_id: int


class LiquidatePosition(msgspec.Struct, kw_only=True, rename="camel"):
    account_id: int
    contract_id: int
    admin: bool
    custom_tag50: Name | None = msgspec.field(default=None, name="customTag50")
    is_automated: bool = False


class LiquidatePositions(msgspec.Struct, kw_only=True, rename="camel"):
    positions: list[int]
    admin: bool
    custom_tag50: Name | None = msgspec.field(default=None, name="customTag50")
    is_automated: bool = False


class OrderResult(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """The answer to every order operation: one of the ids, or a reason and a text."""

    failure_reason: str | None = None
    failure_text: str | None = None
    order_id: int | None = None
    command_id: int | None = None
    oco_id: int | None = None
    oso1_id: int | None = None
    oso2_id: int | None = None

    @classmethod
    def refused(cls, refusal: Refusal) -> OrderResult:
        """The answer that says why not."""
        return cls(failure_reason=refusal.reason, failure_text=refusal.text)
