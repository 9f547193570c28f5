"""Order operations: place, cancel, modify, liquidate (openapi.json, tag "Orders")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from . import entities as e
from . import requests as r
from .api_risk import dry_run
from .broker import Broker
from .calls import Call, Handler
from .clock import stamp
from .papers import Sender
from .simulation import Received, Simulation

RECEIVED_KEPT = 5000
S = TypeVar("S")


def _asking(route: str, shape: type[S], ask: Callable[[Broker, Sender, S], Any]) -> Handler:
    def handle(call: Call) -> Any:
        remember(call.simulation, route, call.user_id, call.params)
        return ask(call.simulation.broker, call.sender, call.read(shape, any_price=True))

    return handle


def _liquidate_many(call: Call) -> Any:
    remember(call.simulation, "order/liquidatepositions", call.user_id, call.params)
    request = call.read(r.LiquidatePositions)
    for position_id in request.positions:
        position = call.simulation.store.own(e.Position, position_id, call.user_id)
        if position is None:
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


def remember(simulation: Simulation, route: str, user_id: int, params: Mapping[str, Any]) -> None:
    """Note an order operation as it came in, for the ledger of /control."""
    received = Received(route, user_id, stamp(simulation.clock.now()), dict(params))
    simulation.received.append(received)
    del simulation.received[:-RECEIVED_KEPT]


OPERATIONS: dict[str, Handler] = {
    "order/placeorder": _asking("order/placeorder", r.PlaceOrder, Broker.place),
    "order/placeoco": _asking("order/placeoco", r.PlaceOco, Broker.place_oco),
    "order/placeoso": _asking("order/placeoso", r.PlaceOso, Broker.place_oso),
    "order/cancelorder": _asking("order/cancelorder", r.CancelOrder, Broker.cancel),
    "order/modifyorder": _asking("order/modifyorder", r.ModifyOrder, Broker.modify),
    "order/liquidateposition": _asking("order/liquidateposition", r.LiquidatePosition, Broker.liquidate),
    "order/liquidatepositions": _liquidate_many,
    "order/dryrun": dry_run,
    "orderstrategy/startorderstrategy": _asking(
        "orderstrategy/startorderstrategy",
        r.StartOrderStrategy,
        lambda broker, sender, request: broker.strategies.start(sender, request),
    ),
    "orderstrategy/modifyorderstrategy": _asking(
        "orderstrategy/modifyorderstrategy",
        r.ModifyOrderStrategy,
        lambda broker, sender, request: broker.strategies.modify(sender, request),
    ),
    "orderstrategy/interruptorderstrategy": _asking(
        "orderstrategy/interruptorderstrategy",
        r.InterruptOrderStrategy,
        lambda broker, sender, request: broker.strategies.interrupt(sender, request),
    ),
}
