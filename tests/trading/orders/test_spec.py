"""A spec that cannot be an order says which field to mend."""

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import pytest

from trading.orders import checks
from trading.orders.prices import Distance, PriceTerms, Unit
from trading.orders.spec import Bracket, InvalidSpec, LinkedOrder, OrderSpec

# What a message calls a field, where that is not Tradovate's own name.
SAID = {
    "order_qty": "quantity",
    "profit_target": "profit target",
    "stop_loss": "stop loss",
    "triggers": "triggers|when it fills",
}


def said(field: str) -> str:
    """What a message must have in it to name a field: "other.stop_price" -> "stopPrice"."""
    name = field.rpartition(".")[2]
    first, *others = name.split("_")
    return SAID.get(name, first + "".join(other.capitalize() for other in others))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"symbol": ""}, "symbol"),
        ({"symbol": "esz6"}, "symbol"),
        ({"symbol": "E" * 33}, "symbol"),
        ({"action": "buy"}, "action"),
        ({"order_qty": 0}, "order_qty"),
        ({"order_qty": -2}, "order_qty"),
        ({"order_type": "Guess"}, "order_type"),
        ({"time_in_force": "Later"}, "time_in_force"),
        ({"price": Decimal(1)}, "price"),
        ({"order_type": "Limit"}, "price"),
        ({"order_type": "Limit", "price": Decimal("NaN")}, "price"),
        ({"order_type": "StopLimit", "price": Decimal(5000)}, "stop_price"),
        ({"order_type": "Stop", "stop_price": Decimal(5000), "price": Decimal(5000)}, "price"),
        ({"order_type": "QTS"}, "order_type"),
        ({"order_type": "MIT"}, "price"),
        ({"order_type": "LimitIfTouched", "price": Decimal(5000)}, "limit_if_touched_price"),
        ({"order_type": "TrailingStop", "peg_difference": Decimal(2)}, "stop_price"),
        ({"order_type": "TrailingStop", "stop_price": Decimal(1), "peg_difference": Decimal(0)}, "peg_difference"),
        ({"time_in_force": "GTD"}, "expire_time"),
        ({"expire_time": dt.datetime(2026, 12, 1, tzinfo=dt.UTC)}, "expire_time"),
        ({"time_in_force": "GTD", "expire_time": dt.datetime(2026, 12, 1)}, "expire_time"),  # noqa: DTZ001
        ({"max_show": 0}, "max_show"),
        ({"max_show": 3}, "max_show"),
        ({"text": "x" * 65}, "text"),
        ({"text": "two\nlines"}, "text"),
        ({"other": LinkedOrder(action="Sell", order_type="Limit")}, "other.price"),
        ({"triggers": (LinkedOrder(action="sell"),)}, "triggers[0].action"),
        ({"triggers": (LinkedOrder(action="Sell"),) * 3}, "triggers"),
        ({"other": LinkedOrder(action="Sell"), "triggers": (LinkedOrder(action="Sell"),)}, "triggers"),
        ({"brackets": (Bracket(order_qty=3, stop_loss=Distance(Decimal(2))),)}, "brackets"),
        ({"brackets": (Bracket(order_qty=2),)}, "brackets[0].profit_target"),
        ({"brackets": (Bracket(order_qty=2, stop_loss=Distance(Decimal(-2))),)}, "brackets[0].stop_loss"),
        ({"brackets": (Bracket(order_qty=2, stop_loss=Distance(Decimal("1e30"))),)}, "brackets[0].stop_loss"),
        ({"brackets": (Bracket(order_qty=2, stop_loss=Distance(Decimal("1e-30"))),)}, "brackets[0].stop_loss"),
        (
            {"brackets": (Bracket(order_qty=2, stop_loss=Distance(Decimal("1e30"), Unit.TICKS)),)},
            "brackets[0].stop_loss",
        ),
        (
            {"brackets": (Bracket(order_qty=2, stop_loss=Distance(Decimal("1.5"), Unit.TICKS)),)},
            "brackets[0].stop_loss",
        ),
        (
            {"brackets": (Bracket(order_qty=2, profit_target=Distance(Decimal(2)), trailing_stop=True),)},
            "brackets[0].stop_loss",
        ),
    ],
)
def test_names_the_field_that_is_wrong(wrong: dict[str, Any], field: str) -> None:
    good: dict[str, Any] = {"account_id": 1, "symbol": "ESZ6", "action": "Buy", "order_qty": 2}
    with pytest.raises(InvalidSpec) as refused:
        OrderSpec(**{**good, **wrong})
    assert refused.value.field == field
    assert re.search(said(field), refused.value.problems[0].message, re.IGNORECASE)
    assert str(refused.value).endswith(".")


def test_prices_of_each_type_are_taken() -> None:
    price = Decimal("5000.25")
    OrderSpec(account_id=1, symbol="ESZ6", action="Sell", order_qty=1, order_type="Limit", price=price)
    OrderSpec(account_id=1, symbol="ESZ6", action="Sell", order_qty=1, order_type="Stop", stop_price=price)
    both = OrderSpec(
        account_id=1, symbol="ESZ6", action="Sell", order_qty=1, order_type="StopLimit", price=price, stop_price=price
    )
    assert both.is_automated


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InvalidSpec) as refused:
        OrderSpec(account_id=1, symbol="ESZ6", action="Hold", order_qty=0, order_type="Limit", time_in_force="GTD")
    assert [problem.field for problem in refused.value.problems] == ["order_qty", "action", "price", "expire_time"]


@pytest.mark.parametrize(
    ("action", "exits", "wrong"),
    [
        ("Buy", {"order_type": "Limit", "price": Decimal(4999)}, "target at 4999 must be above the entry at 5000"),
        ("Buy", {"order_type": "Stop", "stop_price": Decimal(5001)}, "stop at 5001 must be below the entry at 5000"),
        ("Sell", {"order_type": "Limit", "price": Decimal(5000)}, "target at 5000 must be below the entry at 5000"),
        ("Sell", {"order_type": "Stop", "stop_price": Decimal(4999)}, "stop at 4999 must be above the entry at 5000"),
        ("Buy", {"order_type": "Limit", "price": Decimal(5001)}, ""),
        ("Sell", {"order_type": "Stop", "stop_price": Decimal(5001)}, ""),
    ],
)
def test_exits_lie_on_their_side_of_the_entry(action: str, exits: dict[str, Any], wrong: str) -> None:
    child = LinkedOrder(action="Sell" if action == "Buy" else "Buy", **exits)
    entry: dict[str, Any] = {"account_id": 1, "symbol": "ESZ6", "order_qty": 1, "order_type": "Limit"}
    if not wrong:
        OrderSpec(**entry, action=action, price=Decimal(5000), triggers=(child,))
        return
    with pytest.raises(InvalidSpec, match=wrong):
        OrderSpec(**entry, action=action, price=Decimal(5000), triggers=(child,))


def test_a_price_off_the_tick_names_its_neighbours() -> None:
    spec = OrderSpec(
        account_id=1, symbol="ESZ6", action="Buy", order_qty=2, order_type="Stop", stop_price=Decimal("5001.10"),
        brackets=(
            Bracket(
                order_qty=2, profit_target=Distance(Decimal("1.1")), stop_loss=Distance(Decimal(12), Unit.DOLLARS)
            ),
        ),
    )  # fmt: skip
    findings = list(checks.on_tick(spec, PriceTerms(Decimal("0.25"), Decimal(50))))
    assert [(one.field, one.message) for one in findings] == [
        ("stop_price", "stopPrice 5001.10 is not a multiple of 0.25: nearest 5001.00 or 5001.25."),
        (
            "brackets[0].profit_target",
            "Profit target 1.1 points is not a multiple of the tick: 0.25 points, $12.50 on one contract.",
        ),
        (
            "brackets[0].stop_loss",
            "Stop loss 12 dollars is not a multiple of the tick: 0.25 points, $12.50 on one contract.",
        ),
    ]


@pytest.mark.parametrize("price", ["1e10", "-1e40", "1e999999", "-1e9999999", "0.000000001"])
def test_a_price_that_cannot_be_kept_as_it_is_is_refused(price: str) -> None:
    with pytest.raises(InvalidSpec, match="decimals at most"):
        OrderSpec(account_id=1, symbol="ESZ6", action="Buy", order_qty=1, order_type="Limit", price=Decimal(price))


@pytest.mark.parametrize("order_qty", [2.5, 2**31])
def test_a_quantity_that_cannot_be_kept_as_it_is_is_refused(order_qty: Any) -> None:
    with pytest.raises(InvalidSpec, match="whole contracts"):
        OrderSpec(account_id=1, symbol="ESZ6", action="Buy", order_qty=order_qty)
