"""What starts and changes a multibracket strategy: the JSON texts, and the ticks that they come to. Pure.

`params` (guide, "OrderStrategy"; openapi.json, startOrderStrategy): `entryVersion` is the order that opens the
position, each of `brackets` protects `qty` contracts of it. `profitTarget` and `stopLoss` are signed offsets in points
from the price at which those contracts were filled: with Buy the target is positive and the stop negative, with Sell
the other way round (protocol notes, "Orders"). `trailingStop` lets the stop follow the market from the start;
`autoTrail` lets it begin at `trigger` points of profit, then stay `stopLoss` points behind and move in steps of `freq`
points (as clients in production send it; its signs do not matter)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, TypeVar

import msgspec

from .products import ProductSpec
from .requests import ModifyOrder, Name, PlaceOrder
from .terms import HIGHEST, Refusal

Contracts = Annotated[int, msgspec.Meta(gt=0, le=1_000_000)]
INVALID = "Invalid or missed parameters"
P = TypeVar("P", bound=msgspec.Struct)


class EntryVersion(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    order_qty: Contracts
    order_type: Name
    cl_ord_id: Name | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    limit_if_touched_price: Decimal | None = None
    peg_difference: Decimal | None = None
    max_show: Contracts | None = None
    time_in_force: Name | None = None
    expire_time: str | None = None
    activation_time: str | None = None
    text: Name | None = None


class AutoTrail(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    stop_loss: Decimal
    trigger: Decimal
    freq: Decimal


class Bracket(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    qty: Contracts
    profit_target: Decimal | None = None
    stop_loss: Decimal | None = None
    trailing_stop: bool = False
    auto_trail: AutoTrail | None = None


class StrategyParams(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    entry_version: EntryVersion
    brackets: list[Bracket]


class StrategyChange(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """The `command` of modifyorderstrategy. Tradovate does not document it; here it is either part of params anew."""

    entry_version: EntryVersion | None = None
    brackets: list[Bracket] | None = None


@dataclass
class Trail:
    """An auto-trail in ticks, all positive."""

    behind: int
    trigger: int
    step: int


@dataclass
class BracketPlan:
    """A bracket in ticks: the distances of target and stop from the fill, both positive."""

    qty: int
    target: int | None
    stop: int | None
    trailing: bool
    trail: Trail | None


def read_params(text: str | None, shape: type[P]) -> P:
    """The struct of a JSON text. Raises Refusal that says what does not fit."""
    try:
        found = msgspec.json.decode(text or "", type=shape, strict=False)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise Refusal("UnknownReason", f"{INVALID}: {error}") from None
    if getattr(found, "brackets", None) == []:
        raise Refusal("UnknownReason", f"{INVALID}: there must be a bracket")
    return found


def plan(brackets: list[Bracket], spec: ProductSpec, *, buy: bool) -> list[BracketPlan]:
    """Brackets in ticks. Raises Refusal for an offset that is not on a tick or has the wrong sign."""
    away = 1 if buy else -1
    return [
        BracketPlan(
            qty=one.qty,
            target=_distance(spec, "profitTarget", one.profit_target, away),
            stop=_distance(spec, "stopLoss", one.stop_loss, -away),
            trailing=one.trailing_stop,
            trail=_trail(spec, one),
        )
        for one in brackets
    ]


def entry_order(account_id: int, action: str, symbol: str, entry: EntryVersion, *, is_automated: bool) -> PlaceOrder:
    """The order that opens a strategy's position."""
    order: PlaceOrder = msgspec.convert(
        {
            "accountId": account_id,
            "action": action,
            "symbol": symbol,
            "isAutomated": is_automated,
            **msgspec.to_builtins(entry, builtin_types=(Decimal,)),
        },
        PlaceOrder,
    )
    return order


def entry_change(order_id: int, entry: EntryVersion, *, is_automated: bool) -> ModifyOrder:
    """The modification of the order that opens a strategy's position."""
    asked = msgspec.to_builtins(entry, builtin_types=(Decimal,))
    change: ModifyOrder = msgspec.convert({"orderId": order_id, "isAutomated": is_automated, **asked}, ModifyOrder)
    return change


def _distance(spec: ProductSpec, name: str, offset: Decimal | None, sign: int) -> int | None:
    if offset is None:
        return None
    ticks = spec.ticks(offset) if offset.is_finite() and offset.copy_abs() < HIGHEST else None
    if ticks is None or ticks * sign < 1:
        side = "positive" if sign > 0 else "negative"
        raise Refusal("InvalidPrice", f"{name} {offset} must be {side} and on a tick of {spec.tick}.")
    return ticks * sign


def _trail(spec: ProductSpec, bracket: Bracket) -> Trail | None:
    if bracket.stop_loss is None and (bracket.auto_trail or bracket.trailing_stop):
        raise Refusal("UnknownReason", f"{INVALID}: a stop that trails needs stopLoss")
    if bracket.auto_trail is None:
        return None
    if bracket.trailing_stop:
        raise Refusal("AdvancedTrailingStopUnsupported", "A stop either trails from the start or by autoTrail.")
    asked = bracket.auto_trail
    behind, trigger, step = (
        _distance(spec, f"autoTrail.{name}", value.copy_abs(), 1) or 1
        for name, value in (("stopLoss", asked.stop_loss), ("trigger", asked.trigger), ("freq", asked.freq))
    )
    return Trail(behind, trigger, step)
