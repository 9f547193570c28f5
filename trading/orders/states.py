"""The life of an intent, as data: which state may follow which, and what Tradovate's order statuses mean in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trading.models import OrderIntent

State = OrderIntent.State

TERMINAL: Final = frozenset({State.FILLED, State.CANCELLED, State.EXPIRED, State.REJECTED})
# Nobody can say yet whether the broker has the order.
UNANSWERED: Final = frozenset({State.SUBMITTING, State.UNKNOWN})
_OUTCOMES: Final = frozenset({State.WORKING, *TERMINAL})

# A state that may follow itself takes news (a partial fill, a late fill of a cancelled order) without moving.
# `submitting` goes back to `created` in one case only: it is certain that the broker did not take the order.
ALLOWED: Final[Mapping[State, frozenset[State]]] = {
    State.CREATED: frozenset({State.SUBMITTING, State.CANCELLED}),
    State.SUBMITTING: frozenset({State.CREATED, State.UNKNOWN, State.ACCEPTED, *_OUTCOMES}),
    State.UNKNOWN: frozenset({State.ACCEPTED, *_OUTCOMES}),
    State.ACCEPTED: frozenset({State.ACCEPTED, *_OUTCOMES}),
    State.WORKING: _OUTCOMES,
    State.FILLED: frozenset({State.FILLED}),
    State.CANCELLED: frozenset({State.CANCELLED}),
    State.EXPIRED: frozenset({State.EXPIRED}),
    State.REJECTED: frozenset({State.REJECTED}),
}

# Order.ordStatus (openapi.json). A status that is not here, `Unknown` among them, says nothing.
STATE_OF_STATUS: Final[Mapping[str, State]] = {
    "PendingNew": State.ACCEPTED,
    "Working": State.WORKING,
    "PendingCancel": State.WORKING,
    "PendingReplace": State.WORKING,
    "Suspended": State.WORKING,
    "Filled": State.FILLED,
    "Completed": State.FILLED,
    "Canceled": State.CANCELLED,
    "Expired": State.EXPIRED,
    "Rejected": State.REJECTED,
}


def after_report(current: State, status: str) -> State:
    """The state after the broker's report of an order's status: a late or repeated report leaves it as it is."""
    reported = STATE_OF_STATUS.get(status)
    return reported if reported is not None and reported in ALLOWED[current] else current
