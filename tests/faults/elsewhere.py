"""Traders who trade in the broker's own app, past the portal: what they do has to show in it all the same."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import httpx

LIMIT_FAR_AWAY = 10  # a price that no market of these products comes near, on everybody's tick
CONTRACTS_HELD = 4  # about so many an account holds at most


class Elsewhere:
    """One trader with a session of the broker's own. `placed` counts the requests so far."""

    def __init__(self, simulator: str, name: str, symbols: list[str], seed: int) -> None:
        self.name = name
        self.placed = 0
        self._symbols = symbols
        self._dice = random.Random(f"{name}:{seed}")
        self._client = httpx.AsyncClient(base_url=f"{simulator}/v1", trust_env=False, timeout=30)
        self._accounts: dict[int, str] = {}
        self._net: Counter[tuple[int, str]] = Counter()
        self._resting: list[int] = []

    async def sign_in(self) -> set[int]:
        """Returns the trader's accounts."""
        login = {"name": self.name, "password": f"{self.name}-pass"}
        answer = (await self._client.post("/auth/accesstokenrequest", json=login)).raise_for_status().json()
        self._client.headers["Authorization"] = f"Bearer {answer['accessToken']}"
        found = (await self._client.get("/account/list")).raise_for_status().json()
        self._accounts = {account["id"]: account["name"] for account in found}
        return set(self._accounts)

    async def close(self) -> None:
        await self._client.aclose()

    async def trade(self, count: int, per_second: float) -> None:
        """So many requests: most of them market orders, some that rest, are changed or cancelled."""
        clock = asyncio.get_running_loop().time
        begin = clock()
        for number in range(count):
            await asyncio.sleep(max(0.0, begin + number / per_second - clock()))
            await self._one()
            self.placed += 1

    async def _one(self) -> None:
        draw = self._dice.random()
        if self._resting and draw < 0.08:
            await self._ask("order/cancelorder", orderId=self._resting.pop(), isAutomated=True)
        elif self._resting and draw < 0.14:
            terms = {"orderQty": self._dice.randint(2, 4), "orderType": "Limit", "price": LIMIT_FAR_AWAY}
            await self._ask("order/modifyorder", orderId=self._dice.choice(self._resting), **terms, isAutomated=True)
        elif draw < 0.28:
            answer = await self._place("Buy", orderType="Limit", price=LIMIT_FAR_AWAY)
            if "orderId" in answer:
                self._resting.append(answer["orderId"])
        else:
            await self._place(orderType="Market")

    async def _place(self, action: str = "", **terms: object) -> dict[str, int]:
        account, symbol = self._dice.choice(list(self._accounts)), self._dice.choice(self._symbols)
        qty = self._dice.randint(1, 2)
        net = self._net[account, symbol]
        if not action:
            action = self._dice.choice(("Buy", "Sell")) if abs(net) < CONTRACTS_HELD else "Sell" if net > 0 else "Buy"
            self._net[account, symbol] += qty if action == "Buy" else -qty
        order = {"accountId": account, "accountSpec": self._accounts[account], "symbol": symbol, "action": action}
        return await self._ask("order/placeorder", **order, orderQty=qty, isAutomated=True, **terms)

    async def _ask(self, route: str, **body: object) -> dict[str, int]:
        return (await self._client.post(f"/{route}", json=body)).raise_for_status().json()
