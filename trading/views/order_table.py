"""The table of orders as a trader reads it: who asked for each, and what hangs on what.

Tradovate's orders and this portal's intents are two views of the same thing. Here they are laid over each other; the
page does the same with every frame (portal/static/portal/orders.js), and tests/portal/order_table.json holds both to
one result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from trading.sync.rows import Row

GROUPS: Final = {"working": "Working", "filled": "Filled", "ended": "Rejected and other"}
# Intents that become an order, or may; the others are about one that is there.
_ORDERS: Final = frozenset({"order", "oco", "oso", "bracket", "leg", "liquidate"})
# A change or a cancellation is listed by itself only while somebody has to look at it.
_DOUBTFUL: Final = frozenset({"unknown", "absent"})

# After these a change will not take effect any more, and after this one the order can be replaced
# (trading.orders.replace).
_FAILED: Final = frozenset({"ineffective", "rejected"})
_REPLACEABLE: Final = "ineffective"

# What a row may lack that an older hub wrote.
_PLAIN: Final = {"reason": "", "parent_id": "", "oco_id": "", "strategy_id": "", "source": ""}
GROUP_OF_STATUS: Final = {
    **dict.fromkeys(("Filled", "Completed"), "filled"),
    **dict.fromkeys(("Canceled", "Expired", "Rejected"), "ended"),
}


@dataclass(frozen=True)
class Entry:
    """One line of the table: the row's fields, with `source`, `intent` (its key, or empty), `link` (what it hangs on,
    in a word) and `change` (the id of its newest change, where that was taken, came to nothing and the order can be
    replaced, or empty); `depth` is 1 for what is shown below another one."""

    key: str
    row: Row
    depth: int

    @property
    def group(self) -> str:
        return self.row["group"]


def entries(rows: Mapping[str, Row], intents: Mapping[str, Row]) -> list[Entry]:
    """All lines, newest first, with what hangs on an order right below it."""
    orders = {row["id"]: row for key, row in rows.items() if key.startswith(("order:", "done:"))}
    origins = _Origins(orders, intents)
    lines = {f"order:{number}": _of_order(_PLAIN | row, origins) for number, row in orders.items()}
    for key, intent in intents.items():
        if origins.stands_alone(intent):
            lines[key] = intent | {"intent": key, "link": "", "change": "", "parent_id": "", "oco_id": ""}
    return _as_trees(lines)


def groups(all_entries: Iterable[Entry], chosen: str) -> list[dict[str, str | int | bool]]:
    """The tabs: name, label, how many lines, and whether it is the one that is shown."""
    counts = dict.fromkeys(GROUPS, 0)
    for entry in all_entries:
        counts[entry.group] += 1
    return [
        {"name": name, "label": label, "count": counts[name], "chosen": name == chosen}
        for name, label in GROUPS.items()
    ]


def sources(found: Iterable[Entry]) -> dict[str, str]:
    """Who asked for each of Tradovate's orders, by its id."""
    return {entry.row["id"]: entry.row["source"] for entry in found if entry.key.startswith("order:")}


def of_fill(row: Row, sources: Mapping[str, str]) -> Row:
    """A fill's row with the source of its order, empty while that is not known."""
    return row | {"source": sources.get(row["order_id"], "")}


class _Origins:
    """Which intent each order came from."""

    def __init__(self, orders: Mapping[str, Row], intents: Mapping[str, Row]) -> None:
        self._orders = orders
        self._intents = intents
        asked = {key: intent for key, intent in intents.items() if intent["kind"] in _ORDERS}
        self._by_order = {intent["order_id"]: key for key, intent in asked.items() if intent["order_id"]}
        self._by_strategy = {intent["strategy_id"]: key for key, intent in asked.items() if intent["strategy_id"]}
        self._strategies = {row.get("strategy_id", "") for row in orders.values()}
        self._parents = {row.get("parent_id", "") for row in orders.values()}
        self._changes: dict[str, Row] = {}
        for intent in sorted(intents.values(), key=lambda intent: int(intent["id"])):
            if intent["kind"] == "modify":
                self._changes[intent["target"]] = intent

    def of(self, order: Row) -> Row | None:
        """The order's own intent, its strategy's, or that of the order that it hangs on."""
        key = self._by_order.get(order["id"]) or self._by_strategy.get(order["strategy_id"])
        if key is None:
            key = self._by_order.get(order["parent_id"])
        return self._intents[key] if key else None

    def failed_change(self, order: Row) -> Row | None:
        """The newest change of a working order, where that came to nothing."""
        change = self._changes.get(order["id"])
        if change is None or change["state"] not in _FAILED or order["status"] in GROUP_OF_STATUS:
            return None
        return change

    def replaceable(self, order: Row, change: Row | None) -> str:
        """The id of a failed change whose order can be replaced: only one by itself."""
        if change is None or change["state"] != _REPLACEABLE or _link(order) or order["id"] in self._parents:
            return ""
        return change["id"]

    def stands_alone(self, intent: Row) -> bool:
        """Whether an intent has a line of its own, because no order shows it."""
        if intent["kind"] not in _ORDERS:
            return intent["state"] in _DOUBTFUL
        if intent["order_id"] and intent["order_id"] in self._orders:
            return False
        return not intent["strategy_id"] or intent["strategy_id"] not in self._strategies


def _of_order(order: Row, origins: _Origins) -> Row:
    intent = origins.of(order)
    own = intent is not None and intent["order_id"] == order["id"]
    change = origins.failed_change(order)
    failure = f"Its change did not take. {change['reason']}".strip() if change else ""
    return order | {
        "group": GROUP_OF_STATUS.get(order["status"], "working"),
        "source": (intent["source"] if intent else order["source"]) or "unknown",  # it is the text of a link
        "intent": f"intent:{intent['id']}" if intent else "",
        "reason": order["reason"] or (intent["reason"] if intent and own else "") or failure,
        "link": _link(order),
        "change": origins.replaceable(order, change),
    }


def _link(order: Row) -> str:
    """What an order hangs on, in a word."""
    return "strategy" if order["strategy_id"] else "exit" if order["parent_id"] else "OCO" if order["oco_id"] else ""


def _as_trees(lines: Mapping[str, Row]) -> list[Entry]:
    below: dict[str, list[str]] = {}
    for key in lines:
        head = _head(key, lines)
        below.setdefault(head, [])
        if head != key:
            below[head].append(key)
    found = []
    for head in sorted(below, key=lambda key: newest_first(lines[key])):
        branch = sorted(below[head], key=lambda key: int(lines[key]["id"]))
        found += [Entry(head, lines[head], 0), *(Entry(key, lines[key], 1) for key in branch)]
    return found


def _head(key: str, lines: Mapping[str, Row]) -> str:
    """The line below which this one is shown: what it hangs on or the older one of its pair, in the same tab."""
    row = lines[key]
    for above in (f"order:{row['parent_id']}", f"intent:{row.get('lead', '')}", f"order:{row['oco_id']}"):
        other = lines.get(above)
        if other and other["group"] == row["group"] and int(other["id"]) < int(row["id"]):
            return _head(above, lines)
    return key


def newest_first(row: Row) -> tuple[float, int]:
    """A sort key of rows with a time `at` and Tradovate's `id`."""
    try:
        at = datetime.fromisoformat(row["at"]).timestamp()
    except ValueError:
        at = 0.0
    return -at, -int(row["id"])
