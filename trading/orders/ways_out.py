"""Whether an order leads out of a position: then it goes although the hour's requests are nearly used up, and may be
moved although a kill switch is thrown."""

from __future__ import annotations

from django.utils import timezone

from trading.models import Contract, OrderIntent
from trading.orders import facts, looks
from trading.orders.checks.situation import FRESH_FOR
from trading.orders.facts import Facts, Hub
from trading.tradovate import Priority


def may_close(intent: OrderIntent) -> bool:
    """Whether an order trades against the position that its account holds, at most until it is turned around.

    What is held is read from the hub's facts. Where these are missing or old Tradovate is asked, with the requests that
    changes may use and entries may not: the last of the hour are for what is known to close. What nobody knows is an
    entry. For threads without a running event loop.
    """
    against = _held_against(intent, _known(intent, facts.read))
    if against is None:
        against = _asked_against(intent)
    return against is not None and 0 < (intent.order_qty or 0) <= 2 * against


def only_closes(change: OrderIntent, hub: Hub | None = None) -> bool:
    """Whether the order that a change is about is known to do nothing but make the position that its account holds
    smaller; `hub` tells a connection's facts in place of Redis."""
    known = _known(change, hub or facts.read)
    against = _held_against(change, known)
    if known is None or against is None:
        return False
    # A change says how many contracts an order has in all: what has traded trades no more.
    return 0 < (change.order_qty or 0) - known.filled(change.target_order_id or 0) <= against


def _known(intent: OrderIntent, hub: Hub) -> Facts | None:
    """What the hub says of an intent's connection; None where that is not all, or old."""
    known = hub(intent.connection_id)
    if known is None or not known.is_whole or timezone.now() - known.heard_at > FRESH_FOR:
        return None
    return known


def _held_against(intent: OrderIntent, known: Facts | None) -> int | None:
    """Contracts held on the other side than an order's, negative when on its own; None where the hub does not say."""
    contract = _contract(intent)
    if contract is None or known is None:
        return None
    net = sum(
        one.net_pos
        for one in known.positions
        if (one.account_id, one.contract_id) == (intent.account.tradovate_id, contract.tradovate_id)
    )
    return _against(intent, net)


def _asked_against(intent: OrderIntent) -> int | None:
    """The same by Tradovate's own list; None where it is not asked or does not answer."""
    contract = _contract(intent)
    if contract is None:
        return None
    try:
        return _against(intent, looks.net_position(intent.account, contract.tradovate_id, Priority.MODIFY))
    except looks.CannotAsk:
        return None


def _contract(intent: OrderIntent) -> Contract | None:
    return Contract.objects.named(intent.symbol).filter(environment=intent.connection.environment).last()


def _against(intent: OrderIntent, net: int) -> int:
    return -net if intent.action == "Buy" else net
