"""Checks before an order goes to the exchange, and the margin figures of an account."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from . import entities as e
from .catalog import Catalog, Listing
from .clock import chicago, read_stamp, stamp
from .exchange import Kind, Ticket
from .feed import Feed
from .ledger import CENT, ZERO, Ledger
from .products import maintenance


class Refusal(Exception):
    """An order that is not taken. `reason` is a failureReason of openapi.json, PlaceOrderResult."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


@dataclass(frozen=True)
class Terms:
    """An order's type and prices after they were checked; prices in ticks. `stop` is the price that wakes the order,
    `trail` a trailing stop's distance, `expires` the end of a GTD order, UTC."""

    kind: Kind
    time_in_force: str
    limit: int | None
    stop: int | None
    trail: int | None = None
    expires: datetime | None = None


def check_account(account: e.Account) -> None:
    """Raise Refusal when the account must not trade."""
    if account.closed or not account.active:
        raise Refusal("AccountClosed", f"Account {account.name} is closed.")
    if account.restricted or account.readonly:
        raise Refusal("TradingLocked", f"Trading is locked for account {account.name}.")


def check_session(catalog: Catalog, listing: Listing, now: datetime) -> None:
    """Raise Refusal when a contract does not trade now."""
    if not catalog.session_open(listing, now):
        opens = chicago(catalog.next_open(listing, now))
        raise Refusal("SessionClosed", f"{listing.name} is closed. It opens {opens:%A %H:%M} in Chicago.")


def check_symbol(catalog: Catalog, symbol: str, now: datetime | None) -> Listing:
    """The listing of a symbol that can be traded now (None: whenever), or Refusal."""
    listing = catalog.find(symbol)
    if listing is None:
        raise Refusal("InvalidContract", f"Unknown symbol {symbol}.")
    if now is not None and listing.expires <= now:
        raise Refusal("InvalidContract", f"{listing.name} expired on {stamp(listing.expires)[:10]}.")
    return listing


class Priced(Protocol):
    """What requests that describe an order have in common (openapi.json, PlaceOrder, ModifyOrder,
    RestrainedOrderVersion)."""

    order_type: str
    time_in_force: str | None
    expire_time: str | None
    price: Decimal | None
    stop_price: Decimal | None
    limit_if_touched_price: Decimal | None
    peg_difference: Decimal | None


def check_terms(listing: Listing, request: Priced, now: datetime) -> Terms:
    """The order's type, time in force and prices, or Refusal.

    A market-if-touched order is woken by `price` (guide, "Place Order": price is required for all but Market), a
    limit-if-touched order by `limitIfTouchedPrice`, as a stop-limit order is by `stopPrice`. A trailing stop needs
    `stopPrice`, `pegDifference` (either sign) or both; what is missing follows from the market (guide, "Place Order":
    it keeps its distance).
    """
    try:
        kind = Kind(request.order_type)
    except ValueError:
        raise Refusal("Unsupported", f"Order type {request.order_type} is not supported.") from None
    tif = request.time_in_force or "Day"
    if tif not in ("Day", "GTC", "GTD", "IOC", "FOK"):
        raise Refusal("Unsupported", f"Time in force {tif} is not supported.")
    expires = _expiry(request.expire_time, now) if tif == "GTD" else None
    limit = _ticks(listing, "price", request.price) if kind.limited else None
    stop = trail = None
    if kind is Kind.MARKET_IF_TOUCHED:
        stop = _ticks(listing, "price", request.price)
    elif kind is Kind.LIMIT_IF_TOUCHED:
        stop = _ticks(listing, "limitIfTouchedPrice", request.limit_if_touched_price)
    elif kind.trailing:
        if request.peg_difference is not None:
            trail = _ticks(listing, "pegDifference", abs(request.peg_difference))
        if request.stop_price is not None or trail is None:
            stop = _ticks(listing, "stopPrice", request.stop_price)
    elif kind.waits:
        stop = _ticks(listing, "stopPrice", request.stop_price)
    return Terms(kind, tif, limit, stop, trail, expires)


def _expiry(text: str | None, now: datetime) -> datetime:
    try:
        expires = read_stamp(text or "")
    except ValueError:
        raise Refusal("Unsupported", "A GTD order needs expireTime, such as 2026-11-20T21:00:00.000Z.") from None
    if expires <= now:
        raise Refusal("Unsupported", f"expireTime {stamp(expires)} has passed.")
    return expires


def check_quantity(qty: int, most: int) -> None:
    """Raise Refusal when the quantity is over the limit."""
    if qty > most:
        raise Refusal("MaxOrderQtyLimitReached", f"An order may have at most {most} contracts, not {qty}.")


def _ticks(listing: Listing, name: str, price: Decimal | None) -> int:
    if price is None:
        raise Refusal("InvalidPrice", f"{name} is missing.")
    ticks = listing.spec.ticks(price)
    if ticks is None or ticks < 1:
        raise Refusal("InvalidPrice", f"{name} {price} is not on a tick of {listing.spec.tick}.")
    return ticks


def equity(ledger: Ledger, feed: Feed) -> Decimal:
    """Cash and what the open positions are worth now, in dollars."""
    opened = (holding.open_pnl(feed.market(holding.contract_id).last) for holding in ledger.open_holdings())
    return ledger.cash + sum(opened, ZERO)


def required_margin(ledger: Ledger, catalog: Catalog, working: Iterable[Ticket]) -> Decimal:
    """Dollars that the positions need when the worse side of the working orders is filled."""
    net = {holding.contract_id: holding.net for holding in ledger.open_holdings()}
    bids: dict[int, int] = {}
    offers: dict[int, int] = {}
    counted: set[tuple[int, bool]] = set()
    for ticket in working:
        if ticket.account_id == ledger.account_id:
            if ticket.oco is not None and (ticket.oco, ticket.buy) in counted:
                continue  # only one of the two can fill
            counted.add((ticket.order_id, ticket.buy))
            side = bids if ticket.buy else offers
            side[ticket.contract_id] = side.get(ticket.contract_id, 0) + ticket.left
    total = ZERO
    for contract_id in net.keys() | bids.keys() | offers.keys():
        held = net.get(contract_id, 0)
        worst = max(abs(held), abs(held + bids.get(contract_id, 0)), abs(held - offers.get(contract_id, 0)))
        total += worst * catalog.listings[contract_id].spec.margin
    return total


def check_margin(ledger: Ledger, catalog: Catalog, feed: Feed, working: Iterable[Ticket], ticket: Ticket) -> None:
    """Raise Refusal when the account cannot carry the order. An order that only reduces always passes."""
    holding = ledger.holdings.get(ticket.contract_id)
    held = holding.net if holding else 0
    if held and (held > 0) != ticket.buy and ticket.qty <= abs(held):
        return
    needed = required_margin(ledger, catalog, [*working, ticket])
    available = equity(ledger, feed)
    if needed > available:
        raise Refusal(
            "NotEnoughLiquidity",
            f"Insufficient margin: {needed.quantize(CENT)} USD needed, {available.quantize(CENT)} USD available.",
        )


def margin_snapshot(ledger: Ledger, catalog: Catalog, working: Iterable[Ticket], now: datetime) -> e.MarginSnapshot:
    """The account's marginSnapshot entity."""
    position = required_margin(ledger, catalog, ())
    total = required_margin(ledger, catalog, working)
    return e.MarginSnapshot(
        id=ledger.account_id,
        timestamp=stamp(now),
        risk_time_period_id=1,
        initial_margin=total,
        maintenance_margin=maintenance(total),
        auto_liq_level=ZERO,
        liq_only_level=ZERO,
        total_used_margin=total,
        full_initial_margin=total,
        position_margin=position,
        total_used_full_margin=total,
    )
