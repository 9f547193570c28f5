"""What all requests share: the documented bounds, checked when a request is made rather than by the server.

Bounds are written as msgspec Meta (openapi.json, minimum and maxLength of the fields). Only what we send is held to
them: what the server sends is taken as it comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta

from .base import Wire

Id = Annotated[int, Meta(gt=0)]
Positive = Annotated[int, Meta(gt=0)]
NotNegative = Annotated[int, Meta(ge=0)]
SubscriptionYear = Annotated[int, Meta(ge=2015, le=2030)]
Month = Annotated[int, Meta(ge=1, le=12)]
ReplaySpeed = Annotated[int, Meta(ge=0, le=400)]
Text64 = Annotated[str, Meta(max_length=64)]
Text8192 = Annotated[str, Meta(max_length=8192)]


def yes() -> bool:
    """As a default factory, so that omit_defaults does not leave the field out."""
    return True


def no() -> bool:
    """As `yes`, for False."""
    return False


class Request(Wire, frozen=True, kw_only=True, omit_defaults=True):
    """A request body; optional fields that are None are left out. Raises ValueError for what is out of bounds."""

    def __post_init__(self) -> None:
        for name, on_the_wire, bound in bounds(type(self)):
            value = getattr(self, name)
            if value is not None and (problem := problem_with(value, bound)):
                raise ValueError(f"{on_the_wire} {problem}.")


@cache
def bounds(kind: type[msgspec.Struct]) -> tuple[tuple[str, str, Meta], ...]:
    """Return the attribute, the name on the wire and the bound of each bounded field of a struct."""
    fields = msgspec.structs.fields(kind)
    return tuple((info.name, info.encode_name, meta) for info in fields for meta in _metas(info.type))


def _metas(kind: Any) -> Iterator[Meta]:
    for argument in (*get_args(kind), *getattr(kind, "__metadata__", ())):
        if isinstance(argument, Meta):
            if argument.tz is None:
                yield argument
        elif getattr(argument, "__metadata__", None):
            yield from _metas(argument)


def bound_of(kind: Any) -> Meta:
    """Return the bound of a type such as `Month`."""
    (bound,) = (meta for meta in kind.__metadata__ if isinstance(meta, Meta))
    return bound


def problem_with(value: Any, bound: Meta) -> str | None:
    """Return what is wrong with a value, to be read after its field's name, or None."""
    if isinstance(value, str | list):
        things = "characters" if isinstance(value, str) else "entries"
        if bound.max_length is not None and len(value) > bound.max_length:
            return f"may have {bound.max_length} {things}, this one has {len(value)}"
        if bound.min_length is not None and len(value) < bound.min_length:
            return f"must have at least {bound.min_length} {things}, this one has {len(value)}"
        return None
    if bound.gt is not None and value <= bound.gt:
        return f"must be more than {bound.gt:g}, not {value}"
    if bound.ge is not None and value < bound.ge:
        return f"must be at least {bound.ge:g}, not {value}"
    if bound.le is not None and value > bound.le:
        return f"may be at most {bound.le:g}, not {value}"
    return None
