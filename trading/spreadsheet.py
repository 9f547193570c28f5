"""CSV for spreadsheets: RFC 4180, and no cell is taken for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Final

_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
# A spreadsheet takes a cell that begins with one of these for a formula (OWASP, CSV Injection).
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


def text(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """The header and the rows as CSV text; None is an empty cell."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(header)
    for row in rows:
        writer.writerow(_safe(cell) for cell in row)
    return out.getvalue()


def _safe(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(text) else text
