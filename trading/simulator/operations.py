"""The table of operations that REST and WebSocket both serve."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from . import entities as e
from . import market_data
from . import requests as r
from .api_auth import access_token_request, me, renew_access_token
from .api_contracts import product_fee_params, roll_contract
from .api_risk import dry_run
from .calls import Call, Rejected
from .clock import stamp
from .faults import Fault, FaultKind
from .ledger import CENT, ZERO
from .reads import Handler, handlers
from .risk import equity, required_margin
from .simulation import Received
from .sync import snapshot

RECEIVED_KEPT = 5000


def _place(call: Call) -> Any:
    _remember(call, "order/placeorder")
    return call.simulation.broker.place(call.sender, call.read(r.PlaceOrder))


def _place_oco(call: Call) -> Any:
    _remember(call, "order/placeoco")
    return call.simulation.broker.place_oco(call.sender, call.read(r.PlaceOco))


def _place_oso(call: Call) -> Any:
    _remember(call, "order/placeoso")
    return call.simulation.broker.place_oso(call.sender, call.read(r.PlaceOso))


def _cancel(call: Call) -> Any:
    _remember(call, "order/cancelorder")
    return call.simulation.broker.cancel(call.sender, call.read(r.CancelOrder))


def _modify(call: Call) -> Any:
    _remember(call, "order/modifyorder")
    return call.simulation.broker.modify(call.sender, call.read(r.ModifyOrder))


def _liquidate(call: Call) -> Any:
    _remember(call, "order/liquidateposition")
    return call.simulation.broker.liquidate(call.sender, call.read(r.LiquidatePosition))


def _liquidate_many(call: Call) -> Any:
    _remember(call, "order/liquidatepositions")
    request = call.read(r.LiquidatePositions)
    store = call.simulation.store
    own = {row.entity.id: row.entity for row in store.of_user("position", call.user_id)}
    for position_id in request.positions:
        position = own.get(position_id)
        if not isinstance(position, e.Position):
            return {"ok": False, "errorText": "Access is denied"}
        one = r.LiquidatePosition(
            account_id=position.account_id,
            contract_id=position.contract_id,
            admin=request.admin,
            custom_tag50=request.custom_tag50,
            is_automated=request.is_automated,
        )
        result = call.simulation.broker.liquidate(call.sender, one)
        if result.failure_text:
            return {"ok": False, "errorText": result.failure_text}
    return {"ok": True}


def _cash_snapshot(call: Call) -> Any:
    """openapi.json, CashBalanceSnapshot."""
    simulation = call.simulation
    account_id = call.number("accountId")
    if account_id not in {account.id for account in simulation.store.accounts(call.user_id)}:
        return {"errorText": "Access is denied"}
    ledger = simulation.booking.ledgers[account_id]
    net_liq = equity(ledger, simulation.feed)
    opened = net_liq - ledger.cash
    margin = required_margin(ledger, simulation.catalog, simulation.exchange.working())
    return {
        "totalCashValue": ledger.cash,
        "totalPnL": opened + ledger.realized,
        "initialMargin": margin,
        "maintenanceMargin": margin,
        "netLiq": net_liq,
        "openPnL": opened,
        "realizedPnL": ledger.realized,
        "weekRealizedPnL": ledger.week_realized,
        "totalCashValueSOD": ledger.start_of_day,
        "cashUSD": ledger.cash,
        "cashSODUSD": ledger.start_of_day,
        "fullInitialMargin": margin,
        "autoLiqLevel": ZERO,
    }


class _DemoBalance(msgspec.Struct, rename="camel"):
    account_id: int
    cash_change: Decimal
    comment: str | None = None


def _change_demo_balance(call: Call) -> Any:
    """openapi.json, ChangeDemoBalance: put money into an account, or take it out. Answers a cash snapshot."""
    simulation = call.simulation
    asked = call.read(_DemoBalance)
    if asked.account_id not in {account.id for account in simulation.store.accounts(call.user_id)}:
        return {"errorText": "Access is denied"}
    simulation.booking.ledgers[asked.account_id].deposit(asked.cash_change.quantize(CENT))
    simulation.booking.balance(asked.account_id)
    return _cash_snapshot(call)


def _sync(call: Call) -> Any:
    """Asked over REST it is a snapshot without a stream (official texts, "Use user/syncrequest")."""
    return snapshot(call)


def _remember(call: Call, route: str) -> None:
    simulation = call.simulation
    received = Received(route, call.user_id, stamp(simulation.clock.now()), dict(call.params))
    simulation.received.append(received)
    del simulation.received[:-RECEIVED_KEPT]


PUBLIC = frozenset({"auth/accesstokenrequest"})
"""Operations that need no token."""

OPERATIONS: dict[str, Handler] = {
    **handlers(),
    **market_data.OPERATIONS,
    "auth/accesstokenrequest": access_token_request,
    "auth/me": me,
    "auth/renewaccesstoken": renew_access_token,
    "order/placeorder": _place,
    "order/placeoco": _place_oco,
    "order/placeoso": _place_oso,
    "order/cancelorder": _cancel,
    "order/modifyorder": _modify,
    "order/dryrun": dry_run,
    "order/liquidateposition": _liquidate,
    "order/liquidatepositions": _liquidate_many,
    "cashbalance/getcashbalancesnapshot": _cash_snapshot,
    "cashbalance/changedemobalance": _change_demo_balance,
    "contract/rollcontract": roll_contract,
    "contract/getproductfeeparams": product_fee_params,
    "user/syncrequest": _sync,
}


def perform(call: Call, route: str) -> Any:
    """Carry out an operation and return its reply, ready to be encoded.

    Raises Rejected: 404 when there is no such operation, 401 without a session, 400 for a bad parameter, 429
    with no text when the user's budget is spent. An address over its budget gets a penalty ticket as the reply.
    """
    handler = OPERATIONS.get(route)
    if handler is None:
        raise Rejected(404, f"Not found: {route}")
    budgets = call.simulation.budgets
    if budgets is None:
        return _carry_out(call, route, handler)
    if call.session is not None and not budgets.user_may(call.session.user_id):
        raise Rejected(429, "")
    if penalty := budgets.penalty(route, call.peer, call.params.get("p-ticket")):
        return {"p-ticket": penalty.ticket, "p-time": penalty.seconds, "p-captcha": False}
    failed = True
    try:
        value = _carry_out(call, route, handler)
        failed = isinstance(value, dict) and "errorText" in value
    finally:
        budgets.count(route, call.peer, failed=failed)
    return value


def _carry_out(call: Call, route: str, handler: Handler) -> Any:
    if route not in PUBLIC and call.session is None:
        raise Rejected(401, "Access is denied")
    return handler(call)


def perform_with_fault(call: Call, route: str, fault: Fault | None) -> Any:
    """`perform`, unless a fault answers instead of it or in place of its reply."""
    if fault is None:
        return perform(call, route)
    match fault.kind:
        case FaultKind.ERROR_500:
            raise Rejected(500, "Internal Server Error")
        case FaultKind.RATE_LIMIT:
            raise Rejected(429, "")
        case FaultKind.EXPIRE_TOKEN:
            raise Rejected(401, "Access is denied")
        case FaultKind.PENALTY:
            return {"p-ticket": "ticket-" + route, "p-time": int(fault.seconds), "p-captcha": fault.captcha}
        case FaultKind.ERROR_500_AFTER:
            perform(call, route)
            raise Rejected(500, "Internal Server Error")
        case _:
            return perform(call, route)
