"""A spec that cannot be an order says which field to mend."""

from decimal import Decimal
from typing import Any

import pytest

from trading.orders.spec import InvalidSpec, OrderSpec


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
    ],
)
def test_names_the_field_that_is_wrong(wrong: dict[str, Any], field: str) -> None:
    good: dict[str, Any] = {"account_id": 1, "symbol": "ESZ6", "action": "Buy", "order_qty": 2}
    with pytest.raises(InvalidSpec) as refused:
        OrderSpec(**{**good, **wrong})
    assert refused.value.field == field
    assert str(refused.value).endswith(".")


def test_prices_of_each_type_are_taken() -> None:
    price = Decimal("5000.25")
    OrderSpec(account_id=1, symbol="ESZ6", action="Sell", order_qty=1, order_type="Limit", price=price)
    OrderSpec(account_id=1, symbol="ESZ6", action="Sell", order_qty=1, order_type="Stop", stop_price=price)
    both = OrderSpec(
        account_id=1, symbol="ESZ6", action="Sell", order_qty=1, order_type="StopLimit", price=price, stop_price=price
    )
    assert both.is_automated
