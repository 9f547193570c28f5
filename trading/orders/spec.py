"""What somebody wants to be ordered: one type for files, clicks and signals, in Tradovate's own words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from trading.orders.prices import HIGHEST_PRICE, PRICE_PLACES, Distance, plain

ACTIONS: Final = ("Buy", "Sell")
TIMES_IN_FORCE: Final = ("Day", "GTC", "GTD", "IOC", "FOK")
PRICES: Final = ("price", "stop_price", "limit_if_touched_price", "peg_difference")
# Which prices an order type must have (openapi.json, PlaceOrder; guide, "Place Order": price is that of all but market
# orders, so it is a market-if-touched order's trigger). QTS is for Tradovate's own use.
PRICES_OF_TYPE: Final = {
    "Market": frozenset[str](),
    "Limit": frozenset({"price"}),
    "Stop": frozenset({"stop_price"}),
    "StopLimit": frozenset({"price", "stop_price"}),
    "MIT": frozenset({"price"}),
    "LimitIfTouched": frozenset({"price", "limit_if_touched_price"}),
    "TrailingStop": frozenset({"stop_price"}),
    "TrailingStopLimit": frozenset({"price", "stop_price"}),
}
# ... and which it may have besides.
OPTIONAL_PRICES: Final = {
    "TrailingStop": frozenset({"peg_difference"}),
    "TrailingStopLimit": frozenset({"peg_difference"}),
}
WIRE_NAMES: Final = {
    "symbol": "symbol",
    "price": "price",
    "stop_price": "stopPrice",
    "limit_if_touched_price": "limitIfTouchedPrice",
    "peg_difference": "pegDifference",
}
LONGEST_TEXT: Final = 64
LARGEST_QTY: Final = 2**31 - 1
MOST_TRIGGERED: Final = 2


class Problem(NamedTuple):
    """What is wrong with one field of a spec ("price", "other.price"), in words for a trader."""

    field: str
    message: str


class InvalidSpec(ValueError):
    """A spec that cannot be an order; `field` names what to mend first, `problems` all there is to mend."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.field = problems[0].field
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class OrderTerms:
    """Side, type, prices and time in force: what every order has, alone or linked to another.

    Prices are in points and may be negative, as oil's have been. `peg_difference` is a trailing stop's distance.
    `max_show` is the quantity to show of an iceberg, in contracts. `expire_time` is aware, and for GTD only.
    """

    action: str
    order_type: str = "Market"
    price: Decimal | None = None
    stop_price: Decimal | None = None
    limit_if_touched_price: Decimal | None = None
    peg_difference: Decimal | None = None
    max_show: int | None = None
    time_in_force: str = "Day"
    expire_time: dt.datetime | None = None
    text: str = ""

    def prices(self) -> Iterator[tuple[str, Decimal]]:
        """The prices that are there, by field."""
        for name in PRICES:
            value = getattr(self, name)
            if value is not None:
                yield name, value

    def problems(self) -> Iterator[Problem]:
        """What is wrong with these terms by themselves."""
        if self.action not in ACTIONS:
            yield Problem("action", f"The action must be Buy or Sell, not {self.action!r}.")
        if self.order_type not in PRICES_OF_TYPE:
            yield _not_among("order_type", "orderType", PRICES_OF_TYPE, self.order_type)
        else:
            for name in PRICES:
                yield from self._price_problems(name, getattr(self, name))
        if self.max_show is not None and self.max_show < 1:
            yield Problem("max_show", f"maxShow must be at least 1 contract, not {self.max_show}.")
        if len(self.text) > LONGEST_TEXT or not self.text.isprintable():
            yield Problem("text", f"The text may have {LONGEST_TEXT} printable characters.")
        yield from self._time_problems()

    def _price_problems(self, name: str, value: Decimal | None) -> Iterator[Problem]:
        wanted = name in PRICES_OF_TYPE[self.order_type]
        allowed = wanted or name in OPTIONAL_PRICES.get(self.order_type, ())
        if value is None:
            if wanted:
                yield Problem(name, f"A {self.order_type} order needs a {WIRE_NAMES[name]}.")
        elif not allowed:
            yield Problem(name, f"A {self.order_type} order takes no {WIRE_NAMES[name]}. Leave it out.")
        elif not value.is_finite():
            yield Problem(name, f"{WIRE_NAMES[name]} must be a number, not {value}.")
        elif value.copy_abs() >= HIGHEST_PRICE or value != round(value, PRICE_PLACES):
            words = f"must be below {HIGHEST_PRICE} and have {PRICE_PLACES} decimals at most."
            yield Problem(name, f"{WIRE_NAMES[name]} {words}")
        elif name == "peg_difference" and not value:
            yield Problem(name, "pegDifference must not be zero: it is how far the stop stays behind the market.")

    def _time_problems(self) -> Iterator[Problem]:
        if self.time_in_force not in TIMES_IN_FORCE:
            yield _not_among("time_in_force", "timeInForce", TIMES_IN_FORCE, self.time_in_force)
        elif self.time_in_force == "GTD" and self.expire_time is None:
            yield Problem("expire_time", "A GTD order needs an expireTime, such as 2026-12-18T21:00Z.")
        elif self.time_in_force != "GTD" and self.expire_time is not None:
            yield Problem("expire_time", f"Only a GTD order has an expireTime, not a {self.time_in_force} order.")
        if self.expire_time is not None and self.expire_time.tzinfo is None:
            yield Problem("expire_time", "expireTime needs a time zone, such as the Z in 2026-12-18T21:00Z.")


@dataclass(frozen=True, kw_only=True)
class LinkedOrder(OrderTerms):
    """The other order of an OCO pair, or one that an entry's fill sends: symbol, quantity and account are those of
    the order that it is linked to (openapi.json, RestrainedOrderVersion). Prices are absolute."""


@dataclass(frozen=True, kw_only=True)
class Bracket:
    """Exits of an order at a distance from its fill, for `order_qty` contracts of it (guide, "OrderStrategy", Notes).

    With `trailing_stop` the stop follows the market at `stop_loss`. Needs a target or a stop.
    """

    order_qty: int
    profit_target: Distance | None = None
    stop_loss: Distance | None = None
    trailing_stop: bool = False

    def distances(self) -> Iterator[tuple[str, Distance]]:
        """The distances that are there, by field."""
        if self.profit_target is not None:
            yield "profit_target", self.profit_target
        if self.stop_loss is not None:
            yield "stop_loss", self.stop_loss

    def problems(self) -> Iterator[Problem]:
        """What is wrong with this bracket by itself."""
        if self.order_qty < 1:
            yield Problem("order_qty", f"A bracket is for at least 1 contract, not {self.order_qty}.")
        if self.profit_target is None and self.stop_loss is None:
            yield Problem("profit_target", "A bracket needs a profit target, a stop loss or both.")
        for name, distance in self.distances():
            if trouble := distance.problem():
                yield Problem(name, f"The {name.replace('_', ' ')} {trouble}")
        if self.trailing_stop and self.stop_loss is None:
            yield Problem("stop_loss", "A trailing stop needs a stop loss: the distance that it keeps.")


@dataclass(frozen=True, kw_only=True)
class OrderSpec(OrderTerms):
    """One order with what hangs on it, before anything is known about it at the broker.

    `account_id` is the primary key of trading.models.Account, `order_qty` is in contracts and positive (the side is
    in `action`). `is_automated` is false only for an order that a human clicked. At most one of these is there:
    `other` is cancelled when this order trades and the other way round (OCO); `triggers` are one or two orders at
    absolute prices that this order's fill sends, two of them as an OCO (OSO); `brackets` are exits at a distance from
    the price at which it fills (a Tradovate order strategy).

    Raises InvalidSpec with all that is wrong. Ticks are the contract's: see checks.on_tick.
    """

    account_id: int
    symbol: str
    order_qty: int
    is_automated: bool = True
    other: LinkedOrder | None = None
    triggers: tuple[LinkedOrder, ...] = ()
    brackets: tuple[Bracket, ...] = ()

    def __post_init__(self) -> None:
        if problems := tuple(self.problems()):
            raise InvalidSpec(*problems)

    @property
    def parts(self) -> Iterator[tuple[str, OrderTerms]]:
        """All orders of this spec with the prefix of their fields: "" for the order itself, "other."..."""
        yield "", self
        if self.other is not None:
            yield "other.", self.other
        for number, child in enumerate(self.triggers):
            yield f"triggers[{number}].", child

    def problems(self) -> Iterator[Problem]:
        if not self.symbol or len(self.symbol) > 32 or self.symbol != self.symbol.strip().upper():
            yield Problem("symbol", f"{self.symbol!r} is not a contract symbol such as ESZ6.")
        if self.order_qty < 1:
            yield Problem("order_qty", f"The quantity must be at least 1 contract, not {self.order_qty}.")
        elif self.order_qty != int(self.order_qty) or self.order_qty > LARGEST_QTY:
            yield Problem("order_qty", f"The quantity must be whole contracts, {LARGEST_QTY} at most.")
        for prefix, part in self.parts:
            own = OrderTerms.problems(part)
            yield from (Problem(prefix + field, _where(prefix) + message) for field, message in own)
            if part.max_show is not None and part.max_show > self.order_qty >= 1:
                yield Problem(prefix + "max_show", f"{_where(prefix)}maxShow exceeds the quantity, {self.order_qty}.")
        yield from self._link_problems()

    def _link_problems(self) -> Iterator[Problem]:
        links = [name for name in ("other", "triggers", "brackets") if getattr(self, name)]
        if len(links) > 1:
            yield Problem(links[1], f"An order has either {' or '.join(links)}: Tradovate takes one kind of link.")
        if len(self.triggers) > MOST_TRIGGERED:
            yield Problem("triggers", f"An order can send {MOST_TRIGGERED} others when it fills, not more.")
        for number, child in enumerate(self.triggers):
            entered = trigger_price(self)
            where = "" if entered is None else f"the entry at {plain(entered)}: what is {_done(self)} there"
            if trouble := closes_at_once(self, entered, child, where):
                yield Problem(f"triggers[{number}].{trigger_field(child)}", trouble)
        for number, bracket in enumerate(self.brackets):
            yield from (
                Problem(f"brackets[{number}].{field}", f"Bracket {number + 1}: {message}")
                for field, message in bracket.problems()
            )
        held = sum(bracket.order_qty for bracket in self.brackets)
        if self.brackets and held > self.order_qty:
            yield Problem(
                "brackets", f"The brackets are for {held} contracts and the order for {self.order_qty}. Take fewer."
            )


def _not_among(field: str, name: str, words: Iterable[str], word: str) -> Problem:
    return Problem(field, f"{name} must be one of {', '.join(words)}, not {word!r}.")


def _where(prefix: str) -> str:
    if prefix == "other.":
        return "The other order: "
    return f"Order {int(prefix[9:-2]) + 1} after the entry: " if prefix else ""


def prices_taken(order_type: str) -> frozenset[str]:
    """The prices that an order of a type may have, by field; none for a type that nobody knows."""
    return PRICES_OF_TYPE.get(order_type, frozenset()) | OPTIONAL_PRICES.get(order_type, frozenset())


def trigger_field(terms: OrderTerms) -> str:
    """The field whose price decides when the order trades, or wakes."""
    if "stop_price" in PRICES_OF_TYPE.get(terms.order_type, ()):
        return "stop_price"
    return "limit_if_touched_price" if terms.order_type == "LimitIfTouched" else "price"


def closes_at_once(entry: OrderTerms, entered: Decimal | None, child: OrderTerms, where: str) -> str:
    """Why an exit would trade the moment that its entry fills, at `entered`: a target below or a stop above a bought
    price. "" when it would not. `where` is that price in words, and what is done there."""
    exits = trigger_price(child)
    if entered is None or exits is None or child.action == entry.action:
        return ""
    is_stop = trigger_field(child) == "stop_price"
    belongs_above = (entry.action == "Buy") is not is_stop
    if exits != entered and (exits > entered) is belongs_above:
        return ""
    kind, side = "stop" if is_stop else "target", "above" if belongs_above else "below"
    return f"The {kind} at {plain(exits)} must be {side} {where} would be closed at once."


def _done(entry: OrderTerms) -> str:
    return "bought" if entry.action == "Buy" else "sold"


def trigger_price(terms: OrderTerms) -> Decimal | None:
    """The price that decides when an order trades, or wakes; None for one that has none."""
    price: Decimal | None = getattr(terms, trigger_field(terms))
    return price if price is not None and price.is_finite() else None
