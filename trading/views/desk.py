"""The desk: accounts, positions, working orders and today's fills, as they are at the first paint."""

from __future__ import annotations

import logging
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, cast

import redis
from asgiref.sync import async_to_sync
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts import budgets
from accounts.models import Connection, User
from accounts.sign_in import current_connection
from trading.sync import rows as formatter
from trading.sync.gauge import gauge_row
from trading.sync.stream import Snapshot, aread_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trading.sync.rows import Row

logger = logging.getLogger(__name__)

# After a sign-in the hub needs a moment for its first sync; a page with figures is worth this many seconds.
FIRST_SYNC_PATIENCE = 2.0
# Laying out thousands of rows for each new one stalls the page: older fills wait for a click.
FILLS_SHOWN = 300
KeyedRow = tuple[str, "Row"]


@login_required
@require_safe
def desk(request: HttpRequest) -> HttpResponse:
    """The desk of the trader's connection; staff without one are shown the way to the admin."""
    connection = current_connection(cast(User, request.user), request.session)
    if connection is None:
        return render(request, "trading/no_connection.html")
    snapshot = read(connection.pk)
    accounts = of_kind(snapshot, "account")
    fills = of_kind(snapshot, "fill")
    context = {
        "gauge": gauge(connection),
        "is_waiting": not snapshot.epoch,
        "accounts": accounts,
        "positions": of_kind(snapshot, "position"),
        "orders": of_kind(snapshot, "order"),
        "fills": fills[:FILLS_SHOWN],
        "fill_count": len(fills),
        "fills_shown": FILLS_SHOWN,
        "totals": totals(row for _, row in accounts),
    }
    if "upstream" in snapshot.rows:
        context["upstream"] = snapshot.rows["upstream"]
    return render(request, "trading/desk.html", context)


def read(connection_id: int) -> Snapshot:
    """The stream's rows; without Redis an empty snapshot, so that the page still opens and says what it waits for."""
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
        "margin_used": formatter.money(total(accounts, "margin_used")),
    }


def total(accounts: list[Row], field: str) -> Decimal | None:
    try:
        amounts = [Decimal(row[field].replace(",", "")) for row in accounts]
    except InvalidOperation:
        return None
    return sum(amounts, Decimal()) if amounts else None


def _by_name(row: Row) -> tuple[str, int]:
    return row["name"], int(row["id"])


def _by_symbol(row: Row) -> tuple[str, str, int]:
    return row["symbol"], row["account"], int(row["id"])


def _newest_first(row: Row) -> tuple[float, int]:
    try:
        at = datetime.fromisoformat(row["at"]).timestamp()
    except ValueError:
        at = 0.0
    return -at, -int(row["id"])


ORDER: dict[str, Callable[[Row], tuple[object, ...]]] = {
    "account": _by_name,
    "position": _by_symbol,
    "order": _newest_first,
    "fill": _newest_first,
}
