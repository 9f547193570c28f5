"""What it costs and at which price: margin against what is available, and the collar around the last price."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from trading.orders.checks.finding import Finding, dollars, error, note, warning
from trading.orders.checks.situation import Listing, Situation
from trading.orders.checks.size import named, parameters
from trading.orders.limits import Rules
from trading.orders.prices import plain
from trading.orders.spec import WIRE_NAMES, OrderSpec, OrderTerms, closes_at_once, trigger_field, trigger_price

# Without a collar of anybody's, a price this far off is worth a second look.
FAR: Final = Decimal(10)
OLD_PRICE: Final = dt.timedelta(minutes=2)


def margin(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """The margin that an order adds against what the account has left.

    Tradovate's day margins are not told and may be far lower than the exchange's, so too little for those is a warning;
    with nothing left at all nothing can be opened.
    """
    listing, money = situation.listing, situation.money
    if listing is None or money is None or situation.is_exit(spec):
        return
    more = _added(spec, situation, listing)
    if more <= 0:
        return
    net_liq, used = money.net_liq, money.margin_used
    if net_liq is None or used is None:
        yield note("margin", "What margin is available is not known, so it was not checked.")
        return
    promised = situation.holdings.promised
    available = net_liq - used - (promised or 0)
    if net_liq - used <= 0:
        words = f"{situation.account.name} has no margin left: {dollars(used)} in use of {dollars(net_liq)}."
        yield situation.from_figures("margin", words)
    elif listing.margin is None or promised is None:
        yield note("margin", f"The margin for {listing.symbol} is not known, so it was not checked.")
    elif (needed := more * listing.margin) > available:
        words = f"About {dollars(needed)} of margin is needed and {dollars(max(Decimal(0), available))} is available"
        yield warning("margin", f"{words}: Tradovate may refuse the order, unless your day margins are lower.")


def broker_margin(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """Tradovate's risk parameters may let an account use less margin than it has (guide, UserAccountRiskParameter)."""
    listing, money = situation.listing, situation.money
    if listing is None or listing.margin is None or money is None or situation.is_exit(spec):
        return
    used, net_liq = money.margin_used, money.net_liq
    more = _added(spec, situation, listing)
    if used is None or net_liq is None or more <= 0:
        return
    needed = used + (situation.holdings.promised or 0) + more * listing.margin
    for limit, parameter in parameters(situation, listing.counts_as):
        most = _least(parameter.margin_dollar_value, _share(parameter.margin_percentage, net_liq))
        if most is not None and needed > most:
            words = (
                f"Margin in use would be about {dollars(needed)}; Tradovate allows {dollars(most)} ({named(limit)})."
            )
            yield warning("margin", words)


def _added(spec: OrderSpec, situation: Situation, listing: Listing) -> int:
    """Contracts by which the order may make the largest position larger."""
    before = situation.holdings.of(listing.id)
    return before.with_order(spec).largest - before.largest


def _share(percent: Decimal | None, whole: Decimal) -> Decimal | None:
    return None if percent is None or not percent.is_finite() else whole * percent / 100


def _least(*amounts: Decimal | None) -> Decimal | None:
    return min((one for one in amounts if one is not None and one.is_finite()), default=None)


def collar(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """Prices must not lie further from the last one than the collar allows.

    What would trade at once at such a price is an error; what would rest there, waits for another order to fill, or is
    an exit, is a warning.
    """
    listing = situation.listing
    prices = [(prefix, part, name, price) for prefix, part in spec.parts for name, price in _absolute(part)]
    if listing is None or not prices:
        return
    mark = situation.mark
    if mark is None:
        yield note("price", f"No last price of {listing.symbol} is known: the prices were not compared with it.")
        return
    is_old = not situation.is_fresh or situation.now - mark.at > OLD_PRICE
    for prefix, part, name, price in prices:
        if not (broken := _broken(price, mark.price, listing, situation.rules)):
            continue
        quoted = listing.terms.quoted
        words = f"{WIRE_NAMES[name]} {quoted(price)} is {quoted(abs(price - mark.price))} points from the last price"
        words = f"{words}, {quoted(mark.price)}{' (an old one)' if is_old else ''}. {broken}"
        waits = situation.waits or prefix.startswith("triggers")
        at_once = not waits and _trades_at_once(part, name, price, mark.price)
        has_collar = situation.rules.collar_ticks or situation.rules.collar_percent
        strict = at_once and has_collar and not is_old and not situation.is_exit(spec)
        yield error(prefix + name, words) if strict else warning(prefix + name, words)


def exits_ahead(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """Exits of an entry that fills at the market must not trade the moment that it does.

    Exits of an entry that waits for its price are compared with that (trading.orders.spec).
    """
    mark, entered = situation.mark, trigger_price(spec)
    if mark is None or not spec.triggers:
        return
    if entered is not None and not _trades_at_once(spec, trigger_field(spec), entered, mark.price):
        return
    is_old = not situation.is_fresh or situation.now - mark.at > OLD_PRICE
    done = "bought" if spec.action == "Buy" else "sold"
    where = f"the last price, {plain(mark.price)}{' (an old one)' if is_old else ''}: what is {done} at the market"
    for number, child in enumerate(spec.triggers):
        if words := closes_at_once(spec, mark.price, child, where):
            name = f"triggers[{number}].{trigger_field(child)}"
            yield warning(name, words) if is_old else error(name, words)


def exits_of_part(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """Exits wait for all of their entry, and end with one that ends before: this may be so at once."""
    if spec.triggers and spec.time_in_force == "IOC" and spec.order_qty > 1:
        words = f"Fewer than {spec.order_qty} contracts may fill: then they have no exits, which wait for all of them."
        yield warning("time_in_force", words)


def _absolute(part: OrderTerms) -> Iterator[tuple[str, Decimal]]:
    return ((name, price) for name, price in part.prices() if name != "peg_difference")


def _broken(price: Decimal, last: Decimal, listing: Listing, rules: Rules) -> str:
    """Which collar a price lies outside of; "" when it lies inside."""
    away = abs(price - last)
    if (ticks := rules.collar_ticks) and away > ticks.value * listing.terms.tick_size:
        return f"{ticks.owner} is {ticks.value:,} ticks ({ticks.scope})."
    percent = rules.collar_percent
    if percent and away * 100 > percent.value * abs(last):
        return f"{percent.owner} is {plain(percent.value)} % ({percent.scope})."
    if not (ticks or percent) and away * 100 > FAR * abs(last):
        return f"That is more than {FAR} %: check it."
    return ""


def _trades_at_once(part: OrderTerms, name: str, price: Decimal, last: Decimal) -> bool:
    """Whether a price lies where the market trades already: a limit bought above it, a stop bought below."""
    if name == "price" and part.stop_price is not None:
        # It counts once the stop has been reached.
        return False
    waits_above = (part.action == "Buy") is (name == "stop_price")
    return price != last and (price > last) is not waits_above
