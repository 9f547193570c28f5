"""An order request becomes an order with its command: looked up, checked and written down, but not yet sent."""

from __future__ import annotations

import msgspec

from . import entities as e
from . import risk
from .catalog import Listing
from .clock import stamp
from .exchange import Ticket
from .papers import Entered, Papers, Sender
from .pre_trade import PreTrade
from .requests import PlaceOrder, Restrained
from .terms import Refusal, Terms, check_side, check_terms
from .venue import Venue

DENIED = Refusal("UnknownReason", "Access is denied")
UNAUTHORIZED = Refusal("Unauthorized", "Only an administrator sends admin orders.")


class OrderEntry:
    """Takes orders in for the accounts of all users."""

    def __init__(self, venue: Venue, *, papers: Papers, pre_trade: PreTrade, max_qty: int) -> None:
        self._clock = venue.clock
        self._catalog = venue.catalog
        self._feed = venue.feed
        self._store = venue.store
        self._booking = venue.booking
        self._papers = papers
        self._pre_trade = pre_trade
        self._max_qty = max_qty

    def take_in(
        self,
        sender: Sender,
        request: PlaceOrder,
        *others: PlaceOrder,
        children: tuple[PlaceOrder, ...] = (),
        admin: bool = False,
        trusted: bool = False,
    ) -> list[Entered]:
        """Check orders that belong together and write them down. Raises Refusal, and then nothing is written, when one
        does not pass. A trusted order is the broker's own: it passes where a trader's would not. `others` go to the
        market with the first one, `children` later."""
        account = self.account(sender.user_id, request.account_id, request.account_spec)
        if not trusted:
            risk.check_account(account)
            if admin:
                raise UNAUTHORIZED
        listing = risk.check_symbol(self._catalog, request.symbol, None if trusted else self._clock.now())
        if not trusted:
            self.check_session(listing)
            self.check_quantity(request.order_qty)
        requests = [request, *others, *children]
        terms = [check_terms(listing, one, self._clock.now()) for one in requests]
        last = self._feed.market(listing.contract_id).last
        for one, own in list(zip(requests, terms, strict=True))[: 1 + len(others)]:
            if own.activates is None and not trusted:
                check_side(own, buy=one.action == "Buy", last=last)
            if not trusted:
                self._pre_trade.check_request(account, listing, buy=one.action == "Buy", qty=one.order_qty)
        self._booking.introduce(account.user_id, listing)
        return [
            self._enter(sender, account, listing, one, own, admin=admin)
            for one, own in zip(requests, terms, strict=True)
        ]

    def account(self, user_id: int, account_id: int | None, spec: str | None) -> e.Account:
        """The account that a request names, or the only one that the user has. Raises Refusal."""
        own = self._store.accounts(user_id)
        if account_id is not None:
            own = [account for account in own if account.id == account_id]
        elif spec is not None:
            own = [account for account in own if account.name.lower() == spec.lower()]
        if len(own) != 1:
            raise DENIED
        return own[0]

    def order(self, user_id: int, order_id: int) -> e.Order:
        """A user's own order. Raises Refusal."""
        row = self._store.rows["order"].get(order_id)
        if row is None or row.user_id != user_id or not isinstance(row.entity, e.Order):
            raise DENIED
        return row.entity

    def check_session(self, listing: Listing) -> None:
        """Raise Refusal when a contract does not trade now."""
        risk.check_session(self._catalog, listing, self._clock.now())

    def check_quantity(self, qty: int) -> None:
        """Raise Refusal when an order is too big for anybody."""
        risk.check_quantity(qty, self._max_qty)

    def _enter(
        self, sender: Sender, account: e.Account, listing: Listing, request: PlaceOrder, terms: Terms, *, admin: bool
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
        command = self._papers.command(order, "New", sender, request, activates=terms.activates)
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
            show=terms.show,
            expires=terms.expires,
            activates=terms.activates,
        )
        self._papers.version(command, order, listing, request, terms)
        return Entered(order, command, ticket)


def spelled_out(first: PlaceOrder, other: Restrained, *, together: bool = False) -> PlaceOrder:
    """The order that is placed with another one and shares its account, symbol and quantity, and its activation time
    when the two go to the market `together`."""
    return PlaceOrder(
        account_id=first.account_id,
        account_spec=first.account_spec,
        symbol=first.symbol,
        order_qty=first.order_qty,
        custom_tag50=first.custom_tag50,
        is_automated=first.is_automated,
        activation_time=first.activation_time if together else None,
        **msgspec.structs.asdict(other),
    )
