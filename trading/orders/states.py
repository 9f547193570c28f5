"""The life of an intent, as data: which state may follow which, and what Tradovate's order statuses mean in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trading.models import OrderIntent

State = OrderIntent.State
Kind = OrderIntent.Kind
Table = Mapping[State, frozenset[State]]

# How orders end, and how commands about them do.
ENDS: Final = frozenset({State.FILLED, State.CANCELLED, State.EXPIRED, State.REJECTED})
TERMINAL: Final = ENDS | {State.DONE, State.INEFFECTIVE}
# Nobody can say yet whether the broker has the order.
UNANSWERED: Final = frozenset({State.SUBMITTING, State.UNKNOWN})
# What a command at the broker may turn out to be: also what a look did not find and is now to be sent again, or what a
# database restored from a backup takes for not sent.
NAMEABLE: Final = frozenset({State.CREATED, *UNANSWERED, State.ABSENT})
_OUTCOMES: Final = frozenset({State.WORKING, *ENDS})
_ANSWERS: Final = frozenset({State.DONE, State.INEFFECTIVE, State.REJECTED})

# A state that may follow itself takes news (a partial fill, a late fill of a cancelled order) without moving.
# `submitting` goes back to `created` in one case only: it is certain that the broker did not take the order.
ALLOWED: Final[Table] = {
    State.CREATED: frozenset({State.SUBMITTING, State.ACCEPTED, State.CANCELLED}),
    State.SUBMITTING: frozenset({State.CREATED, State.UNKNOWN, State.ACCEPTED, *_OUTCOMES}),
    State.UNKNOWN: frozenset({State.ABSENT, State.ACCEPTED, *_OUTCOMES}),
    # Only its owner may want it to be sent once more.
    State.ABSENT: frozenset({State.CREATED, State.ACCEPTED, *_OUTCOMES}),
    State.ACCEPTED: frozenset({State.ACCEPTED, *_OUTCOMES}),
    State.WORKING: _OUTCOMES,
    State.FILLED: frozenset({State.FILLED}),
    State.CANCELLED: frozenset({State.CANCELLED}),
    State.EXPIRED: frozenset({State.EXPIRED}),
    State.REJECTED: frozenset({State.REJECTED}),
}
# A command about an order: `accepted` says nothing yet about the order, `done` that it took effect.
ALLOWED_OF_COMMANDS: Final[Table] = {
    State.CREATED: frozenset({State.SUBMITTING, State.ACCEPTED, State.CANCELLED}),
    State.SUBMITTING: frozenset({State.CREATED, State.UNKNOWN, State.ACCEPTED, State.CANCELLED, *_ANSWERS}),
    State.UNKNOWN: frozenset({State.ABSENT, State.ACCEPTED, State.CANCELLED, *_ANSWERS}),
    State.ABSENT: frozenset({State.CREATED, State.ACCEPTED, State.CANCELLED, *_ANSWERS}),
    State.ACCEPTED: frozenset({State.ACCEPTED, *_ANSWERS}),
    State.DONE: frozenset(),
    State.INEFFECTIVE: frozenset(),
    State.CANCELLED: frozenset(),
    State.REJECTED: frozenset(),
}
# What became of a change is read off its order where the broker has not said it: its answer counts however late it is.
ALLOWED_OF_CHANGES: Final[Table] = {
    **ALLOWED_OF_COMMANDS,
    State.DONE: frozenset({State.REJECTED}),
    State.INEFFECTIVE: frozenset({State.DONE, State.REJECTED}),
}
# A position's closing is followed as the order that Tradovate makes of it; `done` when there was nothing to close.
ALLOWED_OF_LIQUIDATIONS: Final[Table] = {
    **ALLOWED,
    **{state: ALLOWED[state] | {State.DONE} for state in (*UNANSWERED, State.ABSENT, State.ACCEPTED)},
    State.DONE: frozenset(),
}


def allowed(kind: str) -> Table:
    """Which state may follow which, for intents of a kind."""
    tables = {
        Kind.MODIFY: ALLOWED_OF_CHANGES,
        Kind.CANCEL: ALLOWED_OF_COMMANDS,
        Kind.LIQUIDATE: ALLOWED_OF_LIQUIDATIONS,
    }
    return tables.get(Kind(kind), ALLOWED)


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


def after_report(current: State, status: str, *, all_filled: bool) -> State:
    """The state after the broker's report of an order's status: a late or repeated report leaves it as it is.

    `all_filled` says whether fills for the whole quantity are known. Raises nothing for a status that is new.
    """
    # `Completed` does not say how the order ended: it counts once all its fills are here.
    reported = None if status == "Completed" and not all_filled else STATE_OF_STATUS.get(status)
    # What was not sent yet cannot have been reported.
    if reported is None or current is State.CREATED or reported not in ALLOWED[current]:
        return current
    return reported


def decisions(intent: OrderIntent) -> str:
    """What its trader may decide about an intent that Tradovate never got: "again" (to send it), "give-up", both or "".

    A leg of what arrived without it, and a line that its file went on without, are not sent alone; about any other leg
    it is decided with its lead, about any other line with its file.
    """
    if intent.state != State.ABSENT:
        return ""
    if intent.lead is not None:
        return "" if intent.lead.state in NAMEABLE else "give-up"
    line = getattr(intent, "line", None)
    if line is not None:
        return "give-up" if line.is_left_behind else ""
    return "again give-up"
