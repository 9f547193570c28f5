"""Another program of a trader's, beside the portal: what it does reaches the portal through Tradovate alone."""

from __future__ import annotations

import httpx

from tests.browser.stack import Stack


class OtherProgram:
    """The session of the trader `name` beside the portal's: of a user's sessions Tradovate keeps two, so that all tests
    of a portal share this one as they share the portal's."""

    def __init__(self, portal: Stack, name: str) -> None:
        self._client = httpx.Client(base_url=f"{portal.simulator}/v1", timeout=10)
        self._portal = portal
        answer = self._accounts(portal.programs.get(name, "none"))
        if answer.status_code == 401:
            portal.programs[name] = portal.log_in_elsewhere(name)
            answer = self._accounts(portal.programs[name])
        self.account = answer.raise_for_status().json()[0]

    def _accounts(self, token: str) -> httpx.Response:
        self._client.headers["Authorization"] = f"Bearer {token}"
        return self._client.get("/account/list")

    def order(self, symbol: str, action: str = "Buy", qty: int = 1, order_type: str = "Market", **terms: object) -> int:
        """Place an order in the first account; returns its id."""
        body = {"accountId": self.account["id"], "accountSpec": self.account["name"], "symbol": symbol} | terms
        body |= {"action": action, "orderQty": qty, "orderType": order_type, "isAutomated": True}
        answer = self._client.post("/order/placeorder", json=body).raise_for_status().json()
        return int(answer["orderId"])

    def refused_order(self, symbol: str, reason: str) -> int:
        """Place an order that the exchange refuses for this failureReason; returns its id."""
        self._portal.control("refuse", accountId=self.account["id"], reason=reason, stage="execution")
        return self.order(symbol, "Sell")

    def modify(self, order: int, qty: int, order_type: str, **terms: object) -> None:
        """Change an order (its id); `terms` are all that it has, as Tradovate wants them said anew."""
        body = {"orderId": order, "orderQty": qty, "orderType": order_type, "isAutomated": True} | terms
        self._client.post("/order/modifyorder", json=body).raise_for_status()

    def cancel(self, order: int) -> None:
        """Take an order (its id) out of the market."""
        self._client.post("/order/cancelorder", json={"orderId": order}).raise_for_status()
