"""What became of an order file: a row per line, and the same as CSV for a spreadsheet."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from decimal import Decimal

from trading import spreadsheet
from trading.files import preview
from trading.models import OrderFile, OrderLine
from trading.orders.checks import Finding
from trading.orders.states import State


@dataclass(frozen=True)
class Row:
    """A line for the page: what it does, what was found, and the line itself with its intent."""

    line: OrderLine
    does: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Result:
    """One line of the CSV, numbers exact: quantities in contracts, average price in points."""

    line: int
    written: str
    symbol: str
    action: str
    quantity: int | None
    state: str
    filled: int | None
    average_price: str
    order_id: str
    cl_ord_id: str
    reason: str


def rows(file: OrderFile) -> list[Row]:
    """All lines of a file, in its order."""
    return [
        Row(line, preview.does(line), tuple(Finding.from_json(kept) for kept in line.findings)) for line in _lines(file)
    ]


def csv(file: OrderFile) -> str:
    """The results as CSV text (RFC 4180) that no spreadsheet takes for formulas."""
    header = (field.name.replace("_", " ") for field in fields(Result))
    return spreadsheet.text(header, (astuple(_result(line)) for line in _lines(file)))


def _lines(file: OrderFile) -> list[OrderLine]:
    return list(file.lines.select_related("intent", "contract__product"))


def _result(line: OrderLine) -> Result:
    intent = line.intent
    quantity = line.quantity
    filled = 0 if intent is None else intent.filled_qty if intent.fills_are_known else None
    return Result(
        line=line.number,
        written=line.text,
        symbol=line.symbol,
        action="" if not quantity else "Buy" if quantity > 0 else "Sell",
        quantity=None if quantity is None else abs(quantity),
        state=State(intent.state).label if intent else "",
        filled=filled,
        average_price=_plain(intent.average_price) if intent and filled is not None else "",
        order_id=str(intent.order_id_at_broker or "") if intent else "",
        cl_ord_id=intent.cl_ord_id if intent else "",
        reason=intent.reason if intent else "; ".join(kept["message"] for kept in line.findings),
    )


def _plain(price: Decimal | None) -> str:
    return "" if price is None else f"{price.normalize():f}"
