"""The exits of running strategies: placed when the entry fills, grown when it fills further, moved when they trail.

Contracts of the entry go to the brackets in their order. The offsets of a bracket count from the price of the first
fill that it protects. Target and stop are linked, and what one of them trades the other one loses, so that both
together never close more than was opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .catalog import Listing
from .changes import Changes
from .exchange import Ticket, Trade
from .execution import Execution
from .linked_orders import LinkedOrders
from .order_entry import OrderEntry
from .papers import Sender
from .requests import PlaceOrder
from .strategy_params import INVALID, BracketPlan
from .terms import Refusal
from .venue import Venue


@dataclass
class RunningBracket:
    """A bracket, the contracts that it protects or has protected, the fill price that its offsets count from (ticks),
    and its exits, the ones that it has now and the ones that it had."""

    plan: BracketPlan
    filled: int = 0
    base: int | None = None
    target_id: int | None = None
    stop_id: int | None = None
    past: list[int] = field(default_factory=list)

    def exits(self) -> list[int]:
        """The orders that close its contracts, by id."""
        return [number for number in (self.target_id, self.stop_id) if number is not None]


@dataclass
class Running:
    """A strategy that has not ended. `lasting`: its exits outlive the trading day. `ending` is the status with which it
    will end, when that is decided; `lost` the status when contracts are left that nothing closes; `closed` says that
    the account was flat since the last fill; `closing` that its own hand cancels; `protecting` that it gives a fill to
    its brackets, some of which may be closed before the others are placed."""

    strategy_id: int
    account_id: int
    contract_id: int
    user_id: int
    session_id: int | None
    buy: bool
    entry_id: int
    lasting: bool
    is_automated: bool
    custom_tag50: str | None
    brackets: list[RunningBracket]
    filled: int = 0
    ending: str | None = None
    message: str | None = None
    lost: str | None = None
    closed: bool = False
    closing: bool = False
    protecting: bool = False

    @property
    def sender(self) -> Sender:
        """Who its orders come from."""
        return Sender(self.user_id, self.session_id)

    def exits(self) -> list[int]:
        """The orders that close its contracts, by id."""
        return [number for bracket in self.brackets for number in bracket.exits()]

    def bracket_of(self, order_id: int) -> RunningBracket | None:
        """The bracket that an exit belongs to."""
        return next((one for one in self.brackets if order_id in (*one.exits(), *one.past)), None)


class Protection:
    """Places and changes exits. `note` is told of each that is placed, with its label."""

    def __init__(
        self,
        venue: Venue,
        *,
        entry: OrderEntry,
        execution: Execution,
        changes: Changes,
        note: Callable[[Running, int, str], None],
    ) -> None:
        self._catalog = venue.catalog
        self._feed = venue.feed
        self._exchange = venue.exchange
        self._entry = entry
        self._execution = execution
        self._changes = changes
        self._note = note

    def check_room(self, listing: Listing, plans: list[BracketPlan], *, buy: bool) -> None:
        """Raise Refusal when an exit would have no price above zero, were the entry filled now."""
        below = max((one.stop if buy else one.target) or 0 for one in plans)
        if self._feed.market(listing.contract_id).last - below < 1:
            raise Refusal("InvalidPrice", f"{'stopLoss' if buy else 'profitTarget'} would be below the lowest price.")

    def protect(self, running: Running, trade: Trade) -> None:
        """Give a fill of the entry to the brackets. Raises Refusal when an exit cannot be placed."""
        running.filled += trade.qty
        running.closed = False
        left = trade.qty
        for number, bracket in enumerate(running.brackets, start=1):
            qty = min(left, bracket.plan.qty - bracket.filled)
            if qty <= 0:
                continue
            left -= qty
            bracket.filled += qty
            alive = self._alive(bracket)
            for ticket in alive:
                self._changes.adjust(running.sender, ticket, qty=ticket.qty + qty)
            if not alive:
                self._place(running, bracket, number, qty, trade.price)

    def trail(self, running: Running) -> None:
        """Draw the stops after the market whose trigger is reached."""
        away = 1 if running.buy else -1
        last = self._feed.market(running.contract_id).last
        for bracket in running.brackets:
            ticket = self._exchange.get(bracket.stop_id) if bracket.stop_id is not None else None
            trail = bracket.plan.trail
            if ticket is None or trail is None or bracket.base is None or ticket.stop is None or ticket.awake:
                continue
            profit = (last - bracket.base) * away
            if profit < trail.trigger:
                continue
            steps = (profit - trail.trigger) // trail.step
            stop = bracket.base + away * (trail.trigger + steps * trail.step - trail.behind)
            if (stop - ticket.stop) * away > 0:
                self._changes.adjust(running.sender, ticket, stop=stop)

    def check_change(self, bracket: RunningBracket, wanted: BracketPlan) -> None:
        """Raise Refusal when a bracket that protects contracts cannot become what is wanted."""
        had = bracket.plan
        same_legs = (had.target is None, had.stop is None) == (wanted.target is None, wanted.stop is None)
        if bracket.filled and (had.qty != wanted.qty or not same_legs):
            raise Refusal("UnknownReason", f"{INVALID}: a bracket that is filled keeps its contracts and its exits")
        if bracket.filled and had.trailing and had.stop != wanted.stop:
            raise Refusal("TrailingStopNonOrderQtyModify", "Only the quantity of a trailing stop can change.")

    def move(self, running: Running, bracket: RunningBracket, wanted: BracketPlan) -> None:
        """Give a bracket other offsets, and move its exits there."""
        before, bracket.plan = bracket.plan, wanted
        if bracket.base is None:
            return
        away = 1 if running.buy else -1
        target = self._exchange.get(bracket.target_id) if bracket.target_id is not None else None
        if target is not None and wanted.target is not None and wanted.target != before.target:
            self._changes.adjust(running.sender, target, limit=bracket.base + away * wanted.target)
        stop = self._exchange.get(bracket.stop_id) if bracket.stop_id is not None else None
        if stop is not None and wanted.stop is not None and wanted.stop != before.stop:
            self._changes.adjust(running.sender, stop, stop=bracket.base - away * wanted.stop)

    def _alive(self, bracket: RunningBracket) -> list[Ticket]:
        found = (self._exchange.get(number) for number in bracket.exits())
        return [ticket for ticket in found if ticket is not None]

    def _place(self, running: Running, bracket: RunningBracket, number: int, qty: int, price: int) -> None:
        spec = self._catalog.listings[running.contract_id].spec
        away = 1 if running.buy else -1
        plan = bracket.plan
        bracket.past += bracket.exits()
        bracket.base, bracket.target_id, bracket.stop_id = price, None, None
        orders: list[tuple[str, PlaceOrder]] = []
        if plan.target is not None:
            order = self._exit(running, qty, "Limit")
            order.price = spec.price(price + away * plan.target)
            orders.append(("Target", order))
        if plan.stop is not None:
            order = self._exit(running, qty, "TrailingStop" if plan.trailing else "Stop")
            order.stop_price = spec.price(price - away * plan.stop)
            order.peg_difference = spec.price(plan.stop) if plan.trailing else None
            orders.append(("Stop", order))
        if not orders:
            return
        requests = [order for _, order in orders]
        entered = self._entry.take_in(running.sender, requests[0], *requests[1:], trusted=True)
        if len(entered) == 2:
            LinkedOrders.link(*entered)
        for (name, _), one in zip(orders, entered, strict=True):
            one.ticket.reduces = len(entered) == 2
            one.order.parent_id = running.entry_id
            if name == "Target":
                bracket.target_id = one.order.id
            else:
                bracket.stop_id = one.order.id
            self._note(running, one.order.id, f"{name}{number}")
        self._execution.begin(entered, trusted=True)

    def _exit(self, running: Running, qty: int, kind: str) -> PlaceOrder:
        return PlaceOrder(
            account_id=running.account_id,
            action="Sell" if running.buy else "Buy",
            symbol=self._catalog.listings[running.contract_id].name,
            order_qty=qty,
            order_type=kind,
            time_in_force="GTC" if running.lasting else "Day",
            custom_tag50=running.custom_tag50,
            is_automated=running.is_automated,
        )
