"""The order path's front: a request becomes orders and commands, and is answered at once with their ids or with a
reason why not. What then becomes of them arrives as events."""

from __future__ import annotations

from collections.abc import Callable

from . import entities as e
from .auto_liq import AutoLiquidation
from .catalog import Listing
from .changes import MODIFY_ORDER, Changes
from .execution import Execution
from .faults import Fault
from .linked_orders import LinkedOrders
from .order_entry import DENIED, UNAUTHORIZED, OrderEntry, spelled_out
from .papers import Papers, Sender
from .pre_trade import PreTrade
from .requests import CancelOrder, LiquidatePosition, ModifyOrder, OrderResult, PlaceOco, PlaceOrder, PlaceOso
from .strategies import OrderStrategies
from .terms import Refusal
from .venue import Venue


class Broker:
    """Takes orders of all users and keeps their entities."""

    def __init__(
        self,
        venue: Venue,
        *,
        max_qty: int,
        fault_of_modify: Callable[[int, str], Fault | None] = lambda _user_id, _route: None,
    ) -> None:
        self._clock = venue.clock
        self._catalog = venue.catalog
        self._store = venue.store
        self._booking = venue.booking
        papers = Papers(venue)
        self._linked = LinkedOrders(venue, papers=papers)
        self.pre_trade = PreTrade(venue)
        self.execution = Execution(venue, papers=papers, linked=self._linked, pre_trade=self.pre_trade)
        self._entry = OrderEntry(venue, papers=papers, pre_trade=self.pre_trade, max_qty=max_qty)
        self.changes = Changes(
            venue,
            papers=papers,
            linked=self._linked,
            entry=self._entry,
            pre_trade=self.pre_trade,
            execution=self.execution,
            fault_of_modify=fault_of_modify,
        )
        self.strategies = OrderStrategies(venue, entry=self._entry, execution=self.execution, changes=self.changes)
        self.auto_liq = AutoLiquidation(venue, hand=self)
        self.execution.followers.append(self.auto_liq)

    def place(self, sender: Sender, request: PlaceOrder, *, admin: bool = False, trusted: bool = False) -> OrderResult:
        """Take a new order. The result says that it was accepted as a command, not that it will work. A trusted order
        is the broker's own, such as a liquidation: it passes where a trader's would not."""
        try:
            entered = self._entry.take_in(sender, request, admin=admin, trusted=trusted)
        except Refusal as refusal:
            return OrderResult.refused(refusal)
        self.execution.begin(entered, trusted=trusted)
        return OrderResult(order_id=entered[0].order.id)

    def place_oco(self, sender: Sender, request: PlaceOco) -> OrderResult:
        """Take two orders of which the first that trades cancels the other (openapi.json, PlaceOCO). The first
        contract that trades does it (guide, "Order": linkedId is cancelled on this order's Fill)."""
        try:
            first, other = self._entry.take_in(sender, request, spelled_out(request, request.other, together=True))
        except Refusal as refusal:
            return OrderResult.refused(refusal)
        self._linked.link(first, other)
        self.execution.begin([first, other])
        return OrderResult(order_id=first.order.id, oco_id=other.order.id)

    def place_oso(self, sender: Sender, request: PlaceOso) -> OrderResult:
        """Take an order whose fill sends one or two others (openapi.json, PlaceOSO). Those are Suspended until all of
        it is filled, then work as an OCO pair; when it ends in another way they end too."""
        brackets = [request.bracket1] + ([request.bracket2] if request.bracket2 else [])
        try:
            parent, *children = self._entry.take_in(
                sender, request, children=tuple(spelled_out(request, bracket) for bracket in brackets)
            )
        except Refusal as refusal:
            return OrderResult.refused(refusal)
        self._linked.adopt(parent, children)
        self.execution.begin([parent], children)
        ids = [child.order.id for child in children]
        return OrderResult(order_id=parent.order.id, oso1_id=ids[0], oso2_id=ids[1] if len(ids) == 2 else None)

    def cancel(self, sender: Sender, request: CancelOrder) -> OrderResult:
        """Take an order out of the market. An order that is finished answers TooLate."""
        try:
            return OrderResult(command_id=self.changes.cancel(sender, request).id)
        except Refusal as refusal:
            return OrderResult.refused(refusal)

    def modify(self, sender: Sender, request: ModifyOrder, *, route: str = MODIFY_ORDER) -> OrderResult:
        """Change quantity, type or prices of a working order. `route` is the operation that asks for it."""
        try:
            return OrderResult(command_id=self.changes.modify(sender, request, route=route).id)
        except Refusal as refusal:
            return OrderResult.refused(refusal)

    def liquidate(self, sender: Sender, request: LiquidatePosition, *, trusted: bool = False) -> OrderResult:
        """Cancel the working orders of a contract in an account, then close the position at the market."""
        listing = self._catalog.listings.get(request.contract_id)
        try:
            account = self._entry.account(sender.user_id, request.account_id, None)
        except Refusal as refusal:
            return OrderResult.refused(refusal)
        if listing is None:
            return OrderResult.refused(DENIED)
        if request.admin and not trusted:
            return OrderResult.refused(UNAUTHORIZED)
        self._cancel_all(sender, account.id, listing.contract_id, is_automated=request.is_automated)
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
        return self.place(sender, closing, admin=request.admin, trusted=trusted)

    def flatten(self, account_id: int) -> None:
        """Cancel all orders of an account and close all its positions with admin orders, in the contracts that trade
        now."""
        self.strategies.interrupt_account(account_id)
        self._flatten(account_id, lambda listing: self._catalog.session_open(listing, self._clock.now()))

    def cancel_openings(self, account_id: int) -> None:
        """Leave an account only orders that close its positions: one that opens is cancelled, one that closes more than
        is held is left as many contracts as are."""
        account, ledger = self._store.get(e.Account, account_id), self._booking.ledgers[account_id]
        for ticket in self.execution.waiting():
            if account is None or ticket.account_id != account_id:
                continue
            holding = ledger.holdings.get(ticket.contract_id)
            held = holding.net if holding else 0
            if not held or (held > 0) == ticket.buy:
                self.cancel(Sender(account.user_id), CancelOrder(order_id=ticket.order_id))
            elif ticket.left > abs(held):
                self.execution.shrink(ticket, abs(held))

    def _flatten(self, account_id: int, included: Callable[[Listing], bool]) -> None:
        account = self._store.get(e.Account, account_id)
        if account is None:
            return
        held = {holding.contract_id for holding in self._booking.ledgers[account_id].open_holdings()}
        held |= {ticket.contract_id for ticket in self.execution.waiting() if ticket.account_id == account_id}
        for contract_id in sorted(held):
            if not included(self._catalog.listings[contract_id]) or self._is_closing(account_id, contract_id):
                continue
            request = LiquidatePosition(account_id=account_id, contract_id=contract_id, admin=True, is_automated=True)
            self.liquidate(Sender(account.user_id), request, trusted=True)

    def _is_closing(self, account_id: int, contract_id: int) -> bool:
        """Does an admin order work in a contract already, and nothing else?"""
        waiting = [
            self._store.get(e.Order, ticket.order_id)
            for ticket in self.execution.waiting()
            if (ticket.account_id, ticket.contract_id) == (account_id, contract_id)
        ]
        return bool(waiting) and all(order is not None and order.admin for order in waiting)

    def sweep(self, contract_id: int | None = None) -> None:
        """Carry out what is due and let working orders meet the present prices."""
        self.changes.carry_out_due()
        self.execution.sweep(contract_id)
        self.strategies.sweep()
        self.auto_liq.sweep()

    def settle_expired(self) -> None:
        """Take out the orders of contracts that trade no more and close positions in them at the last market."""
        for account_id in sorted(self._booking.ledgers):
            self._flatten(account_id, lambda listing: listing.expires <= self._clock.now())

    def expire_day_orders(self) -> None:
        """End the trading day for the orders that were only good for it."""
        for ticket in self.execution.waiting():
            if ticket.time_in_force not in ("GTC", "GTD"):
                self.execution.expire(ticket)

    def _cancel_all(self, sender: Sender, account_id: int, contract_id: int, *, is_automated: bool) -> None:
        for ticket in self.execution.waiting():
            if (ticket.account_id, ticket.contract_id) == (account_id, contract_id):
                self.cancel(sender, CancelOrder(order_id=ticket.order_id, is_automated=is_automated))
