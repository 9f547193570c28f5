"""What is written down about orders: commands, their reports, versions and execution reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import msgspec

from . import entities as e
from .catalog import Listing
from .clock import stamp, trading_day
from .exchange import Ticket, Trade
from .requests import CancelOrder, ModifyOrder, PlaceOrder
from .terms import Refusal, Terms
from .venue import Venue

REFUSED = frozenset({"RiskRejected", "ExecutionRejected"})


@dataclass(frozen=True)
class Sender:
    """Who sends a command: the user and the session."""

    user_id: int
    session_id: int | None = None


@dataclass(frozen=True)
class Entered:
    """An order that was written down and has not met the market."""

    order: e.Order
    command: e.Command
    ticket: Ticket


class Papers:
    """Saves the entities of orders, in the order in which Tradovate reports them."""

    def __init__(self, venue: Venue) -> None:
        self._clock = venue.clock
        self._catalog = venue.catalog
        self._store = venue.store
        self._booking = venue.booking

    def order_of(self, ticket: Ticket) -> e.Order:
        """The order that the engine knows as a ticket. Raises LookupError."""
        order = self._store.get(e.Order, ticket.order_id)
        if order is None:
            raise LookupError(f"Order {ticket.order_id} is not in the store.")
        return order

    def command_of(self, ticket: Ticket) -> e.Command:
        """The command that brought an order. Raises LookupError."""
        command = self._store.get(e.Command, ticket.command_id)
        if command is None:
            raise LookupError(f"Command {ticket.command_id} is not in the store.")
        return command

    def entered(self, ticket: Ticket) -> Entered:
        """An order that was written down earlier."""
        return Entered(self.order_of(ticket), self.command_of(ticket), ticket)

    def _now(self) -> str:
        return stamp(self._clock.now())

    def put(self, entity: e.Entity, order: e.Order | None = None) -> None:
        """Save an entity of an order, or the order itself."""
        owner = order if order is not None else entity
        if not isinstance(owner, e.Order):
            raise TypeError("An order's entities are saved with the order.")
        self._booking.put(entity, owner.account_id)

    def status(self, order: e.Order, status: str) -> None:
        """Save an order's new status."""
        order.ord_status = status
        self.put(order)

    def command(
        self,
        order: e.Order,
        kind: str,
        sender: Sender,
        request: PlaceOrder | ModifyOrder | CancelOrder,
        *,
        activates: datetime | None = None,
    ) -> e.Command:
        """Save a new command, which takes effect now or when it `activates`."""
        command = e.Command(
            id=self._store.next_id(),
            order_id=order.id,
            timestamp=self._now(),
            cl_ord_id=request.cl_ord_id,
            command_type=kind,
            command_status="Pending",
            sender_id=sender.user_id,
            user_session_id=sender.session_id,
            activation_time=stamp(activates) if activates else None,
            custom_tag50=request.custom_tag50,
            is_automated=request.is_automated,
        )
        self.put(command, order)
        return command

    def version(
        self,
        command: e.Command,
        order: e.Order,
        listing: Listing,
        request: PlaceOrder | ModifyOrder,
        terms: Terms,
    ) -> None:
        """Save the order's version that a command brings; its id is the command's. It has the prices that were sent,
        and those that follow from them."""
        kind = terms.kind
        price, stop_price, peg = request.price, request.stop_price, request.peg_difference
        if price is None:
            price = _price(listing, terms.limit)
        if stop_price is None and not kind.touched:
            stop_price = _price(listing, terms.stop)
        if peg is None and kind.trailing:
            peg = _price(listing, terms.trail)
        version = e.OrderVersion(
            id=command.id,
            order_id=order.id,
            order_qty=request.order_qty,
            order_type=kind.value,
            price=price,
            stop_price=stop_price,
            limit_if_touched_price=request.limit_if_touched_price,
            peg_difference=peg,
            max_show=request.max_show,
            time_in_force=terms.time_in_force,
            expire_time=stamp(terms.expires) if terms.expires else request.expire_time,
            text=request.text,
        )
        self.put(version, order)

    def resize(self, ticket: Ticket) -> None:
        """Write an order's present quantity into its latest version."""
        order = self.order_of(ticket)
        latest = self._latest(order)
        self.put(msgspec.structs.replace(latest, order_qty=ticket.qty), order)

    def reduced(self, ticket: Ticket, qty: int) -> None:
        """Write down that an order has only `qty` contracts now because another one traded."""
        order, command = self.order_of(ticket), self.command_of(ticket)
        latest = self._latest(order)
        self.put(msgspec.structs.replace(latest, id=self._store.next_id(), order_qty=qty), order)
        self.executed(command, ticket, "Replaced", order.ord_status)

    def _latest(self, order: e.Order) -> e.OrderVersion:
        """The version that an order has; one that was refused never was."""
        versions = []
        for version in self._store.all(e.OrderVersion):
            command = self._store.get(e.Command, version.id) if version.order_id == order.id else None
            if version.order_id == order.id and (command is None or command.command_status not in REFUSED):
                versions.append(version)
        return max(versions, key=_id)

    def report(
        self,
        command: e.Command,
        order: e.Order,
        status: str,
        refusal: Refusal | None = None,
        *,
        text: str | None = None,
    ) -> None:
        """Save a command's report and the command's new status. A new order that is refused is Rejected; one that is to
        be changed stays what it is."""
        report = e.CommandReport(
            id=self._store.next_id(),
            command_id=command.id,
            timestamp=self._now(),
            command_status=status,
            reject_reason=refusal.reason if refusal else None,
            text=refusal.text if refusal else text,
            ord_status=("Rejected" if command.command_type == "New" else order.ord_status) if refusal else None,
        )
        self.put(report, order)
        command.command_status = status
        self.put(command, order)

    def passed(self, command: e.Command, order: e.Order, text: str | None = None) -> None:
        """A command passed the risk checks, which may have a text to say, and is at the exchange."""
        self.report(command, order, "RiskPassed", text=text)
        self.report(command, order, "AtExecution")

    def executed(
        self,
        command: e.Command,
        ticket: Ticket,
        exec_type: str,
        status: str,
        *,
        trade: Trade | None = None,
        fill: e.Fill | None = None,
        refusal: Refusal | None = None,
    ) -> None:
        """Save an execution report: of a trade, or of what else happened to the order."""
        order = self.order_of(ticket)
        listing = self._catalog.listings[ticket.contract_id]
        report = e.ExecutionReport(
            id=self._store.next_id(),
            command_id=command.id,
            name=str(self._store.last_id),
            account_id=ticket.account_id,
            contract_id=ticket.contract_id,
            timestamp=self._now(),
            trade_date=e.TradeDate.of(trading_day(self._clock.now())),
            order_id=ticket.order_id,
            exec_type=exec_type,
            exec_ref_id=str(fill.id) if fill else None,
            ord_status=status,
            action="Buy" if ticket.buy else "Sell",
            cum_qty=trade.filled if trade else ticket.filled,
            avg_px=_average(listing, trade or ticket),
            last_qty=trade.qty if trade else None,
            last_px=_price(listing, trade.price) if trade else None,
            reject_reason=refusal.reason if refusal else None,
            text=refusal.text if refusal else None,
            exchange_order_id=str(ticket.order_id),
        )
        self.put(report, order)


def _id(version: e.OrderVersion) -> int:
    return version.id


def _price(listing: Listing, ticks: int | None) -> Decimal | None:
    return None if ticks is None else listing.spec.price(ticks)


def _average(listing: Listing, ticket: Ticket | Trade) -> Decimal | None:
    return listing.spec.tick * ticket.value / ticket.filled if ticket.filled else None
