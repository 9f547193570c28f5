"""Operations on accounts and their money (openapi.json, tag "Accounting")."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import msgspec

from . import entities as e
from .calls import Call, Handler
from .ledger import CENT, ZERO
from .requests import CancelOrder
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
    comment: Annotated[str, msgspec.Meta(max_length=64)] | None = None


def change_demo_balance(call: Call) -> Any:
    """openapi.json, ChangeDemoBalance: put money into an account, or take it out. Answers a cash snapshot."""
    simulation = call.simulation
    asked = call.read(_DemoBalance)
    if simulation.store.own(e.Account, asked.account_id, call.user_id) is None:
        return {"errorText": "Access is denied"}
    simulation.booking.deposit(asked.account_id, asked.cash_change.quantize(CENT), asked.comment)
    return cash_snapshot(call)


class _ResetState(msgspec.Struct, rename="camel"):
    account_ids: list[int]
    reset_trade_date: e.TradeDate


def reset_demo_account_state(call: Call) -> Any:
    """openapi.json, ResetDemoAccountState: take accounts back to the start of the trading day. Earlier days are not
    kept, so it has to be the present one."""
    asked = call.read(_ResetState)
    simulation = call.simulation
    accounts = [simulation.store.own(e.Account, number, call.user_id) for number in asked.account_ids]
    if None in accounts:
        return {"ok": False, "errorText": "Access is denied"}
    if asked.reset_trade_date != e.TradeDate.of(simulation.day):
        return {"ok": False, "errorText": f"Only the present trading day, {simulation.day}, can be reset."}
    for account_id in dict.fromkeys(asked.account_ids):
        _reset(call, account_id)
    return {"ok": True}


def _reset(call: Call, account_id: int) -> None:
    broker = call.simulation.broker
    broker.strategies.interrupt_account(account_id)
    for ticket in list(broker.execution.waiting()):
        if ticket.account_id == account_id:
            broker.cancel(call.sender, CancelOrder(order_id=ticket.order_id))
    call.simulation.booking.reopen_day(account_id)


OPERATIONS: dict[str, Handler] = {
    "cashbalance/getcashbalancesnapshot": cash_snapshot,
    "cashbalance/changedemobalance": change_demo_balance,
    "account/resetdemoaccountstate": reset_demo_account_state,
}
