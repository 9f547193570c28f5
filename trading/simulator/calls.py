"""One operation asked by one user: what REST and WebSocket hand to the table of operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from .papers import Sender
from .params import from_text, read_json, read_struct
from .sessions import Session

if TYPE_CHECKING:
    from .config import Trader
    from .market_data import Subscriber
    from .simulation import Simulation

S = TypeVar("S")


class Rejected(Exception):
    """The request gets another status than 200 and a text (official texts, "Error Handling")."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass
class Call:
    """A request. `params` holds query and body together; `host` is the name by which the client came in,
    `peer` the address that it came from, `subscriber` the socket, when it came over one."""

    simulation: Simulation
    params: dict[str, Any]
    host: str
    session: Session | None = None
    peer: str = ""
    subscriber: Subscriber | None = None

    @property
    def user_id(self) -> int:
        """Who asks. Raises Rejected for a stranger."""
        return self.known_session.user_id

    @property
    def known_session(self) -> Session:
        """The session that asks. Raises Rejected for a stranger."""
        if self.session is None:
            raise Rejected(401, "Access is denied")
        return self.session

    @property
    def trader(self) -> Trader:
        """Who asks, with name and e-mail address. Raises Rejected for a stranger."""
        return self.simulation.people.traders[self.user_id]

    @property
    def sender(self) -> Sender:
        """Who asks, as commands record it."""
        user_id = self.user_id
        return Sender(user_id, self.session.id if self.session else None)

    def read(self, shape: type[S], *, any_price: bool = False) -> S:
        """The parameters as a struct. Raises Rejected (400) that names the field which does not fit; with `any_price`,
        not for a decimal that is no price."""
        return convert(self.params, shape, any_price=any_price)

    def value(self, name: str) -> Any:
        """A parameter, whatever the case of its name; None when it is missing."""
        if name in self.params:
            return self.params[name]
        wanted = name.lower()
        return next((value for known, value in self.params.items() if known.lower() == wanted), None)

    def text(self, name: str) -> str:
        """A parameter that must be there. Raises Rejected (400)."""
        value = self.value(name)
        if value is None or value == "":
            raise Rejected(400, f"Missing parameter: {name}")
        return str(value)

    def number(self, name: str) -> int:
        """A parameter that must be an integer. Raises Rejected (400)."""
        try:
            return int(self.text(name))
        except ValueError:
            raise Rejected(400, f"Invalid parameter: {name}") from None

    def numbers(self, name: str) -> list[int]:
        """A parameter that is a comma-separated list of integers, or a JSON array. Raises Rejected (400)."""
        value = self.value(name)
        parts = value if isinstance(value, list) else from_text(self.text(name), as_list=True)
        try:
            return [int(part) for part in parts]
        except (TypeError, ValueError):
            raise Rejected(400, f"Invalid parameter: {name}") from None


def convert(params: dict[str, Any], shape: type[S], *, any_price: bool = False) -> S:
    """Parameters in the wire's names as a struct. Raises Rejected (400) that names what does not fit."""
    try:
        return read_struct(params, shape, any_price=any_price)
    except ValueError as error:
        raise Rejected(400, str(error)) from None


def read_object(body: bytes | str) -> dict[str, Any]:
    """A JSON object. Raises Rejected (400)."""
    try:
        read: dict[str, Any] = read_json(body, dict[str, Any])
    except ValueError:
        raise Rejected(400, "Invalid JSON: the body must be an object") from None
    return read


Handler = Callable[[Call], Any]
"""Carries out one operation and returns its reply, ready to be encoded. Raises Rejected."""
