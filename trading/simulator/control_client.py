"""Steering a running simulator from another thread or program, through /control."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import httpx


class Control:
    """Steers a running simulator through /control. Every method raises httpx.HTTPStatusError with the server's text
    when it refuses."""

    def __init__(self, url: str, ca: Path | None = None) -> None:
        # a context that trusts nothing but the simulator spares reading the system's certificates
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if ca is not None:
            context.load_verify_locations(ca)
        self._http = httpx.Client(base_url=url + "/control", timeout=60, trust_env=False, verify=context)

    def advance(self, seconds: float) -> dict[str, Any]:
        """Let time pass, market steps included."""
        return self._post("advance", seconds=seconds)

    def price(self, symbol: str, price: float | str) -> dict[str, Any]:
        """Put a contract's offer and last trade at a price (its bid one tick below) and let orders meet it."""
        return self._post("price", symbol=symbol, price=price)

    def liquidity(self, symbol: str, size: int | None) -> dict[str, Any]:
        """Show `size` contracts on every level of the book; None gives the seeded sizes back."""
        return self._post("liquidity", symbol=symbol, size=size)

    def market(self, symbol: str) -> dict[str, Any]:
        """Bid, offer, last and the best sizes of a contract now."""
        return self._get("market", symbol=symbol)

    def fault(self, kind: str, route: str | None = None, **options: Any) -> dict[str, Any]:
        """Arm a fault, or do it at once; see faults.KINDS for what there is and faults.FaultRequest for the options.
        `clear` disarms all."""
        return self._post("faults", kind=kind, **({"route": route} if route is not None else {}), **options)

    def faults(self) -> list[dict[str, Any]]:
        """What is armed: kind, route, left and met."""
        armed: list[dict[str, Any]] = self._get("faults")["armed"]
        return armed

    def account(self, account_id: int, **changes: Any) -> dict[str, Any]:
        """Change an account: closed, restricted, readonly (bool), deposit (dollars)."""
        return self._post("account", accountId=account_id, **changes)

    def refuse(self, account_id: int, reason: str, *, stage: str = "request", times: int = 1) -> dict[str, Any]:
        """Let an account's next `times` orders be refused with a failureReason: in the reply (stage request), by the
        risk check (risk) or by the exchange (execution)."""
        return self._post("refuse", accountId=account_id, reason=reason, stage=stage, times=times)

    def emit(
        self,
        user: str,
        count: int,
        *,
        per_second: float = 0,
        entity_type: str = "cashBalance",
        batch: int = 1,
        begin_in: float = 0,
        wait: bool = False,
    ) -> dict[str, Any]:
        """Send synthetic props events to a user's synchronised sockets; see control_events.Emit."""
        how = {"per_second": per_second, "entity_type": entity_type, "batch": batch, "begin_in": begin_in, "wait": wait}
        return self._post("emit", user=user, count=count, **how)

    def emitted(self) -> dict[str, str]:
        """The synthetic fills since this was asked last: id -> when it was sent."""
        return self._get("emitted")

    def ledger(self) -> dict[str, Any]:
        """The whole truth: accounts, entities by type, working orders, order requests received."""
        return self._get("ledger")

    def sockets(self) -> list[dict[str, Any]]:
        """The open sockets."""
        found: list[dict[str, Any]] = self._http.get("/sockets").json()
        return found

    def close(self) -> None:
        """Close the helper's own connections."""
        self._http.close()

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        return _result(self._http.post(f"/{path}", json=body))

    def _get(self, path: str, **query: str) -> dict[str, Any]:
        return _result(self._http.get(f"/{path}", params=query))


def _result(response: httpx.Response) -> dict[str, Any]:
    if response.is_error:
        raise httpx.HTTPStatusError(response.text, request=response.request, response=response)
    found: dict[str, Any] = response.json()
    return found
