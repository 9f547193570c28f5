"""What it trades: a contract that is known and has not expired, while its exchange is open, at prices on its tick."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Final

from trading.orders.checks.finding import Finding, error, note, warning
from trading.orders.checks.situation import Situation
from trading.orders.prices import PriceTerms, plain
from trading.orders.session_hours import Standing, session
from trading.orders.spec import WIRE_NAMES, OrderSpec
from trading.orders.trading_days import CHICAGO

# What cannot wait for the market to open.
IMMEDIATE: Final = frozenset({"IOC", "FOK"})
# Product.status (openapi.json) of what cannot be traded.
SET_ASIDE: Final = frozenset({"Inactive", "Locked"})


def known(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """Tradovate must know the symbol."""
    if situation.listing is not None:
        return
    if situation.unasked:
        yield warning("symbol", f"{spec.symbol} could not be looked up, so little was checked. {situation.unasked}")
    else:
        yield unknown(spec.symbol, situation.near)


def unknown(symbol: str, near: Sequence[str]) -> Finding:
    """That there is no such contract, and which there are."""
    instead = f" Did you mean {_either(near)}?" if near else " Check it in Tradovate's symbol search."
    return error("symbol", f"Tradovate knows no contract {symbol}.{instead}")


def not_expired(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """The contract must not have expired."""
    listing = situation.listing
    if listing is not None:
        yield from expiry(listing.symbol, listing.expires, listing.first_intent, situation.front_month, situation.now)


def expiry(
    symbol: str, expires: dt.datetime, first_intent: dt.datetime | None, front_month: str, now: dt.datetime
) -> Iterator[Finding]:
    """A contract must not have expired (error); past its first intent date somebody may deliver (warning)."""
    if expires <= now:
        instead = f" The front month is {front_month}." if front_month else ""
        yield error("symbol", f"{symbol} expired on {expires:%Y-%m-%d}.{instead}")
    elif first_intent is not None and first_intent <= now:
        day = f"{first_intent:%Y-%m-%d}"
        yield warning("symbol", f"{symbol} is past its first intent date, {day}: a delivery notice may follow.")


def product_trades(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """Tradovate must not have set the product aside, as far as was known when its terms were read."""
    listing = situation.listing
    if listing is not None and listing.counts_as.status in SET_ASIDE:
        words = f"Tradovate lists {listing.product} as {listing.counts_as.status}: it may refuse the order."
        yield warning("symbol", words)


def in_session(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """The product must trade now, or the order must be one that can wait. Tradovate refuses either (SessionClosed)."""
    listing = situation.listing
    if listing is None or listing.expires <= situation.now:
        return
    found = session(listing.hours, listing.product, listing.exchange, situation.now)
    if found.standing is Standing.UNKNOWN:
        yield note("session", f"When {listing.product} trades is not known, so it was not checked.")
    if found.standing in (Standing.UNKNOWN, Standing.OPEN):
        return
    opens = found.opens_at.astimezone(CHICAGO) if found.opens_at else None
    when = f"until {opens:%A, %Y-%m-%d %H:%M} in Chicago" if opens else "until it opens"
    why = f" for {found.holiday}" if found.holiday else ""
    if found.standing is Standing.HALTED:
        words = f"{listing.product} has probably stopped early{why}, by CME Group's usual holiday hours"
        yield warning("session", f"{words}: Tradovate would refuse the order {when}.")
        return
    words = f"{listing.product} is closed{why}: Tradovate refuses orders {when}."
    waits = spec.order_type != "Market" and spec.time_in_force not in IMMEDIATE
    # Should the schedule be wrong, nobody must be kept in a position by it.
    yield warning("session", words) if waits or situation.is_exit(spec) else error("session", words)


def still_ahead(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """An order that lasts until a date must have some of it left."""
    for prefix, part in spec.parts:
        if part.expire_time is not None and part.expire_time <= situation.now:
            words = f"expireTime {part.expire_time.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC has passed"
            yield error(f"{prefix}expire_time", f"{words}: choose a later one, or another time in force.")


def on_its_tick(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """Every price and every distance must lie on the product's tick."""
    if situation.listing is not None:
        yield from on_tick(spec, situation.listing.terms)


def on_tick(spec: OrderSpec, terms: PriceTerms) -> Iterator[Finding]:
    """Every price and every distance must lie on the product's tick."""
    tick = plain(terms.tick_size)
    for prefix, part in spec.parts:
        for name, price in part.prices():
            if not terms.is_on_tick(price):
                below, above = (terms.quoted(one) for one in terms.neighbours(price))
                words = f"{WIRE_NAMES[name]} {price:f} is not a multiple of {tick}: nearest {below} or {above}."
                yield error(prefix + name, words)
    for number, bracket in enumerate(spec.brackets):
        for name, distance in bracket.distances():
            if misfit := distance.misfit(terms):
                yield error(f"brackets[{number}].{name}", f"{name.replace('_', ' ').capitalize()} {distance} {misfit}")


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
