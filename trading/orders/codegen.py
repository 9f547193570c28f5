"""An order as text that makes it again: builder code, a line of an order file, and Tradovate's JSON."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec

from trading.orders.messages import Message
from trading.orders.prices import Distance
from trading.orders.spec import Bracket, OrderSpec, OrderTerms
from trading.tradovate.entities.codec import encode

# The templates of trading.orders.templates, by what they set: arguments in their order.
_TEMPLATES = {
    "Market": ("market", ()),
    "Limit": ("limit", ("price",)),
    "Stop": ("stop", ("stop_price",)),
    "StopLimit": ("stop_limit", ("stop_price", "price")),
    "MIT": ("if_touched", ("price",)),
}
_INDENT = "    "


class NoFileLine(ValueError):
    """The order cannot be a line of an order file; the text says why."""


def builder_code(spec: OrderSpec) -> str:
    """Python that builds `spec` anew with the names of trading.orders.templates, .builder, .spec and .prices; ends in
    `.build()`. Prices are text, so that nothing is rounded."""
    if spec.other is not None:
        code = _call("one_cancels_other", _order(spec, spec), _order(spec, spec.other))
    elif spec.triggers:
        children = [_order(spec, child) for child in spec.triggers]
        second = children[0] if len(children) == 1 else _call("one_cancels_other", *children)
        code = _call("first_triggers_second", _order(spec, spec), second)
    else:
        code = _order(spec, spec)
    if spec.brackets:
        code += "\n" + _call(".set_brackets", *(_bracket(one) for one in spec.brackets))
    code += f"\n.set_account({spec.account_id})"
    if not spec.is_automated:
        code += "\n.set_is_automated(False)"
    return f"({_indented(code)}\n).build()" if "\n" in code else f"{code}.build()"


def file_line(spec: OrderSpec) -> str:
    """`spec` as a line of an order file ("ESZ6 -3"). Raises NoFileLine for what such a line cannot say."""
    plain = OrderTerms(action=spec.action, text=spec.text)
    if any(getattr(spec, name) != getattr(plain, name) for name in ("order_type", "time_in_force")):
        raise NoFileLine(
            f"A line of an order file is a market order for the day: a {spec.order_type} order "
            f"that is {spec.time_in_force} cannot be one."
        )
    if spec.max_show is not None:
        raise NoFileLine("A line of an order file shows all of its contracts: an iceberg cannot be one.")
    if spec.other or spec.triggers or spec.brackets:
        raise NoFileLine("A line of an order file is an order by itself: one with linked orders cannot be one.")
    return f"{spec.symbol} {spec.order_qty if spec.action == 'Buy' else -spec.order_qty}"


def raw_json(message: Message) -> str:
    """The body that goes to Tradovate, as JSON with a field a line."""
    return msgspec.json.format(encode(message).decode(), indent=2)


def _order(spec: OrderSpec, terms: OrderTerms) -> str:
    words, arguments = _TEMPLATES.get(terms.order_type, ("", ()))
    if words:
        given = [repr(spec.symbol), str(spec.order_qty), *(_value(getattr(terms, name)) for name in arguments)]
        code = f"{terms.action.lower()}_{words}({', '.join(given)})"
    else:
        code = (
            f"OrderBuilder().set_symbol({spec.symbol!r}).set_action({terms.action!r})"
            f".set_quantity({spec.order_qty}).set_order_type({terms.order_type!r})"
        )
    rest = [name for name, value in terms.prices() if name not in arguments]
    rest += [
        name
        for name in ("max_show", "time_in_force", "expire_time", "text")
        if getattr(terms, name) != getattr(OrderTerms(action=terms.action), name)
    ]
    return code + "".join(f".set_{name}({_value(getattr(terms, name))})" for name in rest)


def _value(value: object) -> str:
    match value:
        case Decimal():
            return repr(f"{value:f}")
        case dt.datetime():
            return repr(value.isoformat())
        case _:
            return repr(value)


def _bracket(bracket: Bracket) -> str:
    given = [f"order_qty={bracket.order_qty}"]
    given += [f"{name}={_distance(distance)}" for name, distance in bracket.distances()]
    if bracket.trailing_stop:
        given.append("trailing_stop=True")
    return f"Bracket({', '.join(given)})"


def _distance(distance: Distance) -> str:
    return f"Distance(Decimal({_value(distance.amount)}), Unit.{distance.unit.name})"


def _call(name: str, *arguments: str) -> str:
    inner = "".join(f"{_indented(argument)}," for argument in arguments)
    return f"{name}({inner}\n)"


def _indented(code: str) -> str:
    return "".join(f"\n{_INDENT}{line}" for line in code.splitlines())
