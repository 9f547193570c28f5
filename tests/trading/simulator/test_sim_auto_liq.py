"""Auto-liquidation: which limit does what at which figure, how long it lasts, and what is left of the orders."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.simulator import entities as e
from trading.simulator.auto_liq import Figures, Measure, breaches, drawdown_floor
from trading.simulator.risk_entities import UserAccountAutoLiq

from .conftest import ESZ6
from .desk import ACCOUNT, Desk

LIQUIDATED, CLOSING_ONLY = "AgreedOnLiquidationByAutoLiq", "AgreedOnLiqOnlyModeByAutoLiq"
money = st.decimals(-10_000, 10_000, places=2)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def figures(net_liq: int, margin: int = 0) -> Figures:
    return Figures(Decimal(net_liq), Decimal(10_000), Decimal(12_000), Decimal(margin))


@pytest.mark.parametrize(
    ("limit", "reached", "missed"),
    [
        ({"daily_loss_auto_liq": 500}, figures(9_500), figures(9_501)),
        ({"daily_loss_auto_liq": -500}, figures(9_500), figures(9_501)),
        ({"daily_loss_percentage_auto_liq": 5}, figures(9_500), figures(9_501)),
        ({"weekly_loss_auto_liq": 3_000}, figures(9_000), figures(9_001)),
        ({"daily_profit_auto_liq": 500}, figures(10_500), figures(10_499)),
        ({"weekly_profit_auto_liq": 500}, figures(12_500), figures(12_499)),
        ({"margin_percentage_auto_liq": 80}, figures(10_000, 8_000), figures(10_000, 7_999)),
        ({"daily_loss_liq_only": 500}, figures(9_500), figures(9_501)),
        ({"daily_loss_percentage_liq_only": 5}, figures(9_500), figures(9_501)),
        ({"margin_percentage_liq_only": 80}, figures(10_000, 8_000), figures(10_000, 7_999)),
        ({"daily_loss_alert": 500}, figures(9_500), figures(9_501)),
        ({"daily_loss_percentage_alert": 5}, figures(9_500), figures(9_501)),
        ({"margin_percentage_alert": 80}, figures(10_000, 8_000), figures(10_000, 7_999)),
    ],
)
def test_each_limit_is_reached_at_its_figure_and_not_before(limit: Any, reached: Figures, missed: Figures) -> None:
    limits = UserAccountAutoLiq(id=1, **{name: Decimal(value) for name, value in limit.items()})
    name = next(iter(limit))
    measure = {"liq": Measure.LIQUIDATE, "only": Measure.LIQUIDATE_ONLY}.get(name.rpartition("_")[2], Measure.ALERT)
    assert [breach.measure for breach in breaches(limits, reached, None)] == [measure]
    assert breaches(limits, missed, None) == []


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "1e999999999", "-1e999999999", "0"])
def test_amounts_that_nobody_can_reach_do_not_apply(amount: str) -> None:
    limits = UserAccountAutoLiq(id=1, daily_loss_auto_liq=Decimal(amount), trailing_max_drawdown=Decimal(amount))
    assert breaches(limits, figures(1), drawdown_floor(limits, Decimal(10_000), Decimal(10_000))) == []


def test_the_severest_comes_first_and_zero_does_not_apply() -> None:
    limits = UserAccountAutoLiq(id=1, daily_loss_alert=Decimal(100), daily_loss_auto_liq=Decimal(400))
    assert [b.measure for b in breaches(limits, figures(9_000), None)] == [Measure.LIQUIDATE, Measure.ALERT]
    assert breaches(UserAccountAutoLiq(id=1, daily_loss_auto_liq=Decimal(0)), figures(1), None) == []


@given(
    st.lists(money, min_size=1), money, st.decimals(1, 5_000, places=2), st.none() | st.decimals(1, 10_000, places=2)
)
def test_a_drawdown_floor_only_rises_and_stops_at_its_limit(values, paid_in, drawdown, limit) -> None:
    limits = UserAccountAutoLiq(id=1, trailing_max_drawdown=drawdown, trailing_max_drawdown_limit=limit)
    peak = values[0]
    floors = []
    for value in values:
        peak = max(peak, value)
        floors.append(drawdown_floor(limits, peak, paid_in))
    assert floors == sorted(floors)
    assert all(floor <= (limit or paid_in) and floor <= peak - drawdown for floor in floors)


def test_a_daily_loss_closes_cancels_and_locks_until_the_day_ends(desk: Desk) -> None:
    desk.limit(dailyLossAutoLiq=500)
    desk.place("Buy", 2)
    resting = desk.place("Buy", 1, orderType="Limit", price=6000, timeInForce="GTC").order_id
    desk.price("6846")
    assert (desk.net, desk.status.admin_action) == (2, "Normal")
    desk.price("6845")
    assert (desk.net, desk.status.admin_action) == (0, LIQUIDATED)
    assert desk.order(resting).ord_status == "Canceled"
    closing = [order for order in desk.store.all(e.Order) if order.admin]
    assert [(order.action, order.ord_status) for order in closing] == [("Sell", "Filled")]
    assert desk.place("Buy", 1).failure_reason == "TradingLocked"
    desk.next_day()
    assert desk.status.admin_action == "Normal"
    assert desk.place("Buy", 1).order_id


def test_do_not_unlock_outlives_the_day(desk: Desk) -> None:
    desk.limit(dailyProfitAutoLiq=500, doNotUnlock=True)
    desk.place("Buy", 2)
    desk.price("6860")
    assert desk.net == 0
    desk.next_day()
    assert desk.place("Buy", 1).failure_reason == "TradingLocked"


def test_a_weekly_loss_locks_again_on_the_next_day(desk: Desk) -> None:
    desk.limit(weeklyLossAutoLiq=500)
    desk.place("Buy", 2)
    desk.price("6840")
    desk.next_day()
    assert desk.status.admin_action == LIQUIDATED


def test_liquidate_only_takes_entries_out_and_lets_exits_through(desk: Desk) -> None:
    desk.place("Buy", 2)
    entry = desk.place("Buy", 1, orderType="Limit", price=6000).order_id
    stop = desk.place("Sell", 2, orderType="Stop", stopPrice=6000).order_id
    desk.limit(dailyLossLiqOnly=500)
    desk.price("6840")
    assert (desk.status.admin_action, desk.status.liquidate_only is None) == (CLOSING_ONLY, False)
    assert (desk.order(entry).ord_status, desk.order(stop).ord_status) == ("Canceled", "Working")
    assert desk.place("Buy", 1).failure_reason == "LiquidationOnly"
    assert desk.place("Sell", 3).failure_reason == "LiquidationOnly"
    assert desk.order(desk.place("Sell", 1).order_id).ord_status == "Filled"
    desk.next_day()
    assert (desk.status.admin_action, desk.status.liquidate_only) == ("Normal", None)


def test_a_trailing_drawdown_follows_profit_as_it_comes(desk: Desk) -> None:
    desk.limit(trailingMaxDrawdown=1000, trailingMaxDrawdownLimit=100_500)
    desk.place("Buy", 1)
    desk.price("6870")
    assert desk.status.max_net_liq == Decimal("100998.11")
    assert desk.status.min_net_liq == Decimal("99998.11")
    desk.price("6851")
    assert desk.net == 1
    desk.price("6849")
    assert (desk.net, desk.status.admin_action) == (0, LIQUIDATED)


def test_a_trailing_drawdown_stops_at_what_was_paid_in(desk: Desk) -> None:
    desk.limit(trailingMaxDrawdown=1000)
    desk.place("Buy", 1)
    desk.price("6900")
    assert desk.status.min_net_liq == 100_000


def test_an_end_of_day_drawdown_looks_at_the_peak_once_a_day(desk: Desk) -> None:
    desk.limit(trailingMaxDrawdown=1000, trailingMaxDrawdownMode="EOD")
    assert desk.status.min_net_liq == 99_000
    desk.place("Buy", 1)
    desk.price("6869")
    assert desk.status.max_net_liq == 100_000
    desk.next_day()
    assert desk.status.max_net_liq is not None
    assert desk.status.max_net_liq > 100_500


def test_a_deposit_moves_the_drawdown_and_is_no_profit(desk: Desk) -> None:
    desk.limit(trailingMaxDrawdown=1000, dailyProfitAutoLiq=500)
    desk.simulation.booking.deposit(ACCOUNT, Decimal(5000))
    desk.broker.sweep()
    assert (desk.status.max_net_liq, desk.status.min_net_liq) == (105_000, 104_000)
    assert desk.status.admin_action == "Normal"


def test_a_flatten_time_closes_everything_once_without_a_lock(desk: Desk) -> None:
    desk.place("Buy", 2)
    desk.place("Buy", 1, orderType="Limit", price=6000)
    desk.limit(flattenTimestamp="2026-11-18T15:10:00.000Z")
    assert desk.net == 2
    desk.simulation.clock.advance(601)
    desk.broker.sweep()
    assert desk.net == 0
    assert not desk.broker.execution.waiting()
    desk.place("Buy", 1)
    desk.broker.sweep()
    assert desk.net == 1


@pytest.mark.parametrize("action", ["PlaceAutoLiqOnHold", "DisableAutoLiq"])
def test_nothing_happens_while_it_is_off(desk: Desk, action: str) -> None:
    desk.limit(dailyLossAutoLiq=500)
    desk.act(action)
    desk.place("Buy", 2)
    desk.price("6800")
    assert desk.net == 2
    desk.act("Normal")
    assert desk.net == 0


@pytest.mark.parametrize(
    ("action", "net", "reason"),
    [
        ("LiquidateImmediately", 0, "TradingLocked"),
        ("LockTradingImmediately", 2, "TradingLocked"),
        ("LiquidateOnlyModeImmediately", 2, "LiquidationOnly"),
    ],
)
def test_what_an_administrator_imposes_stays(desk: Desk, action: str, net: int, reason: str) -> None:
    desk.place("Buy", 2)
    desk.act(action)
    assert desk.net == net
    assert desk.place("Buy", 1).failure_reason == reason
    desk.next_day()
    assert desk.status.admin_action == action


def test_a_thin_market_is_liquidated_step_by_step_with_one_order(desk: Desk) -> None:
    desk.simulation.booking.deposit(ACCOUNT, Decimal(10_000_000))
    desk.place("Buy", 40)
    desk.simulation.feed.market(ESZ6).level_size = 2
    desk.act("LiquidateImmediately")
    assert desk.net == 30
    for _ in range(3):
        desk.price("6850")
    assert desk.net == 0
    assert len([order for order in desk.store.all(e.Order) if order.admin]) == 1


def test_a_strategy_is_interrupted_by_a_liquidation(desk: Desk) -> None:
    bracket = {"qty": 2, "profitTarget": 50, "stopLoss": -50}
    strategy = desk.strategy("Buy", {"orderQty": 2, "orderType": "Market"}, bracket).order_strategy
    desk.limit(dailyLossAutoLiq=500)
    desk.price("6840")
    assert (desk.net, strategy.status) == (0, "ExecutionInterrupted")
    assert not desk.broker.execution.waiting()


def test_locked_changes_are_open_again_on_the_next_day(desk: Desk) -> None:
    desk.limit(dailyLossAutoLiq=500, changesLocked=True)
    desk.next_day()
    limits = desk.store.get(UserAccountAutoLiq, ACCOUNT)
    assert limits is not None
    assert limits.changes_locked is False
