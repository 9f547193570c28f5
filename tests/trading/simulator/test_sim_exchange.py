"""Orders of every kind against a moving book: no trade through a limit, nothing lost, nothing twice."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.simulator.catalog import Catalog
from trading.simulator.exchange import Exchange, Kind, Lapse, Pulled, Ticket, Trade
from trading.simulator.feed import Feed, Market

NOW = datetime(2026, 11, 18, 15, tzinfo=UTC)
CATALOG = Catalog(NOW)
ES = 3012612


@pytest.fixture
def feed() -> Feed:
    made = Feed(CATALOG, seed=3)
    made.set_price(ES, 27_400)
    made.market(ES).level_size = 4
    return made


@pytest.fixture
def exchange(feed: Feed) -> Exchange:
    return Exchange(feed.market)


def ticket(number: int, signed: int, kind: Kind = Kind.MARKET, tif: str = "Day", **prices: Any) -> Ticket:
    return Ticket(
        order_id=number,
        command_id=number,
        account_id=1,
        contract_id=ES,
        buy=signed > 0,
        qty=abs(signed),
        kind=kind,
        time_in_force=tif,
        **prices,
    )


def trades(outcomes: list) -> list[tuple[int, int]]:
    return [(outcome.price, outcome.qty) for outcome in outcomes if isinstance(outcome, Trade)]


def test_a_market_order_eats_the_book_level_by_level(exchange: Exchange) -> None:
    assert trades(exchange.submit(ticket(1, 10))) == [(27_400, 4), (27_401, 4), (27_402, 2)]
    assert trades(exchange.submit(ticket(2, -3))) == [(27_399, 3)]


def test_what_a_market_order_leaves_trades_with_the_next_book(exchange: Exchange, feed: Feed) -> None:
    order = ticket(1, 30)
    assert sum(qty for _, qty in trades(exchange.submit(order))) == 20
    assert exchange.get(1) is order
    feed.set_price(ES, 27_400)
    assert sum(qty for _, qty in trades(list(exchange.sweep()))) == 10
    assert exchange.get(1) is None


def test_a_limit_order_rests_and_trades_at_its_own_price_when_the_market_comes(exchange: Exchange, feed: Feed) -> None:
    assert exchange.submit(ticket(1, 6, Kind.LIMIT, limit=27_390)) == []
    feed.set_price(ES, 27_391)
    assert list(exchange.sweep()) == []
    feed.set_price(ES, 27_390)
    assert trades(list(exchange.sweep())) == [(27_390, 4)]
    feed.set_price(ES, 27_380)
    assert trades(list(exchange.sweep())) == [(27_390, 2)]


def test_a_marketable_limit_order_gets_the_better_price(exchange: Exchange) -> None:
    assert trades(exchange.submit(ticket(1, 6, Kind.LIMIT, limit=27_405))) == [(27_400, 4), (27_401, 2)]


@pytest.mark.parametrize(("signed", "sleeps_at", "wakes_at"), [(2, 27_409, 27_410), (-2, 27_391, 27_390)])
def test_a_stop_order_wakes_when_the_last_trade_reaches_it(exchange, feed, signed, sleeps_at, wakes_at) -> None:
    assert exchange.submit(ticket(1, signed, Kind.STOP, stop=wakes_at)) == []
    feed.set_price(ES, sleeps_at)
    assert list(exchange.sweep()) == []
    feed.set_price(ES, wakes_at)
    assert sum(qty for _, qty in trades(list(exchange.sweep()))) == 2


def test_a_stop_limit_order_rests_at_its_limit_after_it_woke(exchange: Exchange, feed: Feed) -> None:
    exchange.submit(ticket(1, 2, Kind.STOP_LIMIT, stop=27_410, limit=27_412))
    feed.set_price(ES, 27_420)
    assert list(exchange.sweep()) == []
    feed.set_price(ES, 27_412)
    assert trades(list(exchange.sweep())) == [(27_412, 2)]


def test_immediate_or_cancel_trades_what_is_there(exchange: Exchange) -> None:
    outcomes = exchange.submit(ticket(1, 10, Kind.LIMIT, "IOC", limit=27_401))
    assert trades(outcomes) == [(27_400, 4), (27_401, 4)]
    assert isinstance(outcomes[-1], Lapse)
    assert exchange.get(1) is None


def test_fill_or_kill_trades_all_or_nothing(exchange: Exchange) -> None:
    assert [type(o) for o in exchange.submit(ticket(1, 9, Kind.LIMIT, "FOK", limit=27_401))] == [Lapse]
    assert trades(exchange.submit(ticket(2, 8, Kind.LIMIT, "FOK", limit=27_401))) == [(27_400, 4), (27_401, 4)]


def test_the_best_price_and_then_the_first_come_trades_first(exchange: Exchange, feed: Feed) -> None:
    exchange.submit(ticket(1, 3, Kind.LIMIT, limit=27_390))
    exchange.submit(ticket(2, 3, Kind.LIMIT, limit=27_391))
    exchange.submit(ticket(3, 3, Kind.LIMIT, limit=27_390))
    feed.set_price(ES, 27_390)
    done = [(o.ticket.order_id, o.qty) for o in list(exchange.sweep()) if isinstance(o, Trade)]
    # eight contracts are offered at 27390 and 27391; number 2 outbids, then number 1 was first
    assert done == [(2, 3), (1, 1)]


def test_a_replaced_order_trades_by_its_new_terms(exchange: Exchange) -> None:
    order = ticket(1, 2, Kind.LIMIT, limit=27_390)
    exchange.submit(order)
    assert trades(exchange.replace(order, qty=3, kind=Kind.LIMIT, limit=27_400, stop=None)) == [(27_400, 3)]


@pytest.mark.parametrize(("signed", "sleeps_at", "wakes_at"), [(2, 27_391, 27_390), (-2, 27_409, 27_410)])
@pytest.mark.parametrize("kind", [Kind.MARKET_IF_TOUCHED, Kind.LIMIT_IF_TOUCHED])
def test_an_if_touched_order_wakes_at_a_better_price(exchange, feed, kind, signed, sleeps_at, wakes_at) -> None:
    limit = wakes_at + (1 if signed > 0 else -1)
    assert exchange.submit(ticket(1, signed, kind, stop=wakes_at, limit=limit)) == []
    feed.set_price(ES, sleeps_at)
    assert list(exchange.sweep()) == []
    feed.set_price(ES, wakes_at)
    assert sum(qty for _, qty in trades(list(exchange.sweep()))) == 2


def test_a_limit_if_touched_order_rests_at_its_limit_after_it_woke(exchange: Exchange, feed: Feed) -> None:
    exchange.submit(ticket(1, 2, Kind.LIMIT_IF_TOUCHED, stop=27_390, limit=27_385))
    feed.set_price(ES, 27_388)
    assert list(exchange.sweep()) == []
    feed.set_price(ES, 27_385)
    assert trades(list(exchange.sweep())) == [(27_385, 2)]


@pytest.mark.parametrize("terms", [{"stop": 27_390}, {"trail": 10}, {"stop": 27_390, "trail": 10}])
def test_a_trailing_stop_follows_and_never_goes_back(exchange: Exchange, feed: Feed, terms: dict) -> None:
    order = ticket(1, -2, Kind.TRAILING_STOP, **terms)
    assert exchange.submit(order) == []
    for price, stop in ((27_420, 27_410), (27_415, 27_410), (27_425, 27_415), (27_416, 27_415)):
        feed.set_price(ES, price)
        assert list(exchange.sweep()) == []
        assert order.stop == stop
    feed.set_price(ES, 27_415)
    assert trades(list(exchange.sweep())) == [(27_414, 2)]


def test_a_trailing_stop_that_buys_follows_the_market_down(exchange: Exchange, feed: Feed) -> None:
    order = ticket(1, 2, Kind.TRAILING_STOP, trail=10)
    assert exchange.submit(order) == []
    feed.set_price(ES, 27_380)
    assert list(exchange.sweep()) == []
    feed.set_price(ES, 27_390)
    assert trades(list(exchange.sweep())) == [(27_390, 2)]


def test_a_trailing_stop_limit_takes_its_limit_along(exchange: Exchange, feed: Feed) -> None:
    order = ticket(1, -2, Kind.TRAILING_STOP_LIMIT, stop=27_390, limit=27_388)
    exchange.submit(order)
    feed.set_price(ES, 27_420)
    list(exchange.sweep())
    assert (order.stop, order.limit) == (27_410, 27_408)
    feed.set_price(ES, 27_405)
    assert list(exchange.sweep()) == []
    feed.set_price(ES, 27_409)
    assert trades(list(exchange.sweep())) == [(27_408, 2)]


def test_of_two_linked_orders_only_one_trades(exchange: Exchange, feed: Feed) -> None:
    # both would trade at the new price: the better one takes it and the other is gone
    exchange.submit(ticket(1, 3, Kind.LIMIT, limit=27_390, oco=2))
    exchange.submit(ticket(2, 9, Kind.LIMIT, limit=27_391, oco=1))
    feed.set_price(ES, 27_380)
    outcomes = list(exchange.sweep())
    assert {o.ticket.order_id for o in outcomes if isinstance(o, Trade)} == {2}
    assert [o.ticket.order_id for o in outcomes if isinstance(o, Pulled)] == [1]
    assert exchange.get(1) is None


def test_a_held_order_does_not_trade_before_it_is_released(exchange: Exchange, feed: Feed) -> None:
    exchange.hold(ticket(1, 2, Kind.LIMIT, limit=27_400, oco=2))
    exchange.hold(ticket(2, 2, Kind.STOP, stop=27_300, oco=1))
    assert list(exchange.sweep()) == []
    outcomes = list(exchange.release([1, 2]))
    assert trades(outcomes) == [(27_400, 2)]
    assert [o.ticket.order_id for o in outcomes if isinstance(o, Pulled)] == [2]
    assert exchange.held == {}


legs = st.tuples(
    st.integers(-20, 20).filter(bool),
    st.sampled_from(list(Kind)),
    st.sampled_from(["Day", "IOC", "FOK"]),
    st.integers(-8, 8),
    st.integers(-8, 8),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.tuples(legs, legs), st.just("step"), st.integers(1, 20)), min_size=1, max_size=30))
def test_linked_orders_never_both_trade(flow: list) -> None:
    feed = Feed(CATALOG, 5)
    exchange = Exchange(feed.market)
    market = feed.market(ES)
    traded: set[int] = set()
    ended: set[int] = set()
    number = 0
    for act in flow:
        outcomes: list = []
        if act == "step":
            feed.advance()
            outcomes = list(exchange.sweep())
        elif isinstance(act, int):
            feed.set_price(ES, 27_380 + 2 * act)
            outcomes = list(exchange.sweep())
        else:
            number += 2
            for own, oco, (signed, kind, tif, limit, stop) in (
                (number, number - 1, act[0]),
                (number - 1, number, act[1]),
            ):
                prices = {"limit": market.bid + limit, "stop": market.bid + stop}
                exchange.hold(ticket(own, signed, kind, tif, **prices, oco=oco))
            outcomes = list(exchange.release([number, number - 1]))
        for outcome in outcomes:
            own = outcome.ticket.order_id
            assert own not in ended
            if isinstance(outcome, Trade):
                traded.add(own)
                assert not exchange.get(own + 1 if own % 2 else own - 1)
            else:
                ended.add(own)
    assert not any({own, own + 1} <= traded for own in range(1, number, 2))


def moved_only_towards(order: Ticket, began: int | None) -> bool:
    """Has a trailing stop moved with the market only?"""
    return began is None or order.stop is None or (order.stop <= began if order.buy else order.stop >= began)


orders = st.tuples(
    st.integers(-40, 40).filter(bool),
    st.sampled_from(list(Kind)),
    st.sampled_from(["Day", "GTC", "IOC", "FOK"]),
    st.integers(-15, 15),
    st.integers(-15, 15),
)
steps = st.lists(st.one_of(orders, st.just("step"), st.integers(1, 30)), min_size=1, max_size=40)


@settings(max_examples=150, deadline=None)
@given(steps, st.integers(0, 1000))
def test_random_order_flow_conserves_quantity_and_respects_limits(flow: list, seed: int) -> None:
    feed = Feed(CATALOG, seed)
    exchange = Exchange(feed.market)
    market: Market = feed.market(ES)
    submitted: dict[int, Ticket] = {}
    filled: dict[int, int] = {}
    lapsed: set[int] = set()
    began: dict[int, int | None] = {}
    cancelled: set[int] = set()

    def take(outcomes: list) -> None:
        for outcome in outcomes:
            number = outcome.ticket.order_id
            assert number not in lapsed | cancelled, "an order that is gone does not trade"
            if isinstance(outcome, Lapse):
                lapsed.add(number)
                continue
            filled[number] = filled.get(number, 0) + outcome.qty
            assert outcome.qty > 0
            assert outcome.filled == filled[number]
            bound = outcome.ticket.bound
            kind = outcome.ticket.kind
            if kind.trailing:
                assert moved_only_towards(outcome.ticket, began[number])
            if bound is not None:
                assert outcome.price <= bound if outcome.ticket.buy else outcome.price >= bound

    for act in flow:
        if act == "step":
            feed.advance()
            take(list(exchange.sweep()))
        elif isinstance(act, int):
            if exchange.cancel(act):
                cancelled.add(act)
        else:
            signed, kind, tif, limit, stop = act
            number = len(submitted) + 1
            order = ticket(number, signed, kind, tif, limit=market.bid + limit, stop=market.bid + stop)
            submitted[number] = order
            began[number] = order.stop
            take(exchange.submit(order))
    working = {order.order_id for order in exchange.working()}
    for number, order in submitted.items():
        done = filled.get(number, 0)
        assert done == order.filled <= order.qty
        ended = done == order.qty or number in lapsed or number in cancelled
        assert (number in working) is not ended
        if order.time_in_force == "FOK" and number in lapsed and not order.kind.waits:
            assert done == 0
