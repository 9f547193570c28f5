"""A position is turned around only as far as it is known: an order of it that trades meanwhile makes it another one."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from tests.trading.orders.pressing import bought, contract_id, received
from trading.models import Account
from trading.orders import desk, exits, looks
from trading.orders.spec import OrderSpec
from trading.simulator import RunningSimulator


@pytest.mark.parametrize(
    ("traded", "behind"),
    [
        (2, ["net_position"]),
        (1, ["net_position"]),
        (2, ["net_position", "filled_today"]),
    ],
)
def test_a_target_that_trades_while_it_is_cancelled_is_seen_whatever_else_is_behind(
    simulator: RunningSimulator,
    user: User,
    account: Account,
    symbol: str,
    monkeypatch: pytest.MonkeyPatch,
    traded: int,
    behind: list[str],
) -> None:
    """Tradovate's lists may be some milliseconds apart: orders are not positions."""
    simulator.control.price(symbol, 5000)
    bought(user, account, symbol)
    target = OrderSpec(
        account_id=account.pk, symbol=symbol, action="Sell", order_qty=2, order_type="Limit", price=Decimal(5010)
    )
    [placed] = desk.place(user, target, "click:1").intents
    number, cleared, net_position = contract_id(symbol), desk.clear, looks.net_position

    def overtaken(*about: Any) -> exits.Cleared:
        simulator.control.liquidity(symbol, traded)
        simulator.control.price(symbol, 5010.25)
        simulator.control.price(symbol, 5000)
        return cleared(*about)

    monkeypatch.setattr(desk, "clear", overtaken)
    as_before = {"net_position": lambda *_: 2, "filled_today": lambda _, orders: dict.fromkeys(orders, 0)}
    for look in behind:
        monkeypatch.setattr(looks, look, as_before[look])
    outcome = desk.reverse(user, account.pk, number, "click:2")
    assert not outcome.succeeded
    assert f"Nothing was reversed. Order {placed.order_id_at_broker} traded" in outcome.words
    assert len(received(simulator, "order/placeorder")) == 2
    assert net_position(account, number) == 2 - traded


def test_where_its_fills_cannot_be_read_nothing_is_turned_around(
    simulator: RunningSimulator, user: User, account: Account, symbol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bought(user, account, symbol)
    rests = OrderSpec(
        account_id=account.pk, symbol=symbol, action="Buy", order_qty=2, order_type="Limit", price=Decimal(4000)
    )
    assert desk.place(user, rests, "click:1").succeeded
    cleared = desk.clear

    def overtaken(*about: Any) -> exits.Cleared:
        simulator.control.fault("error_500", "fill/ldeps")
        return cleared(*about)

    monkeypatch.setattr(desk, "clear", overtaken)
    assert "Nothing was reversed." in desk.reverse(user, account.pk, contract_id(symbol), "click:2").words
    assert looks.net_position(account, contract_id(symbol)) == 2
