"""JSON to structs and back, as forgiving as the wire needs and not more.

Forgiven: unknown fields, numbers written as text, time stamps without seconds or zone, and in a snapshot a single
entity that does not fit. Decimals never pass through a float, in either direction.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, TypeVar, cast

import msgspec

from .base import Entity
from .sync import ENTITY_TYPES, SyncSnapshot, UnknownEntity

T = TypeVar("T")

# "2017-04-13T11:33Z", "2017-04-13T11:33:57.488" and "2017-04-13" are seen; RFC 3339 wants seconds and a zone.
_LOOSE_TIME = re.compile(
    rb'"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:\d{2})?)?"(?=\s*[,}\]])'
)

_encoder = msgspec.json.Encoder(decimal_format="number")
_plain_decoder = msgspec.json.Decoder(float_hook=Decimal)


class Undecodable(ValueError):
    """The bytes are not JSON, or do not fit the type; the text says where and quotes no value."""


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    found = _decoders.get(kind)
    if found is None:
        found = _decoders[kind] = msgspec.json.Decoder(kind, strict=False)
    return found


def encode(value: object) -> bytes:
    """Return `value` as JSON; Decimals become numbers with exactly their digits.

    Raises ValueError when a Decimal is not finite: JSON has no NaN.
    """
    encoded = _encoder.encode(value)
    if b"NaN" in encoded or b"Infinity" in encoded:
        _refuse_non_finite(msgspec.to_builtins(value, builtin_types=(Decimal,)))
    return encoded


def decode(raw: bytes | str, kind: type[T]) -> T:
    """Decode JSON as `kind` (a struct, list[struct] or SyncSnapshot). Raises Undecodable."""
    try:
        return cast(T, _decoder(kind).decode(raw))
    except msgspec.ValidationError as first:
        mended = _with_full_times(raw)
        try:
            return cast(T, _decoder(kind).decode(mended))
        except msgspec.ValidationError as second:
            if kind is SyncSnapshot:
                return cast(T, _piecewise_snapshot(mended))
            raise Undecodable(str(second)) from first
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Undecodable(_why(error)) from None


def decode_plain(raw: bytes | str) -> Any:
    """Decode JSON into dicts and lists, numbers with a point as Decimal. Raises Undecodable."""
    try:
        return _plain_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Undecodable(_why(error)) from None


def decode_entity(entity_type: str, raw: bytes) -> Entity | UnknownEntity:
    """Decode one entity by its type's name ("order"); what has no struct or does not fit is an UnknownEntity."""
    kind = ENTITY_TYPES.get(entity_type)
    problem = ""
    if kind is not None:
        try:
            return decode(raw, kind)
        except Undecodable as error:
            problem = str(error)
    return UnknownEntity(entity_type=entity_type, data=decode_plain(raw), problem=problem)


def _piecewise_snapshot(raw: bytes) -> SyncSnapshot:
    """Decode a snapshot entity by entity, so that one odd entity costs itself and not the whole account."""
    try:
        arrays = _decoder(dict[str, msgspec.Raw]).decode(raw)
    except msgspec.ValidationError as error:
        raise Undecodable(str(error)) from None
    fields: dict[str, list[Any]] = {}
    misfits: list[UnknownEntity] = []
    for info in msgspec.structs.fields(SyncSnapshot):
        if info.name == "misfits" or info.encode_name not in arrays:
            continue
        element = info.type.__args__[0]
        entity_type = element.__name__[0].lower() + element.__name__[1:]
        good: list[Any] = []
        for item in _elements(arrays[info.encode_name]):
            entity = decode_entity(entity_type, item)
            if isinstance(entity, UnknownEntity):
                misfits.append(entity)
            else:
                good.append(entity)
        fields[info.name] = good
    return SyncSnapshot(**fields, misfits=misfits)


def _elements(raw: msgspec.Raw) -> list[bytes]:
    """Return the elements of an array; a lone object counts as one, null as none."""
    text = bytes(raw).strip()
    if text in (b"", b"null"):
        return []
    if text.startswith(b"["):
        return [bytes(item) for item in _decoder(list[msgspec.Raw]).decode(text)]
    return [text]


def _with_full_times(raw: bytes | str) -> bytes:
    data = raw.encode() if isinstance(raw, str) else raw
    return _LOOSE_TIME.sub(_full_time, data)


def _full_time(match: re.Match[bytes]) -> bytes:
    day, minutes, seconds, zone = match.groups()
    return b'"' + day + b"T" + (minutes or b"00:00") + (seconds or b":00") + (zone or b"Z") + b'"'


def _refuse_non_finite(value: Any, where: str = "the request") -> None:
    if isinstance(value, Decimal) and not value.is_finite():
        raise ValueError(f"{where} is not a number that can be sent: {value}.")
    if isinstance(value, dict):
        for key, inner in value.items():
            _refuse_non_finite(inner, str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_non_finite(inner, where)


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "JSON is nested too deeply"
    return str(error) if isinstance(error, msgspec.DecodeError) else "text is not valid UTF-8"
