"""The order path: a request becomes a command, the command reports, the order trades, the account is booked.

Every step is saved as the entities that Tradovate would save, in the order in which it reports them
(protocol notes, "Usual event order of a market order").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from . import entities as e
from . import risk
from .booking import Booking
from .catalog import Catalog, Listing
from .clock import Clock, stamp
from .exchange import Exchange, Outcome, Ticket, Trade
from .feed import Feed
from .linked_orders import LinkedOrders
from .papers import Entered, Papers, Sender
from .requests import (
    CancelOrder,
    LiquidatePosition,
    ModifyOrder,
    OrderResult,
    PlaceOco,
    PlaceOrder,
    PlaceOso,
    Restrained,
)
from .store import Store

FINISHED = frozenset({"Filled", "Canceled", "Rejected", "Expired", "Completed"})
DENIED = OrderResult(failure_reason="UnknownReason", failure_text="Access is denied")


class Broker:
    """Takes orders of all users and keeps their entities."""

    def __init__(
        self,
        *,
        clock: Clock,
        catalog: Catalog,
        feed: Feed,
        exchange: Exchange,
        store: Store,
        booking: Booking,
        max_qty: int,
        ignores_modify: Callable[[int], bool] = lambda _user_id: False,
    ) -> None:
        self._clock = clock
        self._catalog = catalog
        self._feed = feed
        self._exchange = exchange
        self._store = store
        self._booking = booking
        self._papers = Papers(clock=clock, catalog=catalog, store=store, booking=booking)
        self._linked = LinkedOrders(exchange=exchange, store=store, papers=self._papers)
        self._max_qty = max_qty
        self._ignores_modify = ignores_modify

    def place(self, sender: Sender, request: PlaceOrder, *, admin: bool = False, settling: bool = False) -> OrderResult:
        """Take a new order. The result says that it was accepted as a command, not that it will work. An order that
        settles an expired contract passes where a trader's would not."""
        entered = self._take_in(sender, [request], admin=admin, settling=settling)
        if isinstance(entered, OrderResult):
            return entered
        self._begin(entered)
        return OrderResult(order_id=entered[0].order.id)

    def place_oco(self, sender: Sender, request: PlaceOco) -> OrderResult:
        """Take two orders of which the first that trades cancels the other (openapi.json, PlaceOCO). The first
        contract that trades does it (guide, "Order": linkedId is cancelled on this order's Fill)."""
        entered = self._take_in(sender, [request, _spelled_out(request, request.other)])
        if isinstance(entered, OrderResult):
            return entered
        first, other = entered
        self._linked.link(first, other)
        self._begin(entered)
        return OrderResult(order_id=first.order.id, oco_id=other.order.id)

    def place_oso(self, sender: Sender, request: PlaceOso) -> OrderResult:
        """Take an order whose fill sends one or two others (openapi.json, PlaceOSO). Those are Suspended until all of
        it is filled, then work as an OCO pair; when it ends in another way they end too."""
        brackets = [request.bracket1] + ([request.bracket2] if request.bracket2 else [])
        entered = self._take_in(sender, [request, *(_spelled_out(request, bracket) for bracket in brackets)])
        if isinstance(entered, OrderResult):
            return entered
        parent, *children = entered
        self._linked.adopt(parent, children)
        self._begin([parent], children)
        ids = [child.order.id for child in children]
        return OrderResult(order_id=parent.order.id, oso1_id=ids[0], oso2_id=ids[1] if len(ids) == 2 else None)

    def _take_in(
        self, sender: Sender, requests: list[PlaceOrder], *, admin: bool = False, settling: bool = False
    ) -> list[Entered] | OrderResult:
        """Check orders that belong together and write them down; nothing is written when one does not pass."""
        request = requests[0]
        account = self._account(sender.user_id, request.account_id, request.account_spec)
        if account is None:
            return DENIED
        try:
            if not settling:
                risk.check_account(account)
            listing = risk.check_symbol(self._catalog, request.symbol, None if settling else self._clock.now())
            if not settling:
                risk.check_session(self._catalog, listing, self._clock.now())
            risk.check_quantity(request.order_qty, self._max_qty)
            terms = [risk.check_terms(listing, one, self._clock.now()) for one in requests]
        except risk.Refusal as refusal:
            return OrderResult(failure_reason=refusal.reason, failure_text=refusal.text)
        self._booking.introduce(account.user_id, listing)
        return [
            self._enter(sender, account, listing, one, own, admin=admin)
            for one, own in zip(requests, terms, strict=True)
        ]

    def _enter(
        self,
        sender: Sender,
        account: e.Account,
        listing: Listing,
        request: PlaceOrder,
        terms: risk.Terms,
        *,
        admin: bool,
    ) -> Entered:
        order = e.Order(
            id=self._store.next_id(),
            account_id=account.id,
            contract_id=listing.contract_id,
            timestamp=stamp(self._clock.now()),
            action=request.action,
            ord_status="PendingNew",
            execution_provider_id=1,
            admin=admin,
        )
        self._papers.put(order)
        command = self._papers.command(order, "New", sender, request)
        ticket = Ticket(
            order_id=order.id,
            command_id=command.id,
            account_id=account.id,
            contract_id=listing.contract_id,
            buy=request.action == "Buy",
            qty=request.order_qty,
            kind=terms.kind,
            time_in_force=terms.time_in_force,
            limit=terms.limit,
            stop=terms.stop,
            trail=terms.trail,
            expires=terms.expires,
        )
        self._papers.version(command, order, listing, request, terms)
        return Entered(order, command, ticket)

    def _begin(self, entered: list[Entered], children: Iterable[Entered] = ()) -> None:
        """Send orders to the market when the account can carry them, and keep their children until they fill."""
        account_id = entered[0].order.account_id
        working = list(self._exchange.working())
        try:
            for one in entered:
                ledger = self._booking.ledgers[account_id]
                risk.check_margin(ledger, self._catalog, self._feed, working, one.ticket)
                working.append(one.ticket)
        except risk.Refusal as refusal:
            for one in entered:
                self._reject(one, refusal)
            for child in children:
                self._reject(child, risk.Refusal("ParentRejected", refusal.text))
            return
        for child in children:
            self._linked.suspend(child)
        for one in entered:
            self._papers.passed(one.command, one.order)
            self._papers.executed(one.command, one.ticket, "New", "Working")
            self._papers.status(one.order, "Working")
            self._exchange.hold(one.ticket)
        self._settle(self._exchange.release(one.order.id for one in entered))
        if not any(one.ticket.filled for one in entered):
            self._booking.margin(account_id)

    def _reject(self, entered: Entered, refusal: risk.Refusal) -> None:
        self._papers.report(entered.command, entered.order, "RiskRejected", refusal)
        self._papers.status(entered.order, "Rejected")

    def cancel(self, sender: Sender, request: CancelOrder) -> OrderResult:
        """Take an order out of the market. An order that is finished answers TooLate."""
        order = self._own_order(sender.user_id, request.order_id)
        if order is None:
            return DENIED
        ticket = self._exchange.get(order.id)
        if ticket is None:
            return _too_late(order)
        command = self._papers.command(order, "Cancel", sender, request)
        self._papers.passed(command, order)
        self._exchange.cancel(order.id)
        self._papers.executed(command, ticket, "Canceled", "Canceled")
        self._papers.status(order, "Canceled")
        self._linked.end_with(ticket)
        self._booking.margin(order.account_id)
        return OrderResult(command_id=command.id)

    def modify(self, sender: Sender, request: ModifyOrder) -> OrderResult:
        """Change quantity, type or prices of a working order."""
        order = self._own_order(sender.user_id, request.order_id)
        if order is None:
            return DENIED
        ticket = self._exchange.get(order.id)
        if ticket is None or request.order_qty <= ticket.filled:
            return _too_late(order)
        listing = self._catalog.listings[order.contract_id]
        try:
            risk.check_session(self._catalog, listing, self._clock.now())
            risk.check_quantity(request.order_qty, self._max_qty)
            terms = self._new_terms(ticket, listing, request)
        except risk.Refusal as refusal:
            return OrderResult(failure_reason=refusal.reason, failure_text=refusal.text)
        command = self._papers.command(order, "Modify", sender, request)
        if self._ignores_modify(sender.user_id):
            return OrderResult(command_id=command.id)
        self._papers.passed(command, order)
        self._papers.version(command, order, listing, request, terms)
        ticket.time_in_force, ticket.expires = terms.time_in_force, terms.expires
        outcomes = self._exchange.replace(
            ticket, qty=request.order_qty, kind=terms.kind, limit=terms.limit, stop=terms.stop, trail=terms.trail
        )
        self._papers.executed(command, ticket, "Replaced", order.ord_status)
        self._papers.status(order, order.ord_status)
        for child in self._linked.children(order.id):
            child.qty = request.order_qty
            for version in [one for one in self._store.all(e.OrderVersion) if one.order_id == child.order_id]:
                version.order_qty = request.order_qty
                self._papers.put(version, order)
        self._settle(outcomes)
        self._booking.margin(order.account_id)
        return OrderResult(command_id=command.id)

    def liquidate(self, sender: Sender, request: LiquidatePosition, *, settling: bool = False) -> OrderResult:
        """Cancel the working orders of a contract in an account, then close the position at the market."""
        account = self._account(sender.user_id, request.account_id, None)
        listing = self._catalog.listings.get(request.contract_id)
        if account is None or listing is None:
            return DENIED
        for ticket in [*self._exchange.held.values(), *self._exchange.working()]:
            if (ticket.account_id, ticket.contract_id) == (account.id, listing.contract_id):
                self.cancel(sender, CancelOrder(order_id=ticket.order_id, is_automated=request.is_automated))
        holding = self._booking.ledgers[account.id].holdings.get(listing.contract_id)
        if holding is None or not holding.net:
            return OrderResult()
        closing = PlaceOrder(
            account_id=account.id,
            action="Sell" if holding.net > 0 else "Buy",
            symbol=listing.name,
            order_qty=abs(holding.net),
            order_type="Market",
            custom_tag50=request.custom_tag50,
            is_automated=request.is_automated,
        )
        return self.place(sender, closing, admin=request.admin, settling=settling)

    def sweep(self, contract_id: int | None = None) -> None:
        """Let working orders meet the present prices, after those whose time is over have gone. A contract whose
        session is closed does not trade."""
        now = self._clock.now()
        for ticket in [*self._exchange.held.values(), *self._exchange.working()]:
            if ticket.expires is not None and ticket.expires <= now:
                self._expire(ticket)
        for number in [contract_id] if contract_id is not None else self._exchange.contracts():
            if self._catalog.session_open(self._catalog.listings[number], now):
                self._settle(self._exchange.sweep(number))

    def settle_expired(self) -> None:
        """Take out the orders of contracts that trade no more and close positions in them at the last market."""
        now = self._clock.now()
        held = {
            (number, h.contract_id) for number, ledger in self._booking.ledgers.items() for h in ledger.open_holdings()
        }
        waiting = [*self._exchange.held.values(), *self._exchange.working()]
        held |= {(ticket.account_id, ticket.contract_id) for ticket in waiting}
        for account_id, contract_id in sorted(held):
            account = self._store.get(e.Account, account_id)
            if account is not None and self._catalog.listings[contract_id].expires <= now:
                request = LiquidatePosition(account_id=account_id, contract_id=contract_id, admin=True)
                self.liquidate(Sender(account.user_id), request, settling=True)

    def expire_day_orders(self) -> None:
        """End the trading day for the orders that were only good for it."""
        for ticket in [*self._exchange.held.values(), *self._exchange.working()]:
            if ticket.time_in_force not in ("GTC", "GTD"):
                self._expire(ticket)

    def _expire(self, ticket: Ticket) -> None:
        if self._exchange.cancel(ticket.order_id) is None:
            return  # it went with another one
        self._papers.end(ticket, "Expired")
        self._linked.end_with(ticket)
        self._booking.margin(ticket.account_id)

    def _new_terms(self, ticket: Ticket, listing: Listing, request: ModifyOrder) -> risk.Terms:
        """What a modification asks for; what it leaves out of time in force stays. Of a trailing stop only the
        quantity can change (openapi.json, failureReason TrailingStopNonOrderQtyModify)."""
        kept = request.time_in_force in (None, ticket.time_in_force)
        if kept and ticket.kind.trailing and request.order_type == ticket.kind.value:
            versions = [version for version in self._store.all(e.OrderVersion) if version.order_id == ticket.order_id]
            for name in ("price", "stop_price", "peg_difference"):
                if getattr(request, name) not in {None, *(getattr(version, name) for version in versions)}:
                    raise risk.Refusal(
                        "TrailingStopNonOrderQtyModify", "Only the quantity of a trailing stop can change."
                    )
            return risk.Terms(
                ticket.kind, ticket.time_in_force, ticket.limit, ticket.stop, ticket.trail, ticket.expires
            )
        expires = stamp(ticket.expires) if kept and ticket.expires else None
        request = msgspec.structs.replace(
            request,
            time_in_force=request.time_in_force or ticket.time_in_force,
            expire_time=request.expire_time or expires,
        )
        return risk.check_terms(listing, request, self._clock.now())

    def _settle(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            ticket = outcome.ticket
            order = self._store.get(e.Order, ticket.order_id)
            if order is None:
                raise LookupError(f"Order {ticket.order_id} traded but is not in the store.")
            command = self._papers.command_of(ticket)
            if isinstance(outcome, Trade):
                fill, fees = self._booking.fill(order, outcome)
                status = "Filled" if outcome.filled == ticket.qty else "Working"
                self._papers.executed(command, ticket, "Trade", status, trade=outcome, fill=fill)
                if status == "Filled":
                    self._papers.status(order, status)
                self._booking.book(order, outcome, fill, fees)
                if status == "Filled" and (released := self._linked.release_children(order.id)) is not None:
                    self._settle(released)
                    self._booking.margin(order.account_id)
            else:
                self._papers.end(ticket, "Canceled")
                self._linked.end_with(ticket)
                self._booking.margin(order.account_id)

    def _account(self, user_id: int, account_id: int | None, spec: str | None) -> e.Account | None:
        own = self._store.accounts(user_id)
        if account_id is not None:
            return next((account for account in own if account.id == account_id), None)
        if spec is not None:
            return next((account for account in own if account.name.lower() == spec.lower()), None)
        return own[0] if len(own) == 1 else None

    def _own_order(self, user_id: int, order_id: int) -> e.Order | None:
        row = self._store.rows["order"].get(order_id)
        return row.entity if row and row.user_id == user_id and isinstance(row.entity, e.Order) else None


def _spelled_out(first: PlaceOrder, other: Restrained) -> PlaceOrder:
    """The order that is placed together with another one and shares its account, symbol and quantity."""
    return PlaceOrder(
        account_id=first.account_id,
        account_spec=first.account_spec,
        symbol=first.symbol,
        order_qty=first.order_qty,
        custom_tag50=first.custom_tag50,
        is_automated=first.is_automated,
        **msgspec.structs.asdict(other),
    )


def _too_late(order: e.Order) -> OrderResult:
    if order.ord_status in FINISHED:
        return OrderResult(failure_reason="TooLate", failure_text=f"Order {order.id} is {order.ord_status} already.")
    return OrderResult(failure_reason="TooLate", failure_text=f"Order {order.id} has traded further than that.")
