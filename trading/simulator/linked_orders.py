"""Orders that depend on each other: pairs of which one cancels the other (OCO), and children that wait for their
parent's fill (OSO). Tradovate's own fields show it: `ocoId`, `linkedId` and `parentId` of Order (guide, "Order")."""

from __future__ import annotations

from . import entities as e
from .exchange import Exchange, Outcome, Ticket
from .papers import Entered, Papers
from .store import Store


class LinkedOrders:
    """Links orders, and follows the links when one of them fills or ends."""

    def __init__(self, *, exchange: Exchange, store: Store, papers: Papers) -> None:
        self._exchange = exchange
        self._store = store
        self._papers = papers

    @staticmethod
    def link(first: Entered, other: Entered) -> None:
        """Make a pair of two orders: the first that trades cancels the other."""
        for one, two in ((first, other), (other, first)):
            one.ticket.oco = one.order.oco_id = one.order.linked_id = two.order.id

    def adopt(self, parent: Entered, children: list[Entered]) -> None:
        """Give an order one or two children. Two are a pair."""
        if len(children) == 2:
            self.link(*children)
        for child in children:
            child.order.parent_id = parent.order.id

    def suspend(self, child: Entered) -> None:
        """Keep an order out of the market until its parent is filled."""
        self._papers.report(child.command, child.order, "RiskPassed")
        self._papers.report(child.command, child.order, "ExecutionSuspended")
        self._papers.executed(child.command, child.ticket, "Suspended", "Suspended")
        self._papers.status(child.order, "Suspended")
        self._exchange.hold(child.ticket)

    def children(self, order_id: int) -> list[Ticket]:
        """The orders that wait for an order's fill."""
        waiting = []
        for ticket in self._exchange.held.values():
            order = self._store.get(e.Order, ticket.order_id)
            if order is not None and order.parent_id == order_id:
                waiting.append(ticket)
        return waiting

    def release_children(self, order_id: int) -> list[Outcome] | None:
        """Let the orders that waited for a filled order work. What happens at once is returned, to be settled; None
        when there were none."""
        children = self.children(order_id)
        if not children:
            return None
        for child in children:
            if order := self._store.get(e.Order, child.order_id):
                command = self._papers.command_of(child)
                self._papers.report(command, order, "AtExecution")
                self._papers.executed(command, child, "New", "Working")
                self._papers.status(order, "Working")
        return self._exchange.release([child.order_id for child in children])

    def end_with(self, ticket: Ticket) -> None:
        """An order has ended without a fill: what is linked to it ends too, and so do its children. A child that still
        waits leaves the other one of its bracket alone: the two become a pair only when they work."""
        order = self._store.get(e.Order, ticket.order_id)
        was_held = order is not None and order.parent_id is not None and self._exchange.get(order.parent_id) is not None
        if ticket.oco is not None and was_held:
            other = self._store.get(e.Order, ticket.oco)
            if other is not None and (left := self._exchange.get(other.id)):
                left.oco = other.oco_id = other.linked_id = None
                self._papers.put(other)
        elif ticket.oco is not None and (linked := self._exchange.cancel(ticket.oco)):
            self._papers.end(linked, "Canceled")
        for child in self.children(ticket.order_id):
            self._exchange.cancel(child.order_id)
            self._papers.end(child, "Canceled")
