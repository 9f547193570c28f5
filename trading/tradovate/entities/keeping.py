"""A round trip that loses nothing: unknown fields survive, and what nobody changed goes back as it came.

Opt-in, because it decodes everything twice: what only reads uses `codec.decode`, which skips unknown fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec

from .codec import decode, decode_plain, encode

S = TypeVar("S", bound=msgspec.Struct)


class Kept(Generic[S]):
    """A struct and the JSON that it came from. Make one with `decode_keeping`."""

    def __init__(self, value: S, original: Any, known: Any) -> None:
        self.value = value
        self._original = original
        self._known = known

    def __repr__(self) -> str:
        return f"Kept({self.value!r})"

    def replace(self, **changes: Any) -> Kept[S]:
        """Return the same with attributes of the struct changed, as msgspec.structs.replace does."""
        return Kept(msgspec.structs.replace(self.value, **changes), self._original, self._known)

    def encode(self) -> bytes:
        """Return the JSON it came from with the changes that were made since. A change to None becomes null."""
        return encode(_merged(self._original, self._known, _builtins(self.value)))


def decode_keeping(raw: bytes | str, kind: type[S]) -> Kept[S]:
    """Decode JSON as `kind` and keep all the rest of it. Raises Undecodable."""
    value = decode(raw, kind)
    return Kept(value, decode_plain(raw), _builtins(value))


def _builtins(value: msgspec.Struct) -> Any:
    return msgspec.to_builtins(value, builtin_types=(Decimal,), str_keys=True)


def _merged(original: Any, known: Any, now: Any) -> Any:
    """Return `original` where `now` is still as `known` was, and `now` where it differs."""
    if now == known:
        return original
    if isinstance(original, Mapping) and isinstance(known, Mapping) and isinstance(now, Mapping):
        merged = dict(original)
        for key, value in now.items():
            if key not in known or value != known[key]:
                merged[key] = _merged(original.get(key), known.get(key), value)
        # What a change has left out, such as a field that omit_defaults drops, is left out here too.
        return {key: value for key, value in merged.items() if key in now or key not in known}
    if isinstance(original, list) and isinstance(known, list) and len(original) == len(known) == len(now or ()):
        return [_merged(*items) for items in zip(original, known, now, strict=True)]
    return now
