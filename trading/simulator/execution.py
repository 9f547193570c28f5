"""What happens to orders at the market: they are sent, wait, trade, shrink, lapse and expire, and each step is written
down and booked in the order in which Tradovate reports it (protocol notes, "Usual event order of a market order")."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from . import entities as e
from .exchange import Outcome, Reduced, Ticket, Trade
from .failure_reasons import Stage
from .linked_orders import LinkedOrders
from .papers import Entered, Papers
from .pre_trade import PreTrade
from .terms import Refusal
from .venue import Venue


class Follower(Protocol):
    """Somebody who acts on what happens to orders."""

    def traded(self, order: e.Order, trade: Trade) -> None:
        """An order traded, and the trade is booked."""

    def ended(self, order: e.Order, refusal: Refusal | None) -> None:
        """An order ended unfilled; refused with this reason if one is given."""


class Execution:
    """Brings orders to the exchange, and its outcomes to the books."""

    def __init__(self, venue: Venue, *, papers: Papers, linked: LinkedOrders, pre_trade: PreTrade) -> None:
        self._clock = venue.clock
        self._exchange = venue.exchange
        self._booking = venue.booking
        self._papers = papers
        self._linked = linked
        self._pre_trade = pre_trade
        self._catalog = venue.catalog
        self.followers: list[Follower] = []

    def begin(self, entered: Sequence[Entered], children: Sequence[Entered] = (), *, trusted: bool = False) -> None:
        """Send orders to the market when the account can carry them. Their children, and orders with an activation
        time, are kept for later."""
        try:
            warnings = [] if trusted else self._review([one.ticket for one in entered])
        except Refusal as refusal:
            self._reject_all(entered, children, refusal, "RiskRejected")
            return
        try:
            self._pre_trade.check_armed(entered[0].order.account_id, Stage.EXECUTION)
        except Refusal as refusal:
            for one in entered:
                self._papers.passed(one.command, one.order)
            self._reject_all(entered, children, refusal, "ExecutionRejected")
            return
        for child in children:
            self._suspend(child)
        if any(one.ticket.activates for one in entered):
            for one in entered:
                self._suspend(one)
            return
        for one in entered:
            self._papers.passed(one.command, one.order, "; ".join(warnings) or None)
            self._work(one)
        self.settle(self._exchange.release(one.order.id for one in entered))
        if not any(one.ticket.filled for one in entered):
            self._booking.margin(entered[0].order.account_id)

    def activate(self, tickets: Iterable[Ticket]) -> None:
        """Let orders work that were kept for later, if the account can carry them now."""
        ready: list[Ticket] = []
        for ticket in tickets:
            if ticket.order_id not in self._exchange.held:
                continue  # it went with another one
            entered = self._papers.entered(ticket)
            ticket.activates = None
            try:
                self._pre_trade.check_risk(ticket, [*self._exchange.working(), *ready])
            except Refusal as refusal:
                self._exchange.cancel(ticket.order_id)
                self._reject(entered, refusal, "RiskRejected")
                for other in self._linked.end_with(ticket):
                    self.finish(other, "Canceled")
                continue
            self._papers.report(entered.command, entered.order, "AtExecution")
            self._work(entered)
            ready.append(ticket)
        if ready:
            self.settle(self._exchange.release([ticket.order_id for ticket in ready]))
            self._booking.margin(ready[0].account_id)

    def settle(self, outcomes: Iterable[Outcome]) -> None:
        """Write down and book what the exchange says has happened."""
        for outcome in outcomes:
            if isinstance(outcome, Trade):
                self._settle_trade(outcome)
            elif isinstance(outcome, Reduced):
                self._papers.reduced(outcome.ticket, outcome.qty)
            else:
                self.finish(outcome.ticket, "Canceled")

    def finish(self, ticket: Ticket, status: str, command: e.Command | None = None) -> None:
        """Write down that an order left the exchange unfilled, by a command or by itself, and end what ends with it."""
        order = self._papers.order_of(ticket)
        self._papers.executed(command or self._papers.command_of(ticket), ticket, status, status)
        self._papers.status(order, status)
        for other in self._linked.end_with(ticket):
            self.finish(other, "Canceled")
        for follower in self.followers:
            follower.ended(order, None)
        self._booking.margin(order.account_id)

    def shrink(self, ticket: Ticket, left: int) -> None:
        """Leave an order only so many contracts to trade, and write that down."""
        self._exchange.shrink(ticket, left)
        self._papers.reduced(ticket, ticket.qty)
        self._booking.margin(ticket.account_id)

    def waiting(self) -> list[Ticket]:
        """Every order that has not ended."""
        return [*self._exchange.held.values(), *self._exchange.working()]

    def expire(self, ticket: Ticket) -> None:
        """End an order whose time is over."""
        if self._exchange.cancel(ticket.order_id) is not None:  # else it went with another one
            self.finish(ticket, "Expired")

    def sweep(self, contract_id: int | None = None) -> None:
        """Let working orders meet the present prices, after those whose time is over have gone and those whose time has
        come have been activated. A contract whose session is closed does not trade."""
        now = self._clock.now()
        for ticket in self.waiting():
            if ticket.expires is not None and ticket.expires <= now:
                self.expire(ticket)
        due = [one for one in self._exchange.held.values() if one.activates is not None and one.activates <= now]
        self.activate(due)
        for number in [contract_id] if contract_id is not None else self._exchange.contracts():
            if self._catalog.session_open(self._catalog.listings[number], now):
                self.settle(self._exchange.sweep(number))

    def _review(self, tickets: list[Ticket]) -> list[str]:
        working = list(self._exchange.working())
        warnings: list[str] = []
        for ticket in tickets:
            warnings += self._pre_trade.check_risk(ticket, working)
            working.append(ticket)
        return warnings

    def _settle_trade(self, trade: Trade) -> None:
        ticket = trade.ticket
        order = self._papers.order_of(ticket)
        command = self._papers.command_of(ticket)
        fill = self._booking.fill(order, trade)
        status = "Working" if trade.left else "Filled"
        self._papers.executed(command, ticket, "Trade", status, trade=trade, fill=fill)
        if status == "Filled":
            self._papers.status(order, status)
        self._booking.book(order, trade, fill)
        if status == "Filled":
            self.activate(self._linked.children(order.id))
        for follower in self.followers:
            follower.traded(order, trade)

    def _work(self, entered: Entered) -> None:
        self._papers.executed(entered.command, entered.ticket, "New", "Working")
        self._papers.status(entered.order, "Working")
        self._exchange.hold(entered.ticket)

    def _suspend(self, entered: Entered) -> None:
        self._papers.report(entered.command, entered.order, "RiskPassed")
        self._papers.report(entered.command, entered.order, "ExecutionSuspended")
        self._papers.executed(entered.command, entered.ticket, "Suspended", "Suspended")
        self._papers.status(entered.order, "Suspended")
        self._exchange.hold(entered.ticket)

    def _reject_all(
        self, entered: Sequence[Entered], children: Sequence[Entered], refusal: Refusal, status: str
    ) -> None:
        for one in entered:
            self._reject(one, refusal, status)
        for child in children:
            self._reject(child, Refusal("ParentRejected", refusal.text), "RiskRejected")

    def _reject(self, entered: Entered, refusal: Refusal, status: str) -> None:
        self._papers.report(entered.command, entered.order, status, refusal)
        if status == "ExecutionRejected" or entered.order.ord_status == "Suspended":
            self._papers.executed(entered.command, entered.ticket, "Rejected", "Rejected", refusal=refusal)
        self._papers.status(entered.order, "Rejected")
        for follower in self.followers:
            follower.ended(entered.order, refusal)
