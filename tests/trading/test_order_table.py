"""The table of orders at the first paint: the same lines as the page's script makes of the same rows."""

import json
from pathlib import Path

from trading.views import order_table

KEPT = json.loads((Path(__file__).parents[1] / "portal" / "order_table.json").read_text())


def test_orders_and_intents_are_laid_over_each_other_as_the_page_does_it() -> None:
    found = order_table.entries(KEPT["rows"], KEPT["intents"])
    told = ("source", "intent", "link", "change", "reason")
    lines = [[entry.key, entry.depth, entry.group, *(entry.row[name] for name in told)] for entry in found]
    assert lines == KEPT["lines"]
    sources = order_table.sources(found)
    assert {key: order_table.of_fill(row, sources)["source"] for key, row in KEPT["fills"].items()} == KEPT["sources"]
    tabs = order_table.groups(found, "filled")
    assert [(tab["name"], tab["count"], tab["chosen"]) for tab in tabs] == [
        *(("working", 11, False), ("filled", 1, True), ("ended", 1, False)),
    ]


def test_an_order_by_itself_can_be_replaced_whose_change_was_taken_and_did_nothing() -> None:
    changes = {key: row | {"state": "ineffective"} for key, row in KEPT["intents"].items() if row["kind"] == "modify"}
    ignored = KEPT["intents"] | changes
    offered = {entry.key: entry.row["change"] for entry in order_table.entries(KEPT["rows"], ignored)}
    assert {key: change for key, change in offered.items() if change} == {"order:31": "10", "order:32": "12"}
