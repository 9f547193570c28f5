"""Whatever is ordered, changed and moved, in whatever order: the account adds up, every order is where its papers say,
linked orders never both fill, strategies leave nothing behind, and a restart changes nothing."""

import json
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from trading.simulator import entities as e
from trading.simulator.changes import FINISHED
from trading.simulator.clock import stamp
from trading.simulator.exchange import Kind, Trade
from trading.simulator.persistence import StateFile
from trading.simulator.requests import (
    CancelOrder,
    InterruptOrderStrategy,
    LiquidatePosition,
    ModifyOrder,
    ModifyOrderStrategy,
    OrderResult,
    PlaceOco,
    PlaceOso,
)
from trading.simulator.simulation import Simulation
from trading.simulator.store import Event

from .conftest import ESZ6
from .desk import ACCOUNT, SENDER, Desk

TICK = Decimal("0.25")
sides = st.sampled_from(["Buy", "Sell"])
quantities = st.integers(1, 12)
offsets = st.integers(-12, 12)
kinds = st.sampled_from([kind.value for kind in Kind])
entries = st.sampled_from(["Market", "Market", "Market", "Limit", "Limit", "Stop", "MIT", "TrailingStop"])
lasting = st.sampled_from(["Day", "Day", "GTC", "GTD", "IOC", "FOK"])
distances = st.none() | st.integers(1, 12)
brackets = st.lists(
    st.tuples(st.integers(1, 6), distances, distances, st.booleans(), st.booleans()), min_size=1, max_size=3
)


class OrderFlow(RuleBasedStateMachine):
    """One trader's account under random orders in one contract."""

    @initialize(rich=st.sampled_from([True, True, False]), size=st.integers(1, 12))
    def open(self, rich: bool, size: int) -> None:
        self.desk = Desk(cash=50_000_000 if rich else 0, size=size)
        self.fills: dict[int, e.Fill] = {}
        self.fees: dict[int, e.FillFee] = {}
        self.pairs: list[tuple[int, int]] = []
        self.traded: defaultdict[int, int] = defaultdict(int)
        self.orders: list[int] = []
        self.strategies: list[int] = []
        self.changed: set[int] = set()
        self.listen()

    def listen(self) -> None:
        """Follow the events of the desk's simulation, and check each trade as it is booked."""
        self.desk.simulation.on_event = self.hear
        booking, book = self.desk.simulation.booking, self.desk.simulation.booking.fill

        def fill(order: e.Order, trade: Trade) -> Any:
            assert trade.qty > 0
            for bound in (self.desk.asked_bound(order.id), trade.ticket.bound):
                assert bound is None or (trade.price <= bound if trade.ticket.buy else trade.price >= bound)
            assert order.ord_status == "Working"
            return book(order, trade)

        booking.fill = fill  # type: ignore[method-assign]

    def hear(self, event: Event) -> None:
        if event.entity_type == "fill" and event.event_type == "Created":
            fill = msgspec.json.decode(event.entity, type=e.Fill)
            assert fill.id not in self.fills
            self.fills[fill.id] = fill
            self.traded[fill.order_id] += fill.qty
        elif event.entity_type == "fillFee":
            fee = msgspec.json.decode(event.entity, type=e.FillFee)
            self.fees[fee.id] = fee

    def prices(self, action: str, kind: str, one: int, two: int) -> dict[str, Any]:
        """Prices for an order near the market; a stop is on its own side of it."""
        last = self.desk.simulation.feed.market(ESZ6).last * TICK
        up = 1 if action == "Buy" else -1
        found: dict[str, Any] = {"orderType": kind}
        if kind in ("Limit", "StopLimit", "LimitIfTouched", "TrailingStopLimit", "MIT"):
            found["price"] = last + one * TICK
        if kind in ("Stop", "StopLimit", "TrailingStop", "TrailingStopLimit"):
            found["stopPrice"] = last + up * abs(two) * TICK
        if kind == "LimitIfTouched":
            found["limitIfTouchedPrice"] = last + two * TICK
        return found

    def later(self, seconds: int) -> str:
        return stamp(self.desk.simulation.clock.now() + timedelta(seconds=seconds))

    def took(self, result: OrderResult) -> list[int]:
        """Remember what an order operation has made."""
        ids = [n for n in (result.order_id, result.oco_id, result.oso1_id, result.oso2_id) if n is not None]
        assert (result.failure_reason is None) is bool(ids or result.command_id)
        self.orders += ids
        return ids

    @rule(
        action=sides,
        qty=quantities,
        kind=kinds,
        tif=lasting,
        one=offsets,
        two=offsets,
        show=distances,
        wait=st.booleans(),
    )
    def place(
        self, action: str, qty: int, kind: str, tif: str, one: int, two: int, show: int | None, wait: bool
    ) -> None:
        terms = self.prices(action, kind, one, two)
        if tif == "GTD":
            terms["expireTime"] = self.later(900)
        if wait:
            terms["activationTime"] = self.later(300)
        self.took(self.desk.place(action, qty, timeInForce=tif, maxShow=show, **terms))

    @rule(actions=st.tuples(sides, sides), qty=quantities, legs=st.tuples(kinds, kinds), one=offsets, two=offsets)
    def oco(self, actions: tuple[str, str], qty: int, legs: tuple[str, str], one: int, two: int) -> None:
        first, other = (self.prices(action, kind, one, two) for action, kind in zip(actions, legs, strict=True))
        body = {"accountId": ACCOUNT, "symbol": "ESZ6", "orderQty": qty, "action": actions[0], **first}
        asked = msgspec.convert({**body, "other": {"action": actions[1], **other}}, PlaceOco, strict=False)
        ids = self.took(self.desk.broker.place_oco(SENDER, asked))
        if ids:
            self.pairs.append((ids[0], ids[1]))

    @rule(action=sides, qty=quantities, kind=kinds, tif=lasting, one=offsets, two=offsets, both=st.booleans())
    def oso(self, action: str, qty: int, kind: str, tif: str, one: int, two: int, both: bool) -> None:
        away = "Sell" if action == "Buy" else "Buy"
        terms = self.prices(action, kind, one, two)
        if tif == "GTD":
            terms["expireTime"] = self.later(900)
        body = {"accountId": ACCOUNT, "symbol": "ESZ6", "orderQty": qty, "action": action, "timeInForce": tif, **terms}
        body["bracket1"] = {"action": away, **self.prices(away, "Limit", two, one)}
        if both:
            body["bracket2"] = {"action": away, **self.prices(away, "Stop", two, one)}
        ids = self.took(self.desk.broker.place_oso(SENDER, msgspec.convert(body, PlaceOso, strict=False)))
        if len(ids) == 3:
            self.pairs.append((ids[1], ids[2]))

    @rule(action=sides, qty=quantities, kind=entries, tif=lasting, one=offsets, two=offsets, legs=brackets)
    def strategy(self, action: str, qty: int, kind: str, tif: str, one: int, two: int, legs: list) -> None:
        terms = {name: str(value) for name, value in self.prices(action, kind, one, two).items()}
        if tif == "GTD":
            terms["expireTime"] = self.later(900)
        reply = self.desk.strategy(
            action, {"orderQty": qty, "timeInForce": tif, **terms}, *[self.bracket(action, *leg) for leg in legs]
        )
        assert (reply.error_text is None) is (reply.order_strategy is not None)
        if reply.order_strategy is not None:
            self.strategies.append(reply.order_strategy.id)

    @staticmethod
    def bracket(
        action: str, qty: int, target: int | None, stop: int | None, trailing: bool, auto: bool
    ) -> dict[str, Any]:
        up = TICK if action == "Buy" else -TICK
        found: dict[str, Any] = {"qty": qty, "trailingStop": trailing and stop is not None}
        if target is not None:
            found["profitTarget"] = str(up * target)
        if stop is not None:
            found["stopLoss"] = str(-up * stop)
        if auto and stop is not None and not trailing:
            found["autoTrail"] = {"stopLoss": 0.5, "trigger": 1, "freq": 0.25}
        return found

    @precondition(lambda self: self.strategies)
    @rule(data=st.data(), legs=brackets, stop=st.booleans())
    def change_strategy(self, data: st.DataObject, legs: list, stop: bool) -> None:
        number = data.draw(st.sampled_from(self.strategies[-4:]))
        if stop:
            self.desk.broker.strategies.interrupt(SENDER, InterruptOrderStrategy(order_strategy_id=number))
            return
        strategy = self.desk.store.get(e.OrderStrategy, number)
        action = strategy.action if strategy else "Buy"
        command = json.dumps({"brackets": [self.bracket(action, *leg) for leg in legs]})
        asked = ModifyOrderStrategy(order_strategy_id=number, command=command[:1024])
        self.desk.broker.strategies.modify(SENDER, asked)

    @precondition(lambda self: self.desk.store.rows["order"])
    @rule(data=st.data(), wait=st.booleans())
    def cancel(self, data: st.DataObject, wait: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.desk.store.rows["order"])))
        asked = CancelOrder(order_id=number, activation_time=self.later(200) if wait else None)
        result = self.desk.broker.cancel(SENDER, asked)
        assert (result.command_id is None) is (result.failure_reason is not None)

    @precondition(lambda self: self.desk.store.rows["order"])
    @rule(data=st.data(), qty=quantities, kind=kinds, one=offsets, two=offsets, wait=st.booleans(), same=st.booleans())
    def modify(self, data: st.DataObject, qty: int, kind: str, one: int, two: int, wait: bool, same: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.desk.store.rows["order"])))
        ticket = self.desk.simulation.exchange.get(number)
        order = self.desk.order(number)
        terms = self.prices(order.action, kind, one, two)
        if ticket is not None and same:
            terms["timeInForce"] = ticket.time_in_force
        if wait:
            terms["activationTime"] = self.later(200)
        asked = msgspec.convert({"orderId": number, "orderQty": qty, **terms}, ModifyOrder, strict=False)
        self.changed.add(number)
        result = self.desk.broker.modify(SENDER, asked)
        assert (result.command_id is None) is (result.failure_reason is not None)

    @rule()
    def liquidate(self) -> None:
        asked = LiquidatePosition(account_id=ACCOUNT, contract_id=ESZ6, admin=False)
        self.took_liquidation(self.desk.broker.liquidate(SENDER, asked))

    def took_liquidation(self, result: OrderResult) -> None:
        if result.order_id is not None:
            self.orders.append(result.order_id)

    @rule(ticks=offsets)
    def move(self, ticks: int) -> None:
        last = self.desk.simulation.feed.market(ESZ6).last
        self.desk.simulation.set_price(ESZ6, max(2, last + ticks))

    @rule(seconds=st.integers(1, 400))
    def wait(self, seconds: int) -> None:
        self.desk.simulation.clock.advance(seconds)
        self.desk.simulation.tick()

    @rule(size=st.integers(0, 12))
    def thin(self, size: int) -> None:
        market = self.desk.simulation.feed.market(ESZ6)
        market.level_size = size
        market.walk.step += 1

    @rule(
        limit=st.sampled_from(["dailyLossAutoLiq", "dailyLossLiqOnly", "trailingMaxDrawdown", "dailyProfitAutoLiq"]),
        dollars=st.sampled_from([600, 5_000, 20_000]),
    )
    def restrain(self, limit: str, dollars: int) -> None:
        self.desk.limit(**{limit: dollars})

    @rule(action=st.sampled_from(["Normal", "Normal", "LiquidateImmediately", "LiquidateOnlyModeImmediately"]))
    def administrate(self, action: str) -> None:
        self.desk.act(action)
        if action == "LiquidateImmediately":
            self.desk.act("Normal")

    @rule()
    def next_day(self) -> None:
        now = self.desk.simulation.clock.now()
        end = now.replace(hour=23, minute=30)
        self.desk.simulation.clock.advance((end - now).total_seconds() if end > now else 24 * 3600)
        self.desk.simulation.tick()

    @rule()
    def restart(self) -> None:
        """What a second start reads is what the first one wrote; the flow goes on with the second."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "state.json"
            StateFile(path, self.desk.simulation).save(always=True)
            before = path.read_bytes()
            market = self.desk.simulation.feed.market(ESZ6)
            clock = self.desk.simulation.clock
            again = Simulation(self.desk.simulation.config)
            again.clock.advance((clock.now() - again.clock.now()).total_seconds())
            assert StateFile(path, again).load()
            again.begin_market()
            again.feed.market(ESZ6).level_size = market.level_size
            StateFile(path, again).save(always=True)
            after = path.read_bytes()
        assert msgspec.json.decode(after) == msgspec.json.decode(before)
        self.desk.use(again)
        self.listen()

    @invariant()
    def the_account_adds_up(self) -> None:
        ledger = self.desk.ledger
        fees = sum(
            (fee.clearing_fee + fee.exchange_fee + fee.nfa_fee + fee.commission for fee in self.fees.values()),
            Decimal(0),
        )
        assert ledger.cash == (ledger.paid_in or 0) + ledger.ever_realized - fees
        assert ledger.cash == ledger.start_of_day + ledger.realized - ledger.fees
        signed = sum(fill.qty if fill.action == "Buy" else -fill.qty for fill in self.fills.values())
        assert self.desk.net == signed
        balance = next(one for one in self.desk.store.all(e.CashBalance) if one.account_id == ACCOUNT)
        assert balance.amount == ledger.cash
        paired: defaultdict[int, int] = defaultdict(int)
        for pair in self.desk.store.all(e.FillPair):
            paired[pair.buy_fill_id] += pair.qty
            paired[pair.sell_fill_id] += pair.qty
        for fill in self.desk.store.all(e.Fill):
            assert fill.finally_paired == paired[fill.id] <= fill.qty
        logged = [line for line in self.desk.store.all(e.CashBalanceLog) if line.account_id == ACCOUNT]
        assert not logged or (logged[-1].amount, logged[-1].realized_pnl) == (ledger.cash, ledger.realized)
        assert all(two.amount == one.amount + two.delta for one, two in pairwise(logged))
        for position in self.desk.store.all(e.Position):
            assert position.net_pos == self.desk.net == position.bought - position.sold + position.prev_pos

    @invariant()
    def every_order_is_where_its_papers_say(self) -> None:
        store, exchange = self.desk.store, self.desk.simulation.exchange
        working = {ticket.order_id: ticket for ticket in exchange.working()}
        last: dict[int, e.ExecutionReport] = {}
        for report in store.all(e.ExecutionReport):
            before = last.get(report.order_id)
            assert before is None or before.cum_qty <= report.cum_qty
            last[report.order_id] = report
        for order in store.all(e.Order):
            number, traded = order.id, self.traded[order.id]
            ticket = working.get(number) or exchange.held.get(number)
            assert (number in working) is (order.ord_status == "Working")
            assert (number in exchange.held) is (order.ord_status == "Suspended")
            assert (ticket is None) is (order.ord_status in FINISHED)
            if ticket is not None:
                assert (ticket.filled, ticket.left > 0) == (traded, True)
            if number in last:
                assert last[number].cum_qty == traded
                assert last[number].ord_status == order.ord_status
            else:
                assert (order.ord_status, traded) == ("Rejected", 0)

    @invariant()
    def every_command_has_reports(self) -> None:
        store = self.desk.store
        latest = {report.command_id: report for report in store.all(e.CommandReport)}
        for command in store.all(e.Command):
            assert latest[command.id].command_status == command.command_status
            assert (latest[command.id].reject_reason is not None) is command.command_status.endswith("Rejected")

    @invariant()
    def linked_orders_never_both_fill(self) -> None:
        for one, other in self.pairs:
            assert not (self.traded[one] and self.traded[other])

    @invariant()
    def strategies_leave_nothing_behind(self) -> None:
        store, running = self.desk.store, self.desk.broker.strategies.running
        linked: defaultdict[int, list[e.OrderStrategyLink]] = defaultdict(list)
        for link in store.all(e.OrderStrategyLink):
            linked[link.order_strategy_id].append(link)
        for strategy in store.all(e.OrderStrategy):
            assert (strategy.id in running) is (strategy.status == "ActiveStrategy")
            orders = [(link.label, store.get(e.Order, link.order_id)) for link in linked[strategy.id]]
            alive = [o for _, o in orders if o is not None and o.ord_status not in FINISHED]
            assert bool(alive) is (strategy.id in running)

    @invariant()
    def exits_close_what_was_opened_and_no_more(self) -> None:
        store, exchange = self.desk.store, self.desk.simulation.exchange
        for running in self.desk.broker.strategies.running.values():
            labels = {link.order_id for link in store.all(e.OrderStrategyLink)}
            own = {number for one in running.brackets for number in (*one.exits(), *one.past)}
            assert own <= labels
            assert running.filled == self.traded[running.entry_id]
            if self.changed & {*own, running.entry_id}:
                continue  # by hand it may be anything
            for bracket in running.brackets:
                closed = sum(self.traded[number] for number in (*bracket.exits(), *bracket.past))
                alive = [t for t in (exchange.get(number) for number in bracket.exits()) if t is not None]
                assert closed <= bracket.filled
                assert len({ticket.left for ticket in alive}) <= 1
                assert all(closed + ticket.left <= bracket.filled for ticket in alive)

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            self.desk.broker.flatten(ACCOUNT)


OrderFlow.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@pytest.mark.timeout(600)
class TestOrderFlow(OrderFlow.TestCase):  # type: ignore[misc,name-defined]
    """Random order flow."""
