"""Exits of a position that is open: a target and a stop beside it, and its stop moved to where it breaks even.

What is there is read from Tradovate's own lists. Source keys and outcomes are those of `desk`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.utils import timezone

from accounts.models import Connection, User
from trading.models import Account
from trading.orders import checks, contracts, desk, facts, looks, sole
from trading.orders.outcomes import Outcome, derived, first, own_account, refused, told
from trading.orders.prices import PRICE_PLACES, Distance, PriceTerms
from trading.orders.spec import InvalidSpec, LinkedOrder, OrderSpec
from trading.tradovate.entities import Order, OrdStatus, Position

# Exits must not end with the session and leave the position alone.
_GOOD_TILL: Final = "GTC"
_MOVABLE: Final = frozenset({"Stop", "StopLimit"})


@dataclass(frozen=True)
class Held:
    """An open position: contracts (negative when short), its average price in points, and how its contract is
    priced."""

    symbol: str
    net: int
    average: Decimal
    terms: PriceTerms

    @property
    def closing(self) -> str:
        """The side that closes it."""
        return "Sell" if self.net > 0 else "Buy"

    def at_distance(self, distance: Distance, *, gain: bool) -> Decimal:
        """The price so far from break-even on the side of a gain or of a loss, on a tick: no more is risked than was
        asked."""
        away = distance.points(self.terms) * (1 if self.net > 0 else -1)
        return self.break_even + (away if gain else -away)

    @property
    def break_even(self) -> Decimal:
        """The price on a tick at which closing it loses nothing but fees."""
        if self.terms.is_on_tick(self.average):
            return self.average
        below, above = self.terms.neighbours(self.average)
        return above if self.net > 0 else below

    def would_lose(self, stop: Decimal | None) -> bool:
        """Whether closing it at this price (points; None when it is not known) may lose more than fees."""
        return stop is None or (stop - self.break_even) * self.net < 0

    def fitting(self, stops: list[looks.Standing]) -> list[looks.Standing]:
        """Those that close it, the nearest to the market first, and no more than that together."""
        own, left = [], abs(self.net)
        for one in sorted(stops, key=lambda one: (one.version.stop_price or 0) * self.net, reverse=True):
            if one.version.order_qty <= left:
                own.append(one)
                left -= one.version.order_qty
        return own

    def shown(self, price: Decimal) -> str:
        """A price with as many decimals as the tick has."""
        return f"{price.quantize(self.terms.tick_size.normalize()):f}"


class NoPosition(Exception):
    """There is nothing to protect; the text says why, to the trader."""


def add_exits(
    user: User,
    account_id: int,
    contract_id: int,
    target: Distance | None,
    stop: Distance | None,
    source_key: str,
    *,
    received_at: dt.datetime | None = None,
) -> Outcome:
    """Place a target and a stop for all of a position, at these distances from its average, or from the next tick that
    loses nothing: the first that trades cancels the other. With one of them only, place that one."""
    account = own_account(user, account_id, source_key)
    if isinstance(account, Outcome):
        return account
    key = f"{source_key}{sole.OF_EXITS}"
    if earlier := first(account, key):
        return earlier
    looked_at = timezone.now()
    try:
        # Orders first: an exit that fills in between would be gone while its position still counts.
        orders = looks.open_orders(account.connection, {account.tradovate_id})
        held = _held(account, contract_id)
        _refuse_second_exits(account, contract_id, held, orders)
        spec = exits_of(held, account.pk, target, stop)
    except InvalidSpec as invalid:
        return refused(*(checks.error(_named(problem.field), problem.message) for problem in invalid.problems))
    except (NoPosition, looks.CannotAsk) as trouble:
        return refused(checks.error("position", f"Nothing was placed. {trouble}"))
    alone = sole.unchanged_since(looked_at, spec.action)
    return desk.place(user, spec, key, received_at=received_at, alone=alone)


def are_exits(source_key: str) -> bool:
    """Whether an order of this key was to close a position that was open then."""
    return source_key.endswith(sole.OF_EXITS)


def exits_of(held: Held, account_id: int, target: Distance | None, stop: Distance | None) -> OrderSpec:
    """The order, or the pair, that closes a position at these distances. Raises InvalidSpec, and NoPosition when
    neither is given."""
    found = [(distance, name) for distance, name in ((target, "target"), (stop, "stop")) if distance is not None]
    for distance, name in found:
        if problem := distance.problem():
            raise NoPosition(f"The {name} {problem}")
        if misfit := distance.misfit(held.terms):
            raise NoPosition(f"The {name} of {distance} {misfit}")
    if not found:
        raise NoPosition("Write a target, a stop or both.")
    legs = []
    if target is not None:
        price = held.at_distance(target, gain=True)
        legs.append(LinkedOrder(action=held.closing, order_type="Limit", price=price, time_in_force=_GOOD_TILL))
    if stop is not None:
        price = held.at_distance(stop, gain=False)
        legs.append(LinkedOrder(action=held.closing, order_type="Stop", stop_price=price, time_in_force=_GOOD_TILL))
    leading = legs[0]
    return OrderSpec(
        account_id=account_id,
        symbol=held.symbol,
        order_qty=abs(held.net),
        action=leading.action,
        order_type=leading.order_type,
        price=leading.price,
        stop_price=leading.stop_price,
        time_in_force=leading.time_in_force,
        other=legs[1] if legs[1:] else None,
    )


def to_break_even(
    user: User, account_id: int, contract_id: int, source_key: str, *, received_at: dt.datetime | None = None
) -> Outcome:
    """Move the stops of a position to its average price, to the next tick that loses nothing. One that would do better
    stays where it is, and so does one for contracts that are not held: it opens a position, where its trader wants."""
    received_at = received_at or timezone.now()
    account = own_account(user, account_id, source_key)
    if isinstance(account, Outcome):
        return account
    try:
        held = _held(account, contract_id)
        _refuse_at_once(account.connection, contract_id, held)
        orders = looks.open_orders(account.connection, {account.tradovate_id})
        closing = _closing_orders(account, contract_id, held, orders)
        stops = [one for one in closing if one.version.order_type in _MOVABLE]
    except (NoPosition, looks.CannotAsk) as trouble:
        return _moved_before(account, source_key) or refused(checks.error("position", f"No stop was moved. {trouble}"))
    if not stops:
        if earlier := _moved_before(account, source_key):
            return earlier
        words = f"{held.symbol} has no stop order to move. Add exits, or place a stop at {held.shown(held.break_even)}."
        return refused(checks.error("position", words))
    own = held.fitting(stops)
    losing = [one for one in own if held.would_lose(one.version.stop_price)]
    if not losing:
        if earlier := _moved_before(account, source_key):
            return earlier
        if not own:
            words = f"Its stops are for more contracts than the {abs(held.net)} that are held: change that first."
            return refused(checks.error("position", f"No stop of {held.symbol} was moved. {words}"))
        words = f"Every stop of {held.symbol} stands at break-even ({held.shown(held.break_even)}) or better already."
        return refused(checks.error("position", f"No stop was moved. {words}"))
    outcomes = [_move(user, account, one, held.break_even, source_key, received_at) for one in losing]
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    made = [intent.pk for outcome in outcomes for intent in outcome.intents]
    complete = all(outcome.complete for outcome in outcomes)
    return told(made, findings, complete=complete) if made else refused(*findings)


def _moved_before(account: Account, source_key: str) -> Outcome | None:
    """What a press came to that arrives once more, when the position or its stops may be gone."""
    made = derived([account], source_key)
    return desk.with_what_was_put_back(account, told(made)) if made else None


def _move(
    user: User, account: Account, one: looks.Standing, stop: Decimal, source_key: str, received_at: dt.datetime
) -> Outcome:
    version = one.version
    price = None
    if version.price is not None and version.stop_price is not None:
        price = version.price + stop - version.stop_price
    terms = desk.NewTerms(stop_price=stop, price=price)
    return desk.modify(user, account.pk, one.order.id, terms, f"{source_key}:{one.order.id}", received_at=received_at)


def _held(account: Account, contract_id: int) -> Held:
    """The position in a contract. Raises NoPosition, looks.CannotAsk."""
    connection = account.connection
    positions = looks.open_positions(connection, {account.tradovate_id})
    found: list[Position] = [one for one in positions if one.contract_id == contract_id]
    symbol = looks.symbol(connection, contract_id)
    if not found:
        raise NoPosition(f"There is no open position in {symbol} any more.")
    if found[1:]:
        raise NoPosition(f"Tradovate tells of {len(found)} positions in {symbol}: look at them in Tradovate's own app.")
    [position] = found
    try:
        contract = contracts.look_up(connection, [symbol]).found.get(symbol)
    except contracts.ContractsUnavailable as trouble:
        raise NoPosition(str(trouble)) from trouble
    if contract is None or position.net_price is None:
        raise NoPosition(f"The tick or the average price of {symbol} is not known.")
    terms = contracts.price_terms(contract.product)
    # A sum of doubles on the wire may have a little more or less than it means.
    return Held(symbol, position.net_pos, round(position.net_price, PRICE_PLACES), terms)


def _closing_orders(account: Account, contract_id: int, held: Held, orders: Collection[Order]) -> list[looks.Standing]:
    """Those of the account's orders that would close the position, with their terms."""
    there = {order.id: order for order in orders}
    closing = [one for one in there.values() if one.contract_id == contract_id and one.action == held.closing]
    return [
        looks.standing(account.connection, order.id)
        for order in closing
        if not _waits_for_entry(account.connection, order, there)
    ]


def _waits_for_entry(connection: Connection, order: Order, there: Mapping[int, Order]) -> bool:
    """Whether an order is the exit of another entry, none of which has filled: nothing that is held is its to close."""
    entry = there.get(order.parent_id or 0)
    return order.ord_status == OrdStatus.SUSPENDED and entry is not None and not looks.filled_qty(connection, entry.id)


def _refuse_second_exits(account: Account, contract_id: int, held: Held, orders: Collection[Order]) -> None:
    """Of two pairs of exits both may trade, and the second one opens the opposite position."""
    numbers = [str(one.order.id) for one in _closing_orders(account, contract_id, held, orders)]
    if numbers:
        named = f"order{'s' if numbers[1:] else ''} {', '.join(numbers)}"
        raise NoPosition(f"{held.symbol} has exits already, {named}. Change those, or cancel them first.")


def _refuse_at_once(connection: Connection, contract_id: int, held: Held) -> None:
    """A stop at break-even makes no sense on the wrong side of the market; when no price is known Tradovate judges."""
    known = facts.read(connection.pk)
    mark = next((one.price for one in known.marks if one.contract_id == contract_id), None) if known else None
    if mark is not None and (mark - held.break_even) * held.net <= 0:
        words = f"{held.symbol} is at {held.shown(mark)}: a stop at {held.shown(held.break_even)} would trade at once."
        raise NoPosition(words)


def _named(field: str) -> str:
    return {"price": "target", "stop_price": "stop", "other.stop_price": "stop"}.get(field, field)
