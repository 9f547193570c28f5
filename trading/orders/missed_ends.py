"""Orders of ours that ended on an earlier trading day while nobody was signed in to see it: no stream tells of that.

    the hub shows it as working       it works
    Tradovate knows it by its number  it gets its status, and says where to look for fills that are not told
    else                              it is expired, and says where to look

Looked for once after each day that the hub has read (Upstream.synced_at), when the journal has told what it read.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from trading.models import OrderIntent, Upstream
from trading.orders import facts, intents, lookup, reconcile, reports, when_to_look
from trading.orders.lookup import Found
from trading.orders.states import Kind, State
from trading.orders.trading_days import day_began
from trading.tradovate.entities import OrdStatus

# What is looked for here.
ENDED: Final = "ended"
# The ends and fills of today are known by then; what is found here goes by those of earlier days.
TOLD_WITHIN: Final = dt.timedelta(minutes=1)
_OPEN: Final = frozenset({State.ACCEPTED, State.WORKING})


def due(now: dt.datetime, *only: int) -> list[int]:
    """The connections (primary keys), all or of these, that have orders whose end is to be looked for now."""
    waiting = _waiting(now)
    return when_to_look.due(waiting.filter(connection__in=only) if only else waiting, ENDED, now)


def look(connection_id: int) -> list[int]:
    """Look for the end of all such orders of a connection; the ids of the intents that changed.

    For threads without a running event loop, outside a transaction. Costs two requests, and none if the hub shows all
    of the orders. Raises nothing when Tradovate cannot be asked.
    """
    now = timezone.now()
    waiting = {intent: intent.order_id_at_broker or 0 for intent in _waiting(now).filter(connection_id=connection_id)}
    shown = _shown(connection_id)
    if not waiting or shown is None:
        return []
    missing = {intent: number for intent, number in waiting.items() if number not in shown}
    OrderIntent.objects.filter(pk__in=[one.pk for one in waiting.keys() - missing.keys()]).update(looked_at=now)
    if not missing:
        return []
    asked, numbers = [intent.pk for intent in missing], set(missing.values())
    found = reconcile.look_for(connection_id, asked, ENDED, lambda client: lookup.orders_now(client, numbers))
    if found is None:
        return []
    return [pk for intent, number in missing.items() for pk in _settle(intent, number, found.get(number))]


def _shown(connection_id: int) -> set[int] | None:
    """The orders (Tradovate's ids) that the hub shows as working since it has read the day; None while that is not
    known."""
    known = facts.read(connection_id)
    read_at = Upstream.objects.filter(connection=connection_id).values_list("synced_at", flat=True).first()
    if known is None or not known.is_whole or read_at is None or known.heard_at < read_at:
        return None
    return {order.id for order in known.orders if not order.is_finished}


def _waiting(now: dt.datetime) -> QuerySet[OrderIntent]:
    began = day_began(now)
    return OrderIntent.objects.filter(
        Q(looked_at=None) | Q(looked_at__lt=F("connection__upstream__synced_at")),
        state__in=_OPEN,
        order_id_at_broker__isnull=False,
        changed_at__lt=began,
        connection__upstream__state=Upstream.State.UP,
        connection__upstream__synced_at__range=(began, now - TOLD_WITHIN),
    ).exclude(kind__in=[Kind.MODIFY, Kind.CANCEL])


def _settle(intent: OrderIntent, number: int, found: Found | None) -> list[int]:
    # `Completed` does not say how it ended, and fills of an earlier day are not served.
    if found is not None and found.status != OrdStatus.COMPLETED:
        told = (found.status, found.filled_qty, found.average_price, found.reason)
        changed = reports.observe_order(intent.connection_id, number, *told)
        _explain_fills(intent)
        return changed
    words = OrderIntent.ENDED_UNSEEN
    gone = intents.transition(intent.pk, _OPEN, State.EXPIRED, words, at_version=intent.version, reason=words)
    return [intent.pk] if gone else []


def _explain_fills(intent: OrderIntent) -> None:
    """Say of an intent that has filled where its fills are when not all of them are told."""
    intent.refresh_from_db()
    if intent.state == State.FILLED and not reports.are_all(intent.filled_qty, intent):
        words = OrderIntent.FILLED_UNSEEN
        intents.transition(intent.pk, {State.FILLED}, State.FILLED, words, reason=words)
