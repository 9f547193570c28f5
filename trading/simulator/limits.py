"""How often may somebody ask: requests an hour of a user, and of an address for the operations that are guarded.

Figures from the protocol notes, "Limits": over a user's budget the answer is status 429 with an empty body, over an
address's a penalty ticket.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType

HOUR = timedelta(hours=1)
FAILURES_ONLY = frozenset({"auth/accesstokenrequest", "auth/me"})
"""Guarded operations of which only the failures count."""


@dataclass(frozen=True)
class Limits:
    """Requests an hour: of a user, and of an address by operation. `penalty_seconds` is a ticket's waiting time, some
    operations have their own in `penalty_seconds_of`. After `captcha_after` penalties of an operation within the hour
    a captcha is asked for, and only waiting for an hour helps; None for never. `tv_per_minute` are an account's
    requests a minute in the TradingView-style dialect ("Rate Limits" there)."""

    per_user: int = 5000
    per_address: Mapping[str, int] = field(
        default_factory=lambda: MappingProxyType(
            {
                "auth/accesstokenrequest": 5,
                "auth/me": 10,
                "auth/renewaccesstoken": 15,
                "user/syncrequest": 300,
                "order/dryrun": 500,
            }
        )
    )
    penalty_seconds: int = 15
    penalty_seconds_of: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({"user/syncrequest": 3}))
    captcha_after: int | None = 10
    tv_per_minute: int = 100

    def times(self, factor: int) -> Limits:
        """The same, more generous."""
        per_address = MappingProxyType({route: most * factor for route, most in self.per_address.items()})
        return replace(
            self,
            per_user=self.per_user * factor,
            per_address=per_address,
            tv_per_minute=self.tv_per_minute * factor,
        )


REAL = Limits()
GENEROUS = REAL.times(100)


@dataclass(frozen=True)
class Penalty:
    """A ticket that lets one request pass after `seconds`; with `captcha` it never does."""

    ticket: str
    seconds: int
    captcha: bool = False


class Budgets:
    """Counts requests in the hour that ends now."""

    def __init__(self, limits: Limits, now: Callable[[], datetime]) -> None:
        self._limits = limits
        self._now = now
        self._seen: dict[tuple[str, str], deque[datetime]] = {}
        self._tickets: dict[str, tuple[str, datetime]] = {}

    def user_may(self, user_id: int) -> bool:
        """Count a user's request; False when the budget is spent."""
        seen = self._recent("user", str(user_id))
        if len(seen) >= self._limits.per_user:
            return False
        seen.append(self._now())
        return True

    def penalty(self, route: str, address: str, ticket: str | None = None) -> Penalty | None:
        """The penalty that a request meets, if any. A ticket whose time has come lets one request pass."""
        most = self._limits.per_address.get(route)
        if most is None or len(self._recent(route, network(address))) < most:
            return None
        granted = self._tickets.get(ticket or "")
        if ticket and granted and granted[0] == route and granted[1] <= self._now():
            del self._tickets[ticket]
            return None
        forgotten = self._now() - HOUR
        self._tickets = {name: known for name, known in self._tickets.items() if known[1] > forgotten}
        met = self._recent("penalty " + route, network(address))
        met.append(self._now())
        most_met = self._limits.captcha_after
        made = self._ticket(route, captcha=most_met is not None and len(met) > most_met)
        if not made.captcha:
            self._tickets[made.ticket] = route, self._now() + timedelta(seconds=made.seconds)
        return made

    def _ticket(self, route: str, *, captcha: bool) -> Penalty:
        seconds = self._limits.penalty_seconds_of.get(route, self._limits.penalty_seconds)
        return Penalty("p-" + secrets.token_hex(8), int(HOUR.total_seconds()) if captcha else seconds, captcha)

    def count(self, route: str, address: str, *, failed: bool) -> None:
        """A guarded request was carried out."""
        if route in self._limits.per_address and (failed or route not in FAILURES_ONLY):
            self._recent(route, network(address)).append(self._now())

    def _recent(self, kind: str, who: str) -> deque[datetime]:
        seen = self._seen.setdefault((kind, who), deque())
        while seen and seen[0] <= self._now() - HOUR:
            seen.popleft()
        return seen


def network(address: str) -> str:
    """The /24 of an address, which shares its budget; anything else stands for itself."""
    try:
        return str(ipaddress.ip_network(f"{address}/24", strict=False))
    except ValueError:
        return address
