"""docs/client.md: its first program runs as it stands, and all of its code uses what is there."""

import ast
import builtins
import datetime as dt
import re
from pathlib import Path

import pytest

import trading.tradovate
from trading.simulator import Config, serve
from trading.tradovate import entities, errors, frames, penalties, replay, retry, subscriptions, tv

from .test_wire_conformance import BESIDE_THE_SPEC
from .test_wire_operations import METHODS

MANUAL = (Path(__file__).parents[3] / "docs" / "client.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL)
MODULES = (trading.tradovate, entities, errors, frames, penalties, replay, retry, subscriptions, tv)
# What a reader has of their own, or has read of further up.
READERS_OWN = {
    "access_token", "client_id", "client_secret", "code", "fresh_token", "hosts", "installation", "load", "log",
    "monday", "now", "password", "redirect_uri", "secret", "show", "start", "state", "t", "url", "user_id", "verifier",
    "Decimal", "redis",
}  # fmt: skip


def test_the_first_program_places_an_order_and_cancels_it() -> None:
    start = dt.datetime(2026, 11, 18, 15, tzinfo=dt.UTC)
    with serve(Config(seed=7, manual_clock=True, start=start)) as simulator:
        exec(BLOCKS[0].replace("http://127.0.0.1:8180", simulator.url), {})  # noqa: S102 - our own manual
        orders = simulator.control.ledger()["entities"]["order"]
    (placed,) = [order for order in orders if order["accountId"] == 1001001]
    assert (placed["action"], placed["ordStatus"]) == ("Buy", "Canceled")


@pytest.mark.parametrize("block", BLOCKS[1:])
def test_the_manuals_code_uses_names_that_are_there(block: str) -> None:
    tree = ast.parse(f"async def program():\n{re.sub('^', '    ', block, flags=re.MULTILINE)}")
    nodes = list(ast.walk(tree))
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {node.name for node in nodes if isinstance(node, ast.AsyncFunctionDef)}
    used = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)} - bound
    unknown = {
        name for name in used - READERS_OWN - set(dir(builtins)) if not any(hasattr(one, name) for one in MODULES)
    }
    assert unknown == set()


def test_the_manual_names_every_operation() -> None:
    rows = {
        group: set(re.findall(r"`(\w+)`", operations))
        for groups, operations in re.findall(r"^\| (`[^|]+) \| ([^|]+) \|$", MANUAL, re.MULTILINE)
        for group in re.findall(r"`(\w+)`", groups)
    }
    for name in (*METHODS.values(), *(name for name, _ in BESIDE_THE_SPEC.values())):
        group, method = name.split(".")
        assert method in rows.get(group, ()), name
