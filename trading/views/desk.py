"""The desk: accounts, positions, working orders and today's fills, as they are at the first paint."""

from __future__ import annotations

import contextlib
import logging
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, cast

import redis
from asgiref.sync import async_to_sync
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts import budgets
from accounts.models import Connection, User
from accounts.sign_in import current_connection, own_url
from trading.models import Account
from trading.sync import doorbell, intent_rows, presence
from trading.sync import rows as formatter
from trading.sync.gauge import gauge_row
from trading.sync.stream import Snapshot, aread_snapshot
from trading.views import answers, order_table, personal
from trading.views.ticket import QUANTITY_PRESETS, TYPES, TicketForm, price_types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trading.sync.rows import Row

logger = logging.getLogger(__name__)

# After a sign-in the hub needs a moment for its first sync; a page with figures is worth this many seconds.
FIRST_SYNC_PATIENCE = 2.0
# Laying out thousands of rows for each new one stalls the page: older fills wait for a click.
FILLS_SHOWN = 300
ORDERS_SHOWN = 300
# What may still be lost: as of trading/views/personal.py, and as the page calls it.
LIMITS = {
    "loss": "Until Tradovate's daily loss",
    "own_loss": "Until your daily loss",
    "drawdown": "Until trailing drawdown",
}
KeyedRow = tuple[str, "Row"]


@login_required
@require_safe
def desk(request: HttpRequest) -> HttpResponse:
    """The desk of the trader's connection; staff without one are shown the way to the admin."""
    connection = current_connection(cast(User, request.user), request.session)
    if connection is None:
        return render(request, "trading/no_connection.html")
    return page(request, connection)


def page(
    request: HttpRequest, connection: Connection, *, form: TicketForm | None = None, status: int = 200
) -> HttpResponse:
    """The desk with an empty ticket, or with the one that was sent and says what is wrong with it."""
    mine = personal.of_connection(connection)
    snapshot = read(connection.pk)
    snapshot = Snapshot(snapshot.epoch, snapshot.seq, personal.personal(snapshot.rows, mine))
    accounts = of_kind(snapshot, "account")
    fills = of_kind(snapshot, "fill")
    intents = personal.personal(intent_rows.todays(connection.pk, snapshot.rows), mine)
    entries = order_table.entries(snapshot.rows, intents)
    sources = order_table.sources(entries)
    group = request.GET.get("orders", "working")
    context = {
        "gauge": gauge(connection),
        "is_waiting": snapshot.is_waiting,
        "accounts": accounts,
        "positions": of_kind(snapshot, "position"),
        "orders": [entry for entry in entries if entry.group == group][:ORDERS_SHOWN],
        "order_groups": order_table.groups(entries, group),
        "fills": [(key, order_table.of_fill(row, sources)) for key, row in fills[:FILLS_SHOWN]],
        "fill_count": len(fills),
        "fills_shown": FILLS_SHOWN,
        "orders_shown": ORDERS_SHOWN,
        "totals": totals(row for _, row in accounts),
        "limits": [
            {"name": name, "label": label, "found": personal.nearest((row for _, row in accounts), name)}
            for name, label in LIMITS.items()
        ],
        "own": mine,
    }
    if "upstream" in snapshot.rows:
        context["upstream"] = snapshot.rows["upstream"]
    context |= ticket_context(connection, form, symbols(snapshot, intents))
    return render(request, "trading/desk.html", context, status=status)


def ticket_context(connection: Connection, form: TicketForm | None, suggested: list[str]) -> dict[str, Any]:
    """What the ticket's template needs."""
    tradable = Account.objects.tradable().filter(connection=connection)
    return {
        "ticket": form or TicketForm(tradable),
        "tradable": list(tradable),
        "suggested": suggested,
        "key": answers.new_key(),
        "types": [
            (name, label, prices) for (name, label), prices in zip(TYPES.items(), price_types().values(), strict=True)
        ],
        "presets": QUANTITY_PRESETS,
    }


def symbols(snapshot: Snapshot, intents: dict[str, Row]) -> list[str]:
    """What a trader is likely to order: symbols held, working, or ordered today."""
    held = [
        row["symbol"] for key, row in snapshot.rows.items() if key.partition(":")[0] in ("position", "order", "fill")
    ]
    return sorted({*held, *(row["symbol"] for row in intents.values())} - {"", formatter.UNKNOWN})


@login_required
@require_safe
def own(request: HttpRequest) -> HttpResponse:
    """The trader's own names and limits of accounts as they are now, for a desk that is open already."""
    connection = current_connection(cast(User, request.user), request.session)
    return JsonResponse({} if connection is None else personal.of_connection(connection))


@login_required
@require_POST
def reconnect(request: HttpRequest) -> HttpResponse:
    """Take the session back that another login took, because the trader asks for it."""
    connection = current_connection(cast(User, request.user), request.session)
    if connection is not None and not doorbell.ring_reconnect(connection.pk):
        messages.error(request, "Tradeport cannot reconnect just now. Try again in a moment.")
    return redirect(own_url(request, request.META.get("HTTP_REFERER", "")) or "trading:desk")


def read(connection_id: int) -> Snapshot:
    """The stream's rows, once the socket that this page wants has brought them.

    Without Redis an empty snapshot, so that the page still opens and says what it waits for.
    """
    with contextlib.suppress(redis.RedisError):
        presence.announce(connection_id)
    try:
        return async_to_sync(aread_snapshot)(connection_id, wait=FIRST_SYNC_PATIENCE)
    except redis.RedisError:
        logger.exception("The desk could not read the stream of connection %s", connection_id)
        return Snapshot(epoch="", seq=0, rows={})


def gauge(connection: Connection) -> Row | None:
    """How many of the hour's requests are used; None without Redis."""
    budget = budgets.of_user(connection.environment, connection.tradovate_user_id)
    return None if budget is None else gauge_row(budget)


def of_kind(snapshot: Snapshot, kind: str) -> list[KeyedRow]:
    """The (key, row) pairs of one kind in the order in which portal/static/portal/state.js keeps them."""
    found = [(key, row) for key, row in snapshot.rows.items() if key.startswith(f"{kind}:")]
    return sorted(found, key=lambda pair: ORDER[kind](pair[1]))


def totals(accounts: Iterable[Row]) -> Row:
    """The sums over accounts of each amount; an em dash when one is unknown or when there is none."""
    accounts = list(accounts)
    return {
        "net_liq": formatter.money(total(accounts, "net_liq")),
        "cash": formatter.money(total(accounts, "cash")),
        "open_pnl": formatter.signed(total(accounts, "open_pnl")),
        "day_pnl": formatter.signed(total(accounts, "day_pnl")),
        "day_net": formatter.signed(total(accounts, "day_net")),
        "margin_used": formatter.money(total(accounts, "margin_used")),
        "excess": formatter.money(total(accounts, "excess")),
    }


def total(accounts: list[Row], field: str) -> Decimal | None:
    try:
        amounts = [Decimal(row.get(field, formatter.UNKNOWN).replace(",", "")) for row in accounts]
    except InvalidOperation:
        return None
    return sum(amounts, Decimal()) if amounts else None


def _by_name(row: Row) -> tuple[str, int]:
    return row["name"], int(row["id"])


def _by_symbol(row: Row) -> tuple[str, str, int]:
    return row["symbol"], row["account"], int(row["id"])


ORDER: dict[str, Callable[[Row], tuple[object, ...]]] = {
    "account": _by_name,
    "position": _by_symbol,
    "fill": order_table.newest_first,
    # Of a replay; the desk's own orders are order_table's.
    "order": order_table.newest_first,
}
