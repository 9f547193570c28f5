"""What was asked of Tradovate, in words for its trader and for support. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LABELS = {
    "action": "Side",
    "order_qty": "Quantity",
    "order_type": "Type",
    "max_show": "Shown",
    "expire_time": "Good till",
    "peg_difference": "Trail by",
    "profit_target": "Target",
    "stop_loss": "Stop",
    "other": "OCO",
    "triggers": "Exit",
    "brackets": "Bracket",
    "becomes": "Becomes",
}
_HIDDEN = frozenset({"account_id", "is_automated"})


def in_words(spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A wish as an intent keeps it, as label and text; what was left out is not listed."""
    listed = []
    for name, value in spec.items():
        if name in _HIDDEN or value in (None, "", [], False):
            continue
        for part, text in _flat(name, value):
            listed.append((part, text))
    return listed


def _flat(field: str, value: Any) -> list[tuple[str, str]]:
    name = _LABELS.get(field, field.replace("_", " ").capitalize())
    if isinstance(value, dict):
        if set(value) == {"amount", "unit"}:
            return [(name, f"{value['amount']} {value['unit']}")]
        inner = [
            (part, text)
            for key, one in value.items()
            if one not in (None, "", [], False)
            for part, text in _flat(key, one)
        ]
        return [(f"{name}: {part}", text) for part, text in inner]
    if isinstance(value, list):
        return [
            pair
            for number, one in enumerate(value, 1)
            for pair in _flat(f"{name} {number}" if value[1:] else name, one)
        ]
    return [(name, "yes" if value is True else str(value))]
