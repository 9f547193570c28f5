"""The text frames of Tradovate's WebSocket (official WebSockets guide, Server Frames and Client Requests). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from .calls import Rejected, read_object
from .entities import encode
from .params import gathered
from .store import Event

OPEN = "o"
HEARTBEAT = "h"
CLIENT_HEARTBEAT = "[]"


class GarbageError(ValueError):
    """A client frame that is neither a heartbeat nor a request."""


@dataclass(frozen=True)
class ClientRequest:
    """A request frame: `endpoint`, `id`, `query` and `body`, each a line; the body may have more lines."""

    endpoint: str
    id: int
    query: str
    body: str

    def params(self) -> dict[str, Any]:
        """Query and body together. Raises Rejected (400) for a body that is no JSON object."""
        params = gathered(parse_qsl(self.query, keep_blank_values=True))
        return params if self.body in ("", "null") else params | read_object(self.body)

    def token(self) -> str:
        """The body of an authorize request, plain or JSON-quoted."""
        text = self.body
        return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text


def parse(text: str) -> ClientRequest:
    """Read a request frame. Only the first three newlines separate; missing fields and the literal `undefined`
    count as empty. Raises GarbageError."""
    parts = text.split("\n", 3)
    endpoint = parts[0].strip()
    number = parts[1].strip() if len(parts) > 1 else ""
    if not endpoint or any(character.isspace() for character in endpoint) or not number.isdecimal():
        raise GarbageError("Not a request: the first line is the endpoint, the second its number.")
    rest = ["" if part.strip() == "undefined" else part.strip() for part in parts[2:]]
    rest += [""] * (2 - len(rest))
    return ClientRequest(endpoint, int(number[:18]), rest[0], rest[1])


def batch(messages: Iterable[bytes]) -> str:
    """An `a` frame of encoded messages."""
    return "a[" + b",".join(messages).decode() + "]"


def ok(request_id: int, value: Any = None) -> str:
    """A reply with status 200; without `d` when there is no value."""
    return batch([encode({"s": 200, "i": request_id} if value is None else {"s": 200, "i": request_id, "d": value})])


def error(request_id: int, rejected: Rejected) -> str:
    """A reply with another status: `d` is a string."""
    return batch([encode({"s": rejected.status, "i": request_id, "d": rejected.text})])


def props(event: Event) -> bytes:
    """A `props` event."""
    detail = {"entityType": event.entity_type, "eventType": event.event_type, "entity": event.entity}
    return encode({"e": "props", "d": detail})


def shutdown(reason_code: str, reason: str) -> str:
    """The notice before the server closes a socket."""
    return batch([encode({"e": "shutdown", "d": {"reasonCode": reason_code, "reason": reason}})])
