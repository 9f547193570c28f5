"""CSV for spreadsheets: RFC 4180, and no cell is taken for a formula, whatever a spreadsheet separates cells by."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Final

_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
# Where a spreadsheet may take what follows for a formula (OWASP, CSV Injection): at the beginning of a cell, and after
# what separates cells elsewhere, as ";" does where "," is the decimal mark. Quotes keep no cell together there.
_FORMULA: Final = re.compile(r'(?:^|(?<=[;\t\r\n]))(?=["\s]*[=+\-@|%])|^(?=[\t\r\n])')


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
    return text if _NUMBER.fullmatch(text) else _FORMULA.sub("'", text)
