"""What a page shows, as flat dicts of display strings: one formatter for the first paint and for the stream.

Ids in rows are Tradovate's own. Prices have the decimals of the product's tick, money is in dollars with two decimals,
times are ISO 8601 in UTC, and what is not known is an em dash, never a zero.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

from trading.orders.prices import decimals, quoted
from trading.orders.trading_days import trade_date_of
from trading.sync.days import date_of

if TYPE_CHECKING:
    from trading.models import OrderIntent, OrderLine, Totals
    from trading.sync.limits_left import Left
    from trading.sync.marks_known import Mark
    from trading.sync.worth import AccountWorth
    from trading.tradovate import entities, frames

Row = dict[str, str]

UNKNOWN = "—"
YES = "1"
PORTAL, ELSEWHERE = "portal", "elsewhere"
CENT = Decimal("0.01")
ONE = Decimal(1)
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
    return quoted(value, ONE if tick_size is None else tick_size)


def average(value: Decimal | None, tick_size: Decimal | None) -> str:
    """An average of prices: the tick's decimals, and up to two more where it falls between ticks."""
    if value is None:
        return UNKNOWN
    tick_size = ONE if tick_size is None else tick_size
    finest = Decimal(1).scaleb(-(decimals(tick_size) + AVERAGE_EXTRA_PLACES))
    return quoted(value.quantize(finest, rounding=ROUND_HALF_EVEN), tick_size)


def moment(at: datetime | None) -> str:
    """ISO 8601 with milliseconds: "2026-11-21T14:30:00.125Z"."""
    if at is None:
        return UNKNOWN
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def account_row(
    account: entities.Account,
    worth: AccountWorth,
    *,
    cash_at: datetime | None,
    margin_used: Decimal | None,
    loss: Left,
    drawdown: Left,
) -> Row:
    """`day_pnl` is before the day's `fees`, `day_net` after them; `estimate` says that a mark is none of now, `cash_at`
    when Tradovate told `cash`.

    `excess` is what is left of the net liquidation value beside the margin in use. `loss_left` and `drawdown_left` are
    what may still be lost until Tradovate acts; their limits are an em dash where there is none.
    """
    excess = None if worth.net_liq is None or margin_used is None else worth.net_liq - margin_used
    return {
        "id": str(account.id),
        "name": account.name,
        "net_liq": money(worth.net_liq),
        "cash": money(worth.cash),
        "cash_at": moment(cash_at),
        "open_pnl": signed(worth.open_pnl),
        "day_pnl": signed(worth.day_pnl),
        "fees": money(worth.fees),
        "day_net": signed(worth.day_net),
        "margin_used": money(margin_used),
        "excess": money(excess),
        "loss_left": money(loss.left),
        "loss_limit": money(loss.limit),
        "drawdown_left": money(drawdown.left),
        "drawdown_limit": money(drawdown.limit),
        "estimate": YES if worth.is_estimate else "",
        "tradable": YES if account.tradable else "",
    }


def position_row(
    position: entities.Position,
    *,
    account: str,
    symbol: str,
    tick_size: Decimal | None,
    mark: Mark,
    open_pnl: Decimal | None,
) -> Row:
    """`mark_source` is empty for a live mark, else it names what stands in for it."""
    return {
        "id": str(position.id),
        "contract_id": str(position.contract_id),
        "account_id": str(position.account_id),
        "account": account,
        "symbol": symbol,
        "side": "Long" if position.net_pos > 0 else "Short",
        "qty": str(abs(position.net_pos)),
        "average": average(position.net_price, tick_size),
        "mark": price(mark.price, tick_size),
        "mark_source": mark.source,
        "open_pnl": signed(open_pnl),
    }


def more_terms(touch: Decimal | None, trail: Decimal | None, shown: int | None, tick_size: Decimal | None) -> str:
    """What an order has beside its price and its stop, in words: "touched at 5000.25", "trails by 2.50, shows 1"."""
    words = [
        f"touched at {price(touch, tick_size)}" if touch is not None else "",
        f"trails by {price(abs(trail), tick_size)}" if trail is not None else "",
        f"shows {shown}" if shown else "",
    ]
    return ", ".join(filter(None, words))


def order_row(
    order: entities.Order,
    version: entities.OrderVersion | None,
    *,
    account: str,
    symbol: str,
    tick_size: Decimal | None,
    filled: int,
    average_price: Decimal | None,
    is_ours: bool | None,
    strategy_id: int | None = None,
) -> Row:
    """`source` is "portal" or "elsewhere", and empty while it is not known; ids of other orders are empty for none.

    `touch` is the touch price, `shown` the most contracts that the market is shown at a time, `terms` both in words and
    how far a trailing stop stays behind; `version_id` is Tradovate's id of all of them, empty while they are not known.
    """
    touch, trail, shown = (
        (version.limit_if_touched_price, version.peg_difference, version.max_show) if version else (None, None, None)
    )
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
        "touch": price(touch, tick_size),
        "shown": str(shown or UNKNOWN),
        "terms": more_terms(touch, trail, shown, tick_size),
        "time_in_force": str(version.time_in_force) if version and version.time_in_force else UNKNOWN,
        "version_id": str(version.id) if version else "",
        "status": str(order.ord_status),
        "at": moment(order.timestamp),
        "average": average(average_price, tick_size),
        "parent_id": str(order.parent_id or ""),
        "oco_id": str(order.oco_id or ""),
        "strategy_id": str(strategy_id or ""),
        "source": source(is_ours),
    }


def source(is_ours: bool | None) -> str:
    """Where an order was placed as far as Tradovate says it: "portal" or "elsewhere", empty while it is not known."""
    return "" if is_ours is None else PORTAL if is_ours else ELSEWHERE


def fill_row(
    fill: entities.Fill,
    *,
    account_id: int | None,
    account: str,
    symbol: str,
    tick_size: Decimal | None,
    fee: Decimal | None,
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
        "trade_date": str(date_of(fill.trade_date) or trade_date_of(fill.timestamp)),
        "order_id": str(fill.order_id),
        "fee": money(fee),
    }


def upstream_row(
    environment: str,
    state: str,
    detail: str,
    marks: str,
    last_message_at: datetime | None,
    round_trip: float | None = None,
) -> Row:
    """How the socket to Tradovate stands: `environment` is LIVE, DEMO, SIM or REPLAY, `state` of Upstream.State.

    `detail` says more about the state, `marks` why marks are missing or late; both are words for the trader, or empty.
    `round_trip`, given in seconds, is milliseconds between Tradovate and here, or empty while nobody knows.
    """
    return {
        "environment": environment,
        "state": state,
        "detail": detail,
        "marks": marks,
        "last_message_at": moment(last_message_at),
        "round_trip": "" if round_trip is None else f"{max(1, round(round_trip * 1000))}",
    }


def clock_row(clock: frames.ClockEvent) -> Row:
    """The clock of a replay: its time, and its speed in percent, 0 while it is paused."""
    return {"time": moment(clock.timestamp), "speed": str(clock.speed)}


def filled(intent: OrderIntent, tick_size: Decimal | None) -> Row:
    """How many contracts an order has filled and at which average: neither, where not all of its fills are known."""
    if not intent.fills_are_known:
        return {"filled": UNKNOWN, "average": UNKNOWN}
    return {"filled": str(intent.filled_qty), "average": average(intent.average_price, tick_size)}


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
        **filled(intent, tick_size),
        "reason": intent.reason,
        "order_id": str(intent.order_id_at_broker or ""),
        "version": intent.version,
    }


def totals_row(totals: Totals) -> dict[str, str | int]:
    """An order file's totals; of two of the same file the one with the greater `version` is newer."""
    return {
        "bought": f"{_at_least(totals.bought, totals.unknown_buys)} of {totals.buy}",
        "sold": f"{_at_least(totals.sold, totals.unknown_sells)} of {totals.sell}",
        "states": ", ".join(f"{count} {label}" for label, count in totals.states.items()) or str(totals.lines),
        "version": totals.version,
    }


def _at_least(count: int, unknown: int) -> str:
    if not unknown:
        return str(count)
    return f"at least {count}" if count else UNKNOWN


def _cents(amount: Decimal) -> Decimal:
    # Adding zero turns a negative zero into a plain one.
    return amount.quantize(CENT, rounding=ROUND_HALF_EVEN) + 0
