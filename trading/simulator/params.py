"""Parameters as they come over the wire, read into structs: strings for numbers, lists with commas, JSON in a query.

Pure. Numbers are kept to what the document's formats can hold: int64, and doubles of some use as money or prices.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

S = TypeVar("S")
INT64 = 2**63 - 1
MOST = Decimal(10) ** 15
MOST_DECIMALS = 12
MOST_LEVELS = 32


def read_struct(params: Mapping[str, Any], shape: type[S], *, any_price: bool = False) -> S:
    """The parameters as a struct. A list may be text with commas between, a list or an object may be JSON text.
    Raises ValueError that names what does not fit; with `any_price`, decimals are left to whoever asked."""
    lists, objects = _shaped(shape)  # type: ignore[arg-type]  # mypy does not see that a class is hashable
    loose = dict(params)
    for name in (lists | objects) & loose.keys():
        loose[name] = from_text(loose[name], as_list=name in lists)
    try:
        value = msgspec.convert(loose, shape, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"Invalid request: {error}") from None
    for number in _numbers(value):
        if isinstance(number, int):
            if abs(number) > INT64:
                raise ValueError("Invalid request: a number is too large")
        elif not any_price and not _is_money(number):
            raise ValueError(f"Invalid request: {str(number)[:40]} is no price and no amount of money")
    return value


def read_json(text: bytes | str, shape: Any = Any) -> Any:
    """A JSON text, nested no deeper than requests are: what comes in can be encoded again. Raises ValueError."""
    try:
        value = msgspec.json.decode(text, type=shape)
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [one for outer in level for one in _inner(outer)]
        if not level:
            return value
    raise ValueError("JSON is nested too deeply")


def _inner(value: Any) -> Iterable[Any]:
    """What a list or an object holds that may itself hold something."""
    held = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [one for one in held if isinstance(one, dict | list)]


def gathered(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """A query's or form's pairs as parameters; a name that comes more than once becomes a list."""
    params: dict[str, Any] = {}
    for name, value in pairs:
        if name not in params:
            params[name] = value
        elif isinstance(params[name], list):
            params[name].append(value)
        else:
            params[name] = [params[name], value]
    return params


def _is_money(number: Decimal) -> bool:
    return number.is_finite() and number.copy_abs() <= MOST and -int(number.as_tuple().exponent) <= MOST_DECIMALS


def from_text(value: Any, *, as_list: bool) -> Any:
    """A list or an object out of text: JSON, or for a list text with commas between. Anything else stays as it is."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text[:1] in ("[", "{"):
        try:
            return read_json(text)
        except ValueError:
            return value
    return [part.strip() for part in text.split(",")] if as_list and text else value


@lru_cache(maxsize=256)
def _shaped(shape: Any) -> tuple[frozenset[str], frozenset[str]]:
    """The names of a struct's fields that are lists, and of those that are structs."""
    info = inspect.type_info(shape)
    lists, objects = set(), set()
    if isinstance(info, inspect.StructType):
        for field in info.fields:
            types = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
            if any(isinstance(one, inspect.ListType) for one in types):
                lists.add(field.encode_name)
            elif any(isinstance(one, inspect.StructType | inspect.DictType) for one in types):
                objects.add(field.encode_name)
    return frozenset(lists), frozenset(objects)


def _numbers(value: Any) -> Iterator[int | Decimal]:
    if isinstance(value, int | Decimal):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _numbers(one)
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _numbers(getattr(value, name))
