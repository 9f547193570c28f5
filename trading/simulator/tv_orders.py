"""Orders of the TradingView-style dialect (document "Tradovate APIs Reference", "Order Management").

They are placed with the same broker as any other order, so that they show on user sockets and in the native API.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from . import entities as e
from .api_orders import remember
from .catalog import Listing
from .requests import CancelOrder, ModifyOrder, OrderResult, PlaceOrder, PlaceOso, Restrained
from .tv_calls import DONE, ErrorCode, Refused, TvCall

STATUSES = {
    "PendingNew": "Pending",
    "PendingReplace": "Working",
    "PendingCancel": "Working",
    "Suspended": "Queued",
    "Working": "Working",
    "Filled": "Filled",
    "Completed": "Filled",
    "Canceled": "Cancelled",
    "Expired": "Cancelled",
    "Rejected": "Rejected",
}
"""The document's order states ("Order Status Values") by those of the native API."""

CODES = {"NotEnoughLiquidity": ErrorCode.INSUFFICIENT_MARGIN, "SessionClosed": ErrorCode.MARKET_CLOSED}
"""Error codes by failureReason; any other is an invalid order."""

Contracts = Annotated[int, msgspec.Meta(gt=0)]
Duration = Literal["Day", "GTC", "IOC", "FOK"]


class Prices(msgspec.Struct, kw_only=True, rename="camel"):
    """The prices of a form; each may be left out."""

    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None

    def __post_init__(self) -> None:
        for name, price in zip(Prices.__struct_encode_fields__, self.given(), strict=True):
            if price is not None and not price.is_finite():
                raise ValueError(f"{name} {price} is not on a tick")

    def given(self) -> tuple[Decimal | None, ...]:
        """Limit, stop, loss and profit."""
        return self.limit_price, self.stop_price, self.stop_loss, self.take_profit


class OrderForm(Prices, kw_only=True, rename="camel"):
    """Form of "Place Order". Without `type` it is chosen, see "Smart Order Type Selection" there."""

    instrument: str
    qty: Contracts
    side: Literal["Buy", "Sell"]
    type: Literal["Limit", "Market", "Stop", "StopLimit"] | None = None
    duration_type: Duration


class ChangeForm(Prices, kw_only=True, rename="camel"):
    """Form of "Update Order"; stop price, loss and profit are what it calls other parameters."""

    id: str
    qty: Contracts | None = None
    duration_type: Duration


def smart_type(side: str, target: Decimal, market: Decimal) -> str:
    """Limit or Stop: what trades at the target price and not at once ("Smart Order Type Selection"). At the market
    itself it is a limit order."""
    if target == market:
        return "Limit"
    return "Limit" if (target < market) == (side == "Buy") else "Stop"


def place(call: TvCall) -> dict[str, Any]:
    """Section "Place Order": the order as it stands right after it was taken."""
    account = call.account
    remember(call.simulation, "tv/placeorder", call.user_id, {**call.form, "accountId": account.id})
    form = call.read(OrderForm)
    listing = call.simulation.catalog.find(form.instrument)
    if listing is None:
        raise _invalid(f"Unknown instrument {form.instrument}.")
    request = _order(call, account, listing, form)
    if brackets := _brackets(form, listing, _reference(call, listing, request)):
        first, second, *_ = [*brackets, None]
        whole = PlaceOso(**msgspec.structs.asdict(request), bracket1=first, bracket2=second)
        result = call.simulation.broker.place_oso(call.sender, whole)
    else:
        result = call.simulation.broker.place(call.sender, request)
    _check(result)
    order = call.simulation.store.get(e.Order, result.order_id or 0)
    if order is None:
        raise LookupError(f"Order {result.order_id} was taken but is not in the store.")
    if order.ord_status == "Rejected":
        _check(_rejection(call, order))
    [view] = order_views(call, [order])
    kept = ("accountId", "instrument", "qty", "side", "orderType", "limitPrice", "stopPrice", "status", "timestamp")
    return {"orderId": view["id"], **{name: view[name] for name in kept if name in view}}


def orders(call: TvCall) -> list[dict[str, Any]]:
    """Section "Get All Orders": those of the account and the trading day, oldest first."""
    account = call.account
    return order_views(call, [one for one in call.simulation.store.all(e.Order) if one.account_id == account.id])


def order(call: TvCall) -> dict[str, Any]:
    """Section "Get Order by ID"."""
    return order_views(call, [call.order])[0]


def change(call: TvCall) -> dict[str, Any]:
    """Section "Update Order": what the form leaves out stays as it is."""
    account, found = call.account, call.order
    remember(call.simulation, "tv/modifyorder", call.user_id, {**call.form, "accountId": account.id})
    form = call.read(ChangeForm)
    if form.id != str(found.id):
        raise _invalid(f"id {form.id} is not the order {found.id} of the path.")
    version = _version(call, found.id)
    for name, kept in (("limitPrice", version.price), ("stopPrice", version.stop_price)):
        if call.form.get(name) and kept is None:
            raise _invalid(f"A {version.order_type} order has no {name}.")
    exits = _exits(call, found, form)
    _modify(call, version, qty=form.qty, price=form.limit_price, stop=form.stop_price, duration=form.duration_type)
    for child, price, stop in exits:
        _modify(call, child, price=price, stop=stop, duration=child.time_in_force)
    return {"orderId": str(found.id), "updated": True}


def cancel(call: TvCall) -> Any:
    """Section "Cancel Order"."""
    account, found = call.account, call.order
    params = {"accountId": account.id, "orderId": found.id}
    remember(call.simulation, "tv/cancelorder", call.user_id, params)
    result = call.simulation.broker.cancel(call.sender, CancelOrder(order_id=found.id))
    if result.failure_reason == "TooLate":
        raise Refused(f"Too late to cancel - order already {STATUSES.get(found.ord_status, found.ord_status).lower()}")
    _check(result)
    return DONE


def order_views(call: TvCall, wanted: list[e.Order]) -> list[dict[str, Any]]:
    """Orders as "Get Order by ID" shows them. Prices that an order's type does not have are left out."""
    store = call.simulation.store
    numbers = {order.id for order in wanted}
    versions = {version.order_id: version for version in store.all(e.OrderVersion) if version.order_id in numbers}
    updated = {report.order_id: report.timestamp for report in store.all(e.ExecutionReport)}
    fills: defaultdict[int, list[e.Fill]] = defaultdict(list)
    for fill in store.all(e.Fill):
        fills[fill.order_id].append(fill)
    return [
        _view(call, order, versions[order.id], fills[order.id], updated.get(order.id, order.timestamp))
        for order in wanted
    ]


def _view(call: TvCall, order: e.Order, version: e.OrderVersion, fills: list[e.Fill], updated: str) -> dict[str, Any]:
    filled = sum(fill.qty for fill in fills)
    value = sum((fill.qty * fill.price for fill in fills), Decimal(0))
    view = {
        "id": str(order.id),
        "accountId": call.account_name(order.account_id),
        "instrument": call.simulation.catalog.listings[order.contract_id].name,
        "qty": version.order_qty,
        "side": order.action,
        "orderType": version.order_type,
        "limitPrice": version.price,
        "stopPrice": version.stop_price,
        "status": STATUSES.get(order.ord_status, "Pending"),
        "filledQty": filled,
        "avgFillPrice": value / filled if filled else Decimal(0),
        "timestamp": order.timestamp,
        "updateTime": updated,
    }
    return {name: value for name, value in view.items() if value is not None}


def _order(call: TvCall, account: e.Account, listing: Listing, form: OrderForm) -> PlaceOrder:
    kind = form.type
    limit, stop = form.limit_price, form.stop_price
    if kind is None:
        targets = [price for price in (limit, stop) if price is not None]
        if len(targets) != 1:
            raise _invalid("type is missing, and there is not one price to choose it by.")
        market = listing.spec.price(call.simulation.feed.market(listing.contract_id).last)
        kind = "Limit" if smart_type(form.side, targets[0], market) == "Limit" else "Stop"
        limit = stop = targets[0]
    limited, stopped = kind in ("Limit", "StopLimit"), kind in ("Stop", "StopLimit")
    for name, needed, price in (("limitPrice", limited, limit), ("stopPrice", stopped, stop)):
        if needed and price is None:
            raise _invalid(f"A {kind} order needs {name}.")
    return PlaceOrder(
        account_id=account.id,
        action=form.side,
        symbol=listing.name,
        order_qty=form.qty,
        order_type=kind,
        price=limit if limited else None,
        stop_price=stop if stopped else None,
        time_in_force=form.duration_type,
    )


def _reference(call: TvCall, listing: Listing, request: PlaceOrder) -> Decimal:
    """The price at which an order is likely to trade."""
    market = listing.spec.price(call.simulation.feed.market(listing.contract_id).last)
    return next((price for price in (request.price, request.stop_price) if price is not None), market)


def _brackets(form: OrderForm, listing: Listing, entry: Decimal) -> list[Restrained]:
    """The orders that close the position again: a limit order at the target, a stop order at the loss."""
    buys = form.side == "Buy"
    for name, price, above in (("takeProfit", form.take_profit, buys), ("stopLoss", form.stop_loss, not buys)):
        if price is not None and (listing.spec.ticks(price) is None or (price > entry) != above or price == entry):
            raise _invalid(f"{name} {price} must be on a tick {'above' if above else 'below'} {entry}.")
    exit_side: Literal["Buy", "Sell"] = "Sell" if buys else "Buy"
    duration = "GTC" if form.duration_type == "GTC" else "Day"
    brackets = []
    if form.take_profit is not None:
        brackets.append(
            Restrained(action=exit_side, order_type="Limit", price=form.take_profit, time_in_force=duration)
        )
    if form.stop_loss is not None:
        brackets.append(
            Restrained(action=exit_side, order_type="Stop", stop_price=form.stop_loss, time_in_force=duration)
        )
    return brackets


def _exits(
    call: TvCall, parent: e.Order, form: ChangeForm
) -> list[tuple[e.OrderVersion, Decimal | None, Decimal | None]]:
    """The child orders that a change is for, each with its new limit price or stop price."""
    children = [one for one in call.simulation.store.all(e.Order) if one.parent_id == parent.id]
    versions = [_version(call, child.id) for child in children]
    found: list[tuple[e.OrderVersion, Decimal | None, Decimal | None]] = []
    for name, kind, price, stop in (
        ("takeProfit", "Limit", form.take_profit, None),
        ("stopLoss", "Stop", None, form.stop_loss),
    ):
        if price is not None or stop is not None:
            child = next((version for version in versions if version.order_type == kind), None)
            if child is None:
                raise _invalid(f"The order has no {name} that could change.")
            found.append((child, price, stop))
    return found


def _modify(
    call: TvCall,
    version: e.OrderVersion,
    *,
    duration: str,
    qty: int | None = None,
    price: Decimal | None = None,
    stop: Decimal | None = None,
) -> None:
    request = ModifyOrder(
        order_id=version.order_id,
        order_qty=qty or version.order_qty,
        order_type=version.order_type,
        price=version.price if price is None else price,
        stop_price=version.stop_price if stop is None else stop,
        limit_if_touched_price=version.limit_if_touched_price,
        peg_difference=version.peg_difference,
        time_in_force=duration,
    )
    result = call.simulation.broker.modify(call.sender, request, route="tv/modifyorder")
    if result.failure_reason == "TooLate":
        raise Refused(f"Too late to update - {result.failure_text}")
    _check(result)


def _version(call: TvCall, order_id: int) -> e.OrderVersion:
    versions = [version for version in call.simulation.store.all(e.OrderVersion) if version.order_id == order_id]
    return max(versions, key=lambda version: version.id)


def _rejection(call: TvCall, order: e.Order) -> OrderResult:
    """Why an order that was taken was rejected after all."""
    store = call.simulation.store
    commands = {command.id for command in store.all(e.Command) if command.order_id == order.id}
    reports = [report for report in store.all(e.CommandReport) if report.command_id in commands]
    refusal = next((report for report in reversed(reports) if report.reject_reason), None)
    if refusal is None:
        return OrderResult(failure_reason="UnknownReason", failure_text="The order was rejected.")
    return OrderResult(failure_reason=refusal.reject_reason, failure_text=refusal.text)


def _check(result: OrderResult) -> None:
    if result.failure_reason is not None:
        code = CODES.get(result.failure_reason, ErrorCode.INVALID_ORDER)
        raise Refused(result.failure_text or result.failure_reason, code)


def _invalid(text: str) -> Refused:
    return Refused(text, ErrorCode.INVALID_ORDER)
