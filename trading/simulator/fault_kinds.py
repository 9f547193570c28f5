"""The table of faults: what can go wrong, where, and whether the request is carried out before it shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, Flag, auto


class Front(Flag):
    """Where something passes that a fault can meet."""

    REST = auto()
    """An HTTP request of an operation, the exchange of OAuth codes and the TradingView-style dialect included."""
    UPGRADE = auto()
    """The opening of a WebSocket."""
    SOCKET = auto()
    """A request on a WebSocket."""
    MODIFY = auto()
    """A modification that was accepted."""
    EVENT = auto()
    """A `props` event on its way to the sockets."""
    USER = auto()
    """Nothing passes: it happens at once to what a user has open. Armed, it happens to whose request passes."""


class Effect(Enum):
    """What a fault does."""

    RESET = auto()
    NO_REPLY = auto()
    STATUS = auto()
    WAIT = auto()
    PENALTY = auto()
    GARBAGE = auto()
    PARTIAL = auto()
    MOVED = auto()
    BYE = auto()
    EVICT = auto()
    HALF_OPEN = auto()
    NO_HEARTBEAT = auto()
    KICK = auto()
    SHUTDOWN = auto()
    EXPIRE = auto()
    IGNORE = auto()
    DELAY = auto()
    DUPLICATE = auto()
    BATCH = auto()
    ARRAY = auto()
    UNKNOWN = auto()
    REORDER = auto()


@dataclass(frozen=True)
class FaultKind:
    """A row of the table. `carried_out`: the request has its effect before the fault shows. `options` are those that
    it takes besides the ones that say when it strikes."""

    name: str
    effect: Effect
    fronts: Front
    summary: str
    carried_out: bool = False
    status: int = 200
    text: str = ""
    options: frozenset[str] = frozenset()


REQUEST = Front.REST | Front.SOCKET
OPENING = REQUEST | Front.UPGRADE
OF_USERS = frozenset({Effect.EVICT, Effect.KICK, Effect.SHUTDOWN, Effect.EXPIRE})
"""What happens to a user, whichever of the user's requests meets it."""
STATUS_TEXTS = {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}


def _server_errors() -> Iterable[FaultKind]:
    for status, text in STATUS_TEXTS.items():
        before = f"Status {status}; nothing is carried out."
        yield FaultKind(f"error_{status}", Effect.STATUS, OPENING, before, status=status, text=text)
        after = f"The request is carried out and status {status} answers."
        name = f"error_{status}_after"
        yield FaultKind(name, Effect.STATUS, REQUEST, after, carried_out=True, status=status, text=text)


KINDS: Mapping[str, FaultKind] = {
    kind.name: kind
    for kind in (
        FaultKind(
            "lose_reply",
            Effect.RESET,
            REQUEST,
            "The request is carried out, then the connection is reset without an answer.",
            carried_out=True,
        ),
        FaultKind("reset_before", Effect.RESET, OPENING, "The connection is reset and nothing is carried out."),
        FaultKind(
            "no_reply",
            Effect.NO_REPLY,
            REQUEST,
            "The request is carried out, the connection stays open, and no answer ever comes.",
            carried_out=True,
        ),
        *_server_errors(),
        FaultKind(
            "slow",
            Effect.WAIT,
            REQUEST,
            "The request is carried out at once and its answer waits for `seconds`.",
            carried_out=True,
            options=frozenset({"seconds"}),
        ),
        FaultKind(
            "slow_before",
            Effect.WAIT,
            OPENING,
            "The request waits for `seconds` before it is carried out.",
            options=frozenset({"seconds"}),
        ),
        FaultKind("rate_limit", Effect.STATUS, OPENING, "Status 429 with an empty body.", status=429),
        FaultKind(
            "penalty",
            Effect.PENALTY,
            REQUEST,
            "A penalty ticket of `seconds` answers, with `captcha` when asked; nothing is carried out.",
            options=frozenset({"seconds", "captcha"}),
        ),
        FaultKind(
            "expire_token",
            Effect.STATUS,
            REQUEST,
            "The request's token is refused as if it had expired; later requests may use it again.",
            status=401,
            text="Access is denied",
        ),
        FaultKind(
            "garbage",
            Effect.GARBAGE,
            REQUEST,
            "The request is carried out and the answer is no JSON.",
            carried_out=True,
        ),
        FaultKind(
            "partial_body",
            Effect.PARTIAL,
            REQUEST,
            "The request is carried out, then the connection ends in the middle of the answer.",
            carried_out=True,
        ),
        FaultKind(
            "host_moved",
            Effect.MOVED,
            Front.REST | Front.UPGRADE,
            "Status 307 with a Location on the host `to`; 421 for the opening of a socket. Nothing is carried out.",
            options=frozenset({"to"}),
        ),
        FaultKind(
            "bye",
            Effect.BYE,
            Front.SOCKET | Front.UPGRADE | Front.USER,
            'The socket is closed with code 1000 "Bye".',
        ),
        FaultKind("kick", Effect.KICK, REQUEST | Front.USER, "The user's sockets are reset without a close frame."),
        FaultKind(
            "evict",
            Effect.EVICT,
            REQUEST | Front.USER,
            "The session ends as if another login took its place: a shutdown event, then its tokens are refused.",
        ),
        FaultKind(
            "half_open",
            Effect.HALF_OPEN,
            Front.SOCKET | Front.UPGRADE | Front.USER,
            "The socket neither sends nor reads any more while its connection stays open.",
        ),
        FaultKind(
            "no_heartbeat",
            Effect.NO_HEARTBEAT,
            Front.SOCKET | Front.UPGRADE | Front.USER,
            "The socket answers and sends events, but no heartbeat any more.",
            carried_out=True,
        ),
        FaultKind(
            "shutdown",
            Effect.SHUTDOWN,
            REQUEST | Front.USER,
            "The user's sockets get a shutdown event with `reason` and are closed; the session lives on.",
            options=frozenset({"reason"}),
        ),
        FaultKind("expire_tokens", Effect.EXPIRE, REQUEST | Front.USER, "All access tokens of the user expire now."),
        FaultKind("modify_ignored", Effect.IGNORE, Front.MODIFY, "A modification is accepted and changes nothing."),
        FaultKind(
            "modify_pending",
            Effect.DELAY,
            Front.MODIFY,
            "A modification is accepted and its version is there; its risk check and the exchange take `seconds`.",
            options=frozenset({"seconds"}),
        ),
        FaultKind("duplicate_events", Effect.DUPLICATE, Front.EVENT, "An event is sent twice."),
        FaultKind(
            "batch_events",
            Effect.BATCH,
            Front.EVENT,
            "Events wait for each other, at most `seconds`, and travel in one frame.",
            options=frozenset({"seconds"}),
        ),
        FaultKind("array_entities", Effect.ARRAY, Front.EVENT, "`entity` is an array; neighbours of a type share one."),
        FaultKind("unknown_entities", Effect.UNKNOWN, Front.EVENT, "An event of a type that nobody knows goes before."),
        FaultKind("reorder_events", Effect.REORDER, Front.EVENT, "Events of a frame lose their order across types."),
    )
}
"""Everything that can go wrong, by its name."""
