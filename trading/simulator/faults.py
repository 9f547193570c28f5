"""Faults on demand: one table of what can go wrong and where, and the faults that are armed.

A route is an operation's name in lower case, such as `order/placeorder`, or a pattern such as `order/*`. `websocket` is
the opening of a socket and `authorize` its sign-in: those two only meet faults that name them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, Flag, auto
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

import msgspec


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
    """Nothing passes: it happens at once to what a user has open."""


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
    SHUTDOWN = auto()
    EXPIRE = auto()
    IGNORE = auto()
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
        FaultKind("kick", Effect.RESET, Front.USER, "The user's sockets are reset without a close frame."),
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
            Front.USER,
            "The user's sockets get a shutdown event with `reason` and are closed; the session lives on.",
            options=frozenset({"reason"}),
        ),
        FaultKind("expire_tokens", Effect.EXPIRE, Front.USER, "All access tokens of the user expire now."),
        FaultKind("modify_ignored", Effect.IGNORE, Front.MODIFY, "A modification is accepted and changes nothing."),
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

LITERAL_ROUTES = frozenset({"websocket", "authorize"})
_ROUTE = re.compile(r"[a-z0-9*?/{}_-]+")


class FaultRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A fault as it is asked for. `route` (of requests) and `entity` (of events) say where, `user` whose, `times` how
    often, and `probability` with `seed` at which of those that pass. With a probability and no `times` it stays armed
    until it is cleared, else it strikes once. `user` without a route makes the kinds that can do it happen at once."""

    kind: str
    route: str | None = None
    entity: str | None = None
    user: str | None = None
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    probability: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    seed: int | None = None
    seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] | None = None
    captcha: bool | None = None
    to: str | None = None
    reason: Literal["ConnectionQuotaReached", "IPQuotaReached", "Maintenance"] | None = None

    def checked(self) -> FaultKind:
        """The row of the table that is meant. Raises ValueError that says what does not fit."""
        kind = KINDS.get(self.kind)
        if kind is None:
            raise ValueError(f"There is no fault {self.kind!r}. There are: {', '.join(KINDS)}.")
        allowed = {"kind", "user", *kind.options}
        if kind.fronts != Front.USER:
            allowed |= {"times", "probability", "seed"}
        if kind.fronts & OPENING:
            allowed.add("route")
        if kind.fronts & Front.EVENT:
            allowed.add("entity")
        given = {name for name in self.__struct_fields__ if getattr(self, name) is not None}
        if excess := sorted(given - allowed):
            known = ", ".join(sorted(allowed - {"kind"}))
            raise ValueError(f"The fault {kind.name} has no option {', '.join(excess)}. It has: {known}.")
        if kind.fronts == Front.USER and self.user is None:
            raise ValueError(f"The fault {kind.name} needs a user.")
        if self.route is not None and not _ROUTE.fullmatch(_normal(self.route)):
            raise ValueError(f"{self.route!r} is no route, such as order/placeorder, order/* or *.")
        return kind

    @property
    def at_once(self) -> bool:
        """Does it happen now, instead of being armed?"""
        kind = self.checked()
        armed = (self.route, self.times, self.probability, self.seed) != (None, None, None, None)
        return bool(kind.fronts & Front.USER) and self.user is not None and not armed


def read_fault(text: str) -> FaultRequest:
    """A fault as the command line has it: `KIND` or `KIND:option=value,option=value`. Raises ValueError."""
    name, _, rest = text.partition(":")
    asked: dict[str, Any] = {"kind": name.strip()}
    for part in filter(None, (one.strip() for one in rest.split(","))):
        option, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"{part!r} is not option=value.")
        asked[option.strip()] = value.strip()
    try:
        request = msgspec.convert(asked, FaultRequest, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"{text!r}: {error}") from None
    if request.checked().fronts == Front.USER:
        raise ValueError(f"The fault {request.kind} happens to what is open now: use /control/faults.")
    return request


@dataclass
class Fault:
    """An armed fault. `left` strikes are still to come; None for no end. `met` are the strikes so far."""

    kind: FaultKind
    pattern: str = "*"
    user_id: int | None = None
    left: int | None = 1
    probability: float = 1.0
    random: random.Random = field(default_factory=random.Random)
    seconds: float = 1.0
    captcha: bool = False
    to: str | None = None
    met: int = 0

    def matches(self, front: Front, name: str, user_id: int | None) -> bool:
        """Is this where it was armed for?"""
        if not self.kind.fronts & front or (self.user_id is not None and self.user_id != user_id):
            return False
        return self.pattern == name if name in LITERAL_ROUTES else fnmatchcase(name, self.pattern)

    def strikes(self) -> bool:
        """Does it happen this time? Draws once for each time, so that the same seed strikes at the same ones."""
        if self.probability < 1 and self.random.random() >= self.probability:
            return False
        self.met += 1
        if self.left is not None:
            self.left -= 1
        return True


class Faults:
    """The armed faults; the first that was armed strikes first. `seed` is for those that bring none."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._armed: list[Fault] = []

    def arm(self, asked: FaultRequest, user_id: int | None = None) -> Fault:
        """Let a fault happen to what passes from now on, of all users or one. Raises ValueError."""
        kind = asked.checked()
        probability = 1.0 if asked.probability is None else asked.probability
        fault = Fault(
            kind,
            pattern=_normal(asked.route or asked.entity or "*"),
            user_id=user_id,
            left=asked.times if asked.times is not None or asked.probability is not None else 1,
            probability=probability,
            random=random.Random(self._seed if asked.seed is None else asked.seed),
            seconds=1.0 if asked.seconds is None else asked.seconds,
            captcha=bool(asked.captcha),
            to=asked.to,
        )
        self._armed.append(fault)
        return fault

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._armed.clear()

    def armed(self) -> list[Fault]:
        """What is still to happen."""
        return list(self._armed)

    def take(self, front: Front, name: str, user_id: int | None = None, effect: Effect | None = None) -> Fault | None:
        """The fault that meets what passes a front, if any: a request by its route, an event by its entity type.
        `effect` leaves out all others."""
        for fault in self._armed:
            if effect in (None, fault.kind.effect) and fault.matches(front, name.lower(), user_id) and fault.strikes():
                if fault.left == 0:
                    self._armed.remove(fault)
                return fault
        return None

    def expects(self, front: Front) -> bool:
        """Is anything armed there?"""
        return any(fault.kind.fronts & front for fault in self._armed)


def _normal(route: str) -> str:
    return route.strip().strip("/").lower()
