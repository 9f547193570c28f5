"""A simulation without a network, and what tests ask of it: quick enough for many examples."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from trading.simulator import Config
from trading.simulator import entities as e
from trading.simulator.papers import Sender
from trading.simulator.requests import PlaceOrder, StartOrderStrategy
from trading.simulator.risk_entities import AccountRiskStatus, UserAccountAutoLiq
from trading.simulator.simulation import Simulation

from .conftest import ESZ6, START

ACCOUNT = 1001001
LIMITED = frozenset({"Limit", "StopLimit", "LimitIfTouched", "TrailingStopLimit"})
SENDER = Sender(1001)


class Desk:
    """One trader's account; ESZ6 stands at 6849.75 x 6850.00 with ten contracts on every level."""

    def __init__(self, *, cash: int = 0, size: int = 10, **settings: Any) -> None:
        simulation = Simulation(Config(seed=7, manual_clock=True, start=START, history=False, **settings))
        simulation.open_accounts()
        simulation.begin_market()
        self.use(simulation)
        self.simulation.feed.market(ESZ6).level_size = size
        self.price("6850")
        if cash:
            self.simulation.booking.deposit(ACCOUNT, Decimal(cash))

    def use(self, simulation: Simulation) -> None:
        """Go on with a simulation."""
        self.simulation = simulation
        self.broker, self.store = simulation.broker, simulation.store
        self.ledger = simulation.booking.ledgers[ACCOUNT]

    def price(self, price: str | Decimal) -> None:
        """Put ESZ6's offer and last trade somewhere, and let orders meet it."""
        self.simulation.set_price(ESZ6, int(Decimal(price) * 4))

    def place(self, action: str, qty: int, **terms: Any) -> Any:
        """The reply to an order; its prices may be numbers."""
        body = {"accountId": ACCOUNT, "symbol": "ESZ6", "orderType": "Market", **terms}
        asked = msgspec.convert({**body, "action": action, "orderQty": qty}, PlaceOrder, strict=False)
        return self.broker.place(SENDER, asked)

    def strategy(self, action: str, entry: Any, *brackets: Any) -> Any:
        """The reply to a strategy that starts."""
        params = json.dumps({"entryVersion": entry, "brackets": brackets})
        asked = StartOrderStrategy(
            account_id=ACCOUNT, symbol="ESZ6", order_strategy_type_id=2, action=action, params=params
        )
        return self.broker.strategies.start(SENDER, asked)

    def limit(self, **limits: Any) -> None:
        """Set auto-liquidation limits, and let them be looked at."""
        asked = msgspec.convert({"id": ACCOUNT, **limits}, UserAccountAutoLiq, strict=False)
        self.store.put(asked, user_id=1001, account_id=ACCOUNT)
        self.broker.sweep()

    def act(self, admin_action: str) -> None:
        """Put the account under an administrator's measure, and let it take effect."""
        self.impose(admin_action)
        self.broker.sweep()

    def impose(self, admin_action: str) -> None:
        """Put the account under an administrator's measure, which the next market step will carry out."""
        self.store.put(
            msgspec.structs.replace(self.status, admin_action=admin_action), user_id=1001, account_id=ACCOUNT
        )

    @property
    def status(self) -> AccountRiskStatus:
        """The account's risk status."""
        found = self.store.get(AccountRiskStatus, ACCOUNT)
        assert found is not None
        return found

    @property
    def net(self) -> int:
        """The position in ESZ6."""
        holding = self.ledger.holdings.get(ESZ6)
        return holding.net if holding else 0

    def order(self, order_id: int | None) -> e.Order:
        """An order by its id."""
        found = self.store.get(e.Order, order_id or 0)
        assert found is not None
        return found

    def asked_bound(self, order_id: int) -> Decimal | None:
        """The worst price, in ticks, that was asked for: the one of the order's last version that the exchange did not
        refuse. A trailing stop's limit only gets better."""
        commands = {command.id: command for command in self.store.all(e.Command)}
        accepted = [
            version
            for version in self.store.all(e.OrderVersion)
            if version.order_id == order_id
            and (version.id not in commands or commands[version.id].command_status != "ExecutionRejected")
        ]
        latest = max(accepted, key=lambda version: version.id)
        if latest.order_type not in LIMITED:
            return None
        assert latest.price is not None
        return latest.price * 4

    def next_day(self) -> None:
        """Go to the evening, past the end of the trading day."""
        now: datetime = self.simulation.clock.now()
        self.simulation.clock.advance((now.replace(hour=23, minute=30) - now).total_seconds())
        self.simulation.tick()
