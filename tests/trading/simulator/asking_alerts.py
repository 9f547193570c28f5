"""What has to be there before alerts and their signals can be asked about."""

from __future__ import annotations

import json
from typing import Any

from trading.simulator import RunningSimulator

from .conftest import Api


class AlertAsking:
    """The part of `Asking` that makes alerts, and lets time pass until they signal."""

    simulator: RunningSimulator
    api: Api
    me: int

    def _alert(self) -> int:
        number: int = self.api.post("alert/createalert", expression="{}")["alert"]["id"]
        return number

    def _which_alert(self) -> dict[str, Any]:
        return {"alertId": self._alert()}

    _alert_deletealert = _alert_dismissalert = _alert_resetalert = _which_alert

    def _alert_modifyalert(self) -> dict[str, Any]:
        return {"alertId": self._alert(), "expression": "{}"}

    def _signal(self) -> dict[str, Any]:
        """What an alert says whose condition is true from the start."""
        rich = {"l": "cashAmount", "op": ">", "r": "1", "subj": f"DEMO{self.me}001"}
        expression = json.dumps({"conditions": [rich]})
        alert = self.api.post("alert/createalert", expression=expression, triggerLimits=1)["alert"]["id"]
        self.simulator.control.advance(1)
        made: dict[str, Any] = self.api.get("alertSignal/deps", masterid=alert)[0]
        return made

    def _alert_markreadalertsignal(self) -> dict[str, Any]:
        signal = self._signal()
        return {"alertId": signal["alertId"], "alertSignalId": signal["id"]}

    def _admin_signal(self) -> dict[str, Any]:
        """What is said of an account whose fees alone are more than its dailyLossAlert; there is one, made once."""
        if not self.api.get("adminAlertSignal/list"):
            account = self.me * 1000 + 3
            self.api.post("userAccountAutoLiq/create", id=account, dailyLossAlert=0.01)
            self.api.place("Buy", 1, "MESZ6", accountId=account)
            self.simulator.control.advance(1)
        made: dict[str, Any] = self.api.get("adminAlertSignal/list")[-1]
        return made

    def _which_admin_signal(self) -> dict[str, Any]:
        return {"adminAlertSignalId": self._admin_signal()["id"]}

    _adminalertsignal_completealertsignal = _adminalertsignal_takealertsignalownership = _which_admin_signal
