"""order/dryrun: what the risk checks would say about orders, and what margin they would need."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from . import risk
from .booking import CLEARING_FEE, COMMISSION, NFA_FEE, fees_per_contract
from .calls import Call
from .entities import Account
from .exchange import Ticket
from .ledger import CENT, ZERO
from .requests import Name, Positive
from .terms import Refusal, check_side, check_terms

MOST_ORDERS = 4


class DryRunOrder(msgspec.Struct, kw_only=True, rename="camel"):
    """openapi.json, DryRunOrder; the prices of the newer order types are taken too."""

    contract_id: int
    action: Literal["Buy", "Sell"]
    order_qty: Positive
    order_type: Name
    price: Decimal | None = None
    stop_price: Decimal | None = None
    limit_if_touched_price: Decimal | None = None
    peg_difference: Decimal | None = None
    max_show: Positive | None = None
    activation_time: str | None = None
    time_in_force: Name | None = None
    expire_time: str | None = None


class DryRun(msgspec.Struct, kw_only=True, rename="camel"):
    """openapi.json, DryRun."""

    account_id: int
    orders: Annotated[list[DryRunOrder], msgspec.Meta(min_length=1)]


def dry_run(call: Call) -> Any:
    """openapi.json, DryRunResponse: details of the account with all the orders in it, and a rejectReason with a comment
    when one of them would not pass. Nothing is placed. At most 4 orders a call (protocol notes, "Limits")."""
    asked = call.read(DryRun, any_price=True)
    simulation = call.simulation
    account = next((one for one in simulation.store.accounts(call.user_id) if one.id == asked.account_id), None)
    if account is None:
        return {"errorText": "Access is denied"}
    if len(asked.orders) > MOST_ORDERS:
        return {"errorText": f"At most {MOST_ORDERS} orders can be tried at once, not {len(asked.orders)}."}
    tried: list[Ticket] = []
    try:
        risk.check_account(account)
        for number, order in enumerate(asked.orders, start=1):
            ticket = _ticket(call, account, -number, order)
            simulation.broker.pre_trade.check_risk(ticket, _working(call, tried))
            tried.append(ticket)
    except Refusal as refusal:
        return {"rejectReason": refusal.reason, "comment": refusal.text, "details": _details(call, asked, tried)}
    return {"details": _details(call, asked, tried), "fees": _fees(call, tried)}


def _fees(call: Call, tried: list[Ticket]) -> dict[str, Decimal]:
    """What the orders would cost when they are filled, in dollars, by kind of fee."""
    specs = [(call.simulation.catalog.listings[one.contract_id].spec, one.qty) for one in tried]
    contracts = sum(qty for _, qty in specs)
    return {
        "clearingFee": CLEARING_FEE * contracts,
        "exchangeFee": sum((spec.fee * qty for spec, qty in specs), ZERO),
        "nfaFee": NFA_FEE * contracts,
        "commission": COMMISSION * contracts,
    }


def _working(call: Call, tried: list[Ticket]) -> list[Ticket]:
    return [*call.simulation.exchange.working(), *tried]


def _ticket(call: Call, account: Account, order_id: int, order: DryRunOrder) -> Ticket:
    simulation = call.simulation
    now = simulation.clock.now()
    listing = simulation.catalog.listings.get(order.contract_id)
    if listing is None:
        raise Refusal("InvalidContract", f"Unknown contract {order.contract_id}.")
    risk.check_symbol(simulation.catalog, listing.name, now)
    risk.check_session(simulation.catalog, listing, now)
    risk.check_quantity(order.order_qty, simulation.config.max_order_qty)
    terms = check_terms(listing, order, now)
    buy = order.action == "Buy"
    check_side(terms, buy=buy, last=simulation.feed.market(listing.contract_id).last)
    simulation.broker.pre_trade.check_request(account, listing, buy=buy, qty=order.order_qty)
    return Ticket(
        order_id=order_id,
        command_id=order_id,
        account_id=account.id,
        contract_id=listing.contract_id,
        buy=buy,
        qty=order.order_qty,
        kind=terms.kind,
        time_in_force=terms.time_in_force,
    )


def _details(call: Call, asked: DryRun, tried: list[Ticket]) -> dict[str, Any]:
    """openapi.json, RiskEvaluationDetails; positions are those of the first order's contract."""
    simulation = call.simulation
    catalog = simulation.catalog
    ledger = simulation.booking.ledgers[asked.account_id]
    before = risk.required_margin(ledger, catalog, simulation.exchange.working())
    after = risk.required_margin(ledger, catalog, _working(call, tried))
    net_liq = risk.equity(ledger, simulation.feed)
    fees = sum((one.qty * fees_per_contract(catalog.listings[one.contract_id].spec) for one in tried), ZERO)
    first = asked.orders[0].contract_id
    holding = ledger.holdings.get(first)
    held = holding.net if holding else 0
    own = [one for one in _working(call, tried) if (one.account_id, one.contract_id) == (asked.account_id, first)]
    wanted = asked.orders[0].order_qty * (1 if asked.orders[0].action == "Buy" else -1)
    return {
        "beforeInitialMarginReq": before,
        "beforeInitialFullMarginReq": before,
        "initialMarginReq": after,
        "initialFullMarginReq": after,
        "totalCash": ledger.cash.quantize(CENT),
        "futuresOpenPnL": (net_liq - ledger.cash).quantize(CENT),
        "netLiqValue": net_liq.quantize(CENT),
        "futureCommAndFees": fees.quantize(CENT),
        "totalCashRequired": (after + fees).quantize(CENT),
        "excess": (net_liq - after - fees).quantize(CENT),
        "beforeNetPos": held,
        "hypoLongPos": max(0, held + sum(one.left for one in own if one.buy)),
        "hypoShortPos": max(0, -held + sum(one.left for one in own if not one.buy)),
        "isExitOrder": held * wanted < 0 and abs(wanted) <= abs(held),
    }
