"""A wish in Tradovate's words: which operation takes it, and the body that goes there."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec

from trading.orders.prices import Distance, PriceTerms, Unit
from trading.orders.spec import Bracket, InvalidSpec, LinkedOrder, OrderSpec, OrderTerms, Problem
from trading.orders.wishes import Cancellation, Liquidation, Modification, Wish
from trading.tradovate.entities import (
    CancelOrder,
    LiquidatePosition,
    ModifyOrder,
    PlaceOCO,
    PlaceOrder,
    PlaceOSO,
    RestrainedOrderVersion,
    StartOrderStrategy,
)
from trading.tradovate.entities.codec import encode

BRACKET_STRATEGY = 2
"""The id of the bracket strategy type (protocol notes, "Orders")."""

Message = PlaceOrder | PlaceOCO | PlaceOSO | StartOrderStrategy
AnyMessage = Message | ModifyOrder | CancelOrder | LiquidatePosition


def message_of(
    wish: Wish, *, account_id: int, cl_ord_id: str, account_name: str | None = None, terms: PriceTerms | None = None
) -> AnyMessage:
    """As `message`, for every kind of wish. A liquidation takes no clOrdId: it has it as its customTag50, which the
    command of the closing order repeats."""
    match wish:
        case Modification():
            own = {name: value for name, value in _terms(wish.becomes).items() if name != "action"}
            return ModifyOrder(
                order_id=wish.order_id,
                order_qty=wish.becomes.order_qty,
                cl_ord_id=cl_ord_id,
                is_automated=wish.is_automated,
                **own,
            )
        case Cancellation():
            return CancelOrder(order_id=wish.order_id, cl_ord_id=cl_ord_id, is_automated=wish.is_automated)
        case Liquidation():
            return LiquidatePosition(
                account_id=account_id,
                contract_id=wish.contract_id,
                custom_tag50=cl_ord_id,
                is_automated=wish.is_automated,
            )
    return message(wish, account_id=account_id, cl_ord_id=cl_ord_id, account_name=account_name, terms=terms)


def message(
    spec: OrderSpec,
    *,
    account_id: int,
    cl_ord_id: str | None = None,
    account_name: str | None = None,
    terms: PriceTerms | None = None,
) -> Message:
    """What goes to Tradovate for `spec`: one order, an OCO, an OSO, or a strategy when it has brackets.

    `account_id` and `account_name` are Tradovate's. `terms` are needed for brackets in ticks or dollars, which go out
    in points; without them InvalidSpec is raised. Linked orders have the clOrdId with "-1" and "-2" behind it.
    """
    if spec.brackets:
        return _strategy(spec, account_id, cl_ord_id, account_name, terms)
    first: dict[str, Any] = {
        "account_id": account_id,
        "account_spec": account_name,
        "symbol": spec.symbol,
        "order_qty": spec.order_qty,
        "is_automated": spec.is_automated,
        "cl_ord_id": cl_ord_id,
        **_terms(spec),
    }
    if spec.other is not None:
        return PlaceOCO(**first, other=_linked(spec.other, cl_ord_id, 1))
    if spec.triggers:
        brackets = [_linked(child, cl_ord_id, number) for number, child in enumerate(spec.triggers, start=1)]
        return PlaceOSO(**first, bracket1=brackets[0], bracket2=brackets[1] if len(brackets) == 2 else None)
    return PlaceOrder(**first)


def _terms(terms: OrderTerms) -> dict[str, Any]:
    return {
        "action": terms.action,
        "order_type": terms.order_type,
        "price": terms.price,
        "stop_price": terms.stop_price,
        "limit_if_touched_price": terms.limit_if_touched_price,
        "peg_difference": terms.peg_difference,
        "max_show": terms.max_show,
        "time_in_force": terms.time_in_force,
        "expire_time": terms.expire_time,
        "text": terms.text or None,
    }


def _linked(order: LinkedOrder, cl_ord_id: str | None, number: int) -> RestrainedOrderVersion:
    return RestrainedOrderVersion(cl_ord_id=f"{cl_ord_id}-{number}" if cl_ord_id else None, **_terms(order))


class _EntryVersion(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    order_qty: int
    order_type: str
    price: Decimal | None = None
    stop_price: Decimal | None = None
    limit_if_touched_price: Decimal | None = None
    peg_difference: Decimal | None = None
    max_show: int | None = None
    time_in_force: str | None = None
    expire_time: dt.datetime | None = None
    text: str | None = None


class _BracketParams(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    qty: int
    profit_target: Decimal | None = None
    stop_loss: Decimal | None = None
    trailing_stop: bool = False


class _Params(msgspec.Struct, rename="camel"):
    """A strategy's params before they become text (guide, "OrderStrategy", Notes)."""

    entry_version: _EntryVersion
    brackets: list[_BracketParams]


def _strategy(
    spec: OrderSpec, account_id: int, cl_ord_id: str | None, account_name: str | None, terms: PriceTerms | None
) -> StartOrderStrategy:
    own = {name: value for name, value in _terms(spec).items() if name != "action"}
    entry = _EntryVersion(order_qty=spec.order_qty, **own)
    brackets = [_bracket(spec.action, bracket, terms) for bracket in spec.brackets]
    return StartOrderStrategy(
        account_id=account_id,
        account_spec=account_name,
        symbol=spec.symbol,
        action=spec.action,
        order_strategy_type_id=BRACKET_STRATEGY,
        params=encode(_Params(entry, brackets)).decode(),
        uuid=cl_ord_id,
        is_automated=spec.is_automated,
    )


def _bracket(action: str, bracket: Bracket, terms: PriceTerms | None) -> _BracketParams:
    """Offsets in points, signed: above the entry is positive (protocol notes, "Orders")."""
    gain = 1 if action == "Buy" else -1
    target, stop = _points(bracket.profit_target, terms), _points(bracket.stop_loss, terms)
    return _BracketParams(
        qty=bracket.order_qty,
        profit_target=None if target is None else gain * target,
        stop_loss=None if stop is None else -gain * stop,
        trailing_stop=bracket.trailing_stop,
    )


def _points(distance: Distance | None, terms: PriceTerms | None) -> Decimal | None:
    if distance is None:
        return None
    if distance.unit is Unit.POINTS:
        return distance.amount
    if terms is None:
        words = f"{distance} cannot be told to Tradovate without the contract's tick: it takes points."
        raise InvalidSpec(Problem("brackets", words))
    if misfit := distance.misfit(terms):
        raise InvalidSpec(Problem("brackets", f"{distance} {misfit}"))
    return distance.points(terms)
