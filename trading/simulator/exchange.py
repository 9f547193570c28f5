"""The matching engine: working orders against the displayed book. Pure: no clock, no network, no accounts.

An order that can trade takes displayed contracts level by level. What is left rests (Limit, Stop), goes on with
the next book (Market) or lapses (IOC, FOK). A resting limit order trades at its own price when the market comes to
it. A stop order wakes up when the last trade reaches its stop price, an if-touched order when the last trade comes
to its price from the other side; a trailing stop follows the last trade at its distance and never goes back. Prices
are whole ticks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from .feed import Market


class Kind(Enum):
    """How an order trades once it is awake."""

    MARKET = "Market"
    LIMIT = "Limit"
    STOP = "Stop"
    STOP_LIMIT = "StopLimit"
    MARKET_IF_TOUCHED = "MIT"
    LIMIT_IF_TOUCHED = "LimitIfTouched"
    TRAILING_STOP = "TrailingStop"
    TRAILING_STOP_LIMIT = "TrailingStopLimit"

    @property
    def limited(self) -> bool:
        """Does it name a worst price?"""
        return self in (Kind.LIMIT, Kind.STOP_LIMIT, Kind.LIMIT_IF_TOUCHED, Kind.TRAILING_STOP_LIMIT)

    @property
    def touched(self) -> bool:
        """Does it wait for a better price than the present one, where a stop waits for a worse one?"""
        return self in (Kind.MARKET_IF_TOUCHED, Kind.LIMIT_IF_TOUCHED)

    @property
    def trailing(self) -> bool:
        """Does its stop follow the market?"""
        return self in (Kind.TRAILING_STOP, Kind.TRAILING_STOP_LIMIT)

    @property
    def waits(self) -> bool:
        """Does it sleep until a price is reached?"""
        return self not in (Kind.MARKET, Kind.LIMIT)


@dataclass
class Ticket:
    """An order as the engine sees it. `command_id` is the command that brought it; `value` is the sum of price x
    quantity traded so far, in ticks. `stop` is the price that wakes it; a trailing stop moves it, and `limit` with it,
    and keeps `trail` ticks to the best price seen. `expires` ends a GTD order: whoever has the clock takes it out, and
    releases a held order at the time it `activates`. `show` is the most contracts that it trades at one meeting with
    the book while it rests. `oco` is the order that goes when this one trades, or gets smaller by as much as this one
    traded when it `reduces`."""

    order_id: int
    command_id: int
    account_id: int
    contract_id: int
    buy: bool
    qty: int
    kind: Kind
    time_in_force: str
    limit: int | None = None
    stop: int | None = None
    filled: int = 0
    value: int = 0
    awake: bool = False
    trail: int | None = None
    expires: datetime | None = None
    oco: int | None = None
    activates: datetime | None = None
    show: int | None = None
    reduces: bool = False

    @property
    def left(self) -> int:
        """Contracts that are still to trade."""
        return self.qty - self.filled

    @property
    def bound(self) -> int | None:
        """The worst price that it accepts; None for any."""
        return self.limit if self.kind.limited else None


@dataclass(frozen=True)
class Trade:
    """`qty` contracts of an order traded at `price` ticks; `filled`, `value` and `left` are the ticket's after it."""

    ticket: Ticket
    price: int
    qty: int
    filled: int
    value: int
    left: int


@dataclass(frozen=True)
class Lapse:
    """What an IOC or FOK order could not trade at once is gone."""

    ticket: Ticket


@dataclass(frozen=True)
class Pulled:
    """The order that `ticket` was linked to has traded or lapsed: this one is gone."""

    ticket: Ticket


@dataclass(frozen=True)
class Reduced:
    """The order that `ticket` was linked to has traded: this one has `qty` contracts now."""

    ticket: Ticket
    qty: int


Outcome = Trade | Lapse | Pulled | Reduced


class Exchange:
    """Working orders of all accounts, by contract, in the order of their arrival. `held` are orders that wait for
    another one's fill: they do not trade until they are released."""

    def __init__(self, market: Callable[[int], Market]) -> None:
        self._market = market
        self._working: dict[int, dict[int, Ticket]] = {}
        self.held: dict[int, Ticket] = {}

    def working(self) -> Iterator[Ticket]:
        """Every order that can still trade."""
        for tickets in self._working.values():
            yield from tickets.values()

    def contracts(self) -> list[int]:
        """The contracts in which orders work, by id."""
        return [number for number, tickets in self._working.items() if tickets]

    def get(self, order_id: int) -> Ticket | None:
        """A working or held order by its id."""
        if order_id in self.held:
            return self.held[order_id]
        return next((tickets[order_id] for tickets in self._working.values() if order_id in tickets), None)

    def restore(self, ticket: Ticket) -> None:
        """Put back a working order of an earlier run."""
        self._working.setdefault(ticket.contract_id, {})[ticket.order_id] = ticket

    def submit(self, ticket: Ticket) -> list[Outcome]:
        """Take an order in and return what happens at once."""
        ticket.awake = not ticket.kind.waits
        market = self._market(ticket.contract_id)
        _begin_trail(ticket, market.last)
        if ticket.time_in_force == "FOK" and ticket.awake:
            offered = sum(size for _, size in market.levels(buy=ticket.buy, limit=ticket.bound))
            if offered < ticket.qty:
                gone: list[Outcome] = [Lapse(ticket)]
                self._pull(ticket, gone)
                return gone
        self._working.setdefault(ticket.contract_id, {})[ticket.order_id] = ticket
        outcomes = self._try(ticket, market, arriving=True)
        if ticket.awake:
            self._lapse(ticket, outcomes)
        return outcomes

    def cancel(self, order_id: int) -> Ticket | None:
        """Take a working or held order out; None when there is none such."""
        if ticket := self.held.pop(order_id, None):
            return ticket
        if ticket := self.get(order_id):
            del self._working[ticket.contract_id][order_id]
        return ticket

    def hold(self, ticket: Ticket) -> None:
        """Keep an order until it is released."""
        self.held[ticket.order_id] = ticket

    def release(self, order_ids: Iterable[int]) -> Iterator[Outcome]:
        """Let held orders work, one after another, and yield what happens at once: who books that before going on may
        change those that follow. One that trades pulls the one that it is linked to, even before that has met the
        market."""
        for order_id in order_ids:
            if ticket := self.held.pop(order_id, None):
                yield from self.submit(ticket)

    def replace(
        self,
        ticket: Ticket,
        *,
        qty: int,
        kind: Kind,
        limit: int | None,
        stop: int | None,
        trail: int | None = None,
        show: int | None = None,
    ) -> list[Outcome]:
        """Change a working order, which loses its place in the queue, and return what happens at once. A held one is
        changed and stays held."""
        held = ticket.order_id in self.held
        if not held:
            self.cancel(ticket.order_id)
            if (kind, stop) != (ticket.kind, ticket.stop):
                ticket.awake = not kind.waits
        ticket.qty, ticket.kind, ticket.limit, ticket.stop = qty, kind, limit, stop
        ticket.trail, ticket.show = trail, show
        if held:
            return []
        market = self._market(ticket.contract_id)
        _begin_trail(ticket, market.last)
        self._working.setdefault(ticket.contract_id, {})[ticket.order_id] = ticket
        outcomes = self._try(ticket, market, arriving=True)
        if ticket.awake:
            self._lapse(ticket, outcomes)
        return outcomes

    def shrink(self, ticket: Ticket, left: int) -> None:
        """Leave an order only so many contracts to trade. It keeps its place in the queue."""
        ticket.qty = ticket.filled + left

    def sweep(self, contract_id: int | None = None) -> Iterator[Outcome]:
        """Let every working order (of one contract) meet the present book, best price first, then first come, and yield
        what happens: who books that before going on may change those that follow."""
        for number in [contract_id] if contract_id is not None else list(self._working):
            tickets = self._working.get(number)
            if not tickets:
                continue
            market = self._market(number)
            for ticket in sorted(tickets.values(), key=_priority):
                if ticket.order_id not in tickets:
                    continue  # it went because of one before it
                found = self._try(ticket, market, arriving=False)
                if ticket.awake:
                    self._lapse(ticket, found)
                yield from found

    def _try(self, ticket: Ticket, market: Market, *, arriving: bool) -> list[Outcome]:
        if not ticket.awake:
            _follow(ticket, market.last)
            if not self._wakes(ticket, market):
                return []
        # only an order that comes in, or that a stop has just released, improves on its limit
        aggressive = arriving or not ticket.awake
        ticket.awake = True
        shown = ticket.left if aggressive or ticket.show is None else min(ticket.left, ticket.show)
        trades: list[Outcome] = []
        for price, size in list(market.levels(buy=ticket.buy, limit=ticket.bound)):
            qty = min(size, shown)
            market.take(price, qty)
            shown -= qty
            at = price if aggressive or ticket.bound is None else ticket.bound
            ticket.filled += qty
            ticket.value += at * qty
            trades.append(Trade(ticket, at, qty, ticket.filled, ticket.value, ticket.left))
            self._pull(ticket, trades, traded=qty)
            if not ticket.left:
                del self._working[ticket.contract_id][ticket.order_id]
            if not shown:
                break
        return trades

    def _lapse(self, ticket: Ticket, outcomes: list[Outcome]) -> None:
        if ticket.left and ticket.time_in_force in ("IOC", "FOK"):
            self._working[ticket.contract_id].pop(ticket.order_id, None)
            outcomes.append(Lapse(ticket))
            self._pull(ticket, outcomes)

    def _pull(self, ticket: Ticket, outcomes: list[Outcome], traded: int = 0) -> None:
        """Take out, or make smaller, the order that is linked to one which traded or lapsed."""
        if ticket.oco is None:
            return
        if ticket.reduces:
            other = self.get(ticket.oco)
            if other is not None and other.left > traded:
                if traded:
                    other.qty -= traded
                    outcomes.append(Reduced(other, other.qty))
                return
        pulled = self.cancel(ticket.oco)
        ticket.oco = None
        if pulled is not None:
            pulled.oco = None
            outcomes.append(Pulled(pulled))

    @staticmethod
    def _wakes(ticket: Ticket, market: Market) -> bool:
        if ticket.stop is None:
            return False
        return market.last >= ticket.stop if ticket.buy is not ticket.kind.touched else market.last <= ticket.stop


def _begin_trail(ticket: Ticket, last: int) -> None:
    """Give a trailing stop its missing half: the distance from where the market is, or the stop from the distance."""
    if not ticket.kind.trailing:
        return
    away = -1 if ticket.buy else 1
    if ticket.trail is None and ticket.stop is not None:
        ticket.trail = max(1, (last - ticket.stop) * away)
    elif ticket.stop is None and ticket.trail is not None:
        ticket.stop = last - ticket.trail * away


def _follow(ticket: Ticket, last: int) -> None:
    """Draw a trailing stop after the market, never back; its limit keeps its distance to the stop."""
    if not ticket.kind.trailing or ticket.stop is None or ticket.trail is None:
        return
    nearest = last + ticket.trail if ticket.buy else last - ticket.trail
    moved = min(ticket.stop, nearest) if ticket.buy else max(ticket.stop, nearest)
    if ticket.limit is not None:
        ticket.limit += moved - ticket.stop
    ticket.stop = moved


def _priority(ticket: Ticket) -> int:
    if ticket.bound is None:
        return -(10**12)
    return -ticket.bound if ticket.buy else ticket.bound
