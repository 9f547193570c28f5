"""The page of one order: what was asked for, what became of it and when, and what hangs on it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.models import User
from trading.models import Fill, IntentTransition, OrderIntent, OrderVersion
from trading.orders import replace
from trading.orders.states import decisions
from trading.orders.wish_words import in_words
from trading.sync import intent_rows
from trading.sync import rows as formatter
from trading.views import answers, order_life
from trading.views.order_life import Happened
from trading.views.press import elsewhere

if TYPE_CHECKING:
    from decimal import Decimal

State = OrderIntent.State
# Orders with the terms that they stand on, where those are known.
Stand = Mapping[OrderIntent, OrderVersion | None]


@login_required
@require_safe
def order(request: HttpRequest, intent_id: int) -> HttpResponse:
    """One order of the trader's own, to be read only in a browser that is signed in to another connection of theirs;
    another's does not exist here."""
    own = OrderIntent.objects.filter(connection__user=cast(User, request.user))
    intent = get_object_or_404(own.select_related("account", "connection", "lead"), pk=intent_id)
    legs = list(intent.legs.select_related("account", "connection", "lead").order_by("pk"))
    connection_id, order_id, tick_size = intent.connection_id, intent.order_id_at_broker or 0, _tick_size(intent)
    versions = order_life.versions(connection_id, [one.order_id_at_broker or 0 for one in (intent, *legs)])
    stand = {
        one: order_life.in_force(versions[one.order_id_at_broker or 0], is_rejected=one.state == State.REJECTED)
        for one in (intent, *legs)
    }
    rows = _rows(stand, tick_size)
    fills = Fill.objects.filter(connection=connection_id, order_id_at_broker=order_id)
    mine = versions[order_id]
    asked = order_life.asked(connection_id, order_id)
    context = {
        "intent": intent,
        "drawn": _drawn(rows, stand, asked),
        "row": rows.pop(f"intent:{intent.pk}"),
        "wish": in_words(intent.spec, partial(formatter.price, tick_size=tick_size)),
        "now": order_life.now(mine, stand[intent], tick_size),
        "steps": order_life.timeline([*_steps(intent), *order_life.changes(asked, mine, tick_size)]),
        "legs": rows.items(),
        "fills": fills.filter(active=True).order_by("at", "pk"),
        "may_replace": replace.offered(intent),
        "elsewhere": elsewhere(request, intent.connection),
        "key": answers.new_key(),
    }
    return render(request, "trading/order.html", context)


def _drawn(rows: Mapping[str, formatter.Row], stand: Stand, asked: list[OrderIntent]) -> str:
    """What the page is drawn with, by the keys of rows, for order_page.js: `version` and `decisions` of intents, and
    the terms of orders with their `version_id`: an exit's may change with its entry and keep that."""
    drawn: dict[str, list[int | str] | str] = {
        f"intent:{intent.pk}": [intent.version, decisions(intent)] for intent in (*stand, *asked)
    }
    for intent, version in stand.items():
        if intent.order_id_at_broker:
            row = rows[f"intent:{intent.pk}"]
            terms = (str(version.tradovate_id), row["qty"], row["price"], row["stop"]) if version else ()
            drawn[f"order:{intent.order_id_at_broker}"] = " ".join(terms)
    return json.dumps(drawn)


def _tick_size(intent: OrderIntent) -> Decimal | None:
    return intent_rows.tick_sizes([intent]).get((intent.connection.environment, intent.symbol))


def _rows(stand: Stand, tick_size: Decimal | None) -> dict[str, formatter.Row]:
    """The rows by key, with the terms of now; of an exit that Tradovate holds back they say so."""
    intents = list(stand)
    rows = intent_rows.rows_of(intents)
    for intent, version in stand.items():
        if version:
            rows[f"intent:{intent.pk}"] |= {
                "qty": str(version.order_qty),
                "type": version.order_type,
                "price": formatter.price(version.price, tick_size),
                "stop": formatter.price(version.stop_price, tick_size),
            }
    for intent in _suspended(intents):
        waits = f"suspended until {cast(OrderIntent, intent.lead).described} fills"
        rows[f"intent:{intent.pk}"] |= {"status": waits, "words": f"{intent.described}: {waits}."}
    return rows


def _suspended(intents: list[OrderIntent]) -> list[OrderIntent]:
    """Which of these wait at Tradovate for the fill of the entry that they hang on; `lead` is selected with them."""
    hanging = [
        one
        for one in intents
        if one.state == State.WORKING and one.lead and one.lead.state != State.FILLED and one.lead.spec.get("triggers")
    ]
    went_on = IntentTransition.objects.filter(intent__in=hanging, step=IntentTransition.Step.EXCHANGE)
    gone = set(went_on.values_list("intent", flat=True))
    return [one for one in hanging if one.pk not in gone]


def _steps(intent: OrderIntent) -> Iterator[Happened]:
    for row in intent.transitions.order_by("at", "pk"):
        name = row.get_step_display() if row.step else row.get_to_state_display()
        yield Happened(str(name), row.at, row.detail)
