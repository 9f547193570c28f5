"""Order strategies: an entry order whose fills are protected by brackets of target and stop (openapi.json, tag
"Orders", orderStrategy; guide, "OrderStrategy").

A strategy is an ActiveStrategy while its entry can still fill or one of its exits works. It ends as

- ExecutionFinished: its contracts are closed, by its exits or because the account is flat in the contract;
- ExecutionInterrupted: by interruptorderstrategy, or because the account is flattened;
- StoppedByUser: somebody cancelled its orders;
- InactiveStrategy: its orders lapsed or expired;
- NotEnoughLiquidity: the account cannot carry the entry; ExecutionFailed: the entry is refused for another reason.

Whichever way it ends, none of its orders is left working.
"""

from __future__ import annotations

import msgspec

from . import entities as e
from .catalog import MULTIBRACKET
from .changes import FINISHED, Changes
from .clock import stamp
from .exchange import Trade
from .execution import Execution
from .order_entry import OrderEntry
from .papers import Sender
from .protection import Protection, Running, RunningBracket
from .requests import CancelOrder, InterruptOrderStrategy, ModifyOrderStrategy, StartOrderStrategy
from .strategy_params import (
    INVALID,
    BracketPlan,
    StrategyChange,
    StrategyParams,
    entry_change,
    entry_order,
    plan,
    read_params,
)
from .terms import Refusal
from .venue import Venue

ACTIVE = "ActiveStrategy"
LOST = frozenset({"Canceled", "Expired", "Rejected"})
NOT_ACTIVE = Refusal("TooLate", "No active order strategy")
LONGEST_MESSAGE = 512
MODIFY_STRATEGY = "orderstrategy/modifyorderstrategy"


class StrategyResult(msgspec.Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """openapi.json, OrderStrategyStatusResponse."""

    error_text: str | None = None
    failure_reason: str | None = None
    order_strategy: e.OrderStrategy | None = None


class OrderStrategies:
    """Starts, changes and ends the strategies of all users, and follows their orders."""

    def __init__(self, venue: Venue, *, entry: OrderEntry, execution: Execution, changes: Changes) -> None:
        self._clock = venue.clock
        self._catalog = venue.catalog
        self._exchange = venue.exchange
        self._store = venue.store
        self._booking = venue.booking
        self._entry = entry
        self._execution = execution
        self._changes = changes
        self._protection = Protection(venue, entry=entry, execution=execution, changes=changes, note=self._link)
        self.running: dict[int, Running] = {}
        execution.followers.append(self)

    def start(self, sender: Sender, request: StartOrderStrategy) -> StrategyResult:
        """Start a strategy. What the entry does at once has happened when this returns."""
        try:
            strategy = self._start(sender, request)
        except Refusal as refusal:
            return StrategyResult(error_text=refusal.text, failure_reason=refusal.reason)
        return StrategyResult(order_strategy=strategy)

    def interrupt(self, sender: Sender, request: InterruptOrderStrategy) -> StrategyResult:
        """Cancel the orders of a strategy. The position that it has opened stays."""
        try:
            strategy, running = self._own(sender, request.order_strategy_id)
        except Refusal as refusal:
            return StrategyResult(error_text=refusal.text, failure_reason=refusal.reason)
        self._stop(running, "ExecutionInterrupted")
        return StrategyResult(order_strategy=strategy)

    def interrupt_account(self, account_id: int) -> None:
        """The same for every strategy of an account."""
        for running in list(self.running.values()):
            if running.account_id == account_id:
                self._stop(running, "ExecutionInterrupted")

    def modify(self, sender: Sender, request: ModifyOrderStrategy) -> StrategyResult:
        """Give a strategy's entry other terms, or its brackets other offsets: exits that work are moved. Contracts that
        are filled keep the exits that they have: none can be added or taken away."""
        try:
            strategy, running = self._own(sender, request.order_strategy_id)
            self._modify(sender, strategy, running, request)
        except Refusal as refusal:
            return StrategyResult(error_text=refusal.text, failure_reason=refusal.reason)
        return StrategyResult(order_strategy=strategy)

    def traded(self, order: e.Order, trade: Trade) -> None:
        """Protect what an entry has filled; end the strategies of a contract in which the account is flat."""
        running = self._of_order(order.id)
        if running is not None and order.id == running.entry_id:
            self._protect(running, trade)
        holding = self._booking.ledgers[order.account_id].holdings.get(order.contract_id)
        if holding is None or not holding.net:
            for one in list(self.running.values()):
                if (one.account_id, one.contract_id) == (order.account_id, order.contract_id):
                    self._flat(one)
        if running is not None:
            self._review(running)

    def ended(self, order: e.Order, refusal: Refusal | None) -> None:
        """See whether a strategy has ended with one of its orders."""
        if (running := self._of_order(order.id)) is None:
            return
        if running.closing:
            return
        if order.id == running.entry_id and not running.filled:
            running.ending, running.message = self._why(order, refusal)
        elif (bracket := running.bracket_of(order.id)) is not None:
            others = [self._store.get(e.Order, number) for number in bracket.exits() if number != order.id]
            if all(other is not None and other.ord_status in LOST for other in others):
                running.lost = "StoppedByUser" if self._cancelled_by_command(order) else "InactiveStrategy"
        self._review(running)

    def sweep(self) -> None:
        """Let stops trail that have been triggered."""
        for running in list(self.running.values()):
            self._protection.trail(running)

    def _start(self, sender: Sender, request: StartOrderStrategy) -> e.OrderStrategy:
        if request.order_strategy_type_id != MULTIBRACKET:
            raise Refusal("Unsupported", f"There is no strategy type {request.order_strategy_type_id}.")
        account = self._entry.account(sender.user_id, request.account_id, request.account_spec)
        params = read_params(request.params, StrategyParams)
        listing = self._catalog.find(request.symbol)
        if listing is None:
            raise Refusal("InvalidContract", f"Unknown symbol {request.symbol}.")
        buy = request.action == "Buy"
        plans = plan(params.brackets, listing.spec, buy=buy)
        self._protection.check_room(listing, plans, buy=buy)
        order = entry_order(
            account.id, request.action, request.symbol, params.entry_version, is_automated=request.is_automated
        )
        order = msgspec.structs.replace(order, custom_tag50=request.custom_tag50)
        entered = self._entry.take_in(sender, order)
        strategy = e.OrderStrategy(
            id=self._store.next_id(),
            account_id=account.id,
            timestamp=stamp(self._clock.now()),
            contract_id=listing.contract_id,
            order_strategy_type_id=MULTIBRACKET,
            initiator_id=sender.user_id,
            action=request.action,
            params=request.params,
            uuid=request.uuid,
            status=ACTIVE,
            sender_id=sender.user_id,
            custom_tag50=request.custom_tag50,
            user_session_id=sender.session_id,
        )
        self._booking.put(strategy, account.id)
        running = Running(
            strategy_id=strategy.id,
            account_id=account.id,
            contract_id=listing.contract_id,
            user_id=sender.user_id,
            session_id=sender.session_id,
            buy=buy,
            entry_id=entered[0].order.id,
            lasting=entered[0].ticket.time_in_force in ("GTC", "GTD"),
            is_automated=request.is_automated,
            custom_tag50=request.custom_tag50,
            brackets=[RunningBracket(one) for one in plans],
        )
        self.running[strategy.id] = running
        self._link(running, running.entry_id, "Entry")
        self._execution.begin(entered)
        return strategy

    def _own(self, sender: Sender, strategy_id: int) -> tuple[e.OrderStrategy, Running]:
        strategy = self._store.own(e.OrderStrategy, strategy_id, sender.user_id)
        if strategy is None:
            raise Refusal("UnknownReason", "Access is denied")
        running = self.running.get(strategy_id)
        if running is None:
            raise NOT_ACTIVE
        return strategy, running

    def _modify(
        self, sender: Sender, strategy: e.OrderStrategy, running: Running, request: ModifyOrderStrategy
    ) -> None:
        change = read_params(request.command, StrategyChange)
        plans: list[BracketPlan] = []
        if change.brackets is not None:
            plans = plan(change.brackets, self._catalog.listings[running.contract_id].spec, buy=running.buy)
            if len(plans) != len(running.brackets):
                raise Refusal("UnknownReason", f"{INVALID}: the strategy has {len(running.brackets)} brackets")
            for bracket, wanted in zip(running.brackets, plans, strict=True):
                self._protection.check_change(bracket, wanted)
        if change.entry_version is not None:
            asked = entry_change(running.entry_id, change.entry_version, is_automated=running.is_automated)
            self._changes.modify(sender, asked, route=MODIFY_STRATEGY)
        for bracket, wanted in zip(running.brackets, plans, strict=False):
            self._protection.move(running, bracket, wanted)
        params = read_params(strategy.params, StrategyParams)
        params.entry_version = change.entry_version or params.entry_version
        params.brackets = change.brackets or params.brackets
        strategy.params = e.encode(params).decode()
        strategy.custom_tag50 = request.custom_tag50 or strategy.custom_tag50
        self._booking.put(strategy, strategy.account_id)

    def _protect(self, running: Running, trade: Trade) -> None:
        running.protecting = True
        try:
            self._protection.protect(running, trade)
        except Refusal as refusal:
            self._stop(running, "ExecutionFailed", refusal.text)
        finally:
            running.protecting = False

    def _flat(self, running: Running) -> None:
        """The account has no position in the contract: exits that still work would open one."""
        for order_id in running.exits():
            self._cancel(running, order_id)
        running.closed = running.filled > 0
        self._review(running)

    def _stop(self, running: Running, status: str, message: str | None = None) -> None:
        running.ending, running.message = status, message
        for order_id in (running.entry_id, *running.exits()):
            self._cancel(running, order_id)
        self._review(running)

    def _cancel(self, running: Running, order_id: int) -> None:
        if self._exchange.get(order_id) is None:
            return
        running.closing = True
        try:
            self._changes.cancel(running.sender, CancelOrder(order_id=order_id, is_automated=running.is_automated))
        finally:
            running.closing = False

    def _review(self, running: Running) -> None:
        """End a strategy of which no order works any more."""
        if running.strategy_id not in self.running or running.closing or running.protecting:
            return
        if any(self._lives(order_id) for order_id in (running.entry_id, *running.exits())):
            return
        strategy = self._store.get(e.OrderStrategy, running.strategy_id)
        del self.running[running.strategy_id]
        if strategy is None:
            return
        strategy.status = running.ending or (running.lost if not running.closed else None) or "ExecutionFinished"
        strategy.failure_message = running.message[:LONGEST_MESSAGE] if running.message else None
        self._booking.put(strategy, strategy.account_id)

    def _lives(self, order_id: int) -> bool:
        order = self._store.get(e.Order, order_id)
        return order is not None and order.ord_status not in FINISHED

    def _of_order(self, order_id: int) -> Running | None:
        found = (one for one in self.running.values() if order_id == one.entry_id or one.bracket_of(order_id))
        return next(found, None)

    def _why(self, order: e.Order, refusal: Refusal | None) -> tuple[str, str | None]:
        if refusal is not None:
            reason = "NotEnoughLiquidity" if refusal.reason == "NotEnoughLiquidity" else "ExecutionFailed"
            return reason, refusal.text
        return ("StoppedByUser" if self._cancelled_by_command(order) else "InactiveStrategy"), None

    def _cancelled_by_command(self, order: e.Order) -> bool:
        commands = self._store.all(e.Command)
        return any(one.order_id == order.id and one.command_type == "Cancel" for one in commands)

    def _link(self, running: Running, order_id: int, label: str) -> None:
        link = e.OrderStrategyLink(
            id=self._store.next_id(), order_strategy_id=running.strategy_id, order_id=order_id, label=label
        )
        self._booking.put(link, running.account_id)
