"""Commands on orders that are there: cancel and modify, at once or at an activation time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from . import entities as e
from . import risk
from .catalog import Listing
from .clock import stamp
from .exchange import Ticket
from .execution import Execution
from .fault_kinds import Effect
from .faults import Fault
from .linked_orders import LinkedOrders
from .order_entry import OrderEntry
from .papers import Papers, Sender
from .pre_trade import PreTrade
from .requests import CancelOrder, ModifyOrder
from .terms import Refusal, Terms, check_side, check_terms, read_activation
from .venue import Venue

MODIFY_ORDER = "order/modifyorder"
PENDING = "PendingReplace"
FINISHED = frozenset({"Filled", "Canceled", "Rejected", "Expired", "Completed"})


@dataclass
class OnHold:
    """A command that waits for its activation time or a fault's end. Without `modify` it is a cancellation."""

    at: datetime
    command_id: int
    order_id: int
    modify: ModifyOrder | None = None


class Changes:
    """Cancels and modifies orders."""

    def __init__(
        self,
        venue: Venue,
        *,
        papers: Papers,
        linked: LinkedOrders,
        entry: OrderEntry,
        pre_trade: PreTrade,
        execution: Execution,
        fault_of_modify: Callable[[int, str], Fault | None],
    ) -> None:
        self._clock = venue.clock
        self._catalog = venue.catalog
        self._feed = venue.feed
        self._exchange = venue.exchange
        self._store = venue.store
        self._booking = venue.booking
        self._papers = papers
        self._linked = linked
        self._entry = entry
        self._pre_trade = pre_trade
        self._execution = execution
        self.on_hold: list[OnHold] = []
        self._fault_of_modify = fault_of_modify

    def cancel(self, sender: Sender, request: CancelOrder) -> e.Command:
        """Take an order out of the market, now or at its activation time. Raises Refusal: TooLate for a finished
        one."""
        order = self._entry.order(sender.user_id, request.order_id)
        ticket = self._exchange.get(order.id)
        if ticket is None:
            raise _too_late(order)
        at = read_activation(request.activation_time, self._clock.now())
        command = self._papers.command(order, "Cancel", sender, request, activates=at)
        if at is not None:
            self._hold(OnHold(at, command.id, order.id), command, order)
        else:
            self._cancel(command, ticket)
        return command

    def modify(self, sender: Sender, request: ModifyOrder, *, route: str = MODIFY_ORDER) -> e.Command:
        """Change quantity, type or prices of an order, now or at the activation time. `route` is the operation that
        asks for it. Raises Refusal.

        A modification says all of the order anew: what it leaves out is the default, also for the time in force, which
        must be the order's own (protocol notes, "Orders"): another one is accepted as a command, and the exchange
        refuses it. An activation time makes a suspended order work at that time, whatever it waits for.
        """
        order = self._entry.order(sender.user_id, request.order_id)
        ticket = self._exchange.get(order.id)
        if ticket is None or request.order_qty <= ticket.filled:
            raise _too_late(order)
        if any(one.order_id == order.id for one in self.on_hold):
            raise Refusal("AnotherCommandPending", f"Another command for order {order.id} waits for its time.")
        listing = self._catalog.listings[order.contract_id]
        account = self._entry.account(sender.user_id, order.account_id, None)
        risk.check_account(account)
        self._pre_trade.check_request(account, listing, buy=ticket.buy, qty=request.order_qty - ticket.filled)
        self._entry.check_session(listing)
        self._entry.check_quantity(request.order_qty)
        terms = self._terms(ticket, request)
        command = self._papers.command(order, "Modify", sender, request, activates=terms.activates)
        fault = self._fault_of_modify(sender.user_id, route)
        if fault is not None and fault.kind.effect is Effect.IGNORE:
            return command
        if fault is not None:
            self._papers.version(command, order, listing, request, terms)
            self._papers.status(order, PENDING)
            at = self._clock.now() + timedelta(seconds=fault.seconds)
            self.on_hold.append(OnHold(at, command.id, order.id, request))
        elif terms.activates is not None and order.id not in self._exchange.held:
            self._hold(OnHold(terms.activates, command.id, order.id, request), command, order)
        else:
            self._modify(command, ticket, request, terms)
        return command

    def adjust(
        self,
        sender: Sender,
        ticket: Ticket,
        *,
        qty: int | None = None,
        limit: int | None = None,
        stop: int | None = None,
    ) -> None:
        """Change an order of a strategy, without a review: its contracts, or its prices in ticks."""
        order = self._papers.order_of(ticket)
        spec = self._catalog.listings[ticket.contract_id].spec
        terms = Terms(
            ticket.kind,
            ticket.time_in_force,
            ticket.limit if limit is None else limit,
            ticket.stop if stop is None else stop,
            ticket.trail,
            ticket.show,
            ticket.expires,
        )
        request = ModifyOrder(
            order_id=order.id,
            order_qty=ticket.qty if qty is None else qty,
            order_type=ticket.kind.value,
            price=spec.price(terms.limit) if terms.limit is not None else None,
            stop_price=spec.price(terms.stop) if terms.stop is not None else None,
            is_automated=True,
        )
        command = self._papers.command(order, "Modify", sender, request)
        self._replace(command, ticket, request, terms)

    def carry_out_due(self) -> None:
        """Carry out the commands whose activation time has come."""
        now = self._clock.now()
        due = [one for one in self.on_hold if one.at <= now]
        self.on_hold = [one for one in self.on_hold if one.at > now]
        for one in due:
            order, command = self._store.get(e.Order, one.order_id), self._store.get(e.Command, one.command_id)
            if order is None or command is None:
                continue  # of an earlier day
            ticket = self._exchange.get(one.order_id)
            if order.ord_status == PENDING:
                self._papers.status(order, "Suspended" if order.id in self._exchange.held else "Working")
            try:
                if ticket is None or (one.modify and one.modify.order_qty <= ticket.filled):
                    raise _too_late(order)
                if one.modify is None:
                    self._cancel(command, ticket)
                else:
                    self._modify(command, ticket, one.modify, self._terms(ticket, one.modify))
            except Refusal as refusal:
                self._papers.report(command, order, "ExecutionRejected", refusal)

    def _hold(self, on_hold: OnHold, command: e.Command, order: e.Order) -> None:
        self._papers.report(command, order, "OnHold")
        self.on_hold.append(on_hold)

    def _cancel(self, command: e.Command, ticket: Ticket) -> None:
        self._papers.passed(command, self._papers.order_of(ticket))
        self._exchange.cancel(ticket.order_id)
        self._execution.finish(ticket, "Canceled", command)

    def _modify(self, command: e.Command, ticket: Ticket, request: ModifyOrder, terms: Terms) -> None:
        order = self._papers.order_of(ticket)
        try:
            self._check_risk(ticket, request.order_qty)
        except Refusal as refusal:
            self._papers.report(command, order, "RiskRejected", refusal)
            return
        self._replace(command, ticket, request, terms)

    def _replace(self, command: e.Command, ticket: Ticket, request: ModifyOrder, terms: Terms) -> None:
        order = self._papers.order_of(ticket)
        listing = self._catalog.listings[order.contract_id]
        self._papers.passed(command, order)
        self._papers.version(command, order, listing, request, terms)
        if terms.time_in_force != ticket.time_in_force:
            fixed = Refusal("OtherExecutionRelated", "Cannot modify time-in-force")
            self._papers.report(command, order, "ExecutionRejected", fixed)
            self._papers.executed(command, ticket, "Rejected", order.ord_status, refusal=fixed)
            return
        ticket.expires = terms.expires
        self._papers.executed(command, ticket, "Replaced", order.ord_status)
        self._papers.status(order, order.ord_status)
        outcomes = self._exchange.replace(
            ticket,
            qty=request.order_qty,
            kind=terms.kind,
            limit=terms.limit,
            stop=terms.stop,
            trail=terms.trail,
            show=terms.show,
        )
        for child in self._linked.children(order.id):
            child.qty = request.order_qty
            self._papers.resize(child)
        if request.activation_time is not None and order.id in self._exchange.held:
            ticket.activates = terms.activates
            if ticket.activates is None:
                self._execution.activate([ticket])
        self._execution.settle(outcomes)
        self._booking.margin(order.account_id)

    def _check_risk(self, ticket: Ticket, qty: int) -> None:
        others = [one for one in self._exchange.working() if one.order_id != ticket.order_id]
        was, ticket.qty = ticket.qty, qty
        try:
            if qty > was:
                self._pre_trade.check_risk(ticket, others)
        finally:
            ticket.qty = was

    def _terms(self, ticket: Ticket, request: ModifyOrder) -> Terms:
        """What a modification asks for. Of a trailing stop only the quantity can change (openapi.json, failureReason
        TrailingStopNonOrderQtyModify)."""
        listing: Listing = self._catalog.listings[ticket.contract_id]
        now = self._clock.now()
        if ticket.kind.trailing and request.order_type == ticket.kind.value:
            return self._same_trail(ticket, request, read_activation(request.activation_time, now))
        if request.expire_time is None and ticket.expires is not None:
            request = msgspec.structs.replace(request, expire_time=stamp(ticket.expires))
        terms = check_terms(listing, request, now)
        waits = terms.activates is not None or ticket.order_id in self._exchange.held
        if not waits and (terms.kind, terms.stop) != (ticket.kind, ticket.stop):
            check_side(terms, buy=ticket.buy, last=self._feed.market(ticket.contract_id).last)
        return terms

    def _same_trail(self, ticket: Ticket, request: ModifyOrder, activates: datetime | None) -> Terms:
        versions = [version for version in self._store.all(e.OrderVersion) if version.order_id == ticket.order_id]
        for name in ("price", "stop_price", "peg_difference"):
            if getattr(request, name) not in {None, *(getattr(version, name) for version in versions)}:
                raise Refusal("TrailingStopNonOrderQtyModify", "Only the quantity of a trailing stop can change.")
        return Terms(
            ticket.kind,
            request.time_in_force or "Day",
            ticket.limit,
            ticket.stop,
            ticket.trail,
            request.max_show,
            ticket.expires,
            activates,
        )


def _too_late(order: e.Order) -> Refusal:
    if order.ord_status in FINISHED:
        return Refusal("TooLate", f"Order {order.id} is {order.ord_status} already.")
    return Refusal("TooLate", f"Order {order.id} has traded further than that.")
