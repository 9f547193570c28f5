"""What a page shows, as flat dicts of display strings: one formatter for the first paint and for the stream.

Ids in rows are Tradovate's own. Prices have the decimals of the product's tick, money is in dollars with two decimals,
times are ISO 8601 in UTC, and what is not known is an em dash, never a zero.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trading.models import OrderLine, Totals
    from trading.tradovate import entities

Row = dict[str, str]

UNKNOWN = "—"
CENT = Decimal("0.01")
# An average of several prices falls between ticks: this many decimals more than the tick has tell it well enough.
AVERAGE_EXTRA_PLACES = 2


def money(amount: Decimal | None) -> str:
    """Dollars with separators: "102,345.00", "-37.50"."""
    if amount is None:
        return UNKNOWN
    return f"{_cents(amount):,}"


def signed(amount: Decimal | None) -> str:
    """Dollars that carry their sign: "+1,250.00", "-37.50", "0.00"."""
    if amount is None:
        return UNKNOWN
    cents = _cents(amount)
    return f"{cents:+,}" if cents else "0.00"


def price(value: Decimal | None, tick_size: Decimal | None) -> str:
    """A price with at least the decimals of its tick: "5000.25", "0.0065"."""
    if value is None:
        return UNKNOWN
    return _with_places(value, _places(tick_size))


def average(value: Decimal | None, tick_size: Decimal | None) -> str:
    """An average of prices: the tick's decimals, and up to two more where it falls between ticks."""
    if value is None:
        return UNKNOWN
    places = _places(tick_size)
    rounded = value.quantize(Decimal(1).scaleb(-(places + AVERAGE_EXTRA_PLACES)), rounding=ROUND_HALF_EVEN)
    return _with_places(rounded, places)


def moment(at: datetime | None) -> str:
    """ISO 8601 with milliseconds: "2026-11-21T14:30:00.125Z"."""
    if at is None:
        return UNKNOWN
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def account_row(
    account: entities.Account,
    *,
    net_liq: Decimal | None,
    cash: Decimal | None,
    open_pnl: Decimal | None,
    day_pnl: Decimal | None,
    margin_used: Decimal | None,
) -> Row:
    return {
        "id": str(account.id),
        "name": account.name,
        "net_liq": money(net_liq),
        "cash": money(cash),
        "open_pnl": signed(open_pnl),
        "day_pnl": signed(day_pnl),
        "margin_used": money(margin_used),
    }


def position_row(
    position: entities.Position,
    *,
    account: str,
    symbol: str,
    tick_size: Decimal | None,
    mark: Decimal | None,
    open_pnl: Decimal | None,
) -> Row:
    return {
        "id": str(position.id),
        "account_id": str(position.account_id),
        "account": account,
        "symbol": symbol,
        "side": "Long" if position.net_pos > 0 else "Short",
        "qty": str(abs(position.net_pos)),
        "average": average(position.net_price, tick_size),
        "mark": price(mark, tick_size),
        "open_pnl": signed(open_pnl),
    }


def order_row(
    order: entities.Order,
    version: entities.OrderVersion | None,
    *,
    account: str,
    symbol: str,
    tick_size: Decimal | None,
    filled: int,
) -> Row:
    return {
        "id": str(order.id),
        "account_id": str(order.account_id),
        "account": account,
        "symbol": symbol,
        "action": str(order.action),
        "qty": str(version.order_qty) if version else UNKNOWN,
        "filled": str(filled),
        "type": str(version.order_type) if version else UNKNOWN,
        "price": price(version.price if version else None, tick_size),
        "stop": price(version.stop_price if version else None, tick_size),
        "time_in_force": str(version.time_in_force) if version and version.time_in_force else UNKNOWN,
        "status": str(order.ord_status),
        "at": moment(order.timestamp),
    }


def fill_row(
    fill: entities.Fill, *, account_id: int | None, account: str, symbol: str, tick_size: Decimal | None
) -> Row:
    return {
        "id": str(fill.id),
        "account_id": str(account_id) if account_id is not None else UNKNOWN,
        "account": account,
        "symbol": symbol,
        "action": str(fill.action),
        "qty": str(fill.qty),
        "price": price(fill.price, tick_size),
        "at": moment(fill.timestamp),
        "order_id": str(fill.order_id),
    }


def upstream_row(environment: str, state: str, detail: str, marks: str, last_message_at: datetime | None) -> Row:
    """How the socket to Tradovate stands: `environment` is LIVE, DEMO or SIM, `state` a value of Upstream.State.

    `detail` says more about the state, `marks` why marks are missing; both are words for the trader, or empty.
    """
    return {
        "environment": environment,
        "state": state,
        "detail": detail,
        "marks": marks,
        "last_message_at": moment(last_message_at),
    }


def line_row(line: OrderLine) -> dict[str, str | int]:
    """One line of an order file with what became of its intent; `number` and `version` are whole numbers.

    A line without an intent has the empty state and version 0. The line's `intent` should be selected with it.
    """
    intent = line.intent
    tick_size = line.contract.product.tick_size if line.contract else None
    if intent is None:
        return {
            "number": line.number,
            "state": "",
            "state_label": "",
            "filled": "0",
            "average": UNKNOWN,
            "reason": "",
            "order_id": "",
            "version": 0,
        }
    return {
        "number": line.number,
        "state": intent.state,
        "state_label": intent.get_state_display(),
        "filled": str(intent.filled_qty),
        "average": average(intent.average_price, tick_size),
        "reason": intent.reason,
        "order_id": str(intent.order_id_at_broker or ""),
        "version": intent.version,
    }


def totals_row(totals: Totals) -> dict[str, str | int]:
    """An order file's totals; of two of the same file the one with the greater `version` is newer."""
    return {
        "bought": f"{totals.bought} of {totals.buy}",
        "sold": f"{totals.sold} of {totals.sell}",
        "states": ", ".join(f"{count} {label}" for label, count in totals.states.items()) or str(totals.lines),
        "version": totals.version,
    }


def _cents(amount: Decimal) -> Decimal:
    # Adding zero turns a negative zero into a plain one.
    return amount.quantize(CENT, rounding=ROUND_HALF_EVEN) + 0


def _places(tick_size: Decimal | None) -> int:
    if tick_size is None:
        return 0
    exponent = tick_size.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _with_places(value: Decimal, places: int) -> str:
    """`value` with at least `places` decimals and no trailing zeros beyond them."""
    exponent = value.normalize().as_tuple().exponent
    own = max(0, -exponent) if isinstance(exponent, int) else 0
    return f"{value:.{max(places, own)}f}"
