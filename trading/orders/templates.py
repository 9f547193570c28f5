"""Common orders by name, each an OrderBuilder to build on:

    first_triggers_second(
        buy_limit("ESZ6", 1, "5000.25"),
        one_cancels_other(sell_limit("ESZ6", 1, "5010"), sell_stop("ESZ6", 1, "4995")),
    )

Prices are in points and given as OrderBuilder takes them; quantities are contracts, positive.
"""

from __future__ import annotations

from trading.orders.builder import Amount, OrderBuilder
from trading.orders.prices import Distance
from trading.orders.spec import Bracket, InvalidSpec, Problem


def _order(action: str, symbol: str, order_qty: int, order_type: str) -> OrderBuilder:
    return OrderBuilder().set_symbol(symbol).set_action(action).set_quantity(order_qty).set_order_type(order_type)


def buy_market(symbol: str, order_qty: int) -> OrderBuilder:
    """Buy at the best price there is."""
    return _order("Buy", symbol, order_qty, "Market")


def sell_market(symbol: str, order_qty: int) -> OrderBuilder:
    """Sell at the best price there is."""
    return _order("Sell", symbol, order_qty, "Market")


def buy_limit(symbol: str, order_qty: int, price: Amount) -> OrderBuilder:
    """Buy at `price` or lower."""
    return _order("Buy", symbol, order_qty, "Limit").set_price(price)


def sell_limit(symbol: str, order_qty: int, price: Amount) -> OrderBuilder:
    """Sell at `price` or higher."""
    return _order("Sell", symbol, order_qty, "Limit").set_price(price)


def buy_stop(symbol: str, order_qty: int, stop_price: Amount) -> OrderBuilder:
    """Buy at the market once it trades at `stop_price` or higher."""
    return _order("Buy", symbol, order_qty, "Stop").set_stop_price(stop_price)


def sell_stop(symbol: str, order_qty: int, stop_price: Amount) -> OrderBuilder:
    """Sell at the market once it trades at `stop_price` or lower."""
    return _order("Sell", symbol, order_qty, "Stop").set_stop_price(stop_price)


def buy_stop_limit(symbol: str, order_qty: int, stop_price: Amount, price: Amount) -> OrderBuilder:
    """Buy at `price` or lower once the market trades at `stop_price` or higher."""
    return _order("Buy", symbol, order_qty, "StopLimit").set_stop_price(stop_price).set_price(price)


def sell_stop_limit(symbol: str, order_qty: int, stop_price: Amount, price: Amount) -> OrderBuilder:
    """Sell at `price` or higher once the market trades at `stop_price` or lower."""
    return _order("Sell", symbol, order_qty, "StopLimit").set_stop_price(stop_price).set_price(price)


def buy_if_touched(symbol: str, order_qty: int, price: Amount) -> OrderBuilder:
    """Buy at the market once it falls to `price` (MIT)."""
    return _order("Buy", symbol, order_qty, "MIT").set_price(price)


def sell_if_touched(symbol: str, order_qty: int, price: Amount) -> OrderBuilder:
    """Sell at the market once it rises to `price` (MIT)."""
    return _order("Sell", symbol, order_qty, "MIT").set_price(price)


def trailing_stop(action: str, symbol: str, order_qty: int, stop_price: Amount) -> OrderBuilder:
    """A stop that starts at `stop_price` and follows the market at the distance it then has."""
    return _order(action, symbol, order_qty, "TrailingStop").set_stop_price(stop_price)


def bracket(
    entry: OrderBuilder,
    *,
    profit_target: Distance | None = None,
    stop_loss: Distance | None = None,
    trailing_stop: bool = False,
) -> OrderBuilder:
    """The entry with exits for all of it, at a distance from the price at which it fills. Raises InvalidSpec when the
    entry has no quantity yet."""
    order_qty = entry.quantity
    if order_qty is None:
        raise InvalidSpec(Problem("order_qty", "The entry has no quantity: call set_quantity before its bracket."))
    exits = Bracket(order_qty=order_qty, profit_target=profit_target, stop_loss=stop_loss, trailing_stop=trailing_stop)
    return entry.copy().set_brackets(exits)


def one_cancels_other(first: OrderBuilder, second: OrderBuilder) -> OrderBuilder:
    """Two orders of which the one that trades cancels the other. Raises InvalidSpec when they are not for the same
    symbol and quantity."""
    return first.copy().set_other(second)


def first_triggers_second(first: OrderBuilder, second: OrderBuilder) -> OrderBuilder:
    """An order whose fill sends another one, or both of an OCO pair. Raises InvalidSpec when they are not for the same
    symbol and quantity."""
    return first.copy().set_triggers(*second.copy().pair())
