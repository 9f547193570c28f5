"""The page of an order that nobody asked this portal for: what the journal keeps of it, which Tradovate has said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.sign_in import current_connection
from trading.models import Account, Fill, Order, OrderIntent, OrderVersion
from trading.orders.prices import plain
from trading.sync.rows import more_terms
from trading.views import answers
from trading.views.order import Step, timeline
from trading.views.order_table import GROUP_OF_STATUS

if TYPE_CHECKING:
    import datetime as dt


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
    context = {
        "order": order,
        "described": f"{order.action} {order.order_qty or ''} {order.symbol}".replace("  ", " "),
        "account": account or order.account_id_at_broker,
        "source": order.source,
        "status": order.status,
        "state": order.status.lower(),
        "is_working": order.status not in GROUP_OF_STATUS,
        "steps": steps(order, fills),
        "fills": fills,
        "key": answers.new_key(),
    }
    return render(request, "trading/order_elsewhere.html", context)


def steps(order: Order, fills: list[Fill]) -> list[Step]:
    """What happened to an order, by the time of each step: it was placed, changed and filled."""
    return timeline(sorted(_happened(order, fills), key=lambda step: step[1]))


def _happened(order: Order, fills: list[Fill]) -> Iterator[tuple[str, dt.datetime, str]]:
    versions = OrderVersion.objects.filter(connection=order.connection_id, order_id_at_broker=order.tradovate_id)
    for number, version in enumerate(versions.order_by("tradovate_id")):
        yield ("changed", version.at, _terms(version)) if number else ("placed", order.at, _terms(version))
    for fill in fills:
        yield "filled", fill.at, f"{fill.qty} at {plain(fill.price)}"


def _terms(version: OrderVersion) -> str:
    """ "2 Limit at 5000.25, shows 1, GTC"."""
    price = "" if version.price is None else f" at {plain(version.price)}"
    stop = "" if version.stop_price is None else f"stop {plain(version.stop_price)}"
    more = more_terms(version.limit_if_touched_price, version.peg_difference, version.max_show, None)
    until = f"until {version.expire_time:%Y-%m-%d %H:%M} UTC" if version.expire_time else ""
    first = f"{version.order_qty} {version.order_type}{price}"
    return ", ".join(filter(None, (first, stop, more, version.time_in_force, until, version.text)))
