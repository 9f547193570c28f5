"""The socket's text frames, as pure functions: requests out, opened/heartbeat/closed/messages in.

Server frames are `o`, `h`, `a[...]` and `c[code,"reason"]`; a client request is `endpoint\\nid\\nquery\\nbody`
(official WebSockets guide, Server Frames and Client Requests). A message is a response (`i`, `s`, `d`) or an event
(`e`, `d`). Whatever is valid JSON is decoded into something; only garbage raises.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec

from .entities import ChartPacket, Dom, Entity, Histogram, Quote, SyncSnapshot, UnknownEntity
from .entities.codec import Undecodable, decode_entity, decode_plain, encode
from .entities.codec import decode as decode_json
from .errors import BadReply

T = TypeVar("T")

HEARTBEAT = "[]"


class Opened(msgspec.Struct, frozen=True):
    """`o`: the server is there; authorize now."""


class Heartbeat(msgspec.Struct, frozen=True):
    """`h`: the server is alive and has nothing to say."""


class Closed(msgspec.Struct, frozen=True):
    """`c[code,"reason"]`: the server is about to close."""

    code: int
    reason: str = ""


class Response(msgspec.Struct, frozen=True):
    """The answer to request `id`; `status` is an HTTP status, `body` the JSON of `d` (empty when there is none)."""

    id: int
    status: int
    body: bytes = b""


class PropsEvent(msgspec.Struct, frozen=True):
    """Entities of one type were created, updated or deleted."""

    entity_type: str
    event_type: str
    entities: tuple[Entity | UnknownEntity, ...]


class MarketEvent(msgspec.Struct, frozen=True):
    """New quotes, books or histograms (event `md`)."""

    quotes: tuple[Quote, ...] = ()
    doms: tuple[Dom, ...] = ()
    histograms: tuple[Histogram, ...] = ()


class ChartsEvent(msgspec.Struct, frozen=True):
    """New parts of charts (event `chart`)."""

    charts: tuple[ChartPacket, ...]


class ShutdownEvent(msgspec.Struct, frozen=True):
    """Tradovate is about to close this socket; `reason_code` is a ShutdownReason or newer word."""

    reason_code: str
    reason: str = ""


class ClockEvent(msgspec.Struct, frozen=True):
    """Time in a replay session; `speed` is in percent, 0 when paused."""

    timestamp: dt.datetime
    speed: int

    @property
    def is_paused(self) -> bool:
        """Whether the replay stands still: asked for, or by Tradovate after a long time."""
        return self.speed == 0


class UnknownEvent(msgspec.Struct, frozen=True):
    """An event that has no type here; `data` is the decoded JSON of `d`, or of the whole message without `e`."""

    kind: str
    data: Any = None


class SnapshotPart(msgspec.Struct, frozen=True):
    """A part of a split sync reply that came after the others had gone quiet; the user socket makes these."""

    snapshot: SyncSnapshot


Event = PropsEvent | MarketEvent | ChartsEvent | ShutdownEvent | ClockEvent | SnapshotPart | UnknownEvent
Frame = Opened | Heartbeat | Closed | list[Response | Event]


def encode_request(
    endpoint: str, request_id: int, query: Mapping[str, object] | None = None, body: object = None
) -> str:
    """Return the frame of a request.

    `endpoint` ("order/placeorder") is lower-cased, because the market data router refuses capitals. `query` values
    that are lists become comma-separated. `body` is a struct or mapping (sent as JSON), a `str` (sent as it is: the
    token of `authorize`) or None. Raises ValueError when the endpoint is not a single line.
    """
    if not endpoint or "\n" in endpoint:
        raise ValueError("An endpoint is one line of text.")
    text = body if isinstance(body, str) else "" if body is None else encode(body).decode()
    return f"{endpoint.lower()}\n{request_id}\n{encode_query(query)}\n{text}"


def encode_query(query: Mapping[str, object] | None) -> str:
    """Return a query string as REST and sockets want it: lists comma-separated, commas left readable, None left out."""
    flat = {key: _query_text(value) for key, value in (query or {}).items() if value is not None}
    return urlencode(flat, safe=",")


def _query_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(_query_text, value)) if isinstance(value, list | tuple) else str(value)


def decode(frame: str | bytes) -> Frame:
    """Return what a server frame says. Raises BadReply when it is no frame of this protocol."""
    data = _as_bytes(frame)
    kind, payload = data[:1], data[1:]
    if kind == b"a":
        try:
            return _messages(payload)
        except Undecodable as error:
            raise BadReply(f"Tradovate sent a frame that cannot be read: {error}.") from None
    if kind == b"h" and not payload.strip():
        return Heartbeat()
    if kind == b"o" and not payload.strip():
        return Opened()
    if kind == b"c":
        return _closed(payload)
    raise BadReply("Tradovate sent a frame of a kind that is not known.")


class _Message(msgspec.Struct):
    """Either kind of message, with its payload left as JSON."""

    i: int | None = None
    s: int | None = None
    e: str | None = None
    d: msgspec.Raw = msgspec.Raw()


class _Props(msgspec.Struct, rename="camel"):
    entity_type: str
    event_type: str = ""
    entity: msgspec.Raw = msgspec.Raw()


class _Market(msgspec.Struct):
    quotes: list[msgspec.Raw] | None = None
    doms: list[msgspec.Raw] | None = None
    histograms: list[msgspec.Raw] | None = None


class _Charts(msgspec.Struct):
    charts: list[msgspec.Raw]


class _Clock(msgspec.Struct):
    t: str
    s: int = 0


class _Shutdown(msgspec.Struct, rename="camel"):
    reason_code: str = ""
    reason: str | None = None


# Made once: an alias that is made anew costs more than to decode a short frame.
_MESSAGES = list[_Message]
_RAWS = list[msgspec.Raw]


def _as_bytes(frame: str | bytes) -> bytes:
    try:
        return frame.encode() if isinstance(frame, str) else frame
    except UnicodeError:
        raise BadReply("Tradovate sent a frame that is not text.") from None


def _closed(payload: bytes) -> Closed:
    try:
        value = decode_plain(payload) if payload.strip() else []
    except Undecodable:
        value = []
    parts = value if isinstance(value, list) else []
    code = parts[0] if parts and isinstance(parts[0], int) else 1000
    return Closed(code, str(parts[1]) if len(parts) > 1 else "")


def _messages(payload: bytes) -> list[Response | Event]:
    try:
        return [_message(message) for message in decode_json(payload, _MESSAGES)]
    except Undecodable:
        # Garbage, or one message whose fields are not what we expect: look at each by itself.
        return [_odd_message(bytes(raw)) for raw in decode_json(payload, _RAWS)]


def _odd_message(raw: bytes) -> Response | Event:
    try:
        return _message(decode_json(raw, _Message))
    except Undecodable:
        return UnknownEvent("", _plain(raw))


def _message(message: _Message) -> Response | Event:
    body = bytes(message.d)
    if message.e is None:
        if message.i is None:
            return UnknownEvent("", _plain(body))
        return Response(message.i, 200 if message.s is None else message.s, body)
    reader = _READERS.get(message.e)
    if reader is not None:
        try:
            return reader(body)
        except Undecodable:
            return UnknownEvent(message.e, _plain(body))
    return UnknownEvent(message.e, _plain(body))


def _props(body: bytes) -> Event:
    props = decode_json(body, _Props)
    raw = bytes(props.entity)
    if raw.startswith(b"["):
        items = decode_json(raw, _RAWS)
        entities = tuple([decode_entity(props.entity_type, bytes(item)) for item in items])
    else:
        entities = (decode_entity(props.entity_type, raw),) if raw else ()
    return PropsEvent(props.entity_type, props.event_type, entities)


def _market(body: bytes) -> Event:
    market = decode_json(body, _Market)
    if market.quotes is None and market.doms is None and market.histograms is None:
        return UnknownEvent("md", _plain(body))
    return MarketEvent(
        _readable(market.quotes or [], Quote),
        _readable(market.doms or [], Dom),
        _readable(market.histograms or [], Histogram),
    )


def _charts(body: bytes) -> Event:
    return ChartsEvent(_readable(decode_json(body, _Charts).charts, ChartPacket))


def _readable(items: list[msgspec.Raw], kind: type[T]) -> tuple[T, ...]:
    """Return what can be read; the rest is left out, since the next one of its contract replaces it anyway."""
    found = []
    for raw in items:
        with contextlib.suppress(Undecodable):
            found.append(decode_json(bytes(raw), kind))
    return tuple(found)


def _shutdown(body: bytes) -> Event:
    shutdown = decode_json(body, _Shutdown)
    return ShutdownEvent(shutdown.reason_code, shutdown.reason or "")


def _clock(body: bytes) -> Event:
    # The clock's `d` is a string that holds JSON (official WebSockets guide, Market Replay); take an object too.
    inner = decode_json(body, str) if body.startswith(b'"') else body
    clock = decode_json(inner, _Clock)
    moment = decode_json(encode(clock.t), dt.datetime)
    return ClockEvent(moment, clock.s)


_READERS = {"props": _props, "md": _market, "chart": _charts, "shutdown": _shutdown, "clock": _clock}


def _plain(raw: bytes) -> Any:
    return decode_plain(raw) if raw.strip() else None
