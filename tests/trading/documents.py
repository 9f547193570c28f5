"""Tradovate's own documents, which are no part of the project: where they are at hand, tests compare with them.

Looked for at TRADOVATE_SPEC (openapi.json) and TRADOVATE_GUIDE, then in a folder `shared` beside the repository. A
test that misses one is skipped; where the environment says CI, or names a document, it fails.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests import own_redis

_ROOT = Path(__file__).resolve().parents[2]


def openapi() -> dict[str, Any]:
    """The OpenAPI document; ends the test, saying so, where it is not at hand."""
    found = _document("TRADOVATE_SPEC", "tradovate/openapi.json")
    parsed: dict[str, Any] = json.loads(found)
    return parsed


def guide() -> str:
    """The guide; ends the test, saying so, where it is not at hand."""
    return _document("TRADOVATE_GUIDE", "reference/tradovate-api-guide.txt")


@cache
def _document(variable: str, place: str) -> str:
    named = os.environ.get(variable)
    places = [Path(named)] if named else [home.parent / "shared" / place for home in _homes()]
    for path in places:
        if path.is_file():
            return path.read_text(encoding="utf-8")
    if named:
        pytest.fail(f"{variable} names a file that is not there.")
    if own_redis.in_ci():
        pytest.fail(f"CI has to compare with Tradovate's document, and it is not at hand ({variable} can name it).")
    pytest.skip(f"NOT COMPARED: Tradovate's document is not at hand ({variable} can name it).")


def _homes() -> list[Path]:
    """The repository, and for a worktree of it the one that it belongs to."""
    link = _ROOT / ".git"
    if link.is_file():
        return [_ROOT, Path(link.read_text().partition(": ")[2].strip()).parents[2]]
    return [_ROOT]
