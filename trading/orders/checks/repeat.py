"""Whether the same order was made a moment ago, here or elsewhere."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from trading.orders.checks.finding import Finding, warning
from trading.orders.checks.situation import Situation
from trading.orders.spec import OrderSpec

WITHIN: Final = dt.timedelta(seconds=10)


def duplicate(spec: OrderSpec, situation: Situation) -> Iterator[Finding]:
    """The same side, contract and quantity in the same account within seconds may be a second click, or one in
    Tradovate's own app. What was refused or cancelled before any of it traded does not count."""
    here = [
        sent.at
        for sent in situation.sent
        if sent.changes is None
        and sent.pair in (None, sent.intent_id)
        and (sent.symbol, sent.action, sent.qty) == (spec.symbol, spec.action, spec.order_qty)
        and situation.now - sent.at <= WITHIN
    ]
    # Of one that was made here the portal's own time is the better one.
    if same := here or _elsewhere(spec, situation):
        seconds = max(0, round((situation.now - max(same)).total_seconds()))
        words = f"The same order ({spec.action} {spec.order_qty:,} {spec.symbol}) was made {seconds} s ago"
        where = f"in {situation.account.name}{'' if here else ', outside Tradeport'}"
        yield warning("order_qty", f"{words} {where}. Sending this one too makes two.")


def _elsewhere(spec: OrderSpec, situation: Situation) -> list[dt.datetime]:
    """When such orders were made that this portal did not place."""
    if situation.facts is None or situation.listing is None:
        return []
    made = (situation.account.id, situation.listing.id, spec.action, spec.order_qty)
    ours = {sent.order_id for sent in situation.sent}
    return [
        one.at
        for one in situation.facts.orders
        if one.is_elsewhere
        and one.id not in ours
        and one.left is not None
        and (one.account_id, one.contract_id, one.action, one.left + one.filled) == made
        and one.at is not None
        # Tradovate's clock may be ahead of ours.
        and abs(situation.now - one.at) <= WITHIN
    ]
