"""Pre-trade checks: small functions that look at one thing and return what they found, for a trader to read. Pure.

`check` puts an order to all of them. What is not known gives a note or a warning that says so, never a silent pass and
never an error. An order that only reduces a position is never kept back by margin, loss, collar or size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from trading.orders.checks import account, contract, money, repeat, size
from trading.orders.checks.account import WATCHING_ONLY
from trading.orders.checks.contract import on_tick
from trading.orders.checks.finding import Finding, Severity, error, note, warning
from trading.orders.checks.situation import AccountState, Listing, Sent, Situation
from trading.orders.spec import OrderSpec

__all__ = [
    "CHECKS",
    "CHECKS_OF_CHANGE",
    "CHECKS_OF_RAISE",
    "CHECKS_OF_RESUMED",
    "WATCHING_ONLY",
    "AccountState",
    "Check",
    "Finding",
    "Listing",
    "Sent",
    "Severity",
    "Situation",
    "check",
    "error",
    "note",
    "on_tick",
    "warning",
]

Check = Callable[[OrderSpec, Situation], Iterator[Finding]]

CHECKS: Final[tuple[Check, ...]] = (
    account.kill_switch,
    account.tradable,
    account.figures_known,
    account.risk_status,
    account.daily_loss,
    account.broker_loss_limits,
    account.trailing_drawdown,
    contract.known,
    contract.not_expired,
    contract.product_trades,
    contract.in_session,
    contract.still_ahead,
    contract.on_its_tick,
    size.order_size,
    size.position,
    size.broker_order_terms,
    size.broker_position,
    money.margin,
    money.broker_margin,
    money.collar,
    money.exits_ahead,
    money.exits_of_part,
    repeat.duplicate,
)


# What does not count again the contracts that a working order has; the day's loss is met by an entry that is moved
# (pretrade.vet_change). A kill switch lets some changes pass
# (let_through.adds_no_risk); the gate of intents sees to it.
CHECKS_OF_CHANGE: Final[tuple[Check, ...]] = (
    account.tradable,
    contract.known,
    contract.not_expired,
    contract.in_session,
    contract.still_ahead,
    contract.on_its_tick,
    money.collar,
)
# A limit that came later keeps nobody from moving a stop; it counts once an order is to become larger.
CHECKS_OF_RAISE: Final[tuple[Check, ...]] = (*CHECKS_OF_CHANGE, size.order_size, size.broker_order_terms)

# For lines of a file that were stopped.
CHECKS_OF_RESUMED: Final[tuple[Check, ...]] = (
    account.tradable,
    account.risk_status,
    account.daily_loss,
    contract.not_expired,
    contract.in_session,
    contract.still_ahead,
    size.order_size,
    size.position,
    size.broker_order_terms,
    size.broker_position,
)


def check(spec: OrderSpec, situation: Situation, checks: tuple[Check, ...] = CHECKS) -> tuple[Finding, ...]:
    """All that is to be said about an order before it goes out; it may not go out with an error among it."""
    return tuple(finding for one in checks for finding in one(spec, situation))
