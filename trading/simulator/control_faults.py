"""Faults by /control/faults: armed for what is to come, or done at once to what a user has open."""

from __future__ import annotations

from typing import Any

from .calls import Rejected
from .fault_kinds import KINDS
from .faults import FaultRequest
from .simulation import Simulation
from .sockets import Hub


class FaultSwitch:
    """Arms the faults of one simulation, and does those that happen at once."""

    def __init__(self, simulation: Simulation, hub: Hub) -> None:
        self._simulation = simulation
        self._hub = hub

    def set(self, asked: FaultRequest) -> dict[str, Any]:
        """Arm a fault, do it, or disarm all of them (`clear`). The answer counts the sockets, sessions or tokens that
        it met at once. Raises Rejected for a fault, an option or a trader that does not exist."""
        if asked.kind == "clear":
            self._simulation.faults.clear()
            self._simulation.broker.pre_trade.armed.clear()
            return {"ok": True}
        try:
            kind = asked.checked()
            user_id = self._simulation.user_id(asked.user) if asked.user is not None else None
            if user_id is not None and asked.at_once:
                return {"ok": True, "count": self._hub.strike(kind.effect, user_id, asked.reason or "Maintenance")}
            self._simulation.faults.arm(asked, user_id)
        except ValueError as error:
            raise Rejected(400, str(error)) from None
        return {"ok": True}

    def armed(self) -> dict[str, Any]:
        """What is armed, how often it met something and how often it still will (null: no end); and the kinds."""
        armed = [
            {"kind": fault.kind.name, "route": fault.pattern, "left": fault.left, "met": fault.met}
            for fault in self._simulation.faults.armed()
        ]
        return {"armed": armed, "kinds": {kind.name: kind.summary for kind in KINDS.values()}}
