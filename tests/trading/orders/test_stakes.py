"""What an order with exits at prices risks and may gain."""

from decimal import Decimal
from typing import Any

import pytest

from trading.orders.prices import Distance, PriceTerms
from trading.orders.spec import Bracket, LinkedOrder, OrderSpec
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


def test_of_two_exits_on_one_side_one_trades() -> None:
    exits = tuple(LinkedOrder(action="Sell", order_type="Stop", stop_price=Decimal(-away)) for away in (1, 3))
    spec = OrderSpec(
        account_id=1, symbol="CLZ6", action="Buy", order_qty=1, order_type="Limit", price=Decimal(0), triggers=exits
    )
    assert stakes(spec, OIL) == Stakes(Decimal(3000), None)


def test_brackets_of_a_strategy_are_each_for_contracts_of_their_own() -> None:
    brackets = tuple(Bracket(order_qty=qty, stop_loss=Distance(Decimal(qty))) for qty in (1, 2))
    spec = OrderSpec(account_id=1, symbol="CLZ6", action="Buy", order_qty=3, brackets=brackets)
    assert stakes(spec, OIL) == Stakes(Decimal(5000), None)
