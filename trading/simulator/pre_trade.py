"""The review of an order before it trades: first when it is asked for (the reply says why not), then as a command (its
report says why not). The reasons are in failure_reasons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from . import entities as e
from . import risk
from .catalog import Listing
from .exchange import Ticket
from .failure_reasons import ArmedRefusal, Stage
from .ledger import CENT
from .position_limits import AccountLimits, Subject, account_limits, check_conditions, check_totals, check_used_margin
from .terms import Refusal
from .venue import Venue


class PreTrade:
    """Reviews orders against their account."""

    def __init__(self, venue: Venue) -> None:
        self._clock = venue.clock
        self._catalog = venue.catalog
        self._feed = venue.feed
        self._store = venue.store
        self._booking = venue.booking
        self.armed: list[ArmedRefusal] = []

    def check_armed(self, account_id: int, stage: Stage) -> None:
        """Raise the Refusal that control has armed, if any, and count it."""
        for armed in self.armed:
            if (armed.account_id, armed.stage) == (account_id, stage):
                armed.left -= 1
                self.armed = [one for one in self.armed if one.left > 0]
                raise Refusal(armed.reason, f"{armed.reason} was armed for this account.")

    def check_request(self, account: e.Account, listing: Listing, *, buy: bool, qty: int) -> None:
        """Raise Refusal when the account's risk status or its risk parameters keep an order out."""
        self.check_armed(account.id, Stage.REQUEST)
        now = self._clock.now()
        limits = account_limits(self._store, account.id)
        subject = self._subject(account.id, listing, buy=buy, qty=qty)
        risk.check_status(limits.status, now, opening=subject.opening)
        check_conditions(limits, subject, now)

    def check_risk(self, ticket: Ticket, working: Iterable[Ticket]) -> list[str]:
        """What soft limits say about an order. Raises Refusal when the account cannot carry it beside `working`, the
        orders without it, or when it opens and the account may only close. One that closes and lets the account need no
        more margin, whatever works beside it, passes these checks."""
        self.check_armed(ticket.account_id, Stage.RISK)
        listing = self._catalog.listings[ticket.contract_id]
        ledger = self._booking.ledgers[ticket.account_id]
        limits = account_limits(self._store, ticket.account_id)
        subject = self._subject(ticket.account_id, listing, buy=ticket.buy, qty=ticket.left)
        others = list(working)
        before, after = risk.exposures(ledger, others), risk.exposures(ledger, [*others, ticket])
        warnings = check_totals(limits, subject, self._catalog, before, after)
        if subject.opening:
            self._check_may_open(ticket.account_id, limits)
        needed, used = risk.margin_of(after, self._catalog), risk.margin_of(before, self._catalog)
        if subject.opening or needed > used:
            equity = risk.equity(ledger, self._feed)
            risk.check_margin(needed, equity)
            check_used_margin(limits, replace(subject, opening=True), needed.quantize(CENT), equity.quantize(CENT))
        return warnings

    def _check_may_open(self, account_id: int, limits: AccountLimits) -> None:
        """Raise Refusal when the account must not trade, or only close, by now: an order may have waited long."""
        if account := self._store.get(e.Account, account_id):
            risk.check_account(account)
        risk.check_status(limits.status, self._clock.now(), opening=True)

    def _subject(self, account_id: int, listing: Listing, *, buy: bool, qty: int) -> Subject:
        ledger = self._booking.ledgers[account_id]
        opening = risk.opens(ledger, listing.contract_id, buy=buy, qty=qty)
        return Subject(listing, self._catalog.product(listing), qty, opening)
