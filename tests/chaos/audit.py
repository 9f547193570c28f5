"""The portal's intents beside the broker's ledger: every order once, none lost, all that is said of them true."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from trading.models import Fill, IntentTransition, OrderIntent
from trading.orders.states import State

AT_THE_BROKER = frozenset({State.ACCEPTED, State.WORKING, State.FILLED, State.EXPIRED})


def disagreements(truth: dict[str, Any]) -> dict[str, list[str]]:
    """Where intents and ledger differ, by kind; all lists are empty when they agree."""
    entities = truth["entities"]
    placed = [command for command in entities.get("command", []) if (command.get("clOrdId") or "").startswith("tp-")]
    placed = [command for command in placed if command["commandType"] == "New"]
    times = Counter(command["clOrdId"] for command in placed)
    order_of = {command["clOrdId"]: command["orderId"] for command in placed}
    status_of = {order["id"]: order["ordStatus"] for order in entities.get("order", [])}
    filled_of: Counter[int] = Counter()
    for fill in entities.get("fill", []):
        filled_of[fill["orderId"]] += fill["qty"]
    intents = {intent.cl_ord_id: intent for intent in OrderIntent.objects.all()}
    found: dict[str, list[str]] = {
        "sent twice": [one for one, count in times.items() if count > 1],
        "unknown to the portal": [one for one in times if one not in intents],
        "never answered": [],
        "said to be at the broker and is not": [],
        "at the broker and not said to be": [],
        "another order's id": [],
        "filled otherwise": [],
    }
    for cl_ord_id, intent in intents.items():
        order_id = order_of.get(cl_ord_id)
        about = f"{intent} (intent {intent.pk}, order {order_id}, {status_of.get(order_id)})"
        if intent.state in (State.CREATED, State.SUBMITTING, State.UNKNOWN):
            found["never answered"].append(about)
        if order_id is None:
            if State(intent.state) in AT_THE_BROKER:
                found["said to be at the broker and is not"].append(about)
            continue
        if intent.state in (State.ABSENT, State.CANCELLED):
            found["at the broker and not said to be"].append(about)
        if intent.order_id_at_broker != order_id:
            found["another order's id"].append(about)
        if intent.filled_qty != filled_of[order_id]:
            found["filled otherwise"].append(f"{about}: {intent.filled_qty} and {filled_of[order_id]}")
    ours = set(Fill.objects.filter(order_id_at_broker__in=order_of.values()).values_list("tradovate_id", flat=True))
    theirs = {fill["id"] for fill in entities.get("fill", []) if fill["orderId"] in set(order_of.values())}
    found["fills that the journal lacks"] = [str(number) for number in sorted(theirs - ours)]
    return found


def longest_doubt(faults_ended: datetime) -> timedelta:
    """How long an order stayed unknown at most, counted from the end of the faults when it began before."""
    longest = timedelta(0)
    for step in IntentTransition.objects.filter(from_state=State.UNKNOWN):
        began = IntentTransition.objects.filter(intent=step.intent, to_state=State.UNKNOWN, pk__lt=step.pk).latest("pk")
        longest = max(longest, step.at - max(began.at, faults_ended))
    return longest
