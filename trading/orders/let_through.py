"""What still goes out while a kill switch is thrown: cancels and closings, and what is known to leave no more risk.

Asked when an intent is claimed, and again as the last thing before it is sent (see kill_switch). What is not known of
an order or of a position is taken for risk.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

import msgspec

from trading.models import KillSwitchAction, Order, OrderIntent, OrderVersion
from trading.orders import kill_switch, pretrade, ways_out
from trading.orders.contracts import Looked
from trading.orders.facts import Hub
from trading.orders.spec import OrderSpec
from trading.orders.states import State

Kind = OrderIntent.Kind

_OF_CHANGES: Final = "Of changes only those that take contracts off an order, or move one that only closes a position."
_BEING_CANCELLED: Final = (
    "Working orders are being cancelled just now, and this one would be, too: try again once that is done."
)
# By how much Tradovate's clock may differ from the portal's.
CLOCKS_DIFFER: Final = dt.timedelta(minutes=1)
_CHANGED_NOTHING: Final = (State.CREATED, State.CANCELLED, State.REJECTED, State.ABSENT, State.INEFFECTIVE)
# What its source is that stops as a whole.
_FILE: Final = "file"


def may_pass(kind: str) -> bool:
    """Whether all intents of this kind go out although a switch is thrown.

    Cancellations and closings do; of changes (`adds_no_risk`) and orders (`only_closes`) some. Nothing else does:
    orders with exits, brackets, and kinds that are new.
    """
    return kind in (Kind.CANCEL, Kind.LIQUIDATE)


def forbids(intent: OrderIntent, hub: Hub | None = None) -> str:
    """Why an intent must not go out now, to its trader; "" when it may.

    One small query while nothing is stopped; exits do not even ask. `hub` tells a connection's facts in place of Redis:
    asked only while a switch is thrown, of what may be an exit.
    """
    if may_pass(intent.kind):
        return ""
    words = kill_switch.stopped(intent.connection_id)
    if words and intent.kind == Kind.MODIFY:
        return "" if adds_no_risk(intent, hub) else f"{words} {_OF_CHANGES}"
    # A file's lines follow on each other: it stops as a whole.
    if words and intent.kind in (Kind.ORDER, Kind.OCO) and intent.source != _FILE:
        return _forbids_order(intent, words, hub)
    return words


def adds_no_risk(change: OrderIntent, hub: Hub | None = None) -> bool:
    """Whether a change of an order leaves the account with no more risk than if the order were left alone.

    It must not ask for more contracts than the order has. At the same terms it then only takes contracts off; at
    others the order must be one that can only close what is held: an entry that is moved is a new entry, while an exit
    might as well be cancelled.
    """
    mirrored = Order.objects.filter(connection=change.connection_id, tradovate_id=change.target_order_id or 0)
    order = mirrored.first()
    if order is None:
        return False
    # It may stand as either of them has it.
    stands: list[Order | OrderIntent] = [order, *_changed_since(change, order)]
    if not 0 < (change.order_qty or 0) <= min(one.order_qty or 0 for one in stands):
        return False
    return all(_same_terms(change, one) for one in stands) or ways_out.only_closes(change, hub)


def _forbids_order(intent: OrderIntent, words: str, hub: Hub | None) -> str:
    """Why an order, or a pair, must not go out while `words` say that trading is stopped; "" when it only closes."""
    spec = msgspec.convert(intent.spec, OrderSpec)
    # Nothing is looked up: what this portal has never seen the account does not hold.
    around = pretrade.look_around(intent.account, [intent.symbol], Looked({}), hub).but_for({intent.pk})
    situation = around.situation(intent.symbol)
    if not situation.only_closes(spec):
        return words + situation.why_no_exit(spec)
    cancelling = KillSwitchAction.objects.filter(
        connection=intent.connection_id, state=KillSwitchAction.State.WORKING, switch__released_at=None
    )
    return f"{words} {_BEING_CANCELLED}" if cancelling.exists() else ""


def _changed_since(change: OrderIntent, order: Order) -> Iterator[OrderIntent]:
    """The latest change of ours that the mirrored order may not show: the hub may have been away since."""
    version = OrderVersion.objects.filter(connection=order.connection_id, tradovate_id=order.version_id_at_broker or 0)
    told_at = version.values_list("at", flat=True).first() or order.at
    ours = OrderIntent.objects.filter(
        connection=change.connection_id,
        target_order_id=change.target_order_id,
        kind=Kind.MODIFY,
        created_at__gte=told_at - CLOCKS_DIFFER,
    )
    latest = ours.exclude(pk=change.pk).exclude(state__in=_CHANGED_NOTHING).order_by("-pk").first()
    if latest is not None:
        yield latest


def _same_terms(change: OrderIntent, order: Order | OrderIntent) -> bool:
    """Whether a change leaves all but the number of contracts as it is, as far as is known of the order."""
    becomes = change.spec["becomes"]
    if any(becomes.get(name) is not None for name in ("peg_difference", "limit_if_touched_price")):
        return False
    prices = ((change.price, order.price), (change.stop_price, order.stop_price))
    # Tradovate may keep prices beside those that an order's type has.
    same_prices = all(wanted is None or wanted == now for wanted, now in prices)
    return same_prices and (change.order_type, change.time_in_force) == (order.order_type, order.time_in_force)
