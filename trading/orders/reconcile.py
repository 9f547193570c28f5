"""What became of an order whose answer was lost: Tradovate's own records are looked through for its clOrdId.

    found                the intent is accepted, and gets the order's status, fills and reason
    not there            and the settle time is over: the intent is absent, and its owner decides about sending it again
    Tradovate is away    nothing is known, and the next look comes later
    another trading day  Tradovate serves only the current one: the intent stays unknown, and says where to look

The stream tells the same sooner when the hub is connected; whichever comes first counts.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import timezone

from accounts import renewal
from accounts.budgets import budgets
from accounts.models import Connection
from trading.models import OrderIntent
from trading.orders import intents
from trading.orders.states import State
from trading.tradovate import Tradovate
from trading.tradovate.entities import Command, Fill, Order
from trading.tradovate.errors import TradovateError

logger = logging.getLogger(__name__)

# How long after a lost answer Tradovate may still write an order down: "not there" counts only after it.
SETTLE: Final = dt.timedelta(seconds=5)
# Looks at the same intent are this far apart at least, and further the longer it has been unknown.
SOONEST: Final = dt.timedelta(seconds=4)
LATEST: Final = dt.timedelta(minutes=5)
# So many orders' commands are asked for at a time when the list of commands does not have the clOrdId.
ORDERS_AT_A_TIME: Final = 50
# By how much the portal's clock may differ from that by which Tradovate changes the day.
DAY_MARGIN: Final = dt.timedelta(minutes=1)

_CHICAGO: Final = ZoneInfo("America/Chicago")
_DAY_ENDS: Final = dt.timedelta(hours=7)  # a trading day ends at 17:00 in Chicago
_NOT_THERE: Final = "Tradovate has no such order: it can be sent again."
_ANOTHER_DAY: Final = (
    "Tradovate shows only the current trading day, and this order was sent before it: look at your statement there."
)


@dataclass(frozen=True)
class Found:
    """An order as Tradovate's records have it: filled contracts, and their average price in points."""

    order_id: int
    status: str
    filled_qty: int = 0
    average_price: Decimal | None = None
    reason: str = ""


def due(now: dt.datetime) -> list[int]:
    """The connections (primary keys) that have an unknown order to be looked for now."""
    waiting = OrderIntent.objects.filter(state=State.UNKNOWN, changed_at__lte=now - SETTLE)
    waiting = waiting.filter(Q(looked_at=None) | Q(looked_at__lte=now - SOONEST))
    rows = waiting.values_list("connection_id", "changed_at", "looked_at")
    return sorted({connection_id for connection_id, since, looked_at in rows if _is_due(since, looked_at, now)})


def _is_due(since: dt.datetime, looked_at: dt.datetime | None, now: dt.datetime) -> bool:
    return looked_at is None or now - looked_at >= min(LATEST, max(SOONEST, (looked_at - since) / 10))


def look(connection_id: int) -> list[int]:
    """Look for all unknown orders of a connection; the ids of the intents that were resolved.

    For threads without a running event loop, outside a transaction. Costs one request, a few for each order that is
    found, and never sends an order. Raises nothing when Tradovate cannot be asked: the next look may.
    """
    started = timezone.now()
    unknown = list(OrderIntent.objects.filter(connection_id=connection_id, state=State.UNKNOWN))
    if not unknown:
        return []
    OrderIntent.objects.filter(pk__in=[intent.pk for intent in unknown]).update(looked_at=started)
    try:
        connection = Connection.objects.get(pk=connection_id)
        token = renewal.access_token(connection_id)
        found = asyncio.run(_search(connection, token, {intent.cl_ord_id for intent in unknown}))
    except (renewal.NoToken, TradovateError) as trouble:
        logger.info("Connection %s: unknown orders cannot be looked for (%s)", connection_id, type(trouble).__name__)
        return []
    return [intent.pk for intent in unknown if _resolve(intent, found.get(intent.cl_ord_id), started)]


class CannotLook(Exception):
    """Tradovate's records could not be read; the text says why, to the trader."""


def find(connection: Connection, waiting: Collection[OrderIntent]) -> list[int]:
    """Look once for intents of the connection that wait to be sent: those that Tradovate has nevertheless are accepted
    and returned.

    A database that came back from a backup does not know what was sent since, and an order may come late. For threads
    without a running event loop, outside a transaction. Raises CannotLook.
    """
    try:
        token = renewal.access_token(connection.pk)
        found = asyncio.run(_search(connection, token, {intent.cl_ord_id for intent in waiting}))
    except (renewal.NoToken, TradovateError) as trouble:
        raise CannotLook(str(trouble)) from trouble
    known = [(intent, found[intent.cl_ord_id]) for intent in waiting if intent.cl_ord_id in found]
    return [intent.pk for intent, one in known if _take(intent, one)]


def _take(intent: OrderIntent, found: Found) -> bool:
    accepted = intents.accept(intent.pk, found.order_id, "found in Tradovate's records")
    intents.observe_order(
        intent.connection_id, found.order_id, found.status, found.filled_qty, found.average_price, found.reason
    )
    return accepted


def _resolve(intent: OrderIntent, found: Found | None, looked: dt.datetime) -> bool:
    if found is not None:
        return _take(intent, found)
    sent_at = intent.transitions.filter(to_state=State.SUBMITTING).latest("id").at
    if _trading_day(sent_at - DAY_MARGIN) != _trading_day(timezone.now() + DAY_MARGIN):
        # Not a transition: nothing has become of the order that is known.
        OrderIntent.objects.filter(pk=intent.pk, state=State.UNKNOWN).update(reason=_ANOTHER_DAY)
        return False
    if looked < intent.changed_at + SETTLE:
        return False
    return intents.transition(
        intent.pk, {State.UNKNOWN}, State.ABSENT, _NOT_THERE, at_version=intent.version, reason=_NOT_THERE
    )


async def _search(connection: Connection, token: str, wanted: Collection[str]) -> dict[str, Found]:
    """clOrdId -> its order, for those of `wanted` that Tradovate has. Raises TradovateError."""
    async with (
        budgets(connection.environment, connection.tradovate_user_id, urgent=True) as own,
        Tradovate(connection.hosts, token, budgets=own) as client,
    ):
        commands = await client.command.list()
        placed = _placed(commands, wanted)
        if len(placed) < len(wanted):
            # A list that is cut short must not pass for "not there".
            known = {command.order_id for command in commands if command.command_type == "New"}
            strangers = sorted(order.id for order in await client.order.list() if order.id not in known)
            for start in range(0, len(strangers), ORDERS_AT_A_TIME):
                some = strangers[start : start + ORDERS_AT_A_TIME]
                placed |= _placed(await client.command.ldeps(some), wanted)
        return {cl_ord_id: await _describe(client, command) for cl_ord_id, command in placed.items()}


def _placed(commands: Collection[Command], wanted: Collection[str]) -> dict[str, Command]:
    """The commands that placed an order, by clOrdId: a modify or cancel may carry another one."""
    return {
        command.cl_ord_id: command
        for command in commands
        if command.cl_ord_id is not None and command.cl_ord_id in wanted and command.command_type == "New"
    }


async def _describe(client: Tradovate, command: Command) -> Found:
    order: Order = await client.order.item(command.order_id)
    fills: list[Fill] = [fill for fill in await client.fill.deps(order.id) if fill.active]
    filled = sum(fill.qty for fill in fills)
    average = sum((fill.qty * fill.price for fill in fills), Decimal()) / filled if filled else None
    reason = ""
    if order.ord_status == "Rejected":
        reports = await client.command_report.deps(command.id)
        reason = next((report.text or report.reject_reason or "" for report in reports if report.reject_reason), "")
    return Found(
        order_id=order.id,
        status=order.ord_status,
        filled_qty=filled,
        average_price=None if average is None else average.quantize(intents.AVERAGE_PLACES),
        reason=reason,
    )


def _trading_day(moment: dt.datetime) -> dt.date:
    return (moment.astimezone(_CHICAGO) + _DAY_ENDS).date()
