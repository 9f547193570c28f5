"""Orders that depend on each other: pairs of which one cancels the other (OCO), and children that wait for their
parent's fill (OSO). Tradovate's own fields show it: `ocoId`, `linkedId` and `parentId` of Order (guide, "Order")."""

from __future__ import annotations

from . import entities as e
from .exchange import Ticket
from .papers import Entered, Papers
from .venue import Venue


class LinkedOrders:
    """Links orders, and follows the links when one of them fills or ends."""

    def __init__(self, venue: Venue, *, papers: Papers) -> None:
        self._exchange = venue.exchange
        self._store = venue.store
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

    def children(self, order_id: int) -> list[Ticket]:
        """The orders that wait for an order's fill."""
        return [ticket for ticket in self._exchange.held.values() if self._parent(ticket) == order_id]

    def end_with(self, ticket: Ticket) -> list[Ticket]:
        """An order has ended without a fill: take out what ends with it, the order that it is linked to and its
        children, and return those. A child that still waits, and one that only makes the other smaller, leaves the
        other one of its pair alone."""
        gone = []
        if ticket.oco is not None and (other := self._exchange.get(ticket.oco)):
            parent = self._parent(ticket)
            if ticket.reduces or (parent is not None and self._exchange.get(parent) is not None):
                self._part(other)
            else:
                self._exchange.cancel(other.order_id)
                gone.append(other)
        ticket.oco = None
        for child in self.children(ticket.order_id):
            self._exchange.cancel(child.order_id)
            child.oco = None
            gone.append(child)
        return gone

    def _part(self, ticket: Ticket) -> None:
        ticket.oco = None
        if order := self._store.get(e.Order, ticket.order_id):
            order.oco_id = order.linked_id = None
            self._papers.put(order)

    def _parent(self, ticket: Ticket) -> int | None:
        order = self._store.get(e.Order, ticket.order_id)
        return order.parent_id if order is not None else None
