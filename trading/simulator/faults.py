"""Faults on demand: what shall go wrong, on which route, how many times.

A route is the operation's name, such as `order/placeorder`, in lower case, or `*` for any.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class FaultKind(Enum):
    """What can be armed for the next requests of a route."""

    LOSE_REPLY = "lose_reply"
    """The request is carried out, then the connection drops without an answer."""
    RESET_BEFORE = "reset_before"
    """The connection drops and nothing is carried out."""
    ERROR_500 = "error_500"
    """Status 500 and nothing is carried out."""
    ERROR_500_AFTER = "error_500_after"
    """The request is carried out and status 500 answers."""
    SLOW = "slow"
    """The answer waits for `seconds`; the request is carried out at once."""
    SLOW_BEFORE = "slow_before"
    """The request waits for `seconds` before it is carried out."""
    RATE_LIMIT = "rate_limit"
    """Status 429 with an empty body."""
    PENALTY = "penalty"
    """Status 200 with a penalty ticket of `seconds`, with `captcha` when asked."""
    EXPIRE_TOKEN = "expire_token"  # noqa: S105 - the name of a fault
    """The request's token is refused as if it had expired."""
    GARBAGE = "garbage"
    """Status 200 with a body that is not JSON."""


@dataclass
class Fault:
    """An armed fault; `left` requests will meet it."""

    kind: FaultKind
    route: str
    left: int
    seconds: float = 1.0
    captcha: bool = False


class Faults:
    """Armed faults, first in, first out for each route."""

    def __init__(self) -> None:
        self._armed: list[Fault] = []

    def arm(self, fault: Fault) -> None:
        """Let a fault happen to the next requests of its route."""
        self._armed.append(fault)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._armed.clear()

    def armed(self) -> list[Fault]:
        """What is still to happen."""
        return list(self._armed)

    def take(self, route: str) -> Fault | None:
        """The fault that this request meets, if any."""
        for fault in self._armed:
            if fault.route in ("*", route):
                fault.left -= 1
                if fault.left <= 0:
                    self._armed.remove(fault)
                return fault
        return None
