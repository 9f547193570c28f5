"""What a request is for, and so how much of the hour it may use: room is always kept for what closes a position.

    EXIT, CANCEL   never refused: not by the count, nor after a 429, nor because the count cannot be reached
    MODIFY         up to 4,800 of the hour's 5,000
    ENTRY          up to 4,700
    READ           up to 4,500, and at Tradovate's planning pace once half of the hour is used

(`limits.USER` holds the figures.) What has no room is refused at once, in words; only reads are ever kept waiting, for
moments. An order whose sender does not say what it is for may be an exit, and goes.
"""

from __future__ import annotations

import datetime as dt
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .limits import Budget


class Priority(IntEnum):
    """What a request is for, the least urgent first."""

    READ = 1
    ENTRY = 2
    MODIFY = 3
    CANCEL = 4
    EXIT = 5

    @property
    def always_goes(self) -> bool:
        """Whether the user's count never refuses it."""
        return self >= Priority.CANCEL


# What these do is to get out, whatever their sender says.
_WAYS_OUT = {
    "order/cancelorder": Priority.CANCEL,
    "orderstrategy/interruptorderstrategy": Priority.CANCEL,
    "order/liquidateposition": Priority.EXIT,
    "order/liquidatepositions": Priority.EXIT,
}


_UNSENT = {
    Priority.READ: "Nothing was looked up",
    Priority.ENTRY: "This order was not sent",
    Priority.MODIFY: "This change was not sent",
}
_HOUR = 3600.0


def priority_of(method: str, route: str, stated: Priority | None, *, can_wait: bool) -> Priority:
    """Return the priority of a request ("POST", "order/placeorder") for which its sender stated one, or None.

    `can_wait` says that the route only asks, although it may be POSTed.
    """
    if route in _WAYS_OUT:
        return _WAYS_OUT[route]
    if stated is not None:
        return stated
    return Priority.READ if method == "GET" or can_wait else Priority.EXIT


def refusal(budget: Budget, priority: Priority, now: dt.datetime, *, asks: bool) -> str:
    """Return why a request of this priority is not sent at `now`, and when there is room, as a trader reads it.

    `asks` says that it only asks, whatever it is for. "" leaves it to the general sentence of BudgetSpent.
    """
    limit, room = budget.limit, clock_time(now, budget.wait)
    is_read = priority == Priority.READ
    unsent = _UNSENT[Priority.READ if asks else priority]
    if budget.blocked:
        if is_read:
            return ""
        return (
            "Tradovate takes no more of your requests for now (429); only exits and cancels are tried. "
            f"{unsent}. Next try at {room}."
        )
    if is_read and budget.used < limit.up_to(priority):
        return f"Tradeport asks Tradovate no faster for now, so that the hour's requests last. Next room at {room}."
    if limit.seconds != _HOUR:
        return ""
    return (
        f"{budget.used:,} of {limit.most:,} requests of this hour are used; "
        f"the rest is kept for {'orders' if is_read else 'exits'}. {unsent}. Next room at {room}."
    )


def clock_time(now: dt.datetime, wait: float) -> str:
    """Return the time (UTC) at which `wait` seconds after `now` are over: with seconds when near, else the minute."""
    near = wait < 90
    moment = now + dt.timedelta(seconds=wait) + (dt.timedelta(seconds=1) if near else dt.timedelta(minutes=1))
    return f"{moment:%H:%M:%S} UTC" if near else f"{moment:%H:%M} UTC"
