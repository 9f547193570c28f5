"""Operations on accounts and their money (openapi.json, tag "Accounting")."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from . import entities as e
from .calls import Call, Handler
from .ledger import CENT, ZERO
from .risk import equity, required_margin


def cash_snapshot(call: Call) -> Any:
    """openapi.json, CashBalanceSnapshot: dollars."""
    simulation = call.simulation
    account_id = call.number("accountId")
    if simulation.store.own(e.Account, account_id, call.user_id) is None:
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


def change_demo_balance(call: Call) -> Any:
    """openapi.json, ChangeDemoBalance: put money into an account, or take it out. Answers a cash snapshot."""
    simulation = call.simulation
    asked = call.read(_DemoBalance)
    if simulation.store.own(e.Account, asked.account_id, call.user_id) is None:
        return {"errorText": "Access is denied"}
    simulation.booking.deposit(asked.account_id, asked.cash_change.quantize(CENT))
    return cash_snapshot(call)


OPERATIONS: dict[str, Handler] = {
    "cashbalance/getcashbalancesnapshot": cash_snapshot,
    "cashbalance/changedemobalance": change_demo_balance,
}
