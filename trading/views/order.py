"""The page of one order: what was asked for, what became of it and when, and what hangs on it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.models import User
from trading.models import Fill, IntentTransition, OrderIntent
from trading.orders import replace
from trading.orders.wish_words import in_words
from trading.sync import intent_rows
from trading.sync import rows as formatter
from trading.views import answers

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable
    from decimal import Decimal


@dataclass(frozen=True)
class Step:
    """One step of an order's life: what happened, when, and how long after the step before."""

    name: str
    at: dt.datetime
    iso: str
    after: str
    detail: str


@login_required
@require_safe
def order(request: HttpRequest, intent_id: int) -> HttpResponse:
    """One order of the trader's own; another's does not exist here."""
    own = OrderIntent.objects.filter(connection__user=cast(User, request.user))
    intent = get_object_or_404(own.select_related("account", "connection", "lead"), pk=intent_id)
    legs = list(intent.legs.select_related("account", "connection", "lead").order_by("pk"))
    rows = _rows([intent, *legs])
    row = rows.pop(f"intent:{intent.pk}")
    fills = Fill.objects.filter(connection=intent.connection_id, order_id_at_broker=intent.order_id_at_broker or 0)
    context = {
        "intent": intent,
        "row": row,
        "wish": in_words(intent.spec, partial(formatter.price, tick_size=_tick_size(intent))),
        "steps": steps(intent),
        "legs": rows.items(),
        "fills": fills.filter(active=True).order_by("at", "pk"),
        "may_replace": replace.offered(intent),
        "key": answers.new_key(),
    }
    return render(request, "trading/order.html", context)


def _tick_size(intent: OrderIntent) -> Decimal | None:
    return intent_rows.tick_sizes([intent]).get((intent.connection.environment, intent.symbol))


def _rows(intents: list[OrderIntent]) -> dict[str, formatter.Row]:
    """The rows by key; of an exit that Tradovate holds back they say so."""
    rows = intent_rows.rows_of(intents)
    for intent in _suspended(intents):
        waits = f"suspended until {cast(OrderIntent, intent.lead).described} fills"
        rows[f"intent:{intent.pk}"] |= {"status": waits, "words": f"{intent.described}: {waits}."}
    return rows


def _suspended(intents: list[OrderIntent]) -> list[OrderIntent]:
    """Which of these wait at Tradovate for the fill of the entry that they hang on; `lead` is selected with them."""
    state = OrderIntent.State
    hanging = [
        one
        for one in intents
        if one.state == state.WORKING and one.lead and one.lead.state != state.FILLED and one.lead.spec.get("triggers")
    ]
    went_on = IntentTransition.objects.filter(intent__in=hanging, step=IntentTransition.Step.EXCHANGE)
    gone = set(went_on.values_list("intent", flat=True))
    return [one for one in hanging if one.pk not in gone]


def steps(intent: OrderIntent) -> list[Step]:
    """The timeline, by the time of each step."""
    rows = sorted(intent.transitions.all(), key=lambda row: (row.at, row.pk))
    return timeline((_name(row), row.at, row.detail) for row in rows)


def timeline(happened: Iterable[tuple[str, dt.datetime, str]]) -> list[Step]:
    """The steps of what happened, given in order as name, time and detail."""
    found = []
    before: dt.datetime | None = None
    for name, at, detail in happened:
        found.append(Step(name, at, formatter.moment(at), _after(before, at), detail))
        before = at
    return found


def _name(row: IntentTransition) -> str:
    if row.step:
        return str(row.get_step_display())
    return str(row.get_to_state_display())


def _after(before: dt.datetime | None, at: dt.datetime) -> str:
    if before is None:
        return ""
    milliseconds = (at - before).total_seconds() * 1000
    if milliseconds < 10_000:
        return f"+{milliseconds:,.1f} ms" if milliseconds < 100 else f"+{milliseconds:,.0f} ms"
    return f"+{milliseconds / 1000:,.0f} s"
