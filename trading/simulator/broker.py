"""The order path: a request becomes a command, the command reports, the order trades, the account is booked.

Every step is saved as the entities that Tradovate would save, in the order in which it reports them
(protocol notes, "Usual event order of a market order").
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from . import entities as e
from . import risk
from .booking import Booking
from .catalog import Catalog, Listing
from .clock import Clock, stamp, trading_day
from .exchange import Exchange, Kind, Outcome, Ticket, Trade
from .feed import Feed
from .requests import CancelOrder, LiquidatePosition, ModifyOrder, OrderResult, PlaceOrder
from .store import Store

FINISHED = frozenset({"Filled", "Canceled", "Rejected", "Expired", "Completed"})
DENIED = OrderResult(failure_reason="UnknownReason", failure_text="Access is denied")


@dataclass(frozen=True)
class Sender:
    """Who sends a command: the user and the session."""

    user_id: int
    session_id: int | None = None


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
    ) -> None:
        self._clock = clock
        self._catalog = catalog
        self._feed = feed
        self._exchange = exchange
        self._store = store
        self._booking = booking
        self._max_qty = max_qty
        self.ignore_modifies = 0

    def place(self, sender: Sender, request: PlaceOrder, *, admin: bool = False, settling: bool = False) -> OrderResult:
        """Take a new order. The result says that it was accepted as a command, not that it will work. An order that
        settles an expired contract passes where a trader's would not."""
        account = self._account(sender.user_id, request.account_id, request.account_spec)
        if account is None:
            return DENIED
        try:
            if not settling:
                risk.check_account(account)
            listing = risk.check_symbol(self._catalog, request.symbol, None if settling else self._clock.now())
            risk.check_quantity(request.order_qty, self._max_qty)
            terms = risk.check_terms(listing, request, self._clock.now())
        except risk.Refusal as refusal:
            return OrderResult(failure_reason=refusal.reason, failure_text=refusal.text)
        self._booking.introduce(account.user_id, listing)
        order = e.Order(
            id=self._store.next_id(),
            account_id=account.id,
            contract_id=listing.contract_id,
            timestamp=self._now(),
            action=request.action,
            ord_status="PendingNew",
            execution_provider_id=1,
            admin=admin,
        )
        self._put(order)
        command = self._command(order, "New", sender, request)
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
        self._version(command, order, listing, request, terms)
        try:
            risk.check_margin(
                self._booking.ledgers[account.id], self._catalog, self._feed, self._exchange.working(), ticket
            )
        except risk.Refusal as refusal:
            self._report(command, order, "RiskRejected", refusal)
            self._status(order, "Rejected")
            return OrderResult(order_id=order.id)
        self._pass(command, order)
        self._executed(command, ticket, "New", "Working")
        self._status(order, "Working")
        self._settle(self._exchange.submit(ticket))
        if not ticket.filled:
            self._booking.margin(account.id)
        return OrderResult(order_id=order.id)

    def cancel(self, sender: Sender, request: CancelOrder) -> OrderResult:
        """Take an order out of the market. An order that is finished answers TooLate."""
        order = self._own_order(sender.user_id, request.order_id)
        if order is None:
            return DENIED
        ticket = self._exchange.get(order.id)
        if ticket is None:
            return _too_late(order)
        command = self._command(order, "Cancel", sender, request)
        self._pass(command, order)
        self._exchange.cancel(order.id)
        self._executed(command, ticket, "Canceled", "Canceled")
        self._status(order, "Canceled")
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
            risk.check_quantity(request.order_qty, self._max_qty)
            terms = self._new_terms(ticket, listing, request)
        except risk.Refusal as refusal:
            return OrderResult(failure_reason=refusal.reason, failure_text=refusal.text)
        command = self._command(order, "Modify", sender, request)
        if self.ignore_modifies:
            self.ignore_modifies -= 1
            return OrderResult(command_id=command.id)
        self._pass(command, order)
        self._version(command, order, listing, request, terms)
        ticket.time_in_force, ticket.expires = terms.time_in_force, terms.expires
        outcomes = self._exchange.replace(
            ticket, qty=request.order_qty, kind=terms.kind, limit=terms.limit, stop=terms.stop, trail=terms.trail
        )
        self._executed(command, ticket, "Replaced", "Working")
        self._status(order, "Working")
        self._settle(outcomes)
        self._booking.margin(order.account_id)
        return OrderResult(command_id=command.id)

    def liquidate(self, sender: Sender, request: LiquidatePosition, *, settling: bool = False) -> OrderResult:
        """Cancel the working orders of a contract in an account, then close the position at the market."""
        account = self._account(sender.user_id, request.account_id, None)
        listing = self._catalog.listings.get(request.contract_id)
        if account is None or listing is None:
            return DENIED
        for ticket in list(self._exchange.working()):
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
        """Let working orders meet the present prices, after those whose time is over have gone."""
        now = self._clock.now()
        for ticket in list(self._exchange.working()):
            if ticket.expires is not None and ticket.expires <= now:
                self._expire(ticket)
        outcomes = self._exchange.sweep(contract_id)
        self._settle(outcomes)

    def settle_expired(self) -> None:
        """Take out the orders of contracts that trade no more and close positions in them at the last market."""
        now = self._clock.now()
        held = {
            (number, h.contract_id) for number, ledger in self._booking.ledgers.items() for h in ledger.open_holdings()
        }
        held |= {(ticket.account_id, ticket.contract_id) for ticket in self._exchange.working()}
        for account_id, contract_id in sorted(held):
            account = self._store.get(e.Account, account_id)
            if account is not None and self._catalog.listings[contract_id].expires <= now:
                request = LiquidatePosition(account_id=account_id, contract_id=contract_id, admin=True)
                self.liquidate(Sender(account.user_id), request, settling=True)

    def expire_day_orders(self) -> None:
        """End the trading day for the orders that were only good for it."""
        for ticket in list(self._exchange.working()):
            if ticket.time_in_force not in ("GTC", "GTD"):
                self._expire(ticket)

    def _expire(self, ticket: Ticket) -> None:
        self._exchange.cancel(ticket.order_id)
        self._executed(self._command_of(ticket), ticket, "Expired", "Expired")
        if order := self._store.get(e.Order, ticket.order_id):
            self._status(order, "Expired")
            self._booking.margin(order.account_id)

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
            command = self._command_of(ticket)
            if isinstance(outcome, Trade):
                fill, fees = self._booking.fill(order, outcome)
                status = "Filled" if outcome.filled == ticket.qty else "Working"
                self._executed(command, ticket, "Trade", status, trade=outcome, fill=fill)
                if status == "Filled":
                    self._status(order, status)
                self._booking.book(order, outcome, fill, fees)
            else:
                self._executed(command, ticket, "Canceled", "Canceled")
                self._status(order, "Canceled")
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

    def _command_of(self, ticket: Ticket) -> e.Command:
        command = self._store.get(e.Command, ticket.command_id)
        if command is None:
            raise LookupError(f"Command {ticket.command_id} is not in the store.")
        return command

    def _now(self) -> str:
        return stamp(self._clock.now())

    def _put(self, entity: e.Entity, order: e.Order | None = None) -> None:
        owner = order if order is not None else entity
        if not isinstance(owner, e.Order):
            raise TypeError("An order's entities are saved with the order.")
        self._booking.put(entity, owner.account_id)

    def _status(self, order: e.Order, status: str) -> None:
        order.ord_status = status
        self._put(order)

    def _command(
        self, order: e.Order, kind: str, sender: Sender, request: PlaceOrder | ModifyOrder | CancelOrder
    ) -> e.Command:
        command = e.Command(
            id=self._store.next_id(),
            order_id=order.id,
            timestamp=self._now(),
            cl_ord_id=request.cl_ord_id,
            command_type=kind,
            command_status="Pending",
            sender_id=sender.user_id,
            user_session_id=sender.session_id,
            custom_tag50=request.custom_tag50,
            is_automated=request.is_automated,
        )
        self._put(command, order)
        return command

    def _version(
        self,
        command: e.Command,
        order: e.Order,
        listing: Listing,
        request: PlaceOrder | ModifyOrder,
        terms: risk.Terms,
    ) -> None:
        kind = terms.kind
        woken_by = _price(listing, terms.stop)
        peg = _price(listing, terms.trail) if request.peg_difference is None else request.peg_difference
        version = e.OrderVersion(
            id=command.id,
            order_id=order.id,
            order_qty=request.order_qty,
            order_type=kind.value,
            price=woken_by if kind is Kind.MARKET_IF_TOUCHED else _price(listing, terms.limit),
            stop_price=None if kind.touched else woken_by,
            limit_if_touched_price=woken_by if kind is Kind.LIMIT_IF_TOUCHED else None,
            peg_difference=peg if kind.trailing else None,
            max_show=request.max_show,
            time_in_force=terms.time_in_force,
            expire_time=stamp(terms.expires) if terms.expires else None,
            text=request.text,
        )
        self._put(version, order)

    def _report(self, command: e.Command, order: e.Order, status: str, refusal: risk.Refusal | None = None) -> None:
        report = e.CommandReport(
            id=self._store.next_id(),
            command_id=command.id,
            timestamp=self._now(),
            command_status=status,
            reject_reason=refusal.reason if refusal else None,
            text=refusal.text if refusal else None,
            ord_status="Rejected" if refusal else None,
        )
        self._put(report, order)
        command.command_status = status
        self._put(command, order)

    def _pass(self, command: e.Command, order: e.Order) -> None:
        self._report(command, order, "RiskPassed")
        self._report(command, order, "AtExecution")

    def _executed(
        self,
        command: e.Command,
        ticket: Ticket,
        exec_type: str,
        status: str,
        *,
        trade: Trade | None = None,
        fill: e.Fill | None = None,
    ) -> None:
        order = self._store.get(e.Order, ticket.order_id)
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
            exchange_order_id=str(ticket.order_id),
        )
        self._put(report, order)


def _price(listing: Listing, ticks: int | None) -> Decimal | None:
    return None if ticks is None else listing.spec.price(ticks)


def _average(listing: Listing, ticket: Ticket | Trade) -> Decimal | None:
    return listing.spec.tick * ticket.value / ticket.filled if ticket.filled else None


def _too_late(order: e.Order) -> OrderResult:
    if order.ord_status in FINISHED:
        return OrderResult(failure_reason="TooLate", failure_text=f"Order {order.id} is {order.ord_status} already.")
    return OrderResult(failure_reason="TooLate", failure_text=f"Order {order.id} has traded further than that.")
