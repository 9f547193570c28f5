"""Orders that read aloud: a fluent builder over OrderSpec.

    OrderBuilder().set_symbol("ESZ6").set_action("Buy").set_quantity(2).set_order_type("Limit").set_price("5000.25")

Every field can be set, copied from another builder or spec, and cleared. What the fields must be, and what belongs
together, is OrderSpec's to say: `build` raises InvalidSpec with all that is wrong.

Prices are given as text, Decimal, int or float. Text, Decimals and ints are taken as they are: one that is not on the
contract's tick is refused when the order is checked. A float is the outcome of arithmetic, so it is rounded to the
nearest tick, halves away from zero; that needs the tick, so `build` must be told the price terms.
"""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn, Self

from trading.orders.prices import HIGHEST_PRICE, PriceTerms
from trading.orders.spec import (
    MOST_TRIGGERED,
    PRICES,
    WIRE_NAMES,
    Bracket,
    InvalidSpec,
    LinkedOrder,
    OrderSpec,
    OrderTerms,
    Problem,
)

_EQUITIES: Final = "Tradovate trades futures: an order has one symbol and no legs. Use set_symbol and set_quantity."
_DESTINATION: Final = "A future trades on its own exchange only: Tradovate takes no destination."
_SESSION: Final = "Tradovate takes no session: a future trades whenever its product's session is open."
_LINK: Final = "Tradovate derives no price from another one. Use a trailing stop with set_peg_difference, or a bracket."
_INSTRUCTION: Final = "Tradovate takes no special instructions. For all or nothing use set_time_in_force('FOK')."
_OPTIONS: Final = "Tradovate's API takes no option strategies."
_ACTIVATION: Final = "A market-if-touched order's price wakes it: set_order_type('MIT') and set_price."
_DURATION: Final = "Tradovate calls it time in force: use set_time_in_force or clear_time_in_force."
_STRATEGY: Final = "Tradovate's orders are linked by what they name: use set_other, set_triggers or set_brackets."
_FIELDS: Final = {
    "requested_destination": _DESTINATION,
    "session": _SESSION,
    "special_instruction": _INSTRUCTION,
    "complex_order_strategy_type": _OPTIONS,
    "price_link_basis": _LINK,
    "price_link_type": _LINK,
    "stop_price_link_basis": _LINK,
    "stop_price_link_type": _LINK,
    "stop_price_offset": _LINK,
    "stop_type": _LINK,
    "activation_price": _ACTIVATION,
    "duration": _DURATION,
    "order_strategy_type": _STRATEGY,
}
# What builders of other brokers can say and Tradovate cannot, or says in another way.
INEXPRESSIBLE: Final = {
    **dict.fromkeys(("add_equity_leg", "add_option_leg", "clear_order_legs"), _EQUITIES),
    **{f"{verb}_{field}": words for field, words in _FIELDS.items() for verb in ("set", "clear")},
}


class Inexpressible(AttributeError):
    """Something that Tradovate's orders cannot say in this way; the text says what to use instead."""


Amount = str | Decimal | int | float


class OrderBuilder:
    """Collects an order field by field. Every method changes this builder and returns it; see the module."""

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}
        self._floats: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self._fields.items())
        return f"OrderBuilder({fields})"

    def __getattr__(self, name: str) -> NoReturn:
        if name in INEXPRESSIBLE:
            raise Inexpressible(INEXPRESSIBLE[name])
        raise AttributeError(f"An OrderBuilder has no {name!r}.")

    def copy(self) -> OrderBuilder:
        """Another builder with the same fields."""
        return copy.deepcopy(self)

    @property
    def quantity(self) -> int | None:
        """The contracts, None when they are not set."""
        quantity: int | None = self._fields.get("order_qty")
        return quantity

    def pair(self) -> tuple[OrderBuilder, ...]:
        """This order and the other one of its OCO, apart; this order alone when there is no other one."""
        other = self._fields.get("other")
        return (self.copy().clear_other(), other.copy()) if other is not None else (self.copy(),)

    def set_account(self, account_id: int) -> Self:
        """The account: the primary key of trading.models.Account."""
        return self._set("account_id", account_id)

    def copy_account(self, source: OrderBuilder | OrderSpec) -> Self:
        return self._copy("account_id", source)

    def clear_account(self) -> Self:
        return self._clear("account_id")

    def set_symbol(self, symbol: str) -> Self:
        """The contract's symbol, such as ESZ6."""
        return self._set("symbol", symbol.strip().upper())

    def copy_symbol(self, source: OrderBuilder | OrderSpec) -> Self:
        return self._copy("symbol", source)

    def clear_symbol(self) -> Self:
        return self._clear("symbol")

    def set_action(self, action: str) -> Self:
        """Buy or Sell."""
        return self._set("action", action)

    def copy_action(self, source: OrderBuilder | OrderTerms) -> Self:
        return self._copy("action", source)

    def clear_action(self) -> Self:
        return self._clear("action")

    def set_quantity(self, order_qty: int) -> Self:
        """Contracts, at least 1: the side is the action's."""
        return self._set("order_qty", order_qty)

    def copy_quantity(self, source: OrderBuilder | OrderSpec) -> Self:
        return self._copy("order_qty", source)

    def clear_quantity(self) -> Self:
        return self._clear("order_qty")

    def set_order_type(self, order_type: str) -> Self:
        """One of spec.PRICES_OF_TYPE; Market when it is not set."""
        return self._set("order_type", order_type)

    def copy_order_type(self, source: OrderBuilder | OrderTerms) -> Self:
        return self._copy("order_type", source)

    def clear_order_type(self) -> Self:
        return self._clear("order_type")

    def set_price(self, price: Amount) -> Self:
        """The limit in points; a market-if-touched order's trigger."""
        return self._set_price("price", price)

    def copy_price(self, source: OrderBuilder | OrderTerms) -> Self:
        return self._copy("price", source)

    def clear_price(self) -> Self:
        return self._clear("price")

    def set_stop_price(self, stop_price: Amount) -> Self:
        """The price in points at which a stop wakes."""
        return self._set_price("stop_price", stop_price)

    def copy_stop_price(self, source: OrderBuilder | OrderTerms) -> Self:
        return self._copy("stop_price", source)

    def clear_stop_price(self) -> Self:
        return self._clear("stop_price")

    def set_limit_if_touched_price(self, limit_if_touched_price: Amount) -> Self:
        """The price in points at which a limit-if-touched order wakes."""
        return self._set_price("limit_if_touched_price", limit_if_touched_price)

    def copy_limit_if_touched_price(self, source: OrderBuilder | OrderTerms) -> Self:
        return self._copy("limit_if_touched_price", source)

    def clear_limit_if_touched_price(self) -> Self:
        return self._clear("limit_if_touched_price")

    def set_peg_difference(self, peg_difference: Amount) -> Self:
        """How far a trailing stop stays behind the market, in points."""
        return self._set_price("peg_difference", peg_difference)

    def copy_peg_difference(self, source: OrderBuilder | OrderTerms) -> Self:
        return self._copy("peg_difference", source)

    def clear_peg_difference(self) -> Self:
        return self._clear("peg_difference")

    def set_max_show(self, max_show: int) -> Self:
        """Contracts to show of an iceberg."""
        return self._set("max_show", max_show)

    def copy_max_show(self, source: OrderBuilder | OrderTerms) -> Self:
        return self._copy("max_show", source)

    def clear_max_show(self) -> Self:
        return self._clear("max_show")

    def set_time_in_force(self, time_in_force: str) -> Self:
        """One of spec.TIMES_IN_FORCE; Day when it is not set."""
        return self._set("time_in_force", time_in_force)

    def copy_time_in_force(self, source: OrderBuilder | OrderTerms) -> Self:
        return self._copy("time_in_force", source)

    def clear_time_in_force(self) -> Self:
        return self._clear("time_in_force")

    def set_expire_time(self, expire_time: dt.datetime | str) -> Self:
        """When a GTD order ends: an aware time, or its ISO text ("2026-12-18T21:00Z"). Raises InvalidSpec."""
        if isinstance(expire_time, str):
            try:
                expire_time = dt.datetime.fromisoformat(expire_time)
            except ValueError:
                words = f"{expire_time!r} is not a time such as 2026-12-18T21:00Z."
                raise InvalidSpec(Problem("expire_time", words)) from None
        return self._set("expire_time", expire_time)

    def copy_expire_time(self, source: OrderBuilder | OrderTerms) -> Self:
        return self._copy("expire_time", source)

    def clear_expire_time(self) -> Self:
        return self._clear("expire_time")

    def set_text(self, text: str) -> Self:
        """A note that travels with the order, at most 64 characters."""
        return self._set("text", text)

    def copy_text(self, source: OrderBuilder | OrderTerms) -> Self:
        return self._copy("text", source)

    def clear_text(self) -> Self:
        return self._clear("text")

    def set_is_automated(self, is_automated: bool) -> Self:
        """False only when a human clicked this very order; true when it is not set."""
        return self._set("is_automated", is_automated)

    def copy_is_automated(self, source: OrderBuilder | OrderSpec) -> Self:
        return self._copy("is_automated", source)

    def clear_is_automated(self) -> Self:
        return self._clear("is_automated")

    def set_other(self, other: OrderBuilder) -> Self:
        """The order that this one cancels when it trades, and the other way round. Raises InvalidSpec when it is for
        another symbol, quantity or account."""
        self._same_contracts(other, "other")
        return self._set("other", other.copy())

    def copy_other(self, source: OrderBuilder) -> Self:
        return self._copy("other", source)

    def clear_other(self) -> Self:
        return self._clear("other")

    def set_triggers(self, *triggers: OrderBuilder) -> Self:
        """One or two orders that this one's fill sends, two of them as an OCO. Raises InvalidSpec as set_other does."""
        for trigger in triggers:
            self._same_contracts(trigger, "triggers")
        if not 1 <= len(triggers) <= MOST_TRIGGERED:
            words = f"An order can send 1 to {MOST_TRIGGERED} others when it fills, not {len(triggers)}."
            raise InvalidSpec(Problem("triggers", words))
        return self._set("triggers", tuple(trigger.copy() for trigger in triggers))

    def copy_triggers(self, source: OrderBuilder) -> Self:
        return self._copy("triggers", source)

    def clear_triggers(self) -> Self:
        return self._clear("triggers")

    def set_brackets(self, *brackets: Bracket) -> Self:
        """Exits at a distance from the price at which this order fills."""
        return self._set("brackets", brackets)

    def copy_brackets(self, source: OrderBuilder | OrderSpec) -> Self:
        return self._copy("brackets", source)

    def clear_brackets(self) -> Self:
        return self._clear("brackets")

    def build(self, terms: PriceTerms | None = None) -> OrderSpec:
        """The order. `terms` are needed for prices that were given as floats.

        Raises InvalidSpec with all that is wrong.
        """
        needed = {"account_id": "account", "symbol": "symbol", "action": "action", "order_qty": "quantity"}
        missing = [
            Problem(name, f"The order has no {word}: call set_{word}.")
            for name, word in needed.items()
            if name not in self._fields
        ]
        if missing:
            raise InvalidSpec(*missing)
        fields = self._rounded(terms)
        if "other" in fields:
            self._same_contracts(fields["other"], "other")
            fields["other"] = fields["other"]._linked(self, terms)
        if "triggers" in fields:
            for trigger in fields["triggers"]:
                self._same_contracts(trigger, "triggers")
            fields["triggers"] = tuple(one._linked(self, terms) for one in fields["triggers"])
        return OrderSpec(**fields)

    def _linked(self, first: OrderBuilder, terms: PriceTerms | None) -> LinkedOrder:
        """This builder's terms as an order that is linked to the first one."""
        fields = self._rounded(terms)
        for name in ("other", "triggers", "brackets"):
            if name in fields:
                raise InvalidSpec(
                    Problem(name, f"An order that is linked to {first._described()} has no {name} itself.")
                )
        if "action" not in fields:
            raise InvalidSpec(Problem("action", "A linked order has no action: call set_action."))
        own = {field.name for field in dataclasses.fields(LinkedOrder)}
        return LinkedOrder(**{name: value for name, value in fields.items() if name in own})

    def _described(self) -> str:
        return f"{self._fields.get('action', 'an order for')} {self._fields.get('symbol', 'nothing')}"

    def _rounded(self, terms: PriceTerms | None) -> dict[str, Any]:
        fields = dict(self._fields)
        for name in self._floats:
            if terms is None:
                words = (
                    f"{WIRE_NAMES[name]} {fields[name]} is a float: write it as text, or build with the price terms."
                )
                raise InvalidSpec(Problem(name, words))
            # What is beyond all bounds is the spec's to refuse.
            if abs(fields[name]) < HIGHEST_PRICE:
                fields[name] = terms.rounded(fields[name])
        return fields

    def _same_contracts(self, other: OrderBuilder, field: str) -> None:
        for name in ("account_id", "symbol", "order_qty", "is_automated"):
            mine, theirs = self._fields.get(name), other._fields.get(name)
            if theirs is not None and mine is not None and mine != theirs:
                words = f"Linked orders share one {name}: this order has {mine}, the other one {theirs}."
                raise InvalidSpec(Problem(field, words))

    def _set(self, name: str, value: object) -> Self:
        self._fields[name] = value
        return self

    def _set_price(self, name: str, value: Amount) -> Self:
        try:
            price = Decimal(repr(value) if isinstance(value, float) else value)
        except (InvalidOperation, TypeError, ValueError):
            raise InvalidSpec(Problem(name, f"{WIRE_NAMES[name]} {value!r} is not a number.")) from None
        if not price.is_finite():
            raise InvalidSpec(Problem(name, f"{WIRE_NAMES[name]} must be a number, not {value}."))
        self._floats = self._floats | {name} if isinstance(value, float) else self._floats - {name}
        return self._set(name, price)

    def _copy(self, name: str, source: OrderBuilder | OrderTerms) -> Self:
        if isinstance(source, OrderTerms):
            self._floats -= {name}
            return self._set(name, getattr(source, name))
        if name not in source._fields:
            return self._clear(name)
        self._floats = (self._floats - {name}) | (source._floats & {name})
        return self._set(name, copy.deepcopy(source._fields[name]))

    def _clear(self, name: str) -> Self:
        self._fields.pop(name, None)
        self._floats -= {name}
        return self


def from_spec(spec: OrderSpec) -> OrderBuilder:
    """A builder that builds exactly this spec."""
    builder = _from_terms(spec)
    builder.set_account(spec.account_id).set_symbol(spec.symbol).set_quantity(spec.order_qty)
    if not spec.is_automated:
        builder.set_is_automated(False)
    if spec.other is not None:
        builder.set_other(_from_terms(spec.other))
    if spec.triggers:
        builder.set_triggers(*(_from_terms(child) for child in spec.triggers))
    if spec.brackets:
        builder.set_brackets(*spec.brackets)
    return builder


def _from_terms(terms: OrderTerms) -> OrderBuilder:
    builder = OrderBuilder().set_action(terms.action)
    for field in dataclasses.fields(OrderTerms):
        value = getattr(terms, field.name)
        if field.name != "action" and value != field.default:
            builder._set_price(field.name, value) if field.name in PRICES else builder._set(field.name, value)
    return builder
