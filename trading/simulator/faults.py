"""Faults on demand: how they are asked for, and those that are armed.

A route is an operation's name in lower case, such as `order/placeorder`, or a pattern such as `order/*`. `websocket` is
the opening of a socket and `authorize` its sign-in: those two only meet faults that name them.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

import msgspec

from .fault_kinds import KINDS, OPENING, Effect, FaultKind, Front

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
        allowed = {"kind", "user", "times", "probability", "seed", *kind.options}
        if kind.fronts & (OPENING | Front.MODIFY):
            allowed.add("route")
        if kind.fronts & Front.EVENT:
            allowed.add("entity")
        given = {name for name in self.__struct_fields__ if getattr(self, name) is not None}
        if excess := sorted(given - allowed):
            known = ", ".join(sorted(allowed - {"kind"}))
            raise ValueError(f"The fault {kind.name} has no option {', '.join(excess)}. It has: {known}.")
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
    if request.at_once:
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
    reason: str = "Maintenance"
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
            reason=asked.reason or "Maintenance",
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
