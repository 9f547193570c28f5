"""Exits of an open position: where they lie, that there is one pair of them, and a stop that moves to break-even."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Connection
from trading.models import Account
from trading.orders import desk, looks, position_exits
from trading.orders.position_exits import Held, NoPosition, exits_of
from trading.orders.prices import Distance, PriceTerms, Unit
from trading.orders.spec import LinkedOrder, OrderSpec
from trading.simulator import RunningSimulator
from trading.tradovate.entities import Position

TERMS = PriceTerms(Decimal("0.25"), Decimal(50))


@given(st.integers(1, 50), st.integers(-400, 40_000), st.integers(1, 500), st.integers(1, 500), st.booleans())
def test_exits_close_the_position_on_the_right_side_of_it_and_on_ticks(
    qty: int, quarters_of_a_tick: int, target: int, stop: int, long: bool
) -> None:
    average = Decimal(quarters_of_a_tick) * Decimal("0.0625")
    held = Held("ESZ6", qty if long else -qty, average, TERMS)
    spec = exits_of(held, 1, Distance(Decimal(target), Unit.TICKS), Distance(Decimal(stop), Unit.TICKS))
    assert spec.other is not None
    assert spec.price is not None
    assert spec.other.stop_price is not None
    gain = 1 if long else -1
    assert (spec.action, spec.other.action, spec.order_qty) == (*[held.closing] * 2, qty)
    assert (spec.price - spec.other.stop_price) * gain == (target + stop) * TERMS.tick_size
    assert TERMS.is_on_tick(spec.price)
    assert (average - spec.other.stop_price) * gain <= stop * TERMS.tick_size, "no more is risked than was asked"
    assert (held.break_even - average) * gain >= 0
    assert TERMS.is_on_tick(held.break_even)
    assert abs(held.break_even - average) < TERMS.tick_size


@pytest.mark.parametrize("distance", [Distance(Decimal(-4)), Distance(Decimal("0.1")), Distance(Decimal("NaN"))])
def test_a_distance_that_cannot_be_is_refused_in_words(distance: Distance) -> None:
    with pytest.raises(NoPosition, match="target"):
        exits_of(Held("ESZ6", 1, Decimal(5000), TERMS), 1, distance, None)


@pytest.fixture
def contract_id(simulator: RunningSimulator, connection: Connection, account: Account, symbol: str) -> int:
    """The contract of which the account is long three."""
    simulator.control.price(symbol, 5000)
    order = OrderSpec(account_id=account.pk, symbol=symbol, action="Buy", order_qty=3)
    assert desk.place(connection.user, order, "click:entry").succeeded
    [position] = looks.open_positions(connection, {account.tradovate_id})
    assert position.net_pos == 3
    return position.contract_id


def working(connection: Connection, account: Account) -> list[tuple[str, str, Decimal | None]]:
    orders = looks.open_orders(connection, {account.tradovate_id})
    versions = [looks.standing(connection, order.id).version for order in orders]
    pairs = sorted(zip(orders, versions, strict=True), key=lambda pair: pair[0].id)
    return [(order.action, version.order_type, version.price or version.stop_price) for order, version in pairs]


def test_a_position_gets_one_pair_of_exits(
    simulator: RunningSimulator, connection: Connection, account: Account, contract_id: int
) -> None:
    ticks = Distance(Decimal(40), Unit.TICKS)

    def press(key: str) -> desk.Outcome:
        return position_exits.add_exits(connection.user, account.pk, contract_id, ticks, ticks, key)

    assert press("click:1").succeeded
    assert press("click:1").succeeded, "a repeat is told what came of the first"
    assert press("click:2").refused
    assert "has exits already" in press("click:3").words
    [target, stop] = working(connection, account)
    assert (target[:2], stop[:2]) == (("Sell", "Limit"), ("Sell", "Stop"))
    assert (target[2] or 0) - (stop[2] or 0) == 20


def test_a_stop_moves_to_break_even_once_that_lies_behind_the_market(
    simulator: RunningSimulator, connection: Connection, account: Account, symbol: str, contract_id: int
) -> None:
    user, far = connection.user, Distance(Decimal(25))

    def press(key: str) -> desk.Outcome:
        return position_exits.to_break_even(user, account.pk, contract_id, key)

    assert "no stop order to move" in press("click:1").words
    assert position_exits.add_exits(user, account.pk, contract_id, None, far, "click:2").succeeded
    [position] = looks.open_positions(connection, {account.tradovate_id})
    simulator.control.price(symbol, 5040)
    assert press("click:3").succeeded
    assert press("click:3").succeeded
    [(_, kind, stop)] = working(connection, account)
    assert kind == "Stop"
    assert stop is not None
    assert position.net_price is not None
    assert 0 <= stop - position.net_price < Decimal("0.25")
    simulator.control.price(symbol, 4900)
    assert looks.open_positions(connection, {account.tradovate_id}) == []
    again = press("click:3")
    assert again.succeeded, again.words
    assert [one.kind for one in again.intents] == ["modify"]


def test_a_stop_that_would_do_better_than_break_even_stays_where_it_is(
    simulator: RunningSimulator, connection: Connection, account: Account, symbol: str, contract_id: int
) -> None:
    simulator.control.price(symbol, 5040)
    locked = OrderSpec(
        account_id=account.pk, symbol=symbol, action="Sell", order_qty=3, order_type="Stop", stop_price=Decimal(5020)
    )
    assert desk.place(connection.user, locked, "click:stop").succeeded
    pressed = position_exits.to_break_even(connection.user, account.pk, contract_id, "click:1")
    assert pressed.refused
    assert "or better already" in pressed.words
    assert [stop for *_, stop in working(connection, account)] == [5020]


def test_a_stop_that_is_for_more_than_the_position_is_not_moved_with_its_own(
    simulator: RunningSimulator, connection: Connection, account: Account, symbol: str, contract_id: int
) -> None:
    """It enters the market there where its trader wants it to, and at break-even it would turn the position around."""

    def press(key: str) -> desk.Outcome:
        return position_exits.to_break_even(connection.user, account.pk, contract_id, key)

    def stop(key: str, price: int) -> None:
        spec = OrderSpec(
            account_id=account.pk,
            symbol=symbol,
            action="Sell",
            order_qty=1,
            order_type="Stop",
            stop_price=Decimal(price),
        )
        assert desk.place(connection.user, spec, key).succeeded

    [held] = looks.open_positions(connection, {account.tradovate_id})
    assert held.net_pos == 3
    for number, price in enumerate((4900, 4990, 4980, 4970)):
        stop(f"click:stop:{number}", price)
    simulator.control.price(symbol, 5040)
    assert press("click:1").succeeded
    [entering, *moved] = [price or 0 for *_, price in working(connection, account)]
    assert entering == 4900
    assert all(abs(price - 5000) < 1 for price in moved)
    simulator.control.price(symbol, 4950)
    assert looks.open_positions(connection, {account.tradovate_id}) == []


def test_stops_for_more_contracts_than_are_held_are_left_and_said(
    simulator: RunningSimulator, connection: Connection, account: Account, symbol: str, contract_id: int
) -> None:
    far = Distance(Decimal(25))
    assert position_exits.add_exits(connection.user, account.pk, contract_id, None, far, "click:1").succeeded
    part = OrderSpec(account_id=account.pk, symbol=symbol, action="Sell", order_qty=1)
    assert desk.place(connection.user, part, "click:2").succeeded
    simulator.control.price(symbol, 5040)
    pressed = position_exits.to_break_even(connection.user, account.pk, contract_id, "click:3")
    assert pressed.refused
    assert "more contracts than the 2 that are held" in pressed.words


def test_the_exits_of_an_entry_that_has_not_filled_are_not_those_of_the_position(
    simulator: RunningSimulator, connection: Connection, account: Account, symbol: str, contract_id: int
) -> None:
    """They would be moved to the wrong side of their own entry, and close it the moment that it fills."""
    exits = (
        LinkedOrder(action="Sell", order_type="Limit", price=Decimal(4970)),
        LinkedOrder(action="Sell", order_type="Stop", stop_price=Decimal(4940)),
    )
    entry = OrderSpec(
        account_id=account.pk,
        symbol=symbol,
        action="Buy",
        order_qty=1,
        order_type="Limit",
        price=Decimal(4950),
        triggers=exits,
    )
    assert desk.place(connection.user, entry, "click:entry with exits").succeeded
    simulator.control.price(symbol, 5010)
    far = Distance(Decimal(30))
    pressed = position_exits.to_break_even(connection.user, account.pk, contract_id, "click:1")
    assert "no stop order to move" in pressed.words
    assert position_exits.add_exits(connection.user, account.pk, contract_id, far, far, "click:2").succeeded
    assert position_exits.to_break_even(connection.user, account.pk, contract_id, "click:3").succeeded
    [*of_entry, _, moved] = [price for *_, price in working(connection, account)]
    assert of_entry == [4950, 4970, 4940]
    assert abs((moved or 0) - 5000) < 1


def test_the_exits_of_an_entry_that_has_filled_in_part_are_those_of_the_position(
    simulator: RunningSimulator, connection: Connection, account: Account, symbol: str, contract_id: int
) -> None:
    assert desk.flatten(connection.user, account.pk, contract_id, "click:flat").succeeded
    exits = (LinkedOrder(action="Sell", order_type="Limit", price=Decimal(5100)),)
    entry = OrderSpec(
        account_id=account.pk,
        symbol=symbol,
        action="Buy",
        order_qty=2,
        order_type="Limit",
        price=Decimal(5000),
        triggers=exits,
    )
    simulator.control.liquidity(symbol, 1)
    assert desk.place(connection.user, entry, "click:entry with exits").succeeded
    [position] = looks.open_positions(connection, {account.tradovate_id})
    assert position.net_pos == 1
    pressed = position_exits.add_exits(connection.user, account.pk, contract_id, None, Distance(Decimal(5)), "click:1")
    assert "has exits already" in pressed.words


def test_an_exit_that_fills_between_the_looks_gets_no_others_after_it(
    simulator: RunningSimulator,
    connection: Connection,
    account: Account,
    symbol: str,
    contract_id: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    far, near, looked = Distance(Decimal(40)), Distance(Decimal(5)), looks.open_positions
    assert position_exits.add_exits(connection.user, account.pk, contract_id, near, None, "click:1").succeeded

    def overtaken(*about: Any) -> list[Position]:
        found = looked(*about)
        simulator.control.price(symbol, 5020)
        return found

    monkeypatch.setattr(looks, "open_positions", overtaken)
    pressed = position_exits.add_exits(connection.user, account.pk, contract_id, far, far, "click:2")
    assert "has exits already" in pressed.words
    assert looked(connection, {account.tradovate_id}) == []
    assert working(connection, account) == []


def test_an_average_that_is_a_double_breaks_even_where_it_means(
    connection: Connection, account: Account, contract_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [told_of(connection, account, net_price=Decimal("5000.2500000000005"))]
    monkeypatch.setattr(looks, "open_positions", lambda *_: told)
    outcome = position_exits.to_break_even(connection.user, account.pk, contract_id, "click:1")
    assert "place a stop at 5000.25" in outcome.words


def test_of_two_positions_in_a_contract_none_is_protected_and_it_is_said(
    connection: Connection, account: Account, contract_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [told_of(connection, account), told_of(connection, account, id=1, net_pos=-1)]
    monkeypatch.setattr(looks, "open_positions", lambda *_: told)
    for outcome in (
        position_exits.add_exits(connection.user, account.pk, contract_id, Distance(Decimal(5)), None, "click:1"),
        position_exits.to_break_even(connection.user, account.pk, contract_id, "click:2"),
    ):
        assert "tells of 2 positions" in outcome.words
    assert working(connection, account) == []


def told_of(connection: Connection, account: Account, **otherwise: Any) -> Position:
    """The position, told with these figures."""
    [position] = looks.open_positions(connection, {account.tradovate_id})
    return msgspec.structs.replace(position, **otherwise)


def test_without_a_position_nothing_is_placed(
    simulator: RunningSimulator, connection: Connection, account: Account, contract_id: int
) -> None:
    assert desk.flatten(connection.user, account.pk, contract_id, "click:out").succeeded
    outcome = position_exits.add_exits(connection.user, account.pk, contract_id, Distance(Decimal(5)), None, "click:1")
    assert "no open position" in outcome.words
    assert "no open position" in position_exits.to_break_even(connection.user, account.pk, contract_id, "click:2").words
    assert working(connection, account) == []
