"""What is really so in a simulation, for tests that compare: the answer of /control/ledger."""

from __future__ import annotations

from typing import Any

from .clock import stamp
from .ledger import CENT, Ledger
from .risk import equity, required_margin
from .simulation import Simulation


def ledger(simulation: Simulation) -> dict[str, Any]:
    """Accounts, orders by where they are, running strategies, the order requests received, the names of contracts by
    id, and all entities by type."""
    entities = {name: [row.entity for row in rows.values()] for name, rows in simulation.store.rows.items()}
    received = [
        {"route": r.route, "userId": r.user_id, "timestamp": r.timestamp, "params": r.params}
        for r in simulation.received
    ]
    broker = simulation.broker
    return {
        "now": stamp(simulation.clock.now()),
        "accounts": [_account(simulation, one) for one in simulation.booking.ledgers.values()],
        "working": sorted(ticket.order_id for ticket in simulation.exchange.working()),
        "held": sorted(simulation.exchange.held),
        "onHold": sorted(one.command_id for one in broker.changes.on_hold),
        "strategies": sorted(broker.strategies.running),
        "refusals": [
            {"accountId": one.account_id, "reason": one.reason, "stage": one.stage.value, "left": one.left}
            for one in broker.pre_trade.armed
        ],
        "received": received,
        "contracts": {str(one.contract_id): one.name for one in simulation.catalog.listings.values()},
        "entities": entities,
    }


def _account(simulation: Simulation, own: Ledger) -> dict[str, Any]:
    working = [ticket for ticket in simulation.exchange.working() if ticket.account_id == own.account_id]
    return {
        "accountId": own.account_id,
        "cash": own.cash,
        "startOfDay": own.start_of_day,
        "realized": own.realized,
        "weekRealized": own.week_realized,
        "fees": own.fees,
        "paidIn": own.paid_in,
        "dayStart": own.day_start.quantize(CENT),
        "weekStart": own.week_start.quantize(CENT),
        "netLiq": equity(own, simulation.feed).quantize(CENT),
        "margin": required_margin(own, simulation.catalog, working),
        "net": {str(holding.contract_id): holding.net for holding in own.open_holdings()},
    }
