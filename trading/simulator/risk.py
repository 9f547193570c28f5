"""What an account may do: the checks before an order goes to the exchange, and its margin figures. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from . import entities as e
from .catalog import Catalog, Listing
from .clock import chicago, read_stamp, stamp
from .exchange import Ticket
from .feed import Feed
from .ledger import CENT, ZERO, Ledger
from .products import maintenance
from .risk_entities import AccountRiskStatus
from .terms import Refusal

LOCKING = frozenset({"LockTradingImmediately", "LiquidateImmediately", "AgreedOnLiquidationByAutoLiq"})
LIQUIDATION_ONLY = frozenset({"LiquidateOnlyModeImmediately", "AgreedOnLiqOnlyModeByAutoLiq"})


def check_account(account: e.Account) -> None:
    """Raise Refusal when the account must not trade."""
    if account.closed or not account.active:
        raise Refusal("AccountClosed", f"Account {account.name} is closed.")
    if account.restricted or account.readonly:
        raise Refusal("TradingLocked", f"Trading is locked for account {account.name}.")


def check_status(status: AccountRiskStatus | None, now: datetime, *, opening: bool) -> None:
    """Raise Refusal when the account's risk status keeps an order out: any order when trading is locked, one that does
    not only close when the account may only liquidate."""
    if status is None:
        return
    if status.admin_action in LOCKING:
        raise Refusal("TradingLocked", "Trading is locked for this account.")
    if opening and closes_only(status, now):
        raise Refusal("LiquidationOnly", "This account may only close its positions.")


def closes_only(status: AccountRiskStatus, now: datetime) -> bool:
    """May the account only close its positions?"""
    since = status.liquidate_only
    return status.admin_action in LIQUIDATION_ONLY or (since is not None and read_stamp(since) <= now)


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


def check_quantity(qty: int, most: int) -> None:
    """Raise Refusal when the quantity is over the limit."""
    if qty > most:
        raise Refusal("MaxOrderQtyLimitReached", f"An order may have at most {most} contracts, not {qty}.")


def equity(ledger: Ledger, feed: Feed) -> Decimal:
    """Cash and what the open positions are worth now, in dollars."""
    opened = (holding.open_pnl(feed.market(holding.contract_id).last) for holding in ledger.open_holdings())
    return ledger.cash + sum(opened, ZERO)


@dataclass
class Exposure:
    """What an account has in one contract: its position, and the contracts that its working orders may buy and sell."""

    net: int = 0
    bids: int = 0
    offers: int = 0

    @property
    def longest(self) -> int:
        """Contracts long when all that buys is filled."""
        return max(0, self.net, self.net + self.bids)

    @property
    def shortest(self) -> int:
        """Contracts short when all that sells is filled."""
        return max(0, -self.net, self.offers - self.net)

    @property
    def worst(self) -> int:
        """The greatest position, either way, that can come of it."""
        return max(self.longest, self.shortest)


def exposures(ledger: Ledger, working: Iterable[Ticket]) -> dict[int, Exposure]:
    """Exposure of an account by contract id. Of two linked orders on one side only one counts: only one can fill."""
    found = {holding.contract_id: Exposure(holding.net) for holding in ledger.open_holdings()}
    counted: dict[tuple[int, bool], int] = {}
    for ticket in working:
        if ticket.account_id != ledger.account_id:
            continue
        known = counted.get((ticket.oco, ticket.buy), 0) if ticket.oco is not None else 0
        counted[ticket.order_id, ticket.buy] = ticket.left
        more = max(0, ticket.left - known)
        exposure = found.setdefault(ticket.contract_id, Exposure())
        if ticket.buy:
            exposure.bids += more
        else:
            exposure.offers += more
    return found


def margin_of(found: dict[int, Exposure], catalog: Catalog) -> Decimal:
    """Dollars that exposures need when the worse side of each is filled."""
    margins = (exposure.worst * catalog.listings[contract_id].spec.margin for contract_id, exposure in found.items())
    return sum(margins, ZERO)


def required_margin(ledger: Ledger, catalog: Catalog, working: Iterable[Ticket]) -> Decimal:
    """Dollars that the positions need when the worse side of the working orders is filled."""
    return margin_of(exposures(ledger, working), catalog)


def opens(ledger: Ledger, contract_id: int, *, buy: bool, qty: int) -> bool:
    """Would an order do more than close what the account holds?"""
    holding = ledger.holdings.get(contract_id)
    held = holding.net if holding else 0
    return not held or (held > 0) == buy or qty > abs(held)


def check_margin(needed: Decimal, available: Decimal) -> None:
    """Raise Refusal when `needed` dollars are more than `available`."""
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
