"""The book: whatever order events come in, it ends as a fresh snapshot would show it."""

from datetime import timedelta
from decimal import Decimal
from functools import partial
from itertools import takewhile

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.sync.entities import (
    ACCOUNT,
    CASH,
    DECEMBER,
    ES,
    ESZ6,
    NOON,
    TODAY,
    book,
    fee,
    fill,
    order,
    position,
    quote,
    told,
)
from trading.sync.book import Book
from trading.tradovate.entities import (
    AccountRiskStatus,
    CashBalance,
    Command,
    CommandReport,
    Entity,
    ExecutionReport,
    MarginSnapshot,
    OrderStrategy,
    OrderStrategyLink,
    OrderVersion,
    TradeDate,
    UnknownEntity,
    UserAccountAutoLiq,
)
from trading.tradovate.frames import PropsEvent


# What one trading day brings, as histories of entities: each list is one entity's states, oldest first.
def histories() -> st.SearchStrategy[list[list[Entity]]]:
    def orders(key: int) -> st.SearchStrategy[list[Entity]]:
        ends = st.sampled_from([[], ["Working"], ["Working", "Filled"], ["Canceled"], ["Working", "Rejected"]])
        return ends.map(lambda rest: [order(status, key) for status in ["PendingNew", *rest]])

    def positions() -> st.SearchStrategy[list[Entity]]:
        nets = st.lists(st.integers(-5, 5), min_size=1, max_size=5)
        return nets.map(lambda found: [position(net, seconds=n) for n, net in enumerate(found)])

    def balances() -> st.SearchStrategy[list[Entity]]:
        amounts = st.lists(st.integers(0, 10**7), min_size=1, max_size=5)
        return amounts.map(
            lambda found: [
                CashBalance(
                    id=70,
                    account_id=7,
                    amount=Decimal(cents) / 100,
                    realized_pnl=Decimal(0),
                    trade_date=TODAY,
                    timestamp=NOON + timedelta(seconds=n),
                )
                for n, cents in enumerate(found)
            ]
        )

    def margins() -> st.SearchStrategy[list[Entity]]:
        used = st.lists(st.integers(0, 10**6), max_size=4)
        return used.map(
            lambda found: [
                MarginSnapshot(id=7, total_used_margin=Decimal(cents) / 100, timestamp=NOON + timedelta(seconds=n))
                for n, cents in enumerate(found)
            ]
        )

    # Nothing says which of two states of these is the newer one: each has one.
    def limits() -> st.SearchStrategy[list[list[Entity]]]:
        dollars = st.integers(1, 5000).map(Decimal) | st.none()
        status = dollars.map(lambda level: AccountRiskStatus(id=7, min_net_liq=level, max_net_liq=level))
        auto_liq = st.tuples(dollars, dollars).map(
            lambda found: UserAccountAutoLiq(id=7, daily_loss_auto_liq=found[0], trailing_max_drawdown=found[1])
        )
        return st.tuples(auto_liq, status).map(lambda found: [[one] for one in found])

    def strategies() -> st.SearchStrategy[list[list[Entity]]]:
        named = st.tuples(st.sampled_from([None, "tp-9", "another"]), st.sampled_from([None, "No margin"]))
        strategy = named.map(
            lambda said: OrderStrategy(id=30, account_id=7, status="Active", uuid=said[0], failure_message=said[1])
        )
        links = st.sets(st.sampled_from([50, 51])).map(
            lambda found: [[OrderStrategyLink(id=31 + key, order_strategy_id=30, order_id=key)] for key in found]
        )
        return st.tuples(strategy, links).map(lambda found: [[found[0]], *found[1]])

    version = OrderVersion(id=60, order_id=50, order_qty=2, order_type="Limit", price=Decimal(5000))
    keys = st.lists(st.integers(90, 99), unique=True, max_size=4)
    yesterday = TradeDate(year=2026, month=11, day=19)

    def trades(keys: list[int]) -> st.SearchStrategy[list[list[Entity]]]:
        def trade(key: int) -> st.SearchStrategy[list[list[Entity]]]:
            terms = {"order_id": 50 + key % 2, "timestamp": NOON + timedelta(seconds=key)}
            one, busted = fill(key, **terms), fill(key, active=False, **terms)
            old = fill(key, trade_date=yesterday, **terms)
            return st.sampled_from([[[one], [fee(key)]], [[one]], [[one, busted], [fee(key)]], [[old], [fee(key)]]])

        return st.tuples(*map(trade, keys)).map(lambda found: [history for part in found for history in part])

    new = Command(id=40, order_id=50, command_type="New", command_status="Pending", cl_ord_id="tp-1")
    rejected = CommandReport(
        id=41, command_id=40, command_status="RiskRejected", reject_reason="NoQuote", text="Closed"
    )
    traded = ExecutionReport(id=42, order_id=51, account_id=7, exec_type="Trade", trade_date=yesterday)
    rest: list[list[Entity]] = [[version], [new], [rejected], [traded], [ES], [DECEMBER], [ESZ6], [ACCOUNT]]
    each = st.tuples(orders(50), orders(51), positions(), balances(), margins())
    several = st.tuples(keys.flatmap(trades), strategies(), limits())
    return st.tuples(each, several).map(
        lambda day: [*rest, *filter(None, day[0]), *(history for part in day[1] for history in part)]
    )


def _is_like(first: Entity, other: Entity) -> bool:
    return type(first) is type(other)


def batched(data: st.DataObject, states: list[Entity]) -> list[PropsEvent]:
    """Events of these states: neighbours of a type may share one as an array; types that nobody knows come between."""
    events = []
    while states:
        count = data.draw(st.integers(1, 3))
        alike = list(takewhile(partial(_is_like, states[0]), states[:count]))
        events.append(told(*alike))
        states = states[len(alike) :]
        if data.draw(st.booleans()):
            stranger = UnknownEntity(entity_type="kalshiMarket", data={"id": 1})
            events.append(PropsEvent("kalshiMarket", "Created", (stranger,)))
    return events


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_events_in_any_order_with_duplicates_end_as_a_fresh_snapshot(data: st.DataObject) -> None:
    day = data.draw(histories())
    states = [state for history in day for state in history]
    shuffled = data.draw(st.permutations(states))
    repeated = data.draw(st.lists(st.sampled_from(shuffled), max_size=10))
    made = Book()
    shown: dict[str, dict[str, str]] = {}
    for event in batched(data, [*shuffled, *repeated]):
        changes = made.apply(event)
        shown.update(changes.rows)
        for key in changes.gone:
            del shown[key]
    fresh = Book()
    fresh.learn([history[-1] for history in day])
    assert made.rows == fresh.rows == shown
    for one in (made, fresh):
        one.mark([quote("5003.75")])
    assert made.rows == fresh.rows


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(19_000, 21_000)), min_size=2, max_size=20))
def test_a_repeated_walk_of_positions_and_marks_tells_only_differences(steps: list[tuple[int, int]]) -> None:
    made = book(CASH)
    shown = dict(made.rows)
    for number, (net, ticks) in enumerate(steps):
        for changes in (made.apply(told(position(net, seconds=number))), made.mark([quote(str(Decimal(ticks) / 4))])):
            assert all(shown.get(key) != row for key, row in changes.rows.items())
            shown.update(changes.rows)
            for key in changes.gone:
                del shown[key]
    assert shown == made.rows
