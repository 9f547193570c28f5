"""Alerts of users: when their expression becomes true, an AlertSignal (openapi.json, Alert and AlertSignal).

The guide shows one expression, beside renewAccessToken, and no grammar. It is JSON: `conditions`, all of which must
hold, or one of them with `conjuction` OR (so spelt there). A condition compares `l` of `subj` with the number `r`; `op`
is > or <. What the example has as `l` is known here: `percentChange` of a contract (from its settlement), `cashAmount`
of an account, and `posOpenPLUsd` of an account's position, `ACCOUNT|CONTRACT`. Any other expression is kept and never
becomes true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Literal

import msgspec

from . import entities as e
from .clock import read_stamp, stamp
from .people_entities import Alert, AlertSignal
from .venue import Venue

TEXT = 8192


class Condition(msgspec.Struct, frozen=True):
    """`rf` is `r` as people read it."""

    l: str  # noqa: E741 - the guide's name
    op: Literal[">", "<"]
    r: Decimal
    subj: str
    rf: str | None = None

    def holds(self, value: Decimal) -> bool:
        """Compare a value with the condition's."""
        return value > self.r if self.op == ">" else value < self.r

    def __str__(self) -> str:
        return f"{self.subj}: {self.l} {self.op} {self.rf or self.r}"


class Expression(msgspec.Struct, frozen=True):
    """Conditions of which one (OR) or all must hold."""

    conditions: list[Condition]
    conjuction: Literal["OR", "AND"] = "AND"
    conjunction: Literal["OR", "AND"] = "AND"

    @property
    def together(self) -> Callable[[Iterable[bool]], bool]:
        """any or all."""
        return any if "OR" in (self.conjuction, self.conjunction) else all


@lru_cache(maxsize=1024)
def read(text: str) -> Expression | None:
    """An alert's expression; None when it is none that is known."""
    try:
        found = msgspec.json.decode(text, type=Expression, strict=False)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    return found if found.conditions and all(one.r.is_finite() for one in found.conditions) else None


@dataclass
class Alerts:
    """Watches the active alerts of all users. `met` are those whose expression was true when it was looked at last: one
    is told of once, and again when it has been false in between."""

    venue: Venue

    def __post_init__(self) -> None:
        self.met: set[int] = set()

    def sweep(self) -> None:
        """Look at every active alert at the present prices."""
        now = self.venue.clock.now()
        met: set[int] = set()
        for alert in list(self.venue.store.all(Alert)):
            if alert.status != "Active":
                continue
            if alert.valid_until is not None and read_stamp(alert.valid_until) <= now:
                self._put(msgspec.structs.replace(alert, status="Expired"))
            elif self._is_true(alert):
                met.add(alert.id)
                if alert.id not in self.met:
                    self._tell(alert)
        self.met = met

    def _is_true(self, alert: Alert) -> bool:
        expression = read(alert.expression)
        return expression is not None and expression.together(
            any(one.holds(value) for value in self._values(alert.user_id, one)) for one in expression.conditions
        )

    def _values(self, user_id: int, condition: Condition) -> list[Decimal]:
        """What a condition is about; nothing when there is no such account of the user's, or contract."""
        if condition.l == "cashAmount":
            return [self.venue.booking.ledgers[account.id].cash for account in self._accounts(user_id, condition.subj)]
        owner, _, symbol = condition.subj.rpartition("|")
        listing = self.venue.catalog.find(symbol)
        if listing is None:
            return []
        market = self.venue.feed.market(listing.contract_id)
        if condition.l == "percentChange" and not owner and market.settlement > 0:
            return [Decimal(100) * (market.last - market.settlement) / market.settlement]
        if condition.l != "posOpenPLUsd":
            return []
        holdings = (
            self.venue.booking.ledgers[account.id].holdings.get(listing.contract_id)
            for account in self._accounts(user_id, owner)
        )
        return [holding.open_pnl(market.last) for holding in holdings if holding is not None and holding.net]

    def _accounts(self, user_id: int, name: str) -> list[e.Account]:
        """The user's account of that name; all of them where the example has no name but a slip of its program."""
        own = self.venue.store.accounts(user_id)
        return own if name == "[object Object]" else [account for account in own if account.name == name]

    def _tell(self, alert: Alert) -> None:
        count = (alert.triggered_counter or 0) + 1
        is_last = bool(alert.trigger_limits) and count >= (alert.trigger_limits or 0)
        self._put(
            msgspec.structs.replace(alert, triggered_counter=count, status="TriggeredOut" if is_last else alert.status)
        )
        expression = read(alert.expression)
        said = "; ".join(map(str, expression.conditions)) if expression else alert.expression
        signal = AlertSignal(
            id=self.venue.store.next_id(),
            timestamp=stamp(self.venue.clock.now()),
            alert_id=alert.id,
            is_read=False,
            text=(alert.message or said)[:TEXT],
        )
        self.venue.store.put(signal, user_id=alert.user_id)

    def _put(self, alert: Alert) -> None:
        self.venue.store.put(alert, user_id=alert.user_id)
