"""All that checks look at besides the order: one immutable value, gathered in trading.orders.pretrade. Pure.

Of the broker's figures two things may be wrong: there are none (`facts` is None), or they are old (`is_fresh` is
false). Neither ever makes an error: what follows from them is then a warning that says how old they are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Final

import msgspec

from trading.orders.checks.exposure import Assumed, Exposure, Holdings
from trading.orders.checks.finding import Finding, error, warning
from trading.orders.facts import AccountFacts, ContractFacts, Facts, MarkFacts, OrderFacts
from trading.orders.limits import NO_RULES, Rules
from trading.orders.prices import PriceTerms
from trading.orders.session_hours import Hours
from trading.orders.spec import OrderSpec

# A link is heard from every 2.5 seconds at least; what is older than this may not be so any more.
FRESH_FOR: Final = dt.timedelta(seconds=15)
# Once Tradovate is heard so long after an order has ended, the figures are those after it.
_SHOWS_WITHIN: Final = dt.timedelta(seconds=5)
# Contract, side, contracts that may trade, and what linked orders have in common.
_MayTrade = tuple[int, str, int, object]


@dataclass(frozen=True)
class AccountState:
    """An account as the portal's own tables have it; `id` is Tradovate's."""

    id: int
    name: str
    closed: bool = False
    readonly: bool = False
    signed_in: bool = True
    is_replay: bool = False


@dataclass(frozen=True)
class Listing:
    """A contract with its product's terms. `counts_as` says what limits it counts towards, `margin` is dollars of
    initial margin for one contract, or None; `terms_read_at` is when Tradovate told margin and hours."""

    symbol: str
    counts_as: ContractFacts
    terms: PriceTerms
    expires: dt.datetime
    first_intent: dt.datetime | None = None
    margin: Decimal | None = None
    hours: Hours | None = None
    exchange: str = ""
    terms_read_at: dt.datetime | None = None

    @property
    def id(self) -> int:
        return self.counts_as.id

    @property
    def product(self) -> str:
        return self.counts_as.product


@dataclass(frozen=True)
class Sent:
    """An order that this portal made lately. `pending`: it may still trade, as far as the portal knows, or has and the
    broker's figures may not show it; `ended_at` is when the portal was told that it had.

    With `changes` it is a change of that order (Tradovate's id), which is to have so many contracts, or has them when
    `order_id` names it too; with `closes` it closes what is held, on whichever side. Two orders with the same `pair`
    are linked: it is the intent of the first. `traded`: it ended with no more contracts than these.
    """

    symbol: str
    action: str
    qty: int
    at: dt.datetime
    order_id: int | None = None
    pending: bool = True
    changes: int | None = None
    closes: bool = False
    intent_id: int = 0
    pair: int | None = None
    ended_at: dt.datetime | None = None
    traded: int | None = None


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What an order would meet.

    `largest` is the portal's own limit of contracts in one order. `listing` is None for a symbol that nobody knows
    (then `near` may name others), or that could not be looked up (`unasked` says why). `front_month` is named where
    `listing` has expired. `assumed` is what earlier lines of a file come to, by contract; `added_up` are the holdings
    with them, and None where they have to be found anew: always when `facts` or `sent` are others. `sent_for` are the
    contracts, by symbol, of what of `sent` is for others than the order's own. `stopped` says why a kill switch holds
    back orders; empty: none does. `waits`: it is a change of an order that waits for another one to fill; `filled`: of
    one of whose contracts so many have traded already.
    """

    now: dt.datetime
    account: AccountState
    largest: int
    listing: Listing | None = None
    near: tuple[str, ...] = ()
    unasked: str = ""
    front_month: str = ""
    facts: Facts | None = None
    rules: Rules = NO_RULES
    sent: tuple[Sent, ...] = ()
    contract_ids: dict[str, int] = field(default_factory=dict)
    sent_for: dict[str, ContractFacts] = field(default_factory=dict)
    assumed: dict[int, Assumed] = field(default_factory=dict)
    added_up: Holdings | None = field(default=None, compare=False, repr=False)
    stopped: str = ""
    waits: bool = False
    filled: int = 0

    @property
    def money(self) -> AccountFacts | None:
        """The account's figures."""
        return self.facts.account(self.account.id) if self.facts else None

    @property
    def mark(self) -> MarkFacts | None:
        """The contract's last price."""
        return self.facts.mark(self.listing.id) if self.facts and self.listing else None

    @property
    def is_fresh(self) -> bool:
        return self.facts is not None and self.now - self.facts.heard_at <= FRESH_FOR

    @property
    def age(self) -> str:
        """How old the broker's figures are, in words."""
        if self.facts is None:
            return "unknown"
        seconds = max(0, round((self.now - self.facts.heard_at).total_seconds()))
        return f"{seconds} s old" if seconds < 120 else f"{seconds // 60} min old"

    def is_exit(self, spec: OrderSpec) -> bool:
        """Whether the order can only make a position that the account is known to hold smaller, also when all orders
        trade that are to close it and work or are under way already."""
        if not self._closes(spec) or self._unknown(spec):
            return False
        return self._left(spec) + self._closing(spec) <= abs(self._own.net)

    def only_reduces(self, spec: OrderSpec) -> bool:
        """Whether the order by itself, whatever else works, can only make a position smaller that the account is known
        to hold."""
        return self._closes(spec) and self._left(spec) <= abs(self._own.net)

    def only_closes(self, spec: OrderSpec) -> bool:
        """Whether the order is an exit by figures of this moment: old ones prove nothing, nor does a part."""
        return self.is_fresh and self._is_whole and self.is_exit(spec)

    def why_no_exit(self, spec: OrderSpec) -> str:
        """Why an order that may close a position does not count as an exit; "" for what is none."""
        if self.money is None or not self.is_fresh or not self._is_whole:
            words = f"What {self.account.name} holds is not known just now, so no order counts as an exit"
            return f" {words}: flatten the position instead."
        return self.closes_again(spec)

    def closes_again(self, spec: OrderSpec) -> str:
        """For an order that were an exit but for those that work already: says so; else nothing."""
        if self.is_exit(spec) or not self.only_reduces(spec):
            return ""
        if unknown := self._unknown(spec):
            words = f"How much of order {unknown[0].id} may still trade is not known"
            return f" {words}: cancel it, or flatten the position."
        closing = f"{self._closing(spec):,} of {abs(self._own.net):,} contracts have an order that closes them already"
        return f" {closing}: cancel that first, or flatten the position."

    def _closes(self, spec: OrderSpec) -> bool:
        """Whether all of the order trades against a position."""
        if self.money is None or spec.triggers or spec.brackets:
            return False
        if spec.other is not None and spec.other.action != spec.action:
            return False
        net, buys = self._own.net, spec.action == "Buy"
        return net != 0 and (net < 0) is buys

    def _left(self, spec: OrderSpec) -> int:
        """Contracts that the order may still trade."""
        return spec.order_qty - self.filled

    def _closing(self, spec: OrderSpec) -> int:
        """Contracts that other orders on the order's side may still trade."""
        return self._own.buys if spec.action == "Buy" else self._own.sells

    @property
    def _is_whole(self) -> bool:
        return self.facts is not None and self.facts.is_whole

    @property
    def unknown(self) -> list[OrderFacts]:
        """The account's orders of which neither Tradovate nor this portal says how much may still trade."""
        # What a change wants says nothing of what the order has: it may not be taken.
        known = {sent.order_id for sent in self._under_way}
        orders = self.facts.orders if self.facts else []
        return [x for x in orders if x.left is None and x.account_id == self.account.id and x.id not in known]

    def _unknown(self, spec: OrderSpec) -> list[OrderFacts]:
        """Those of them that may trade on the order's side, in its contract."""
        own = {None, self.listing.id if self.listing else None}
        return [one for one in self.unknown if one.contract_id in own and one.action == spec.action]

    @property
    def _own(self) -> Exposure:
        """What the account has to do with the contract."""
        return self.holdings.of(self.listing.id) if self.listing else Exposure()

    def without(self, order_ids: Collection[int]) -> Situation:
        """The situation once these orders (Tradovate's ids) have ended."""
        if not order_ids:
            return self
        orders = [one for one in self.facts.orders if one.id not in order_ids] if self.facts else []
        return replace(
            self,
            facts=self.facts and msgspec.structs.replace(self.facts, orders=orders),
            sent=tuple(one for one in self.sent if one.order_id not in order_ids),
            added_up=None,
        )

    def from_figures(self, field: str, message: str) -> Finding:
        """An error because of the broker's figures, or a warning when they are old."""
        if self.is_fresh:
            return error(field, message)
        return warning(field, f"{message} (The figures are {self.age}.)")

    @cached_property
    def holdings(self) -> Holdings:
        """What the account holds, and what its working orders and those under way may still trade; earlier lines of a
        file are taken for traded."""
        if self.added_up is not None:
            return self.added_up
        known = {contract.id: contract for contract in self.facts.contracts} if self.facts else {}
        known |= {contract.id: contract for contract in self.sent_for.values()}
        found = Holdings(self._exposures(), known, frozenset(self._being_closed()))
        for assumed in self.assumed.values():
            found = found.after(None, assumed)
        return found

    def _exposures(self) -> dict[int, Exposure]:
        """By contract, without earlier lines of a file."""
        found: dict[int, Exposure] = {}

        def add(contract_id: int, *, net: int = 0, buys: int = 0, sells: int = 0) -> None:
            known = found.get(contract_id, Exposure())
            found[contract_id] = Exposure(known.net + net, known.buys + buys, known.sells + sells)

        if self.facts is None:
            return found
        for position in self.facts.positions:
            if position.account_id == self.account.id and position.net_pos:
                add(position.contract_id, net=position.net_pos)
        linked: dict[tuple[object, str], int] = {}
        for contract_id, action, qty, pair in (*self._working(self.facts.orders), *self._sending()):
            # Of two linked orders on one side only one can trade.
            before = linked.get((pair, action), 0)
            linked[pair, action] = max(qty, before)
            add(contract_id, **{"buys" if action == "Buy" else "sells": max(0, qty - before)})
        for contract_id in self._being_closed() & found.keys():
            net = found[contract_id].net
            add(contract_id, buys=max(0, -net), sells=max(0, net))
        return found

    def _working(self, orders: Iterable[OrderFacts]) -> Iterator[_MayTrade]:
        """What orders at the broker may still trade."""
        wanted = self._wanted()
        # Of a pair of ours the broker may have shown one order only.
        pairs = {sent.order_id: sent.pair for sent in self._under_way if sent.order_id and sent.pair}
        for order in orders:
            if order.account_id == self.account.id and order.contract_id is not None and order.left != 0:
                left = max(order.left or 0, wanted.get(order.id, 0) - order.filled)
                ours = pairs.get(order.id) or pairs.get(order.oco_id or 0)
                pair = ("intent", ours) if ours else min(order.id, order.oco_id or order.id)
                yield order.contract_id, order.action, left, pair

    def _sending(self) -> Iterator[_MayTrade]:
        """What orders may trade that the broker does not show yet."""
        wanted = self._wanted()
        for sent in self._under_way:
            contract_id = self._contract_id(sent.symbol)
            is_order = not sent.closes and sent.changes is None and sent.order_id not in self._known_orders
            if contract_id is not None and is_order:
                may_trade = max(sent.qty, wanted.get(sent.order_id or 0, 0))
                qty = may_trade if sent.traded is None else sent.traded
                yield contract_id, sent.action, qty, ("intent", sent.pair) if sent.pair else object()

    @cached_property
    def _known_orders(self) -> set[int]:
        orders = self.facts.orders if self.facts else []
        return {order.id for order in orders if order.left is not None}

    @cached_property
    def _under_way(self) -> tuple[Sent, ...]:
        """What this portal made and the broker's figures may not count yet: they name only the newest of the orders
        that have ended."""
        pending = tuple(one for one in self.sent if one.pending)
        if self.facts is None:
            return pending
        shown = self.facts.heard_at - _SHOWS_WITHIN
        return tuple(one for one in pending if one.ended_at is None or one.ended_at > shown)

    def _wanted(self) -> dict[int, int]:
        """By order (Tradovate's id): the most contracts that it is to have by changes that are under way."""
        wanted: dict[int, int] = {}
        for sent in self._under_way:
            if sent.changes is not None:
                wanted[sent.changes] = max(sent.qty, wanted.get(sent.changes, 0))
        return wanted

    def _being_closed(self) -> set[int]:
        """The contracts whose positions are being closed by what is none of the orders that the broker shows."""
        closing = [one for one in self._under_way if one.closes and one.order_id not in self._known_orders]
        return {key for one in closing if (key := self._contract_id(one.symbol)) is not None}

    def _contract_id(self, symbol: str) -> int | None:
        other = self.sent_for.get(symbol)
        return self.contract_ids.get(symbol) if other is None else other.id

    def after(self, spec: OrderSpec) -> Situation:
        """The situation once this order has traded: what the next line of a file meets. Needs the contract."""
        if self.listing is None:
            return self
        qty = spec.order_qty if spec.action == "Buy" else -spec.order_qty
        was = self.assumed.get(self.listing.id)
        becomes = Assumed(self.listing.counts_as, qty + (was.qty if was else 0), self.listing.margin)
        added_up = self.holdings.after(was, becomes)
        return replace(self, assumed=self.assumed | {self.listing.id: becomes}, added_up=added_up)
