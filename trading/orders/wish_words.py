"""What was asked of Tradovate, in words for its trader and for support. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trading.orders.prices import plain

_LABELS = {
    "action": "Side",
    "order_qty": "Quantity",
    "symbol": "Symbol",
    "order_type": "Type",
    "price": "Price",
    "stop_price": "Stop price",
    "limit_if_touched_price": "Touch price",
    "peg_difference": "Trail by",
    "profit_target": "Target",
    "stop_loss": "Stop",
    "time_in_force": "Time in force",
    "expire_time": "Good till",
    "max_show": "Shown",
}
_PRICES = frozenset({"price", "stop_price", "limit_if_touched_price"})
_HIDDEN = frozenset({"account_id", "is_automated"})
_HANGING = {"other": "OCO", "triggers": "Exit", "brackets": "Bracket", "becomes": "Becomes"}
_LEFT_OUT: tuple[Any, ...] = (None, "", [], False)


@dataclass(frozen=True)
class Part:
    """One order of a wish, its facts as label and text; `heading` is empty for the order itself."""

    heading: str
    facts: list[tuple[str, str]]


def in_words(spec: Mapping[str, Any], quoted: Callable[[Decimal], str] = plain) -> list[Part]:
    """A wish as an intent keeps it: the order itself, then each that hangs on it, or what it becomes; what was left out
    is not listed. `quoted` writes a price."""
    parts = ((heading, list(_facts(fields, quoted))) for heading, fields in (("", spec), *_hanging(spec)))
    return [Part(heading, facts) for heading, facts in parts if facts]


def _hanging(spec: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, heading in _HANGING.items():
        found = spec.get(name) or []
        several = found if isinstance(found, list) else [found]
        for number, fields in enumerate(several, 1):
            yield f"{heading} {number}" if several[1:] else heading, fields


def _facts(fields: Mapping[str, Any], quoted: Callable[[Decimal], str]) -> Iterator[tuple[str, str]]:
    for name in (*_LABELS, *sorted(fields.keys() - _LABELS.keys() - _HIDDEN - _HANGING.keys())):
        value = fields.get(name)
        if value in _LEFT_OUT:
            continue
        yield _LABELS.get(name, name.replace("_", " ").capitalize()), _text(name, value, quoted)


def _text(name: str, value: Any, quoted: Callable[[Decimal], str]) -> str:
    if isinstance(value, dict):
        return f"{value['amount']} {value['unit']}"
    if name in _PRICES:
        return quoted(Decimal(value))
    return "yes" if value is True else str(value)
