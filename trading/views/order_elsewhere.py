"""The page of an order that nobody asked this portal for: what the journal keeps of it, which Tradovate has said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.sign_in import current_connection
from trading.models import Account, Fill, Order, OrderIntent, OrderVersion
from trading.orders.prices import plain
from trading.tradovate.entities import OrdStatus
from trading.views import answers, order_life
from trading.views.order_life import Happened
from trading.views.order_table import GROUP_OF_STATUS


@login_required
@require_safe
def order_elsewhere(request: HttpRequest, order_id: int) -> HttpResponse:
    """An order of the trader's own by Tradovate's id; one that came of an intent has its page there."""
    connection = current_connection(cast(User, request.user), request.session)
    if connection is None:
        raise Http404
    order = get_object_or_404(Order.objects.with_source(), connection=connection, tradovate_id=order_id)
    intent = OrderIntent.objects.filter(connection=connection, order_id_at_broker=order_id).first()
    if intent is not None:
        return redirect("trading:order", intent.pk)
    account = Account.objects.filter(connection=connection, tradovate_id=order.account_id_at_broker).first()
    fills = list(Fill.objects.filter(connection=connection, order_id_at_broker=order_id, active=True).order_by("at"))
    versions = order_life.versions(connection.pk, [order_id]).get(order_id, [])
    version = order_life.in_force(versions, is_rejected=order.status == OrdStatus.REJECTED)
    context = {
        "order": order,
        "described": f"{order.action} {order.order_qty or ''} {order.symbol}".replace("  ", " "),
        "account": account or order.account_id_at_broker,
        "source": order.source,
        "status": order.status,
        "state": order.status.lower(),
        "is_working": order.status not in GROUP_OF_STATUS,
        "now": order_life.now(versions, version),
        "steps": order_life.timeline(_happened(order, versions, fills)),
        "fills": fills,
        "key": answers.new_key(),
    }
    return render(request, "trading/order_elsewhere.html", context)


def _happened(order: Order, versions: list[OrderVersion], fills: list[Fill]) -> Iterator[Happened]:
    """What happened to an order: it was placed, changed and filled."""
    if versions:
        yield Happened("placed", order.at, order_life.terms(versions[0]))
    yield from order_life.changes(order_life.asked(order.connection_id, order.tradovate_id), versions)
    for fill in fills:
        yield Happened("filled", fill.at, f"{fill.qty} at {plain(fill.price)}")
