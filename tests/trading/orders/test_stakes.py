"""What an order with exits at prices risks and may gain."""

from decimal import Decimal
from typing import Any

import pytest

from trading.orders.prices import PriceTerms
from trading.orders.spec import LinkedOrder, OrderSpec
from trading.orders.stakes import Stakes, stakes

OIL = PriceTerms(Decimal("0.01"), Decimal(1000))


@pytest.mark.parametrize(
    ("entry", "risk", "reward"),
    [
        ({"order_type": "Limit", "price": Decimal(0)}, 1000, 2000),
        ({"order_type": "Stop", "stop_price": Decimal(0)}, 1000, 2000),
        # It may fill as high as its limit.
        ({"order_type": "StopLimit", "stop_price": Decimal(0), "price": Decimal("0.5")}, 1500, 1500),
    ],
)
def test_risk_and_reward_count_from_the_worst_price_of_the_entry(entry: dict[str, Any], risk: int, reward: int) -> None:
    exits = (
        LinkedOrder(action="Sell", order_type="Limit", price=Decimal(2)),
        LinkedOrder(action="Sell", order_type="Stop", stop_price=Decimal(-1)),
    )
    spec = OrderSpec(account_id=1, symbol="CLZ6", action="Buy", order_qty=1, triggers=exits, **entry)
    assert stakes(spec, OIL) == Stakes(Decimal(risk), Decimal(reward))


def test_at_the_market_nothing_is_known_to_be_at_stake() -> None:
    exits = (LinkedOrder(action="Sell", order_type="Stop", stop_price=Decimal(-1)),)
    assert stakes(OrderSpec(account_id=1, symbol="CLZ6", action="Buy", order_qty=1, triggers=exits), OIL) is None
